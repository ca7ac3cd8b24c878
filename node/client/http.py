"""The HTTP side of a node, seen from a wallet, a light replica or an auditor.

Everything fetched here is judged elsewhere: a tile, a body or a checkpoint proves itself, an offer is checked before it is
kept. This module only bounds what a stranger's server can do to us: size, time, redirects and plain text on the wire.

- https only, plain http only to this computer; certificates are judged by the usual authorities, or, where a trust root is
  at hand, by the vouchers of its institutions (`node.client.https`);
- a redirect is followed for GET, to the same scheme, host and port, three times at most;
- no cookies, no credentials from the environment, no compressed answers, a limit in bytes on every answer;
- one deadline per request, counted from the call to the last byte.

aiohttp costs a quarter of a second to import, so it is imported where a connection is opened.
"""

import ipaddress
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode, urljoin, urlsplit

import orjson

from ledger import base64url
from ledger.errors import CairnError, MalformedError
from ledger.log import body, tiles
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from ledger.log.merkle import HASH_BYTES

if TYPE_CHECKING:
    import aiohttp

    from ledger.log.policy import TrustRoot

TIMEOUT_SECONDS = 30.0
NOT_FOUND, GONE = 404, 410
MAX_REDIRECTS = 3
MAX_JSON_BYTES = 1 << 20
MAX_NOTE_BYTES = 1 << 16
MAX_ERROR_BYTES = 1 << 14
MAX_LOGS = 100_000
MAX_LOG_LIST_BYTES = 8 << 20
MAX_EVIDENCE_BYTES = 16 << 20
# 256 entries of at most 65,535 bytes, each with a two-byte length.
MAX_BUNDLE_BYTES = 256 * (65_535 + 2)
MAX_TILE_BYTES = 256 * 32


class TransportError(CairnError):
    """The other side could not be reached, or answered something else than success.

    Attributes:
        status: HTTP status, None where no answer came.
        body: what came with it, at most `MAX_ERROR_BYTES`.
    """

    def __init__(self, message: str, *, status: int | None = None, body: bytes = b"", hint: str = "") -> None:
        """Keep the answer beside the message."""
        super().__init__(message, hint=hint)
        self.status = status
        self.body = body


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this computer."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(url: str) -> str:
    """Return the URL if it may be dialled: https, or http to this computer, without user name or fragment.

    Raises:
        MalformedError: anything else.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise MalformedError(f"address {url!r} is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise MalformedError(f"address {url!r} is not an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise MalformedError(f"address of {host}: user names and passwords in a URL are not accepted")
    if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in url):
        raise MalformedError(f"address {url!r} holds spaces or control characters")
    if parts.scheme == "http" and not is_loopback(host):
        raise MalformedError(
            f"address {url!r} is not encrypted", hint="use https; plain http is accepted only on this computer"
        )
    return url


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a checked URL, the port filled in."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


@asynccontextmanager
async def open_session() -> AsyncIterator["aiohttp.ClientSession"]:
    """Open a session to pass to several requests, so that they share connections."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=16, limit_per_host=8)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "cairn"},
    )
    async with session:
        yield session


async def get_bytes(
    url: str,
    *,
    max_bytes: int,
    timeout_seconds: float = TIMEOUT_SECONDS,
    accept: str = "*/*",
    session: "aiohttp.ClientSession | None" = None,
    pin: bytes | None = None,
) -> bytes:
    """Fetch a resource whole, at most `max_bytes`; with `pin`, the SHA-256 of a certificate, from its holder alone.

    Raises:
        MalformedError: the URL may not be dialled, or the answer is longer than `max_bytes`.
        TransportError: no answer within the deadline, or a status other than 200.
    """
    return await _request("GET", url, max_bytes, timeout_seconds, {"Accept": accept}, None, session, pin)


async def get_json(
    url: str,
    *,
    max_bytes: int = MAX_JSON_BYTES,
    timeout_seconds: float = TIMEOUT_SECONDS,
    session: "aiohttp.ClientSession | None" = None,
) -> Any:  # JSON of any shape; the caller checks what it reads
    """Fetch a JSON document; errors as `get_bytes`, and MalformedError where it is not JSON."""
    data = await get_bytes(
        url, max_bytes=max_bytes, timeout_seconds=timeout_seconds, accept="application/json", session=session
    )
    return parse_json(data, url)


async def post_form(
    url: str,
    fields: Mapping[str, str],
    *,
    max_bytes: int = MAX_JSON_BYTES,
    timeout_seconds: float = TIMEOUT_SECONDS,
    session: "aiohttp.ClientSession | None" = None,
) -> Any:  # JSON of any shape; the caller checks what it reads
    """Send a form and return the JSON answer; errors as `get_json`."""
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    payload = urlencode(fields).encode("ascii")
    return parse_json(await _request("POST", url, max_bytes, timeout_seconds, headers, payload, session), url)


