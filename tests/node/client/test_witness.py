"""Asking a witness over HTTP: what each of its answers means to the caller."""

from hashlib import sha256

import pytest
from aiohttp import web

from ledger.errors import CairnError, MalformedError, ProofError, SignatureError
from node.client.exchange import CosignRequest
from node.client.failures import UnknownLogError, UnreachableError
from node.client.witness import WitnessHTTP
from node.errors import BusyError, ConflictError
from tests.node.client.test_http import serve

REQUEST = CosignRequest(old_size=3, proof=(bytes(32),), note=b"a note\n", address="a:1")


async def ask(response: web.Response) -> bytes:
    """What the client makes of one answer; checks what it sent."""
    seen: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(await request.read())
        return response

    async with serve(web.post("/prefix/add-checkpoint", answer)) as url:
        try:
            return await WitnessHTTP(f"{url}/prefix/").add_checkpoint(REQUEST, timeout_seconds=10)
        finally:
            assert seen == [b"old 3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\na note\n"]


async def test_lines_are_given_as_they_come() -> None:
    assert await ask(web.Response(body=b"lines\n")) == b"lines\n"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, MalformedError),
        (403, SignatureError),
        (404, UnknownLogError),
        (422, ProofError),
        (429, BusyError),
        (503, BusyError),
        (500, UnreachableError),
        (302, UnreachableError),
    ],
)
async def test_refusals_have_the_errors_of_grpc(status: int, kind: type[CairnError]) -> None:
    with pytest.raises(kind) as caught:
        await ask(web.Response(status=status, body=b"because of this\n"))
    if status != 302:
        assert str(caught.value).endswith(f"answered {status}: because of this")


async def test_a_conflict_tells_the_size() -> None:
    with pytest.raises(ConflictError) as caught:
        await ask(web.Response(status=409, body=b"57\n", headers={"Content-Type": "text/x.tlog.size"}))
    assert caught.value.size == 57


@pytest.mark.parametrize("body", [b"", b"57", b"conflict\n", b"-1\n", b"9" * 30 + b"\n"])
async def test_a_conflict_without_a_size_is_a_contradiction(body: bytes) -> None:
    with pytest.raises(ProofError):
        await ask(web.Response(status=409, body=body))


async def test_an_answer_is_bounded() -> None:
    with pytest.raises(MalformedError, match="longer than"):
        await ask(web.Response(body=bytes(20_000)))


async def test_nobody_there() -> None:
    with pytest.raises(UnreachableError):
        await WitnessHTTP("http://127.0.0.1:1/").add_checkpoint(REQUEST, timeout_seconds=10)


def test_only_https_leaves_this_computer() -> None:
    with pytest.raises(MalformedError, match="not encrypted"):
        WitnessHTTP("http://witness.example/")


async def test_what_was_cosigned_last() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"a note\n")

    path = f"/{sha256(b'log.example').hexdigest()}/checkpoint"
    async with serve(web.get(path, answer)) as url:
        client = WitnessHTTP(url)
        assert await client.cosigned_note("log.example", timeout_seconds=10) == b"a note\n"
        assert await client.cosigned_note("other.example", timeout_seconds=10) is None
