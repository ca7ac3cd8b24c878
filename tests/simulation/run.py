"""One run from a seed: found, 26 weeks, the checks."""

from pathlib import Path

from tests.simulation import checks
from tests.simulation.plan import Scale
from tests.simulation.world import World


async def simulate(seed: int, folder: Path, scale: Scale) -> World:
    """Run it all; raises with the seed, the week and what happened last where something is wrong."""
    world = World(seed, folder, scale)
    try:
        await world.found()
        for week in range(scale.weeks):
            await world.begin_week(week)
            await world.registrars_work()
            await world.cut_members()
            await world.cut_networks()
            await world.level()
            checks.check_week(world)
    except Exception as error:
        recent = "\n  ".join(world.history[-25:])
        command = f"make soak ARGS=\"-k 'seed{seed}'\""
        raise AssertionError(f"seed {seed}, week {world.week}: {error}\n  {recent}\nto run it alone: {command}") from error
    finally:
        await world.close()
    return world
