"""Finding our own commitments on the ledger, and what it says about what we hold.

A node must not learn which entry interests us: for every issuer we fetch the bodies of *all* its batches since our
oldest waiting copy was minted, whole and to the end, also when everything has been found on the way. No commitment,
slot or certificate number is ever sent. Each body is checked against its entry in the local replica before it is
searched.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.credential.commitment import COMMITMENT_BYTES, commit
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.errors import CairnError, MalformedError
from ledger.log import body as bodies
from ledger.log import merkle
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from ledger.log.receipt import Receipt, encode_receipt, parse_receipt
from ledger.log.records import Issue
from ledger.log.view import LogView
from node.client.http import LedgerHTTP
from wallet_cli import remembered
from wallet_cli.acceptance import confirm_issuer
from wallet_cli.held import HeldLedger, open_held, read_held
from wallet_cli.holdings import FORMER, Contents, Copy
from wallet_cli.reading import read_credential
from wallet_cli.terminal import escape

Place = tuple[str, int]
"""Id of a holding, and the position of a copy in it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A copy without a receipt: its place, the log that will hold it, from which index on, and its commitment."""

    place: Place
    log: LogId
    search_from: int
    commitment: bytes


def find_waiting(contents: Contents, held: HeldLedger) -> tuple[Waiting, ...]:
    """Return the copies that wait for their receipt and whose issuer's log is known.

    A copy taken in without a ledger at hand is looked up by its issuer, from the log's beginning.
    """
    found = []
    for holding in contents.holdings:
        for position, copy in enumerate(holding.copies):
            # A former one that never went to the ledger never will.
            is_waiting = copy.receipt is None and copy.mark != FORMER
            log = _log_of(copy, held) if is_waiting else None
            if log is not None:
                commitment = commit(copy.sd_jwt.partition("~")[0])
                found.append(Waiting((holding.id, position), log, copy.search_from, commitment))
    return tuple(found)


async def find_receipts(waiting: Sequence[Waiting], held: HeldLedger) -> dict[Place, Receipt]:
    """Search the batches for waiting commitments and build receipts; bodies that are not held are fetched.

    Raises:
        CairnError: no node delivered a body that was needed; the last node's error.
    """
    receipts: dict[Place, Receipt] = {}
    for log_id in dict.fromkeys(one.log for one in waiting):
        log = held.log(log_id)
        if log is not None:
            ours = [one for one in waiting if one.log == log_id]
            receipts |= await _search_log(log_id, log, ours, held)
    return receipts


def with_receipts(contents: Contents, receipts: Mapping[Place, Receipt]) -> Contents:
    """Put receipts into a vault's content."""
    for (holding_id, position), receipt in receipts.items():
        copy = contents.holding(holding_id).copies[position]
        found = replace(copy, receipt=dict(encode_receipt(receipt)), log=encode_log_id(receipt.log), expected_at=None)
        contents = contents.with_copy(holding_id, position, found)
    return contents


def confirm_unchecked(contents: Contents, held: HeldLedger, tell: Callable[[str], None]) -> Contents:
    """Check the issuer's signature of copies that were kept before a ledger was held and stand on it now."""
    for holding in contents.holdings:
        for position, copy in enumerate(holding.copies):
            log = held.log(parse_log_id(copy.log)) if copy.log else None
            if copy.checked or copy.receipt is None or log is None:
                continue
            try:
                confirm_issuer(read_credential(copy.sd_jwt), log, parse_receipt(copy.receipt).index)
            except CairnError as error:
                tell(f"{holding.id}: {escape(str(error))}")
            else:
                contents = contents.with_copy(holding.id, position, replace(copy, checked=True))
    return contents


def search_body(data: bytes, wanted: Mapping[bytes, Place]) -> Iterator[tuple[Place, int]]:
    """Yield the place and the position in the body of every wanted commitment that a body of a batch holds."""
    for commitment, place in wanted.items():
        start = data.find(commitment)
        # A match across two items is no match: look on from there.
        while start != -1 and start % COMMITMENT_BYTES:
            start = data.find(commitment, start + 1)
        if start != -1:
            yield place, start // COMMITMENT_BYTES


