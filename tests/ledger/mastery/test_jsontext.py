"""JSON definitions: every fault with its line and column, nothing read as a binary fraction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.mastery.exact import Written
from ledger.mastery.jsontext import MAX_DEPTH, Node, parse_document
from ledger.mastery.problems import DataSetError, ProblemCollector


def parse(text: str) -> tuple[Node | None, ProblemCollector]:
    problems = ProblemCollector()
    return parse_document("d.json", text.encode(), problems), problems


def problems_of(problems: ProblemCollector) -> list[str]:
    with pytest.raises(DataSetError) as caught:
        problems.refuse()
    return [str(problem) for problem in caught.value.problems.problems]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1,\n "b": }', "line 2, column 7: not JSON: expecting value"),
        ("[1]", "line 1, column 1: not a JSON object"),
        ('{"a": NaN}', "line 1, column 1: not JSON that can be read: nested too deeply, or a number"),
        ('{"a": 1,\n "a": 2}', "line 2, column 2: member 'a' stands twice in one object"),
        ("[" * 100_000, "line 1, column 1: not JSON that can be read"),
        ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), "nested deeper than 24 levels"),
        ('{"a": ' + "1" * 5000 + "}", "line 1, column 1: not JSON that can be read"),
    ],
)
def test_documents_that_are_refused(text: str, problem: str) -> None:
    """Not JSON, ambiguous, too deep, or no object."""
    _, problems = parse(text)
    assert problem in problems_of(problems)[0]


def test_the_deepest_document_is_read() -> None:
    """The limit itself is allowed."""
    node, problems = parse('{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH)
    assert node is not None and len(problems) == 0


def test_decimals_keep_their_spelling() -> None:
    """Text and JSON numbers are exact, and a threshold is shown as it was written."""
    node, problems = parse('{"a": "3.00", "b": 3.10, "c": 3, "d": 0.1}')
    assert node is not None
    assert [node.decimal(name).text for name in "abcd"] == ["3.00", "3.10", "3", "0.1"]
    assert isinstance(node.decimal("d"), Written) and node.decimal("d").value * 10 == 1
    assert len(problems) == 0


def test_every_fault_of_an_object_is_reported_where_it_stands() -> None:
    """Readers go on after a fault, so one run finds them all."""
    node, problems = parse(
        '{\n "text": 1,\n "whole": -1,\n "decimal": "x",\n "flag": "yes",\n "day": "2026-02-30",\n'
        ' "choice": "z",\n "texts": ["a", "a", 3],\n "nodes": [1],\n "strange": 0\n}'
    )
    assert node is not None
    node.text("text"), node.whole("whole"), node.decimal("decimal"), node.flag("flag", False)
    node.day("day"), node.choice("choice", ("x", "y")), node.texts("texts"), list(node.nodes("nodes"))
    node.text("absent")
    node.finish()
    assert problems_of(problems) == [
        "d.json: line 1, column 1: absent is missing",
        "d.json: line 2, column 10: text: is not a text that says something",
        "d.json: line 3, column 11: whole: is not a whole number from 0",
        "d.json: line 4, column 13: decimal: is not a decimal",
        "d.json: line 5, column 10: flag: is not true or false",
        "d.json: line 6, column 9: day: 2026-02-30 is not a day of the calendar",
        "d.json: line 7, column 12: choice: is not one of x, y",
        "d.json: line 8, column 17: texts[1]: 'a' stands twice",
        "d.json: line 8, column 22: texts[2]: is not a text that says something",
        "d.json: line 9, column 12: nodes[0]: is not an object",
        "d.json: line 10, column 13: strange: unknown member 'strange'",
    ]


def test_null_is_absence() -> None:
    """A member that is null is as if it were not there."""
    node, problems = parse('{"a": null}')
    assert node is not None
    assert (node.has("a"), node.optional_text("a"), node.optional_day("a"), node.optional_whole("a")) == (
        False,
        "",
        None,
        None,
    )
    node.finish()
    assert len(problems) == 0


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but problems."""
    node, problems = parse(text) if text.isprintable() else parse("{}")
    assert node is not None or len(problems) > 0
