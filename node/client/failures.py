"""What can go wrong between two nodes that no rule of the ledger names."""

from ledger.errors import CairnError


class UnreachableError(CairnError):
    """The other node could not be reached, did not answer in time, or broke off.

    Says nothing about the ledger: the same call may succeed later or elsewhere.
    """


class UnknownLogError(CairnError):
    """The node asked does not hold, or does not follow, the log."""


class UntrustedPeerError(UnreachableError):
    """Somebody answered, and it cannot be told that it is the node meant: a wrong, ended or missing certificate."""
