"""Planted faults: each breaks one rule of the evaluator, and one named test catches it.

`python -m tests.mastery.mutations` copies the tree, plants one fault after the other in the copy, and runs only
the test that should catch it. It fails where a fault survives, crashes instead of being caught, or no longer fits the
source. Words on the command line choose the faults whose names contain one of them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ledger/mastery"
TESTS = "tests/ledger/mastery"
DEADLINE_SECONDS = 60
COPIED = ("ledger", "node", "wallet_cli", "tests", "examples", "pyproject.toml")
EXPECTED_ROWS = "test_evaluate.py::test_every_expected_row_byte_for_byte[examples]"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault: what is wrong in words, the exact replacement, and the test that catches it."""

    name: str
    module: str
    old: str
    new: str
    test: str

    @property
    def path(self) -> str:
        """The file, from the root of the tree."""
        return f"{PACKAGE}/{self.module}.py"

    @property
    def node_id(self) -> str:
        """The catching test, as pytest takes it."""
        return f"{TESTS}/{self.test}"

    def apply(self, root: Path) -> str:
        """Plant the fault in a tree; returns the sound text of the file.

        Raises:
            LookupError: the text to replace does not stand there exactly once.
        """
        file = root / self.path
        sound = file.read_text(encoding="utf-8")
        times = sound.count(self.old)
        if times != 1:
            raise LookupError(f"{self.name}: the text to replace stands {times} times in {self.path}")
        file.write_text(sound.replace(self.old, self.new), encoding="utf-8")
        return sound


def edge(name: str) -> str:
    """A row of the table of edges."""
    return f"test_edges.py::test_edges[{name}]"


