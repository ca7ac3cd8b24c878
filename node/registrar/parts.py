"""What the registrar's desk works with: the rest of the node, as far as it needs it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger.credential.jsonld.library import ContextLibrary
from ledger.log.identity import LogId
from ledger.log.view import LedgerView
from node.client.finding import Finding
from node.client.registry import ListenerCertificate
from node.clock import Clock, Draw
from node.keystore import Keystore
from node.observer import SILENT, Observer
from node.registrar.database import Database
from node.sequencer import Sequencer
from node.statusfiles import StatusFiles


async def has_no_witnesses(size: int) -> bool:
    """Stands for witnesses where nobody else is there: every checkpoint counts at once."""
    return True


async def finds_nothing() -> tuple[Finding, ...]:
    """Stands for the rest of the node where there is none."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParts:
    """What a desk works with."""

    database: Database
    ledger: LedgerView
    sequencer: Sequencer
    keystore: Keystore
    log_id: LogId
    networks: Callable[[], Sequence[LogId]]
    """Logs of the networks this node belongs to, its own first if it is one."""
    http_url: str
    """Public URL of this node's HTTP listener, without slash at the end."""
    clock: Clock
    draw: Draw
    offer_lifetime_days: int = 30
    access_token_minutes: int = 10
    wait_for_head: Callable[[int], Awaitable[bool]] = has_no_witnesses
    """Waits until a checkpoint of at least this size has its quorum; False when it gave up waiting."""
    newest_head: Callable[[LogId], bytes | None] | None = None
    """Finds the newest head of a log; by default its newest note."""
    findings: Callable[[], Awaitable[Sequence[Finding]]] = finds_nothing
    """What the node has to tell its operator."""
    observer: Observer = SILENT
    """Told how long each cut took, and how it ended."""
    directory: Path | None = None
    """The node's directory; None where there is none but the database."""
    state_home: Path | None = None
    """Where this computer remembers what no copy of the directory may bring back (`highwater.state_home`)."""
    retention: tuple[str, ...] = ()
    """Rows of `retention` in node.toml (`learners.schedule`)."""
    certificates: Callable[[], Sequence[ListenerCertificate]] = tuple
    """What the public listeners show."""
    status_files: StatusFiles | None = None
    """Where the plain status lists are kept to be served; None where nobody is served."""
    published_lists: Callable[[str, str], Awaitable[Mapping[int, bytes]]] | None = None
    """Fetches the token form of an institution's plain lists from a URL, by the first characters of its log id; None where
    nobody can be asked."""
    contexts: ContextLibrary = field(default_factory=ContextLibrary)
    """JSON-LD contexts this node holds."""
