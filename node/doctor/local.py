"""What can be looked at on this computer alone: configuration, account, keys, stores, disk."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ledger.errors import CairnError
from ledger.log.identity import encode_log_id
from node import account
from node.client.finding import describe_duration
from node.client.held import HeldLog
from node.config import NodeConfig
from node.diskspace import find_low_disk, measure_disk
from node.doctor.check import Check, Topic, fine, from_error, from_finding, problem, unknown, warning
from node.doctor.patient import START, Patient
from node.found import KEYS_DIRECTORY
from node.home import Home
from node.keylist import missing_keys
from node.keystore import Keystore
from node.lastbackup import find_old_backup, last_backup
from node.tls.modes import Listener, TLSMode, tls_mode

SLOW_SYNC_SECONDS = 1.0

_SAMPLE = b"cairn-node doctor\n"


def check_configuration(config: NodeConfig) -> Iterator[Check]:
    """What `parse_config` lets pass and an operator should know."""
    topic = Topic.CONFIGURATION
    found = []
    binds = {Listener.HTTP: config.http_bind(), Listener.GRPC: config.grpc_bind()}
    in_clear = [
        one.value for one, bind in binds.items() if not bind.is_loopback and tls_mode(config, one) is TLSMode.OFF
    ]
    if in_clear:
        what = f"insecure = true, and {' and '.join(in_clear)} can be read and changed on the way"
        do = "use TLS (docs/tls.md), or listen on 127.0.0.1 behind a reverse proxy that speaks it"
        found.append(warning(topic, what, do=do))
    for key, value, bind in (
        ("http_url", config.http_url, config.http_bind()),
        ("grpc_address", config.grpc_address, config.grpc_bind()),
    ):
        if not value and bind.host in ("0.0.0.0", "::"):
            found.append(
                warning(
                    topic,
                    f"{key} is empty, and the node listens on every address",
                    why="it cannot know under which name others reach it",
                    do=f"set {key} in node.toml",
                )
            )
    yield from found or [fine(topic, "node.toml is good")]


def check_account(directory: Path) -> Check:
    """Whether this process may open what belongs to the node."""
    if account.is_owner(directory):
        return fine(Topic.ACCOUNT, "the directory belongs to the account of this command")
    owner = account.owner_of(directory)
    return warning(
        Topic.ACCOUNT,
        f"the directory belongs to account {owner}, and this command runs under another",
        why="stores opened by another account are left unusable for the node, so they are not opened",
        do=f"sudo -u {owner} cairn-node doctor DIR",
    )


def check_keys(home: Home, keystore: Keystore | CairnError, own: HeldLog | None) -> Iterator[Check]:
    """Whether all keys are there, for this account alone, in force in the log, and no root key among them."""
    topic = Topic.KEYS
    if isinstance(keystore, CairnError):
        yield from_error(topic, keystore)
        return
    found = [*_check_key_folder(home)]
    if own is None:
        yield from found
        yield unknown(topic, "whether the keys belong to the log", do="cure what the ledger store says first")
        return
    for role, consequence in missing_keys(own.state, keystore):
        do = "restore DIR/keys from the backup, or put a new key in force with cairn-node key"
        found.append(problem(topic, f"no {role} key in force is on this computer", why=consequence, do=do))
    if any(keystore.find(key.id) is not None for key in own.state.roots.keys):
        found.append(
            problem(
                topic,
                "a root key stands among the node's keys",
                why="whoever takes over this computer could replace every key of this institution",
                do="move its file to two USB sticks and delete it here",
            )
        )
    yield from found or [fine(topic, "all keys in force are here, and no root key is")]


def _check_key_folder(home: Home) -> Iterator[Check]:
    folder = home.directory / KEYS_DIRECTORY
    if folder.stat().st_mode & 0o077:
        yield warning(Topic.KEYS, f"{folder} can be entered by other accounts", do="chmod 700 DIR/keys")
    beside = home.directory.resolve().with_name(f"{home.directory.resolve().name}.root.key")
    if beside.exists():
        yield warning(
            Topic.KEYS,
            f"a root key file stands beside the node: {beside}",
            why="cairn-node init made it there so that you take it away",
            do=f"copy it to two USB sticks in two places, then delete {beside}",
        )


def check_ledger(patient: Patient, error: CairnError | None) -> Check:
    """Whether the ledger store opens and holds the own log."""
    topic = Topic.LEDGER
    if patient.own is not None:
        state = patient.own.state
        noun = "entry" if state.size == 1 else "entries"
        how = "the running node has it open" if patient.is_running else "opens"
        return fine(topic, f"{how}; {state.charter.origin} has {state.size:,} {noun}")
    if not patient.is_own_account:
        return unknown(topic, "not opened by another account", do="run doctor as the account named above")
    assert error is not None, "either the log was read, or something was in the way"
    return from_error(topic, error)


def check_database(patient: Patient) -> Check:
    """Whether the registrar's database is whole and belongs to this log; nothing in it is changed."""
    topic = Topic.DATABASE
    from node.registrar.database import FILE_NAME

    path = patient.home.directory / FILE_NAME
    if patient.home.config.registrar_database:
        if patient.status is not None:
            return fine(topic, "the running node answers from it")
        return unknown(topic, "it is on a server, and the node does not run", do=START)
    if not path.exists():
        if patient.own is not None and patient.own.state.newest_status is None:
            return fine(topic, "not there yet; the first start makes it")
        return problem(topic, f"{path} is missing", why="it holds all awards", do="restore the newest backup")
    if not patient.is_own_account:
        return unknown(topic, "not opened by another account", do="run doctor as the account named above")
    try:
        return _look_into(path, patient.own)
    except sqlite3.Error as error:
        why = "the file is not a database, or damaged" if isinstance(error, sqlite3.DatabaseError) else ""
        return problem(topic, f"{path} cannot be read", why=why, do="restore the newest backup")


