"""Repairing a store whose files are damaged, from real peers: row for row what it was, the damaged one kept."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from node.client.dial import DialPolicy
from node.fsck.repair import Repaired, RepairParts, repair_store
from node.keystore import open_keystore
from node.ledgerside import find_own_log
from node.store import layout
from node.store.database import Database
from node.store.ledgerstore import LedgerStore
from node.store.raw import RawStore, hold_store, view_store
from node.trust import load_trust_roots
from tests.end_to_end.world import DEADLINE_SECONDS, Campus, has_all, until, world
from tests.node.fsck.shelf import read_rows

# One world serves every test, so all of them run in its event loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = 1_800_000_000_000


@dataclass
class Burnt:
    """A stopped school's directory, its rows, and the addresses of nodes that hold its log."""

    directory: Path
    rows: dict[bytes, bytes]
    addresses: tuple[str, ...]
    size: int

    def copy(self, folder: Path, name: str = "") -> Path:
        shutil.copytree(self.directory.with_name(name) if name else self.directory, folder / "node")
        return folder / "node"

    async def repair(self, directory: Path, addresses: tuple[str, ...] | None = None, high_water: int = 0) -> Repaired:
        keystore = open_keystore(directory / "keys")
        return await repair_store(
            RepairParts(
                store=directory / "ledger",
                trusts=list(load_trust_roots(directory, ()).values()),
                keystore=keystore,
                addresses=lambda store: self.addresses if addresses is None else addresses,
                timeout_seconds=DEADLINE_SECONDS,
                policy=DialPolicy(),
                clock=lambda: NOW,
                tick=lambda done: None,
                high_water=lambda log: high_water,
            )
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def burnt(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Burnt]:
    """A school of a network, stopped; everybody else runs on."""
    async with world(tmp_path_factory.mktemp("world"), members=3) as made:
        school, *others = made.members
        await school.stop()
        shutil.copytree(school.directory, school.directory.with_name("older"))
        await school.start()
        await until(lambda: school.node.startup.may_sign)
        for _ in range(2):
            index = await school.issue()
        assert await school.node.cosigning.wait_for_quorum(index + 1, DEADLINE_SECONDS)
        await until(lambda: all(has_all(one, made) for one in made.everybody))
        await until(lambda: all(is_level(one, made.everybody) for one in made.everybody))
        await school.stop()
        # What was written stands in tables now, and one more write in the journal.
        database = Database(school.directory / "ledger")
        version = database.get(layout.VERSION_KEY)
        assert version is not None
        database.write([(layout.VERSION_KEY, version)])
        database.close()
        addresses = tuple(one.address for one in (made.network, *others))
        yield Burnt(school.directory, read_rows_of(school.directory), addresses, index + 1)


def is_level(one: Campus, everybody: tuple[Campus, ...]) -> bool:
    """Whether a node holds every log's newest note with all the cosignatures that its writer has."""
    logs = [(one.node.ledger.log(other.log_id), other.log) for other in everybody]
    return all(held is not None and len(held.note) == len(own.note) for held, own in logs)


def read_rows_of(directory: Path) -> dict[bytes, bytes]:
    copy = directory.with_name("look")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(directory / "ledger", copy)
    return read_rows(copy)


def flip(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[min(int(len(data) * place), len(data) - 1)] ^= 1
    path.write_bytes(data)


def tables(store: Path) -> list[Path]:
    return sorted(store.glob("*.ldb"))


def journal(store: Path) -> Path:
    return next(path for path in store.glob("*.log") if path.stat().st_size)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "table, first byte": (lambda store: flip(tables(store)[0], 0), "file "),
    "table, a quarter": (lambda store: flip(tables(store)[0], 0.25), "file "),
    "table, middle": (lambda store: flip(tables(store)[0], 0.5), "file "),
    "table, index": (lambda store: flip(tables(store)[0], 0.97), "file "),
    "table, last byte": (lambda store: flip(tables(store)[0], 1), "file "),
    "table cut short": (lambda store: tables(store)[0].write_bytes(tables(store)[0].read_bytes()[:-100]), "file "),
    "table emptied": (lambda store: tables(store)[0].write_bytes(b""), "file "),
    "CURRENT gone": (lambda store: (store / "CURRENT").unlink(), "file CURRENT"),
    "CURRENT changed": (lambda store: flip(store / "CURRENT", 0.2), "file CURRENT"),
    "MANIFEST gone": (lambda store: next(store.glob("MANIFEST-*")).unlink(), "file MANIFEST"),
    "MANIFEST changed": (lambda store: flip(next(store.glob("MANIFEST-*")), 0.3), "file MANIFEST-"),
    "MANIFEST cut short": (lambda store: next(store.glob("MANIFEST-*")).write_bytes(b"\x00" * 20), "file MANIFEST-"),
    "journal changed": (lambda store: flip(journal(store), 0.5), "file 0"),
}


@pytest.mark.parametrize("how", DAMAGES)
async def test_a_damaged_file_is_named_and_the_store_comes_back(burnt: Burnt, tmp_path: Path, how: str) -> None:
    """LevelDB's own files: the check changes nothing, the repair brings every row back and keeps the damaged directory."""
    spoil, place = DAMAGES[how]
    directory = burnt.copy(tmp_path)
    spoil(directory / "ledger")
    before = {path.name: path.read_bytes() for path in (directory / "ledger").iterdir()}
    with hold_store(directory / "ledger"), view_store(directory / "ledger") as view:
        assert view.damage
    assert {path.name: path.read_bytes() for path in (directory / "ledger").iterdir()} == before
    repaired = await burnt.repair(directory)
    assert repaired.refusal == ""
    assert any(finding.place.startswith(place) for finding in repaired.before), repaired.before
    assert [finding.place for finding in repaired.after] == []
    assert repaired.kept == directory / f"ledger.damaged-{NOW // 1000}"
    assert {path.name: path.read_bytes() for path in repaired.kept.iterdir()} == before
    assert read_rows_of(directory) == burnt.rows


async def test_a_good_store_is_left_alone(burnt: Burnt, tmp_path: Path) -> None:
    """Nothing to repair: the directory stays, byte for byte, and no peer is asked."""
    directory = burnt.copy(tmp_path)
    repaired = await burnt.repair(directory, ("127.0.0.1:1",))
    assert (repaired.before, repaired.kept, repaired.silent) == ([], None, {})
    assert read_rows_of(directory) == burnt.rows


async def test_a_lost_end_of_our_own_log_is_taken_back_from_peers(burnt: Burnt, tmp_path: Path) -> None:
    """A journal that is gone leaves no trace in the store; the file outside the directory tells, and peers have the rest."""
    directory = burnt.copy(tmp_path, "older")
    assert (await burnt.repair(directory)).before == []
    repaired = await burnt.repair(directory, high_water=burnt.size)
    assert (repaired.refusal, repaired.after) == ("", [])
    assert own_size(directory) == burnt.size


async def test_a_store_never_takes_the_place_of_one_that_held_more_of_our_log(burnt: Burnt, tmp_path: Path) -> None:
    """Where nobody has the lost entries, nothing is changed, and it is said."""
    directory = burnt.copy(tmp_path, "older")
    before = read_rows_of(directory)
    repaired = await burnt.repair(directory, ("127.0.0.1:1",), high_water=burnt.size)
    assert f"held {burnt.size} entries and only {burnt.size - 2} could be found" in repaired.refusal
    assert repaired.kept is None
    assert list(repaired.silent) == ["127.0.0.1:1"]
    assert read_rows_of(directory) == before


async def test_a_store_without_its_own_log_is_for_recover(burnt: Burnt, tmp_path: Path) -> None:
    """An empty store is not "repaired" into a node that has forgotten who it is."""
    directory = burnt.copy(tmp_path)
    shutil.rmtree(directory / "ledger")
    RawStore(directory / "ledger", create=True).close()
    repaired = await burnt.repair(directory)
    assert "recover" in repaired.refusal
    assert repaired.kept is None


async def test_a_store_that_is_open_elsewhere_is_not_repaired(burnt: Burnt, tmp_path: Path) -> None:
    """The kernel's lock is a process's own, so another process has to try."""
    directory = burnt.copy(tmp_path)
    code = "import sys, pathlib, node.store.raw as raw; raw.hold_store(pathlib.Path(sys.argv[1])).__enter__()"
    with hold_store(directory / "ledger"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code, str(directory / "ledger")), stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(DEADLINE_SECONDS):
            _, errors = await process.communicate()
    assert b"another process uses this directory" in errors


def own_size(directory: Path) -> int:
    """Entries of the own log in a directory nobody has open."""
    store = LedgerStore.open(directory / "ledger")
    try:
        return find_own_log(store, open_keystore(directory / "keys")).size
    finally:
        store.close()
