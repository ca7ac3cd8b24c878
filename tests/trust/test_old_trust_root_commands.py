"""`cairn sync` and `cairn verify` from a trust root file of long ago: today is reached, and no forged way is taken."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import encode_entry
from ledger.log.policy import encode_trust_root
from tests.ledger.credential.verifying import AUDIENCE, NONCE, NOW
from tests.ledger.log.samples import fresh_key
from tests.node.web.served import serve, serve_logs
from tests.simulator import SimulatedLog
from tests.trust.test_old_trust_root import History, forged
from tests.wallet_cli.test_sync import app_of
from wallet_cli.main import run
from wallet_cli.replica import Replica


@dataclass
class Office:
    """Somebody who kept the first trust root in a file, and has nothing else."""

    history: History
    folder: Path
    stack: AsyncExitStack
    capsys: pytest.CaptureFixture[str]
    stores: int = field(default=0)

    def __post_init__(self) -> None:
        (self.folder / "trust.json").write_bytes(encode_trust_root(self.history.trust))
        for name in ("before", "after"):
            data = self.history.world.present(getattr(self.history, name))
            (self.folder / f"{name}.cairn").write_bytes(data)

    async def serve(self, *logs: SimulatedLog) -> str:
        self.stores += 1
        return await self.stack.enter_async_context(serve_logs(self.folder / f"store{self.stores}", logs))

    async def serve_anything(self, log: SimulatedLog) -> str:
        """Also what no node would store."""
        return await self.stack.enter_async_context(serve(app_of(log)))

    async def sync(self, *nodes: str) -> tuple[int, str]:
        return await self._cairn("sync", str(self.folder / "copy"), *(f"--node={node}" for node in nodes))

    async def verify(self, name: str) -> tuple[int, str]:
        asked = ("--audience", AUDIENCE, "--nonce", NONCE, "--replica", str(self.folder / "copy"))
        return await self._cairn("verify", str(self.folder / f"{name}.cairn"), *asked)

    async def _cairn(self, *arguments: str) -> tuple[int, str]:
        given = [*arguments, "--trust", str(self.folder / "trust.json"), "--vault", str(self.folder / "vault")]
        async with asyncio.timeout(60):
            code = await asyncio.to_thread(run, given)
        told = self.capsys.readouterr()
        return code, told.out + told.err

    def held(self) -> int:
        log = Replica(self.folder / "copy").log(self.history.network.log_id)
        return 0 if log is None else log.size


@pytest.fixture(scope="module")
def history() -> History:
    return History()


@pytest.fixture
async def office(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Office]:
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: NOW + 60_000)
    async with AsyncExitStack() as stack:
        yield Office(history, tmp_path, stack, capsys)


def beginning(history: History, size: int) -> SimulatedLog:
    """The network's log as it was when it had so many entries."""
    log = history.network
    before = SimulatedLog("confluence", log.state.charter.institution, governors=3, threshold=2)
    for index in range(1, size):
        before.append_raw(log.entries[index], log.bodies[index])
    before.counter = 90_000
    return before


async def test_the_file_of_the_first_day_reaches_today(office: Office) -> None:
    """Witnesses, log key twice and governors were replaced since; what was issued before and after is valid."""
    history = office.history
    code, told = await office.sync(await office.serve(*history.world.logs))
    assert (code, office.held()) == (0, history.network.size), told
    for name in ("before", "after"):
        code, told = await office.verify(name)
        assert (code, "Valid now" in told) == (0, True), told


async def test_a_copy_of_the_first_day_grows_to_today(office: Office) -> None:
    history = office.history
    first = await office.serve(beginning(history, history.trust.head_size))
    assert ((await office.sync(first))[0], office.held()) == (3, history.trust.head_size)
    today = await office.serve(*history.world.logs)
    code, told = await office.sync(today)
    assert (code, office.held()) == (0, history.network.size), told
    assert (await office.verify("after"))[0] == 0
    # Whoever serves the first day again takes nothing back.
    assert ((await office.sync(first, today))[0], office.held()) == (0, history.network.size)


def rotated_by_too_few(history: History) -> SimulatedLog:
    """The log key of a thief, by one governor of two that it takes; the thief signs what follows."""
    branch = beginning(history, history.trust.head_size)
    thief = fresh_key(branch, "thief")
    branch.rotate(thief, branch.signed_rotation(thief, branch.root_signers[:1]))
    return branch


def replaced_by_strangers(history: History) -> SimulatedLog:
    """New governors who signed for themselves: keys that the log never named before them."""
    branch = beginning(history, history.trust.head_size)
    strangers = [fresh_key(branch, ("stranger", n)) for n in range(2)]
    rotation = branch.signed_rotation(fresh_key(branch, "thief"), strangers)
    branch.entries.append(
        encode_entry(branch.size, branch.state.last_leaf, rotation.statement_bytes, rotation.signatures)
    )
    branch.bodies.append(None)
    return resigned(branch)


def taken_out_of_the_middle(history: History) -> SimulatedLog:
    """Today's log without the entry that named the witness of a school anew."""
    branch = history.network.copy()
    for rows in (branch.entries, branch.bodies):
        del rows[history.trust.head_size]
    return resigned(branch)


def resigned(log: SimulatedLog) -> SimulatedLog:
    """The log with a checkpoint over what it is said to hold, signed by its key."""
    size = len(log.entries)
    log.note = sign_checkpoint(Checkpoint(log.state.charter.origin, size, log.root_at(size)), log.log_signer)
    return log


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (
            rotated_by_too_few,
            "in force since entry 0; entry {start}, which names another one, is void: 1 of the 2 root signatures",
        ),
        (replaced_by_strangers, "entry {start}: signed by a key this log never named"),
        (taken_out_of_the_middle, "entry {start}: index {next} where {start} is next"),
    ],
)
async def test_a_forged_way_is_refused_by_entry_and_rule(
    office: Office, forge: Callable[[History], SimulatedLog], words: str
) -> None:
    """Nothing of it is kept, whether a copy of the first day is there or none, and today's node makes up for it."""
    history = office.history
    start = history.trust.head_size
    said = words.format(start=start, next=start + 1)
    bad = await office.serve_anything(forge(history))
    code, told = await office.sync(bad)
    assert (code, office.held()) == (1, 0), told
    assert "confluence.example/log: " in told or "network log Confluence" in told
    assert said in told
    await office.sync(await office.serve(beginning(history, start)))
    code, told = await office.sync(bad)
    assert (code, office.held()) == (3, start)
    assert said in told and "log confluence.example/log: " in told
    code, told = await office.sync(bad, await office.serve(*history.world.logs))
    assert (code, office.held()) == (3, history.network.size)
    assert (await office.verify("after"))[0] == 0


async def test_a_way_that_no_witness_saw_leads_to_no_verdict(office: Office) -> None:
    """All governors of the first day and their log key: what they write stands, and no quorum of then ever cosigned it."""
    history = office.history
    branch = forged(history, history.old_roots, history.old_log_key, [])
    code, told = await office.sync(await office.serve(branch, *history.world.logs[1:]))
    assert (code, office.held()) == (3, branch.size), told
    code, told = await office.verify("before")
    assert (code, "Cannot tell yet" in told, "NO_QUORUM" in told) == (3, True, True), told
