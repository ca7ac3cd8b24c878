"""Which rows of a log go when its last entries are replaced by others: everything that stood only because of them.

Kept are evidence, what was cosigned, and a rotation shown ahead of the log: they were true before and are true after.
"""

from collections.abc import Iterator

from ledger.errors import CairnError
from ledger.log.entry import parse_entry
from ledger.log.tiles import full_tiles, partial_width
from node.store.database import Database
from node.store.layout import LogKeys, parse_number


def tail_rows(database: Database, keys: LogKeys, start: int, size: int) -> Iterator[bytes]:
    """Give the keys of all rows about the entries `[start, size)`: entries, bodies, ids, notes above `start`, tiles.

    Tiles that only become smaller are among them; whoever writes puts them again, cut.
    """
    for index in range(start, size):
        yield keys.entry(index)
        yield keys.body(index)
        yield from _id_row(database, keys, index)
    yield from (key for key, _ in database.scan(keys.note(start + 1), keys.all_notes()[1]))
    level = 0
    while size >> 8 * level:
        last = full_tiles(level, size) + bool(partial_width(level, size))
        yield from (keys.tile(level, index) for index in range(full_tiles(level, start), last))
        level += 1


def _id_row(database: Database, keys: LogKeys, index: int) -> Iterator[bytes]:
    data = database.get(keys.entry(index))
    try:
        statement_id = b"" if data is None else parse_entry(data).statement.id
    except CairnError:
        return
    key = keys.statement(statement_id)
    value = database.get(key)
    # An id that an entry below used first stays that entry's.
    if value is not None and parse_number(value) == index:
        yield key
