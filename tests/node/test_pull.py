"""Pulling: bounded in memory, resumable, from several peers at once, and no more a day than the operator allows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ledger.duration import DAY_MS
from ledger.errors import CairnError, RuleError
from ledger.log.checkpoint import open_cosignatures, witness_verifier_key
from ledger.log.identity import LogId
from ledger.log.note import NoteSignature, VerifierKey
from node.client.exchange import Head
from node.client.ledger import LedgerClient
from node.errors import BusyError
from node.events import HeadEvents
from node.pull import Puller
from node.store.ledgerstore import LedgerStore
from tests.end_to_end.hostile import HostilePeer, serving
from tests.end_to_end.test_refusals import served, written
from tests.simulator import SimulatedLog

SIZE = 40


class Keys:
    def __init__(self, *keys: VerifierKey) -> None:
        self.keys = keys

    def witness_keys(self, log: LogId) -> tuple[VerifierKey, ...]:
        return self.keys


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


@asynccontextmanager
async def pulling(
    folder: Path, peer: HostilePeer, keys: Keys | None = None, daily_bytes: int = 1 << 30
) -> AsyncIterator[tuple[Puller, LedgerClient, LedgerStore, Clock]]:
    store, clock = LedgerStore.open(folder / "ledger"), Clock()
    try:
        async with serving(peer), LedgerClient(peer.address, timeout_seconds=10) as client, asyncio.timeout(60):
            yield Puller(store, HeadEvents(), keys or Keys(), clock, daily_bytes=daily_bytes), client, store, clock
    finally:
        store.close()


def head_of(log: SimulatedLog, notes: dict[int, bytes], size: int = SIZE) -> Head:
    return Head(log=log.log_id, size=size, note=notes[size])


async def test_a_long_log_is_stored_in_steps_and_serves_its_notes_again(tmp_path: Path) -> None:
    """Each step ends at a signed size whose note is kept, so the replica can serve steps in turn."""
    log, notes = written(SIZE)
    offer = served(log, notes)
    offer.package = 8
    async with pulling(tmp_path, HostilePeer(offer)) as (puller, client, store, _):
        puller.judged_entries = 8
        assert await puller.pull(client, head_of(log, notes)) == SIZE
        held = store.log(log.log_id)
        assert held is not None
        assert [size for size in range(SIZE + 1) if held.note_at(size)] == [8, 16, 24, 32, 40]
        assert held.entries(0, SIZE) == tuple(log.entries)


async def test_large_bodies_are_taken_in_smaller_steps(tmp_path: Path) -> None:
    """What does not fit into memory as a whole is asked for again with fewer entries at a time."""
    log, notes = written(SIZE)
    async with pulling(tmp_path, HostilePeer(served(log, notes))) as (puller, client, _, _clock):
        puller.max_unproven_bytes = 6000
        puller.judged_entries = 1
        assert await puller.pull(client, head_of(log, notes)) == SIZE


async def test_a_peer_without_notes_on_the_way_is_refused_before_memory_runs_out(tmp_path: Path) -> None:
    """Nothing can be proven, so nothing is stored, and what is held in memory stays bounded."""
    log, notes = written(SIZE)
    offer = served(log, notes)
    offer.notes = {}
    async with pulling(tmp_path, HostilePeer(offer)) as (puller, client, store, _):
        puller.max_unproven_bytes = 6000
        with pytest.raises(RuleError, match="without a checkpoint on the way"):
            await puller.pull(client, head_of(log, notes))
        assert store.log_ids() == ()


async def test_two_peers_at_once_store_the_log_once(tmp_path: Path) -> None:
    """Whoever comes second finds the log grown; neither fails."""
    log, notes = written(SIZE)
    async with pulling(tmp_path, HostilePeer(served(log, notes))) as (puller, client, store, _):
        head = head_of(log, notes)
        assert await asyncio.gather(puller.pull(client, head), puller.pull(client, head)) == [SIZE, SIZE]
        held = store.log(log.log_id)
        assert held is not None
        assert held.size == SIZE


async def test_growth_that_came_in_between_is_not_overwritten(tmp_path: Path) -> None:
    """A pull held before its commit finds the log grown by another, and goes on from there."""
    log, notes = written(SIZE)
    async with pulling(tmp_path, HostilePeer(served(log, notes))) as (puller, client, store, _):
        other = Puller(store, HeadEvents(), Keys(), lambda: 0, daily_bytes=1 << 30)

        async def pause() -> None:
            puller._pause = None
            await other.pull(client, head_of(log, notes, 20))

        puller._pause = pause  # type: ignore[assignment]  # any awaitable will do
        assert await puller.pull(client, head_of(log, notes)) == SIZE
        held = store.log(log.log_id)
        assert held is not None
        assert held.note_at(20) is not None


async def test_the_first_catching_up_is_free_and_then_the_quota_counts(tmp_path: Path) -> None:
    """A log above its daily quota waits for the next day, and says so."""
    log, notes = written(SIZE)
    async with pulling(tmp_path, HostilePeer(served(log, notes)), daily_bytes=1000) as (puller, client, _store, clock):
        await puller.pull(client, head_of(log, notes, 10))
        with pytest.raises(BusyError, match="it goes on tomorrow"):
            await puller.pull(client, head_of(log, notes, 20))
        clock.now += DAY_MS
        assert await puller.pull(client, head_of(log, notes, 20)) == 20


async def test_made_up_bodies_use_up_no_quota(tmp_path: Path) -> None:
    """Only what the log's key signed for says that a log is that busy; nobody is told of it on a peer's word."""
    log, notes = written(SIZE)
    offer = served(log, notes)
    async with pulling(tmp_path, HostilePeer(offer), daily_bytes=1 << 16) as (puller, client, _store, _clock):
        await puller.pull(client, head_of(log, notes, 10))
        honest = offer.bodies
        offer.bodies = [body and body + bytes(1 << 16) for body in honest]
        with pytest.raises(CairnError, match="body"):
            await puller.pull(client, head_of(log, notes, 20))
        assert puller.paused() == ()
        offer.bodies = honest
        assert await puller.pull(client, head_of(log, notes, 20)) == 20


async def test_notes_are_trimmed_to_known_witnesses(tmp_path: Path) -> None:
    """Lines of strangers are not stored; a known witness's line is."""
    log, notes = written(3)
    one, two = SimulatedLog("one"), SimulatedLog("two")
    notes[3] = log.cosigned(notes[3], [one, two])
    key = witness_verifier_key(one.witness_name, one.witness_signer.public)
    async with pulling(tmp_path, HostilePeer(served(log, notes)), Keys(key)) as (puller, client, store, _):
        await puller.pull(client, head_of(log, notes, 3))
        held = store.log(log.log_id)
        assert held is not None
        assert len(open_cosignatures(held.note, [key])) == 1
        assert two.witness_name.encode() not in held.note


