"""Asking a witness that only speaks HTTP (C2SP tlog-witness).

The same call as `LedgerClient.add_checkpoint`, and the same errors, so that whoever asks need not know which it is. What
comes back is judged by the caller; here it is only bounded. A certificate that the witness made itself is accepted where
its institution vouches for it, any other by the usual authorities.
"""

from hashlib import sha256
from http import HTTPStatus

from ledger.errors import CairnError, MalformedError, ProofError, SignatureError
from node.client import cosigntext, http
from node.client.exchange import MAX_NOTE_BYTES, CosignRequest
from node.client.failures import UnknownLogError, UnreachableError
from node.client.http import TransportError
from node.client.pin import ANYBODY, Expectation
from node.errors import BusyError, ConflictError

MAX_LINES_BYTES = 16 * 1024
"""A witness with many keys answers one line for each."""
_SHOWN_CHARACTERS = 200


class WitnessHTTP:
    """One witness, by the URL below which its calls stand (its submission prefix)."""

    def __init__(self, prefix: str, expected: Expectation = ANYBODY) -> None:
        """Remember where it is, and who may vouch for a certificate it made itself; nothing is dialled yet.

        Raises:
            MalformedError: the URL may not be dialled: neither https nor this computer.
        """
        self.prefix = http.check_url(prefix).rstrip("/")
        self._expected = expected

    async def add_checkpoint(self, request: CosignRequest, *, timeout_seconds: float) -> bytes:
        """Ask for a cosignature; gives the witness's signature lines, unverified.

        Raises:
            MalformedError, SignatureError, ProofError, UnknownLogError: it refuses: 400, 403, 422, 404.
            ConflictError: it cosigned another size last.
            BusyError: it cannot do so now.
            UnreachableError: it does not answer, or answers something else.
        """
        url = f"{self.prefix}/add-checkpoint"
        # aiohttp takes a quarter of a second to import.
        from node.client.https import find_pin_of

        payload = cosigntext.encode_cosign_request(request)
        try:
            pin = await find_pin_of(url, self._expected)
            return await http.post_text(
                url, payload, max_bytes=MAX_LINES_BYTES, timeout_seconds=timeout_seconds, pin=pin
            )
        except TransportError as error:
            raise _refusal(error) from error

    async def cosigned_note(self, origin: str, *, timeout_seconds: float) -> bytes | None:
        """Fetch the checkpoint it cosigned last of a log, unverified; None where it shows none."""
        from node.client.https import find_pin_of

        url = f"{self.prefix}/{sha256(origin.encode()).hexdigest()}/checkpoint"
        try:
            pin = await find_pin_of(url, self._expected)
            return await http.get_bytes(url, max_bytes=MAX_NOTE_BYTES, timeout_seconds=timeout_seconds, pin=pin)
        except TransportError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise _refusal(error) from error


def _refusal(error: TransportError) -> CairnError:
    reason = error.body.decode("utf-8", "replace").strip()[:_SHOWN_CHARACTERS]
    message = f"{error}: {reason}" if reason else str(error)
    match error.status:
        case HTTPStatus.CONFLICT:
            try:
                return ConflictError(str(error), size=cosigntext.parse_size(error.body))
            except MalformedError:
                # Some witnesses answer so, without a size, where the root contradicts what they cosigned.
                return ProofError(message)
        case HTTPStatus.BAD_REQUEST:
            return MalformedError(message)
        case HTTPStatus.FORBIDDEN:
            return SignatureError(message)
        case HTTPStatus.NOT_FOUND:
            return UnknownLogError(message)
        case HTTPStatus.UNPROCESSABLE_ENTITY:
            return ProofError(message)
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            return BusyError(message, hint="ask again later")
        case _:
            return UnreachableError(message, hint=error.hint)
