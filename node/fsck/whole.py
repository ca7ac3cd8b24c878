"""Checking a whole node: configuration, keys, ledger store and registrar's database, in this order.

Nothing is changed. Each part is compared with those before it; where one cannot be read, what depends on it is a doubt.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger.errors import CairnError, MalformedError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.policy import MAX_TRUST_ROOT_BYTES, TrustRoot, parse_trust_root
from ledger.log.view import LogView
from node.client.exchange import is_host_port
from node.config import NodeConfig
from node.found import KEYS_DIRECTORY
from node.fsck.finding import Finding, Part, Tick, has_damage
from node.fsck.heldlog import HeldRows
from node.fsck.keycheck import check_key_files, check_keys_match
from node.fsck.repair import find_own_log, unreadable, witness_keys
from node.fsck.rows import Rows
from node.fsck.signed import states_of
from node.fsck.storecheck import CheckedStore, check_store, count_entries, file_findings
from node.highwater import HighWater
from node.home import Home
from node.keystore import Keystore, open_keystore
from node.registrar.database import find_place
from node.registrar.examine import examine
from node.store.raw import hold_store, view_store
from node.trust import FILE_PATTERN

Progress = Callable[[int, int], None]
"""Told how much of the work is done, of how much: rows, read and folded."""


@dataclass(slots=True)
class Report:
    """What a check of a node found.

    Attributes:
        findings: damage and doubts, part by part.
        log: of this node; None where it cannot be told.
        logs: how many are held.
        entries: of all logs together.
        copies: of credentials in the registrar's database.
    """

    findings: list[Finding] = field(default_factory=list)
    log: LogId | None = None
    logs: int = 0
    entries: int = 0
    copies: int = 0

    @property
    def is_damaged(self) -> bool:
        """Whether there is damage."""
        return has_damage(self.findings)

    def count(self, part: Part) -> int:
        """How many findings there are about one part."""
        return sum(finding.part is part for finding in self.findings)


def check_node(home: Home, state_home: Path, now: int, progress: Progress) -> Report:
    """Check everything of a node that is stopped.

    Args:
        home: its directory.
        state_home: where the high-water file stands, see `node.highwater`.
        now: Unix ms.
        progress: told how far the ledger store is.

    Raises:
        BusyError: the node runs.
    """
    report = Report()
    trusts, bad = read_trust_roots(home)
    report.findings += bad
    keys = home.directory / KEYS_DIRECTORY
    report.findings += check_key_files(keys)
    keystore = open_keystore_or_none(keys)
    if not home.ledger.is_dir():
        report.findings += unreadable(())
        _check_database(home, report, None, keystore)
        return report
    with hold_store(home.ledger), view_store(home.ledger) as view:
        report.findings += file_findings(view.damage)
        if view.rows is None:
            report.findings += unreadable(())
            _check_database(home, report, None, keystore)
            return report
        tick = counted(progress, 2 * count_entries(view.rows))
        store = check_store(view.rows, trusts, witness_keys(keystore), now, tick)
        report.findings += store.all_findings
        report.logs, report.entries = len(store.logs), sum(log.size for log in store.logs.values())
        own = _find_own(store, keystore, view.rows)
        report.log = find_own_log(store, keystore)
        if keystore is not None:
            report.findings += _check_own(store, keystore, own, state_home)
        _check_database(home, report, own, keystore)
    return report


def read_trust_roots(home: Home) -> tuple[list[TrustRoot], list[Finding]]:
    """The node's trust roots, each read by itself, and what is wrong with those that cannot be."""
    paths = sorted(home.networks.glob(FILE_PATTERN)) + [home.directory / name for name in home.config.networks]
    trusts: list[TrustRoot] = []
    findings: list[Finding] = []
    for path in dict.fromkeys(path.resolve() for path in paths):
        try:
            with path.open("rb") as file:
                trusts.append(parse_trust_root(file.read(MAX_TRUST_ROOT_BYTES + 1)))
        except (CairnError, OSError) as error:
            what = str(error) if isinstance(error, CairnError) else (error.strerror or "cannot be read").lower()
            findings.append(
                Finding(
                    part=Part.CONFIGURATION,
                    place=str(path),
                    what=what.removeprefix(f"{path}: "),
                    means="the network it is about is not followed",
                    remedy="get the network's trust root again (cairn-node trust export) and put it there",
                )
            )
    return trusts, findings


