"""The error tree: one base, a hint on each, evidence on the one that needs it."""

import pytest

from ledger import errors

KINDS = [
    errors.MalformedError,
    errors.SignatureError,
    errors.ProofError,
    errors.RuleError,
    errors.PolicyError,
    errors.EquivocationError,
]


@pytest.mark.parametrize("kind", KINDS)
def test_each_carries_message_and_hint(kind: type[errors.CairnError]) -> None:
    assert issubclass(kind, errors.CairnError)
    error = kind("entry: too long", hint="split it")
    assert (str(error), error.hint) == ("entry: too long", "split it")
    assert kind("entry: too long").hint == ""


def test_the_tree_is_flat() -> None:
    """No kind is caught as another by accident, nor as a mistake of the calling program."""
    for kind in KINDS:
        assert kind.__bases__ == (errors.CairnError,)
    assert errors.CairnError.__bases__ == (Exception,)


def test_equivocation_carries_its_evidence() -> None:
    assert errors.EquivocationError("two roots", evidence=b"notes").evidence == b"notes"
    assert errors.EquivocationError("two roots").evidence == b""
