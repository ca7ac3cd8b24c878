"""A member that publishes 8 MiB documents all day: it waits for the next day, says so, and nobody else waits with it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ledger.duration import DAY_MS
from ledger.log.charter import Institution
from node.client.finding import FindingCode
from node.health import gather_findings
from tests.end_to_end.hostile import HostilePeer, Served, serving
from tests.end_to_end.test_refusals import served, written
from tests.end_to_end.world import Campus, found, until
from tests.simulator import SimulatedLog

DOCUMENT_BYTES = 8 * 1024 * 1024
NOON = 20_000 * DAY_MS + DAY_MS // 2
DOCUMENTS = 12


@dataclass
class Day:
    now: int = NOON

    def __call__(self) -> int:
        return self.now


def publish_all_day() -> tuple[SimulatedLog, dict[int, bytes]]:
    log = SimulatedLog("busy")
    notes = {1: log.note or b""}
    for number in range(DOCUMENTS):
        log.publish(f"urn:example:{number}", document=hashlib.shake_256(b"%d" % number).digest(DOCUMENT_BYTES))
        notes[log.size] = log.note or b""
    return log, notes


async def look(campus: Campus) -> None:
    (follower,) = campus.node.followers._followers.values()
    await follower.round()


async def test_eight_mebibyte_documents_all_day(tmp_path: Path) -> None:
    busy, busy_notes = publish_all_day()
    other, other_notes = written(20)
    day = Day()

    def offer(busy_size: int, other_size: int) -> dict[object, Served]:
        return {
            busy.log_id: served(busy, busy_notes, busy_size),
            other.log_id: served(other, other_notes, other_size),
        }

    async with serving(HostilePeer()) as peer:
        peer.logs = offer(1, 5)  # type: ignore[assignment]  # keys are log ids
        campus = found(tmp_path, "observer", Institution.COLLEGE, peers=(peer.address,), follow_interval_seconds=3600)
        campus.clock = day
        await campus.start()
        try:
            await until(lambda: campus.holds(busy.log_id, 1) and campus.holds(other.log_id, 5))
            # One by one, as they are published; eight documents are just above 64 MiB.
            for size in range(2, DOCUMENTS + 2):
                peer.logs = offer(size, 5 + size)  # type: ignore[assignment]
                await look(campus)
                assert campus.holds(other.log_id, 5 + size)
            held = campus.node.ledger.log(busy.log_id)
            assert held is not None
            assert held.size == 1 + 7
            (paused,) = [one for one in await gather_findings(campus.node, day) if one.code is FindingCode.LOG_PAUSED]
            assert "64.0 MiB for today" in paused.what
            # Later the same day it is looked at again, and waits again.
            day.now += DAY_MS // 4
            await look(campus)
            assert held.size == 1 + 7
            # The next day it goes on, as far as that day's quota.
            day.now = NOON + DAY_MS
            await look(campus)
            assert held.size == 1 + DOCUMENTS
            assert not any(one.code is FindingCode.LOG_PAUSED for one in await gather_findings(campus.node, day))
        finally:
            await campus.stop()
