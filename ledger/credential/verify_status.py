"""Step 11: what the newest status page that counts says about a credential's slot (DESIGN 4, "Reading status").

The page is one of the log that opened the list; from a succession on, one of its successors that restates the list, and
until there is one the last page below the boundary. In an undecided fork it is the newest page below the fork, and nothing
but valid on the branch held takes that answer back. Final answers (revoked, replaced) stand; valid and suspended count only
if no larger state of that log is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from ledger.credential import status
from ledger.credential.report import Answer, Code, Step, make_step
from ledger.credential.status import Status, StatusReference
from ledger.credential.validity import format_instant
from ledger.credential.verify_token import TokenFindings
from ledger.errors import CairnError, PolicyError, ProofError
from ledger.log.body import verify_body
from ledger.log.effects import StatusRecord
from ledger.log.entry import Entry, parse_entry
from ledger.log.identity import LogId
from ledger.log.merkle import prove_inclusion, verify_inclusion
from ledger.log.network import Network
from ledger.log.records import StatusUpdate
from ledger.log.view import LogView

if TYPE_CHECKING:
    from ledger.credential.stapled import StapledFinding

SYNC = "run `cairn sync` and try again"
MAX_KEPT_ENTRIES = 4096
"""Proven entries that a network keeps: a night of transcripts asks for the same few again and again."""


@dataclass(frozen=True, slots=True)
class Page:
    """The page that decides about a list, and where.

    Attributes:
        log, view: whose page it is.
        record: the page that is read.
        doubted: the newest one above an undecided fork, if any.
        thinned: the page that counts, where it was thinned out and an older one is read (looking back alone).
    """

    log: LogId
    view: LogView
    record: StatusRecord
    doubted: StatusRecord | None
    thinned: StatusRecord | None = None


def check_status(
    network: Network, token: TokenFindings, log: LogId, now: int, stapled: object | None = None
) -> tuple[Step, Code | None]:
    """Answer step 11, with the code that goes with it.

    Args:
        network: the verifier's view.
        token: whose issuer signature is good.
        log: of the receipt, or of the key where there is none; its head is judged in step 7.
        now: Unix ms.
        stapled: what the file brings of a newer page, unread; it counts only as `stapled` says.
    """
    try:
        reference = status.parse_status_claim(token.payload.get("status"))
    except CairnError as error:
        return _unknown(str(error), "ask the issuer")
    if reference is None:
        return _unknown("it names no status list of this ledger", "ask the issuer whether it still stands")
    owner = token.owner
    list_log = LogId(reference.log)
    if list_log != log and (owner is None or list_log not in network.line_of(owner)):
        return _unknown("its status list belongs to another institution", "ask the issuer")
    try:
        page = _find_page(network, reference)
        if page.log != log and not network.is_head_accepted(network.judge_head(page.log)):
            raise PolicyError(f"the head held of {network.name_of(page.log)}, whose page counts, has no quorum")
        value = _read(network, page, page.record, reference)
        doubted = None if page.doubted is None else _read(network, page, page.doubted, reference)
        _check_thinned(network, page, value, reference)
    except CairnError as error:
        return _unknown(str(error), error.hint or SYNC)
    if stapled is not None and value not in (Status.REVOKED, Status.REPLACED):
        # Imported for the files that bring one: it would cost every cold command ten milliseconds.
        from ledger.credential.stapled import read_stapled

        try:
            newer = read_stapled(stapled, network, page.log, page.view, reference, now)
        except CairnError as error:
            # It may be older than what is held, or of nobody we know; then the page held decides, as without it.
            return _tell(network, page, value, doubted, now, f"; the newer status it brings does not count: {error}")
        return _tell_newer(network, page, newer)
    return _tell(network, page, value, doubted, now)


def find_status_change(then: Network, network: Network, reference: StatusReference) -> tuple[LogId, int] | None:
    """Find the entry that made a slot read otherwise than it did: a page, or what voids or restores the one that counts.

    Where pages in between are not held it is the first that is.

    Args:
        then: the network as it was known.
        network: as it is known today.
        reference: the slot.

    Returns:
        The log and the index; `None` where no entry held explains it.
    """
    try:
        page = _find_page(network, reference)
        before = _find_page(then, reference)
        value = _read(then, before, before.record, reference)
        if _read(network, page, page.record, reference) != value:
            return page.log, _first_other(network, page, before, reference, value)
    except CairnError:
        # One of the two cannot be read, which the answers say; a theft or a repair may be the reason.
        pass
    return _find_repair(then, network, reference)


def _first_other(network: Network, page: Page, before: Page, reference: StatusReference, value: Status) -> int:
    """Index of the first page held that reads otherwise, by halving: a slot is not changed back and forth every night."""
    above = before.record.index if before.log == page.log else -1
    pages = [
        record
        for record in _pages(network, page.log, page.view, reference)
        if above < record.index <= page.record.index and not page.view.state.is_status_void(record)
    ]
    low, high = 0, len(pages) - 1
    while low < high:
        middle = (low + high) // 2
        try:
            is_same = _read(network, page, pages[middle], reference) == value
        except CairnError:
            del pages[middle]
            high -= 1
            continue
        low, high = (middle + 1, high) if is_same else (low, middle)
    return pages[high].index


def _find_repair(then: Network, network: Network, reference: StatusReference) -> tuple[LogId, int] | None:
    """The newest compromise or restatement that was not known and concerns a page of this list."""
    for log in reversed(network.line_of(LogId(reference.log))):
        view, earlier = network.ledger.log(log), then.ledger.log(log)
        if view is None or earlier is None:
            continue
        size, pages = earlier.state.size, list(_pages(network, log, view, reference))
        signers, indexes = {page.signer for page in pages}, {page.index for page in pages}
        found = [theft.index for theft in view.state.thefts if theft.index >= size and theft.key in signers]
        repairs = (item for index in indexes for item in view.state.restated.get(index, ()))
        found += [item.index for item in repairs if item.index >= size]
        if found:
            return log, max(found)
    return None


def read_entry(network: Network, log: LogId, view: LogView, index: int) -> Entry:
    """Read one held entry and prove, once per network, that it stands in the held tree.

    Raises:
        MalformedError, ProofError: what is held there is not the entry that was checked: the holder's copy is damaged.
    """
    kept = network.entries.get((log, index))
    if kept is not None:
        return kept
    entry = parse_entry(view.entry(index))
    size = view.state.size
    proof = prove_inclusion(index, size, view.read_hashes)
    verify_inclusion(entry.leaf_hash, index, size, proof, view.state.frontier.root())
    if entry.index != index:
        raise ProofError(f"entry {index}: the replica holds entry {entry.index} there")
    if len(network.entries) < MAX_KEPT_ENTRIES:
        network.entries[log, index] = entry
    return entry


def _find_page(network: Network, reference: StatusReference) -> Page:
    """Find the page that decides: the last successor's that restates the list, else the owner's below the boundary.

    All lists of a log stand on the same pages, so it is found once for all of them.
    """
    kept = network.deciding.get(LogId(reference.log))
    if isinstance(kept, Page):
        return kept
    network.deciding[LogId(reference.log)] = found = _search_page(network, reference)
    return found


def _search_page(network: Network, reference: StatusReference) -> Page:
    list_log = LogId(reference.log)
    for log in reversed(network.line_of(list_log)):
        name = network.name_of(log)
        view = network.ledger.log(log)
        if view is None:
            raise PolicyError(f"the log of {name} is not held here, and its pages may count", hint=SYNC)
        pages = list(_pages(network, log, view, reference))
        fork = network.fork_of(log)
        below = [page for page in pages if fork is None or not fork.is_open or page.index < fork.size]
        # What no quorum confirms yet decides nothing while something confirmed is there.
        confirmed = _confirmed_size(network, log, view)
        held, below = below, [page for page in below if page.index < confirmed] or below
        if pages and not below:
            raise PolicyError(f"{name} has published no status page below the fork of its log", hint="ask the network")
        if not below:
            continue
        if view.state.is_status_void(below[-1]):
            theft = view.state.describe_theft(below[-1].signer)
            detail = (
                f"the newest status page of {name}, entry {below[-1].index}, is void: its key was compromised: {theft}"
            )
            raise PolicyError(detail, hint="ask the issuer to restate its pages, then sync")
        record = network.choose_page(log, view, below)
        doubted = pages[-1] if pages[-1] != held[-1] else None
        return Page(log, view, record, doubted, below[-1] if record != below[-1] else None)
    raise PolicyError(f"{network.name_of(list_log)} has published no status page for this list yet", hint=SYNC)


def _confirmed_size(network: Network, log: LogId, view: LogView) -> int:
    try:
        return network.confirmed_head(log).size
    except CairnError:
        # Step 7 says what is wrong with the head.
        return view.state.size


def _pages(network: Network, log: LogId, view: LogView, reference: StatusReference) -> Iterator[StatusRecord]:
    """Pages of a log that count for a list, oldest first: up to its own end, naming no log it does not succeed."""
    end = network.successor_of(log)
    # A log has a page for every night and names the same few logs on all of them.
    may_restate = cache(partial(network.may_restate, log))
    for record in view.state.statuses:
        if end is not None and record.index >= end[1].size:
            return
        named = {item.log for item in record.lists}
        # Another's list is looked for where it is restated; an own one that is missing shows when it is read.
        is_about = reference.log == log or reference.log in named
        if is_about and all(map(may_restate, named)):
            yield record


def _check_thinned(network: Network, page: Page, value: Status, reference: StatusReference) -> None:
    """Check that the page after the one that was thinned out reads as the one before it: then that one did too.

    Raises:
        ProofError: it reads otherwise, or is not held.
    """
    if page.thinned is None or value in (Status.REVOKED, Status.REPLACED):
        return
    after = network.page_after(page.log, page.thinned.index)
    found = None if after is None else _read(network, replace(page, view=after[0]), after[1], reference)
    if after is None or found is not value:
        told = "and none after it is held"
        if after is not None and found is not None:
            told = f"{found.name.lower()} as of entry {after[1].index}"
        raise ProofError(
            f"the page of entry {page.thinned.index}, which counted, is not held any more; "
            f"{value.name.lower()} as of entry {page.record.index}, {told}",
            hint="ask the issuer, or a node that keeps all pages",
        )


def _read(network: Network, page: Page, record: StatusRecord, reference: StatusReference) -> Status:
    items = _open_page(network, page, record)
    item, offset = status.page_position(record.lists, reference.log, reference.number, reference.slot)
    return status.read_status(items[item][offset], reference.key, record.statement_id)


def _open_page(network: Network, page: Page, record: StatusRecord) -> tuple[bytes, ...]:
    cached = network.pages.get((page.log, record.index))
    if cached is not None:
        return cached
    entry = read_entry(network, page.log, page.view, record.index)
    body = page.view.body(record.index)
    if body is None or not isinstance(entry.statement, StatusUpdate):
        raise ProofError(f"status page {record.index} is not held here", hint=SYNC)
    items = verify_body("status", entry.statement.reference, body)
    network.pages[page.log, record.index] = items
    return items


def _tell(
    network: Network, page: Page, value: Status, doubted: Status | None, now: int, remark: str = ""
) -> tuple[Step, Code | None]:
    known = f"as of entry {page.record.index} of the log of {network.name_of(page.log)}"
    known += (_last_word(network, page) or _silence(network, page, now)) + remark
    if page.thinned is not None:
        known += f"; the page of entry {page.thinned.index}, which counted, is not held any more"
    final = _tell_final(value, known)
    if final is not None:
        return final
    unknown = page.view.state.unknown
    if unknown is not None:
        what = f"{value.name.lower()} {known}, but entry {unknown} of that log is of a kind this version does not know"
        return _unknown(what, "install a newer cairn")
    if doubted not in (None, Status.VALID):
        return _unknown(f"{value.name.lower()} {known}, not so above the fork of that log", "ask the network")
    return _tell_passing(network, page.log, value, known, page.view.state.size)


def _tell_newer(network: Network, page: Page, newer: "StapledFinding") -> tuple[Step, Code | None]:
    """Tell what a stapled status says, above all that is held of the log."""
    when = format_instant(newer.seconds * 1000)
    known = f"as of entry {newer.index} of the log of {network.name_of(page.log)}, which the file brings, by {when}"
    final = _tell_final(newer.status, known)
    if final is not None:
        return final
    unknown = page.view.state.unknown
    if unknown is not None:
        what = f"{newer.status.name.lower()} {known}, but entry {unknown} of that log is of a kind unknown here"
        return _unknown(what, "install a newer cairn")
    return _tell_passing(network, page.log, newer.status, known, newer.size)


def _tell_final(value: Status, known: str) -> tuple[Step, Code | None] | None:
    if value is Status.REVOKED:
        return make_step(11, Answer.NO, f"revoked, {known}", "ask the issuer why"), Code.REVOKED
    if value is Status.REPLACED:
        return make_step(11, Answer.NO, f"replaced by a newer copy, {known}", "ask for that one"), Code.SUPERSEDED
    return None


def _tell_passing(network: Network, log: LogId, value: Status, known: str, size: int) -> tuple[Step, Code | None]:
    """Tell valid and suspended, which count only if no state of that log larger than `size` is known."""
    anchored = network.newest_anchor(log)
    if anchored is not None and anchored.size > size:
        return _unknown(f"{value.name.lower()} {known}, but the network knows {anchored.size} entries of that log")
    if value is Status.SUSPENDED:
        return make_step(11, Answer.NO, f"suspended, {known}", "ask the issuer until when"), Code.SUSPENDED
    return make_step(11, Answer.YES, known), None


def _last_word(network: Network, page: Page) -> str:
    """Say so if the page is the last of a log that ended, so that this status never changes unless a successor's does."""
    end = network.successor_of(page.log)
    if end is None:
        return ""
    return f"; its log has ended, and {network.name_of(end[0])}, which goes on with it, has not taken this list over"


def _silence(network: Network, page: Page, now: int) -> str:
    """Say so if the issuer has been silent for two of its own intervals; that changes no verdict."""
    interval = page.view.state.batch.interval
    try:
        seconds = network.judge_head(page.log).quorum.seconds
    except CairnError:
        return ""
    if not interval or seconds is None or now - seconds * 1000 <= 2 * interval:
        return ""
    return f"; nothing from it since {format_instant(seconds * 1000)}"


def _unknown(detail: str, remedy: str = SYNC) -> tuple[Step, Code | None]:
    return make_step(11, Answer.COULD_NOT_CHECK, detail, remedy), Code.INCOMPLETE
