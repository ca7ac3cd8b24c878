"""Repairing a ledger store: a new directory is written beside the damaged one, checked, and put in its place.

The damaged directory is renamed and kept, never deleted, so whatever a repair gets wrong can be undone, and a repair that is
killed has changed nothing. Entries lost at the end of a log, which no tree tells the hashes of, are pulled and judged as any
growth is. A store in whose place this node's own log would be shorter than it once was does not take that place.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import CairnError
from ledger.log.identity import LogId
from ledger.log.policy import TrustRoot
from node import durable
from node.client.dial import DialPolicy
from node.client.http import is_loopback
from node.client.ledger import LedgerClient
from node.clock import Clock
from node.config import NodeConfig
from node.directory import Directory
from node.events import HeadEvents
from node.fsck.finding import Finding, Part, Tick
from node.fsck.mend import Mended, mend_store
from node.fsck.rows import MendedRows, Rows
from node.fsck.sources import PeerSources
from node.fsck.storecheck import CheckedStore, check_store, file_findings
from node.keystore import KeyRole, Keystore
from node.peers import Peers
from node.pull import Puller
from node.store.ledgerstore import LedgerStore
from node.store.raw import RawStore, hold_store, view_store

UNBOUNDED_BYTES = 1 << 62
"""No daily quota: what a repair fetches was held once."""
EVERYTHING = (b"", b"\xff" * 64)


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did.

    Attributes:
        before: what was found first.
        after: what is still wrong.
        kept: where the damaged directory is now; None where nothing was changed.
        silent: peers that did not answer, with the reason.
        refusal: why the mended store was not put in place; empty where it was, or nothing was to be done.
    """

    before: list[Finding]
    after: list[Finding]
    kept: Path | None
    silent: dict[str, str]
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairParts:
    """What a repair works with.

    Attributes:
        store: the ledger directory.
        trusts: the node's trust roots.
        keystore: its keys; None where they cannot be read, so that nothing can be signed again.
        addresses: of peers, the best first.
        timeout_seconds: for one answer.
        policy: who may answer, and whether without TLS.
        clock: names the directory that is kept.
        tick: told of the rows checked.
        high_water: how far this computer signed a log, as a file outside the directory says.
    """

    store: Path
    trusts: Sequence[TrustRoot]
    keystore: Keystore | None
    addresses: Callable[[CheckedStore], Sequence[str]]
    timeout_seconds: float
    policy: DialPolicy
    clock: Clock
    tick: Tick
    high_water: Callable[[LogId], int] = lambda log: 0


def dial_policy(config: NodeConfig) -> DialPolicy:
    """Whom to fetch from as `node.toml` has it. Anybody may answer: nothing is taken that does not prove itself."""
    return DialPolicy(
        may_be_plain=lambda host: config.insecure or is_loopback(host), accepts_authorities=config.accept_authorities
    )


def witness_keys(keystore: Keystore | None) -> list[bytes]:
    """Public halves of a node's witness keys, raw."""
    return [] if keystore is None else [key.public.raw for key in keystore.with_role(KeyRole.WITNESS)]


def find_own_log(store: CheckedStore, keystore: Keystore | None) -> LogId | None:
    """Which of the logs this node writes: the one whose log key it has."""
    if keystore is None:
        return None
    for log in store.logs.values():
        if log.state is not None and any(keystore.find(key.id) is not None for _, key in log.state.log_keys):
            return log.log_id
    return None


async def repair_store(parts: RepairParts) -> Repaired:
    """Repair a store that no node has open.

    Raises:
        BusyError: a node runs.
        CairnError: the new directory cannot be written.
    """
    peers = Peers(timeout_seconds=parts.timeout_seconds, policy=parts.policy)
    try:
        with hold_store(parts.store), view_store(parts.store) as view:
            if view.rows is None:
                return Repaired(unreadable(file_findings(view.damage)), unreadable(()), None, {})
            return await _repair(parts, view.rows, file_findings(view.damage), peers)
    finally:
        await peers.close()


def unreadable(files: Iterable[Finding]) -> list[Finding]:
    """What is found where LevelDB gives no row at all."""
    return [
        *files,
        Finding(
            part=Part.LEDGER,
            place="the whole store",
            what="not one row of it can be read",
            means="the node does not start",
            remedy="cairn-node recover DIR --from PEER, which keeps this directory and fetches every log anew",
        ),
    ]


