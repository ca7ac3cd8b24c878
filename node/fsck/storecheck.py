"""Checking the whole ledger store: its files, its format, which logs it numbers, and every row of each.

Every key of the store is accounted for: a row that no log and no rule explains is named too.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.log.identity import LogId
from ledger.log.policy import TrustRoot
from node.fsck.finding import Finding, Part, Tick, differs, row_finding, stray_finding
from node.fsck.logrows import CheckedLog, check_log
from node.fsck.rows import Rows
from node.fsck.signed import Cosigners, check_signed, find_cosigners, states_of
from node.store import layout
from node.store.raw import FileDamage
from node.store.rowname import RowKind, parse_key


@dataclass(slots=True)
class CheckedStore:
    """A store after the check.

    Attributes:
        logs: by their number in it.
        cosigners: who could have cosigned.
        findings: about files, the version, log numbers and stray rows; those about a log stand with the log.
    """

    logs: dict[int, CheckedLog] = field(default_factory=dict)
    cosigners: Cosigners = field(default_factory=lambda: Cosigners((), frozenset(), (), 0))
    findings: list[Finding] = field(default_factory=list)

    @property
    def all_findings(self) -> list[Finding]:
        """Everything found, the store's own first, then log by log in the order of their keys."""
        logs = [sorted(log.findings, key=lambda finding: finding.key) for _, log in sorted(self.logs.items())]
        return self.findings + [finding for group in logs for finding in group]


def check_store(
    rows: Rows, trusts: Iterable[TrustRoot], witness_keys: Iterable[bytes], now: int, tick: Tick
) -> CheckedStore:
    """Check every row.

    Args:
        rows: of the store.
        trusts: the node's trust roots.
        witness_keys: public halves of its witness keys, raw.
        now: Unix ms.
        tick: told of the rows done.
    """
    store = CheckedStore()
    _check_version(rows, store)
    given = dict(rows.scan(*layout.LOG_NUMBERS))
    ids = {layout.parse_number(value): LogId(key[1:]) for key, value in given.items() if _is_number_row(key, value)}
    for number in sorted(_numbers_in_use(rows, store) | set(ids)):
        store.logs[number] = check_log(rows, number, ids.get(number), tick)
    _check_numbers(rows, store, given)
    store.cosigners = find_cosigners(states_of(store.logs), trusts, witness_keys, now)
    for log in store.logs.values():
        check_signed(rows, log, store.cosigners)
    return store


def count_entries(rows: Rows) -> int:
    """How many entry and body rows there are: the length of the work, roughly."""
    return sum(1 for key in rows.keys(*layout.LOG_ROWS) if key[5:6] == RowKind.ENTRY.value)


def file_findings(damage: Iterable[FileDamage]) -> list[Finding]:
    """What LevelDB says about its files, as findings."""
    return [
        Finding(
            part=Part.LEDGER,
            place=f"file {item.file}",
            what=item.words,
            means="some rows in it cannot be trusted; those that were lost or changed are named below",
            remedy="cairn-node fsck DIR --repair, which writes the store anew and keeps the old directory",
        )
        for item in damage
    ]


def _check_version(rows: Rows, store: CheckedStore) -> None:
    expected = layout.encode_number(layout.FORMAT_VERSION)
    version = rows.get(layout.VERSION_KEY)
    if version != expected:
        store.findings.append(row_finding(layout.VERSION_KEY, RowKind.VERSION, differs(expected, version)))


def _is_number_row(key: bytes, value: bytes) -> bool:
    return parse_key(key) is not None and len(value) == 4


def _numbers_in_use(rows: Rows, store: CheckedStore) -> set[int]:
    """Numbers that rows stand under; unknown keys are told of."""
    found = set()
    for key in rows.keys(b"", b"\xff" * 48):
        name = parse_key(key)
        if name is None:
            if key[:1] != RowKind.LOG_NUMBER.value:
                store.findings.append(stray_finding(key))
        elif name.number >= 0:
            found.add(name.number)
    return found


def _check_numbers(rows: Rows, store: CheckedStore, given: dict[bytes, bytes]) -> None:
    """Every log stands under the number that the row of its id gives, and every such row is of a log."""
    right: dict[bytes, int] = {}
    for number, log in sorted(store.logs.items(), key=lambda item: -item[1].size):
        if log.log_id is None:
            continue
        if right.setdefault(layout.log_number_key(log.log_id), number) != number:
            # The log itself stands elsewhere; what is here was written under a damaged key, or only its number row was.
            store.findings += [stray_finding(key, log.log_id) for key in rows.keys(*log.keys.all_rows())]
            del store.logs[number]
    for key in sorted(given.keys() | right.keys()):
        found = given.get(key)
        expected = layout.encode_log_number(right[key]) if key in right else None
        if expected is None:
            store.findings.append(stray_finding(key))
        elif found != expected:
            log_id = LogId(key[1:])
            what = differs(expected, found)
            store.findings.append(row_finding(key, RowKind.LOG_NUMBER, what, log=log_id, at="log number"))
