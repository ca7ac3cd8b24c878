"""Power back in the whole district, and a node whose peers are all away: real processes that need nobody's help."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import LogId
from node.client.ledger import LedgerClient
from node.client.registry import IssueRequest
from node.errors import BusyError
from tests.end_to_end.learner import ACHIEVEMENTS
from tests.end_to_end.test_sigkill import ACHIEVEMENT, DIPLOMA, csv_of, may_sign, read_log
from tests.end_to_end.town import Neighbour, Town, eventually, town

Heads = dict[tuple[str, LogId], tuple[int, bytes]]


async def heads_of(made: Town) -> Heads:
    """The head of every log at every running node."""
    found: Heads = {}
    for node in made.nodes.values():
        if node.process is None:
            continue
        async with LedgerClient(node.grpc, timeout_seconds=30) as client:
            for head in await client.heads([other.log_id for other in made.nodes.values()]):
                assert head.note is not None
                checkpoint = read_checkpoint(head.note)
                found[node.name, head.log] = checkpoint.size, checkpoint.root
    return found


def check_no_rewind(before: Heads, after: Heads) -> None:
    """No head has shrunk, and none has another root at the same size."""
    for place, (size, root) in before.items():
        assert after[place][0] >= size
        assert after[place][0] > size or after[place][1] == root


async def restart_all(made: Town, how: signal.Signals) -> None:
    await asyncio.gather(*(node.stop(how) for node in made.nodes.values()))
    await asyncio.gather(*(node.start() for node in made.nodes.values()))


async def everybody_signs(made: Town) -> None:
    """Every node takes statements again, and a cut of each gets its quorum."""
    for node in made.nodes.values():
        await eventually(lambda node=node: may_sign(node))
    for node in made.nodes.values():
        async with node.desk() as desk:
            assert (await desk.cut()).is_head, node.name
    await made.level()


@pytest.mark.soak
async def test_all_stop_and_start_together_ten_times(tmp_path: Path) -> None:
    """Stopped in order or killed, all at the same time: every node signs again by itself, and no head went back."""
    async with town(tmp_path) as made:
        for how in (signal.SIGTERM, signal.SIGKILL) * 5:
            await stop_and_start_together(made, how)


async def stop_and_start_together(made: Town, how: signal.Signals) -> None:
    before = await heads_of(made)
    await restart_all(made, how)
    await everybody_signs(made)
    check_no_rewind(before, await heads_of(made))


async def health_of(node: Neighbour) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{node.http}/healthz") as answer:
        assert answer.status == 200
        value: dict[str, Any] = json.loads(await answer.text())
        return value


async def findings_of(node: Neighbour) -> str:
    async with node.desk() as desk:
        return "\n".join(f"{one.what}: {one.why}" for one in (await desk.status()).findings)


@pytest.mark.timeout(180)
async def test_peers_that_are_away_and_all_that_come_back_together(tmp_path: Path) -> None:
    """Without peers a node serves, queues and says so; when all were killed and come back at once, they sign again.

    First while it runs: it cuts without a quorum. Then started alone: it awards, waits, and signs once others are back.
    """
    async with town(tmp_path, cut_timeout_seconds=1) as made:
        school = made[DIPLOMA]
        others = [node for node in made.nodes.values() if node is not school]
        async with school.desk() as desk:
            await desk.publish((ACHIEVEMENTS / f"{DIPLOMA}.json").read_bytes())
        await made.level()
        await asyncio.gather(*(node.stop(signal.SIGKILL) for node in others))

        async with school.desk() as desk:
            first = (await desk.issue(IssueRequest(data=csv_of(0), achievement=ACHIEVEMENT))).issued
            assert not (await desk.cut()).is_head

        async def says_who_is_missing() -> bool:
            text = await findings_of(school)
            return all(word in text for word in ("waiting for 2 of 3 witnesses", "was not reached since the start"))

        # A peer is told of as not reached an hour after it was heard last; until then its missing cosignature is.
        async def says_what_is_missing() -> bool:
            text = await findings_of(school)
            return "of the 2 cosignatures it needs" in text and "did not cosign: " in text

        await eventually(says_what_is_missing)
        health = await health_of(school)
        assert (health["alive"], health["waiting"], health["quorum"]["has_quorum"]) == (True, "", False)

        await school.stop(signal.SIGKILL)
        await school.start()
        assert not await may_sign(school)
        await eventually(says_who_is_missing)
        async with school.desk() as desk:
            second = (await desk.issue(IssueRequest(data=csv_of(3), achievement=ACHIEVEMENT))).issued
            with pytest.raises(BusyError, match="waiting for 2 of 3 witnesses, 0 answered"):
                await desk.cut()
            status = await desk.status()
            assert "waiting for 2 of 3 witnesses" in status.is_waiting_for
            assert status.waiting_copies == len(second)
        health = await health_of(school)
        assert (health["alive"], health["waiting"]) == (True, "waiting for 2 of 3 witnesses, 0 answered")
        entries, _ = await read_log(school, school)
        assert len(entries) == health["size"]

        await asyncio.gather(*(node.start() for node in others))
        await eventually(lambda: may_sign(school))
        async with school.desk() as desk:
            assert (await desk.cut()).is_head
            awards = {view.id: view for view in await desk.list_awards()}
            assert all(awards[award].index is not None for award in (*first, *second))
        assert (await health_of(school))["waiting"] == ""
        await stop_and_start_together(made, signal.SIGKILL)
