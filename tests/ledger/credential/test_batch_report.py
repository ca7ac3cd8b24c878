"""Reports of many files: counts, one exit code, and JSON that reads back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.batch_report import FileReport, Tally, encode_report, parse_report, report_unreadable
from ledger.credential.report import Answer, ClaimClass, Code, CredentialReport, RecordReport, ShownLine, make_step
from ledger.errors import MalformedError
from tests.ledger.credential.verifying import World

TEXT = st.text(max_size=20)
LINES = st.lists(st.builds(ShownLine, TEXT, TEXT, st.sampled_from(ClaimClass)), max_size=3).map(tuple)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
STEPS = st.lists(st.builds(make_step, st.integers(1, 14), st.sampled_from(Answer), TEXT, TEXT), max_size=4).map(tuple)
CREDENTIALS = st.builds(
    CredentialReport,
    steps=STEPS,
    code=st.sampled_from(Code),
    title=TEXT,
    issuer=TEXT,
    achievement=TEXT,
    shown=LINES,
    not_shown=TEXTS,
    notes=TEXTS,
)
REPORTS = st.builds(RecordReport, st.lists(CREDENTIALS, min_size=1, max_size=3).map(tuple), LINES, TEXTS)


@given(REPORTS)
def test_a_report_reads_back_with_its_text_escaped(report: RecordReport) -> None:
    again = parse_report(encode_report(report))
    assert again.to_json() == report.to_json()
    assert again.to_lines() == report.to_lines()
    assert again.exit_code == report.exit_code


def test_a_real_report_reads_back_unchanged() -> None:
    world = World()
    report = world.verify(world.present(world.good(), world.good()))
    assert parse_report(encode_report(report)) == report


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.pop("credentials"),
        lambda value: value.update(credentials=[]),
        lambda value: value.update(credentials=[{}]),
        lambda value: value["credentials"][0].update(code="PERFECT"),
        lambda value: value["credentials"][0]["steps"][0].update(answer="perhaps"),
        lambda value: value.update(shown=[{"label": "x"}]),
        lambda value: value.update(notes=None),
    ],
)
def test_what_is_no_report(change: object) -> None:
    value = json.loads(encode_report(report_unreadable("cannot be opened", "check the path")))
    change(value)  # type: ignore[operator]  # each row is a function
    with pytest.raises(MalformedError, match="not the JSON of a verification"):
        parse_report(json.dumps(value).encode())


@given(st.binary(max_size=50))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_report(data)


def test_a_batch_counts_and_has_one_exit_code() -> None:
    world = World()
    good = world.verify(world.present(world.good()))
    tally = Tally()
    assert (tally.exit_code, tally.to_line()) == (2, "")
    tally.add(FileReport("a", good))
    assert tally.exit_code == 0
    tally.add(FileReport("b", report_unreadable("no", "ask")))
    assert (tally.exit_code, tally.to_line()) == (3, "1 Not readable, 1 Valid now")
    assert FileReport("a", good).to_line().startswith("a: Valid now (VALID), ")