async def post_json(
    url: str,
    value: object,
    *,
    bearer: str = "",
    max_bytes: int = MAX_JSON_BYTES,
    timeout_seconds: float = TIMEOUT_SECONDS,
    session: "aiohttp.ClientSession | None" = None,
) -> Any:  # JSON of any shape; the caller checks what it reads
    """Send JSON, with a bearer token if one is given, and return the JSON answer; errors as `get_json`."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    answer = await _request("POST", url, max_bytes, timeout_seconds, headers, orjson.dumps(value), session)
    return parse_json(answer, url)


async def post_text(url: str, payload: bytes, *, max_bytes: int, timeout_seconds: float, pin: bytes | None) -> bytes:
    """Send text and return the answer, at most `max_bytes`; errors as `get_bytes`."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return await _request("POST", url, max_bytes, timeout_seconds, headers, payload, None, pin)


def parse_json(data: bytes, where: str) -> Any:  # JSON of any shape; the caller checks what it reads
    """Parse a JSON answer.

    Raises:
        MalformedError: it is not UTF-8 JSON, holds half a character, or is nested too deeply to be read.
    """
    try:
        return orjson.loads(data)
    except ValueError as error:
        raise MalformedError(f"answer of {where} is not JSON") from error


class LedgerHTTP:
    """The public endpoints of one node, for any log it holds. Use as an async context manager.

    With a trust root, a certificate that the node made itself is accepted where an institution of it vouches for it.
    Nothing returned here is verified; `ledger.log.follow` judges it.
    """

    def __init__(
        self, base_url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, trust: "TrustRoot | None" = None
    ) -> None:
        """Remember where the node is; nothing is dialled yet."""
        self.base_url = check_url(base_url).rstrip("/")
        self.timeout_seconds = timeout_seconds
        self._scope: Any = None  # the async context manager of the session; contextlib's type is private
        self._session: aiohttp.ClientSession | None = None
        self._trust = trust
        self._pin: bytes | None = None

    async def __aenter__(self) -> Self:
        """Open the session all requests share.

        Raises:
            TransportError: the node's certificate carries a voucher that the trust root does not support.
        """
        if self._trust is not None:
            from node.client.failures import UnreachableError
            from node.client.https import find_pin

            try:
                self._pin = await find_pin(self.base_url, self._trust)
            except UnreachableError as error:
                raise TransportError(str(error), hint=error.hint) from error
        self._scope = open_session()
        self._session = await self._scope.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._scope.__aexit__(kind, error, trace)
        self._session = None

    async def list_logs(self) -> tuple[LogId, ...]:
        """Return the ids of all logs this node serves."""
        value = parse_json(await self._fetch("logs", MAX_LOG_LIST_BYTES), f"{self.base_url}/logs")
        if not isinstance(value, list) or len(value) > MAX_LOGS:
            raise MalformedError(f"log list of {self.base_url} is not a list of at most {MAX_LOGS} logs")
        if not all(isinstance(item, str) for item in value):
            raise MalformedError(f"log list of {self.base_url} holds something that is not a log id")
        return tuple(parse_log_id(item) for item in value)

    async def checkpoint(self, log: LogId) -> bytes:
        """Return the newest checkpoint note of a log, with the cosignatures the node holds."""
        return await self._get(log, "checkpoint", MAX_NOTE_BYTES)

    async def tile(self, log: LogId, level: int, index: int, width: int = tiles.TILE_WIDTH) -> bytes:
        """Return a hash tile of `width` hashes; cut from the full one where the partial one is gone."""
        data, found = await self._get_tile(log, partial(tiles.tile_path, level, index), width, MAX_TILE_BYTES)
        if len(data) != found * HASH_BYTES:
            raise MalformedError(f"tile {tiles.tile_path(level, index, found)} holds {len(data)} bytes")
        return data[: width * HASH_BYTES]

    async def entry_bundle(self, log: LogId, index: int, width: int = tiles.TILE_WIDTH) -> tuple[bytes, ...]:
        """Return entries `[256 index, 256 index + width)`; cut from the full bundle where the partial one is gone."""
        data, found = await self._get_tile(log, partial(tiles.entries_path, index), width, MAX_BUNDLE_BYTES)
        entries = tiles.parse_bundle(data)
        if len(entries) != found:
            raise MalformedError(f"entry bundle {index} holds {len(entries)} entries instead of {found}")
        return entries[:width]

    async def entries(self, log: LogId, start: int, size: int) -> AsyncIterator[tuple[int, tuple[bytes, ...]]]:
        """Yield entries `[start, size)` of a log of `size` entries, as pairs of first index and entries."""
        if start >= size:
            return
        for index in range(start // tiles.TILE_WIDTH, -(-size // tiles.TILE_WIDTH)):
            first = index * tiles.TILE_WIDTH
            bundle = await self.entry_bundle(log, index, min(tiles.TILE_WIDTH, size - first))
            skip = max(0, start - first)
            yield first + skip, bundle[skip:]

    async def body(self, log: LogId, index: int, *, max_bytes: int = body.MAX_BODY_BYTES) -> bytes:
        """Return the whole body of entry `index`."""
        return await self._get(log, f"body/{index}", max_bytes)

    async def evidence(self, log: LogId) -> tuple[bytes, ...]:
        """Return the fork evidence the node holds about a log."""
        data = await self._get(log, "evidence", MAX_EVIDENCE_BYTES)
        value = parse_json(data, f"{self.base_url} (evidence)")
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise MalformedError(f"evidence list of {self.base_url} is not a list of texts")
        return tuple(base64url.decode(item) for item in value)

    async def _get_tile(self, log: LogId, path_of: Callable[[int], str], width: int, most: int) -> tuple[bytes, int]:
        """A tile or bundle, and of which width; a partial one may be gone once the full one is there (C2SP tlog-tiles)."""
        try:
            return await self._get(log, path_of(width), most), width
        except TransportError as error:
            if error.status not in (NOT_FOUND, GONE) or width == tiles.TILE_WIDTH:
                raise
        return await self._get(log, path_of(tiles.TILE_WIDTH), most), tiles.TILE_WIDTH

    async def _get(self, log: LogId, path: str, max_bytes: int) -> bytes:
        return await self._fetch(f"log/{encode_log_id(log)}/{path}", max_bytes)

    async def _fetch(self, path: str, max_bytes: int) -> bytes:
        return await get_bytes(
            f"{self.base_url}/{path}",
            max_bytes=max_bytes,
            timeout_seconds=self.timeout_seconds,
            session=self._session,
            pin=self._pin,
        )


async def _request(
    method: str,
    url: str,
    max_bytes: int,
    timeout_seconds: float,
    headers: Mapping[str, str],
    payload: bytes | None,
    session: "aiohttp.ClientSession | None",
    pin: bytes | None = None,
) -> bytes:
    import asyncio

    import aiohttp

    from node.client.https import describe_failure

    check_url(url)
    host = urlsplit(url).netloc
    try:
        async with asyncio.timeout(timeout_seconds):
            if session is not None:
                return await _exchange(session, method, url, max_bytes, headers, payload, pin)
            async with open_session() as own:
                return await _exchange(own, method, url, max_bytes, headers, payload, pin)
    except TimeoutError as error:
        raise TransportError(f"{host} did not answer within {timeout_seconds:g} s", hint="try again later") from error
    except (aiohttp.ClientError, OSError) as error:
        message, hint = describe_failure(url, error)
        raise TransportError(message, hint=hint) from error


async def _exchange(
    session: "aiohttp.ClientSession",
    method: str,
    url: str,
    max_bytes: int,
    headers: Mapping[str, str],
    payload: bytes | None,
    pin: bytes | None,
) -> bytes:
    import aiohttp

    target, verified = url, True if pin is None else aiohttp.Fingerprint(pin)
    for _ in range(MAX_REDIRECTS + 1):
        async with session.request(
            method, target, data=payload, headers=dict(headers), allow_redirects=False, ssl=verified
        ) as response:
            if response.status in (301, 302, 303, 307, 308):
                target = _redirect(method, url, target, response.headers.get("Location", ""))
                continue
            if not 200 <= response.status < 300:
                await _refuse(response, url)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise MalformedError(f"answer of {url} is compressed, which was not asked for")
            return await _read(response, url, max_bytes)
    raise TransportError(f"{url} redirects more than {MAX_REDIRECTS} times")


def _redirect(method: str, url: str, target: str, location: str) -> str:
    # A token or a one-time code must never be repeated to a place the learner has not seen.
    if method != "GET":
        raise TransportError(f"{url} redirects a request that must not be repeated elsewhere")
    following = urljoin(target, location)
    if not location or origin_of(following) != origin_of(url):
        raise TransportError(
            f"{url} redirects to another server ({following!r})", hint="use that address if you trust it"
        )
    return check_url(following)


async def _refuse(response: "aiohttp.ClientResponse", url: str) -> None:
    detail = await response.content.read(MAX_ERROR_BYTES)
    raise TransportError(f"{url} answered {response.status}", status=response.status, body=detail)


async def _read(response: "aiohttp.ClientResponse", url: str, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    length = 0
    async for chunk in response.content.iter_chunked(1 << 16):
        length += len(chunk)
        if length > max_bytes:
            raise MalformedError(f"answer of {url} is longer than {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
