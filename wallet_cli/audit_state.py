"""What an auditor keeps between two audits, so that the next one goes on where this one stopped.

    DIR/<log id>     context | length of the header (8 bytes) | header | state of the log as folded so far | MAC

It saves work, and nothing may rest on it but work: it is believed only where its MAC shows that this account wrote it
(`replica_key`), and only while the log held begins with exactly what was folded. A file that is missing, damaged, forged,
or of another version means that the log is replayed from zero.
"""

import hmac
from dataclasses import dataclass
from pathlib import Path

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONObject
from ledger.errors import MalformedError
from ledger.log import snapshot
from ledger.log.audit import Looked
from ledger.log.finding import Finding, Rule, Severity
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from wallet_cli import files
from wallet_cli.refold import Fold

CONTEXT = b"cairn/audit-state/v1\n"
MAX_STATE_BYTES = 1 << 30
_MAX_HEADER_BYTES = 256 << 20
_LENGTH_BYTES = 8
_MAC_BYTES = 32


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of one log from earlier audits: how far it was folded, and what was found about its entries."""

    fold: Fold
    looked: Looked | None


class AuditState:
    """The folder of one auditor; nobody else's content is believed."""

    def __init__(self, folder: Path, key: bytes) -> None:
        """Keep states in `folder`, which is made when the first is kept, under this account's key."""
        self._folder = folder
        self.key = key

    def load(self, log_id: LogId) -> Kept | None:
        """Give what is kept of a log; `None` where there is nothing that could be believed."""
        path = self._folder / encode_log_id(log_id)
        try:
            data = files.read_bounded(path, MAX_STATE_BYTES)
        except (OSError, MalformedError):
            return None
        content, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        if not content.startswith(CONTEXT) or not hmac.compare_digest(mac, self._mac(log_id, content)):
            return None
        start = len(CONTEXT) + _LENGTH_BYTES
        end = start + int.from_bytes(content[len(CONTEXT) : start])
        try:
            return _read(content[start:end], content[end:])
        except MalformedError:
            # Ours, but of another version of cairn.
            return None

    def keep(self, log_id: LogId, kept: Kept) -> None:
        """Write down what is known of a log."""
        if kept.fold.state is None:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        header = canonical.encode(_header(kept))
        content = CONTEXT + len(header).to_bytes(_LENGTH_BYTES) + header + snapshot.encode_state(kept.fold.state)
        files.write_atomically(self._folder / encode_log_id(log_id), content + self._mac(log_id, content))

    def _mac(self, log_id: LogId, content: bytes) -> bytes:
        # The content begins with a context that no replica's head has, so neither can stand for the other.
        mac = hmac.new(self.key, encode_log_id(log_id).encode("ascii") + b"\n", "sha256")
        mac.update(content)
        return mac.digest()


def _header(kept: Kept) -> JSONObject:
    value: JSONObject = {"items": kept.fold.items, "missing": kept.fold.missing}
    if kept.looked is not None:
        value["looked"] = {
            "basis": base64url.encode(kept.looked.basis),
            "findings": [encode_finding(item) for item in kept.looked.findings],
            "last_kind": kept.looked.last_kind,
            "size": kept.looked.size,
        }
    return value


def _read(header: bytes, state: bytes) -> Kept:
    fields = Fields(canonical.parse(header, max_bytes=_MAX_HEADER_BYTES), "audit state")
    fold = Fold(snapshot.parse_state(state), fields.integer("missing"), fields.integer("items"))
    looked = fields.optional_fields("looked")
    fields.finish()
    return Kept(fold, None if looked is None else _read_looked(looked))


def _read_looked(fields: Fields) -> Looked:
    found = tuple(read_finding(Fields(item, "audit state: finding")) for item in fields.array("findings"))
    return Looked(fields.data("basis", 32), fields.integer("size"), fields.text("last_kind"), found)


def encode_finding(finding: Finding) -> JSONObject:
    """Give a finding as ledger JSON."""
    value: JSONObject = {
        "evidence": finding.evidence,
        "log": encode_log_id(finding.log),
        "rule": finding.rule.value,
        "severity": finding.severity.value,
        "text": finding.text,
    }
    if finding.index is not None:
        value["index"] = finding.index
    return value


def read_finding(fields: Fields) -> Finding:
    """Read a finding back.

    Raises:
        MalformedError: it is none.
    """
    try:
        rule, severity = Rule(fields.text("rule")), Severity(fields.text("severity"))
    except ValueError as error:
        raise MalformedError(f"{fields.where}: {error}") from error
    log, index = parse_log_id(fields.text("log")), fields.optional_integer("index")
    return Finding(log, index, severity, fields.text("text"), rule, fields.text("evidence"))
