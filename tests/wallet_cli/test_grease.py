"""Signature lines of nobody we know, put in on purpose: every reader of a note ignores them, wherever they stand.

The follower, the witness and its client, proofs and policies have the same test beside their own.
"""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ledger.credential.report import Code
from ledger.credential.verify import Question
from ledger.log.identity import LogId
from ledger.log.network import Network
from ledger.log.note import NoteSignature, encode_note, parse_note
from node.web.app import build_app
from tests.node.web.served import ServedNode, open_store, serve
from tests.simulator import NOW, SimulatedLog
from tests.wallet_cli.shown import AUDIENCE, DAY, NONCE, show
from tests.wallet_cli.world import World
from wallet_cli import verify
from wallet_cli.audit import audit_replica
from wallet_cli.replica import Replica
from wallet_cli.replica_writer import ReplicaWriter
from wallet_cli.sync import sync_replica


def grease(note: bytes, seed: int) -> bytes:
    """The same note with lines of unknown keys, also under names and ids of known ones, in another order."""
    dice = random.Random(seed)
    parsed = parse_note(note)
    lines = [*parsed.signatures]
    names = [line.name for line in parsed.signatures]
    for number in range(20):
        name = dice.choice(names) if number % 3 == 0 else f"grease{number}.example"
        lines.append(NoteSignature(name, dice.randbytes(4), dice.randbytes(dice.choice((1, 64, 72, 200)))))
    known = parsed.signatures[0]
    lines.append(NoteSignature("other.example", known.key_id, known.signature))
    dice.shuffle(lines)
    return encode_note(parsed.text, lines)


class GreasyNode(ServedNode):
    """A node that adds such lines to every checkpoint it shows, others each time."""

    seed = 0

    def newest_head(self, log_id: LogId) -> bytes | None:
        note = super().newest_head(log_id)
        self.seed += 1
        return None if note is None else grease(note, self.seed)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def greasy(stack: AsyncExitStack, folder: Path, *logs: SimulatedLog) -> str:
    store = open_store(folder, logs)
    stack.callback(store.close)
    return await stack.enter_async_context(serve(build_app(GreasyNode(store, logs[0].log_id))))


async def test_sync_audit_and_verify(tmp_path: Path, stack: AsyncExitStack) -> None:
    """A replica made from such a node is whole, keeps none of the lines, audits clean, and says valid."""
    world = World()
    data = show(world)
    logs = (world.network, world.school, world.other)
    url = await greasy(stack, tmp_path / "store", *logs)
    for _ in range(2):
        with ReplicaWriter(tmp_path / "replica") as writer:
            report = await sync_replica(writer, world.trust, [url], history=True)
        assert report.is_complete, report.to_lines()
    for log in logs:
        held = Replica(tmp_path / "replica").log(log.log_id)
        assert held is not None
        assert set(parse_note(held.note).signatures) == set(parse_note(log.note or b"").signatures)
    assert audit_replica(tmp_path / "replica", world.trust).is_clean
    network = verify.open_network(world.trust, tmp_path / "replica")
    question = Question(now=NOW + DAY, audience=AUDIENCE, nonce=NONCE)
    (tmp_path / "x.cairn").write_bytes(data)
    (one,) = verify.verify_files([tmp_path / "x.cairn"], verify.judge_by(network, question))
    assert one.codes == (Code.VALID,)


@pytest.mark.parametrize("seed", range(10))
def test_a_verifier_who_holds_such_a_note(seed: int) -> None:
    """Held as it came: the quorum and its time are those of the known lines."""
    world = World()
    before = Network(world.trust, world.held.ledger).judge_head(world.school.log_id)
    world.school.note = grease(world.school.note or b"", seed)
    world.network.note = grease(world.network.note or b"", seed + 100)
    network = Network(world.trust, world.held.ledger)
    assert network.judge_head(world.school.log_id) == before
    assert network.judge_head(world.network.log_id).quorum.has_quorum