def open_keystore_or_none(directory: Path) -> Keystore | None:
    """A node's keys; None where not all of them can be read."""
    try:
        return open_keystore(directory)
    except (CairnError, OSError):
        return None


def peer_addresses(
    store: CheckedStore, config: NodeConfig, trusts: Iterable[TrustRoot], own: LogId | None, named: Sequence[str] = ()
) -> tuple[str, ...]:
    """Whom to ask for lost rows: those the operator names now, else the peers of `node.toml` and every member's node."""
    if named:
        return tuple(named)
    found = [*config.peers]
    for trust in trusts:
        found += trust.grpc
    mine = {config.grpc_address}
    for state in states_of(store.logs):
        if state.log_id == own:
            mine.add(state.grpc)
        found.append(state.grpc)
        standings = (state.members.standing_of(log) for log in state.members.records if log != own)
        found += [standing.grpc for standing in standings if standing is not None]
    return tuple(dict.fromkeys(address for address in found if is_host_port(address) and address not in mine))


def known_high_water(state_home: Path, log: LogId) -> int:
    """How far this computer signed a log, as the file outside the directory says; 0 where it says nothing."""
    try:
        return HighWater(state_home, log).size or 0
    except MalformedError:
        return 0


def _find_own(store: CheckedStore, keystore: Keystore | None, rows: Rows) -> LogView | None:
    own = find_own_log(store, keystore)
    for log in store.logs.values():
        if log.state is not None and log.log_id == own:
            return HeldRows(rows, log, log.state)
    return None


def _check_own(store: CheckedStore, keystore: Keystore, own: LogView | None, state_home: Path) -> list[Finding]:
    if own is None:
        if any(log.findings for log in store.logs.values()):
            return []
        means = "the node has nothing to go on with, and does not start"
        remedy = "put the right keys back from the key backup, or cairn-node recover DIR --from PEER fetches the log"
        what = "none of the logs in the ledger store is written with these keys"
        return [Finding(part=Part.KEYS, place="keys/log.key", what=what, means=means, remedy=remedy)]
    networks = [state for state in states_of(store.logs) if state.is_network]
    return check_keys_match(keystore, own, networks) + _check_high_water(own, state_home)


def _check_high_water(own: LogView, state_home: Path) -> list[Finding]:
    """The one witness outside the directory: entries lost at the end of our own log leave no other trace."""
    log, size = encode_log_id(own.state.log_id), own.state.size
    try:
        known = HighWater(state_home, own.state.log_id)
    except MalformedError as error:
        remedy = "remove it once the node holds its whole log (cairn-node status DIR), it is written anew"
        means = "the node does not start"
        return [Finding(part=Part.CONFIGURATION, place="high-water file", what=str(error), means=means, remedy=remedy)]
    if known.size is None or known.size <= size:
        return []
    return [
        Finding(
            part=Part.LEDGER,
            place=f"log {log}, entries {size} to {known.size - 1}",
            what=f"{known.size} entries were signed on this computer, {size} are held",
            means="the store is an older copy, or its last entries were lost; the node does not sign on from here",
            remedy="cairn-node run DIR takes them back from the witnesses by itself; without any, restore the newest backup",
            log=own.state.log_id,
            index=size,
        )
    ]


def counted(progress: Progress, total: int) -> Tick:
    """Turn steps into how far the work is."""
    done = 0

    def tick(steps: int) -> None:
        nonlocal done
        done += steps
        progress(done, max(done, total))

    return tick


def _check_database(home: Home, report: Report, own: LogView | None, keystore: Keystore | None) -> None:
    place = find_place(home.directory, home.config.registrar_database)
    log = "" if own is None else encode_log_id(own.state.log_id)
    list_root = None if keystore is None else keystore.list_root
    inherited_roots = None if keystore is None else keystore.inherited_roots
    examined = examine(place, own, log, list_root, inherited_roots)
    report.findings += examined.findings
    report.copies = examined.copies
