"""K13, metadata of replication: peers see who pulls what.

Answer: a follower asks for all of a log, from what it holds to the head, whatever stands there; between nodes nobody fetches
an entry by what is in it. Wallets and verifiers do the same (K8).
"""

from pathlib import Path
from typing import Any

from node.client.exchange import Head
from node.client.ledger import LedgerClient
from node.pb import cairn_pb2 as pb
from tests.end_to_end.hostile import HostilePeer, Served
from tests.node.registrar.desks import Bench
from tests.node.test_pull import pulling
from tests.privacy.small_school import award, claim, live, revoke, small_school
from tests.privacy.test_k05_linkage import KEYS

Asked = list[tuple[str, int, int]]


class WatchingPeer(HostilePeer):
    """Notes what it was asked for."""

    def __init__(self, *logs: Served) -> None:
        super().__init__(*logs)
        self.seen: Asked = []

    async def StreamEntries(self, request: pb.StreamEntriesRequest, context: Any) -> Any:
        self.seen.append(("entries", request.start, request.end))
        async for package in super().StreamEntries(request, context):
            yield package

    async def StreamBody(self, request: pb.StreamBodyRequest, context: Any) -> Any:
        self.seen.append(("bodies", request.start, request.end))
        async for piece in super().StreamBody(request, context):
            yield piece


async def busy(bench: Bench, day: int) -> None:
    standing = await award(bench, [f"P{day}-{number}" for number in range(6)])
    await claim(bench, standing[0], KEYS)
    if day % 2:
        await revoke(bench, standing[1:3])


async def pull(tmp_path: Path, seed: str, *, is_busy: bool, look_closer: bool = False) -> Asked:
    """What a peer is asked for by a node that follows a school of four days."""
    async with small_school(tmp_path, seed) as bench:
        await live(bench, 4, busy if is_busy else None)
        log = bench.log
        size = log.size
        bodies = [log.body(index) for index in range(size)]
        assert log.note is not None
        peer = WatchingPeer(Served(log.state.log_id, list(log.entries(0, size)), bodies, log.note))
        async with pulling(tmp_path / f"peer of {seed}", peer) as (puller, client, _, _):
            assert await puller.pull(client, Head(log=log.state.log_id, size=size, note=log.note)) == size
            if look_closer:
                await fetch_news(client, bench)
    return peer.seen


async def fetch_news(client: LedgerClient, bench: Bench) -> None:
    """Fetch the batch of the third day alone, as a node would that is interested in it."""
    async for _ in client.entries(bench.log.state.log_id, 9, 10):
        pass


async def test_k13_a_follower_asks_for_the_same_whatever_happened(tmp_path: Path) -> None:
    (tmp_path / "peer of a").mkdir()
    (tmp_path / "peer of b").mkdir()
    quiet, full = await pull(tmp_path, "a", is_busy=False), await pull(tmp_path, "b", is_busy=True)
    assert quiet == full
    assert ("entries", 0, 14) in full


async def test_k13_planted_a_fetch_of_one_entry_is_seen(tmp_path: Path) -> None:
    """Control: who asks for one batch shows which."""
    (tmp_path / "peer of c").mkdir()
    (tmp_path / "peer of d").mkdir()
    quiet = await pull(tmp_path, "c", is_busy=False)
    closer = await pull(tmp_path, "d", is_busy=True, look_closer=True)
    assert closer != quiet and ("entries", 9, 10) in closer
