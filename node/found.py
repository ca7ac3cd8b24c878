"""Making a new institution: its keys, its log with entry 0, and its `node.toml`.

Entry 0 is the charter: who the institution is, which keys it has, who may speak for it and how it publishes. The log
id commits to all of it, so this is done once. Everything is built in a directory beside the final one and renamed into
place when it is complete and durable: an interrupted attempt leaves no half institution, and no second one with other
keys.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ledger.duration import DAY_MS
from ledger.errors import RuleError
from ledger.log import checkpoint, entry, follow, statements
from ledger.log.charter import BatchPolicy, Charter, Institution, ListPolicy, Role, RoleKey, Roots
from ledger.log.checkpoint import Checkpoint
from ledger.log.identity import LogId
from ledger.log.keys import PublicKey
from ledger.log.merkle import root_of_hashes
from node import durable
from node.clock import Clock, Draw
from node.config import FILE_NAME, NodeConfig, parse_config, render_config
from node.keystore import P256_ROLES, KeyRole, Keystore, create_keystore
from node.store.ledgerstore import LedgerStore
from node.tls.modes import TLSMode

KEYS_DIRECTORY = "keys"
LEDGER_DIRECTORY = "ledger"
NETWORKS_DIRECTORY = "networks"

DEFAULT_MINUTE = 150
"""02:30 UTC: the minute of the night at which cuts are made."""
DEFAULT_BATCH_SIZE = 256
DEFAULT_SLOTS = 16_384
DEFAULT_LISTS_OPEN = "08-01"
MAX_LEARNERS = 20_000

_SLOTS_PER_LEARNER = 32
_STATEMENT_ID_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """What has to be decided to make an institution.

    Attributes:
        name: what people call it.
        kind: school, network, college, employer, state or youth.
        origin: name of its log, a URL without scheme.
        root_keys: public halves of the root keys (for a network: its governors').
        threshold: how many root keys must sign.
        http_url: public URL of its node; for a network, all its members' URLs stand below it.
        grpc_address: public HOST:PORT of its node.
        http_listen: where the node listens for HTTP.
        grpc_listen: where the node listens for gRPC.
        tls_certificate: PEM file of the listeners' certificate; empty for none.
        tls_key: PEM file of its key.
        grpc_tls: which certificate gRPC shows.
        insecure: whether it may listen beyond this computer without TLS.
        learners: how many learners it has, which sizes batches and status lists; None for the defaults.
        interval_ms: milliseconds between cuts; 0 for cuts on command (tests and demonstrations).
        minute: minute of the day, UTC, of a cut.
        lists_open: "MM-DD", the day on which each year's status list opens.
    """

    name: str
    kind: Institution
    origin: str
    root_keys: tuple[PublicKey, ...]
    threshold: int = 1
    http_url: str = "http://127.0.0.1:8470"
    grpc_address: str = "127.0.0.1:8471"
    http_listen: str = "127.0.0.1:8470"
    grpc_listen: str = "127.0.0.1:8471"
    tls_certificate: str = ""
    tls_key: str = ""
    grpc_tls: TLSMode = TLSMode.AUTO
    insecure: bool = False
    learners: int | None = None
    interval_ms: int = DAY_MS
    minute: int = DEFAULT_MINUTE
    lists_open: str = DEFAULT_LISTS_OPEN


@dataclass(frozen=True, slots=True)
class Founded:
    """A new institution: where it stands, its log id and its charter."""

    directory: Path
    log_id: LogId
    charter: Charter


def found_institution(directory: Path, founding: Founding, clock: Clock, draw: Draw) -> Founded:
    """Make the institution's directory, complete or not at all.

    Raises:
        RuleError: something stands at `directory`, or there are more learners than one log serves.
        MalformedError: a value cannot stand in a charter or in `node.toml`.
    """
    # Everything that can be wrong with the request is refused before anything is written.
    config = _make_config(founding)
    sizes_for(founding.learners)
    _refuse_existing(directory)
    building = directory.parent / f".{directory.name}.{draw(8).hex()}.tmp"
    building.mkdir(mode=0o750)
    try:
        founded = _build(building, founding, config, clock, draw)
        _refuse_existing(directory)
        building.rename(directory)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    durable.sync_directory(directory.parent)
    return Founded(directory, *founded)


def sizes_for(learners: int | None) -> tuple[int, int]:
    """Items of one `issue` body and slots of one status list for this many learners, both powers of two.

    Raises:
        RuleError: there are more than one log serves, or fewer than one.
    """
    if learners is None:
        return DEFAULT_BATCH_SIZE, DEFAULT_SLOTS
    if not 1 <= learners <= MAX_LEARNERS:
        raise RuleError(
            f"learners: {learners}, expected 1 to {MAX_LEARNERS}", hint="found one log for each district or school"
        )
    return (
        max(DEFAULT_BATCH_SIZE, _power_of_two(learners)),
        max(DEFAULT_SLOTS, _power_of_two(_SLOTS_PER_LEARNER * learners)),
    )


def _build(directory: Path, founding: Founding, config: NodeConfig, clock: Clock, draw: Draw) -> tuple[LogId, Charter]:
    keys = create_keystore(directory / KEYS_DIRECTORY, draw)
    charter = _make_charter(founding, keys, clock(), draw(_STATEMENT_ID_BYTES))
    growth = _make_first_commit(charter, keys)
    store = LedgerStore.open(directory / LEDGER_DIRECTORY)
    try:
        store.create(growth)
    finally:
        store.close()
    (directory / NETWORKS_DIRECTORY).mkdir()
    durable.create_file(directory / FILE_NAME, render_config(config).encode(), mode=0o640)
    for path in (directory / KEYS_DIRECTORY, directory / LEDGER_DIRECTORY, directory):
        durable.sync_directory(path)
    return growth.state.log_id, charter


def _make_charter(founding: Founding, keys: Keystore, at: int, statement_id: bytes) -> Charter:
    batch_size, slots = sizes_for(founding.learners)
    return Charter(
        at=at,
        id=statement_id,
        log=None,
        origin=founding.origin,
        name=founding.name,
        institution=founding.kind,
        url=founding.http_url,
        grpc=founding.grpc_address,
        roots=Roots(founding.root_keys, founding.threshold),
        log_key=keys.newest(KeyRole.LOG).public,
        keys=_role_keys(keys),
        batch=BatchPolicy(founding.interval_ms, founding.minute, batch_size),
        lists=ListPolicy(founding.lists_open, slots),
    )


def _role_keys(keys: Keystore) -> tuple[RoleKey, ...]:
    """One key for each role; roles that sign credentials have a P-256 key beside it."""
    ed25519 = [RoleKey(keys.newest(KeyRole(role.value)).public, role) for role in Role]
    p256 = [RoleKey(keys.p256_with_role(role)[-1].public, Role(role.value)) for role in P256_ROLES]
    return (*ed25519, *p256)


def _make_first_commit(charter: Charter, keys: Keystore) -> follow.Growth:
    statement = statements.encode(charter)
    log_key = keys.newest(KeyRole.LOG)
    first = entry.encode_entry(0, entry.NO_PREVIOUS, statement, entry.sign_statement(statement, [log_key]))
    root = root_of_hashes([entry.parse_entry(first).leaf_hash])
    note = checkpoint.sign_checkpoint(Checkpoint(charter.origin, 1, root), log_key)
    # Judged as a stranger would judge it: a charter that nobody could follow must not leave this computer.
    return follow.judge_growth(None, [first], [None], note)


def _make_config(founding: Founding) -> NodeConfig:
    config = NodeConfig(
        name=founding.name,
        http_listen=founding.http_listen,
        grpc_listen=founding.grpc_listen,
        http_url=founding.http_url,
        grpc_address=founding.grpc_address,
        tls_certificate=founding.tls_certificate,
        tls_key=founding.tls_key,
        grpc_tls=founding.grpc_tls,
        insecure=founding.insecure,
    )
    return parse_config(render_config(config))


def _refuse_existing(directory: Path) -> None:
    if os.path.lexists(directory):
        raise RuleError(
            f"{directory}: exists already, and nothing in it was changed",
            hint="name a directory that does not exist; an institution is founded once",
        )


def _power_of_two(at_least: int) -> int:
    return 1 << (at_least - 1).bit_length()
