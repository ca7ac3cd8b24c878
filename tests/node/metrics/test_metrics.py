"""A real node's figures: right, private, bounded, and in a form that Prometheus reads."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from grpc import aio
from prometheus_client.exposition import generate_latest

from ledger.errors import CairnError, MalformedError
from ledger.log.charter import Institution
from node.client.finding import Finding, FindingCode, Severity
from node.client.ledger import LedgerClient
from node.client.registrar import RegistrarClient
from node.client.registry import IssueRequest
from node.config import parse_config
from node.metrics.families import _labelled, describe_snapshot
from node.metrics.listener import _Given, metrics_socket
from node.metrics.looplag import LoopLag
from node.metrics.snapshot import MAX_PEERS, take_snapshot
from node.replicate import PeerReport
from node.run import Node, open_node
from tests.end_to_end.world import Campus, found
from tests.node.metrics.scrape import read, scrape

DEADLINE_SECONDS = 60


@asynccontextmanager
async def running(campus: Campus, home: Path) -> AsyncIterator[Node]:
    stop, ready = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(DEADLINE_SECONDS), open_node(campus.directory, home=home) as node:
        task = asyncio.create_task(node.run(stop, ready.set))
        wait = asyncio.create_task(ready.wait())
        await asyncio.wait({task, wait}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            wait.cancel()
            await task
        try:
            yield node
        finally:
            stop.set()
            await task


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    campus = found(tmp_path, "school", Institution.SCHOOL, metrics_listen="127.0.0.1:0")
    async with running(campus, tmp_path / "state") as made:
        yield made


async def test_socket_and_port_answer_the_same(node: Node) -> None:
    """The socket is for owner and group; the public listener has nothing of it."""
    path = node.observing.listener.socket
    assert path == metrics_socket(node.socket) and path.stat().st_mode & 0o777 == 0o660
    one, other = await scrape(path), await scrape(node.observing.listener.url)
    assert one.types == other.types
    assert (one.value("cairn_log_entries"), other.value("cairn_log_entries")) == (1, 1)
    assert one.value("process_open_fds") > 5
    async with aiohttp.ClientSession() as session, session.get(f"{node.http_url}/metrics") as answer:
        assert answer.status == 404


async def test_what_prometheus_asks_for_it_gets(node: Node) -> None:
    """The plain format by default, OpenMetrics on request; both complete."""
    plain = await scrape(node.observing.listener.socket)
    assert plain.content_type.startswith("text/plain; version=0.0.4")
    modern = await scrape(node.observing.listener.socket, "application/openmetrics-text; version=1.0.0")
    assert modern.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert modern.text.endswith("# EOF\n")


async def test_calls_are_counted_by_method_and_status(node: Node) -> None:
    """Also those of the private side whose request is a stream, and refusals; a method we do not have makes no series."""
    async with LedgerClient(node.address) as client:
        for _ in range(3):
            await client.list_logs()
        with pytest.raises(CairnError):
            await client.inclusion(node.log_id, 5, 1)
    async with RegistrarClient(str(node.socket)) as desk:
        await desk.status()
        with pytest.raises(CairnError):
            await desk.issue(IssueRequest(data=b"x", achievement="nothing"))
    async with aio.insecure_channel(node.address) as channel:
        for name in ("/cairn.v1.Ledger/Nonsense", "/grpc.health.v1.Health/Check"):
            with pytest.raises(aio.AioRpcError):
                await channel.unary_unary(name)(b"\xff", timeout=5)
    told = await scrape(node.observing.listener.socket)
    calls = {(s["method"], s["status"]) for s in told.labels("cairn_rpc_calls_total")}
    assert calls == {
        ("cairn.v1.Ledger/ListLogs", "OK"),
        ("cairn.v1.Ledger/GetInclusion", "INVALID_ARGUMENT"),
        ("cairn.v1.Registrar/GetNodeStatus", "OK"),
        ("cairn.v1.Registrar/Issue", "FAILED_PRECONDITION"),
    }
    assert told.value("cairn_rpc_calls_total", method="cairn.v1.Ledger/ListLogs", status="OK") == 3
    assert told.value("cairn_rpc_duration_seconds_count", method="cairn.v1.Ledger/ListLogs") == 3


async def test_cuts_and_commits_are_timed(node: Node) -> None:
    async with RegistrarClient(str(node.socket)) as desk:
        await desk.cut()
    told = await scrape(node.observing.listener.socket)
    assert told.value("cairn_cuts_total", outcome="made") == 1
    assert told.value("cairn_cut_duration_seconds_count") == 1
    assert told.value("cairn_committed_entries_total") == 3
    assert told.value("cairn_log_entries") == 4
    assert told.value("cairn_last_cut_timestamp_seconds") > 1_700_000_000
    # A cut on command: there is no next one, and nothing claims that it was at the beginning of 1970.
    assert told.labels("cairn_next_cut_timestamp_seconds") == []


async def test_findings_are_counted_by_code(node: Node) -> None:
    """Every code has its series, whether it is found or not."""
    await node.observing.watch.look()
    told = await scrape(node.observing.listener.socket)
    assert {labels["code"] for labels in told.labels("cairn_findings")} == {code.value for code in FindingCode}
    assert told.value("cairn_findings", code="no-network") == 1
    assert told.value("cairn_findings", code="fork") == 0
    assert told.value("cairn_findings_by_severity", severity="warning") >= 1


async def test_the_most_pressing_finding_comes_first(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads only the first line of status reads the worst."""
    told = [
        Finding(code=FindingCode.OTHER, severity=severity, subject=str(n), what="x", do="y")
        for n, severity in enumerate((Severity.WARNING, Severity.PROBLEM, Severity.WARNING, Severity.PROBLEM))
    ]

    async def gather(side: object, clock: object) -> tuple[Finding, ...]:
        return tuple(told)

    monkeypatch.setattr("node.observing.gather_findings", gather)
    assert [finding.subject for finding in await node.observing.watch.look()] == ["1", "3", "0", "2"]


