"""When cuts are due: at fixed instants that the charter names, whatever there is to cut (DESIGN 4).

The instants are `minute` past midnight UTC plus whole multiples of `interval`, counted from the epoch, so that a
restart changes none of them. A node that was down makes one cut when it comes back, not one for each it missed.
Nothing here reads a clock: it is passed in.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ledger.errors import CairnError
from ledger.log.charter import BatchPolicy
from node.clock import Clock

_MINUTE_MS = 60_000
_LONGEST_NAP_SECONDS = 60.0
_RETRY_SECONDS = 30.0

Sleep = Callable[[float], Awaitable[None]]

logger = logging.getLogger(__name__)


def last_instant(policy: BatchPolicy, now: int) -> int | None:
    """The newest instant not after `now` (Unix ms) at which a cut was due; None where cuts are made on command."""
    if policy.interval == 0:
        return None
    phase = policy.minute * _MINUTE_MS % policy.interval
    return (now - phase) // policy.interval * policy.interval + phase


def next_instant(policy: BatchPolicy, now: int) -> int | None:
    """The first instant after `now` (Unix ms) at which a cut is due; None where cuts are made on command."""
    last = last_instant(policy, now)
    return None if last is None else last + policy.interval


def forecast(policy: BatchPolicy, now: int, waiting: int) -> tuple[int | None, int | None]:
    """When the first and the last of so many waiting copies will be on the ledger, Unix ms; None for cuts on command."""
    first = next_instant(policy, now)
    if first is None or waiting == 0:
        return first, first
    return first, first + (waiting - 1) // policy.size * policy.interval


def due_instant(policy: BatchPolicy, now: int, last_cut: int | None) -> int | None:
    """The instant of the cut to make now, or None.

    Args:
        policy: of the charter, in force for the next entry.
        now: Unix ms.
        last_cut: instant of the newest cut there is, None for a log without one.
    """
    instant = last_instant(policy, now)
    return instant if instant is not None and (last_cut is None or instant > last_cut) else None


async def keep_schedule(
    policy: Callable[[], BatchPolicy],
    last_cut: Callable[[], Awaitable[int | None]],
    cut: Callable[[int], Awaitable[object]],
    *,
    clock: Clock,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Make every cut when it is due, until cancelled.

    A cut that cannot be made (start-up rule, no quorum yet) is tried again; its instant stays the one it was due at.

    Args:
        policy: reads the charter's policy, which an amendment may change.
        last_cut: reads the newest cut's instant.
        cut: makes one for an instant.
        clock: Unix ms.
        sleep: waits that many seconds; never long, for clocks are set and policies change.
    """
    while True:
        now = clock()
        due = due_instant(policy(), now, await last_cut())
        if due is not None:
            try:
                await cut(due)
            except CairnError as error:
                # The message has sizes and reasons, nothing personal.
                logger.warning("cut not made yet", extra={"reason": str(error)})
                await sleep(_RETRY_SECONDS)
            continue
        upcoming = next_instant(policy(), now)
        wait = _LONGEST_NAP_SECONDS if upcoming is None else (upcoming - now) / 1000
        await sleep(min(wait, _LONGEST_NAP_SECONDS))