MUTATIONS = (
    # How numbers are made and shown.
    Mutation("half-up rounding", "exact", "value.numerator * 100 // value.denominator",
        "(value.numerator * 200 + value.denominator) // (2 * value.denominator)",
        edge("two decimals are cut, not rounded")),
    Mutation("the shown value is compared", "judge", "if value < rule.threshold.value:",
        "if Fraction(value.numerator * 100 // value.denominator, 100) < rule.threshold.value:",
        edge("what is shown is not what is compared")),
    Mutation("the rounded value is compared", "judge", "if value < rule.threshold.value:",
        "if round(value, 2) < rule.threshold.value:", edge("the exact value is compared")),
    Mutation("missing source as zero", "judge", "source.value) for source in sources if source.value is not None]",
        "source.value or Fraction(0)) for source in sources]", edge("absent optional sources drop out")),
    Mutation("division by 100", "judge", "/ sum((w for w, _ in present), Fraction(0))", "/ 100",
        edge("weights are relative")),
    Mutation("weights ignored", "judge", "present = [(source.source.weight, source.value)",
        "present = [(Fraction(1), source.value)", edge("weights are relative")),
    Mutation("the threshold itself is too low", "judge", "if value < rule.threshold.value:",
        "if value <= rule.threshold.value:", edge("as it is")),
    # Which evidence counts.
    Mutation("practice rows counted", "admission", "if row.purpose == PRACTICE:", "if row.purpose != row.purpose:",
        edge("a practice row is not counted")),
    Mutation("future observations counted", "admission", "row.observed_on > as_of or row.recorded_on > as_of",
        "row.recorded_on > as_of", edge("seen tomorrow, written down today")),
    Mutation("what is written down later counted", "admission", "row.observed_on > as_of or row.recorded_on > as_of",
        "row.observed_on > as_of", edge("written down tomorrow")),
    Mutation("today's evidence left out", "admission", "row.observed_on > as_of", "row.observed_on >= as_of",
        edge("seen today")),
    Mutation("own work counted", "admission", "if row.assessor == row.learner:", "if row.assessor != row.assessor:",
        edge("judged by the learner")),
    Mutation("assessors judge after their last day", "admission", "if assessor.is_active(row.observed_on) else",
        "if assessor else", edge("judged the day after")),
    Mutation("calibration ignored", "admission", "if source.is_calibrated and not", "if not source.is_calibrated and not",
        edge("a day too late")),
    Mutation("an empty calibration is an open one", "assessors", "self.calibrated_from is not None and is_within",
        "is_within", edge("never calibrated")),
    Mutation("age limit off by a day, short", "days", "day.toordinal() <= max_age_days",
        "day.toordinal() < max_age_days", edge("as old as the rule allows")),
    Mutation("age limit off by a day, long", "days", "day.toordinal() <= max_age_days",
        "day.toordinal() <= max_age_days + 1", edge("a day older")),
    Mutation("a cut begins above itself", "scales", "if least <= number]", "if least < number]", edge("a percentage")),
    Mutation("a value its table leaves out is zero", "scales", "self.table.get(value)",
        "self.table.get(value, Fraction(0))", edge("a value its table does not list")),
    # Later voids and corrections.
    Mutation("future events in force", "status_events", "if e.effective_on <= as_of)", "if e)",
        edge("void from tomorrow")),
    Mutation("void evidence counted", "admission", "if standing.is_void(status_events.EVIDENCE, row.id):",
        "if standing.is_void(status_events.SIGNOFF, row.id):", edge("void")),
    Mutation("a void replacement replaces", "status_events", " and event.by not in gone", "",
        edge("superseded by what is void")),
    Mutation("a future replacement replaces", "status_events", " and replacement.recorded_on <= as_of", "",
        edge("superseded by what is not written down yet")),
    # One value per source.
    Mutation("ties by value", "evidence", "return self.observed_on, self.seq, self.id",
        "return self.observed_on, int(self.value), self.id",
        edge("on one day the later number counts, be its value lower")),
    Mutation("ties by the order of digits", "evidence", "return self.observed_on, self.seq, self.id",
        "return self.observed_on, str(self.seq), self.id  # type: ignore", edge("numbers are ordered as numbers")),
    Mutation("the first is the most recent", "sources", "return pieces[-1:]", "return pieces[:1]",
        edge("on one day the higher number is later")),
    Mutation("the mean of the first", "sources", "return pieces[-(source.window or 1) :]",
        "return pieces[: source.window or 1]", edge("as it is")),
    Mutation("of two best the earlier", "sources", "max(reversed(pieces),", "max(pieces,",
        edge("of two best the later one counts")),
    Mutation("minItems ignored", "sources", "if len(admissible) < source.min_items:", "if not admissible:",
        EXPECTED_ROWS),
    Mutation("a rollup of mastered children only", "sources",
        "values = [child.value for child in children if child.value is not None]",
        "values = [child.value for child in children if child.value is not None and child.is_mastered]",
        edge("a rollup takes values below the threshold")),
    # Checks of a rule.
    Mutation("machines counted as people", "judge", " and piece.assessor.is_human}", "}",
        edge("people are counted, not machines")),
    Mutation("people counted by rows", "judge",
        "{piece.assessor.id for piece in counted if piece.assessor is not None and piece.assessor.is_human}",
        "[piece.assessor.id for piece in counted if piece.assessor is not None and piece.assessor.is_human]",
        edge("people are counted once")),
    Mutation("the floor itself is too low", "judge", "source.value < floor.value", "source.value <= floor.value",
        edge("the floor itself is no break")),
    Mutation("floors ignored", "judge", "source.value < floor.value", "source.value < 0",
        edge("a floor is named before the threshold")),
    Mutation("minSources ignored", "judge", "if present < rule.min_sources:", "if present < 0:",
        edge("too few sources")),
    Mutation("compulsory children ignored", "judge", "for child in rule.must_include if child not in mastered",
        "for child in rule.must_include if not child", edge("the compulsory child")),
    # Sign-offs.
    Mutation("independence ignored", "judge", "if demand.is_independent else ()", "if not demand else ()",
        edge("the signer judged a counted row")),
    Mutation("independence always asked for", "judge", "if demand.is_independent else ()", "if demand else ()",
        edge("and may where independence is not asked for")),
    Mutation("stale sign-off accepted", "judge", "signoff.signed_on < newest.observed_on:",
        "signoff.signed_on < signoff.signed_on:", edge("a day older is stale")),
    Mutation("a sign-off of the same day is stale", "judge", "signoff.signed_on < newest.observed_on:",
        "signoff.signed_on <= newest.observed_on:", edge("a sign-off of the same day is fresh")),
    Mutation("a decline passes for a sign-off", "judge", "if not signoff.is_approval:", "if not signoff:",
        edge("the latest sign-off counts")),
    Mutation("the first sign-off counts", "case", "in reversed(self.signoffs_of(subject)):",
        "in self.signoffs_of(subject):", edge("the latest sign-off counts")),
    Mutation("anybody signs", "case", "signoff.signer not in judges and not signer.roles.isdisjoint(roles)",
        "signoff.signer not in judges and signer", edge("signed without the role")),
    Mutation("future sign-offs counted", "case", "row.signed_on <= self.as_of and not is_void", "not is_void",
        edge("signed tomorrow")),
    # Transfers.
    Mutation("a transfer is worth its best part", "crosswalks", "return min(self.crosswalk.level_map",
        "return max(self.crosswalk.level_map", edge("of two items the weaker counts")),
    Mutation("one part of a transfer is enough", "crosswalks", "            return None\n        # Highest",
        "            continue\n        # Highest", edge("one of two items is not enough")),
    Mutation("minLevel ignored", "crosswalks", "rank >= least for", "rank >= 0 for", edge("below the least level")),
    Mutation("withdrawn agreements used", "crosswalks", "is_within(as_of, self.valid_from, self.valid_until)",
        "is_within(as_of, self.valid_from, None)", edge("withdrawn the day before")),
    Mutation("a transfer of any framework", "crosswalks",
        "return transfer.from_framework == self.from_framework and", "return",
        edge("a credential of another framework")),
    Mutation("a grant feeds a rollup", "judge", "[judge_own(case, c, source.child_rule, c) for",
        "[judge_item(case, c, source.child_rule) for",
        "test_edges.py::test_a_grant_makes_no_award_and_feeds_no_rollup"),
    # Diplomas.
    Mutation("a transfer counts as judged locally", "testing", "sum(one.reason is Reason.MASTERED for",
        "sum(one.is_mastered for", edge("a grant is not local")),
    Mutation("pending credits pooled as awarded", "testing", "for award, one in judged if one.is_mastered]",
        "for award, one in judged if one.outcome is not Outcome.NOT_YET]", edge("pending credits would be enough")),
    Mutation("a credential held twice counts twice", "testing", "held = {one.code for one in case.holdings() if "
        "one.issuer in test.issuers}\n    codes = [code for code in test.codes if code in held]",
        "codes = [one.code for one in case.holdings() if one.issuer in test.issuers and one.code in test.codes]",
        edge("a credential held twice is one")),
    Mutation("an approval outlives its decline", "testing", "one.signer: one", "one.id: one",
        edge("an approval withdrawn by a later decline")),
    Mutation("experiences that have not ended counted", "case", "            and one.ended_on <= self.as_of\n", "",
        edge("an experience that ends tomorrow")),
    Mutation("expired waivers applied", "waivers", "(self.expires_on is None or day <= self.expires_on)",
        "self.granted_on <= day", edge("an expired waiver")),
    Mutation("waivers without limit", "evaluate", " and used < definition.max_waivers:", ":", edge("no waiver left")),
    Mutation("what is pending has failed", "evaluate", "if self.ids(Status.UNMET):\n            return",
        "if self.ids(Status.UNMET) or self.ids(Status.PENDING):\n            return", edge("pending is not failing")),
    Mutation("pending members of any are unmet", "verdict",
        "return Status.MET\n    return Status.PENDING if Status.PENDING in found else Status.UNMET",
        "return Status.MET\n    return Status.UNMET", "test_verdict.py::test_any"),
    Mutation("pending hides what is unmet", "verdict",
        "    if Status.UNMET in found:\n        return Status.UNMET\n", "    if found == {Status.UNMET}:\n        "
        "return Status.UNMET\n", "test_verdict.py::test_all"),
    # Sharing.
    Mutation("of age the day after the birthday", "days", "((day.month, day.day) < (", "((day.month, day.day) <= (",
        "test_days.py::test_age_counts_birthdays_reached"),
    Mutation("a guardian's silence is consent", "consent", 'learner.guardian_consent != "yes"',
        'learner.guardian_consent == "no"', "test_consent.py::test_who_may_share"),
)  # fmt: skip


