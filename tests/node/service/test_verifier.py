"""The Verifier service over a real Unix socket: the same verdicts, in order, one file's memory, nothing kept."""

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.credential.batch_report import encode_report
from ledger.credential.report import Code, RecordReport
from ledger.credential.verify import MAX_FILE_BYTES
from ledger.errors import MalformedError, PolicyError
from ledger.log.identity import LogId
from ledger.log.policy import TrustRoot
from node.client.contexts import open_library
from node.client.reach import reach_socket, translating
from node.client.verifier import Asked, ShownFile, VerifierClient
from node.newestheads import NewestHeads
from node.pb import verifier_pb2 as pb
from node.service.boundary import ErrorBoundary
from node.service.server import listen, make_server
from node.service.verifier import add_verifier
from node.store.ledgerstore import LedgerStore
from node.verifying import Inquiry, VerifyingDesk
from tests.ledger.credential.verifying import AUDIENCE, NONCE, World
from tests.node.test_newestheads import Shown, grow
from tests.node.web.served import open_store
from tests.simulator import NOW

ASKED = Asked(audience=AUDIENCE, nonce=NONCE, at=NOW + 60_000)


class Bench:
    """A world, the store that holds its logs, and a desk over it."""

    def __init__(self, folder: Path) -> None:
        self.world = World()
        self.copies = [self.world.mint() for _ in range(3)]
        self.world.cut(*self.copies)
        self.store: LedgerStore = open_store(folder / "ledger", self.world.logs)
        self.now = NOW + 60_000
        self.trusts: tuple[TrustRoot, ...] = (self.world.trust,)
        heads = NewestHeads(self.store, Shown(self.store).newest_head)
        self.desk = VerifyingDesk(heads, lambda: self.trusts, lambda: self.now, open_library(folder))

    def grow(self) -> None:
        """The store takes what the world has written since."""
        for log in self.world.logs:
            held = self.store.log(log.log_id)
            assert held is not None
            if held.size < log.size:
                grow(self.store, log)
            assert log.note is not None
            held.put_note(log.note)


@asynccontextmanager
async def calling(socket: Path) -> AsyncIterator[VerifierClient]:
    reach = reach_socket(str(socket))
    try:
        yield VerifierClient(reach)
    finally:
        await reach.channel.close(None)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Bench, VerifierClient]]:
    bench = Bench(folder)
    server = make_server(ErrorBoundary())
    add_verifier(server, bench.desk)
    listen(server, f"unix:{folder / 's'}")
    await server.start()
    try:
        async with asyncio.timeout(120), calling(folder / "s") as client:
            yield bench, client
    finally:
        await server.stop(None)
        bench.desk.close()
        bench.store.close()


async def stream(files: Iterable[bytes]) -> AsyncIterator[ShownFile]:
    for data in files:
        yield ShownFile(data)


async def ask_all(client: VerifierClient, files: Iterable[bytes], asked: Asked = ASKED) -> list[RecordReport]:
    return [report async for report in client.verify_all(stream(files), asked)]


async def test_one_file_is_judged_as_by_anybody_who_holds_the_logs(tmp_path: Path) -> None:
    async with serving(tmp_path) as (bench, client):
        data = bench.world.present(*bench.copies)
        report = await client.verify(ShownFile(data), ASKED)
        assert report == bench.world.verify(data)
        assert [item.code for item in report.credentials] == [Code.VALID] * 3


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (replace(ASKED, audience="https://other.example"), Code.NOT_BOUND),
        (replace(ASKED, nonce="other"), Code.NOT_BOUND),
        (replace(ASKED, at=NOW + 40 * 86_400_000), Code.NOT_BOUND),
        (replace(ASKED, audience=None, nonce=None), Code.VALID),
        (replace(ASKED, at=None), Code.VALID),
    ],
)
async def test_what_is_asked_is_what_is_judged(tmp_path: Path, asked: Asked, code: Code) -> None:
    async with serving(tmp_path) as (bench, client):
        data = bench.world.present(bench.copies[0])
        assert (await client.verify(ShownFile(data), asked)).credentials[0].code is code
        (report,) = await ask_all(client, [data], asked)
        assert report.credentials[0].code is code


