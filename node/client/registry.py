"""What registrar commands say to their node and hear from it, as plain values.

Personal data stands in these values: they cross the private socket and nothing else, and are never logged. That is why
`repr` leaves out whatever tells about a learner.
"""

from dataclasses import dataclass, field

from ledger.credential.status import Status
from node.client.finding import Finding


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was left out: line of the file (from 1), column (may be empty), reason. Repeats no value."""

    line: int
    column: str
    reason: str

    def describe(self) -> str:
        """One line for people."""
        return f"line {self.line}{f', column {self.column}' if self.column else ''}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """A file of awards for one achievement."""

    data: bytes = field(repr=False)
    """The CSV, exact bytes."""
    achievement: str
    """Id of a published achievement, `ID` (newest version) or `ID/VERSION`."""
    mapping: tuple[tuple[str, str], ...] = ()
    """From column names of the file to ours."""
    ignore: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    """Awards that rows with other content may take the place of."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReport:
    """What became of a file."""

    achievement: str
    version: int
    issued: tuple[str, ...]
    """Ids of the new awards, in file order; after a dry run empty."""
    new: int
    """Awards made, or that would be."""
    replaced: int
    already: int
    problems: tuple[RowProblem, ...]
    ignored: tuple[str, ...]
    waiting: int
    """Copies that wait for cuts now."""
    next_cut: int | None
    """Unix ms; None where cuts are made on command."""
    last_cut: int | None
    """When the last of them will be on the ledger, given the size of a cut."""
    warnings: tuple[str, ...] = ()
    """What verifiers would object to; the awards stand all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardView:
    """One award as the registrar sees it."""

    id: str
    learner_id: str = field(repr=False)
    name: str = field(repr=False)
    achievement: str
    version: int
    awarded_on: str = field(repr=False)
    status: Status
    index: int | None
    """Entry that holds the commitment of the registrar's copy; None while it waits for a cut."""
    wallet_copies: int
    is_status_pending: bool
    """Whether the next cut's page will be the first to show the status."""
    replaced_by: str

    def describe(self) -> str:
        """The state in words."""
        place = "waiting for the next cut" if self.index is None else f"on the ledger at index {self.index}"
        if self.status is Status.VALID and not self.is_status_pending:
            return place
        when = "from the next cut on" if self.is_status_pending else "on the ledger"
        word = "valid again" if self.status is Status.VALID else self.status.name.lower()
        return f"{place}; {word} {when}"


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """What a decision changed: ids of the awards that changed, and when the ledger will show it (Unix ms)."""

    changed: tuple[str, ...]
    next_cut: int | None


@dataclass(frozen=True, slots=True)
class OfferedLink:
    """A claim link with its second code."""

    learner_id: str = field(repr=False)
    award_ids: tuple[str, ...]
    link: str = field(repr=False)
    tx_code: str = field(repr=False)
    expires_at: int
    """Unix ms."""


@dataclass(frozen=True, slots=True)
class OfferAnswer:
    """Claim links, a printable sheet without the second codes, and a file with them."""

    links: tuple[OfferedLink, ...]
    sheet: str = field(repr=False)
    """HTML, one page for each learner."""
    codes: str = field(repr=False)
    """CSV."""


@dataclass(frozen=True, slots=True)
class CutAnswer:
    """A cut on the ledger: its three indexes, the copies that went with it, and those that still wait."""

    indexes: tuple[int, ...]
    copies: int
    waiting: int
    is_head: bool
    """Whether the checkpoint above it has its quorum already."""


@dataclass(frozen=True, slots=True)
class PublishAnswer:
    """A document on the ledger."""

    index: int
    id: str
    version: int
    type: str
    achievement: "PublishAnswer | None" = None
    """The achievement published with a requirement set, if that was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerCertificate:
    """What a public listener of the node shows."""

    listener: str
    """"http" or "grpc"."""
    file: str
    is_self_made: bool
    names: tuple[str, ...]
    """Host names and IP addresses it is good for."""
    not_before: int
    not_after: int
    """Unix ms, both."""
    fingerprint: str
    """SHA-256, hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """How the node and its registrar's side stand. For the operator alone."""

    log: str
    """Text of the log id."""
    name: str
    origin: str
    size: int
    issuer: str
    """Issuer id of new credentials."""
    is_waiting_for: str
    """Why nothing is signed now; empty when all is well."""
    awards: int
    waiting_copies: int
    pending_decisions: int
    outbox: int
    """Signed statements that have not reached the log."""
    open_offers: int
    last_cut: int | None
    next_cut: int | None
    findings: tuple[Finding, ...]
    """What is wrong or worth knowing, the most pressing first."""
    certificates: tuple[ListenerCertificate, ...] = ()
    """One for each public listener that speaks TLS."""
