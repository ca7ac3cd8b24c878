"""A computer whose clock is wrong: noticed by the cosignatures of the others, named, and nothing is cosigned with it."""

from pathlib import Path

from ledger.log.checkpoint import open_cosignatures
from node.clock import system_clock
from node.health import gather_findings
from tests.end_to_end.world import DEADLINE_SECONDS, Campus, until, world

HOUR_MS = 3_600_000


async def findings(one: Campus) -> str:
    return "; ".join(f"{found.what}: {found.why}" for found in await gather_findings(one.node, system_clock))


async def test_a_clock_that_is_wrong_cosigns_nothing(tmp_path: Path) -> None:
    """Its own log goes on, since no order depends on a clock; others' logs wait for it until it is right again."""
    async with world(tmp_path, members=4) as made:
        late, writer, *_ = made.members
        key = late.node.witness_key()
        # The clocks of the others become known with the cosignatures over an own checkpoint.
        index = await late.issue()
        assert await late.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS)
        assert "clock" not in await findings(late)

        late.clock_ahead_ms = -3 * HOUR_MS
        assert "nothing is cosigned until it is right again" in await findings(late)
        index = await late.issue()
        assert await late.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS), "its own log goes on"

        index = await writer.issue()
        assert await writer.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS), "the others are a quorum"

        def refusal() -> str:
            return next((p for witness, p in writer.node.cosigning.problems.items() if witness.key == key), "")

        await until(lambda: "clock" in refusal())
        assert not open_cosignatures(writer.log.note, [key])

        late.clock_ahead_ms = 0
        assert "clock" not in await findings(late)
        await until(lambda: open_cosignatures(writer.log.note, [key]))
