"""Looking into a held log's status pages with the list keys that its institution handed over in a file.

The file is JSON: `{"list_root","log"}` opens all lists of that log for ever; `{"list_keys":[{"key","number"}],"log"}` opens
the named ones only, and is what a school should rather hand over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ledger import canonical
from ledger.canonical import Fields
from ledger.credential.page_content import PageWatch
from ledger.errors import MalformedError
from ledger.log.body import parse_body
from ledger.log.finding import Finding, Rule, Severity
from ledger.log.identity import LOG_ID_LENGTH, LogId
from ledger.log.records import MAX_LIST_NUMBER
from wallet_cli import files
from wallet_cli.progress import Progress
from wallet_cli.replica import ReplicaLog

MAX_KEY_FILE_BYTES = 256 * 1024
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class PageKeys:
    """What opens status pages of one log: list keys by list number, or the root of them all. Never shown."""

    log: LogId
    keys: Mapping[int, bytes] | bytes


def load_page_keys(path: Path) -> PageKeys:
    """Read a file of list keys.

    Raises:
        MalformedError: it is none; nothing of its content is quoted, since that is secret.
        OSError: it cannot be read.
    """
    data = files.read_bounded(path, MAX_KEY_FILE_BYTES)
    try:
        fields = Fields(canonical.parse(data.removesuffix(b"\n"), max_bytes=MAX_KEY_FILE_BYTES), "list keys")
        log, root = LogId(fields.data("log", LOG_ID_LENGTH)), fields.optional_data("list_root", _KEY_BYTES)
        keys = root if root is not None else dict(map(_read_key, fields.array("list_keys")))
        fields.finish()
    except MalformedError:
        raise MalformedError(
            f"{path}: not a file of list keys",
            hint='it holds canonical JSON: {"list_keys":[{"key":"…","number":0}],"log":"…"} or {"list_root":"…","log":"…"}',
        ) from None
    return PageKeys(log, keys)


def _read_key(value: object) -> tuple[int, bytes]:
    fields = Fields(value, "list key")
    key, number = fields.data("key", _KEY_BYTES), fields.integer("number", maximum=MAX_LIST_NUMBER)
    fields.finish()
    return number, key


def audit_pages(view: ReplicaLog, keys: PageKeys, progress: Progress) -> Iterator[Finding]:
    """Yield what is wrong with the content of the pages of a log that count and are held, oldest first."""
    watch = PageWatch(view.state.log_id, keys.keys)
    pages = [record for record in view.state.statuses if not view.state.is_status_void(record)]
    for done, record in enumerate(pages, 1):
        body = view.body(record.index)
        faults = [] if body is None else watch.read(record.lists, parse_body("status", body), record.statement_id)
        for fault in faults:
            text = f"status page: {fault.slots} slots of list {fault.number} {fault.text}"
            evidence = f"entry {record.index}, the lowest of them slot {fault.slot}"
            yield Finding(view.state.log_id, record.index, Severity.BROKEN, text, Rule.PAGE, evidence)
        progress(f"{view.state.name}: pages", done, len(pages))
