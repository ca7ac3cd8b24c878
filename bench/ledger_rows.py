"""Writing and replaying a log: durable issue in signed batches, and the audit of what was written."""

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ledger.log import statements
from ledger.log.body import describe_body, encode_body
from ledger.log.charter import Role
from ledger.log.entry import encode_entry, parse_entry, sign_statement
from ledger.log.follow import judge_growth
from ledger.log.records import Issue
from ledger.log.state import found_state
from node.sequencer import Sequencer, SignedStatement
from node.store.ledgerstore import LedgerStore
from tests.simulator import SimulatedLog

BATCH = 256
WAITING_BATCHES = 64
PACKAGE = 256
"""Entries judged and stored in one step, as replication and audit do."""


@dataclass(slots=True)
class Written:
    """A log as bytes: entries, bodies, and the note over all of them."""

    entries: list[bytes]
    bodies: list[bytes | None]
    note: bytes


def issue_durably(items: int) -> float:
    """Items per second: sign, build the tree, write to LevelDB, sync; batches of 256, 64 of them waiting at a time."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_issue(Path(folder), items))


async def _issue(folder: Path, items: int) -> float:
    school = SimulatedLog("school", batch=BATCH)
    store = LedgerStore.open(folder / "ledger")
    try:
        assert school.note is not None
        log = store.create(judge_growth(None, school.entries, school.bodies, school.note))
        sequencer = Sequencer(log, school.log_signer)
        sequencer.start()
        batches = [[os.urandom(32) for _ in range(BATCH)] for _ in range(items // BATCH)]
        started = time.perf_counter()
        for start in range(0, len(batches), WAITING_BATCHES):
            waiting = batches[start : start + WAITING_BATCHES]
            await asyncio.gather(*(sequencer.append([_sign(school, batch)]) for batch in waiting))
        elapsed = time.perf_counter() - started
        await sequencer.close()
        return items / elapsed
    finally:
        store.close()


def _sign(school: SimulatedLog, items: list[bytes]) -> SignedStatement:
    statement = Issue(at=0, id=os.urandom(16), log=school.log_id, reference=describe_body("issue", items))
    data = statements.encode(statement)
    return SignedStatement(data, sign_statement(data, [school.role_signers[Role.OPERATE]]), tuple(items))


def write_log(entries: int, batch: int) -> Written:
    """Write a log in memory with so many `issue` entries of `batch` items."""
    school = SimulatedLog("school", batch=batch)
    state, raws, bodies = school.state, list(school.entries), list(school.bodies)
    key = school.role_signers[Role.OPERATE]
    for _ in range(entries):
        items = [os.urandom(32) for _ in range(batch)]
        statement = Issue(at=0, id=os.urandom(16), log=school.log_id, reference=describe_body("issue", items))
        data = statements.encode(statement)
        raw = encode_entry(state.size, state.last_leaf, data, sign_statement(data, [key]))
        body = encode_body("issue", items)
        state.apply(parse_entry(raw), body)
        raws.append(raw)
        bodies.append(body)
    return Written(raws, bodies, school.sign())


def replay(written: Written) -> float:
    """Seconds to check a whole log from its bytes: form, links, signatures, bodies, tree, checkpoint."""
    started = time.perf_counter()
    state = found_state(parse_entry(written.entries[0]))
    judge_growth(state, written.entries[1:], written.bodies[1:], written.note, in_place=True)
    return time.perf_counter() - started
