"""SIGKILL while awards are issued and cut: what was acknowledged is there, once, and peers follow on."""

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from ledger.errors import CairnError
from ledger.log.body import parse_body
from ledger.log.entry import Entry, parse_entry
from ledger.log.follow import judge_growth
from node.client.ledger import LedgerClient
from node.client.registry import IssueRequest
from tests.end_to_end.learner import ACHIEVEMENTS
from tests.end_to_end.town import NETWORK, Neighbour, Town, eventually, town

DIPLOMA = "granite-hollow"
ACHIEVEMENT = f"urn:cairn:achievement:{DIPLOMA}"
ROWS = 3


class Office:
    """A registrar who never waits: files and cuts at the same time, remembering what was acknowledged."""

    def __init__(self, school: Neighbour) -> None:
        self.school = school
        self.learners = 0
        self.acknowledged: list[str] = []
        self.heard = asyncio.Event()

    async def work(self) -> None:
        """Issue and cut until the node is gone."""
        await asyncio.gather(self._issue(), self._cut())

    async def repeat(self) -> None:
        """Send the file again that was under way: what came through is not awarded a second time."""
        async with self.school.desk() as desk:
            request = IssueRequest(data=csv_of(self.learners - ROWS), achievement=ACHIEVEMENT)
            first, second = await desk.issue(request), await desk.issue(request)
        assert first.new + first.already == ROWS
        assert (second.new, second.already) == (0, ROWS)
        self.acknowledged += first.issued

    async def _issue(self) -> None:
        async with self.school.desk() as desk:
            while True:
                first, self.learners = self.learners, self.learners + ROWS
                try:
                    report = await desk.issue(IssueRequest(data=csv_of(first), achievement=ACHIEVEMENT))
                except CairnError:
                    if self.school.process is None:
                        return
                    raise
                self.acknowledged += report.issued
                self.heard.set()

    async def _cut(self) -> None:
        async with self.school.desk() as desk:
            while True:
                try:
                    await desk.cut()
                except CairnError:
                    if self.school.process is None:
                        return
                    raise


def csv_of(first: int) -> bytes:
    rows = [f"L{number:05d},Learner {number},2026-06-15,met" for number in range(first, first + ROWS)]
    return "\n".join(["learner_id,name,awarded_on,result.R1", *rows]).encode()


async def kill_while_working(office: Office, chance: random.Random) -> None:
    """Kill after a few acknowledgements, at any moment of what is under way then."""
    wanted = len(office.acknowledged) + ROWS * chance.randint(1, 6)
    work = asyncio.create_task(office.work())
    async with asyncio.timeout(60):
        while len(office.acknowledged) < wanted:
            office.heard.clear()
            heard = asyncio.create_task(office.heard.wait())
            await asyncio.wait((heard, work), return_when=asyncio.FIRST_COMPLETED)
            heard.cancel()
            if work.done():
                work.result()
        # Not a wait for anything: it spreads the kills over all steps of an issue and a cut.
        await asyncio.sleep(chance.uniform(0, 0.06))
        assert await office.school.stop(signal.SIGKILL) == -signal.SIGKILL
        await work


async def may_sign(school: Neighbour) -> bool:
    async with school.desk() as desk:
        return not (await desk.status()).is_waiting_for


async def read_log(peer: Neighbour, school: Neighbour) -> tuple[list[Entry], list[bytes | None]]:
    """The school's log as a peer serves it, judged from nothing, as a stranger judges it."""
    async with LedgerClient(peer.grpc, timeout_seconds=30) as client:
        (head,) = await client.heads([school.log_id])
        packages = [package async for package in client.entries(school.log_id, 0, head.size)]
        bodies = {index: body async for index, body in client.bodies(school.log_id, 0, head.size)}
        assert await client.evidence(school.log_id) == ()
    raw = [entry for package in packages for entry in package.entries]
    assert head.note is not None
    held = [bodies.get(index) for index in range(head.size)]
    growth = judge_growth(None, raw, held, head.note)
    assert not growth.state.void
    return [parse_entry(entry) for entry in raw], held


async def check(made: Town, office: Office) -> None:
    """Every acknowledged award stands on the log its peers hold, and nothing stands there twice."""
    async with office.school.desk() as desk:
        awards = await desk.list_awards()
        assert {award.id for award in awards} >= set(office.acknowledged)
        assert len({award.learner_id for award in awards}) == len(awards)
        assert len(set(office.acknowledged)) == len(office.acknowledged)
        await desk.cut()
        while (await desk.status()).waiting_copies:
            await desk.cut()
        assert all(award.index is not None for award in await desk.list_awards())
        status = await desk.status()
        assert status.outbox == 0
    await made.level()
    entries, bodies = await read_log(made["tidewater"], office.school)
    assert len(entries) == status.size
    assert max(Counter(entry.statement.id for entry in entries).values()) == 1
    items = Counter(
        item
        for entry, body in zip(entries, bodies, strict=True)
        if entry.statement.kind == "issue" and body is not None
        for item in parse_body("issue", body)
    )
    assert max(items.values()) == 1
    # The three entries of each cut stand together and in order, also where a kill came between them.
    kinds = [entry.statement.kind for entry in entries if entry.statement.kind not in ("charter", "publish", "key")]
    assert kinds == ["anchor", "issue", "status"] * (len(kinds) // 3)


def complaints(made: Town) -> list[str]:
    """Lines of any node that tell of a fault, or of a copy that was refused; silence of a killed node is none."""
    lines = [line for node in made.nodes.values() for file in node.log_files for line in file.read_text().splitlines()]
    return [line for line in lines if "level=error" in line or "copy refused" in line]


async def kill_rounds(folder: Path, rounds: int) -> None:
    chance = random.Random(rounds)
    async with town(folder) as made:
        school = made["granite-hollow"]
        async with school.desk() as desk:
            await desk.publish((ACHIEVEMENTS / f"{DIPLOMA}.json").read_bytes())
        office = Office(school)
        for _ in range(rounds):
            try:
                await kill_while_working(office, chance)
                await school.start()
                await eventually(lambda: may_sign(school))
                await office.repeat()
                await check(made, office)
            except CairnError as error:
                # What a node answers is short on purpose; its log says the rest.
                error.add_note("\n".join(complaints(made)))
                raise
        assert complaints(made) == []
        async with made.nodes[NETWORK].desk() as desk:
            await desk.cut()
        await made.level()


@pytest.mark.timeout(300)
async def test_killed_five_times_while_issuing(tmp_path: Path) -> None:
    """Five kills of a real process; its three peers run on."""
    await kill_rounds(tmp_path, 5)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_killed_fifty_times_while_issuing(tmp_path: Path) -> None:
    """The same, fifty times."""
    await kill_rounds(tmp_path, 50)
