"""Reports: which code counts, which exit code follows, and what people and machines read."""

import json
from dataclasses import replace
from itertools import permutations

import pytest

from ledger.credential import report
from ledger.credential.report import (
    CLOSING,
    Answer,
    ClaimClass,
    Code,
    CredentialReport,
    RecordReport,
    ShownLine,
    Verdict,
)

TABLE = [
    (["MALFORMED"], "Not readable", 2),
    (["BAD_SIGNATURE", "NOT_BOUND", "KEY_COMPROMISED", "ISSUER_NOT_AUTHORISED", "NOT_ON_LEDGER"], "Not authentic", 1),
    (["REVOKED", "SUPERSEDED", "EXPIRED"], "Was valid, not now", 1),
    (["FORKED_LOG", "UNKNOWN_ISSUER", "NO_RECEIPT", "NO_QUORUM", "STALE", "INCOMPLETE"], "Cannot tell yet", 3),
    (["SUSPENDED"], "Was valid, not now", 1),
    (["NOT_YET_VALID"], "Not valid yet", 1),
    (["VALID"], "Valid now", 0),
]


def make(code: Code, **changes: object) -> CredentialReport:
    steps = (
        report.make_step(1, Answer.YES),
        report.make_step(7, Answer.COULD_NOT_CHECK, "no independent witness", "ask the network"),
    )
    values: dict[str, object] = {"steps": steps, "code": code, "title": "A Diploma", "issuer": "Granite Hollow High"}
    return CredentialReport(**{**values, **changes})  # type: ignore[arg-type]  # values are given by name above


def test_the_table_of_the_design() -> None:
    """Codes stand in the design's order, each with its verdict and exit code."""
    rows = [(code, verdict, exit_code) for codes, verdict, exit_code in TABLE for code in codes]
    assert [(code.value, code.verdict.text, code.exit_code) for code in Code] == rows


def test_the_first_code_of_the_table_counts() -> None:
    """Whatever order findings come in, the first of the table wins, and none means valid."""
    order = list(Code)
    for first, second in permutations(order, 2):
        assert report.first_code([first, second]) is min(first, second, key=order.index)
    assert report.first_code([]) is Code.VALID


@pytest.mark.parametrize(
    ("codes", "verdict", "exit_code"),
    [
        ([Code.VALID, Code.VALID], Verdict.VALID, 0),
        ([Code.VALID, Code.STALE], Verdict.CANNOT_TELL, 3),
        ([Code.STALE, Code.NOT_YET_VALID], Verdict.NOT_YET, 1),
        ([Code.NOT_YET_VALID, Code.SUSPENDED], Verdict.WAS_VALID, 1),
        ([Code.REVOKED, Code.NOT_BOUND, Code.VALID], Verdict.NOT_AUTHENTIC, 1),
        ([Code.MALFORMED], Verdict.NOT_READABLE, 2),
        ([Code.MALFORMED, Code.VALID], Verdict.NOT_READABLE, 3),
        ([Code.MALFORMED, Code.REVOKED], Verdict.WAS_VALID, 1),
    ],
)
def test_a_record_has_the_worst_verdict(codes: list[Code], verdict: Verdict, exit_code: int) -> None:
    """Not authentic, was valid, not valid yet, cannot tell, valid: the worst of its credentials."""
    record = RecordReport(tuple(make(code) for code in codes))
    assert (record.verdict, record.exit_code) == (verdict, exit_code)


@pytest.mark.parametrize(
    ("exit_codes", "expected"),
    [([0, 0], 0), ([0, 1, 3, 2], 1), ([0, 3], 3), ([0, 2], 3), ([2, 2], 2), ([2, 3], 3), ([], 2)],
)
def test_batch_exit_codes(exit_codes: list[int], expected: int) -> None:
    """0 all valid, 1 any no, 2 only if nothing could be read, else 3."""
    assert report.batch_exit_code(exit_codes) == expected


def test_a_record_needs_a_credential() -> None:
    """A report on nothing would read as valid."""
    with pytest.raises(ValueError, match="at least one"):
        RecordReport(())


def test_lines_for_people() -> None:
    """The verdict comes first, every step and every class is there, and the closing sentence stands once."""
    shown = (ShownLine("name", "Ada Sample", ClaimClass.ISSUED),)
    credential = make(Code.NO_QUORUM, shown=shown, not_shown=("email", "date_of_birth"), notes=(report.UNBOUND_NOTE,))
    lines = RecordReport((credential,), shown=(ShownLine("goals", "To fly", ClaimClass.SELF_ASSERTED),)).to_lines()
    assert lines == [
        "Cannot tell yet (NO_QUORUM)",
        "  Note: not bound to a person: accept it only from the school itself",
        "  A Diploma",
        "  issued by Granite Hollow High",
        "  Shown, and who says so:",
        "    [issued] name: Ada Sample",
        "  Not shown: email, date_of_birth",
        "  What was checked:",
        "     1. Can the file be read? yes",
        "     7. Do independent witnesses confirm that state of the ledger? could not check (no independent witness)",
        "        What to do: ask the network",
        "",
        "Written by the learner:",
        "  [self-asserted] goals: To fly",
        "",
        CLOSING,
    ]


