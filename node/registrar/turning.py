"""The hashing behind a page, alone: what another process has to import to do it, which is why nothing else stands here.

Three hashes a slot: an institution of many lists keeps a core busy for a second. Above a size that is done in a process
of its own, so that the node goes on answering.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from ledger.credential.status import encode_page, turn_page

LARGE_PAGE = 262_144
"""Slots of all lists from which on a page is computed outside this process (about 0.4 s of work, 0.1 s to start it)."""


@dataclass(frozen=True, slots=True)
class ListOrder:
    """One list to work on; plain values, since they may travel to another process."""

    key: bytes
    slots: int
    statuses: dict[int, int]
    before: tuple[bytes, ...]
    """The list's items of the page before; empty for a list that opens now."""
    before_id: bytes
    """The statement id that page is read with."""
    statement_id: bytes
    """The id of the page to make."""


@dataclass(frozen=True, slots=True)
class TurnedList:
    """What the page before says of each slot (None for a list that opens now), and the list's items of the next."""

    before: bytes | None
    items: tuple[bytes, ...]


def turn_lists(orders: Sequence[ListOrder]) -> list[TurnedList]:
    """Decode all lists as they were and encode them as they shall be.

    Raises:
        MalformedError: the items of a list do not make one.
    """
    if sum(order.slots for order in orders) < LARGE_PAGE:
        return [turn_list(order) for order in orders]
    # Not forked: this process has threads, and grpc among them.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return list(pool.map(turn_list, orders))


def turn_list(order: ListOrder) -> TurnedList:
    """The same for one list, in this process."""
    if not order.before:
        return TurnedList(None, encode_page(order.key, order.slots, order.statuses, order.statement_id))
    return TurnedList(*turn_page(order.key, order.before, order.before_id, order.statuses, order.statement_id))
