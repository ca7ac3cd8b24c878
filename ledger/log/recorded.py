"""Which of the heads that a network recorded of a log can be of the history held.

A network records what its node holds, and where a log's key signed two histories, that may be the one that does not count.
Such a head says nothing about how large the log is, or since when its entries were known.
"""

from collections.abc import Callable, Sequence

from ledger.log.members import AnchoredHead, MemberRecord
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
