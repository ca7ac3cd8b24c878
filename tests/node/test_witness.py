"""The witness: the order of its answers, and that what it cosigned last never goes back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.errors import CairnError, MalformedError, ProofError, RuleError, SignatureError
from ledger.log.charter import Institution
from ledger.log.checkpoint import Checkpoint, add_signatures, open_cosignatures, sign_checkpoint
from ledger.log.governance import RotateLogKey
from ledger.log.keys import SigningKey
from ledger.log.merkle import EMPTY_ROOT, RootHash, prove_consistency
from ledger.log.note import NoteSignature, parse_signature_lines
from node.client.exchange import CosignRequest
from node.client.failures import UnknownLogError
from node.client.ledger import LedgerClient
from node.errors import BusyError, ConflictError
from tests.end_to_end.hostile import HostilePeer, Served, serving
from tests.end_to_end.test_refusals import served, written
from tests.end_to_end.world import Campus, found, until
from tests.simulator import SimulatedLog

HELD = 6
SIZE = 12


@dataclass
class Stand:
    """A witness that follows one log of which its peer serves six entries, with more to come."""

    campus: Campus
    peer: HostilePeer
    log: SimulatedLog
    notes: dict[int, bytes]

    def request(self, old: int, size: int, **changes: object) -> CosignRequest:
        proof = prove_consistency(old, size, self.log.read_hashes) if 0 < old < size else ()
        values = {"old_size": old, "proof": tuple(proof), "note": self.notes[size], "address": self.peer.address}
        return CosignRequest(**{**values, **changes})  # type: ignore[arg-type]  # each test names real fields

    async def ask(self, request: CosignRequest) -> bytes:
        async with asyncio.timeout(30):
            return await self.campus.node.witness.add_checkpoint(request)

    @property
    def cosigned(self) -> int:
        log = self.campus.node.ledger.log(self.log.log_id)
        assert log is not None
        return log.cosigned_size()

    def serve(self, size: int) -> None:
        self.peer.logs = {self.log.log_id: served(self.log, self.notes, size)}


@asynccontextmanager
async def standing(folder: Path) -> AsyncIterator[Stand]:
    log, notes = written(SIZE)
    async with serving(HostilePeer(served(log, notes, HELD))) as peer:
        campus = found(
            folder,
            "witness",
            Institution.COLLEGE,
            peers=(peer.address,),
            follow_interval_seconds=3600,
            witness_timeout_seconds=2,
        )
        await campus.start()
        try:
            await until(lambda: campus.holds(log.log_id, HELD))
            await until(lambda: campus.node.startup.closed_for(log.log_id) is None)
            yield Stand(campus, peer, log, notes)
        finally:
            await campus.stop()


def forge(size: int, root: bytes = bytes(32), origin: str = "granite.example/log") -> bytes:
    """A checkpoint the log's own key signed over another tree."""
    return sign_checkpoint(Checkpoint(origin, size, RootHash(root)), SimulatedLog("granite").log_signer)


async def test_it_cosigns_growth_and_answers_with_its_own_line_alone(tmp_path: Path) -> None:
    """Sizes rise, equal sizes are signed again; the answer is one verifying line, given after the size is durable."""
    async with standing(tmp_path) as stand:
        for old, size in ((0, 4), (4, 6), (6, 6)):
            line = await stand.ask(stand.request(old, size))
            (signature,) = parse_signature_lines(line)
            (cosignature,) = open_cosignatures(
                add_signatures(stand.notes[size], [signature]), [stand.campus.node.witness_key()]
            )
            assert cosignature.seconds > 1_700_000_000
            assert stand.cosigned == size


async def test_it_keeps_the_note_it_cosigned_below_what_it_holds(tmp_path: Path) -> None:
    """Should the writer ever sign another tree of that size, this note is half of the evidence."""
    async with standing(tmp_path) as stand:
        log = stand.campus.node.ledger.log(stand.log.log_id)
        assert log is not None
        assert log.note_at(HELD - 2) is None
        await stand.ask(stand.request(0, HELD - 2))
        assert log.note_at(HELD - 2) == stand.notes[HELD - 2]


async def test_it_pulls_what_it_does_not_hold_and_then_cosigns(tmp_path: Path) -> None:
    """A checkpoint above what is held is cosigned once the log is held up to it."""
    async with standing(tmp_path) as stand:
        stand.serve(SIZE)
        await stand.ask(stand.request(0, SIZE))
        assert stand.campus.holds(stand.log.log_id, SIZE)


async def test_it_cosigns_nothing_it_cannot_hold(tmp_path: Path) -> None:
    """The writer does not serve the entries: busy, nothing remembered."""
    async with standing(tmp_path) as stand:
        with pytest.raises(BusyError, match="holds 6 of 12 entries"):
            await stand.ask(stand.request(0, SIZE))
        assert stand.cosigned == 0