def copy_tree(folder: Path) -> Path:
    """A copy in which faults may be planted."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def run_tests(root: Path, node_ids: Sequence[str]) -> tuple[int, str]:
    """pytest's exit code and words on these tests alone; -1 where the deadline passed."""
    # No byte code: two faults of one length within one second would be taken for each other.
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "500"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *node_ids]
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"not done after {DEADLINE_SECONDS} seconds"
    return done.returncode, done.stdout + done.stderr


def try_mutation(root: Path, mutation: Mutation) -> str:
    """Plant a fault, run its test, mend it again; returns what is wrong, or nothing if it was caught."""
    try:
        sound = mutation.apply(root)
    except LookupError as error:
        return str(error)
    try:
        code, words = run_tests(root, [mutation.node_id])
    finally:
        (root / mutation.path).write_text(sound, encoding="utf-8")
    if code == 0:
        return f"{mutation.name}: survives {mutation.node_id}"
    # A fault that crashes is noticed by anything; only one that an assertion refuses shows that the rule is tested.
    if code != 1 or not re.search(r"^FAILED .* - (?:assert|AssertionError)", words, re.MULTILINE):
        return f"{mutation.name}: is not caught by an assertion of {mutation.node_id}\n{words[-2000:]}"
    return ""


def try_all(mutations: Sequence[Mutation]) -> Iterator[tuple[str, str]]:
    """Each fault's name and what is wrong with it.

    Raises:
        RuntimeError: a catching test fails without any fault.
    """
    with tempfile.TemporaryDirectory(prefix="cairn-mutations-") as folder:
        root = copy_tree(Path(folder))
        code, words = run_tests(root, sorted({mutation.node_id for mutation in mutations}))
        if code:
            raise RuntimeError(f"the tests do not pass without any fault:\n{words[-4000:]}")
        for mutation in mutations:
            yield mutation.name, try_mutation(root, mutation)


def main(words: Sequence[str]) -> int:
    """Try the faults that the words choose, all without words; returns how the process ends."""
    chosen = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    if not chosen:
        print("mutations: error: no fault has such a name", file=sys.stderr)
        return 2
    surviving = 0
    for name, wrong in try_all(chosen):
        print(f"NOT CAUGHT  {wrong}" if wrong else f"caught      {name}", flush=True)
        surviving += bool(wrong)
    print(f"{len(chosen) - surviving} of {len(chosen)} planted faults caught")
    return 1 if surviving else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
