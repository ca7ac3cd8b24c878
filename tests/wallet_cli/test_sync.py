"""Following a network over HTTP: what is held afterwards, and what is refused without harm."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from ledger import base64url
from ledger.errors import CairnError
from ledger.log import tiles
from ledger.log.entry import parse_entry
from ledger.log.identity import encode_log_id
from ledger.log.merkle import RootHash
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from node.client.http import LedgerHTTP
from tests.ledger.log.networks import evidence
from tests.ledger.log.test_reports import report
from tests.node.web.served import serve, serve_logs
from tests.simulator import SimulatedLog, found_network, trust_of
from wallet_cli.fetching import Fetcher
from wallet_cli.progress import no_progress
from wallet_cli.refold import LEFT_OUT
from wallet_cli.replica import Replica, ReplicaLog
from wallet_cli.replica_writer import Incoming, ReplicaWriter
from wallet_cli.sync import sync_replica
from wallet_cli.sync_report import SyncReport

COUNTER = itertools.count()


class Setting:
    """A network, its trust root, a folder for the replica, and servers that stay up during a test."""

    def __init__(self, tmp_path: Path, stack: AsyncExitStack) -> None:
        self.network, self.members = found_network("granite", "lantern")
        for _ in range(2):
            self.members[0].cut()
        self.members[0].publish("urn:example:diploma", document=b'{"a": 1}')
        self.trust = trust_of(self.network)
        self.folder = tmp_path / "replica"
        self.tmp_path = tmp_path
        self.stack = stack

    @property
    def logs(self) -> list[SimulatedLog]:
        return [self.network, *self.members]

    async def serve(self, *logs: SimulatedLog) -> str:
        path = self.tmp_path / f"store{next(COUNTER)}"
        return await self.stack.enter_async_context(serve_logs(path, logs or self.logs))

    async def serve_app(self, app: web.Application) -> str:
        return await self.stack.enter_async_context(serve(app))

    async def sync(self, *nodes: str, history: bool = False, trust: TrustRoot | None = None) -> SyncReport:
        with ReplicaWriter(self.folder) as writer:
            return await sync_replica(writer, trust or self.trust, nodes, history=history)

    def held(self, log: SimulatedLog) -> ReplicaLog:
        found = Replica(self.folder).log(log.log_id)
        assert found is not None
        return found


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    async with AsyncExitStack() as stack:
        yield Setting(tmp_path, stack)


async def test_holds_every_log_of_the_network(setting: Setting) -> None:
    """One run fetches the network's log and those of all members, and a network can be judged from the files."""
    report = await setting.sync(await setting.serve())
    assert (report.is_complete, [log.name for log in report.logs]) == (True, ["Confluence", "Granite", "Lantern"])
    for log in setting.logs:
        assert list(setting.held(log).entries(0, log.size)) == log.entries
    network = Network(setting.trust, Replica(setting.folder))
    assert network.judge_head(setting.network.log_id).quorum.has_quorum


async def test_is_light(setting: Setting) -> None:
    """No batch and no older page is fetched; documents, anchors and the newest page are."""
    await setting.sync(await setting.serve())
    school = setting.members[0]
    kinds = [setting.held(school).parsed(index).statement.kind for index in range(school.size)]
    held = [index for index in range(school.size) if setting.held(school).body(index) is not None]
    newest = max(index for index, kind in enumerate(kinds) if kind == "status")
    assert held == [index for index, kind in enumerate(kinds) if kind in ("anchor", "publish") or index == newest]


async def test_history_fetches_the_rest(setting: Setting) -> None:
    """`--history` brings every body, also into a replica that was light before."""
    url = await setting.serve()
    await setting.sync(url)
    await setting.sync(url, history=True)
    for log in setting.logs:
        assert [setting.held(log).body(index) for index in range(log.size)] == log.bodies


async def test_old_pages_that_a_node_has_thinned_out_may_lack(setting: Setting) -> None:
    """Even with `--history` a page that nobody holds any more stops nothing; the newest one must be there."""
    granite = setting.members[0]
    pages = [index for index, body in enumerate(granite.bodies) if body is not None and len(body) == 1024]
    granite.bodies[pages[0]] = None
    others = await setting.serve(setting.network, setting.members[1])
    thin = await setting.serve_app(app_of(granite))
    report = await setting.sync(others, thin, history=True)
    assert (report.is_complete, setting.held(granite).size) == (True, granite.size)
    assert [setting.held(granite).body(index) is None for index in pages] == [True, False]
    granite.cut()
    granite.bodies[-1] = None
    assert not (await setting.sync(others, await setting.serve_app(app_of(granite)))).is_complete