REFUSALS: list[tuple[str, Callable[[Stand], CosignRequest], type[CairnError], str]] = [
    ("1 no note", lambda s: s.request(4, 6, note=b"no note"), MalformedError, "note"),
    ("2 origin", lambda s: s.request(4, 6, note=forge(6, origin="x.example/log")), UnknownLogError, "is not followed"),
    (
        "4 stranger's signature",
        lambda s: s.request(
            4, 6, note=sign_checkpoint(Checkpoint("granite.example/log", 6, RootHash(bytes(32))), SigningKey(bytes(32)))
        ),
        SignatureError,
        "no signature by the log key",
    ),
    ("5 old above size", lambda s: s.request(6, 6, note=s.notes[5]), MalformedError, "above the checkpoint's size"),
    ("6 old not ours", lambda s: s.request(3, 6), ConflictError, "4 was cosigned last, not 3"),
    ("6 old zero", lambda s: s.request(0, 6), ConflictError, "4 was cosigned last, not 0"),
    ("7 proof missing", lambda s: s.request(4, 6, proof=()), ProofError, "proof"),
    ("7 proof bent", lambda s: s.request(4, 6, proof=(bytes(32),) * 3), ProofError, "proof"),
    ("7 equal size, other root", lambda s: s.request(4, 4, note=forge(4)), ProofError, "root"),
    ("7 equal size, a proof", lambda s: s.request(4, 4, proof=(bytes(32),)), ProofError, "proof"),
    ("8 not to be held", lambda s: s.request(4, 12), BusyError, "holds 6 of 12"),
]


