"""Nothing from outside steers a terminal, and every error ends in the right exit code."""

import io
import sys

import pytest

from ledger.errors import CairnError, MalformedError, PolicyError, ProofError, SignatureError
from node.client.http import TransportError
from wallet_cli import terminal
from wallet_cli.vault import VaultError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë Nováková", "Zoë Nováková"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("line\nbreak", "line\\x0abreak"),
        ("gnp\u202e.exe", "gnp\\u202e.exe"),
        ("a\u2028b", "a\\u2028b"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_foreign_text_is_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert terminal.escape(text) == shown


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MalformedError("x"), 2),
        (VaultError("x"), 2),
        (SignatureError("x"), 1),
        (ProofError("x"), 1),
        (PolicyError("x"), 1),
        (TransportError("x"), 3),
    ],
)
def test_every_error_has_its_exit_code(error: CairnError, code: int) -> None:
    assert terminal.exit_code(error) == code


def test_an_error_is_followed_by_its_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.fail(MalformedError("offer: \x07", hint="ask again")) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "cairn: error: offer: \\x07\ncairn: hint: ask again\n"


@pytest.mark.parametrize(
    ("answer", "expected"), [("y\n", True), ("yes\n", True), ("\n", False), ("no\n", False), ("", False)]
)
def test_the_default_answer_is_no(monkeypatch: pytest.MonkeyPatch, answer: str, expected: bool) -> None:
    stream = io.StringIO(answer)
    stream.isatty = lambda: True  # type: ignore[method-assign]  # a terminal that answers
    monkeypatch.setattr(sys, "stdin", stream)
    assert terminal.confirm("show this?") is expected


def test_nobody_to_ask_is_not_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(MalformedError, match="not a terminal") as caught:
        terminal.confirm("show this?")
    assert "--yes" in caught.value.hint
    assert terminal.confirm("show this?", yes=True)


def test_a_table_in_a_pipe_is_aligned_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.table(["id", "what"], [["c1", "Diploma"], ["c10", "[red]x\x1b"]])
    assert capsys.readouterr().out == "id   what\nc1   Diploma\nc10  [red]x\\x1b\n"


def test_json_has_a_stable_shape(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.result_json({"b": "\x1b", "a": [1]})
    assert capsys.readouterr().out == '{\n  "a": [\n    1\n  ],\n  "b": "\\u001b"\n}\n'


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