async def test_a_second_run_fetches_what_is_new(setting: Setting) -> None:
    """Growth is taken over; the page before the newest stays for readers, older ones go."""
    await setting.sync(await setting.serve())
    school = setting.members[0]
    pages = [index for index, body in enumerate(school.bodies) if body is not None and len(body) == 1024]
    school.cut()
    pages.append(school.size - 1)
    report = await setting.sync(await setting.serve())
    assert [log.size - log.before for log in report.logs] == [0, 3, 0]
    assert [index for index in pages if setting.held(school).body(index) is not None] == pages[-2:]
    again = await setting.sync(await setting.serve())
    assert [log.size - log.before for log in again.logs] == [0, 0, 0]


async def test_cosignatures_of_several_nodes_are_joined(setting: Setting) -> None:
    """Each node may know other cosignatures of the same head; the replica keeps them all."""
    network, (granite, lantern) = setting.network, setting.members
    notes = []
    for witness in (granite, lantern):
        network.sign([witness])
        notes.append(await setting.serve())
    await setting.sync(*notes)
    answer = Network(setting.trust, Replica(setting.folder)).judge_head(network.log_id)
    assert answer.quorum.present == 2


async def test_any_node_serves_any_log(setting: Setting) -> None:
    """Each log is taken from whoever has most of it; nobody needs to have all."""
    network, (granite, lantern) = setting.network, setting.members
    behind = await setting.serve(network, granite)
    granite.cut()
    ahead = await setting.serve(granite, lantern)
    report = await setting.sync(behind, ahead)
    assert [log.size for log in report.logs] == [log.size for log in setting.logs]


async def test_a_silent_node_is_told_and_left_out(setting: Setting) -> None:
    """One node that answers is enough."""
    url = await setting.serve()
    report = await setting.sync("http://127.0.0.1:1", url)
    assert (report.is_complete, len(report.unreachable)) == (True, 1)


async def test_no_node_answers(setting: Setting) -> None:
    """Then the error says so, and there is nothing to verify with."""
    with pytest.raises(CairnError, match="cannot be reached"):
        await setting.sync("http://127.0.0.1:1")


async def test_another_network_is_refused(setting: Setting) -> None:
    """A network log that does not contain the pinned head is not taken over."""
    wrong = replace(setting.trust, head_root=RootHash(bytes(32)))
    with pytest.raises(CairnError, match="not the one the trust root pins"):
        await setting.sync(await setting.serve(), trust=wrong)
    assert Replica(setting.folder).log_ids() == ()


async def test_a_network_log_behind_the_trust_root_is_refused(setting: Setting) -> None:
    """An old copy cannot stand in for what the trust root has seen."""
    ahead = replace(setting.trust, head_size=setting.network.size + 1)
    with pytest.raises(CairnError, match="the trust root names"):
        await setting.sync(await setting.serve(), trust=ahead)


def app_of(log: SimulatedLog, *, mangle: str = "", served_as: SimulatedLog | None = None) -> web.Application:
    """A node that serves one log from memory, with one thing wrong."""
    entries = list(log.entries)
    if mangle == "entry":
        entries[-1] = entries[-1].replace(b'"v":1', b'"v":2')
    if mangle == "order":
        entries[-1], entries[-2] = entries[-2], entries[-1]

    async def logs(request: web.Request) -> web.Response:
        return web.json_response([encode_log_id((served_as or log).log_id)])

    async def checkpoint(request: web.Request) -> web.Response:
        note = log.note or b""
        return web.Response(body=note.replace(b"\n", b"\n\n", 1) if mangle == "note" else note)

    async def tile(request: web.Request) -> web.Response:
        address = tiles.parse_path(request.match_info["path"])
        first = address.index * tiles.TILE_WIDTH
        if address.level is None:
            return web.Response(body=tiles.encode_bundle(entries[first : first + address.width]))
        hashes = log.read_hashes([(0, first + offset) for offset in range(address.width)])
        return web.Response(body=b"".join(hashes))

    async def body(request: web.Request) -> web.Response:
        data = log.bodies[int(request.match_info["index"])]
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data[:-1] + b"!" if mangle == "body" else data)

    async def evidence(request: web.Request) -> web.Response:
        return web.json_response([base64url.encode(piece) for piece in log.forks])

    app = web.Application()
    app.router.add_get("/logs", logs)
    app.router.add_get("/log/{id}/checkpoint", checkpoint)
    app.router.add_get("/log/{id}/{path:tile/.*}", tile)
    app.router.add_get("/log/{id}/body/{index}", body)
    app.router.add_get("/log/{id}/evidence", evidence)
    return app


@pytest.mark.parametrize("mangle", ["entry", "order", "note", "body"])
async def test_a_bad_offer_changes_nothing(setting: Setting, mangle: str) -> None:
    """Flipped, reordered or cut: nothing of it is stored, what was held stays, and the node is named."""
    await setting.sync(await setting.serve())
    granite = setting.members[0]
    before, size = sorted(path for path in setting.folder.rglob("*") if path.is_file()), granite.size
    granite.cut()
    bad = await setting.serve_app(app_of(granite, mangle=mangle))
    report = await setting.sync(await setting.serve(setting.network), bad)
    assert (setting.held(granite).size, report.is_complete) == (size, False)
    assert bad in " ".join(report.logs[1].problems)
    assert sorted(path for path in setting.folder.rglob("*") if path.is_file()) == before