async def _repair(parts: RepairParts, rows: Rows, files: list[Finding], peers: Peers) -> Repaired:
    def check(mended: MendedRows) -> CheckedStore:
        return check_store(mended, parts.trusts, witness_keys(parts.keystore), parts.clock(), parts.tick)

    layer = MendedRows(rows)
    first = await asyncio.to_thread(check, layer)
    before = files + first.all_findings
    own = find_own_log(first, parts.keystore)
    for log in first.logs.values():
        if own is not None and log.log_id == own:
            # The end of our own log may have gone with a journal that left no trace but this.
            log.claimed = max(log.claimed, parts.high_water(own))
    if not before and not any(log.claimed > log.size for log in first.logs.values()):
        return Repaired([], [], None, {})
    sources = PeerSources(parts.addresses(first), peers)
    log_keys = () if parts.keystore is None else parts.keystore.with_role(KeyRole.LOG)
    mended = await mend_store(layer, check, sources, log_keys, first)
    new = parts.store.with_name(f"{parts.store.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    await asyncio.to_thread(_write, layer, new)
    short = _short_logs(mended)
    if short and not any(finding.key in layer.put for finding in mended.after.all_findings):
        await _pull(parts, new, short, sources, peers, mended)
    after = await asyncio.to_thread(_check_new, new, check)
    refusal = _find_shrunk(parts, mended, after)
    if refusal:
        shutil.rmtree(new)
        return Repaired(before, before, None, sources.silent, refusal)
    return Repaired(before, after.all_findings, _swap(parts, new), sources.silent)


def _write(rows: Rows, path: Path) -> None:
    store = RawStore(path, create=True)
    try:
        store.write(rows.scan(*EVERYTHING))
    finally:
        store.close()


def _short_logs(mended: Mended) -> dict[LogId, int]:
    """Logs that lack entries at their end, or all of them, with the number they should have."""
    wanted = {}
    for checked in (mended.before, mended.after):
        for log in checked.logs.values():
            if log.log_id is not None and (log.claimed > log.size or not log.size):
                wanted[log.log_id] = max(log.claimed, 1)
    return wanted


async def _pull(
    parts: RepairParts, new: Path, wanted: dict[LogId, int], sources: PeerSources, peers: Peers, mended: Mended
) -> None:
    """Grow what is short, judged as any growth; what cannot be pulled stays short and is found so afterwards."""
    try:
        store = LedgerStore.open(new)
    except CairnError:
        return
    try:
        own = find_own_log(mended.after, parts.keystore) or next(iter(store.log_ids()), LogId(b""))
        directory = Directory(store, own, parts.trusts)
        puller = Puller(store, HeadEvents(), directory, parts.clock, daily_bytes=UNBOUNDED_BYTES)
        for log, size in wanted.items():
            for address in sources.addresses:
                if puller.held_size(log) < size and address not in sources.silent:
                    try:
                        await _pull_one(puller, peers.client(address), log)
                    except CairnError as error:
                        # Another peer may have it; if none has, the check that follows says what is missing.
                        sources.note(address, error)
    finally:
        store.close()


async def _pull_one(puller: Puller, client: LedgerClient, log: LogId) -> None:
    (head,) = await client.heads([log])
    if head.size > puller.held_size(log):
        await puller.pull(client, head)


def _check_new(path: Path, check: Callable[[MendedRows], CheckedStore]) -> CheckedStore:
    rows = RawStore(path, strict=True)
    try:
        rows.compare_checksums()
        return check(MendedRows(rows))
    finally:
        rows.close()


def _find_shrunk(parts: RepairParts, mended: Mended, after: CheckedStore) -> str:
    """Why the new store must not be used: our own log would be shorter than it was."""
    own = find_own_log(after, parts.keystore) or find_own_log(mended.before, parts.keystore)
    if parts.keystore is not None and own is None and not any(log.findings for log in after.logs.values()):
        return "this node's own log is not in it any more: cairn-node recover DIR --from PEER fetches it"
    sizes = {log.log_id: log.size for log in after.logs.values()}
    for log in mended.before.logs.values():
        if log.log_id is not None and log.log_id == own:
            needed = max(log.size, log.claimed)
            if sizes.get(own, 0) < needed:
                return (
                    f"this node's own log held {needed} entries and only {sizes.get(own, 0)} could be found anywhere: "
                    "a node that went on from there would sign a second history"
                )
    return ""


def _swap(parts: RepairParts, new: Path) -> Path:
    durable.sync_directory(new)
    kept = name_aside(parts.store, parts.clock())
    parts.store.rename(kept)
    new.rename(parts.store)
    durable.sync_directory(parts.store.parent)
    return kept


def name_aside(path: Path, now: int) -> Path:
    """Where a damaged file or directory is kept: beside itself, under a name that is free.

    Args:
        path: of what is damaged.
        now: Unix ms.
    """
    first = path.with_name(f"{path.name}.damaged-{now // 1000}")
    number = 1
    while (kept := first if number == 1 else _numbered(first, number)).exists():
        number += 1
    return kept


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}-{number}")
