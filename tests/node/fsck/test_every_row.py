"""Every class of row in the ledger store: damaged in every way, named exactly, mended byte for byte."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from node.fsck.mend import mend_store
from node.fsck.rows import MendedRows
from node.store import layout
from node.store.layout import LogKeys
from node.store.rowname import RowKind, parse_key
from tests.node.fsck.shelf import (
    EVERYTHING,
    DictRows,
    LyingSources,
    NoSources,
    Shelf,
    TwinSources,
    build_shelf,
    read_rows,
)

Damage = Callable[[bytes], bytes | None]


def flip(place: float) -> Damage:
    def spoil(value: bytes) -> bytes:
        at = min(int(len(value) * place), len(value) - 1)
        return value[:at] + bytes((value[at] ^ 1,)) + value[at + 1 :]

    return spoil


DAMAGES: dict[str, Damage] = {
    "first byte": flip(0),
    "a third": flip(1 / 3),
    "the middle": flip(1 / 2),
    "near the end": flip(0.9),
    "last byte": flip(1),
    "cut short": lambda value: value[:-1],
    "half": lambda value: value[: len(value) // 2],
    "emptied": lambda value: b"",
    "grown": lambda value: value + b"\x00",
    "removed": lambda value: None,
}
FROM_ENTRIES = {
    RowKind.VERSION,
    RowKind.LOG_NUMBER,
    RowKind.STATEMENT_ID,
    RowKind.STATE,
    RowKind.TILE,
    RowKind.COSIGNED,
    RowKind.COSIGNED_AT,
}
"""What is mended without any peer."""
SHOWN = {RowKind.ROTATION}
"""What somebody showed this node and nobody serves: damaged, it is left out, and the finding says so."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return build_shelf(tmp_path_factory.mktemp("shelf") / "ledger")


@pytest.fixture(scope="module")
def rows(shelf: Shelf) -> dict[bytes, bytes]:
    return read_rows(shelf.path)


