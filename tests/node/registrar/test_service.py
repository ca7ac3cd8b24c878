"""The Registrar service over a real Unix socket, and its client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ledger.credential.status import Status
from ledger.errors import MalformedError, RuleError
from ledger.log import statements
from ledger.log.charter import CharterAmendment
from ledger.log.entry import sign_statement
from node.client.failures import UnreachableError
from node.client.registrar import RegistrarClient
from node.client.registry import IssueRequest
from node.registrar.service import add_registrar
from node.service.boundary import ErrorBoundary
from node.service.server import listen, make_server
from tests.node.registrar.desks import DIPLOMA, ROOT_KEY, Bench, achievement_json, csv_of, fresh_bench


@asynccontextmanager
async def serving(bench: Bench, socket: Path) -> AsyncIterator[RegistrarClient]:
    server = make_server(ErrorBoundary())
    add_registrar(server, bench.desk)
    listen(server, f"unix:{socket}")
    await server.start()
    try:
        async with RegistrarClient(str(socket), timeout_seconds=30) as client:
            yield client
    finally:
        await server.stop(None)


async def test_every_call_comes_back_as_the_desk_answered(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench, serving(bench, tmp_path / "s") as client:
        data = csv_of(range(3)) + b"L9,Bad Marker,yesterday,,,\n"
        report = await client.issue(
            IssueRequest(data=data, achievement=DIPLOMA, mapping=(("credits", "credits"),), ignore=("none",))
        )
        assert (report.new, len(report.issued), report.waiting, report.next_cut) == (3, 3, 3, None)
        assert [problem.describe() for problem in report.problems] == [
            "line 5, column awarded_on: not a date like 2026-05-31"
        ]
        assert (await client.cut()).indexes == (2, 3, 4)
        answer = await client.set_status(report.issued[:1], Status.SUSPENDED, reason="because")
        assert (answer.changed, answer.next_cut) == (report.issued[:1], None)
        views = await client.list_awards(achievement=DIPLOMA)
        assert views == await bench.desk.list_awards()
        (suspended,) = (view for view in views if view.id == report.issued[0])
        assert suspended.describe() == "on the ledger at index 3; suspended from the next cut on"
        offers = await client.offer(achievement=DIPLOMA)
        assert sorted(link.learner_id for link in offers.links) == ["L0001", "L0002"]
        assert offers.sheet.count("<svg") == 2
        assert all(link.tx_code in offers.codes and link.tx_code not in offers.sheet for link in offers.links)
        published = await client.publish(achievement_json(version=3))
        assert (published.index, published.version, published.type) == (5, 3, "achievement")
        status = await client.status()
        assert status == await bench.desk.status()
        assert (status.awards, status.waiting_copies, status.pending_decisions, status.open_offers) == (3, 0, 1, 2)


async def test_errors_come_back_as_they_were_raised(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench, serving(bench, tmp_path / "s") as client:
        with pytest.raises(RuleError, match="is not published") as refusal:
            await client.issue(IssueRequest(data=csv_of(range(1)), achievement="unknown"))
        assert "cairn-node publish" in refusal.value.hint
        with pytest.raises(MalformedError, match="unknown column 'grade'"):
            await client.issue(IssueRequest(data=b"learner_id,name,awarded_on,grade\n", achievement=DIPLOMA))
        with pytest.raises(MalformedError, match="achievement"):
            await client.publish(b'{"type": ["Achievement"]}')
        with pytest.raises(RuleError, match="no such award"):
            await client.set_status(["nobody"], Status.REVOKED)
        with pytest.raises(RuleError, match="no valid award"):
            await client.offer(learner_id="L01")


async def test_a_file_larger_than_a_message_is_issued(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench, serving(bench, tmp_path / "s") as client:
        lines = [b"learner_id,name,awarded_on,padding"] + [
            b"L%d,Learner,2026-06-15,%s" % (n, b"x" * 100_000) for n in range(50)
        ]
        request = IssueRequest(data=b"\n".join(lines), achievement=DIPLOMA, ignore=("padding",), dry_run=True)
        assert (await client.issue(request)).new == 50


async def test_governance_is_appended_as_it_was_signed(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench, serving(bench, tmp_path / "s") as client:
        amendment = CharterAmendment(
            at=1, id=bytes(16), log=bench.log.state.log_id, after=-1, until=50, name="Granite Hollow College"
        )
        data = statements.encode(amendment)
        index = await client.submit(data, sign_statement(data, [ROOT_KEY]))
        assert (index, bench.log.state.name) == (2, "Granite Hollow College")
        assert await client.submit(data, sign_statement(data, [ROOT_KEY])) == index


async def test_nobody_listening_is_told_as_such(tmp_path: Path) -> None:
    async with RegistrarClient(str(tmp_path / "nothing"), timeout_seconds=5) as client:
        with pytest.raises(UnreachableError) as refusal:
            await client.status()
        assert "cairn-node run" in refusal.value.hint
