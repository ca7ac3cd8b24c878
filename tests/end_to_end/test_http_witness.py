"""A witness that is asked over HTTP alone: the head gets its cosignature, and all else is as over gRPC."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from ledger.log.checkpoint import open_cosignatures
from ledger.log.note import NoteSignature
from node.client.exchange import CosignRequest
from node.web.witness import add_witness
from node.witness import Witness
from tests.end_to_end.world import DEADLINE_SECONDS, until, world
from tests.node.web.served import serve

GREASE = tuple(NoteSignature(f"grease{n}.example", bytes([n] * 4), bytes(72)).encode().encode() for n in range(2))


class Counting:
    """A witness, and what it was asked over HTTP."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.asked: list[int] = []

    async def add_checkpoint(self, request: CosignRequest) -> bytes:
        self.asked.append(request.old_size)
        line = await self.witness.add_checkpoint(request)
        # A witness with other keys than the one it is known by answers all their lines: the others are left out.
        return GREASE[0] + line + GREASE[1]

    def cosigned_note(self, origin_hash: bytes) -> bytes | None:
        return self.witness.cosigned_note(origin_hash)


async def test_a_school_gets_its_quorum_over_http(tmp_path: Path) -> None:
    """Both witnesses of a school are named with a URL: two heads in a row are cosigned there."""
    async with world(tmp_path) as made, AsyncExitStack() as stack:
        school, *others = made.members
        counting, urls = [], []
        for other in others:
            app = web.Application()
            counted = Counting(other.node.witness)
            add_witness(app, counted, lambda: 0)
            counting.append(counted)
            url = await stack.enter_async_context(serve(app))
            urls.append(f"{other.node.witness_key().name} {url}/witness")
        keys = [other.node.witness_key() for other in others]
        await school.stop()
        school.config = replace(school.config, witness_urls=tuple(urls))
        await school.start()
        await until(lambda: school.node.startup.may_sign)
        for _ in range(2):
            index = await school.issue()
            assert await school.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS)
        await until(lambda: len(open_cosignatures(school.log.note, keys)) == len(keys))
        assert b"grease" not in school.log.note
        # The size is learnt once, by a conflict; after that every call names it.
        assert all(0 in one.asked and one.asked[-1] > 0 for one in counting)