async def test_a_stranger_is_not_taken_for_the_log_asked_for(tmp_path: Path) -> None:
    """Entry 0 decides which log it is, whatever the peer calls it."""
    log, _notes = written(3)
    stranger = SimulatedLog("stranger")
    offer = served(stranger, {1: stranger.note or b""}, 1)
    offer.log = log.log_id
    async with pulling(tmp_path, HostilePeer(offer)) as (puller, client, store, _):
        with pytest.raises(RuleError, match="the peer served entry 0 of log"):
            await puller.pull(client, Head(log=log.log_id, size=1, note=offer.note))
        assert store.log_ids() == ()


async def test_lines_of_unknown_keys_are_ignored_and_not_kept(tmp_path: Path) -> None:
    """Grease under the head and under every note on the way, before the log's own line and after it."""
    log, notes = written(SIZE)
    grease = [NoteSignature(f"grease{n}.example", bytes([n] * 4), bytes(70)).encode().encode() for n in range(9)]

    def greased(note: bytes) -> bytes:
        text, line = note.split(b"\n\n")
        return text + b"\n\n" + b"".join(grease[:4]) + line + b"".join(grease[4:])

    dirty = {size: greased(note) for size, note in notes.items()}
    async with pulling(tmp_path, HostilePeer(served(log, dirty))) as (puller, client, store, _):
        assert await puller.pull(client, head_of(log, dirty)) == SIZE
        held = store.log(log.log_id)
        assert held is not None
        assert held.note == notes[SIZE]
