"""Who makes a call: an account of this computer, a person with a certificate, or the bearer of an invitation."""

from contextvars import ContextVar
from dataclasses import dataclass

from node.registrar.people.roles import Role

LOCAL = "local"
"""Who comes by the Unix socket, where the system does not tell which account it is."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        id: a person's id; `uid:1000` or `local` for the Unix socket.
        roles: what they are let in for.
        fingerprint: of the certificate they came with; empty for the Unix socket.
        is_invited: whether that is an invitation's certificate, which opens one call alone.
    """

    id: str
    roles: frozenset[Role]
    fingerprint: bytes = b""
    is_invited: bool = False

    @property
    def is_local(self) -> bool:
        """Whether they came by the Unix socket, and so can open the node's directory too."""
        return not self.fingerprint


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody with a certificate of this node's authority who is let in no longer, or not known.

    Attributes:
        id: the person's id where it is known, else the first digits of the certificate's fingerprint.
        reason: a word for log and trail.
        message: why, for the caller.
        hint: what the caller can do.
    """

    id: str
    reason: str
    message: str
    hint: str


current: ContextVar[Caller] = ContextVar("current caller")
"""Who made the call that this task answers."""


def local_caller(uid: int | None) -> Caller:
    """The caller behind a connection of the Unix socket."""
    return Caller(LOCAL if uid is None else f"uid:{uid}", frozenset({Role.OPERATOR}))
