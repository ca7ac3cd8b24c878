"""What can be wrong with bytes that somebody else sent, as one small tree.

    CairnError
    ├── MalformedError      the bytes do not parse, or exceed a limit
    ├── SignatureError      no valid signature by the expected key
    ├── ProofError          hashes do not lead to the claimed root
    ├── RuleError           authentic, but the ledger's rules refuse it
    ├── PolicyError         true, but not trusted by enough of those we trust
    └── EquivocationError   one origin, two histories; carries the evidence

Mistakes of the calling program are `ValueError` and `RuntimeError` and never stand in this tree. A message is lower
case, starts with its subject, ends without a full stop and names sizes and hashes, never secret content.
"""


class CairnError(Exception):
    """Base of everything this project raises about outside data; `hint` says what a person can do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep `message` as the text of the error and `hint` beside it; an empty hint means none."""
        super().__init__(message)
        self.hint = hint


class MalformedError(CairnError):
    """The bytes do not parse, are not in their one accepted spelling, or exceed a limit."""


class SignatureError(CairnError):
    """No valid signature by the expected key."""


class ProofError(CairnError):
    """Hashes do not lead to the claimed root."""


class RuleError(CairnError):
    """Authentic, but the ledger's rules refuse it."""


class PolicyError(CairnError):
    """True as far as it goes, but not vouched for by enough of those we trust."""


class EquivocationError(CairnError):
    """One origin showed two histories; `evidence` proves it to anybody, without us."""

    def __init__(self, message: str, *, evidence: bytes = b"", hint: str = "") -> None:
        """Keep the encoded fork evidence beside the message; empty where only one side could be kept."""
        super().__init__(message, hint=hint)
        self.evidence = evidence


def at_place(error: CairnError, place: str, *, hint: str = "") -> CairnError:
    """Give the same error with its place in front of the message, unless that stands there; `hint` where it has none."""
    text = str(error)
    if not text.startswith(f"{place}: "):
        text = f"{place}: {text}"
    if isinstance(error, EquivocationError):
        return EquivocationError(text, evidence=error.evidence, hint=error.hint or hint)
    return type(error)(text, hint=error.hint or hint)
