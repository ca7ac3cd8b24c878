"""Recovering what is left of a node: from keys in any form, from a peer that is no member, and not at all."""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ledger.errors import CairnError, MalformedError, RuleError
from ledger.log.charter import Institution
from node.backup.make import Wanted, make_backup
from node.config import parse_config
from node.errors import BusyError
from node.home import open_home
from node.keystore import open_keystore
from node.recovery.keys import KeySource, unpack_keys
from node.recovery.recover import Order, Recovered, recover_node
from node.recovery.telling import tell, tell_lost
from tests.end_to_end.world import Campus, found, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Campus, Campus]]:
    """A stopped school that belongs to no network, and a friend's node that followed it."""
    folder = tmp_path_factory.mktemp("pair")
    school = found(folder, "school", Institution.SCHOOL)
    friend = found(folder, "friend", Institution.SCHOOL, peers=(school.address,))
    await school.start()
    await until(lambda: school.node.startup.may_sign)
    index = await school.issue()
    log_id = school.log_id
    await friend.start()
    await until(lambda: friend.holds(log_id, index + 1))
    await school.stop()
    try:
        yield school, friend
    finally:
        await friend.stop()


def order(directory: Path, state: Path, *peers: str, keys: Path | None = None, log: Campus | None = None) -> Order:
    source = None if keys is None else KeySource(keys)
    return Order(directory=directory, addresses=peers, keys=source, trust=None, log=None, state_home=state)


async def recover(one: Order) -> Recovered:
    return await recover_node(one, lambda: time.time_ns() // 1_000_000, os.urandom, lambda done, total: None)


async def test_a_school_without_a_network_comes_back_from_a_friend(pair: tuple[Campus, Campus], tmp_path: Path) -> None:
    """Its own log is found by its keys; the settings come from the charter; without witnesses the operator must decide."""
    school, friend = pair
    recovered = await recover(order(tmp_path / "again", tmp_path, friend.address, keys=school.directory / "keys"))
    assert (recovered.size, recovered.held_before, recovered.is_new, recovered.awards) == (2, 0, True, 0)
    assert recovered.report.findings == []
    assert recovered.fetched.witnesses == (0, 0)
    config = parse_config((tmp_path / "again" / "node.toml").read_text())
    assert (config.grpc_address, config.grpc_listen) == (school.address, school.address)
    assert config.peers == (friend.address,)
    assert (tmp_path / "again" / "keys" / "log.key").stat().st_mode & 0o777 == 0o600
    lost = " ".join(tell_lost(recovered, "DIR"))
    assert "nobody cosigns for it" in lost
    assert "recover-award" in lost
    assert "node.toml was made anew from the charter" in " ".join(tell(recovered))
    again = Campus(tmp_path / "again", school.root, school.port, tmp_path, config)
    await again.start()
    try:
        await until(lambda: "run with --only-copy" in (again.node.startup.reason or ""))
    finally:
        await again.stop()


async def test_what_is_there_already_stays(pair: tuple[Campus, Campus], tmp_path: Path) -> None:
    """Nothing is lost: nothing is fetched, nothing is changed."""
    school, friend = pair
    directory = tmp_path / "school"
    shutil.copytree(school.directory, directory)
    settings = (directory / "node.toml").read_bytes()
    recovered = await recover(order(directory, tmp_path, friend.address))
    assert (recovered.size, recovered.held_before, recovered.is_new, recovered.kept_store) == (2, 2, False, None)
    assert (directory / "node.toml").read_bytes() == settings


async def test_an_unreadable_store_is_kept_beside_the_new_one(pair: tuple[Campus, Campus], tmp_path: Path) -> None:
    """Never deleted: somebody may know more about it than this program."""
    school, friend = pair
    directory = tmp_path / "school"
    shutil.copytree(school.directory, directory)
    for path in (directory / "ledger").iterdir():
        path.write_bytes(b"")
    recovered = await recover(order(directory, tmp_path, friend.address))
    assert recovered.size == 2
    assert recovered.kept_store is not None
    assert recovered.kept_store.is_dir()
    assert recovered.report.findings == []


async def test_a_key_backup_brings_settings_and_keys(pair: tuple[Campus, Campus], tmp_path: Path) -> None:
    """Sealed or not; nothing that is there is overwritten."""
    school, friend = pair
    for passphrase in (None, "a passphrase"):
        file = tmp_path / f"{passphrase}.backup"
        wanted = Wanted(passphrase=passphrase, with_stores=False)
        home = open_home(school.directory)
        await make_backup(home, file, wanted, clock=lambda: 0, draw=os.urandom)
        target = tmp_path / f"{passphrase}"
        target.mkdir()
        log = unpack_keys(KeySource(file, passphrase), target)
        assert log is not None
        assert open_keystore(target / "keys").list_root == open_keystore(school.directory / "keys").list_root
        assert (target / "node.toml").read_bytes() == (school.directory / "node.toml").read_bytes()
        recovered = await recover(
            Order(
                directory=tmp_path / f"{passphrase}-node",
                addresses=(friend.address,),
                keys=KeySource(file, passphrase),
                trust=None,
                log=None,
                state_home=tmp_path,
            )
        )
        assert recovered.has_config
        assert recovered.size == 2


async def test_what_is_refused(pair: tuple[Campus, Campus], tmp_path: Path) -> None:
    """Each with a reason and a way on, and nothing left behind."""
    school, friend = pair
    keys = school.directory / "keys"
    half = tmp_path / "half"
    shutil.copytree(keys, half)
    (half / "list_root.key").unlink()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("dear")
    other = found(tmp_path, "other", Institution.SCHOOL)
    target = tmp_path / "target"
    cases: list[tuple[Order, type[CairnError], str]] = [
        (order(target, tmp_path, friend.address), MalformedError, "there are no keys, and nobody else has them"),
        (order(target, tmp_path, friend.address, keys=half), MalformedError, "list_root.key: no such key file"),
        (order(target, tmp_path, "127.0.0.1:1", keys=keys), BusyError, "no peer answered"),
        (
            order(target, tmp_path, friend.address, keys=other.directory / "keys"),
            RuleError,
            "no log that is written with",
        ),
        (order(foreign, tmp_path, friend.address, keys=keys), RuleError, "neither a node nor empty"),
    ]
    for one, error, message in cases:
        with pytest.raises(error, match=message) as raised:
            await recover(one)
        assert raised.value.hint
        assert not target.exists()
        assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []
    assert (foreign / "letter.txt").read_text() == "dear"


async def test_a_recovery_that_is_broken_off_leaves_nothing(pair: tuple[Campus, Campus], tmp_path: Path) -> None:
    """Cancelled in the middle: the directory does not exist, and the same command works afterwards."""
    school, friend = pair
    one = order(tmp_path / "node", tmp_path, friend.address, keys=school.directory / "keys")
    task = asyncio.create_task(recover(one))
    await until(lambda: any(path.name.endswith(".tmp") for path in tmp_path.iterdir()))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []
    assert (await recover(one)).size == 2
