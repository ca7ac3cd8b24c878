"""K7, revocation visibility: how many diplomas a school took back, and when.

Answer: every cut writes every list anew under a fresh id, each byte over noise of its own: a page with forty revocations
differs from the one before as any two pages do. Only whoever holds a slot's key reads that slot.
"""

import json
from pathlib import Path

import pytest

from ledger import base64url
from ledger.credential import status
from ledger.credential.status import Status, read_status
from tests.node.registrar.desks import Bench
from tests.privacy.member import SeenCut, replicate
from tests.privacy.randomness import LIMIT, equal_bytes, look_at_pages, worst, xor
from tests.privacy.small_school import SLOTS, award, kept_copies, live, revoke, small_school

REVOKED = 25


async def revoking_school(bench: Bench) -> list[SeenCut]:
    """Forty awards on the first day, most of them taken back on the third; ten days in all."""
    standing: list[str] = []

    async def work(_: Bench, day: int) -> None:
        if day == 0:
            standing.extend(await award(bench, [f"R{number:02d}" for number in range(40)]))
        if day == 2:
            await revoke(bench, standing[:REVOKED])

    await live(bench, 10, work)
    return replicate(bench.log).cuts()


async def test_k07_a_page_of_revocations_is_a_page_like_any_other(tmp_path: Path) -> None:
    async with small_school(tmp_path) as bench:
        cuts = await revoking_school(bench)
        pages = [cut.page for cut in cuts]
        found = worst(look_at_pages(pages))
        assert found[1] < LIMIT, found
        # Before and after the revocations, as between any two: one byte of 256 is the same by chance.
        assert abs(equal_bytes(pages[1:3])) < LIMIT
        read = [read_own(copy.credential, cuts[2]) for copy in await kept_copies(bench)]
    assert (read.count(Status.REVOKED), read.count(Status.VALID)) == (REVOKED, 40 - REVOKED)


def read_own(credential: str, cut: SeenCut) -> Status:
    """What whoever holds a copy reads of it on a page."""
    payload = json.loads(base64url.decode(credential.split(".")[1]))
    place = payload["status"]["cairn"]
    return read_status(cut.page[place["slot"]], base64url.decode(place["k"]), cut.statement_ids[2])


async def test_k07_planted_pages_under_one_id_show_which_slots_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: encoded again under the same id, two pages differ in exactly the revoked slots."""
    noise = status._noise
    monkeypatch.setattr(status, "_noise", lambda key, slots, *ids: noise(key, slots, *(bytes(16) for _ in ids)))
    async with small_school(tmp_path) as bench:
        pages = [cut.page for cut in await revoking_school(bench)]
    assert SLOTS - xor(pages[1], pages[2]).count(0) == REVOKED
    assert worst(look_at_pages(pages))[1] > LIMIT
