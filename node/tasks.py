"""Tasks that go on whatever happens: the second of the two places that catch `Exception`.

A step that fails is told in the log and tried again after a pause that doubles up to a limit, with jitter, so that
nodes which failed together do not come back together.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from ledger.errors import CairnError
from node.clock import Draw

FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 60.0

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


class Backoff:
    """Pauses between tries: doubling, capped, each drawn from the upper half of its range."""

    def __init__(
        self, draw: Draw, *, first_seconds: float = FIRST_PAUSE_SECONDS, max_seconds: float = MAX_PAUSE_SECONDS
    ) -> None:
        self._draw = draw
        self._first = first_seconds
        self._max = max_seconds
        self._next = first_seconds

    def reset(self) -> None:
        """Begin again with the shortest pause: the last try went well."""
        self._next = self._first

    def pause(self) -> float:
        """Seconds to wait before the next try."""
        seconds = jitter(self._next, self._draw)
        self._next = min(self._next * 2, self._max)
        return seconds


def jitter(seconds: float, draw: Draw) -> float:
    """A time between half of `seconds` and all of it."""
    return seconds * (0.5 + int.from_bytes(draw(2), "big") / 0x20000)


async def uninterrupted(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Await work that must not be left half-way, such as a write in a thread, which nobody can stop.

    Whoever is cancelled meanwhile is so when the work is done: until then its locks stay held, so that nobody starts the same
    write beside it, and what follows the write is done too.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((task,))
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nobody waits for it any more.
            _log.warning("write failed after its caller had gone", extra={"reason": str(error)})
        raise


async def keep_doing(name: str, step: Callable[[], Awaitable[None]], backoff: Backoff) -> None:
    """Run `step` again and again until cancelled; it does its own waiting when all is well.

    An error of ours is a warning in one line, told again only when its words change; anything else is an error with its
    traceback. The task lives on.
    """
    told = ""
    while True:
        try:
            await step()
            backoff.reset()
            told = ""
        except CairnError as error:
            level = logging.DEBUG if str(error) == told else logging.WARNING
            told = str(error)
            _log.log(level, "task will try again", extra={"task": name, "reason": told})
            await asyncio.sleep(backoff.pause())
        except Exception:
            _log.exception("task failed and will try again", extra={"task": name})
            await asyncio.sleep(backoff.pause())
