"""Heads above what is held: judged once the copy has grown there, and kept within bounds."""

import logging
from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint, add_signatures, sign_checkpoint
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.note import NoteSignature
from node.claims import MAX_CLAIMS, Claims
from node.client.exchange import OfferedEvidence, OfferedHead, Offers
from tests.node.test_witness import HELD, SIZE, Stand, forge, standing


async def show(stand: Stand, note: bytes) -> int:
    """Offer a head as somebody does who serves nothing; give how many pieces of evidence are held then."""
    node = stand.campus.node
    await node.gossip.take(Offers((OfferedHead(stand.log.log_id, note),), (), ""))
    return await node.forks.count(stand.log.log_id)


async def test_a_false_head_that_nobody_serves_is_evidence_when_the_copy_has_grown_there(tmp_path: Path) -> None:
    async with standing(tmp_path) as stand:
        assert await show(stand, forge(SIZE)) == 0
        stand.serve(SIZE)
        await stand.ask(stand.request(0, SIZE))
        assert stand.campus.holds(stand.log.log_id, SIZE)
        assert await show(stand, stand.notes[HELD]) == 1


async def test_a_true_head_shown_too_early_is_no_evidence(tmp_path: Path) -> None:
    async with standing(tmp_path) as stand:
        await show(stand, stand.notes[SIZE])
        stand.serve(SIZE)
        await stand.ask(stand.request(0, SIZE))
        assert await show(stand, stand.notes[HELD]) == 0


async def test_only_what_the_log_key_signed_is_kept_and_each_is_given_once(tmp_path: Path) -> None:
    async with standing(tmp_path) as stand:
        log = stand.campus.node.ledger.log(stand.log.log_id)
        assert log is not None
        claims = Claims()
        stranger = Checkpoint("granite.example/log", HELD, RootHash(bytes(32)))
        claims.keep(log, sign_checkpoint(stranger, SigningKey(bytes(32))), "")
        assert claims.take_reached(log) == []
        claims.keep(log, forge(HELD), "a.example:1")
        claims.keep(log, forge(SIZE), "")
        assert claims.take_reached(log) == [(forge(HELD), "a.example:1")]
        assert claims.take_reached(log) == []


@pytest.mark.parametrize("order", [1, -1])
async def test_of_too_many_those_that_are_reached_first_stay(tmp_path: Path, order: int) -> None:
    """Else whoever holds the key could push the one that matters out, by heads that are never reached."""
    async with standing(tmp_path) as stand:
        log = stand.campus.node.ledger.log(stand.log.log_id)
        assert log is not None
        claims = Claims()
        for size in range(HELD, HELD + 2 * MAX_CLAIMS)[::order]:
            claims.keep(log, forge(size), "")
        assert claims.take_reached(log) == [(forge(HELD), "")]


async def test_lines_of_strangers_make_no_second_head(tmp_path: Path) -> None:
    """Else anybody who has seen one true head could push out the ones that matter, in as many wrappings as he likes."""
    async with standing(tmp_path) as stand:
        log = stand.campus.node.ledger.log(stand.log.log_id)
        assert log is not None
        claims = Claims()
        claims.keep(log, forge(HELD + 1), "")
        for stranger in range(2 * MAX_CLAIMS):
            line = NoteSignature("s.example", bytes([stranger] * 4), bytes(72))
            claims.keep(log, add_signatures(forge(HELD), [line]), "")
        stand.serve(SIZE)
        await stand.ask(stand.request(0, SIZE))
        assert [note for note, _ in claims.take_reached(log)] == [forge(HELD + 1), forge(HELD)]


async def test_what_strangers_offer_fills_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody may call, as often as he likes: what proves nothing is told to whoever looks for it alone."""
    async with standing(tmp_path) as stand:
        caplog.clear()
        log = stand.log.log_id
        offers = Offers((OfferedHead(log, b"no note"),), (OfferedEvidence(log, b"no evidence"),) * 4, "")
        with caplog.at_level(logging.INFO):
            await stand.campus.node.gossip.take(offers)
        assert [record.message for record in caplog.records if "offered" in record.message] == []
