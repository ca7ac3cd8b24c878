"""What holds for every data set: what cannot count changes nothing, and where the rules promise it more is never less."""

import json
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.mastery import evaluate
from ledger.mastery.dataset import parse_dataset
from tests.ledger.mastery.sample import Files, edit_json, edit_rows, read_rows, result_rows, results
from tests.ledger.mastery.worlds import MICROS, TYPES, T, worlds

EXAMPLES = settings(max_examples=40)
RANK = {"UNMET": 0, "PENDING": 1, "MET": 2, "WAIVED": 2, "NOT_YET": 0, "MASTERED": 2}
RANK |= {"NOT_AWARDED": 0, "AWARDED": 2}


def add(files: Files, name: str, **cells: str) -> Files:
    return edit_rows(files, name, lambda rows: rows.append({key: "" for key in rows[0]} | cells))


def has_rows(files: Files, name: str) -> bool:
    return bool(read_rows(files[name]))


def ranks(files: Files, kind: str) -> dict[tuple[str, str], int]:
    return {(r["learner_id"], r["target"]): RANK[r["outcome"]] for r in result_rows(files) if r["kind"] == kind}


@given(worlds(), st.randoms(use_true_random=False))
@EXAMPLES
def test_order_of_rows_does_not_matter(files: Files, draw: object) -> None:
    """Any order of rows in any table but the roster gives the same bytes."""
    shuffled = files
    for name in files:
        if name.endswith(".csv") and name != "roster.csv" and has_rows(files, name):
            shuffled = edit_rows(shuffled, name, draw.shuffle)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert results(shuffled) == results(files)


@given(worlds())
@EXAMPLES
def test_evaluation_is_idempotent(files: Files) -> None:
    """Evaluating again, over the same data set or a fresh reading of it, changes nothing."""
    dataset = parse_dataset(files)
    first = evaluate.encode_results(evaluate.evaluate_all(dataset))
    assert first == evaluate.encode_results(evaluate.evaluate_all(dataset)) == results(files)


@given(
    worlds(), st.sampled_from(MICROS), st.sampled_from(TYPES), st.sampled_from(["practice", "future", "own", "void"])
)
@EXAMPLES
def test_what_cannot_count_changes_no_outcome(files: Files, item: str, kind: str, why: str) -> None:
    """A practice row, one from tomorrow, one judged by the learner and a void one leave every outcome as it was."""
    if not has_rows(files, "evidence.csv"):
        return
    tomorrow = "2026-03-02"
    more = add(
        files, "evidence.csv", evidence_id="EV-X", seq="99999", learner_id="L1", item_code=item, source_type=kind,
        purpose="practice" if why == "practice" else "judging", scale="S", value="1", observed_on=str(T),
        recorded_on=tomorrow if why == "future" else str(T), assessor_id="L1" if why == "own" else "p1",
    )  # fmt: skip
    if why == "void":
        event = f"SE-X,evidence,EV-X,void,,{T}\n".encode()
        more = {**more, "status_events.csv": more["status_events.csv"] + event}
    before = {(r["learner_id"], r["kind"], r["target"], r["rule_or_op"]): r for r in result_rows(files)}
    after = {(r["learner_id"], r["kind"], r["target"], r["rule_or_op"]): r for r in result_rows(more)}
    assert {key: after[key] for key in before} == before
    assert {r["reason_code"] for key, r in after.items() if key not in before} <= {
        "NO_EVIDENCE", "MISSING_CHILD", "TOO_FEW_CHILDREN", "MISSING_SOURCE", "TOO_FEW_SOURCES", "TOO_FEW_ASSESSORS",
        "BELOW_THRESHOLD", "BELOW_FLOOR", "MASTERED", "NO_SIGNOFF", "STALE_SIGNOFF", "SIGNOFF_DECLINED",
    }  # fmt: skip


@given(worlds())
@EXAMPLES
def test_more_credentials_and_experiences_are_never_less(files: Files) -> None:
    """Holding one more credential, or one more confirmed experience, lowers no requirement."""
    if not has_rows(files, "credentials.csv") or not has_rows(files, "experiences.csv"):
        return
    more = add(files, "credentials.csv", credential_id="CR-X", learner_id="L1", achievement_code="C1",
        issuer_id="ORG-1", issued_on=str(T))  # fmt: skip
    more = add(more, "experiences.csv", experience_id="EX-X", learner_id="L1", type="work", ended_on=str(T),
        hours="20", verified_by="p2")  # fmt: skip
    before, after = ranks(files, "requirement"), ranks(more, "requirement")
    # Waivers go to the first that need them: with more met, another requirement may be waived, never fewer in all.
    waived = any(r["outcome"] == "WAIVED" for r in result_rows(files))
    assert waived or all(after[key] >= before[key] for key in before)
    diplomas = ranks(files, "diploma"), ranks(more, "diploma")
    assert all(diplomas[1][key] >= diplomas[0][key] for key in diplomas[0])


@given(worlds())
@EXAMPLES
def test_a_higher_threshold_masters_no_more(files: Files) -> None:
    """Asking for more never makes an item or award mastered that was not."""

    def raise_all(value: object) -> None:
        for rule in value["rules"]:  # type: ignore[index]  # the document of the test itself
            if rule["kind"] == "direct":
                rule["threshold"] = "3.5"

    higher = edit_json(files, "rules.json", raise_all)
    for kind in ("item", "award"):
        before, after = ranks(files, kind), ranks(higher, kind)
        assert all(after[key] <= before[key] for key in before)


@given(worlds())
@EXAMPLES
def test_a_shown_value_never_looks_higher_than_it_is(files: Files) -> None:
    """Shown values are at most the exact ones, and no value that looks reached is below its threshold."""
    dataset = parse_dataset(files)
    for one in evaluate.evaluate_all(dataset):
        rows = {(row[1], row[2], row[3]): row for row in one.rows()}
        for kind, judged in (("item", one.items), ("award", one.awards)):
            for judgment in judged:
                shown = rows[kind, judgment.code, judgment.rule][5]
                if judgment.value is None:
                    assert shown == ""
                else:
                    assert 0 <= judgment.value - Fraction(shown) < Fraction(1, 100)


@given(worlds(), st.integers(0, 2))
@EXAMPLES
def test_waivers_are_limited(files: Files, limit: int) -> None:
    """No learner gets more waivers than the definition allows, and none for a requirement that is not waivable."""
    files = edit_json(files, "diploma.json", lambda value: value.update(maxWaivers=limit))
    waivable = {r["id"] for r in json.loads(files["diploma.json"])["requirements"] if r["waivable"]}
    waived = [(r["learner_id"], r["target"]) for r in result_rows(files) if r["outcome"] == "WAIVED"]
    assert all(target in waivable for _, target in waived)
    learners = [learner for learner, _ in waived]
    assert all(learners.count(learner) <= limit for learner in learners)
