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
    cosigners: Cosigners = field(default_factory=lambda: Cosigners((), frozenset(), ()))
    findings: list[Finding] = field(default_factory=list)

    @property
    def all_findings(self) -> list[Finding]:
        """Everything found, the store's own first, then log by log in the order of their keys."""
        logs = [sorted(log.findings, key=lambda finding: finding.key) for _, log in sorted(self.logs.items())]
        return self.findings + [finding for group in logs for finding in group]


def check_store(rows: Rows, trusts: Iterable[TrustRoot], witness_keys: Iterable[bytes], tick: Tick) -> CheckedStore:
    """Check every row.

    Args:
        rows: of the store.
        trusts: the node's trust roots.
        witness_keys: public halves of its witness keys, raw.
        tick: told of the rows done.
    """
    store = CheckedStore()
    numbered = _read_numbers(rows, store)
    for number in sorted(_numbers_in_use(rows, store) | set(numbered)):
        store.logs[number] = check_log(rows, number, numbered.get(number), tick)
    store.cosigners = find_cosigners(states_of(store.logs), trusts, witness_keys)
    for log in store.logs.values():
        check_signed(rows, log, store.cosigners)
    _check_numbers(store, numbered)
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


def _read_numbers(rows: Rows, store: CheckedStore) -> dict[int, LogId]:
    expected = layout.encode_number(layout.FORMAT_VERSION)
    version = rows.get(layout.VERSION_KEY)
    if version != expected:
        store.findings.append(row_finding(layout.VERSION_KEY, RowKind.VERSION, differs(expected, version)))
    numbered: dict[int, LogId] = {}
    for key, value in rows.scan(*layout.LOG_NUMBERS):
        if parse_key(key) is None or len(value) != 4 or layout.parse_number(value) in numbered:
            log = LogId(key[1:]) if len(key) == 33 else None
            what = "it gives the number of another log" if len(value) == 4 else f"the row has {len(value)} bytes"
            finding = row_finding(key, RowKind.LOG_NUMBER, what, log=log) if log else stray_finding(key)
            store.findings.append(finding)
            continue
        numbered[layout.parse_number(value)] = LogId(key[1:])
    return numbered


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


def _check_numbers(store: CheckedStore, numbered: dict[int, LogId]) -> None:
    """Every log stands under the number that the row of its id gives."""
    found = {finding.key: finding for finding in store.findings if finding.kind is RowKind.LOG_NUMBER}
    for number, log in store.logs.items():
        given = numbered.get(number)
        if given is not None and given != log.log_id:
            key = layout.log_number_key(given)
            what = "it gives a number under which this log does not stand"
            found.setdefault(key, row_finding(key, RowKind.LOG_NUMBER, what, log=given, at="log number"))
        if log.log_id is not None and given != log.log_id:
            key = layout.log_number_key(log.log_id)
            what = f"the row is missing; the log stands under number {number}"
            found.setdefault(key, row_finding(key, RowKind.LOG_NUMBER, what, log=log.log_id, at="log number"))
    store.findings = [item for item in store.findings if item.kind is not RowKind.LOG_NUMBER] + list(found.values())
