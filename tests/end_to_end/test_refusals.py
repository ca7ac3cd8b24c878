"""A peer that serves a wrong log: nothing of it is stored, what was held stands, and what was seen is said."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.log.charter import Institution
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.evidence import parse_fork, verify_fork
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.snapshot import encode_state
from node.store.logstore import LogStore
from tests.end_to_end.hostile import HostilePeer, Served, serving
from tests.end_to_end.world import Campus, found, until
from tests.simulator import SimulatedLog

HELD = 6
OFFERED = 12


def written(size: int, *, same: int = 0, seed: str = "one") -> tuple[SimulatedLog, dict[int, bytes]]:
    """An honest log of `size` entries and its notes; entries from `same` on differ with the seed."""
    log = SimulatedLog("granite")
    notes = {1: log.note or b""}
    while log.size < size:
        if log.size == same and same:
            log.counter += 1000 + len(seed)
        log.issue()
        notes[log.size] = log.note or b""
    return log, notes


def served(log: SimulatedLog, notes: dict[int, bytes], size: int | None = None) -> Served:
    end = log.size if size is None else size
    return Served(log.log_id, log.entries[:end], log.bodies[:end], notes[end], dict(notes))


@dataclass
class Case:
    """An observer that holds six entries of a log, and the peer it follows."""

    observer: Campus
    peer: HostilePeer
    served: Served

    @property
    def log(self) -> LogStore:
        log = self.observer.node.ledger.log(self.served.log)
        assert log is not None
        return log

    def holdings(self) -> tuple[object, ...]:
        log = self.log
        size = log.size
        return encode_state(log.state), log.entries(0, size), [log.body(i) for i in range(size)], log.note

    async def look(self, served: Served) -> None:
        """Let the observer look at what the peer serves now."""
        self.peer.logs = {served.log: served}
        (follower,) = self.observer.node.followers._followers.values()
        async with asyncio.timeout(30):
            await follower.round()

    @property
    def refusal(self) -> str:
        (report,) = self.observer.node.followers.reports()
        return " ".join([report.problem, *report.refused.values()])


@asynccontextmanager
async def following(folder: Path, log: SimulatedLog, notes: dict[int, bytes]) -> AsyncIterator[Case]:
    first = served(log, notes, HELD)
    async with serving(HostilePeer(first)) as peer:
        observer = found(folder, "observer", Institution.COLLEGE, peers=(peer.address,), follow_interval_seconds=3600)
        await observer.start()
        try:
            await until(lambda: observer.holds(log.log_id, HELD))
            await until(lambda: observer.node.followers.reports()[0].reached_at is not None)
            yield Case(observer, peer, first)
        finally:
            await observer.stop()


def flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def bit_in_entry(offer: Served) -> None:
    offer.entries[8] = flip(offer.entries[8], 200)


def bit_in_body(offer: Served) -> None:
    body = offer.bodies[9]
    assert body is not None
    offer.bodies[9] = flip(body, 5)


def bit_in_note(offer: Served) -> None:
    offer.note = flip(offer.note, len(offer.note) - 40)


def body_missing(offer: Served) -> None:
    offer.bodies[9] = None


def truncated(offer: Served) -> None:
    del offer.entries[10:], offer.bodies[10:]
    offer.size = OFFERED


def reordered(offer: Served) -> None:
    offer.entries[8], offer.entries[9] = offer.entries[9], offer.entries[8]
    offer.bodies[8], offer.bodies[9] = offer.bodies[9], offer.bodies[8]


def left_out(offer: Served) -> None:
    del offer.entries[8], offer.bodies[8]
    offer.size = OFFERED - 1


def resigned(offer: Served) -> None:
    root = RootHash(bytes(32))
    offer.note = sign_checkpoint(Checkpoint("granite.example/log", OFFERED, root), SigningKey(bytes(32)))


def other_log(offer: Served) -> None:
    stranger, notes = SimulatedLog("stranger"), {}
    while stranger.size < OFFERED:
        stranger.issue()
    offer.entries, offer.bodies, offer.note, offer.notes = (
        stranger.entries,
        stranger.bodies,
        stranger.note or b"",
        notes,
    )


REFUSALS: list[tuple[Callable[[Served], None], str]] = [
    (bit_in_entry, "entry 8|not canonical|base64|MalformedError|member|signature"),
    (bit_in_body, "body"),
    (bit_in_note, "signature"),
    (body_missing, "does not serve its body"),
    (truncated, "ended at 10, expected 12"),
    (reordered, "index 9 where 8 is next"),
    (left_out, "ended at|index 9 where 8|checkpoint"),
    (resigned, "no signature by the log key"),
    (other_log, "names another entry|another log"),
]


@pytest.mark.parametrize(("spoil", "words"), REFUSALS, ids=lambda value: getattr(value, "__name__", ""))
async def test_nothing_of_a_wrong_log_is_stored(tmp_path: Path, spoil: Callable[[Served], None], words: str) -> None:
    """Six entries are held, twelve are offered, spoilt in one way: the six stand as they were, and good ones follow."""
    log, notes = written(OFFERED)
    async with following(tmp_path, log, notes) as case:
        before = case.holdings()
        offer = served(log, notes)
        offer.notes = {}
        spoil(offer)
        try:
            await case.look(offer)
            seen = case.refusal
        except Exception as error:
            seen = str(error)
        assert case.holdings() == before
        assert any(word in seen for word in words.split("|")), seen
        assert case.log.evidence() == ()
        # The same peer, honest again, is believed again once its pause is over.
        (follower,) = case.observer.node.followers._followers.values()
        follower._pauses.clear()
        await case.look(served(log, notes))
        assert case.log.size == OFFERED


async def test_a_rewound_log_changes_nothing(tmp_path: Path) -> None:
    """A writer that shows an older head of the same tree is behind, not forked."""
    log, notes = written(OFFERED)
    async with following(tmp_path, log, notes) as case:
        before = case.holdings()
        await case.look(served(log, notes, 3))
        assert case.holdings() == before
        assert case.log.evidence() == ()


@pytest.mark.parametrize(("same", "size"), [(4, OFFERED), (4, HELD), (4, 5), (1, OFFERED), (5, 6)])
async def test_a_forked_log_is_refused_and_proven(tmp_path: Path, same: int, size: int) -> None:
    """Whatever its size, a branch signed by the log key is refused, and evidence says where it begins."""
    log, notes = written(OFFERED)
    branch, branch_notes = written(OFFERED, same=same, seed="other")
    async with following(tmp_path, log, notes) as case:
        before = case.holdings()
        await case.look(served(branch, branch_notes, size))
        assert case.holdings() == before
        (evidence,) = case.log.evidence()
        fork = verify_fork(parse_fork(evidence), [case.log.state.verifier_key_at(1)])
        assert fork.common == same
        assert {fork.first.size, fork.second.size} <= {HELD, size}


async def test_what_was_proven_before_the_fault_is_kept_and_resumed(tmp_path: Path) -> None:
    """Packages end at signed sizes: growth up to the last good one is stored, the rest comes from a better peer."""
    log, notes = written(OFFERED)
    async with following(tmp_path, log, notes) as case:
        offer = served(log, notes)
        offer.package = 2
        offer.entries[10] = flip(offer.entries[10], 200)
        case.observer.node.puller.judged_entries = 1
        await case.look(offer)
        assert case.log.size == 10
        assert case.log.entries(0, 10) == tuple(log.entries[:10])
        (follower,) = case.observer.node.followers._followers.values()
        follower._pauses.clear()
        await case.look(served(log, notes))
        assert case.log.size == OFFERED


async def test_fork_evidence_reaches_everybody_and_survives(tmp_path: Path) -> None:
    """Two observers are shown two branches; each learns of the fork, so does a third, and a restart forgets nothing."""
    log, notes = written(OFFERED)
    branch, branch_notes = written(OFFERED, same=4, seed="other")
    async with (
        serving(HostilePeer(served(log, notes))) as one,
        serving(HostilePeer(served(branch, branch_notes))) as two,
    ):
        first = found(tmp_path, "first", Institution.COLLEGE, peers=(one.address,))
        second = found(tmp_path, "second", Institution.COLLEGE, peers=(two.address, first.address))
        third = found(tmp_path, "third", Institution.COLLEGE, peers=(first.address,))
        everybody = (first, second, third)
        try:
            await first.start()
            await until(lambda: first.holds(log.log_id, OFFERED))
            await third.start()
            await until(lambda: third.holds(log.log_id, OFFERED))
            await second.start()

            def evidence(campus: Campus) -> tuple[bytes, ...]:
                held = campus.node.ledger.log(log.log_id)
                return held.evidence() if held is not None else ()

            await until(lambda: all(evidence(campus) for campus in everybody))
            kept = evidence(third)
            await third.stop()
            await third.start()
            assert evidence(third) == kept
            held = third.node.ledger.log(log.log_id)
            assert held is not None
            assert verify_fork(parse_fork(kept[0]), [held.state.verifier_key_at(1)]).common == 4
        finally:
            for campus in everybody:
                await campus.stop()
