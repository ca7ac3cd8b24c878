"""What a peer may send: a good log, and the same log bent in every way that must be refused."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import encode_entry, parse_entry, sign_statement
from ledger.log.follow import Growth, judge_growth
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.state import LogState
from tests.ledger.log.samples import amend, fresh_key, rotate
from tests.simulator import SimulatedLog, seeded

HELD = 4
"""Entries the follower holds: the charter and the first cut."""


@dataclass(frozen=True)
class Offer:
    """What a peer sends."""

    entries: tuple[bytes, ...]
    bodies: tuple[bytes | None, ...]
    note: bytes

    def judge(self, state: LogState | None) -> Growth:
        return judge_growth(state, self.entries, self.bodies, self.note)


def school() -> SimulatedLog:
    log = SimulatedLog("granite")
    log.cut()
    return log


def held() -> LogState:
    return offer_of(school(), 0).judge(None).state


def offer_of(log: SimulatedLog, start: int = HELD) -> Offer:
    return Offer(tuple(log.entries[start:]), tuple(log.bodies[start:]), log.note or b"")


def grown() -> SimulatedLog:
    """The same log, two cuts further, with a page, a document and a governance entry."""
    log = school()
    log.publish("lantern")
    log.cut([seeded("copy")])
    amend(log, name="New")
    log.cut()
    return log


def note_over(log: SimulatedLog, size: int, root: RootHash, key: SigningKey | None = None, origin: str = "") -> bytes:
    return sign_checkpoint(Checkpoint(origin or log.state.charter.origin, size, root), key or log.log_signer)


def truncated(log: SimulatedLog) -> Offer:
    """The last entry is missing under the note of the whole."""
    offer = offer_of(log)
    return replace(offer, entries=offer.entries[:-1], bodies=offer.bodies[:-1])


def truncated_below(log: SimulatedLog) -> Offer:
    """An entry in the middle is missing, and the note counts the rest."""
    offer = offer_of(log)
    note = note_over(log, log.size - 1, log.state.frontier.root())
    return Offer(offer.entries[:1] + offer.entries[2:], offer.bodies[:1] + offer.bodies[2:], note)


def reordered(log: SimulatedLog) -> Offer:
    offer = offer_of(log)
    entries, bodies = list(offer.entries), list(offer.bodies)
    entries[1], entries[2], bodies[1], bodies[2] = entries[2], entries[1], bodies[2], bodies[1]
    return Offer(tuple(entries), tuple(bodies), offer.note)


def renumbered(log: SimulatedLog) -> Offer:
    """Reordered and given fitting indexes, so that only the links tell."""
    offer = reordered(log)
    entries = list(offer.entries)
    for place in (1, 2):
        entry = parse_entry(entries[place])
        entries[place] = encode_entry(HELD + place, entry.previous, entry.statement_bytes, entry.signatures)
    return replace(offer, entries=tuple(entries))


def relinked(log: SimulatedLog, change: Callable[[bytes], bytes], at: int = 1) -> Offer:
    """A thief of the log key alone: one statement changed, every later link and the checkpoint made to fit."""
    offer = offer_of(log)
    entries = list(offer.entries)
    state = held()
    for place, raw in enumerate(offer.entries):
        entry = parse_entry(raw)
        data = change(entry.statement_bytes) if place == at else entry.statement_bytes
        entries[place] = encode_entry(HELD + place, state.last_leaf, data, entry.signatures)
        state.last_leaf = parse_entry(entries[place]).leaf_hash
        state.frontier.append(state.last_leaf)
    return Offer(tuple(entries), offer.bodies, note_over(log, log.size, state.frontier.root()))


def re_signed(log: SimulatedLog) -> Offer:
    """The statement of an entry signed again by a key the log never named."""
    offer = offer_of(log)
    entry = parse_entry(offer.entries[-1])
    signatures = sign_statement(entry.statement_bytes, [fresh_key(log)])
    last = encode_entry(entry.index, entry.previous, entry.statement_bytes, signatures)
    state = held()
    for raw in (*offer.entries[:-1], last):
        state.frontier.append(parse_entry(raw).leaf_hash)
    note = note_over(log, log.size, state.frontier.root())
    return Offer((*offer.entries[:-1], last), offer.bodies, note)


def forked(log: SimulatedLog) -> Offer:
    """Another history: the log wrote something else in place of what is held, then went on."""
    other = SimulatedLog("granite")
    other.cut([seeded("other copy")])
    other.cut()
    other.cut()
    return offer_of(other)


def rewound(log: SimulatedLog) -> Offer:
    """The log as it was before: a smaller tree than what is held, honestly signed."""
    young = SimulatedLog("granite")
    return Offer((), (), young.note or b"")


def with_body(log: SimulatedLog, index: int, body: bytes | None) -> Offer:
    offer = offer_of(log)
    bodies = list(offer.bodies)
    bodies[index - HELD] = body
    return replace(offer, bodies=tuple(bodies))


def after_rotation(log: SimulatedLog) -> Offer:
    """The log key was rotated, and the checkpoint is still by the old one."""
    old = log.log_signer
    rotate(log, fresh_key(log, "log"))
    return replace(offer_of(log), note=note_over(log, log.size, log.state.frontier.root(), old))


def before_rotation(log: SimulatedLog) -> Offer:
    """The checkpoint below a rotation is by the key that comes later."""
    size, root = log.size, log.state.frontier.root()
    offer = offer_of(log)
    rotate(log, fresh_key(log, "log"))
    return replace(offer, note=note_over(log, size, root))


def flipped(text: bytes, by: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert text in data
        return data.replace(text, by, 1)

    return change


def flip_note(log: SimulatedLog) -> bytes:
    note = log.note or b""
    place = note.rindex(b" ") + 20
    return note[:place] + (b"A" if note[place : place + 1] != b"A" else b"B") + note[place + 1 :]
