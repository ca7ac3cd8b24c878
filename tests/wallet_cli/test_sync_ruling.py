"""A light replica that holds the history which the network decided against takes the other one, and says so."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ledger.log.governance import Boundary, MemberOp
from ledger.log.identity import encode_log_id
from ledger.log.merkle import RootHash
from ledger.log.network import Network
from tests.simulator import SimulatedLog
from tests.wallet_cli.test_sync import Setting, app_of
from wallet_cli.replica import Replica
from wallet_cli.replica_writer import ReplicaWriter
from wallet_cli.sync_report import SyncReport


class Forked(Setting):
    """Granite signed two histories; the replica holds one, and a node serves the other."""

    def __init__(self, tmp_path: Path, stack: AsyncExitStack) -> None:
        super().__init__(tmp_path, stack)
        self.ours = self.members[0]
        self.parting = self.ours.size
        self.theirs = self.ours.copy()
        self.ours.cut()
        self.theirs.counter += 1000
        self.theirs.cut()

    def longer(self, entries: int) -> None:
        """Let the other history go on, or the one held for a negative number."""
        for number in range(abs(entries)):
            (self.theirs if entries > 0 else self.ours).publish(f"urn:example:{number}")

    def rule(self, named: SimulatedLog, size: int | None = None) -> int:
        size = named.size if size is None else size
        boundary = Boundary(named.log_id, size, named.root_at(size))
        return self.network.member(named, MemberOp.AMEND, boundary=boundary).index

    async def again(self) -> SyncReport:
        """Sync once more, from a node that has the network's log and one that serves the other history."""
        return await self.sync(await self.serve(self.network), await self.serve_app(app_of(self.theirs)))

    def is_held(self, log: SimulatedLog) -> bool:
        held = self.held(log)
        return list(held.entries(0, held.size)) == log.entries


@pytest.fixture
async def forked(tmp_path: Path) -> AsyncIterator[Forked]:
    async with AsyncExitStack() as stack:
        yield Forked(tmp_path, stack)


@pytest.mark.parametrize("longer", [0, 2, -2])
async def test_the_named_history_is_taken(forked: Forked, longer: int) -> None:
    """Shorter, longer or as long as the one held; its newest page is there, the proof is kept, and nothing is left over."""
    forked.longer(longer)
    await forked.sync(await forked.serve(), history=True)
    assert forked.is_held(forked.ours)
    index = forked.rule(forked.theirs)
    report = await forked.again()
    outcome = report.logs[1]
    assert (outcome.ruled, outcome.problems, outcome.forks) == (index, (), 1)
    assert f"entry {index} of the network's log names another history" in "\n".join(report.to_lines())
    assert forked.is_held(forked.theirs)
    held = forked.held(forked.theirs)
    page = held.state.newest_status
    assert page is not None and held.body(page.index) == forked.theirs.bodies[page.index]
    fork = Network(forked.trust, Replica(forked.folder)).fork_of(forked.ours.log_id)
    assert fork is not None and not fork.is_open
    again = await forked.again()
    assert (again.is_complete, again.logs[1].ruled) == (True, None)


@pytest.mark.parametrize("boundary", ["below the parting", "the history held", "a history nobody has", "not reached"])
async def test_anything_else_changes_nothing(forked: Forked, boundary: str) -> None:
    await forked.sync(await forked.serve())
    if boundary == "below the parting":
        forked.rule(forked.ours, forked.parting)
    elif boundary == "the history held":
        forked.rule(forked.theirs)
        forked.rule(forked.ours)
    else:
        size = forked.ours.size if boundary == "a history nobody has" else forked.ours.size + 5
        named = Boundary(forked.ours.log_id, size, RootHash(bytes(32)))
        forked.network.member(forked.ours, MemberOp.AMEND, boundary=named)
    outcome = (await forked.again()).logs[1]
    assert (outcome.ruled, outcome.forks, len(outcome.problems)) == (None, 1, 1)
    assert forked.is_held(forked.ours)


async def test_a_run_that_broke_off_in_between_is_mended_by_the_next(forked: Forked) -> None:
    """Once let go, the log is not held until the next run; the evidence is still there."""
    await forked.sync(await forked.serve())
    forked.rule(forked.theirs)
    bad = forked.theirs.copy()
    bad.bodies = [None] * bad.size
    await forked.sync(await forked.serve(forked.network), await forked.serve_app(app_of(bad)))
    assert forked.is_held(forked.ours)
    with ReplicaWriter(forked.folder) as writer:
        writer.let_go(forked.ours.log_id)
    assert Replica(forked.folder).log(forked.ours.log_id) is None
    assert list((forked.folder / encode_log_id(forked.ours.log_id) / "evidence").iterdir())
    await forked.again()
    assert forked.is_held(forked.theirs)
