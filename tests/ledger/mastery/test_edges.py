"""Each rule of the README at its edge: one change to the sample data, one row that must come out so.

A single planted fault (a limit off by a day, independence ignored, a practice row counted) turns one of these.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ledger.mastery.sample import Files, edit_json, edit_rows, find, sample_files

Change = Callable[[Files], Files]


def row(name: str, key: str, **cells: str) -> Change:
    """Change cells of the row whose first column is `key`."""

    def change(rows: list[dict[str, str]]) -> None:
        (found,) = [r for r in rows if next(iter(r.values())) == key]
        found.update(cells)

    return lambda files: edit_rows(files, name, change)


def add(name: str, **cells: str) -> Change:
    """Add a row; cells that are not named stay empty."""
    return lambda files: edit_rows(files, name, lambda rows: rows.append({key: "" for key in rows[0]} | cells))


def without(name: str, key: str) -> Change:
    """Leave out the row whose first column is `key`."""
    return lambda files: edit_rows(
        files, name, lambda rows: rows.remove(next(r for r in rows if next(iter(r.values())) == key))
    )


def void(kind: str, target: str, on: str = "2026-06-15") -> Change:
    return add("status_events.csv", event_id="SE-X", target_kind=kind, target_id=target, event="void", effective_on=on)


def supersede(target: str, by: str, event_id: str = "SE-Y", on: str = "2026-06-01") -> Change:
    return add(
        "status_events.csv", event_id=event_id, target_kind="evidence", target_id=target, event="supersede",
        by_ref=by, effective_on=on,
    )  # fmt: skip


def rule(name: str, change: Callable[[Any], object]) -> Change:
    return lambda files: edit_json(
        files, "rules.json", lambda value: change(next(r for r in value["rules"] if r["id"] == name))
    )


def crosswalk(**members: object) -> Change:
    return lambda files: edit_json(files, "crosswalks.json", lambda value: value["crosswalks"][0].update(members))


def piece(number: str, on: str, value: str, **cells: str) -> Change:
    """One more piece of evidence for L07's writing, MM.2.a."""
    return add(
        "evidence.csv",
        **{
            "evidence_id": f"EV-{number}", "seq": number, "learner_id": "L07", "item_code": "MM.2.a",
            "source_type": "class_task", "purpose": "judging", "scale": "PL4", "value": value, "observed_on": on,
            "recorded_on": on, "assessor_id": "T-01", **cells,
        },
    )  # fmt: skip


