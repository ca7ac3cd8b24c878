"""Errors only a running node has; they extend the tree of `ledger.errors`.

CairnError
├── ConflictError   your view of a log's size is stale; carries ours
└── BusyError       the node cannot take this now: queue full, start-up rule, directory in use
"""

from ledger.errors import CairnError


class ConflictError(CairnError):
    """The caller's view of a log's size is stale; `size` (a count of entries) is ours."""

    def __init__(self, message: str, *, size: int, hint: str = "") -> None:
        """Carry `size` beside the message, so that the caller can go on from it."""
        super().__init__(message, hint=hint)
        self.size = size


class BusyError(CairnError):
    """The node cannot take this now; the same call may succeed later."""