def test_several_credentials_close_once() -> None:
    """Each credential has its verdict, the record the worst, and the closing sentence is not repeated."""
    record = RecordReport((make(Code.VALID), make(Code.REVOKED)), notes=("made for Tidewater College",))
    lines = record.to_lines()
    assert lines[0] == "Was valid, not now: 2 credentials, the worst of them decides"
    assert [line for line in lines if line.startswith(("Valid now", "Was valid, not now ("))] == [
        "Valid now (VALID)",
        "Was valid, not now (REVOKED)",
    ]
    assert "Note: made for Tidewater College" in lines
    assert lines.count(CLOSING) == 1
    quiet = record.to_lines(closing=False)
    assert CLOSING not in quiet
    assert quiet[-1]


def test_json_has_a_stable_shape() -> None:
    """Machines find every member, also empty ones."""
    value = RecordReport((make(Code.VALID),)).to_json()
    assert json.loads(json.dumps(value)) == {
        "verdict": "Valid now",
        "exit_code": 0,
        "closing": CLOSING,
        "notes": [],
        "shown": [],
        "credentials": [
            {
                "verdict": "Valid now",
                "code": "VALID",
                "exit_code": 0,
                "title": "A Diploma",
                "issuer": "Granite Hollow High",
                "achievement": "",
                "shown": [],
                "not_shown": [],
                "notes": [],
                "steps": [
                    {
                        "number": 1,
                        "name": "Can the file be read?",
                        "answer": "yes",
                        "detail": "",
                        "remedy": "",
                        "lines": [],
                    },
                    {
                        "number": 7,
                        "name": "Do independent witnesses confirm that state of the ledger?",
                        "answer": "could_not_check",
                        "detail": "no independent witness",
                        "remedy": "ask the network",
                        "lines": [],
                    },
                ],
                "as_of": None,
                "countersignatures": [],
            }
        ],
    }


HOSTILE = "A\x1b[2JB\nValid now\x9b1m\u202eC\u2028D\u200bE"


def test_foreign_text_is_escaped_everywhere() -> None:
    """No control, direction or invisible character of a file reaches a terminal, by whichever member it comes."""
    step = replace(report.make_step(1, Answer.NO, HOSTILE, HOSTILE), lines=(HOSTILE,))
    line = ShownLine(HOSTILE, HOSTILE, ClaimClass.ISSUED)
    credential = CredentialReport(
        steps=(step,),
        code=Code.MALFORMED,
        title=HOSTILE,
        issuer=HOSTILE,
        achievement=HOSTILE,
        shown=(line,),
        not_shown=(HOSTILE,),
        notes=(HOSTILE,),
    )
    record = RecordReport((credential, credential), shown=(line,), notes=(HOSTILE,))
    text = "".join(record.to_lines()) + json.dumps(record.to_json(), ensure_ascii=False)
    assert not set(text) & set("\x1b\x9b\n\u202e\u2028\u200b")
    assert r"A\u{1b}[2JB\u{a}Valid now\u{9b}1m\u{202e}C\u{2028}D\u{200b}E" in text


@pytest.mark.parametrize("name", ["Ada Sample", "Zoë Ångström", "علی\u200cرضا", "ක්\u200dෂ", "李小龍"])
def test_names_stay_as_they_are(name: str) -> None:
    """Escaping leaves the names of people alone, joiners included."""
    assert report.escape_text(name) == name


def test_every_step_has_a_question() -> None:
    """Fourteen steps, each a question whose yes is good news."""
    assert [report.make_step(n, Answer.YES).number for n in range(1, 15)] == list(range(1, 15))
    assert len(report.STEP_NAMES) == 14
    assert all(name.endswith("?") for name in report.STEP_NAMES)


def test_unreadable_believes_nothing() -> None:
    """What does not parse has step 1 and no content."""
    credential = report.unreadable("presentation: not JSON", "ask for the file again")
    assert credential.code is Code.MALFORMED
    assert credential.exit_code == 2
    assert [(step.number, step.answer) for step in credential.steps] == [(1, Answer.NO)]
    assert not credential.shown
