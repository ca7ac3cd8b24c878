"""SIGKILL while awards are issued, revoked and cut, and while others follow and cosign: what was acknowledged is there, once.

In each round the school is killed at a random moment of its work, and one of the peers that follow and cosign it at another.
"""

import asyncio
import contextlib
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ledger.credential.status import Status, decode_page, list_key
from ledger.errors import CairnError
from ledger.log.body import parse_body
from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import Entry, parse_entry
from ledger.log.follow import judge_growth
from ledger.log.identity import LogId
from node.client.exchange import Head
from node.client.ledger import LedgerClient
from node.client.registrar import RegistrarClient
from node.client.registry import IssueRequest
from node.found import KEYS_DIRECTORY
from node.keystore import open_keystore
from node.registrar.database import FILE_NAME
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
        self.revoked: list[str] = []
        self.heard = asyncio.Event()

    async def work(self) -> None:
        """Issue, revoke and cut until the node is gone."""
        await asyncio.gather(self._until_gone(self._issue), self._until_gone(self._revoke), self._until_gone(self._cut))

    async def repeat(self) -> None:
        """Send the file again that was under way: what came through is not awarded a second time."""
        async with self.school.desk() as desk:
            request = IssueRequest(data=csv_of(self.learners - ROWS), achievement=ACHIEVEMENT)
            first, second = await desk.issue(request), await desk.issue(request)
        assert first.new + first.already == ROWS
        assert (second.new, second.already) == (0, ROWS)
        self.acknowledged += first.issued

    async def _until_gone(self, work: Callable[[RegistrarClient], Awaitable[None]]) -> None:
        async with self.school.desk() as desk:
            while True:
                try:
                    await work(desk)
                except CairnError:
                    if self.school.process is None:
                        return
                    raise

    async def _issue(self, desk: RegistrarClient) -> None:
        first, self.learners = self.learners, self.learners + ROWS
        report = await desk.issue(IssueRequest(data=csv_of(first), achievement=ACHIEVEMENT))
        self.acknowledged += report.issued
        self.heard.set()

    async def _revoke(self, desk: RegistrarClient) -> None:
        # One in three awards, the oldest first; a decision that was not acknowledged is made again.
        if len(self.revoked) * 3 < len(self.acknowledged):
            award = self.acknowledged[len(self.revoked) * 3]
            await desk.set_status([award], Status.REVOKED)
            self.revoked.append(award)
        else:
            await desk.status()

    async def _cut(self, desk: RegistrarClient) -> None:
        await desk.cut()


class Heads:
    """The largest head each node has shown of each log, and what it says it cosigned."""

    def __init__(self, made: Town) -> None:
        self._made = made
        self._seen: dict[tuple[str, LogId], Head] = {}
        self._roots: dict[tuple[LogId, int], bytes] = {}

    async def look(self) -> None:
        """Ask every running node; nothing shrinks, and nobody shows another root of a size that somebody showed."""
        logs = [node.log_id for node in self._made.nodes.values()]
        for node in self._made.nodes.values():
            if node.process is None:
                continue
            async with LedgerClient(node.grpc, timeout_seconds=30) as client:
                for head in await client.heads(logs):
                    self._check((node.name, head.log), head)

    def _check(self, place: tuple[str, LogId], head: Head) -> None:
        before = self._seen.get(place)
        if before is not None:
            assert head.size >= before.size, place
            assert head.cosigned_size >= before.cosigned_size, place
        self._seen[place] = head
        if head.note is not None:
            checkpoint = read_checkpoint(head.note)
            assert self._roots.setdefault((head.log, checkpoint.size), checkpoint.root) == checkpoint.root


def csv_of(first: int) -> bytes:
    rows = [f"L{number:05d},Learner {number},2026-06-15,met" for number in range(first, first + ROWS)]
    return "\n".join(["learner_id,name,awarded_on,result.R1", *rows]).encode()