async def test_peers_are_bounded(node: Node) -> None:
    """However many a network has, or claims to have."""
    snapshot = await take_snapshot(node.observing._sources)
    reports = tuple(PeerReport(f"peer{n}.example:1", reached_at=1000, lag=n) for n in range(MAX_PEERS + 5))
    node.side.followers.reports = lambda: reports  # type: ignore[method-assign]  # a network of 517 takes minutes to found
    crowded = await take_snapshot(node.observing._sources)
    assert (len(crowded.peers), crowded.peer_count) == (MAX_PEERS, MAX_PEERS + 5)
    assert snapshot.peers == ()
    names = [family.name for family in describe_snapshot(replace(crowded, peers=crowded.peers[:1]))]
    assert len(names) == len(set(names))


async def test_nothing_answers_after_the_end(tmp_path: Path) -> None:
    campus = found(tmp_path, "school", Institution.SCHOOL, metrics_listen="127.0.0.1:0")
    async with running(campus, tmp_path / "state") as node:
        path, url = node.observing.listener.socket, node.observing.listener.url
    assert not path.exists()
    with pytest.raises(aiohttp.ClientConnectionError):
        await scrape(url)


async def test_a_taken_port_is_told_in_words(tmp_path: Path) -> None:
    campus = found(tmp_path, "school", Institution.SCHOOL)
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    text = (campus.directory / "node.toml").read_text()
    (campus.directory / "node.toml").write_text(
        text.replace('metrics_listen = ""', f'metrics_listen = "127.0.0.1:{port}"')
    )
    with pytest.raises(CairnError, match=rf"127\.0\.0\.1:{port}: cannot listen"):
        async with running(campus, tmp_path / "state"):
            raise AssertionError("it runs")
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("address", ["0.0.0.0:8472", "[::]:8472", "school.example:8472", "192.168.1.7:8472"])
def test_beyond_this_computer_is_refused(address: str) -> None:
    """Even with `insecure`: figures are the operator's own."""
    with pytest.raises(MalformedError, match="metrics_listen: it must be on this computer"):
        parse_config(f'name = "x"\ninsecure = true\nmetrics_listen = "{address}"\n')


def test_a_port_is_not_given_twice() -> None:
    with pytest.raises(MalformedError, match=r"metrics_listen: 127\.0\.0\.1:8471 is already taken by grpc_listen"):
        parse_config('name = "x"\nmetrics_listen = "127.0.0.1:8471"\n')


async def test_the_loop_s_lag_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that blocks the loop for a while is what it is there to show."""
    monkeypatch.setattr("node.metrics.looplag.PROBE_SECONDS", 0.01)
    lag = LoopLag()
    assert lag.worst_seconds == 0
    task = asyncio.create_task(lag.run())
    await asyncio.sleep(0)
    time.sleep(0.2)
    async with asyncio.timeout(30):
        while lag.worst_seconds < 0.15:
            await asyncio.sleep(0)
    task.cancel()


def test_a_hostile_address_stays_in_its_label() -> None:
    """Addresses come from other people's logs: quotes and line ends are escaped by the format."""
    evil = 'a"} 1\ncairn_log_entries 7\n#'
    text = generate_latest(_Given([_labelled("cairn_peer_reached", "x", "peer", {evil: 1.0})])).decode()
    assert read(text).labels("cairn_peer_reached") == [{"peer": evil}]
    assert "cairn_log_entries" not in read(text).types