async def test_many_files_come_back_in_order_and_a_bad_one_ends_nothing(tmp_path: Path) -> None:
    """Among good ones: nothing, noise, a cut one, one with a flipped byte, one that is too long."""
    async with serving(tmp_path) as (bench, client):
        good = [bench.world.present(copy, nonce=f"n{n}") for n, copy in enumerate(bench.copies)]
        flipped = good[0].replace(b"To build bridges", b"To build badgers")
        files = [good[0], b"", b"\xff" * 100, good[1][:-20], flipped, bytes(MAX_FILE_BYTES + 1), good[2]]
        reports = await ask_all(client, files, replace(ASKED, nonce=None))
        codes = [report.credentials[0].code for report in reports]
        assert codes == [
            Code.VALID,
            *[Code.MALFORMED] * 3,
            Code.NOT_BOUND,
            Code.MALFORMED,
            Code.VALID,
        ]
        assert f"more than {MAX_FILE_BYTES}" in reports[5].credentials[0].steps[0].detail


async def test_files_and_reports_larger_than_a_message(tmp_path: Path) -> None:
    """One file of over two mebibytes with two hundred credentials; its report does not fit a message either."""
    async with serving(tmp_path) as (bench, client):
        texts = {f"part{n:02d}": "x" * 20_000 for n in range(50)}
        data = bench.world.present(*(bench.copies * 70)[:200], learner=texts)
        assert len(data) > 1 << 20
        (report,) = await ask_all(client, [data])
        assert len(report.credentials) == 200
        assert len(encode_report(report)) > 1 << 20
        assert report.exit_code == 0


async def test_the_newest_look_counts(tmp_path: Path) -> None:
    """Revoked, cut and replicated while the desk runs: the next look says so."""
    async with serving(tmp_path) as (bench, client):
        one = bench.copies[0]
        data = bench.world.present(one)
        assert (await client.verify(ShownFile(data), ASKED)).credentials[0].code is Code.VALID
        bench.world.desk(bench.world.granite).statuses[one.slot] = 1
        bench.world.cut()
        bench.grow()
        bench.now += 1000
        assert (await client.verify(ShownFile(data), ASKED)).credentials[0].code is Code.REVOKED


async def test_what_was_known_on_a_day_comes_beside_what_is_known(tmp_path: Path) -> None:
    """Revoked on the third day; asked about the second, and about a day before there was anything."""
    async with serving(tmp_path) as (bench, client):
        one, day = bench.copies[0], 86_400
        for number in (1, 2, 3):
            if number == 3:
                bench.world.desk(bench.world.granite).statuses[one.slot] = 1
            bench.world.granite.anchor()
            bench.world.page(bench.world.granite)
            # What was confirmed keeps its time: the anchor records it, and only then is the network confirmed anew.
            bench.world.granite.sign([bench.world.network, bench.world.lantern], NOW // 1000 + number * day)
            bench.world.network.anchor([bench.world.granite.note or b""])
            bench.world.network.sign([bench.world.granite, bench.world.lantern], NOW // 1000 + number * day)
        bench.grow()
        bench.now = NOW + 3 * day * 1000 + 60_000
        data = bench.world.present(one)
        asked = replace(ASKED, at=None, as_of=NOW + 2 * day * 1000 + 60_000)
        report = await client.verify(ShownFile(data), asked)
        (credential,) = report.credentials
        assert credential.as_of is not None
        assert (credential.code, credential.as_of.known_then.code) == (Code.REVOKED, Code.VALID)
        (change,) = credential.as_of.changes
        assert (change.step, change.log, change.index) == (11, "Granite", 9)
        assert report.exit_code == 0
        (again,) = await ask_all(client, [data], asked)
        assert again == report
        (early,) = await ask_all(client, [data], replace(asked, as_of=NOW - day * 1000))
        assert early.credentials[0].as_of is not None
        assert early.credentials[0].as_of.known_then.code is Code.NO_QUORUM


async def test_a_network_nobody_here_knows(tmp_path: Path) -> None:
    async with serving(tmp_path) as (bench, client):
        data = bench.world.present(bench.copies[0])
        with pytest.raises(PolicyError, match="neither belongs to it nor follows it"):
            await client.verify(ShownFile(data), replace(ASKED, network=LogId(bytes(32))))
        assert (await client.verify(ShownFile(data), replace(ASKED, network=bench.world.trust.network))).exit_code == 0
        bench.trusts = ()
        with pytest.raises(PolicyError, match="belongs to no network") as caught:
            await ask_all(client, [data])
        assert "cairn-node join" in caught.value.hint


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (pb.VerifyRequest(data=b"x", more=True), "goes on in another message"),
        (pb.VerifyRequest(audience="x" * 1001), "audience: more than 1000"),
        (pb.VerifyRequest(nonce="x" * 1001), "nonce: more than 1000"),
        (pb.VerifyRequest(at=2**60), "at: 1152921504606846976 is beyond"),
        (pb.VerifyRequest(network=b"x"), "log id: 1 bytes"),
        (pb.VerifyRequest(as_of=2**60), "as_of: 1152921504606846976 is beyond"),
        (pb.VerifyRequest(data=b"x", as_of=NOW + 86_400_000), "is still to come"),
    ],
)
async def test_a_request_that_is_none(tmp_path: Path, request_: pb.VerifyRequest, message: str) -> None:
    async with serving(tmp_path) as (_, client):
        with pytest.raises(MalformedError, match=message):
            async with translating(client._reach):
                await client._stub.Verify(request_, timeout=30)


