"""What one node of a large network sends and receives in a day, added up from calls whose bytes were counted.

Bytes are those of the TCP streams, HTTP/2 included, counted by a relay between client and server. A day has one cut of
every member. A node asks every peer for its token once a minute and is asked as often; when a peer has news it is
asked about all logs, which happens a few times around a cut; each log's new entries, bodies and note are fetched once
and, as everybody fetches them from somebody, sent once; and the writer tells every peer its note three times: when it
grew, with its quorum, and complete.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.verify_rows import cut_once
from ledger.log.follow import judge_growth
from node.client.exchange import OfferedHead, Offers
from node.client.ledger import LedgerClient
from node.client.notes import name_note
from node.config import NodeConfig
from node.events import HeadEvents
from node.pb import cairn_pb2_grpc as rpc
from node.pull import Puller
from node.service.boundary import ErrorBoundary
from node.service.ledger import LedgerService
from node.service.server import listen, make_server
from node.serving import Serving
from node.store.ledgerstore import LedgerStore
from tests.simulator import SimulatedLog, seeded

ROUNDS_WITH_NEWS = 10
"""How often a peer has news on a day: cuts are spread over a few minutes of the night, cosignatures follow."""
_CALLS = 50
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of a quiet look at a peer, of a look at all logs, of one member's cut, of telling a head; and of a day."""

    token: float
    heads: float
    cut: float
    offer: float
    members: int

    @property
    def day(self) -> float:
        """Bytes of one node's day, both directions."""
        peers = self.members - 1
        looks = _DAY_SECONDS / NodeConfig(name="bench").follow_interval_seconds
        # Asking and being asked; fetching and being fetched from; telling and being told, three times a cut.
        return 2 * peers * (looks * self.token + ROUNDS_WITH_NEWS * self.heads + 3 * self.offer) + 2 * peers * self.cut


class _Silent:
    async def take(self, offers: Offers) -> Offers:
        return Offers()


class _NoKeys:
    def witness_keys(self, log: object) -> tuple[()]:
        return ()


class _Relay:
    """Passes bytes on between a client and a server, and counts them."""

    def __init__(self, port: int) -> None:
        self.count = 0
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, backward = await asyncio.open_connection("127.0.0.1", self._port)
        # Cancelled when the loop ends with the connection still open.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(self._pump(reader, backward), self._pump(onward, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            self.count += len(data)
            writer.write(data)
            await writer.drain()
        writer.close()


def measure(members: int) -> Traffic:
    """Count the bytes of each kind of call in a network of so many members, every one of them a witness."""
    return asyncio.run(_measure(members))


async def _measure(members: int) -> Traffic:
    witnesses = [SimulatedLog(f"witness-{n}") for n in range(members // 2 + 1)]
    logs = [SimulatedLog(f"member-{n}", batch=256) for n in range(members)]
    cutter = logs[0]
    cut_once(cutter, seeded("commitment"))
    for log in logs:
        log.sign(witnesses)
    ids = [log.log_id for log in logs]
    names = [name_note(log.note or b"")[1] for log in logs]
    with tempfile.TemporaryDirectory() as folder:
        async with _serving(Path(folder), logs) as (client, relay):
            await client.token()
            token = await _bytes_of(relay, client.token)
            heads = await _bytes_of(relay, lambda: client.heads(ids, names))
            offers = Offers((OfferedHead(cutter.log_id, cutter.note or b""),), (), "node.example:8471")
            offer = await _bytes_of(relay, lambda: client.offer_heads(offers))
            store = LedgerStore.open(Path(folder) / "follower")
            try:
                puller = Puller(store, HeadEvents(), _NoKeys(), lambda: 0, daily_bytes=1 << 40)
                (head,) = await client.heads([cutter.log_id])
                before = relay.count
                await puller.pull(client, head)
                cut = relay.count - before
            finally:
                store.close()
    return Traffic(token, heads, cut, offer, members)


async def _bytes_of(relay: _Relay, call: Callable[[], Awaitable[object]]) -> float:
    before = relay.count
    for _ in range(_CALLS):
        await call()
    return (relay.count - before) / _CALLS


@asynccontextmanager
async def _serving(folder: Path, logs: list[SimulatedLog]) -> AsyncIterator[tuple[LedgerClient, _Relay]]:
    store = LedgerStore.open(folder / "served")
    server = make_server(ErrorBoundary())
    try:
        for log in logs:
            assert log.note is not None
            store.create(judge_growth(None, log.entries, log.bodies, log.note))
        rpc.add_LedgerServicer_to_server(LedgerService(Serving(store, lambda: bytes(24)), _Silent()), server)
        port = listen(server, "127.0.0.1:0")
        await server.start()
        relay = _Relay(port)
        async with (
            await asyncio.start_server(relay.serve, "127.0.0.1", 0) as listener,
            LedgerClient(f"127.0.0.1:{listener.sockets[0].getsockname()[1]}") as client,
        ):
            yield client, relay
    finally:
        await server.stop(None)
        store.close()
