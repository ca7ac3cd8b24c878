"""A real desk on a real log: founded in a temporary folder, with a clock and randomness of the test."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ledger.log.charter import Institution
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import SigningKey
from node.client.contexts import open_library
from node.clock import Draw
from node.found import KEYS_DIRECTORY, LEDGER_DIRECTORY, Founding, found_institution
from node.keystore import KeyRole, Keystore, open_keystore
from node.registrar.database import FILE_NAME, Database, open_database
from node.registrar.desk import RegistrarDesk
from node.registrar.parts import DeskParts
from node.sequencer import Sequencer
from node.statusfiles import StatusFiles
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore

START = 1_790_000_000_000
HTTP_URL = "http://127.0.0.1:8470"
DIPLOMA = "granite-hollow"
ROOT_KEY = SigningKey(bytes([7]) * 32)


def place_in(directory: Path) -> Path | str:
    """Where a test's database is: the file of the directory. Tests that run on every database put another in its place."""
    return directory / FILE_NAME


class Clock:
    """Stands still until told."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, milliseconds: int) -> None:
        self.now += milliseconds


class Dice:
    """Random-looking bytes, the same in every run with one seed."""

    def __init__(self, seed: str = "test") -> None:
        self.seed = seed.encode()
        self.count = 0

    def __call__(self, length: int) -> bytes:
        self.count += 1
        return hashlib.shake_256(self.seed + self.count.to_bytes(8, "big")).digest(length)


class Bench:
    """The desk of one institution and what stands behind it."""

    def __init__(
        self,
        directory: Path,
        desk: RegistrarDesk,
        log: LogStore,
        keystore: Keystore,
        clock: Clock,
        sequencer: Sequencer,
    ) -> None:
        self.directory = directory
        self.desk = desk
        self.log = log
        self.keystore = keystore
        self.clock = clock
        self.sequencer = sequencer


def achievement_json(name: str = DIPLOMA, version: int = 1, achievement_type: str = "SecondarySchoolDiploma") -> bytes:
    identifier = f"https://ledger.example/m/{name}/achievements/{name}/{version}"
    return json.dumps(
        {
            "id": identifier,
            "type": ["Achievement"],
            "name": "Proficiency Diploma",
            "description": "A diploma",
            "achievementType": achievement_type,
            "criteria": {"narrative": "Meet every requirement."},
            "resultDescription": [
                {
                    "id": f"{identifier}#{code}",
                    "type": ["ResultDescription"],
                    "name": f"Requirement {code}",
                    "resultType": "Result",
                    "allowedValue": ["met", "waived"],
                }
                for code in ("R1", "R2")
            ],
        }
    ).encode()


def csv_of(learners: Sequence[int]) -> bytes:
    lines = ["learner_id,name,awarded_on,credits,result.R1,result.R2"]
    lines += [f"L{n:04d},Learner Marker{n},2026-06-15,6.50,met,waived" for n in learners]
    return "\n".join(lines).encode() + b"\n"


def found(directory: Path, clock: Clock, dice: Dice, interval_ms: int = 0) -> LogId:
    founding = Founding(
        name="Granite Hollow High",
        kind=Institution.SCHOOL,
        origin="granite.example/log",
        root_keys=(ROOT_KEY.public,),
        interval_ms=interval_ms,
        http_url=HTTP_URL,
    )
    return found_institution(directory, founding, clock, dice).log_id


@asynccontextmanager
async def open_bench(
    directory: Path,
    log_id: LogId,
    clock: Clock,
    dice: Draw,
    pause: Callable[[str], None] | None = None,
    *,
    held: str = "",
    wrap: Callable[[Database], Database] = lambda database: database,
    http_url: str = HTTP_URL,
    networks: Callable[[], Sequence[LogId]] = tuple,
) -> AsyncIterator[Bench]:
    """Open what was founded, run it, and close it in order.

    Args:
        held: why nothing may be signed at first.
        wrap: may put a faulty database before the real one.
        networks: those it belongs to.
    """
    store = LedgerStore.open(directory / LEDGER_DIRECTORY)
    keystore = open_keystore(directory / KEYS_DIRECTORY)
    log = store.log(log_id)
    assert log is not None
    sequencer = Sequencer(log, keystore.newest(KeyRole.LOG), find_key=keystore.find, pause=pause)
    sequencer.start()
    if held:
        sequencer.hold(held)
    database = wrap(open_database(place_in(directory), encode_log_id(log_id)))
    desk = RegistrarDesk(
        DeskParts(
            database=database,
            ledger=store,
            sequencer=sequencer,
            keystore=keystore,
            log_id=log_id,
            networks=networks,
            http_url=http_url,
            clock=clock,
            draw=dice,
            directory=directory,
            contexts=open_library(directory),
            status_files=StatusFiles(directory / "status"),
        )
    )
    await desk.start()
    try:
        yield Bench(directory, desk, log, keystore, clock, sequencer)
    finally:
        await sequencer.close()
        database.close()
        store.close()


@asynccontextmanager
async def fresh_bench(
    tmp_path: Path, *, interval_ms: int = 0, seed: str = "test", http_url: str = HTTP_URL
) -> AsyncIterator[Bench]:
    clock, dice = Clock(), Dice(seed)
    directory = tmp_path / f"school-{seed}"
    log_id = found(directory, clock, dice, interval_ms)
    async with open_bench(directory, log_id, clock, dice, http_url=http_url) as bench:
        await bench.desk.publish(achievement_json())
        yield bench
