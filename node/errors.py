"""Errors only a running node has; they extend the tree of `ledger.errors`.

CairnError
├── ConflictError   your view of a log's size is stale; carries ours
├── BusyError       the node cannot take this now: queue full, start-up rule, directory in use
├── NotAllowedError  this caller may not do that: no such role, removed, certificate ended
└── AwaitsApprovalError  nothing was done yet: it waits for a second person
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


class NotAllowedError(CairnError):
    """Who calls the private listener may not do that, or may do nothing any longer."""

    def __init__(self, message: str, *, reason: str = "not allowed", hint: str = "") -> None:
        """Carry `reason`, a word or two for log and trail, which have nothing else of the message."""
        super().__init__(message, hint=hint)
        self.reason = reason


class AwaitsApprovalError(CairnError):
    """The act was stored as a proposal instead of being done, since `four_eyes` in `node.toml` asks for two people."""

    def __init__(self, message: str, *, proposal: str = "", hint: str = "") -> None:
        """Carry the id of the `proposal` beside the message, so that a command can name it."""
        super().__init__(message, hint=hint)
        self.proposal = proposal
