"""Asking a witness over HTTP: what each of its answers means to the caller."""

from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web

from ledger.errors import CairnError, MalformedError, ProofError, SignatureError
from ledger.log.charter import Institution
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from node.client.exchange import CosignRequest
from node.client.failures import UnknownLogError, UnreachableError
from node.client.pin import Expectation
from node.client.witness import WitnessHTTP
from node.errors import BusyError, ConflictError
from node.tls.modes import TLSMode
from tests.end_to_end.world import found
from tests.node.client.test_http import serve
from tests.node.test_tls_listeners import running

NOTE = sign_checkpoint(Checkpoint("granite.example/log", 1, RootHash(bytes(32))), SigningKey(bytes(32)))
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


async def test_a_certificate_the_witness_made_itself(tmp_path: Path) -> None:
    """Its institution vouches for it: asked like any other. Somebody else's voucher: not a word is said."""
    campus = found(tmp_path, "school", Institution.NETWORK, http_tls=TLSMode.SELF_MADE)
    request = CosignRequest(old_size=0, proof=(), note=NOTE)
    async with running(campus, tmp_path / "state") as node:
        prefix = f"{node.http_url}/witness"
        assert prefix.startswith("https://")
        own = WitnessHTTP(prefix, node.side.directory.expected_of(node.log_id))
        with pytest.raises(UnknownLogError, match=r"granite\.example/log is not followed here"):
            await own.add_checkpoint(request, timeout_seconds=10)
        assert await own.cosigned_note("granite.example/log", timeout_seconds=10) is None
        other = Expectation(frozenset({(LogId(bytes(32)), SigningKey(bytes(32)).public)}), is_named=True)
        with pytest.raises(UnreachableError):
            await WitnessHTTP(prefix, other).add_checkpoint(request, timeout_seconds=10)
