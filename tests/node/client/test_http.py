"""What a hostile or broken server can do to a wallet: nothing but be told about in words."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ledger.errors import MalformedError
from ledger.log import tiles
from ledger.log.identity import LogId, encode_log_id
from node.client import http
from node.client.http import LedgerHTTP, TransportError

LOG = LogId(bytes(range(32)))


@asynccontextmanager
async def serve(*routes: web.RouteDef) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(routes)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://school.example/x", "not encrypted"),
        ("ftp://school.example/", "not an http or https URL"),
        ("https://", "not an http or https URL"),
        ("file:///etc/passwd", "not an http or https URL"),
        ("https://user:secret@school.example/", "user names and passwords"),
        ("https://school.example/a b", "spaces"),
        ("https://school.example:port/", "not a URL"),
        ("http://127.0.0.1.school.example/", "not encrypted"),
        ("http://localhost.school.example/", "not encrypted"),
    ],
)
def test_addresses_that_are_not_dialled(url: str, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason) as caught:
        http.check_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://school.example/a?b=c", "http://127.0.0.1:8470", "http://localhost/", "http://[::1]:1/"]
)
def test_addresses_that_are_dialled(url: str) -> None:
    assert http.check_url(url) == url


async def test_an_answer_is_bounded() -> None:
    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(101))

    async with serve(web.get("/", large)) as url:
        assert len(await http.get_bytes(url, max_bytes=101)) == 101
        with pytest.raises(MalformedError, match="longer than 100 bytes"):
            await http.get_bytes(url, max_bytes=100)


async def test_a_silent_server_meets_the_deadline() -> None:
    released = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with serve(web.get("/", silent)) as url:
        with pytest.raises(TransportError, match=r"did not answer within 0\.05 s"):
            await http.get_bytes(url, max_bytes=1, timeout_seconds=0.05)
        released.set()


async def test_redirects_stay_on_the_server_they_came_from() -> None:
    async def away(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    async def near(_: web.Request) -> web.Response:
        raise web.HTTPFound("/there")

    async def there(_: web.Request) -> web.Response:
        return web.Response(body=b"here")

    async def loop(_: web.Request) -> web.Response:
        raise web.HTTPFound("/loop")

    routes = [web.get("/away", away), web.get("/near", near), web.get("/there", there), web.get("/loop", loop)]
    async with serve(*routes, web.post("/away", near)) as url:
        assert await http.get_bytes(f"{url}/near", max_bytes=9) == b"here"
        with pytest.raises(TransportError, match="redirects to another server"):
            await http.get_bytes(f"{url}/away", max_bytes=9)
        with pytest.raises(TransportError, match="more than 3 times"):
            await http.get_bytes(f"{url}/loop", max_bytes=9)
        with pytest.raises(TransportError, match="must not be repeated elsewhere"):
            await http.post_form(f"{url}/away", {"code": "x"})


async def test_an_error_status_keeps_a_bounded_answer() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=400, body=b'{"error":"invalid_grant"}' + b" " * http.MAX_ERROR_BYTES)

    async with serve(web.post("/", refuse)) as url:
        with pytest.raises(TransportError, match="answered 400") as caught:
            await http.post_json(url, {})
    assert caught.value.status == 400
    assert caught.value.body.startswith(b'{"error":"invalid_grant"}')
    assert len(caught.value.body) <= http.MAX_ERROR_BYTES


async def test_nobody_there_is_told_in_words() -> None:
    with pytest.raises(TransportError, match="cannot be reached") as caught:
        await http.get_bytes("http://127.0.0.1:1/", max_bytes=1)
    assert caught.value.status is None


async def test_what_is_not_json_is_refused() -> None:
    async def nonsense(_: web.Request) -> web.Response:
        return web.Response(body=b"[" * 100_000)

    async with serve(web.get("/", nonsense)) as url:
        with pytest.raises(MalformedError, match="not JSON"):
            await http.get_json(url)


async def test_an_unasked_compression_is_refused() -> None:
    async def bomb(_: web.Request) -> web.Response:
        return web.Response(body=b"x", headers={"Content-Encoding": "gzip"})

    async with serve(web.get("/", bomb)) as url:
        with pytest.raises(MalformedError, match="compressed"):
            await http.get_bytes(url, max_bytes=1 << 20)


async def test_posts_carry_what_they_should() -> None:
    seen: list[object] = []

    async def form(request: web.Request) -> web.Response:
        seen.append(dict(await request.post()))
        return web.json_response({})

    async def token(request: web.Request) -> web.Response:
        seen.append((request.headers["Authorization"], await request.json()))
        return web.json_response([1])

    async with serve(web.post("/form", form), web.post("/json", token)) as url:
        assert await http.post_form(f"{url}/form", {"grant_type": "a:b", "tx_code": "é&"}) == {}
        assert await http.post_json(f"{url}/json", {"a": 1}, bearer="t0k") == [1]
    assert seen == [{"grant_type": "a:b", "tx_code": "é&"}, ("Bearer t0k", {"a": 1})]


async def test_a_ledger_is_read_by_its_paths() -> None:
    entries = tuple(b"entry %d" % number for number in range(300))
    prefix = f"/log/{encode_log_id(LOG)}"
    answers = {
        "/logs": json.dumps([encode_log_id(LOG)]).encode(),
        f"{prefix}/checkpoint": b"note",
        f"{prefix}/{tiles.entries_path(0)}": tiles.encode_bundle(entries[:256]),
        f"{prefix}/{tiles.entries_path(1, 44)}": tiles.encode_bundle(entries[256:]),
        f"{prefix}/{tiles.tile_path(0, 1, 44)}": bytes(32 * 44),
        f"{prefix}/body/7": b"body",
        f"{prefix}/evidence": b'["AQ","Ag"]',
    }

    async def answer(request: web.Request) -> web.Response:
        if request.path not in answers:
            raise web.HTTPNotFound
        return web.Response(body=answers[request.path])

    async with serve(web.get("/{path:.*}", answer)) as url, LedgerHTTP(url + "/") as ledger:
        assert await ledger.list_logs() == (LOG,)
        assert await ledger.checkpoint(LOG) == b"note"
        assert await ledger.tile(LOG, 0, 1, 44) == bytes(32 * 44)
        assert await ledger.body(LOG, 7) == b"body"
        assert await ledger.evidence(LOG) == (b"\x01", b"\x02")
        read = [item async for item in ledger.entries(LOG, 250, 300)]
        assert read == [(250, entries[250:256]), (256, entries[256:])]
        assert [item async for item in ledger.entries(LOG, 256, 300)] == [(256, entries[256:])]
        assert [item async for item in ledger.entries(LOG, 300, 300)] == []
        with pytest.raises(TransportError, match="answered 404"):
            await ledger.body(LOG, 8)


async def test_a_short_bundle_is_refused() -> None:
    async def short(_: web.Request) -> web.Response:
        return web.Response(body=tiles.encode_bundle((b"one",)))

    async with serve(web.get("/{path:.*}", short)) as url, LedgerHTTP(url) as ledger:
        with pytest.raises(MalformedError, match="1 entries instead of 256"):
            await ledger.entry_bundle(LOG, 0)


@pytest.mark.parametrize("answer", [b"{}", b"[1]", b'["short"]'])
async def test_a_log_list_of_another_shape_is_refused(answer: bytes) -> None:
    async def logs(_: web.Request) -> web.Response:
        return web.Response(body=answer)

    async with serve(web.get("/logs", logs)) as url, LedgerHTTP(url) as ledger:
        with pytest.raises(MalformedError):
            await ledger.list_logs()


async def test_a_partial_tile_that_is_gone_is_cut_from_the_full_one() -> None:
    """A node may let partial tiles go once they are full: what was asked for is the beginning of what is there."""
    entries = tuple(b"entry %d" % number for number in range(256))
    hashes = b"".join([bytes([number]) * 32 for number in range(256)])
    prefix = f"/log/{encode_log_id(LOG)}"
    answers = {
        f"{prefix}/{tiles.entries_path(0)}": tiles.encode_bundle(entries),
        f"{prefix}/{tiles.tile_path(0, 0)}": hashes,
    }

    async def answer(request: web.Request) -> web.Response:
        if request.path not in answers:
            return web.Response(status=410 if "entries" in request.path else 404)
        return web.Response(body=answers[request.path])

    async with serve(web.get("/{path:.*}", answer)) as url, LedgerHTTP(url) as ledger:
        for width in (1, 44, 255, 256):
            assert await ledger.tile(LOG, 0, 0, width) == hashes[: 32 * width]
            assert await ledger.entry_bundle(LOG, 0, width) == entries[:width]
        with pytest.raises(TransportError, match=r"tile/1/000 answered 404"):
            await ledger.tile(LOG, 1, 0, 7)


async def test_a_tile_of_another_width_is_refused() -> None:
    """A partial path answers its own width, also if the full tile is there."""

    async def full(_: web.Request) -> web.Response:
        return web.Response(body=bytes(32 * 256))

    async with serve(web.get("/{path:.*}", full)) as url, LedgerHTTP(url) as ledger:
        with pytest.raises(MalformedError, match=r"000\.p/7 holds 8192 bytes"):
            await ledger.tile(LOG, 0, 0, 7)


async def test_a_bundle_of_the_largest_entries_is_read_whole() -> None:
    """256 entries of 65,535 bytes are one bundle; a byte more is no answer."""
    entries = tuple(bytes([number]) * tiles.MAX_ENTRY_BYTES for number in range(256))
    bundle = tiles.encode_bundle(entries)
    assert len(bundle) == http.MAX_BUNDLE_BYTES
    answer = bundle

    async def largest(_: web.Request) -> web.Response:
        return web.Response(body=answer)

    async with serve(web.get("/{path:.*}", largest)) as url, LedgerHTTP(url) as ledger:
        assert await ledger.entry_bundle(LOG, 0) == entries
        answer = bundle + b"x"
        with pytest.raises(MalformedError, match="longer than"):
            await ledger.entry_bundle(LOG, 0)
