"""What reaches an operator's terminal: foreign text made harmless, errors in one form with their exit code."""

import io
import json
import sys

import pytest

from ledger.errors import CairnError, MalformedError, PolicyError, RuleError, SignatureError
from node import terminal
from node.client.failures import UnreachableError
from node.errors import BusyError, ConflictError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Granite Hollow", "Granite Hollow"),
        ("Zoë 学校", "Zoë 学校"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("two\nlines", "two\\x0alines"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    """Letters of any script stay, whatever moves the cursor or hides is spelled out."""
    assert terminal.escape(text) == shown


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MalformedError("x"), 2),
        (RuleError("x"), 1),
        (SignatureError("x"), 1),
        (PolicyError("x"), 1),
        (CairnError("x"), 1),
        (BusyError("x"), 3),
        (ConflictError("x", size=1), 3),
        (UnreachableError("x"), 3),
    ],
)
def test_exit_codes(error: CairnError, code: int) -> None:
    """2 unreadable, 3 could not decide, 1 a true no."""
    assert terminal.exit_code(error) == code


def test_fail_prints_error_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """Both on stderr, nothing on stdout."""
    assert terminal.fail(RuleError("log: no\x07", hint="try again")) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "cairn-node: error: log: no\\x07\ncairn-node: hint: try again\n"


def test_tables_and_json_are_plain_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    """Aligned columns without trailing spaces; JSON in ASCII with sorted names."""
    terminal.table(("a", "long heading"), [("1", "x"), ("a\tb", "y")])
    assert capsys.readouterr().out == "a       long heading\n1       x\na\\x09b  y\n"
    terminal.result_json({"b": "ü", "a": 1})
    said = capsys.readouterr().out
    assert said.isascii()
    assert list(json.loads(said)) == ["a", "b"]


def test_counts_and_instants() -> None:
    """Nouns agree with their numbers; instants are UTC to the minute."""
    assert terminal.count(1, "award") == "1 award"
    assert terminal.count(12_000, "copy", "copies") == "12,000 copies"
    assert terminal.instant(1_800_000_000_000) == "2027-01-15 08:00 UTC"
    assert terminal.instant(None) == "never"


def test_a_narrow_terminal_cuts_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed or copied next stays in one piece; the rest goes on in the line below."""
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]  # a terminal of 40 columns
    monkeypatch.setattr(sys, "stdout", stream)
    for name, value in (("COLUMNS", "40"), ("LINES", "20"), ("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    terminal.table(("award", "what"), [("2n7juonojiwzao2a", "Granite Hollow Proficiency Diploma of the year 2026")])
    shown = stream.getvalue()
    assert "2n7juonojiwzao2a" in shown
    assert "…" not in shown
    assert "".join(shown.split()).endswith("GraniteHollowProficiencyDiplomaoftheyear2026")


def test_an_instant_beyond_any_calendar_is_told_all_the_same() -> None:
    """A governor's proposal may carry any `at`; the list of what was decided shows it for ever."""
    assert terminal.instant(2**53 - 1) == "after the year 9999"
    assert terminal.instant(1_781_000_000_000) == "2026-06-09 10:13 UTC"
