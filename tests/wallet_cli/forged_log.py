"""A long log whose writer signs whatever it likes: every file fits its checkpoint, one entry breaks a rule."""

from collections.abc import Callable
from pathlib import Path

from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import NO_PREVIOUS, Entry, Signature, encode_entry, parse_entry
from ledger.log.follow import Growth
from ledger.log.identity import encode_log_id
from ledger.log.merkle import Frontier
from tests.simulator import SimulatedLog
from wallet_cli.replica_writer import ReplicaWriter

Forge = Callable[[Entry, bytes | None], tuple[bytes, tuple[Signature, ...], bytes | None]]
"""Gives statement bytes, signatures and body in the place of those of one entry."""


def long_log(name: str = "granite", cuts: int = 180) -> SimulatedLog:
    """A log of more entries than are checked without handing them to other processes."""
    log = SimulatedLog(name)
    for _ in range(cuts):
        log.cut()
    return log


def write_forged(log: SimulatedLog, folder: Path, index: int, forge: Forge) -> Path:
    """Write the log as a replica in which one entry is forged, and all after it are chained to the forgery."""
    entries: list[Entry] = []
    bodies = list(log.bodies)
    previous = NO_PREVIOUS
    frontier = Frontier()
    for n, raw in enumerate(log.entries):
        entry = parse_entry(raw)
        statement, signatures = entry.statement_bytes, entry.signatures
        if n == index:
            statement, signatures, bodies[n] = forge(entry, bodies[n])
        entry = parse_entry(encode_entry(n, previous, statement, signatures))
        previous = entry.leaf_hash
        frontier.append(entry.leaf_hash)
        entries.append(entry)
    checkpoint = Checkpoint(log.state.charter.origin, len(entries), frontier.root())
    note = sign_checkpoint(checkpoint, log.log_signer)
    growth = Growth(0, log.state, tuple(entries), tuple(bodies), checkpoint, note)
    with ReplicaWriter(folder) as writer:
        writer.commit(growth, note, {})
    for n, body in enumerate(bodies):
        if body is not None:
            # Not through the writer, which syncs every file.
            (folder / encode_log_id(log.log_id) / "body" / str(n)).write_bytes(body)
    return folder
