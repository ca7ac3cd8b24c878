"""Telling the node's observer how long a cut took and how it ended."""

import functools
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from ledger.errors import CairnError
from node.client.registry import CutAnswer
from node.registrar.parts import DeskParts

MADE = "made"
WITHOUT_QUORUM = "made without quorum"
NOT_MADE = "not made"


class HasParts(Protocol):
    """A desk, as far as it is needed here."""

    parts: DeskParts


Desk = TypeVar("Desk", bound=HasParts)
Cut = Callable[[Desk, int | None], Awaitable[CutAnswer]]


def observed(cut: Cut[Desk]) -> Callable[..., Awaitable[CutAnswer]]:
    """Make a desk's cut tell the observer; a refusal on account of the schedule is a cut that was not made, too."""

    @functools.wraps(cut)
    async def timed(self: Desk, at: int | None = None) -> CutAnswer:
        observer, began = self.parts.observer, time.monotonic()
        try:
            answer = await cut(self, at)
        except CairnError:
            observer.cut_ended(NOT_MADE, time.monotonic() - began)
            raise
        observer.cut_ended(MADE if answer.is_head else WITHOUT_QUORUM, time.monotonic() - began)
        return answer

    return timed
