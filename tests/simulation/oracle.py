"""What the right answer is, from bookkeeping alone: who decided what in which week, and what of it could be known.

Nothing here calls the code under test but for names (`Code`, `Role`, `Status`). What a copy says, where it was put and what
was decided about it is noted when it happens; the answer follows from DESIGN 3, 4 and 6 by looking the notes up. The two
lines of SHA-256 that read a slot are needed for pages that somebody filled with noise.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from ledger.credential.report import Code
from ledger.credential.status import Status
from ledger.log.charter import Role
from ledger.log.identity import LogId

NEVER = 10**6
ORDER = tuple(Code)
"""DESIGN 6 lists the codes in the order in which the first that applies counts, and so does the enumeration."""


class Kind(Enum):
    """Where a copy comes from."""

    HONEST = auto()
    SLIPPED_IN = auto()
    """By a thief of the key that signs credentials, who got it into a batch."""
    HOMELESS = auto()
    """By such a thief, who could not: it carries no receipt."""
    BORROWED_RECEIPT = auto()
    """By such a thief, with the receipt of somebody else's copy."""
    ALTERED = auto()
    UNKNOWN_KEY = auto()
    """By a key that the institution's log never named with effect."""
    STRANGER = auto()
    """By somebody who is not in the network at all."""
    OTHER_BRANCH = auto()
    """Committed on the branch of a fork that did not count in the end."""


@dataclass(eq=False)
class Copy:
    """One signed copy and all that was done to it."""

    number: int
    kind: Kind
    text: str
    issuer: str
    log: LogId
    role: Role
    signer: bytes
    """Id of the key that signed it."""
    list_log: LogId
    list_number: int
    slot: int
    slot_key: bytes
    week: int = NEVER
    """In which it was put on the ledger."""
    index: int | None = None
    receipt: dict[str, object] | None = None
    status: Status = Status.VALID
    """What the registrar has decided, shown or not."""


@dataclass
class Page:
    """One status page of one log, as far as one list goes."""

    week: int
    index: int
    log: LogId
    statement_id: bytes
    data: bytes
    decided: dict[int, Status] | None
    """What the registrar meant by it; `None` for a page that no registrar made."""
    void_from: int = NEVER
    """Week in which a compromise that voids it was announced."""


@dataclass
class Theft:
    """A key was in other hands from an index on, and it was announced in a week."""

    since: int
    week: int


@dataclass
class ForkRecord:
    """Two histories of a log, from `size` on, seen in one week and decided in another."""

    size: int
    week: int
    decided: int = NEVER


@dataclass
class Outage:
    """The rights of a log rest from one index to another, each known from a week on."""

    network: str
    start: int
    week: int
    end: int = NEVER
    end_week: int = NEVER


@dataclass
class Oracle:
    """All notes of one run."""

    copies: list[Copy] = field(default_factory=list)
    pages: dict[tuple[LogId, int], list[Page]] = field(default_factory=dict)
    thefts: dict[bytes, Theft] = field(default_factory=dict)
    forks: dict[LogId, ForkRecord] = field(default_factory=dict)
    outages: dict[LogId, Outage] = field(default_factory=dict)
    void_batches: dict[tuple[LogId, int], tuple[int, int]] = field(default_factory=dict)
    """(week from which a batch counts as void, week from which it is restated)."""
    successors: dict[LogId, LogId] = field(default_factory=dict)

    def answer(self, copy: Copy, week: int, network: str) -> Code:
        """Give the one right code for a copy as of the end of a week, for a verifier who holds all there is."""
        return min(self._codes(copy, week, network), key=ORDER.index, default=Code.VALID)

    def _codes(self, copy: Copy, week: int, network: str) -> Iterator[Code]:
        if copy.kind in (Kind.ALTERED, Kind.UNKNOWN_KEY):
            yield Code.BAD_SIGNATURE
            return
        if copy.kind is Kind.STRANGER:
            yield Code.UNKNOWN_ISSUER
            return
        yield from self._status(copy, week)
        fork = self.forks.get(copy.log)
        is_open = fork is not None and fork.week <= week < fork.decided
        if copy.kind is Kind.HOMELESS:
            yield Code.NO_RECEIPT
            # An open fork anywhere in the log puts what has no place in it in doubt.
            if is_open:
                yield Code.FORKED_LOG
            return
        assert copy.index is not None
        in_doubt = is_open and fork is not None and copy.index >= fork.size
        if in_doubt:
            yield Code.FORKED_LOG
        if copy.kind in (Kind.BORROWED_RECEIPT, Kind.OTHER_BRANCH):
            if not in_doubt:
                yield Code.NOT_ON_LEDGER
            return
        theft = self.thefts.get(copy.signer)
        if theft is not None and theft.week <= week and copy.index >= theft.since:
            yield Code.KEY_COMPROMISED
        void, restated = self.void_batches.get((copy.log, copy.index), (NEVER, NEVER))
        if void <= week < restated:
            yield Code.INCOMPLETE
        outage = self.outages.get(copy.log)
        if outage is not None and outage.network == network and outage.week <= week:
            end = outage.end if outage.end_week <= week else NEVER
            if outage.start <= copy.index < end:
                yield Code.ISSUER_NOT_AUTHORISED

    def _status(self, copy: Copy, week: int) -> Iterator[Code]:
        known = [page for page in self.pages[copy.list_log, copy.list_number] if page.week <= week]
        if not known:
            yield Code.INCOMPLETE
            return
        newest = known[-1]
        fork = self.forks.get(newest.log)
        doubted = None
        if fork is not None and fork.week <= week < fork.decided:
            below = [page for page in known if page.index < fork.size]
            newest, doubted = below[-1], newest if newest.index >= fork.size else None
        if newest.void_from <= week:
            yield Code.INCOMPLETE
            return
        value = read_slot(newest, copy)
        if value is Status.REVOKED:
            yield Code.REVOKED
        elif value is Status.REPLACED:
            yield Code.SUPERSEDED
        elif value is None or (doubted is not None and read_slot(doubted, copy) is not Status.VALID):
            yield Code.INCOMPLETE
        elif value is Status.SUSPENDED:
            yield Code.SUSPENDED


def read_slot(page: Page, copy: Copy) -> Status | None:
    """What a page says about a copy: what the registrar meant, or what noise happens to read as; `None` for nothing."""
    if page.decided is not None and copy.kind in (Kind.HONEST, Kind.SLIPPED_IN, Kind.OTHER_BRANCH):
        return page.decided.get(copy.slot, Status.VALID)
    mask = hashlib.sha256(b"cairn/page/v1\n" + copy.slot_key + page.statement_id).digest()[0]
    value = page.data[copy.slot] ^ mask
    return Status(value) if value <= 3 else None
