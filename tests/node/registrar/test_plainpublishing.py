"""Every cut publishes signed lists with the head of the ledger in them; whoever is shown a copy reads its slot there."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ledger.credential.dataintegrity.issuer_document import (
    IssuerDocuments,
    document_of_history,
    parse_issuer_document,
)
from ledger.credential.plainlist.bitstring_reader import ListQuestion, parse_entries, read_bitstring
from ledger.credential.plainlist.slots import ListFile, PlainSlot, status_members
from ledger.credential.plainlist.token import parse_token_reference, read_token_status
from ledger.credential.status import Status
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import encode_log_id, short_log_id
from node.client.registry import IssueRequest
from node.keystore import KeyRole
from node.registrar import plainslots
from node.registrar.plainfiles import issuer_of
from node.registrar.tables import Copy
from node.statusfiles import StatusFiles
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench


def files_of(bench: Bench) -> StatusFiles:
    files = bench.desk.parts.status_files
    assert files is not None
    return files


def read_file(bench: Bench, number: int, file: ListFile) -> str:
    data = files_of(bench).read(short_log_id(bench.desk.parts.log_id), number, file)
    assert data is not None
    return data.decode()


async def issue_with_plain_slot(bench: Bench) -> tuple[str, PlainSlot]:
    """One award whose copy has a plain slot too."""
    await bench.desk.issue(IssueRequest(data=csv_of([1]), achievement=DIPLOMA))
    (award,) = await bench.desk.list_awards()

    def take(session: Any) -> PlainSlot:
        copy = session.query(Copy).one()
        return plainslots.draw_plain_slot(
            session, copy.list_number, copy.slot, bench.desk.parts.draw, now=bench.clock.now
        )

    return award.id, await bench.desk.database.change(take)


def read_all(bench: Bench, slot: PlainSlot) -> tuple[int, int, int]:
    """What the three files say of a slot: revocation, suspension, token."""
    state, url = bench.log.state, bench.desk.make_press().issuer.id
    issuer = issuer_of(url)
    documents = IssuerDocuments([parse_issuer_document(document_of_history(issuer, state.keys), issuer)])
    question = ListQuestion(now=bench.clock.now, issuers=frozenset({issuer}), documents=documents)
    entries, pointer = status_members(slot, url)
    bits = []
    for entry in parse_entries(list(entries)):
        credential = json.loads(read_file(bench, slot.number, ListFile(entry.purpose)))
        bits.append(read_bitstring(credential, entry, question).value)
    key = bench.keystore.newest(KeyRole.ISSUE).public
    token = read_file(bench, slot.number, ListFile.TOKEN)
    answer = read_token_status(token, parse_token_reference(pointer), key, bench.clock.now)
    return bits[0], bits[1], answer.value


async def test_decisions_reach_the_files_with_the_cut(tmp_path: Path) -> None:
    """Suspended, then revoked: each is in all three files after the cut, and not before."""
    async with fresh_bench(tmp_path) as bench:
        award, slot = await issue_with_plain_slot(bench)
        await bench.desk.cut()
        assert read_all(bench, slot) == (0, 0, 0)
        await bench.desk.set_status([award], Status.SUSPENDED)
        assert read_all(bench, slot) == (0, 0, 0)
        await bench.desk.cut()
        assert read_all(bench, slot) == (0, 1, 2)
        await bench.desk.set_status([award], Status.REVOKED)
        await bench.desk.cut()
        assert read_all(bench, slot) == (1, 0, 1)


async def test_the_head_inside_is_that_of_the_log_after_the_cut(tmp_path: Path) -> None:
    """Whoever replays the log to that size has what the lists follow."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.cut()
        (number,) = files_of(bench).numbers(short_log_id(bench.desk.parts.log_id))
        (head,) = json.loads(read_file(bench, number, ListFile.REVOCATION))["evidence"]
        assert bench.log.note is not None
        checkpoint = read_checkpoint(bench.log.note)
        assert head["cairn:log"] == encode_log_id(bench.desk.parts.log_id)
        assert head["cairn:size"] == checkpoint.size == bench.log.state.size


async def test_files_that_were_lost_are_made_at_the_next_start(tmp_path: Path) -> None:
    """The state is in the database: a node that stopped before it published does so when it starts."""
    async with fresh_bench(tmp_path) as bench:
        award, slot = await issue_with_plain_slot(bench)
        await bench.desk.set_status([award], Status.REVOKED)
        await bench.desk.cut()
        path = bench.directory / "status" / short_log_id(bench.desk.parts.log_id) / str(slot.number) / "token"
        await asyncio.to_thread(path.unlink)
        bench.desk._plain_lists._has_published = False  # as in a new process
        await bench.desk.start()
        assert read_all(bench, slot) == (1, 0, 1)


async def test_an_older_database_takes_nothing_back(tmp_path: Path) -> None:
    """What the files say of slots the database does not know stays, and is told."""
    async with fresh_bench(tmp_path) as bench:
        award, slot = await issue_with_plain_slot(bench)
        await bench.desk.set_status([award], Status.REVOKED)
        await bench.desk.cut()

        def forget(session: Any) -> None:
            session.query(plainslots.PlainSlot).delete()

        await bench.desk.database.change(forget)
        bench.desk._plain_lists._has_published = False  # as in a new process
        await bench.desk.start()
        assert read_all(bench, slot) == (1, 0, 1)


async def test_a_folder_that_cannot_be_written_holds_no_cut_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The cut is on the ledger; the operator is told, and the next cut tries again."""
    async with fresh_bench(tmp_path) as bench:
        (bench.directory / "status").write_text("in the way")
        before = bench.log.state.size
        await bench.desk.cut()
        assert bench.log.state.size == before + 3
        assert "status lists were not published" in caplog.text
        (bench.directory / "status").unlink()
        await bench.desk.cut()
        assert files_of(bench).numbers(short_log_id(bench.desk.parts.log_id))