def samples(rows: dict[bytes, bytes], kind: RowKind) -> list[bytes]:
    """The first, a middle and the last row of a class."""
    keys = [key for key in sorted(rows) if (name := parse_key(key)) is not None and name.kind is kind]
    return sorted({keys[0], keys[len(keys) // 2], keys[-1]})


def is_unseen(rows: dict[bytes, bytes], key: bytes, how: str) -> bool:
    """Rows nothing else in the store speaks of: a note on the way, and a piece of evidence, may be missing."""
    name = parse_key(key)
    assert name is not None
    newest = max(other for other in rows if other[:6] == key[:6])
    if name.kind is RowKind.COSIGNED_AT:
        # Stores of before lack it; a second more makes this witness wait for a second.
        return how in ("removed", "near the end", "last byte")
    return how == "removed" and (
        name.kind in {RowKind.EVIDENCE, *SHOWN} or (name.kind is RowKind.NOTE and key != newest)
    )


def test_every_key_of_the_layout_is_a_known_class_of_row() -> None:
    """Whoever adds a prefix to the layout adds a class of row, and with it a row of the tests below."""
    keys = LogKeys(7)
    made = {layout.VERSION_KEY, layout.log_number_key(bytes(32)), keys.state, keys.cosigned}
    given = {"index": 1, "size": 1, "level": 0, "statement_id": bytes(16), "data": b""}
    for name, method in inspect.getmembers(keys, inspect.ismethod):
        parameters = inspect.signature(method).parameters
        if not name.startswith("_") and not name.startswith("all_"):
            made.add(method(*(given[parameter] for parameter in parameters)))
    made |= {value for name, value in vars(keys).items() if isinstance(value, bytes) and name != "_prefix"}
    names = [parse_key(key) for key in made]
    assert None not in names
    assert {name.kind for name in names if name is not None} == set(RowKind)


def test_the_shelf_has_every_class_of_row_and_is_clean(shelf: Shelf, rows: dict[bytes, bytes]) -> None:
    """An undamaged store gives no finding, and the tests below leave no class out."""
    kinds = {name.kind for key in rows if (name := parse_key(key)) is not None}
    assert kinds == set(RowKind)
    assert [finding.what for finding in shelf.check(MendedRows(DictRows(rows))).all_findings] == []


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("kind", RowKind, ids=lambda kind: kind.name.lower())
async def test_a_damaged_row_is_named_and_mended(
    shelf: Shelf, rows: dict[bytes, bytes], kind: RowKind, how: str
) -> None:
    """The finding has exactly the damaged key; mending brings every row of the store back."""
    await check_rows(shelf, rows, kind, how)


@pytest.mark.parametrize("kind", [RowKind.ENTRY, RowKind.TILE], ids=lambda kind: kind.name.lower())
async def test_a_tree_of_several_tiles_is_named_and_mended(tmp_path: Path, kind: RowKind) -> None:
    """The same where hashes stand in tiles of two levels."""
    tall = build_shelf(tmp_path / "ledger", 270)
    for how in ("near the end", "last byte", "removed"):
        await check_rows(tall, read_rows(tall.path), kind, how)


async def check_rows(shelf: Shelf, rows: dict[bytes, bytes], kind: RowKind, how: str) -> None:
    for key in samples(rows, kind):
        damaged = dict(rows)
        spoilt = DAMAGES[how](rows[key])
        if spoilt == rows[key]:
            continue
        if spoilt is None:
            del damaged[key]
        else:
            damaged[key] = spoilt
        sources = NoSources() if kind in FROM_ENTRIES else TwinSources(shelf)
        mended = await mend_store(MendedRows(DictRows(damaged)), shelf.check, sources, [])
        if is_unseen(rows, key, how):
            assert mended.before.all_findings == []
            continue
        assert [finding.key for finding in mended.before.all_findings] == [key]
        (finding,) = mended.before.all_findings
        assert finding.kind is kind
        assert finding.is_damage
        assert mended.after.all_findings == []
        whole = {other: row for other, row in rows.items() if kind not in SHOWN or other != key}
        assert dict(mended.rows.scan(*EVERYTHING)) == whole


@pytest.mark.parametrize("kind", RowKind, ids=lambda kind: kind.name.lower())
async def test_a_damaged_key_is_named_and_mended(shelf: Shelf, rows: dict[bytes, bytes], kind: RowKind) -> None:
    """A row under a key that is one bit off: missing where it should be, unaccounted for where it is."""
    for key in samples(rows, kind):
        for place in range(len(key)):
            stray = key[:place] + bytes((key[place] ^ 0x40,)) + key[place + 1 :]
            damaged = {**rows, stray: rows[key]}
            del damaged[key]
            mended = await mend_store(MendedRows(DictRows(damaged)), shelf.check, TwinSources(shelf), [])
            found = {finding.key for finding in mended.before.all_findings}
            assert stray in found, (kind, place)
            assert found <= {stray, key}
            assert mended.after.all_findings == []
            left = dict(mended.rows.scan(*EVERYTHING))
            if not is_unseen(rows, key, "removed"):
                assert key in found
                assert left == rows


async def test_two_damaged_rows_that_vouch_for_each_other_are_both_mended(
    shelf: Shelf, rows: dict[bytes, bytes]
) -> None:
    """An entry and its tile, an entry and the next one, an entry with its body and the note over them."""
    keys = LogKeys(parse_number(rows, shelf))
    last = shelf.granite.size - 1
    for group in (
        (keys.entry(5), keys.tile(0, 0)),
        (keys.entry(5), keys.entry(6)),
        (keys.entry(last), keys.tile(0, last // 256)),
        (keys.entry(last), keys.body(last), keys.note(last + 1)),
        (keys.entry(0), keys.tile(0, 0), keys.state),
    ):
        for spoil in (flip(0.5), lambda value: None):
            damaged = {key: value for key, value in rows.items() if key not in group}
            damaged.update({key: spoilt for key in group if (spoilt := spoil(rows[key])) is not None})
            mended = await mend_store(MendedRows(DictRows(damaged)), shelf.check, TwinSources(shelf), [])
            assert mended.before.all_findings
            assert [finding.place for finding in mended.after.all_findings] == []
            assert dict(mended.rows.scan(*EVERYTHING)) == rows


async def test_without_a_peer_nothing_is_invented(shelf: Shelf, rows: dict[bytes, bytes]) -> None:
    """A lost entry stays lost and named; everything else stays as it was."""
    keys = LogKeys(parse_number(rows, shelf))
    damaged = {key: value for key, value in rows.items() if key != keys.entry(7)}
    mended = await mend_store(MendedRows(DictRows(damaged)), shelf.check, NoSources(), [])
    assert [finding.key for finding in mended.after.all_findings] == [keys.entry(7)]
    assert dict(mended.rows.scan(*EVERYTHING)) == damaged


@pytest.mark.parametrize("kind", [RowKind.ENTRY, RowKind.BODY, RowKind.NOTE], ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("how", ["removed", "first byte"])
async def test_nothing_is_taken_from_a_peer_that_lies(
    shelf: Shelf, rows: dict[bytes, bytes], kind: RowKind, how: str
) -> None:
    """Whatever a peer gives has to stand the check of the whole log; otherwise the damage stays, and is said."""
    key = samples(rows, kind)[-1]
    damaged = {other: value for other, value in rows.items() if other != key}
    spoilt = DAMAGES[how](rows[key])
    if spoilt is not None:
        damaged[key] = spoilt
    mended = await mend_store(MendedRows(DictRows(damaged)), shelf.check, LyingSources(shelf), [])
    assert [finding.key for finding in mended.after.all_findings] == [key]
    left = dict(mended.rows.scan(*EVERYTHING))
    assert left == damaged


async def test_the_newest_note_of_our_own_log_is_signed_again_with_the_same_bytes(
    shelf: Shelf, rows: dict[bytes, bytes]
) -> None:
    """The writer's line is deterministic; the cosignatures are the witnesses' to give again."""
    key = samples(rows, RowKind.NOTE)[-1]
    damaged = {other: value for other, value in rows.items() if other != key}
    mended = await mend_store(MendedRows(DictRows(damaged)), shelf.check, NoSources(), [shelf.lantern.log_signer])
    assert mended.after.all_findings == []
    assert rows[key].startswith(mended.rows.put[key])


async def test_the_size_we_cosigned_never_falls(shelf: Shelf, rows: dict[bytes, bytes]) -> None:
    """A row that says less than a note proves is damage; in doubt it is mended to all that is held."""
    keys = LogKeys(parse_number(rows, shelf))
    small = layout.encode_number(3) + shelf.granite.root_at(3)
    damaged = {**rows, keys.cosigned: small}
    mended = await mend_store(MendedRows(DictRows(damaged)), shelf.check, NoSources(), [])
    assert [finding.key for finding in mended.before.all_findings] == [keys.cosigned]
    assert mended.rows.get(keys.cosigned) == rows[keys.cosigned]


def parse_number(rows: dict[bytes, bytes], shelf: Shelf) -> int:
    return layout.parse_number(rows[layout.log_number_key(shelf.granite.log_id)])


def test_a_twin_directory_is_equal(shelf: Shelf, tmp_path: Path) -> None:
    """Built twice, the store is the same: what the comparisons above rest on."""
    assert read_rows(build_shelf(tmp_path / "again").path) == read_rows(shelf.path)
