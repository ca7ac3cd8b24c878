"""Following costs next to nothing while nothing happens: a token is asked for, and notes move once."""

import asyncio
from pathlib import Path

from tests.end_to_end.hostile import HostilePeer
from tests.end_to_end.test_refusals import Case, following, served, written

SIZE = 20


async def rounds(case: Case, number: int) -> list[str]:
    """What the peer is asked in so many rounds."""
    (follower,) = case.observer.node.followers._followers.values()
    case.peer.asked.clear()
    async with asyncio.timeout(30):
        for _ in range(number):
            await follower.round()
    return list(case.peer.asked)


async def test_a_peer_where_nothing_changed_is_asked_for_its_token_alone(tmp_path: Path) -> None:
    log, notes = written(SIZE)
    async with following(tmp_path, log, notes) as case:
        case.peer.token = b"one"
        assert await rounds(case, 1) == ["token", "GetHeads"]
        assert await rounds(case, 3) == ["token"] * 3
        case.peer.token = b"two"
        case.peer.logs[log.log_id] = served(log, notes, SIZE)
        assert "StreamEntries" in await rounds(case, 1)
        assert case.observer.holds(log.log_id, SIZE)
        assert await rounds(case, 2) == ["token"] * 2


async def test_a_peer_that_cannot_tell_is_asked_every_time(tmp_path: Path) -> None:
    log, notes = written(SIZE)
    async with following(tmp_path, log, notes) as case:
        assert case.peer.token == b""
        assert await rounds(case, 2) == ["token", "GetHeads"] * 2


async def test_what_was_refused_is_looked_at_again(tmp_path: Path) -> None:
    """A refusal does not make the peer look level: once the pause is over, the log is asked for again."""
    log, notes = written(SIZE)
    async with following(tmp_path, log, notes) as case:
        case.peer.token = b"one"
        case.peer.logs[log.log_id] = bad = served(log, notes, SIZE)
        bad.entries[8] = bad.entries[8][:-1] + b"]"
        await rounds(case, 1)
        assert case.refusal
        assert await rounds(case, 1) == ["token", "GetHeads"]


async def test_what_one_node_tells_is_its_own_news(tmp_path: Path) -> None:
    """A head of another's log is not passed on: its writer tells everybody, and whoever asks is answered."""
    log, notes = written(SIZE)
    async with following(tmp_path, log, notes) as case:
        peer: HostilePeer = case.peer
        peer.offers.clear()
        peer.logs[log.log_id] = served(log, notes, SIZE)
        await rounds(case, 1)
        own = case.observer.log_id
        await case.observer.issue()
        async with asyncio.timeout(30):
            while not peer.offers:
                await asyncio.sleep(0.02)
        assert {head.log for offer in peer.offers for head in offer.heads} == {own}