async def test_a_good_node_makes_up_for_a_bad_one(setting: Setting) -> None:
    """The next node is asked when one serves rubbish."""
    granite = setting.members[0]
    bad = await setting.serve_app(app_of(granite, mangle="entry"))
    report = await setting.sync(bad, await setting.serve())
    assert [log.size for log in report.logs] == [log.size for log in setting.logs]
    assert bad in " ".join(report.logs[1].problems)


async def test_a_log_served_as_another_is_refused(setting: Setting) -> None:
    """What is served under an id must be the log with that id."""
    granite = setting.members[0]
    impostor = app_of(SimulatedLog("stranger"), served_as=granite)
    report = await setting.sync(await setting.serve(setting.network), await setting.serve_app(impostor))
    assert (report.logs[1].size, "was served as" in report.logs[1].problems[0]) == (0, True)


@pytest.mark.parametrize("extra", [0, 1, -1])
async def test_a_fork_is_proven_and_kept(setting: Setting, extra: int) -> None:
    """Two histories signed by one key, of equal or different sizes: ours stays, and the proof stands alone."""
    granite = setting.members[0]
    other = granite.copy()
    for _ in range(2):
        granite.publish(f"urn:example:ours{granite.size}")
    for _ in range(2 + extra):
        other.publish(f"urn:example:theirs{other.size}")
    await setting.sync(await setting.serve())
    report = await setting.sync(await setting.serve(setting.network), await setting.serve_app(app_of(other)))
    assert (report.logs[1].forks, setting.held(granite).size) == (1, granite.size)
    fork = Network(setting.trust, Replica(setting.folder)).fork_of(granite.log_id)
    assert fork is not None
    assert extra == 0 or fork.size == granite.size - 2


async def test_what_one_log_reports_is_kept_beside_the_log_it_is_about(setting: Setting) -> None:
    """Nobody serves the evidence itself any more; it stands on the log of a third institution alone."""
    accused, reporter = setting.members
    other = accused.copy()
    for branch in (accused, other):
        branch.counter += 1000 * (branch is other)
        branch.cut()
    piece = evidence(accused, other, None)
    report(reporter, [b"nothing", piece])
    url = await setting.serve()
    outcome = {log.log_id: log.forks for log in (await setting.sync(url)).logs}
    assert outcome[accused.log_id] == 1 and sum(outcome.values()) == 1
    assert len(setting.held(accused).evidence()) == 1
    assert sum(log.forks for log in (await setting.sync(url)).logs) == 0


async def test_batches_go_to_disk_and_not_through_memory(setting: Setting) -> None:
    """What no rule reads is checked and kept; only the rest is given back to be judged."""
    log = setting.members[0]
    entries = [parse_entry(raw) for raw in log.entries]
    bulk = {entry.index for entry in entries if entry.statement.kind in LEFT_OUT}
    assert bulk
    incoming = Incoming(setting.tmp_path / "incoming")
    incoming.put_body(min(bulk), b"left by another history of this log")
    async with LedgerHTTP(await setting.serve()) as http:
        fetcher = Fetcher(http, log.log_id, "Granite", incoming, no_progress)
        judged = await fetcher.bodies([entry for entry in entries if entry.statement.body is not None])
    assert judged and not bulk & judged.keys()
    incoming.move_bodies(range(log.size), setting.tmp_path / "body")
    for index, body in enumerate(log.bodies):
        path = setting.tmp_path / "body" / str(index)
        assert (path.read_bytes() if path.exists() else None) == body


async def test_evidence_that_proves_nothing_is_left(setting: Setting) -> None:
    """Anybody may serve evidence; only what proves a fork of that log is kept."""
    granite = setting.members[0]
    granite.forks = [b"{}", b"rubbish"]
    report = await setting.sync(await setting.serve(setting.network), await setting.serve_app(app_of(granite)))
    assert (report.logs[1].forks, list(setting.held(granite).evidence())) == (0, [])


async def test_goes_on_where_it_was_interrupted(setting: Setting) -> None:
    """A run that lost its node half way does not fetch full bundles again."""
    granite = setting.members[0]
    while granite.size < 300:
        granite.publish(f"urn:example:{granite.size}")
    app, asked = app_of(granite), []
    fail = True

    @web.middleware
    async def watch(request: web.Request, handler: object) -> web.StreamResponse:
        asked.append(request.path.partition("/tile/")[2])
        if fail and "001.p" in request.path:
            raise web.HTTPServiceUnavailable
        return await handler(request)  # type: ignore[operator,no-any-return]  # aiohttp's handler

    app.middlewares.append(watch)
    network, url = await setting.serve(setting.network), await setting.serve_app(app)
    assert (await setting.sync(network, url)).logs[1].size == 0
    fail = False
    asked.clear()
    assert (await setting.sync(network, url)).logs[1].size == granite.size
    assert "entries/000" not in asked
