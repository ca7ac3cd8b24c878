"""`docs/conformance.md` is what the tests wrote, and cannot be anything else."""

from pathlib import Path

import pytest

from tests import conformance
from tests.conformance import PAGE, SUITES, Row, encode_page, record

ROOT = PAGE.parent.parent
SUITE = "did:key"


def test_the_page_has_every_suite_and_no_other() -> None:
    """In the order of the table, each with rows and with the modules that go through it."""
    text = PAGE.read_text(encoding="utf-8")
    sections = [section.partition("\n")[0] for section in text.split("\n## ")[1:]]
    assert sections == list(SUITES)
    for suite, modules in SUITES.items():
        section = text.partition(f"\n## {suite}\n")[2].partition("\n## ")[0]
        assert section.count("\n| ") >= 3, f"{suite}: nothing was recorded"
        assert section.rstrip().endswith(", ".join(f"`{module}`" for module in modules))


@pytest.mark.parametrize("module", sorted({module for modules in SUITES.values() for module in modules}))
def test_every_module_of_the_table_records(module: str) -> None:
    """A module that is named goes through vectors and says what came out."""
    assert "record(" in (ROOT / module).read_text(encoding="utf-8")


def test_every_row_of_the_page_is_recorded_by_some_test() -> None:
    """A row whose test is gone does not stay: its words stand in a module of its suite."""
    text = PAGE.read_text(encoding="utf-8")
    for suite, modules in SUITES.items():
        sources = "".join((ROOT / module).read_text(encoding="utf-8") for module in modules)
        section = text.partition(f"\n## {suite}\n")[2].partition("\n## ")[0]
        for line in section.splitlines():
            if line.startswith("| ") and not line.startswith(("| vectors", "| ---")):
                words = line.split(" | ")[0].removeprefix("| ")
                assert words.split(":")[0] in sources, f"{suite}: no test records {words!r}: make conformance"


def test_counts_that_are_not_those_of_the_page_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: another count, another part, a page that is not there."""
    page = tmp_path / "page.md"
    monkeypatch.setattr(conformance, "PAGE", page)
    monkeypatch.setattr(conformance, "_recorder", None)
    page.write_text(encode_page({SUITE: {"names": Row("names", 1, 2, 3, {"no context": 1})}}), encoding="utf-8")
    record(SUITE, "names", 1, accepted=2, refused=3, unchecked={"no context": 1})
    with pytest.raises(AssertionError, match="make conformance"):
        record(SUITE, "names", 1, accepted=3, refused=3, unchecked={"no context": 1})
    with pytest.raises(AssertionError, match="make conformance"):
        record("JSON Canonicalization Scheme (RFC 8785)", "names", 1, accepted=2, refused=3)
    with pytest.raises(AssertionError, match="put 'nothing' into the table"):
        record("nothing", "names", 1)
    page.unlink()
    with pytest.raises(AssertionError, match="make conformance"):
        record(SUITE, "names", 1, accepted=2, refused=3, unchecked={"no context": 1})
