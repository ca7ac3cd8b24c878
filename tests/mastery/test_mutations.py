"""The planted faults still fit the source and name tests that exist; `make mutations` plants them."""

import importlib

import pytest

from tests.ledger.mastery.test_edges import CASES
from tests.mastery.mutations import MUTATIONS, ROOT, TESTS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_replacement_stands_exactly_once(mutation: Mutation) -> None:
    """A fault that no longer fits would be planted nowhere, or in two rules at once."""
    text = (ROOT / mutation.path).read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1
    compile(text.replace(mutation.old, mutation.new), mutation.path, "exec")
    assert mutation.old != mutation.new


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_each_catching_test_exists(mutation: Mutation) -> None:
    """By file, function and, of the table of edges, row."""
    file, _, test = mutation.test.partition("::")
    function, _, row = test.removesuffix("]").partition("[")
    module = importlib.import_module(f"{TESTS}/{file}".removesuffix(".py").replace("/", "."))
    assert callable(getattr(module, function))
    assert function != "test_edges" or row in CASES


def test_the_list_is_long_enough_and_names_each_fault_once() -> None:
    """At least twenty faults, each with a name of its own."""
    assert len(MUTATIONS) >= 20
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
