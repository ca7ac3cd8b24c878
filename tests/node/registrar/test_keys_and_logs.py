"""Keys that leave force before a cut, a node that may not write, and what log lines never hold."""

import logging
from pathlib import Path

import pytest

from ledger import base64url
from ledger.credential.jose import parse_jws
from ledger.credential.status import Status
from ledger.errors import RuleError
from ledger.log import statements
from ledger.log.charter import Role, RoleKey
from ledger.log.entry import parse_entry, sign_statement
from ledger.log.governance import AddKey, RetireKey
from ledger.log.statement import Statement
from node.client.registry import IssueRequest
from node.errors import BusyError
from node.keystore import KeyRole
from node.registrar import views
from node.sequencer import SignedStatement
from tests.node.registrar.desks import (
    DIPLOMA,
    ROOT_KEY,
    Bench,
    Dice,
    csv_of,
    fresh_bench,
)

pytestmark = pytest.mark.usefixtures("each_database")


async def govern(bench: Bench, statement: Statement) -> int:
    data = statements.encode(statement)
    return await bench.desk.submit(SignedStatement(data, sign_statement(data, [ROOT_KEY])))


async def change_key(bench: Bench, role: KeyRole) -> None:
    """Put a second key of a role in force and retire the first."""
    old, log = bench.keystore.newest(role).public, bench.log.state.log_id
    new = bench.keystore.add(role, Dice("second")).public
    key = RoleKey(new, Role(role.value))
    await govern(bench, AddKey(at=1, id=Dice("add")(16), log=log, after=-1, until=99, key=key))
    await govern(bench, RetireKey(at=1, id=Dice("retire")(16), log=log, after=-1, until=99, key=old.id))


async def test_waiting_copies_are_signed_anew_when_their_key_left_force(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        report = await bench.desk.issue(IssueRequest(data=csv_of(range(3)), achievement=DIPLOMA))
        await change_key(bench, KeyRole.REGISTER)
        await bench.desk.cut()
        new = bench.keystore.newest(KeyRole.REGISTER).public
        with bench.desk.database.read() as session:
            for award in report.issued:
                credential, _ = views.find_receipt(session, bench.log, award)
                assert parse_jws(credential.partition("~")[0]).header["kid"] == base64url.encode(new.id)


async def test_cuts_go_on_with_the_operate_key_in_force(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.cut()
        await change_key(bench, KeyRole.OPERATE)
        cut = await bench.desk.cut()
        entry = parse_entry(bench.log.entry(cut.indexes[2]))
        assert entry.signatures[0].key == bench.keystore.newest(KeyRole.OPERATE).public.id
        assert bench.log.state.void == {}


async def test_a_node_that_may_not_write_keeps_its_decisions_and_makes_no_cut(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        bench.sequencer.hold("waiting for 2 of 3 witnesses")
        report = await bench.desk.issue(IssueRequest(data=csv_of(range(3)), achievement=DIPLOMA))
        with pytest.raises(BusyError, match="waiting for 2 of 3 witnesses"):
            await bench.desk.cut()
        assert (await bench.desk.status()).is_waiting_for == "waiting for 2 of 3 witnesses"
        bench.sequencer.release()
        assert (await bench.desk.cut()).copies == len(report.issued)


async def test_cuts_on_command_need_a_charter_that_allows_them(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path, interval_ms=86_400_000) as bench:
        report = await bench.desk.issue(IssueRequest(data=csv_of(range(300)), achievement=DIPLOMA))
        assert report.next_cut is not None and report.last_cut == report.next_cut + 86_400_000
        with pytest.raises(RuleError, match="the charter fixes when this log cuts"):
            await bench.desk.cut()
        await bench.desk.cut(report.next_cut)
        assert await bench.desk.last_cut() == report.next_cut
        assert parse_entry(bench.log.entry(2)).statement.at == report.next_cut


async def test_nothing_personal_in_log_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with fresh_bench(tmp_path) as bench:
        data = csv_of(range(2)) + b"L9,Marker9,yesterday,,,\n"
        report = await bench.desk.issue(IssueRequest(data=data, achievement=DIPLOMA))
        await bench.desk.cut()
        await bench.desk.offer(award_ids=report.issued)
        with pytest.raises(RuleError):
            await bench.desk.set_status(["Marker"], status=Status.REVOKED, reason="Marker")
        everything = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
        assert "awards decided" in everything
        assert "Marker" not in everything and "L0001" not in everything
        for index in range(bench.log.size):
            assert b"Marker" not in bench.log.entry(index) + (bench.log.body(index) or b"")
