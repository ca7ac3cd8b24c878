"""Frameworks: a tree of any depth, and what is refused on import with the item named."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger.errors import MalformedError
from ledger.mastery.framework import MAX_DEPTH, Framework, check_successor, parse_framework
from ledger.mastery.problems import DataSetError, ProblemCollector
from tests.ledger.mastery.sample import sample_files


def build(parents: dict[str, str], **document: str) -> dict[str, Any]:
    """A package with these items and their parents; an empty parent is the document."""
    items = [{"identifier": f"id-{c}", "humanCodingScheme": c, "fullStatement": f"Does {c}."} for c in parents]
    links = [
        {
            "associationType": "isChildOf",
            "originNodeURI": {"identifier": f"id-{child}"},
            "destinationNodeURI": {"identifier": f"id-{parent}" if parent else "doc"},
        }
        for child, parent in parents.items()
    ]
    return {
        "CFDocument": {"identifier": "doc", "uri": "u", "version": "1", **document},
        "CFItems": items,
        "CFAssociations": links,
    }


def parse(value: dict[str, Any]) -> Framework:
    problems = ProblemCollector()
    framework = parse_framework("f.json", json.dumps(value).encode(), problems)
    problems.refuse()
    assert framework is not None
    return framework


def link(value: dict[str, Any], kind: str, origin: str, destination: str) -> None:
    ends = {"originNodeURI": {"identifier": origin}, "destinationNodeURI": {"identifier": destination}}
    value["CFAssociations"].append({"associationType": kind, **ends})


def test_the_sample_framework() -> None:
    """60 items in three layers, children in the order of their sequence numbers."""
    problems = ProblemCollector()
    framework = parse_framework("framework.json", sample_files()["framework.json"], problems)
    assert framework is not None and len(problems) == 0
    assert (len(framework.items), framework.depth) == (60, 3)
    assert framework.children["QD.1"] == ("QD.1.a", "QD.1.b", "QD.1.c", "QD.1.d")
    assert framework.area_of("QD.1.a") == "QD"
    assert "stonepath" in framework.names


@pytest.mark.parametrize("depth", [1, 2, 3, 5, MAX_DEPTH])
def test_any_depth(depth: int) -> None:
    """Layers are counted from the document, never assumed."""
    codes = [f"i{n}" for n in range(depth)]
    framework = parse(build(dict(zip(codes, ["", *codes], strict=False))))
    assert framework.depth == depth
    assert framework.area_of(codes[-1]) == "i0"


CASES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "two parents": (lambda v: link(v, "isChildOf", "id-a.1", "id-b"), "item a.1 has two parents, a and b"),
    "a parent and the top": (lambda v: link(v, "isChildOf", "id-a.1", "doc"), "item a.1 has two parents, the document"),
    "a circle": (lambda v: link(v, "isChildOf", "id-a", "id-a.1"), "isChildOf goes round in a circle at item a"),
    "an orphan": (lambda v: v["CFAssociations"].pop(), "item a.2 is an orphan"),
    "an absent item": (lambda v: link(v, "isChildOf", "id-a", "id-z"), "isChildOf leads to item id-z, which is not in"),
    "an absent part": (lambda v: link(v, "isPartOf", "id-z", "id-a"), "isPartOf leads to item id-z, which is not in"),
    "an identifier twice": (lambda v: v["CFItems"][1].update(identifier="id-a"), "identifier id-a stands twice"),
    "a code twice": (lambda v: v["CFItems"][1].update(humanCodingScheme="a"), "item a: the code stands twice"),
    "no statement": (lambda v: v["CFItems"][1].pop("fullStatement"), "fullStatement is missing"),
    "no items": (lambda v: v.update(CFItems=[]), "CFItems: is not an array of at least 1"),
    "no document": (lambda v: v.pop("CFDocument"), "CFDocument is missing"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_tree_is_refused(name: str) -> None:
    """Each fault names the item."""
    change, reason = CASES[name]
    value = build({"a": "", "b": "", "a.1": "a", "a.2": "a"})
    change(value)
    with pytest.raises(DataSetError) as caught:
        parse(value)
    assert reason in str(caught.value)


def test_too_many_layers_are_refused() -> None:
    """One past the limit."""
    codes = [f"i{n}" for n in range(MAX_DEPTH + 1)]
    with pytest.raises(DataSetError, match="65 layers, at most 64 are read"):
        parse(build(dict(zip(codes, ["", *codes], strict=False))))


def test_items_without_any_link_to_the_document_are_the_top() -> None:
    """Packages that leave out the links to the document are read too."""
    value = build({"a": "", "b": "", "a.1": "a"})
    value["CFAssociations"] = value["CFAssociations"][2:]
    assert parse(value).depth == 2


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ({"aspirational": True}, "is aspirational: no rule may target it"),
        ({"feedbackOnly": True}, "is for feedback only: no rule may use its evidence"),
        ({"extensions": {"assessed": False}}, "is not assessed"),
        ({}, ""),
    ],
)
def test_flags_say_why_an_item_is_not_judged(flags: dict[str, Any], why: str) -> None:
    """Flags stand on the item or among its extensions."""
    value = build({"a": ""})
    value["CFItems"][0].update(flags)
    assert parse(value).items["a"].why_not_judged == why


def test_a_published_version_never_changes() -> None:
    """A correction is a new version in which every changed item is replaced by another one."""
    value = build({"a": "", "b": ""})
    old = parse(value)
    check_successor(old, parse(value))
    value["CFItems"][0]["fullStatement"] = "Does it better."
    with pytest.raises(MalformedError, match="version 1 is published and never changes"):
        check_successor(old, parse(value))
    value["CFDocument"]["version"] = "2"
    with pytest.raises(MalformedError, match="item a is changed or left out without a replacedBy link"):
        check_successor(old, parse(value))
    link(value, "replacedBy", "id-a", "id-new")
    check_successor(old, parse(value))


def test_five_thousand_items_are_a_tree_like_any_other() -> None:
    """The realistic ceiling of one framework is read whole."""
    codes = {f"a{n}": "" if n < 10 else f"a{n // 10}" for n in range(5000)}
    assert len(parse(build(codes)).items) == 5000
