"""Progress: silent where nobody watches, harmless where somebody does."""

import io
import sys

import pytest

from wallet_cli.progress import no_progress, show_progress


class Screen(io.StringIO):
    """A terminal that remembers what it was shown."""

    def isatty(self) -> bool:
        return True


def test_nothing_is_shown_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Output that is not a terminal gets no bar."""
    with show_progress("fetching") as progress:
        assert progress is no_progress
        progress("Granite", 1, 2)
    assert capsys.readouterr().err == ""


def test_a_bar_escapes_foreign_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name from a log is neither markup nor a control sequence."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with show_progress("fetching") as progress:
        progress("[bold]Gra\x1b]0;evil\x07nite", 1, 2)
        progress("[bold]Gra\x1b]0;evil\x07nite", 2, 2)
    assert "\x1b]0;evil" not in screen.getvalue()
