"""CASE packages as others export them: members no schema knows, retired items, five thousand items."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.mastery.exchange import encode_case
from ledger.mastery.framework import Framework, parse_framework
from ledger.mastery.problems import DataSetError, ProblemCollector
from tests.conformance import record
from tests.ledger.mastery.sample import SAMPLE
from tests.ledger.mastery.test_framework import build, link, parse
from tests.shared import SHARED, shared_path

VECTORS = "vectors/formats/case"
ITEMS = {
    "ItemTypeTestFramework.json": 1,
    "SequenceNumberFramework.json": 2,
    "SmartLevelFramework.json": 14,
    "guide-example-3.json": 1,
    "opensalt-sample-framework.json": 16,
}


def read(path: Path) -> Framework:
    problems = ProblemCollector()
    framework = parse_framework(path.name, path.read_bytes(), problems)
    problems.refuse()
    assert framework is not None
    return framework


@pytest.mark.parametrize("name", ITEMS)
def test_packages_of_others_are_read(name: str) -> None:
    """CASE 1.0 and 1.1, with whatever members their programs add."""
    framework = read(shared_path(f"{VECTORS}/{name}"))
    assert len(framework.items) == ITEMS[name]


def test_every_file_of_the_suite_is_either_read_or_refused_by_name() -> None:
    """What is no package, or has no items, says what is missing."""
    paths = sorted(shared_path(VECTORS).glob("*.json"))
    for path in paths:
        if path.name in ITEMS:
            assert len(read(path).items) == ITEMS[path.name]
        else:
            with pytest.raises(DataSetError, match="CFItems"):
                read(path)
    part = "packages; files without items"
    record("CASE 1.0 and 1.1", part, len(paths), accepted=len(ITEMS), refused=len(paths) - len(ITEMS))


def test_trap_23_members_that_no_schema_knows_are_left_alone() -> None:
    """Five thousand items with members of their exporter make the same tree as without."""
    value = build({f"a{n}": "" if n < 10 else f"a{n // 10}" for n in range(5000)})
    plain = parse(value)
    value["CFDocument"]["CFPackageURI"] = {"uri": "https://cases.example/p", "identifier": "p", "title": "P"}
    extra: dict[str, Any] = {
        "lastChangeDateTime": "2017-05-25T18:05:33",
        "statusEndDate": "2020-01-01",
        "x_own": [1, {"a": None}],
    }
    for item in value["CFItems"]:
        item |= extra
    assert parse(value).items == plain.items


def test_a_link_to_an_item_that_was_taken_out() -> None:
    """An order that leads to nothing is remarked on; a parent that is not there is refused."""
    value = build({"a": "", "b": ""})
    link(value, "precedes", "id-a", "id-gone")
    assert len(parse(value).items) == 2
    link(value, "isPartOf", "id-a", "id-gone")
    with pytest.raises(DataSetError, match="isPartOf leads to item id-gone"):
        parse(value)


def packages() -> list[Path]:
    return [SAMPLE / "framework.json", *(SHARED / VECTORS / name for name in ITEMS)]


@pytest.mark.parametrize("path", packages(), ids=lambda path: path.name)
def test_frameworks_leave_as_strict_case(path: Path) -> None:
    """Ours and those of others pass the published schema of CASE 1.1, which knows no further member, with the same tree."""
    import jsonschema

    if not path.exists():
        pytest.skip("../shared is not present")
    schema = json.loads(
        shared_path("vectors/formats/schemas/case-v1p1/case_v1p1_cfpackage-jsonschema1.json").read_bytes()
    )
    written = encode_case(json.loads(path.read_bytes()), "2026-01-31T08:00:00Z")
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:150]}"
        for error in jsonschema.Draft201909Validator(schema).iter_errors(json.loads(written))
    ]
    assert errors == []
    problems = ProblemCollector()
    again, before = parse_framework("out.json", written, problems), read(path)
    assert again is not None
    assert (again.items, again.children, again.parents, again.links) == (
        before.items,
        before.children,
        before.parents,
        before.links,
    )
    if path.parent == SAMPLE:
        broken = json.loads(written)
        del broken["CFItems"][0]["fullStatement"]
        assert not jsonschema.Draft201909Validator(schema).is_valid(broken)
    refused = int(path.parent == SAMPLE)
    part = f"CASE 1.1: {path.name}" + (", and without a statement" if refused else "")
    record("What we issue, by the published schemas", part, 1, accepted=1, refused=refused)
