"""Evidence of forks goes on the ledger with the next cut: once, before the anchor, and never without bound."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ledger.log.charter import Role
from ledger.log.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.evidence import ForkEvidence, encode_fork, parse_fork
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.reports import MAX_REPORTS, read_reports
from node.keystore import KeyRole
from node.registrar.reporting import MAX_REPORTED, find_unreported
from tests.ledger.log.networks import World, evidence, forked
from tests.ledger.log.test_reports import report
from tests.node.registrar.desks import Bench, achievement_json, fresh_bench
from tests.simulator import SimulatedLedger, SimulatedLog, seeded


def contradict(bench: Bench, n: int = 0) -> bytes:
    """Evidence that this node's own log key signed another tree too: it was stolen."""
    own = read_checkpoint(bench.log.note)
    other = Checkpoint(own.origin, own.size, RootHash(seeded("another", n)))
    return encode_fork(ForkEvidence(bench.log.note, sign_checkpoint(other, bench.keystore.newest(KeyRole.LOG))))


def kinds(bench: Bench, start: int) -> list[str]:
    return [parse_entry(raw).statement.kind for raw in bench.log.entries(start, bench.log.size)]


async def test_a_cut_reports_what_is_kept_and_the_next_does_not_again(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        piece = contradict(bench)
        bench.log.add_evidence(piece)
        start = bench.log.size
        answer = await bench.desk.cut()
        assert kinds(bench, start) == ["evidence", "anchor", "issue", "status"]
        assert answer.indexes == (start + 1, start + 2, start + 3)
        assert list(read_reports(bench.log)) == [piece]
        await bench.desk.cut()
        assert kinds(bench, start + 4) == ["anchor", "issue", "status"]


async def test_nothing_is_reported_without_a_cut(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        bench.log.add_evidence(contradict(bench))
        start = bench.log.size
        await bench.desk.publish(achievement_json("another"))
        assert kinds(bench, start) == ["publish"]


async def test_a_key_holder_that_contradicts_itself_without_end_fills_no_log(tmp_path: Path) -> None:
    """One piece with a cut, and no more than so many at all."""
    async with fresh_bench(tmp_path) as bench:
        for n in range(MAX_REPORTED + 3):
            bench.log.add_evidence(contradict(bench, n))
        for _ in range(MAX_REPORTED + 2):
            await bench.desk.cut()
        assert len(list(read_reports(bench.log))) == MAX_REPORTED


class Held(SimulatedLedger):
    """What the network's node holds of a network where granite has forked."""

    def __init__(self) -> None:
        self.world = World()
        world = self.world
        self.other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
        super().__init__(*world.everybody())

    @property
    def own(self) -> SimulatedLog:
        return self.world.lantern

    def strong(self) -> bytes:
        return evidence(self.world.granite, self.other, 4)

    def weak(self, n: int = 0) -> bytes:
        """Without any cosignature."""
        granite = self.world.granite
        notes = [self._bare(granite.log_signer, seeded(n, side)) for side in ("one", "two")]
        return encode_fork(ForkEvidence(*notes))

    def _bare(self, key: SigningKey, root: bytes) -> bytes:
        return sign_checkpoint(Checkpoint("granite.example/log", 5, RootHash(root)), key)

    def keep(self, pieces: Sequence[bytes]) -> None:
        self.world.granite.forks = list(pieces)


def test_the_piece_with_most_behind_it_goes_first_and_is_never_crowded_out() -> None:
    held = Held()
    held.keep([held.weak(n) for n in range(5)])
    for _ in range(MAX_REPORTED):
        (piece,) = find_unreported(held, held.own)
        report(held.own, [piece])
    assert find_unreported(held, held.own) == ()
    held.keep([*held.world.granite.forks, held.strong()])
    assert find_unreported(held, held.own) == (held.strong(),)
    report(held.own, [held.strong()])
    # The same two notes as the strong one, with less said about them.
    held.keep([held.strong(), evidence(held.world.granite, held.other, None)])
    assert find_unreported(held, held.own) == ()


def test_what_another_reported_is_reported_still() -> None:
    """The other log may be the one that is lost, or is accused itself next."""
    held = Held()
    held.keep([held.strong()])
    report(held.world.tidewater, [held.strong()])
    assert find_unreported(held, held.own) == (held.strong(),)


def test_what_a_stolen_key_reported_counts_for_nothing() -> None:
    held = Held()
    held.keep([held.strong()])
    report(held.own, [held.strong()])
    assert find_unreported(held, held.own) == ()
    held.own.compromise(held.own.role_signers[Role.OPERATE], 1)
    assert find_unreported(held, held.own) == (held.strong(),)


def test_a_log_that_has_reported_all_that_anybody_reads_says_no_more() -> None:
    held = Held()
    held.keep([held.strong()])
    report(held.own, [b"junk"] * MAX_REPORTS)
    assert find_unreported(held, held.own) == ()


def test_a_piece_without_two_checkpoints_on_the_own_log_stops_no_report() -> None:
    """A thief of the operate key can put one there; every cut reads it, so it must not raise."""
    world = World()
    other = forked(world, [world.network], [world.network])
    piece = evidence(world.granite, other, 4)
    world.granite.forks = [piece]
    report(world.lantern, [encode_fork(replace(parse_fork(piece), second=b"no note"))])
    assert find_unreported(SimulatedLedger(*world.everybody()), world.lantern) == (piece,)