@pytest.mark.parametrize(("make", "kind", "words"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
async def test_it_refuses(
    tmp_path: Path, make: Callable[[Stand], CosignRequest], kind: type[CairnError], words: str
) -> None:
    """Four entries were cosigned; one thing is wrong with the request; the answer says which, and four it stays."""
    async with standing(tmp_path) as stand:
        await stand.ask(stand.request(0, 4))
        with pytest.raises(kind, match=words) as refusal:
            await stand.ask(make(stand))
        if isinstance(refusal.value, ConflictError):
            assert refusal.value.size == 4
        assert stand.cosigned == 4


@pytest.mark.parametrize(
    ("note", "proof", "kind"),
    [
        (forge(0, EMPTY_ROOT), (), RuleError),
        (forge(0), (), RuleError),
        (forge(5), (), ProofError),
        (forge(5), (bytes(32),), ProofError),
    ],
    ids=["empty", "empty with a root", "other tree", "proof from nothing"],
)
async def test_it_refuses_a_first_checkpoint(
    tmp_path: Path, note: bytes, proof: tuple[bytes, ...], kind: type[CairnError]
) -> None:
    """Nothing was cosigned yet: no proof can be given, and what is held decides."""
    async with standing(tmp_path) as stand:
        with pytest.raises(kind):
            await stand.ask(stand.request(0, 5, note=note, proof=proof))
        assert stand.cosigned == 0


async def test_a_contradicting_checkpoint_becomes_evidence(tmp_path: Path) -> None:
    """The log key signed another tree of a size that is held: refused, and kept as evidence."""
    async with standing(tmp_path) as stand:
        await stand.ask(stand.request(0, 6))
        with pytest.raises(ProofError):
            await stand.ask(stand.request(6, 6, note=forge(6), address=""))
        log = stand.campus.node.ledger.log(stand.log.log_id)
        assert log is not None
        assert len(log.evidence()) == 1


async def test_strangers_lines_and_a_forged_own_line_change_nothing(tmp_path: Path) -> None:
    """Unknown signatures are ignored; a false line under the witness's own name is not looked at."""
    async with standing(tmp_path) as stand:
        own = stand.campus.node.witness_key()
        grease = [NoteSignature("grease.example", b"abcd", bytes(70)), NoteSignature(own.name, own.key_id, bytes(72))]
        await stand.ask(stand.request(0, 4, note=add_signatures(stand.notes[4], grease)))
        assert stand.cosigned == 4


async def test_of_two_requests_from_one_size_one_wins(tmp_path: Path) -> None:
    """A request held between check and comparison lets another overtake it; then it is refused, never applied."""
    async with standing(tmp_path) as stand:
        held, passed = asyncio.Event(), asyncio.Event()
        witness = stand.campus.node.witness

        async def pause() -> None:
            witness._pause = None
            held.set()
            await passed.wait()

        witness._pause = pause  # type: ignore[assignment]  # any awaitable will do
        first = asyncio.create_task(stand.ask(stand.request(0, 4)))
        async with asyncio.timeout(30):
            await held.wait()
        log = stand.campus.node.ledger.log(stand.log.log_id)
        assert log is not None
        root = RootHash(stand.log.root_at(6))
        log.set_cosigned(6, root, expected=0)
        passed.set()
        with pytest.raises(ConflictError) as conflict:
            await first
        assert conflict.value.size == 6
        assert stand.cosigned == 6


async def test_many_requests_at_once_move_it_once(tmp_path: Path) -> None:
    """Ten writers claim the same old size with different checkpoints: exactly one is cosigned."""
    async with standing(tmp_path) as stand:
        requests = [stand.request(0, size) for size in (2, 3, 4, 5, 6) * 2]
        answers = await asyncio.gather(*(stand.ask(request) for request in requests), return_exceptions=True)
        assert sum(isinstance(answer, bytes) for answer in answers) == 1
        assert all(isinstance(answer, bytes | ConflictError) for answer in answers)


async def test_after_a_rotation_the_old_key_gets_nothing_cosigned(tmp_path: Path) -> None:
    """Shown the rotation, a witness stops cosigning under the old key, also for sizes at which it was in force."""
    async with standing(tmp_path) as stand:
        log = stand.log
        new = SigningKey(b"\x07" * 32)
        statement = RotateLogKey(**log.header(), after=-1, log_key=new.public)  # type: ignore[arg-type]
        log.append(statement, log.roots_needed)
        checkpoint = Checkpoint("granite.example/log", SIZE + 1, RootHash(log.state.frontier.root()))
        note = sign_checkpoint(checkpoint, new)
        stand.notes[SIZE + 1] = note
        stand.peer.logs = {log.log_id: Served(log.log_id, log.entries, log.bodies, note)}
        await stand.ask(stand.request(0, SIZE + 1))
        fresh = SimulatedLog("granite")
        assert fresh.log_id == log.log_id
        with pytest.raises(SignatureError):
            await stand.ask(stand.request(SIZE + 1, SIZE + 1, note=forge(SIZE + 1, checkpoint.root)))


async def test_the_answers_cross_the_wire(tmp_path: Path) -> None:
    """The same over gRPC: the line, and a conflict that tells the size."""
    async with standing(tmp_path) as stand, LedgerClient(stand.campus.address, timeout_seconds=10) as client:
        assert parse_signature_lines(await client.add_checkpoint(stand.request(0, 4)))
        with pytest.raises(ConflictError) as conflict:
            await client.add_checkpoint(stand.request(0, 6))
        assert conflict.value.size == 4
        with pytest.raises(UnknownLogError):
            await client.add_checkpoint(stand.request(0, 6, note=forge(6, origin="x.example/log")))


async def test_a_time_once_signed_is_never_gone_behind(tmp_path: Path) -> None:
    """Not by a clock that is set back, and not by a restart either: the time is on disk before the line leaves."""
    async with standing(tmp_path) as stand:
        stand.campus.clock_ahead_ms = 600_000
        await stand.ask(stand.request(0, 4))
        stand.campus.clock_ahead_ms = 0
        with pytest.raises(BusyError, match="this computer's clock was set back"):
            await stand.ask(stand.request(4, 6))
        assert stand.cosigned == 4
        await stand.campus.stop()
        await stand.campus.start()
        await until(lambda: stand.log.log_id in stand.campus.node.directory.follow_order())
        # In a network there is always news; here nobody writes, so the start-up rule is reminded.
        stand.campus.node.events.publish(stand.log.log_id)
        await until(lambda: stand.campus.node.startup.closed_for(stand.log.log_id) is None)
        with pytest.raises(BusyError, match="this computer's clock was set back"):
            await stand.ask(stand.request(4, 6))
        stand.campus.clock_ahead_ms = 601_000
        await stand.ask(stand.request(4, 6))
        assert stand.cosigned == 6


async def test_notes_that_anybody_can_make_hold_up_none_of_the_writers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above what is held the key may be a new one, so they are looked into: one at a time, and beside the writer's."""
    async with standing(tmp_path) as stand:
        asked, release = asyncio.Event(), asyncio.Event()

        async def pull(*_: object) -> None:
            asked.set()
            await release.wait()

        monkeypatch.setattr(stand.campus.node.witness, "_pull", pull)
        text = Checkpoint("granite.example/log", SIZE, RootHash(bytes(32)))
        made_up = stand.request(0, SIZE, note=sign_checkpoint(text, SigningKey(bytes(32))))
        first = asyncio.ensure_future(stand.ask(made_up))
        await asked.wait()
        with pytest.raises(BusyError, match="by a key unknown here is being looked into"):
            await stand.ask(made_up)
        await stand.ask(stand.request(0, HELD))
        assert not first.done() and stand.cosigned == HELD
        release.set()
        with pytest.raises(BusyError, match="holds 6 of 12 entries"):
            await first
