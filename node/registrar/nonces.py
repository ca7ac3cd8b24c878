"""Nonces for key proofs: they prove themselves, and each is used once (OpenID4VCI 1.0 §7).

Anybody may ask for nonces, so handing one out stores nothing: it carries its own expiry and a tag only this process
can make. What is stored is the trace of a used one, until it would have expired. The secret is drawn at start; a
restart makes outstanding nonces void, and a wallet simply asks for another.
"""

import hashlib
import hmac

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ledger import base64url
from ledger.errors import MalformedError
from node.clock import Draw
from node.registrar.claiming import ClaimError, ClaimFault
from node.registrar.tables import UsedNonce

NONCE_LIFETIME_MS = 300_000

_CONTEXT = b"cairn/nonce/v1\n"
_RANDOM_BYTES = 16
_EXPIRY_BYTES = 8
_TAG_BYTES = 16


class NonceMint:
    """Makes nonces and knows its own again."""

    def __init__(self, draw: Draw) -> None:
        """Draw the secret that stands behind the tags."""
        self._draw = draw
        self._secret = draw(32)

    def make(self, now: int) -> str:
        """A fresh nonce, good for `NONCE_LIFETIME_MS`."""
        content = self._draw(_RANDOM_BYTES) + (now + NONCE_LIFETIME_MS).to_bytes(_EXPIRY_BYTES, "big")
        return base64url.encode(content + self._tag(content))

    def use(self, session: Session, nonce: str, now: int) -> None:
        """Use a nonce up; for good, once the transaction commits.

        Raises:
            ClaimError: it is not ours, too old, or was used before (`invalid_nonce`).
        """
        content = self._open(nonce)
        expires_at = int.from_bytes(content[_RANDOM_BYTES:], "big")
        if now >= expires_at:
            raise ClaimError(ClaimFault.INVALID_NONCE, "nonce: too old", hint="ask for a new one")
        nonce_hash = hashlib.sha256(content).digest()
        session.execute(delete(UsedNonce).where(UsedNonce.expires_at <= now))
        if session.scalar(select(UsedNonce).where(UsedNonce.nonce_hash == nonce_hash)) is not None:
            raise ClaimError(ClaimFault.INVALID_NONCE, "nonce: was used before", hint="ask for a new one")
        session.add(UsedNonce(nonce_hash=nonce_hash, expires_at=expires_at))
        session.flush()

    def _open(self, nonce: str) -> bytes:
        try:
            data = base64url.decode(nonce, _RANDOM_BYTES + _EXPIRY_BYTES + _TAG_BYTES)
        except MalformedError as error:
            raise ClaimError(ClaimFault.INVALID_NONCE, "nonce: not from here", hint="ask for a new one") from error
        content, tag = data[:-_TAG_BYTES], data[-_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(content)):
            raise ClaimError(ClaimFault.INVALID_NONCE, "nonce: not from here", hint="ask for a new one")
        return content

    def _tag(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, _CONTEXT + content, "sha256")[:_TAG_BYTES]
