"""One TLS connection as a server: bytes in, bytes out, and words for a handshake that failed.

Written over `ssl.MemoryBIO`, since asyncio's own TLS throws away the alert that tells the client why it was refused, and
gRPC's tells neither side. Used by one reading and one writing task of one event loop.
"""

import asyncio
import ssl

from ledger.errors import CairnError

CHUNK = 64 * 1024


class HandshakeError(CairnError):
    """A client showed no certificate, or one that does not count."""


class TLSStream:
    """Decrypted bytes of a connection; `shake_hands` comes first."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
        """Take a connection that was just accepted."""
        self._reader = reader
        self._writer = writer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def shake_hands(self) -> bytes:
        """Do the handshake and return the client's certificate (DER).

        Raises:
            HandshakeError: why it came to nothing, in words. The client was sent an alert.
        """
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._feed():
                    raise HandshakeError("connection closed before a certificate was shown") from None
            except ssl.SSLError as error:
                await self._flush()
                raise HandshakeError(_words(error)) from error
        await self._flush()
        certificate = self._tls.getpeercert(binary_form=True)
        assert certificate is not None  # the context asks for one
        return certificate

    async def read(self) -> bytes:
        """The next bytes of the client; empty at the end."""
        while True:
            try:
                data = self._tls.read(CHUNK)
                await self._flush()
                return data
            except ssl.SSLWantReadError:
                # What is left to say first: the answer to a key update, for example.
                await self._flush()
                if not await self._feed():
                    return b""
            except ssl.SSLError:
                return b""

    async def write(self, data: bytes) -> None:
        """Send bytes to the client; waits while it takes none."""
        self._tls.write(data)
        await self._flush()

    async def _feed(self) -> bool:
        data = await self._reader.read(CHUNK)
        if data:
            self._incoming.write(data)
        return bool(data)

    async def _flush(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())
        await self._writer.drain()


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    reason = (error.reason or "no TLS").lower().replace("_", " ")
    return "no certificate was shown" if "did not return a certificate" in reason else reason