BASE = ("L07", "MM.2.a", "3.00 >= 3.00 from 3 item(s)")
LATER = "2026-06-01"
CASES: dict[str, tuple[list[Change], str, str, str]] = {
    "as it is": ([], *BASE),
    "a practice row is not counted": ([piece("9001", LATER, "1", purpose="practice")], *BASE),
    "a judging row is": ([piece("9001", LATER, "4")], "L07", "MM.2.a", "3.33 >= 3.00 from 3 item(s)"),
    "seen tomorrow": ([piece("9001", "2026-06-16", "1")], *BASE),
    "seen tomorrow, written down today": ([piece("9001", "2026-06-16", "1", recorded_on="2026-06-15")], *BASE),
    "seen today": ([piece("9001", "2026-06-15", "4")], "L07", "MM.2.a", "3.33 >= 3.00"),
    "written down tomorrow": ([piece("9001", LATER, "1", recorded_on="2026-06-16")], *BASE),
    "void": ([piece("9001", LATER, "1"), void("evidence", "EV-9001")], *BASE),
    "void from tomorrow": ([piece("9001", LATER, "1"), void("evidence", "EV-9001", "2026-06-16")],
        "L07", "MM.2.a", "2.33 < 3.00"),
    "superseded by what is there": ([piece("9001", LATER, "1"), piece("9002", LATER, "4"),
        supersede("EV-9001", "EV-9002")], "L07", "MM.2.a", "3.33 >= 3.00"),
    "superseded by nothing": ([piece("9001", LATER, "1"), supersede("EV-9001", "EV-none")],
        "L07", "MM.2.a", "2.33 < 3.00"),
    "superseded by what is not written down yet": ([piece("9001", LATER, "1"),
        piece("9002", LATER, "4", recorded_on="2026-06-16"), supersede("EV-9001", "EV-9002")],
        "L07", "MM.2.a", "2.33 < 3.00"),
    "superseded by what is void": ([piece("9001", LATER, "1"), piece("9002", LATER, "4"),
        supersede("EV-9001", "EV-9002"), void("evidence", "EV-9002")], "L07", "MM.2.a", "2.33 < 3.00"),
    "only the end of a chain counts": ([piece("9001", LATER, "1"), piece("9002", LATER, "1"),
        piece("9003", LATER, "4"), supersede("EV-9001", "EV-9002"), supersede("EV-9002", "EV-9003", "SE-Z")],
        "L07", "MM.2.a", "3.33 >= 3.00"),
    "on one day the higher number is later": ([piece("9002", "2026-06-15", "4"), piece("9001", "2026-06-15", "1"),
        rule("GH-IND", lambda r: r["sources"][0].update(aggregate={"method": "most_recent"}))],
        "L07", "MM.2.a", "4.00 >= 3.00 from 1 item(s)"),
    "on one day the later number counts, be its value lower": ([piece("9001", "2026-06-15", "4"),
        piece("9002", "2026-06-15", "3"), rule("GH-IND", lambda r: r["sources"][0].update(
            aggregate={"method": "most_recent"}))], "L07", "MM.2.a", "3.00 >= 3.00 from 1 item(s)"),
    "numbers are ordered as numbers": ([piece("10000", "2026-06-15", "4"), piece("9001", "2026-06-15", "1"),
        rule("GH-IND", lambda r: r["sources"][0].update(aggregate={"method": "most_recent"}))],
        "L07", "MM.2.a", "4.00 >= 3.00 from 1 item(s)"),
    "a mean of all": ([rule("GH-IND", lambda r: r["sources"][0].update(aggregate={"method": "mean"}))],
        "L07", "MM.2.a", "2.20 < 3.00"),
    "the best": ([rule("GH-IND", lambda r: r["sources"][0].update(aggregate={"method": "best"}))],
        "L07", "MM.2.a", "3.00 >= 3.00 from 1 item(s)"),
    "as old as the rule allows": ([piece("9001", "2022-06-15", "1"), rule("GH-IND", lambda r: r["sources"][0].update(
        aggregate={"method": "trailing_mean", "n": 9}))], "L07", "MM.2.a", "2.00 < 3.00"),
    "a day older": ([piece("9001", "2022-06-14", "1"), rule("GH-IND", lambda r: r["sources"][0].update(
        aggregate={"method": "trailing_mean", "n": 9}))], "L07", "MM.2.a", "2.20 < 3.00"),
    "judged by the learner": ([add("assessors.csv", assessor_id="L07", kind="human", external="no"),
        piece("9001", LATER, "1", assessor_id="L07")], *BASE),
    "judged by somebody unknown": ([piece("9001", LATER, "1", assessor_id="T-99")], *BASE),
    "judged on the assessor's last day": ([piece("9001", LATER, "4"), row("assessors.csv", "T-01", active_until=LATER)],
        "L07", "MM.2.a", "3.33 >= 3.00"),
    "judged the day after": ([piece("9001", LATER, "4"), row("assessors.csv", "T-01", active_until="2026-05-31")], *BASE),
    "a percentage": ([piece("9001", LATER, "90", scale="PCT")], "L07", "MM.2.a", "3.33 >= 3.00"),
    "a percentage just below a cut": ([piece("9001", LATER, "89.99", scale="PCT")], *BASE),
    "a value its table does not list": ([piece("9001", LATER, "X", scale="PF")], *BASE),
    "a scale that does not convert": ([piece("9001", LATER, "5", scale="LV5")], *BASE),
    "two decimals are cut, not rounded": ([], "L07", "MM.2.c", "2.66 < 3.00"),
    "the exact value is compared": ([rule("GH-IND", lambda r: r.update(threshold="2.667"))],
        "L07", "MM.2.c", "2.66 < 2.667"),
    "calibrated on the last day": ([row("assessors.csv", "P-03", calibrated_until="2026-05-04")],
        "L24", "MM.2", "MM.2 mastered"),
    "a day too late": ([row("assessors.csv", "P-03", calibrated_until="2026-05-03")],
        "L24", "MM.2", "panel has 0 of 1 item(s)"),
    "never calibrated": ([row("assessors.csv", "P-03", calibrated_from="", calibrated_until="2027-01-01")],
        "L24", "MM.2", "panel has 0 of 1 item(s)"),
    "absent optional sources drop out": ([], "L22", "MM.2", "3.00 >= 3.00 from 3 item(s) in 2 source(s)"),
    "a floor is named before the threshold": ([], "L20", "QD.2/A", "exhibition 2.00 < floor 3.00"),
    "the floor itself is no break": ([rule("LN-A", lambda r: r["sources"][1].update(floor="2.00"))],
        "L20", "QD.2/A", "3.20 < 3.50"),
    "weights are relative": ([rule("LN-A", lambda r: [r["sources"][n].update(weight=w) for n, w in ((0, 6), (1, 4))])],
        "L12", "MM.1/A", "3.60 >= 3.50"),
    "people are counted, not machines": ([rule("CF-QUIZ", lambda r: r.update(minAssessors=1))],
        "L21", "QD.1.a", "0 of 1 human assessor(s)"),
    "people are counted once": ([], "L16", "SD.2/F", "1 of 2 human assessor(s)"),
    "too few sources": ([rule("LN-F", lambda r: r.update(minSources=2))], "L20", "SD.2/F", "1 of 2 source(s)"),
    "a sign-off of the same day is fresh": ([row("evidence.csv", "EV-0418", observed_on="2026-05-19")],
        "L19", "SD.2/F", "SD.2/F mastered"),
    "a day older is stale": ([row("evidence.csv", "EV-0418", observed_on="2026-05-20")],
        "L19", "SD.2/F", "sign-off of 2026-05-19 is older than evidence of 2026-05-20"),
    "the signer judged a counted row": ([row("evidence.csv", "EV-0418", assessor_id="S-03")],
        "L19", "SD.2/F", "sign-off by credit_committee missing"),
    "and may where independence is not asked for": ([row("evidence.csv", "EV-0418", assessor_id="S-03"),
        rule("LN-F", lambda r: r["signOff"].update(independent=False))], "L19", "SD.2/F", "SD.2/F mastered"),
    "a void sign-off is none": ([void("signoff", "SO-002")], "L11", "IS.1/F", "sign-off by credit_committee missing"),
    "signed tomorrow": ([row("signoffs.csv", "SO-002", signed_on="2026-06-16")], "L11", "IS.1/F", "missing"),
    "signed without the role": ([row("assessors.csv", "S-03", roles="reviewer")], "L11", "IS.1/F", "missing"),
    "one of several roles is enough": ([row("assessors.csv", "S-03", roles="x;credit_committee")],
        "L11", "IS.1/F", "IS.1/F mastered"),
    "the latest sign-off counts": ([add("signoffs.csv", signoff_id="SO-X", seq="999", learner_id="L11",
        subject="IS.1/F", signer_id="S-03", decision="decline", signed_on="2026-05-19")],
        "L11", "IS.1/F", "sign-off declined by S-03 on 2026-05-19"),
    "no evidence at all": ([without("evidence.csv", "EV-0024"), without("evidence.csv", "EV-0049"),
        row("evidence.csv", "EV-0364", purpose="practice")], "L19", "MM.1/F", "no admissible evidence"),
    "the compulsory child": ([], "L04", "IS.2", "required indicator IS.2.c not mastered"),
    "too few children": ([], "L03", "QD.1", "2 of 3 needed indicators (QD.1.a, QD.1.b)"),
    "a rollup takes values below the threshold": ([row("evidence.csv", "EV-0152", value="50")],
        "L26", "QD.1", "QD.1 mastered: 3.17 >= 3.00"),
    "a rollup needs enough children": ([], "L30", "QD.1", "rollup has 2 of 3 item(s)"),
    "a transfer of the last allowed day": ([crosswalk(maxAgeDays=368)], "L29", "IS.1", "by transfer"),
    "a day older does not match": ([crosswalk(maxAgeDays=367)], "L29", "IS.1", "not yet"),
    "an agreement on its last day": ([crosswalk(validUntil="2026-06-15")], "L29", "IS.1", "by transfer"),
    "withdrawn the day before": ([crosswalk(validUntil="2026-06-14")], "L29", "IS.1", "not yet"),
    "below the least level": ([crosswalk(minLevel="5")], "L29", "IS.1", "not yet"),
    "an issuer nobody trusts": ([crosswalk(trustedIssuers=[])], "L29", "IS.1", "not yet"),
    "a level the map leaves out": ([crosswalk(levelMap={"5": "4"})], "L29", "IS.1", "not yet"),
    "a void transfer": ([void("transfer", "TR-001")], "L29", "IS.1", "not yet"),
    "of two items the weaker counts": ([crosswalk(fromItems=["TW-SCI-2", "TW-9"], minLevel="3"),
        add("transfers.csv", transfer_id="TR-2", learner_id="L29", from_framework="tidewater", from_item="TW-9",
            scale="LV5", level="3", issuer_id="ORG-TIDEWATER", issued_on="2026-01-01")],
        "L29", "IS.1", "by transfer: TW-SCI-2+TW-9 level 2.00 via XW-1"),
    "one of two items is not enough": ([crosswalk(fromItems=["TW-SCI-2", "TW-9"])], "L29", "IS.1", "not yet"),
    "crosswalks never chain": ([crosswalk(fromFramework="stonepath", fromItems=["IS.2"])], "L29", "R1", "3 of 4 mastered"),
    "a credential of another framework": ([crosswalk(fromFramework="elsewhere")], "L29", "R1", "3 of 4 mastered"),
    "an agreement about another framework": ([crosswalk(toFramework="elsewhere")], "L29", "R1", "3 of 4 mastered"),
    "a grant is not local": ([lambda f: edit_json(f, "requirements/confluence.json",
        lambda d: d["requirements"][4]["test"].update(atLeast=4))], "L29", "R5", "R5 unmet: 3 of 4 judged locally"),
    "hours are summed": ([], "L02", "R6", "work_based_learning 60 h of 60 h"),
    "half hours are shown": ([row("experiences.csv", "EX-002", hours="60.5")], "L02", "R6", "60.5 h of 60 h"),
    "an experience that ends tomorrow": ([row("experiences.csv", "EX-002", ended_on="2026-06-16")],
        "L02", "R6", "R6 unmet"),
    "an experience nobody else confirmed": ([row("experiences.csv", "EX-002", verified_by="L02")],
        "L02", "R6", "R6 unmet"),
    "a void experience": ([void("experience", "EX-002")], "L02", "R6", "R6 unmet"),
    "a credential that ends today": ([row("credentials.csv", "CR-001", valid_until="2026-06-15")],
        "L21", "R6", "1 of 1 credentials (STATE-CIVICS)"),
    "a credential that ended yesterday": ([row("credentials.csv", "CR-001", valid_until="2026-06-14")],
        "L21", "R6", "0 of 1 credentials (none)"),
    "a credential held twice is one": ([add("credentials.csv", credential_id="CR-X", learner_id="L25",
        achievement_code="MC-PROTO", issuer_id="ORG-CONFLUENCE", issued_on="2026-01-01")], "L25", "R2", "2 of 3"),
    "a credential of another issuer": ([row("credentials.csv", "CR-001", issuer_id="ORG-X")], "L21", "R6", "0 of 1"),
    "a waiver on its last day": ([row("waivers.csv", "WV-001", expires_on="2026-06-15")], "L10", "R6", "waived: WV-001"),
    "a waiver granted tomorrow": ([row("waivers.csv", "WV-001", granted_on="2026-06-16")], "L10", "R6", "R6 unmet"),
    "a void waiver": ([void("waiver", "WV-001")], "L10", "R6", "R6 unmet"),
    "what is pending may be waived": ([lambda f: edit_json(f, "requirements/granite-hollow.json",
        lambda d: d["requirements"][4].update(waivable=True)), row("waivers.csv", "WV-001", learner_id="L08",
        requirement_id="R5")], "L08", "R5", "R5 waived: WV-001"),
    "the learner's own word for an experience": ([add("assessors.csv", assessor_id="L02", kind="human", external="no"),
        row("experiences.csv", "EX-002", verified_by="L02")], "L02", "R6", "R6 unmet"),
    "what is shown is not what is compared": ([rule("GH-IND", lambda r: r.update(threshold="2.665"))],
        "L07", "MM.2.c", "MM.2.c mastered: 2.66 >= 2.665"),
    "of two best the later one counts": ([rule("GH-IND", lambda r: r["sources"][0].update(aggregate={"method": "best"}) or
        r.update(signOff={"roles": ["advisor"], "independent": False})), add("signoffs.csv", signoff_id="SO-X", seq="999",
        learner_id="L07", subject="MM.2.a", signer_id="S-02", decision="approve", signed_on="2024-12-01")],
        "L07", "MM.2.a", "sign-off of 2024-12-01 is older than evidence of 2026-04-21"),
    "an expired waiver": ([row("waivers.csv", "WV-001", expires_on="2026-06-14")], "L10", "R6", "R6 unmet"),
    "a waiver by the wrong role": ([row("waivers.csv", "WV-001", authority_role="advisor", granted_by="S-02")],
        "L10", "R6", "R6 unmet"),
    "a waiver by somebody without the role": ([row("waivers.csv", "WV-001", granted_by="S-02")],
        "L10", "R6", "R6 unmet"),
    "no waiver left": ([lambda f: edit_json(f, "requirements/granite-hollow.json", lambda d: d.update(maxWaivers=0))],
        "L10", "R6", "R6 unmet"),
    "not waivable": ([lambda f: edit_json(f, "requirements/granite-hollow.json",
        lambda d: d["requirements"][5].update(waivable=False))], "L10", "R6", "R6 unmet"),
    "the latest waiver is named": ([add("waivers.csv", waiver_id="WV-000", learner_id="L10",
        diploma_id="granite-hollow", requirement_id="R6", granted_by="W-01", authority_role="superintendent",
        granted_on="2026-05-19")], "L10", "R6", "waived: WV-000 by W-01 on 2026-05-19"),
    "declines beyond the limit": ([], "L28", "R4", "R4 unmet: CAPSTONE 1 of 2 approvals, 0 of 1 external, 2 declined"),
    "an approval withdrawn by a later decline": ([add("signoffs.csv", signoff_id="SO-X", seq="999", learner_id="L21",
        subject="CAPSTONE", signer_id="C-01", decision="decline", signed_on="2026-06-01")],
        "L21", "R4", "R4 pending: CAPSTONE 1 of 2 approvals, 1 of 1 external, 1 declined"),
    "pending credits would be enough": ([], "L19", "R2", "R2 pending: awaiting IS.1/F"),
    "pending is not failing": ([], "L05", "granite-hollow", "Pending: R1."),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_edges(name: str) -> None:
    """One change, one row."""
    changes, learner, target, words = CASES[name]
    files = sample_files()
    for change in changes:
        files = change(files)
    assert words in find(files, learner, target)["reason_text"]


def test_a_grant_makes_no_award_and_feeds_no_rollup() -> None:
    """Transfers count for item codes only: as a child of a composite rule, not in a rollup, not as a credit."""
    files = crosswalk(toItem="QD.1.c")(sample_files())
    for learner in ("L30", "L03"):
        files = add(
            "transfers.csv", transfer_id=f"TR-{learner}", learner_id=learner, issuer_id="ORG-TIDEWATER",
            issued_on="2026-01-01", from_framework="tidewater", from_item="TW-SCI-2", scale="LV5", level="5",
        )(files)  # fmt: skip
    assert find(files, "L03", "QD.1.c")["reason_code"] == "MASTERED_BY_TRANSFER"
    assert find(files, "L03", "QD.1")["outcome"] == "MASTERED"
    assert "rollup has 2 of 3" in find(files, "L30", "QD.1")["reason_text"]
    credit = row("transfers.csv", "TR-L30", learner_id="L13")(crosswalk(toItem="CC.2")(files))
    assert find(credit, "L13", "CC.2/F")["outcome"] == "NOT_YET"


def test_a_transfer_as_evidence_is_a_row_of_nobody() -> None:
    """It counts as a row of its source, dated, but no person and no calibrated judge stands behind it."""
    change = crosswalk(effect="evidence", sourceType="external", toItem="CC.1", levelMap={"4": "4"})
    row_ = find(change(sample_files()), "L29", "CC.1")
    assert row_["value"] == "2.80", "the school's own newer external result is the latest"
    recent = row("transfers.csv", "TR-001", issued_on="2026-06-01")
    assert find(recent(change(sample_files())), "L29", "CC.1")["value"] == "3.05"
    calibrated = crosswalk(effect="evidence", sourceType="panel", toItem="CC.1", levelMap={"4": "4"})
    assert find(recent(calibrated(sample_files())), "L29", "CC.1")["value"] == "2.80"
