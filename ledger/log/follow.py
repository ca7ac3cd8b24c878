"""The only judge of whether a log may grow from what we hold to what we are offered.

Replication, the wallet's sync and the audit all pass through `judge_growth`. It works on a copy and stores nothing: either
the whole offer is good and comes back as a `Growth` to be committed in one step, or it raises and what was held stands.

An offer is good when (1) its note is over exactly the entries held plus those offered; (2) each entry passes the growth rules
of `state`; (3) the note names this log's origin and is signed by the log key in force after the last entry; (4) its root
is the root of the tree so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger import base64url
from ledger.errors import CairnError, ProofError, RuleError, SignatureError, at_place
from ledger.log.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from ledger.log.entry import Entry, parse_entry
from ledger.log.governance import RotateLogKey
from ledger.log.judge import check_next
from ledger.log.merkle import LeafHash, RootHash
from ledger.log.state import LogState, found_state

_REMEDY = "nothing of this offer was kept; fetch from another node, and tell the institution if its own node serves it"


@dataclass(frozen=True, slots=True)
class Growth:
    """A judged step of one log, to be stored whole or not at all.

    Attributes:
        start: how many entries were held before.
        state: the fold with the new entries.
        entries: the new entries, from index `start` on.
        bodies: beside each entry its encoded body, `None` where it has none or it was left out.
        checkpoint: what the note says.
        note: the signed checkpoint over `state.size` entries, as received.
    """

    start: int
    state: LogState
    entries: tuple[Entry, ...]
    bodies: tuple[bytes | None, ...]
    checkpoint: Checkpoint
    note: bytes


def judge_growth(
    state: LogState | None,
    entries: Sequence[bytes],
    bodies: Sequence[bytes | None],
    note: bytes,
    *,
    in_place: bool = False,
) -> Growth:
    """Judge an offer of further entries.

    Args:
        state: of the entries held; `None` where none is.
        entries: exact bytes, from index `state.size` on.
        bodies: one for each entry; `None` where it has none, or is a batch or page that a light replica leaves out.
        note: a signed checkpoint over all of them.
        in_place: let `state` itself grow, for a caller that throws it away if this raises.

    Raises:
        MalformedError: something does not parse, or a needed body is missing.
        SignatureError: a signature is bad, or by a key the log never named.
        ProofError: a body or the root does not match.
        RuleError: the entries do not follow on what is held.
    """
    if len(entries) != len(bodies):
        raise ValueError("one body (or None) for each entry is needed")
    try:
        return _judge(state, entries, bodies, note, in_place=in_place)
    except CairnError as error:
        # Whoever reads this in a report must be able to find the entry without asking which log was meant.
        raise at_place(error, "log" if state is None else f"log {state.charter.origin}", hint=_REMEDY) from error


def _judge(
    state: LogState | None,
    entries: Sequence[bytes],
    bodies: Sequence[bytes | None],
    note: bytes,
    *,
    in_place: bool,
) -> Growth:
    offered = read_checkpoint(note)
    start = 0 if state is None else state.size
    if offered.size != start + len(entries):
        raise RuleError(f"checkpoint: is over {offered.size} entries, {start} held and {len(entries)} offered")
    parsed = tuple(parse_entry(data) for data in entries)
    grown = state if state is None or in_place else state.copy()
    for entry, body in zip(parsed, bodies, strict=True):
        grown = take_entry(grown, entry, body)
    if grown is None:
        raise RuleError("log: an offer without entry 0")
    try:
        checkpoint = judge_checkpoint(grown, note)
    except SignatureError as error:
        raise SignatureError(f"{error}; {_describe_key(grown, parsed)}") from error
    return Growth(start, grown, parsed, tuple(bodies), checkpoint, note)


def _describe_key(state: LogState, entries: Sequence[Entry]) -> str:
    """Which log key is in force and why no other one: whoever reads the refusal sees what the signer relied on."""
    since, key = state.log_keys[-1]
    void = [
        f"entry {entry.index}, which names another one, is void: {state.void[entry.index]}"
        for entry in entries
        if isinstance(entry.statement, RotateLogKey) and entry.index in state.void
    ]
    return "; ".join([f"key {base64url.encode(key.id)} is in force since entry {since}", *void])


def check_chain(state: LogState | None, entries: Sequence[Entry]) -> None:
    """Check that entries follow on each other and on what is held, before anything else is asked about them.

    Raises:
        RuleError: an entry stands elsewhere, or names another one before it.
    """
    index, previous = (0, LeafHash(bytes(32))) if state is None else (state.size, state.last_leaf)
    for entry in entries:
        try:
            check_next(entry, index, previous)
        except RuleError as error:
            raise at_place(error, "log" if state is None else f"log {state.charter.origin}", hint=_REMEDY) from error
        index, previous = index + 1, entry.leaf_hash


def take_entry(state: LogState | None, entry: Entry, body: bytes | None, *, is_prechecked: bool = False) -> LogState:
    """Judge the next entry of a log that is read piece by piece, and let the state grow by it.

    The same rules as `judge_growth`; the checkpoint over all of it is still to be judged, by `judge_checkpoint`. A state
    for which this raised may be thrown away or kept: it is as it was before the entry.

    Args:
        state: of the entries before; `None` for entry 0. It is changed.
        entry: the next one.
        body: its encoded body, as for `LogState.apply`.
        is_prechecked: as for `LogState.apply`.

    Raises:
        MalformedError, SignatureError, ProofError, RuleError: as `judge_growth`.
    """
    if state is not None:
        state.apply(entry, body, is_prechecked=is_prechecked)
        return state
    if entry.index != 0:
        raise RuleError(f"log: begins with entry {entry.index}")
    return found_state(entry)


def judge_checkpoint(state: LogState, note: bytes, root: RootHash | None = None) -> Checkpoint:
    """Check a signed checkpoint against a held tree.

    Args:
        state: of the log.
        note: over `state.size` entries, or over fewer where `root` is given.
        root: of the held tree at the note's size; `None` for the whole of it.

    Raises:
        MalformedError, SignatureError: the note does not parse, or is not signed by the log key in force there.
        RuleError: another origin, or more entries than are held.
        ProofError: another root.
    """
    offered = read_checkpoint(note)
    if offered.origin != state.charter.origin:
        raise RuleError(f"checkpoint: of {offered.origin}, this log is {state.charter.origin}")
    if offered.size > state.size or (root is None and offered.size != state.size):
        raise RuleError(f"checkpoint: is over {offered.size} entries, {state.size} are held")
    checkpoint = open_checkpoint(note, state.verifier_key_at(offered.size))
    expected = state.frontier.root() if root is None else root
    if checkpoint.root != expected:
        raise ProofError(
            f"checkpoint: root at size {checkpoint.size} is {checkpoint.root.hex()}, held {expected.hex()}"
        )
    return checkpoint