def _look_into(path: Path, own: HeldLog | None) -> Check:
    topic = Topic.DATABASE
    with closing(sqlite3.connect(f"file:{path.resolve()}?mode=ro", uri=True, timeout=30)) as connection:
        (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            # What SQLite says names pages and tables, no values; the first line is enough.
            why = str(state).splitlines()[0]
            return problem(topic, f"{path} is damaged", why=why, do="stop the node, then restore the newest backup")
        settings = dict(connection.execute("SELECT name, value FROM settings"))
    log = None if own is None else encode_log_id(own.state.log_id)
    if log is not None and settings.get("log") != log:
        return problem(
            topic,
            f"{path} belongs to another log",
            why=f"it says {settings.get('log')}, the log is {log}",
            do="put the database of this log back",
        )
    return fine(topic, f"whole, layout {settings.get('layout')}")


def check_disk(directory: Path) -> Iterator[Check]:
    """Whether there is room, and what is written stays written."""
    low = [from_finding(Topic.DISK, finding) for finding in find_low_disk(directory)]
    yield from low or [fine(Topic.DISK, measure_disk(directory).describe())]
    path = directory / f".doctor.{os.getpid()}.tmp"
    began = time.monotonic()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, _SAMPLE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            path.unlink()
    except PermissionError as error:
        do = "run doctor as the node's account"
        yield unknown(Topic.DISK, f"this account may not write to {directory}", why=error.strerror or "", do=do)
    except OSError as error:
        do = "make room, or have the disk repaired; a node on it stops at its next write"
        yield problem(Topic.DISK, f"nothing can be written to {directory}", why=error.strerror or "", do=do)
    else:
        took = time.monotonic() - began
        if took > SLOW_SYNC_SECONDS:
            yield warning(
                Topic.DISK,
                f"making one small file durable took {took:.1f} seconds",
                why="the disk is slow, busy, or on a network",
                do="put DIR on a local disk",
            )
        else:
            yield fine(Topic.DISK, f"what is written is durable after {took * 1000:.0f} ms")


def check_backup(directory: Path, now: int) -> Check:
    """When the last backup was made, as far as that is known."""
    at = last_backup(directory)
    if at is None:
        why = "peers hold the log, but awards and keys are only here"
        do = "cairn-node backup DIR -o FILE, onto another disk, every night"
        return warning(Topic.BACKUP, "no backup is known", why=why, do=do)
    old = [from_finding(Topic.BACKUP, finding) for finding in find_old_backup(directory, now)]
    age = describe_duration(max(0, now - at))
    return old[0] if old else fine(Topic.BACKUP, f"the last one was made {age} ago")