class Slow:
    """A desk that judges one file when it is allowed to."""

    def __init__(self, report: bytes) -> None:
        self.report = report
        self.allowed = asyncio.Semaphore(0)
        self.begun = 0

    async def verify(self, data: bytes | None, inquiry: Inquiry) -> bytes:
        self.begun += 1
        await self.allowed.acquire()
        return self.report


async def test_files_are_taken_only_as_fast_as_they_are_judged(tmp_path: Path) -> None:
    """The first file is not judged yet: of a thousand more, the caller is asked for no more than fit on the way."""
    world = World()
    slow = Slow(encode_report(world.verify(world.present(world.good()))))
    server = make_server(ErrorBoundary())
    add_verifier(server, slow)
    listen(server, f"unix:{tmp_path / 's'}")
    await server.start()
    taken = 0

    async def files() -> AsyncIterator[ShownFile]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield ShownFile(bytes(100_000))

    async with asyncio.timeout(60), calling(tmp_path / "s") as client:
        reports = client.verify_all(files(), ASKED)
        first = asyncio.ensure_future(anext(reports))
        before = -1
        while slow.begun == 0 or taken != before:
            before = taken
            await asyncio.sleep(0.1)
        assert slow.begun == 1
        assert taken < 200
        slow.allowed.release()
        assert (await first).exit_code == 0
        await reports.aclose()
    await server.stop(None)


async def test_a_night_of_files_needs_the_memory_of_one(tmp_path: Path) -> None:
    """After a hundred files as after a thousand, in this process, client and server together."""
    async with serving(tmp_path) as (bench, client):
        data = bench.world.present(bench.copies[0])
        seen = 0
        tracemalloc.start()
        base = 0
        async for report in client.verify_all(stream([data] * 1000), ASKED):
            assert report.exit_code == 0
            seen += 1
            if seen == 100:
                gc.collect()
                base = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
        gc.collect()
        now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seen == 1000
        assert now - base < 1_000_000
        assert peak - base < 4_000_000


async def test_nothing_of_it_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not the name in the file, not the audience, nonce, purpose or the learner's words; also not of a file that is bad."""
    caplog.set_level(logging.DEBUG)
    async with serving(tmp_path) as (bench, client):
        data = bench.world.present(bench.copies[0], names=("name",), purpose="MARKER", learner={"goals": "MARKER"})
        await client.verify(ShownFile(data), ASKED)
        await ask_all(client, [data, b"MARKER" * 10, data[:-5]])
        with pytest.raises(PolicyError):
            await client.verify(ShownFile(data), replace(ASKED, audience="MARKER", network=LogId(bytes(32))))
    for text in ("MARKER", AUDIENCE, NONCE, "Quinn"):
        assert text not in caplog.text


def test_field_numbers_never_change() -> None:
    lines = []
    for name, message in sorted(pb.DESCRIPTOR.message_types_by_name.items()):
        lines.append(f"{name} {' '.join(sorted(f'{field.name}={field.number}' for field in message.fields))}")
    assert lines == [
        "Given authorities=3 issuer_documents=1 issuers=2 status_lists=4",
        "VerifyRequest as_of=7 at=5 audience=3 data=1 given=8 more=2 network=6 nonce=4 receipts=9",
        "VerifyResponse more=2 report=1",
    ]
