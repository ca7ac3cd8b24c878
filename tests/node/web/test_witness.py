"""Cosigning over HTTP: a published session, every status, and callers who are slow, huge or many."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from ledger.errors import CairnError, EquivocationError, RuleError, SignatureError
from ledger.log.checkpoint import (
    Checkpoint,
    add_signatures,
    cosign,
    open_checkpoint,
    open_cosignatures,
    read_checkpoint,
    sign_checkpoint,
    witness_verifier_key,
)
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.note import NoteSignature, VerifierKey, parse_signature_lines, parse_verifier_key
from node.client.cosigntext import MAX_REQUEST_BYTES, encode_cosign_request
from node.client.exchange import CosignRequest
from node.client.failures import UnknownLogError, UnreachableError
from node.errors import BusyError
from node.web import witness
from node.web.witness import add_witness, refusal
from node.witness import verify_growth
from tests.conformance import record
from tests.node.test_witness import HELD, SIZE, Stand, forge, standing
from tests.node.web.served import serve
from tests.shared import shared_path
from tests.simulator import NOW

KEY = SigningKey(b"\x05" * 32)


@dataclass
class PlainWitness:
    """A witness without house policy: it judges what a request shows, and holds nothing."""

    logs: dict[str, VerifierKey]
    name: str = "example.com/witness"
    cosigned: dict[str, tuple[int, RootHash]] = field(default_factory=dict)
    notes: dict[str, bytes] = field(default_factory=dict)

    async def add_checkpoint(self, request: CosignRequest) -> bytes:
        claimed = read_checkpoint(request.note)
        if claimed.origin not in self.logs:
            raise UnknownLogError("origin unknown")
        open_checkpoint(request.note, self.logs[claimed.origin])
        verify_growth(request, claimed, self.cosigned.get(claimed.origin))
        self.cosigned[claimed.origin] = claimed.size, claimed.root
        line = cosign(request.note, self.name, KEY, NOW // 1000)
        self.notes[claimed.origin] = add_signatures(request.note, [line])
        return line.encode().encode()

    def cosigned_note(self, origin_hash: bytes) -> bytes | None:
        found = [origin for origin in self.notes if sha256(origin.encode()).digest() == origin_hash]
        return self.notes[found[0]] if found else None


@asynccontextmanager
async def served(
    cosigner: witness.HTTPCosigner, read_seconds: float = 10
) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    app = web.Application()
    add_witness(app, cosigner, lambda: NOW, read_seconds=read_seconds)
    async with serve(app) as url, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        yield f"{url}/witness", session


async def test_a_published_session() -> None:
    """Every step of it answers as the specification says, and a good one with a line that verifies."""
    vector = json.loads(shared_path("vectors/tlog/witness/add_checkpoint.json").read_text())
    logs = {origin: parse_verifier_key(key) for origin, key in vector["logs"].items()}
    plain = PlainWitness(logs, vector["witness_name"])
    key = witness_verifier_key(plain.name, KEY.public)
    async with served(plain) as (url, session):
        for step in vector["steps"]:
            async with session.post(f"{url}/add-checkpoint", data=step["body"].encode()) as response:
                body = await response.read()
                assert response.status == step["status"], step
            if step["status"] == 200:
                note = step["body"].partition("\n\n")[2].encode()
                (cosignature,) = open_cosignatures(add_signatures(note, parse_signature_lines(body)), [key])
                assert cosignature.seconds == NOW // 1000
            if step["status"] == 409:
                assert response.headers["Content-Type"] == "text/x.tlog.size"
                assert body.decode() == f"{plain.cosigned[read_checkpoint(note).origin][0]}\n"
    good = sum(step["status"] == 200 for step in vector["steps"])
    files = ["vectors/tlog/witness/add_checkpoint.json"]
    record(
        "Transparency logs (RFC 6962, C2SP)",
        "calls of a witness",
        files,
        accepted=good,
        refused=len(vector["steps"]) - good,
    )


async def post(stand: Stand, request: CosignRequest | bytes) -> tuple[int, str, bytes]:
    """Send one request to a real witness; gives status, type and body."""
    data = request if isinstance(request, bytes) else encode_cosign_request(request)
    async with (
        served(stand.campus.node.witness) as (url, session),
        session.post(f"{url}/add-checkpoint", data=data) as response,
    ):
        return response.status, response.headers["Content-Type"], await response.read()


async def test_every_status_of_a_real_witness(tmp_path: Path) -> None:
    """Four entries were cosigned; each refusal has its own status, and four it stays until a good request comes."""
    stranger = sign_checkpoint(Checkpoint("granite.example/log", 6, RootHash(bytes(32))), SigningKey(bytes(32)))
    async with standing(tmp_path) as stand:
        assert (await post(stand, stand.request(0, 4)))[0] == 200
        for request, status in (
            (b"old 4\n", 400),
            (b"old 04\n\n" + stand.notes[6], 400),
            (b"old 4\n\nno note", 400),
            (b"old 4\n\n" + stand.notes[6].replace(b"\n\n", b"\nan extension line\n\n", 1), 400),
            (stand.request(4, 6, old_size=7), 400),
            (stand.request(4, 6, note=stranger), 403),
            (stand.request(4, 6, note=forge(6, origin="x.example/log")), 404),
            (stand.request(4, 6, proof=()), 422),
            (stand.request(4, 6, proof=(bytes(32),) * 3), 422),
            (stand.request(4, 4, note=forge(4)), 422),
            (stand.request(4, 4, proof=(bytes(32),)), 422),
        ):
            found, kind, body = await post(stand, request)
            assert (found, kind) == (status, "text/plain; charset=utf-8"), body
            assert stand.cosigned == 4
        for old in (0, 3):
            assert await post(stand, stand.request(old, 6)) == (409, "text/x.tlog.size", b"4\n")
        status, _, line = await post(stand, stand.request(4, 6))
        assert status == 200
        key = stand.campus.node.witness_key()
        assert open_cosignatures(add_signatures(stand.notes[6], parse_signature_lines(line)), [key])
        assert stand.cosigned == 6


async def test_size_zero_is_refused(tmp_path: Path) -> None:
    async with standing(tmp_path) as stand:
        assert (await post(stand, CosignRequest(old_size=0, proof=(), note=forge(0))))[0] == 422


async def test_what_is_not_held_is_first_pulled_from_where_the_log_is_known_to_be(tmp_path: Path) -> None:
    """House policy: a caller brings no entries, so the node fetches them; nobody tells it where."""
    async with standing(tmp_path) as stand:
        stand.serve(SIZE)
        status, _, line = await post(stand, stand.request(0, SIZE))
        assert (status, len(parse_signature_lines(line))) == (200, 1)
        assert stand.campus.holds(stand.log.log_id, SIZE)


async def test_what_cannot_be_held_is_refused_for_now(tmp_path: Path) -> None:
    """The writer serves six of twelve entries: 503, when to come back, and nothing remembered."""
    async with standing(tmp_path) as stand, served(stand.campus.node.witness) as (url, session):
        data = encode_cosign_request(stand.request(0, SIZE))
        async with session.post(f"{url}/add-checkpoint", data=data) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0
            assert f"holds {HELD} of {SIZE} entries" in await response.text()
        assert stand.cosigned == 0


async def test_grease_in_a_request_is_ignored_and_not_answered(tmp_path: Path) -> None:
    """Lines of strangers, and a false one under the witness's own name: the answer is our line alone."""
    async with standing(tmp_path) as stand:
        own = stand.campus.node.witness_key()
        grease = [NoteSignature(f"grease{n}.example", bytes([n] * 4), bytes(70)) for n in range(10)]
        note = add_signatures(stand.notes[4], [*grease, NoteSignature(own.name, own.key_id, bytes(72))])
        status, _, line = await post(stand, stand.request(0, 4, note=note))
        assert status == 200
        (signature,) = parse_signature_lines(line)
        assert (signature.name, signature.key_id) == (own.name, own.key_id)