async def _search_log(
    log_id: LogId, log: LogView, waiting: Sequence[Waiting], held: HeldLedger
) -> dict[Place, Receipt]:
    wanted = {one.commitment: one.place for one in waiting}
    receipts: dict[Place, Receipt] = {}
    indexes = _batches(log, min(one.search_from for one in waiting))
    async for index, data in _bodies(log_id, log, indexes, held):
        for place, position in search_body(data, wanted):
            items = bodies.parse_body("issue", data)
            receipts.setdefault(place, Receipt(log_id, index, position, merkle.prove_item(items, position)))
    return receipts


def _batches(log: LogView, start: int) -> tuple[int, ...]:
    found = []
    for index in range(start, log.state.size):
        entry = parse_entry(log.entry(index))
        if isinstance(entry.statement, Issue) and log.state.void_reason(entry) is None:
            found.append(index)
    return tuple(found)


async def _bodies(
    log_id: LogId, log: LogView, indexes: Sequence[int], held: HeldLedger
) -> AsyncIterator[tuple[int, bytes]]:
    """Yield index and checked body of every batch: from the replica where held, else from one node after another."""
    missing = []
    for index in indexes:
        data = log.body(index)
        if data is None:
            missing.append(index)
        else:
            yield index, data
    if missing and not held.nodes:
        raise MalformedError(
            "no node is known to fetch batches from", hint="name one: cairn sync --trust FILE --node URL"
        )
    failure: CairnError | None = None
    for node in held.nodes if missing else ():
        try:
            async with LedgerHTTP(node, trust=held.trust) as ledger:
                while missing:
                    data = await ledger.body(log_id, missing[0])
                    _check_body(log, missing[0], data)
                    yield missing.pop(0), data
            return
        except CairnError as error:
            failure = error
    if failure is not None:
        raise failure


def _check_body(log: LogView, index: int, data: bytes) -> None:
    statement = parse_entry(log.entry(index)).statement
    if statement.body is None:
        raise MalformedError(f"entry {index} has no body")
    bodies.verify_body(statement.kind, statement.body, data)


def _log_of(copy: Copy, held: HeldLedger) -> LogId | None:
    if copy.log:
        return parse_log_id(copy.log)
    issuer = parse_sd_jwt(copy.sd_jwt).payload.get("iss")
    return held.network.owner_of(issuer) if isinstance(issuer, str) else None


async def sync_held(folder: Path, tell: Callable[[str], None], nodes: Sequence[str] = ()) -> HeldLedger | None:
    """Bring the replica remembered in a folder up to date and open it; where a node fails, go on with what is held.

    A trust root that is remembered without a replica gets one. None where no trust root is remembered or nothing could
    be fetched yet.

    Args:
        folder: see `remembered`.
        tell: prints a remark.
        nodes: addresses to ask instead of those remembered.

    Raises:
        CairnError: what is remembered cannot be read.
    """
    from wallet_cli import places
    from wallet_cli.replica_key import obtain_key
    from wallet_cli.replica_writer import ReplicaWriter
    from wallet_cli.sync import sync_replica

    if remembered.load(folder).trust is None:
        return None
    place = places.find_places(folder, None, None, nodes)
    if not place.nodes:
        tell("no node is known: going on with the ledger as it is held")
        return open_held(folder)
    key = obtain_key(folder)
    try:
        with ReplicaWriter(place.replica, key) as writer:
            report = await sync_replica(writer, place.trust, place.nodes)
        places.remember(place)
    except CairnError as error:
        tell(f"the ledger could not be brought up to date: {escape(str(error))}")
        return open_held(folder)
    for outcome in report.logs:
        for problem in outcome.problems:
            tell(f"{escape(outcome.name)}: {escape(problem)}")
    return read_held(place.trust, place.replica, place.nodes, key)
