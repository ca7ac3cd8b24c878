"""A real institution in a temporary directory, and statements it can make: what the tests of the node stand on."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.log import statements
from ledger.log.body import describe_body
from ledger.log.charter import Institution, Role, RoleKey
from ledger.log.entry import sign_statement
from ledger.log.follow import judge_growth
from ledger.log.governance import AddKey, RotateLogKey
from ledger.log.keys import PublicKey, SigningKey
from ledger.log.records import Issue
from ledger.log.snapshot import encode_state
from ledger.log.statement import Statement
from node.found import KEYS_DIRECTORY, LEDGER_DIRECTORY, Founding, found_institution
from node.keystore import KeyRole, Keystore, open_keystore
from node.sequencer import Sequencer, SignedStatement
from node.store.database import Database
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.store.room import Room

NOW = 1_800_000_000_000
ROOT = SigningKey(b"\x2a" * 32)
BATCH = 256
DEADLINE_SECONDS = 60


def make_draw(seed: str = "test") -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    count = 0

    def draw(length: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed}/{count}".encode()).digest(length)

    return draw


def founding(**changes: object) -> Founding:
    request = Founding(
        name="Granite Hollow High",
        kind=Institution.SCHOOL,
        origin="granite.example/log",
        root_keys=(ROOT.public,),
        interval_ms=0,
    )
    return replace(request, **changes)  # type: ignore[arg-type]  # each test names real fields


@dataclass
class School:
    """An institution whose ledger store is open."""

    directory: Path
    store: LedgerStore
    log: LogStore
    keys: Keystore

    def sequencer(self, pause: Callable[[str], None] | None = None) -> Sequencer:
        log_key = next(key for key in self.keys.with_role(KeyRole.LOG) if key.public == self.log.state.log_key)
        return Sequencer(self.log, log_key, find_key=self.keys.find, pause=pause)

    def reopen(self) -> None:
        """Close and open again, as a restart does."""
        self.store.close()
        self.resume()

    def kill(self) -> None:
        """Close as a kill does: nothing is written on the way out."""
        self.store._database.close()

    def resume(self) -> None:
        """Open what `kill` or `close` left."""
        again = open_school(self.directory)
        self.store, self.log, self.keys = again.store, again.log, again.keys

    def issue(self, number: int, key: SigningKey | None = None) -> SignedStatement:
        """The batch with this number; the same number gives the same bytes."""
        items = tuple(hashlib.sha256(b"%d/%d" % (number, position)).digest() for position in range(BATCH))
        reference = describe_body("issue", items)
        statement = Issue(at=NOW, id=number.to_bytes(16, "big"), log=self.log.state.log_id, reference=reference)
        return sign(statement, key or self.keys.newest(KeyRole.OPERATE), items=items)

    def add_key(self, number: int, key: PublicKey, *, until: int = 2**40) -> SignedStatement:
        statement = AddKey(
            at=NOW,
            id=number.to_bytes(16, "big"),
            log=self.log.state.log_id,
            after=-1,
            until=until,
            key=RoleKey(key, Role.ISSUE),
        )
        return sign(statement, ROOT)

    def rotate(self, number: int, key: PublicKey) -> SignedStatement:
        statement = RotateLogKey(
            at=NOW, id=number.to_bytes(16, "big"), log=self.log.state.log_id, after=-1, log_key=key
        )
        return sign(statement, ROOT)


def sign(statement: Statement, *keys: SigningKey, items: tuple[bytes, ...] | None = None) -> SignedStatement:
    data = statements.encode(statement)
    return SignedStatement(data, sign_statement(data, keys), items)


def found_school(directory: Path, **changes: object) -> School:
    found_institution(directory, founding(**changes), lambda: NOW, make_draw(directory.name))
    return open_school(directory)


def open_school(directory: Path, open_database: Callable[[Path, Room | None], Database] = Database) -> School:
    store = LedgerStore.open(directory / LEDGER_DIRECTORY, open_database=open_database)
    (log_id,) = store.log_ids()
    log = store.log(log_id)
    assert log is not None
    return School(directory, store, log, open_keystore(directory / KEYS_DIRECTORY))


@asynccontextmanager
async def running(sequencer: Sequencer) -> AsyncIterator[Sequencer]:
    sequencer.start()
    try:
        yield sequencer
    finally:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await sequencer.close()


def check_log(school: School) -> None:
    """A stranger replays the log from its bytes and comes to the same state."""
    size = school.log.size
    bodies = [school.log.body(index) for index in range(size)]
    growth = judge_growth(None, school.log.entries(0, size), bodies, school.log.note)
    assert encode_state(growth.state) == encode_state(school.log.state)
    assert not growth.state.void