async def test_what_was_cosigned_last_is_shown(tmp_path: Path) -> None:
    """By the hash of the origin, with the log's line and ours."""
    async with standing(tmp_path) as stand, served(stand.campus.node.witness) as (url, session):
        address = f"{url}/{sha256(b'granite.example/log').hexdigest()}/checkpoint"
        async with session.get(address) as response:
            assert response.status == 404
        await post(stand, stand.request(0, 4))
        async with session.get(address) as response:
            note = await response.read()
        assert read_checkpoint(note).size == 4
        assert open_cosignatures(note, [stand.campus.node.witness_key()])
        for other in ("0" * 64, "0" * 63, "0" * 63 + "A", "x"):
            async with session.get(f"{url}/{other}/checkpoint") as response:
                assert response.status == 404


class Stuck:
    """A witness that waits for entries until it is told that they came."""

    def __init__(self) -> None:
        self.waiting = 0
        self.enough = asyncio.Event()
        self.came = asyncio.Event()

    async def add_checkpoint(self, request: CosignRequest) -> bytes:
        self.waiting += 1
        if self.waiting == witness.MAX_UNDER_WAY:
            self.enough.set()
        await self.came.wait()
        return b""

    def cosigned_note(self, origin_hash: bytes) -> bytes | None:
        return None


