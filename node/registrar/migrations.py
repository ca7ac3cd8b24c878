"""The layouts of the registrar's database, and the way from each to the next.

The database names its layout in `settings`. An older one is brought up step by step, in the order of `MIGRATIONS`; each
step and its new number are one transaction, so a step that is interrupted has not happened and the next opening goes on
from there. A step looks before it acts, because a backup of an older layout is loaded into tables of today and then
goes the same way. A table that no older layout had needs no step: it is made at every opening.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, inspect, text

from ledger.errors import MalformedError

FIRST_LAYOUT = 1


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: the layout it leads to, what it is for, in words for the log, and the work itself."""

    layout: int
    purpose: str
    apply: Callable[[Connection], None]


def _index_copies_and_awards(connection: Connection) -> None:
    # A key that is stolen or retired is asked for its copies, and lists of awards come in the order of decision:
    # both walked through everything before, seconds for the 100,000 awards of a district.
    connection.execute(text("CREATE INDEX IF NOT EXISTS copies_by_key ON copies (key_id)"))
    connection.execute(text("CREATE INDEX IF NOT EXISTS awards_by_decision ON awards (decided_at, id)"))


def _index_what_hangs_on_awards(connection: Connection) -> None:
    # To erase an award is to ask three tables whether something still points at it.
    connection.execute(text("CREATE INDEX IF NOT EXISTS awards_by_successor ON awards (replaced_by)"))
    connection.execute(text("CREATE INDEX IF NOT EXISTS offered_by_award ON offered_awards (award_id)"))
    connection.execute(text("CREATE INDEX IF NOT EXISTS tokens_by_offer ON tokens (offer_id)"))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(2, "find copies by key, and awards in the order of decision", _index_copies_and_awards),
    Migration(3, "find what hangs on an award that is erased", _index_what_hangs_on_awards),
)
LAYOUT = MIGRATIONS[-1].layout


def read_layout(engine: Engine) -> int | None:
    """The layout a database has; None for one in which nothing was made yet.

    Raises:
        MalformedError: its layout is not a number, or there is other people's data and no layout.
    """
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        if not tables:
            return None
        if "settings" not in tables:
            raise MalformedError("registrar's database: holds tables of another program", hint="give it one of its own")
        found = connection.execute(text("SELECT value FROM settings WHERE name = 'layout'")).scalar()
    if found is None:
        # Made and not yet numbered: the first opening was interrupted.
        return None
    if not str(found).isascii() or not str(found).isdigit():
        raise MalformedError(f"registrar's database: layout {str(found)[:20]!r} is not a number")
    return int(found)


def check_layout(found: int, where: str) -> None:
    """Refuse a layout that this version does not know.

    Raises:
        MalformedError: it is newer, or older than any that ever was.
    """
    if found > LAYOUT:
        raise MalformedError(
            f"{where}: layout {found} of a newer cairn-node, this one knows up to {LAYOUT}",
            hint="use the newer cairn-node; to go back, put the copy in place that it made when it migrated",
        )
    if found < FIRST_LAYOUT:
        raise MalformedError(f"{where}: layout {found}, there never was such a one", hint="restore it from a backup")


def migrate(engine: Engine, found: int, steps: tuple[Migration, ...] = MIGRATIONS) -> tuple[Migration, ...]:
    """Take every step above the layout found, each durable before the next; returns those taken."""
    taken = tuple(step for step in steps if step.layout > found)
    for step in taken:
        with engine.begin() as connection:
            step.apply(connection)
            connection.execute(
                text("UPDATE settings SET value = :layout WHERE name = 'layout'"), {"layout": str(step.layout)}
            )
    return taken
