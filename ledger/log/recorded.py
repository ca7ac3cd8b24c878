"""Which of the heads that a network recorded of a log can be of the history held.

A network records what its node holds, and where a log's key signed two histories, that may be the one that does not count.
Such a head says nothing about how large the log is, or since when its entries were known.
"""

from collections.abc import Callable, Sequence
from itertools import takewhile

from ledger.log.identity import LogId
from ledger.log.members import AnchoredHead, MemberRecord, Membership
from ledger.log.view import LogView

RootOf = Callable[[LogView, int], bytes]
"""Gives the root of a held tree at a size that is held."""


def can_be_held(head: AnchoredHead, view: LogView | None, root_of: RootOf, ruling: MemberRecord | None = None) -> bool:
    """Tell whether a recorded head can be of the history held.

    Args:
        head: as recorded.
        view: what is held of the log; `None` for nothing, so that nobody can tell.
        root_of: see there.
        ruling: the decision that names the history held, if its log has two.

    Returns:
        False where its root is another. Above what is held no root tells; what was recorded there above the boundary of
        the ruling, and before it, is then of the other history: the ruling names all that there was of this one.
    """
    if view is not None and head.size <= view.state.size:
        return root_of(view, head.size) == head.root
    return ruling is None or head.index > ruling.index or head.size <= ruling.change.boundary.size


def newest_recorded(
    heads: Sequence[AnchoredHead], view: LogView | None, root_of: RootOf, ruling: MemberRecord | None
) -> AnchoredHead | None:
    """Give the largest head; of the history held, where a ruling names it. Arguments as for `can_be_held`."""
    if ruling is None:
        return max(heads, key=lambda head: head.size, default=None)
    return max(
        (head for head in heads if can_be_held(head, view, root_of, ruling)), key=lambda head: head.size, default=None
    )


def is_before_succession(members: Membership, line: Sequence[LogId], log: LogId, position: int) -> bool:
    """Tell whether an entry was recorded before the network had its log go on with the first of a line.

    Args:
        members: of the network.
        line: a log and its successors (`Network.line_of`).
        log: one of them.
        position: index of the entry in it.
    """
    ends = [members.succession_of(other) for other in takewhile(lambda other: other != log, line)]
    decided = max((record.index for record in ends if record is not None), default=-1)
    before = [head for head in members.anchored.get(log, ()) if head.index < decided]
    witnessed = [head for head in before if head.seconds is not None] or before
    return any(head.size > position for head in witnessed)