async def test_a_request_is_bounded() -> None:
    """Beyond what a request may have: refused; beyond what this server reads of anything: not read whole."""
    async with served(Stuck()) as (url, session):
        for length, status in ((MAX_REQUEST_BYTES + 1, 400), (2 << 20, 413)):
            async with session.post(f"{url}/add-checkpoint", data=io.BytesIO(bytes(length))) as response:
                assert response.status == status


async def test_no_more_than_so_many_wait_at_a_time() -> None:
    stuck = Stuck()
    body = encode_cosign_request(CosignRequest(old_size=0, proof=(), note=b"note"))
    connector = aiohttp.TCPConnector(limit=0)
    async with served(stuck) as (url, _), aiohttp.ClientSession(connector=connector) as session:

        async def ask() -> None:
            async with session.post(f"{url}/add-checkpoint", data=body):
                pass

        tasks = [asyncio.create_task(ask()) for _ in range(witness.MAX_UNDER_WAY)]
        async with asyncio.timeout(30):
            await stuck.enough.wait()
            async with session.post(f"{url}/add-checkpoint", data=body) as response:
                assert response.status == 503
        # The server waits for whoever is being served before it stops.
        stuck.came.set()
        await asyncio.gather(*tasks)


async def test_a_caller_who_asks_too_often_is_told_to_slow_down() -> None:
    async with served(PlainWitness({})) as (url, session):
        statuses = []
        for _ in range(320):
            async with session.post(f"{url}/add-checkpoint", data=b"x") as response:
                statuses.append(response.status)
        assert set(statuses[:300]) == {400}
        assert statuses[-1] == 429


async def test_a_caller_who_dribbles_is_hung_up_on() -> None:
    """One byte and then silence: answered 408 when the time is over, and others are served meanwhile."""
    async with served(PlainWitness({}), read_seconds=0.2) as (url, session):
        host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\no")
        await writer.drain()
        async with session.post(f"{url}/add-checkpoint", data=b"x") as response:
            assert response.status == 400
        async with asyncio.timeout(30):
            assert b"408" in await reader.readline()
        writer.close()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SignatureError("x"), 403),
        (RuleError("x"), 422),
        (EquivocationError("x"), 422),
        (BusyError("x"), 503),
        (UnreachableError("x"), 503),
        (CairnError("ledger store: cannot write: /srv/cairn"), 503),
    ],
)
def test_every_error_has_a_status(error: CairnError, status: int) -> None:
    response = refusal(error)
    assert response.status == status
    assert b"/srv" not in (response.body or b"")  # type: ignore[operator]  # bytes, as made there
