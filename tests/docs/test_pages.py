"""The pages' own rules: what a documented line accepts, and what it refuses."""

from pathlib import Path

import pytest

from tests.docs.pages import Stop, Typed, Wait, compare, fill, read_steps


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        (("founded: A in …/a", "log id: …"), ("founded: A in /tmp/x/a", "log id: 9f")),
        (("…", "last"), ("first", "second", "last")),
        (("first", "…"), ("first", "second", "last")),
        (("a   b",), ("a b",)),
        (("", "one", ""), ("one",)),
        ((), ()),
    ],
)
def test_what_a_page_accepts(shown: tuple[str, ...], seen: tuple[str, ...]) -> None:
    assert compare(shown, seen, {}) == ""


@pytest.mark.parametrize(
    ("shown", "seen", "problem"),
    [
        (("awarded: 5",), ("awarded: 50",), "documented: awarded: 5\nseen:       awarded: 50"),
        (("one", "two"), ("one",), "documented, not seen: two"),
        (("one",), ("one", "two"), "seen, not documented: two"),
        ((), ("one",), "seen, not documented: one"),
        (("…", "two"), ("one",), "documented, not seen: two"),
        (("two", "one"), ("one", "two"), "documented: two\nseen:       one"),
    ],
)
def test_what_a_page_refuses(shown: tuple[str, ...], seen: tuple[str, ...], problem: str) -> None:
    assert compare(shown, seen, {}) == problem


def test_a_word_in_capitals_is_what_stood_there_the_first_time() -> None:
    known: dict[str, str] = {}
    assert compare(("PEBBLE  L01 …",), ("2n7juonojiwzao2a L01 Pebble",), known) == ""
    assert fill("cairn-node suspend granite PEBBLE", known) == "cairn-node suspend granite 2n7juonojiwzao2a"
    assert compare(("PEBBLE",), ("zzzzuonojiwzao2a",), known).startswith("documented: 2n7juonojiwzao2a")


def test_blocks_are_read_line_by_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "text\n```sh\nmake demo\n```\n<!-- wait: a b -->\n```console\n$ one \\\n    two\nshown\n$ three\n```\n"
        "<!-- stop: b -->"
    )
    first = Typed("page.md", 7, "one two", ("shown",))
    assert read_steps(page) == [Wait(("a", "b")), first, Typed("page.md", 10, "three", ()), Stop(("b",))]