async def kill_while_working(office: Office, peer: Neighbour, chance: random.Random) -> None:
    """Kill the school after a few acknowledgements, and a peer before or after that, at any moment of what is under way."""
    wanted = len(office.acknowledged) + ROWS * chance.randint(1, 6)
    early = len(office.acknowledged) + ROWS if chance.random() < 0.5 else wanted
    work = asyncio.create_task(office.work())
    async with asyncio.timeout(60):
        await heard(office, early, work)
        # Not waits for anything: they spread the kills over all steps of an issue, a cut, a pull and a cosigning.
        await asyncio.sleep(chance.uniform(0, 0.06))
        assert await peer.stop(signal.SIGKILL) == -signal.SIGKILL
        restart = asyncio.create_task(peer.start())
        await heard(office, wanted, work)
        await asyncio.sleep(chance.uniform(0, 0.06))
        assert await office.school.stop(signal.SIGKILL) == -signal.SIGKILL
        await work
        await restart


async def heard(office: Office, wanted: int, work: "asyncio.Task[None]") -> None:
    """Wait until so many awards were acknowledged."""
    while len(office.acknowledged) < wanted:
        office.heard.clear()
        news = asyncio.create_task(office.heard.wait())
        await asyncio.wait((news, work), return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        if work.done():
            work.result()


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
    assert revoked_on_page(office.school, entries, bodies) >= set(office.revoked)
    # The three entries of each cut stand together and in order, also where a kill came between them.
    kinds = [entry.statement.kind for entry in entries if entry.statement.kind not in ("charter", "publish", "key")]
    assert kinds == ["anchor", "issue", "status"] * (len(kinds) // 3)


def revoked_on_page(school: Neighbour, entries: list[Entry], bodies: list[bytes | None]) -> set[str]:
    """Awards of which every copy reads revoked on the newest page that the peer serves, opened with the school's keys."""
    entry = max((entry for entry in entries if entry.statement.kind == "status"), key=lambda entry: entry.index)
    body = bodies[entry.index]
    assert body is not None
    key = list_key(open_keystore(school.directory / KEYS_DIRECTORY).list_root, 0)
    page = decode_page(key, parse_body("status", body), entry.statement.id)
    with contextlib.closing(sqlite3.connect(f"file:{school.directory / FILE_NAME}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT award_id, list_number, slot FROM copies").fetchall()
    assert {number for _, number, _ in rows} == {0}
    standing = {award for award, _, slot in rows if page[slot] != Status.REVOKED}
    return {award for award, _, _ in rows} - standing


def complaints(made: Town) -> list[str]:
    """Lines of any node that tell of a fault, or of a copy that was refused; silence of a killed node is none."""
    lines = [line for node in made.nodes.values() for file in node.log_files for line in file.read_text().splitlines()]
    return [line for line in lines if "level=error" in line or "copy refused" in line]


async def kill_rounds(folder: Path, rounds: int) -> None:
    chance = random.Random(rounds)
    async with town(folder) as made:
        school, heads = made[DIPLOMA], Heads(made)
        async with school.desk() as desk:
            await desk.publish((ACHIEVEMENTS / f"{DIPLOMA}.json").read_bytes())
        office = Office(school)
        for _ in range(rounds):
            peer = made[chance.choice([name for name in made.nodes if name != DIPLOMA])]
            try:
                await kill_while_working(office, peer, chance)
                await school.start()
                await eventually(lambda: may_sign(school))
                await office.repeat()
                await check(made, office)
                await heads.look()
            except CairnError as error:
                # What a node answers is short on purpose; its log says the rest.
                error.add_note("\n".join(complaints(made)))
                raise
        assert complaints(made) == []
        assert len(office.revoked) >= rounds
        async with made.nodes[NETWORK].desk() as desk:
            await desk.cut()
        await made.level()
        await heads.look()


@pytest.mark.timeout(300)
async def test_killed_five_times_while_working(tmp_path: Path) -> None:
    """Five kills of a school that issues, revokes and cuts, and five of peers that follow and cosign it."""
    await kill_rounds(tmp_path, 5)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_killed_fifty_times_while_working(tmp_path: Path) -> None:
    """The same, fifty times."""
    await kill_rounds(tmp_path, 50)
