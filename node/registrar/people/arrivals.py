"""Who came by a connection, before any call is made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """One connection of the private listener.

    Attributes:
        uid: account of this computer behind the Unix socket; None where the system does not tell, or for TLS.
        certificate: the client's (DER), which the handshake has proven; empty for the Unix socket.
    """

    uid: int | None = None
    certificate: bytes = b""
