"""One run from a seed: found, 26 weeks, the checks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.simulation import checks, ending
from tests.simulation.events import (
    Closure,
    CredentialKeyTheft,
    DefineAndRootTheft,
    Event,
    Fire,
    HostileHost,
    LogKeyTheft,
    OperateKeyTheft,
    Suspension,
)
from tests.simulation.forking import ForkWithQuorum
from tests.simulation.founding import found
from tests.simulation.plan import Scale
from tests.simulation.world import World

EVENTS: dict[str, type[Event]] = {
    "issue key stolen": CredentialKeyTheft,
    "register key stolen": CredentialKeyTheft,
    "operate key stolen": OperateKeyTheft,
    "define and root key stolen": DefineAndRootTheft,
    "log key stolen": LogKeyTheft,
    "fork with quorum": ForkWithQuorum,
    "closure": Closure,
    "fire": Fire,
    "hostile host": HostileHost,
    "suspension": Suspension,
}


class AtOnce(ThreadPoolExecutor):
    """Does work where it is handed in: no threads, so that every run of a seed takes the same steps in the same order."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


async def simulate(seed: int, folder: Path, scale: Scale) -> World:
    """Run it all; raises with the seed, the week and what happened last where something is wrong."""
    asyncio.get_running_loop().set_default_executor(AtOnce())
    world = World(seed, folder, scale)
    try:
        await found(world)
        events = [EVENTS[fault.what](world, fault) for fault in world.plan.faults]
        for week in range(scale.weeks):
            await world.begin_week(week)
            for event in events:
                await event.before()
            await world.registrars_work()
            world.forgers_work()
            await world.cut_members()
            for event in events:
                await event.after()
            await world.cut_networks()
            await world.level()
            checks.check_week(world)
        await ending.check_end(world)
    except Exception as error:
        recent = "\n  ".join(world.history[-25:])
        command = f"make soak ARGS=\"-k 'seed{seed}'\""
        raise AssertionError(
            f"seed {seed}, week {world.week}: {error}\n  {recent}\nto run it alone: {command}"
        ) from error
    finally:
        await world.close()
    return world
