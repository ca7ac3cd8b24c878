"""Fork evidence: one origin, two histories, in a form that convinces anybody who has the log key.

Two signed notes of equal size with different roots, or two notes of any sizes and, at one index below both, inclusion proofs
of two different leaf hashes. Where it is known, the largest common tree with consistency proofs to both notes tells where
the fork begins. Nothing in it needs to be believed: `verify_fork` checks every part.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONObject, JSONValue
from ledger.errors import CairnError, MalformedError, ProofError, SignatureError, at_place
from ledger.log.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from ledger.log.merkle import LeafHash, Proof, RootHash, verify_consistency, verify_inclusion
from ledger.log.note import Note, VerifierKey, parse_note

MAX_EVIDENCE_BYTES = 256 * 1024
MAX_PROOF = 64


@dataclass(frozen=True, slots=True)
class Split:
    """At `index` each note's tree holds another leaf."""

    index: int
    first_leaf: LeafHash
    first_proof: Proof
    second_leaf: LeafHash
    second_proof: Proof


@dataclass(frozen=True, slots=True)
class Common:
    """The tree of `size` entries with this root is a prefix of both; the proofs lead from it to each note."""

    size: int
    root: RootHash
    first_proof: Proof
    second_proof: Proof


@dataclass(frozen=True, slots=True)
class ForkEvidence:
    """Two notes of one log that cannot both be true, and where they part."""

    first: bytes
    second: bytes
    split: Split | None = None
    common: Common | None = None


@dataclass(frozen=True, slots=True)
class VerifiedFork:
    """What checked evidence proves.

    Attributes:
        first, second: what the two notes say.
        split: the branches part at this index or below.
        common: entries both branches share, where that is proven; `None` where the evidence does not say.
    """

    first: Checkpoint
    second: Checkpoint
    split: int
    common: int | None


@dataclass(frozen=True, slots=True)
class ProvenForks:
    """What pieces of evidence about one log prove together.

    Attributes:
        forks: one for each two checkpoints that contradict each other.
        notes: every note shown over each of these checkpoints; they may carry other cosignatures.
    """

    forks: tuple[VerifiedFork, ...]
    notes: Mapping[Checkpoint, Sequence[bytes]]


def encode_fork(evidence: ForkEvidence) -> bytes:
    """Give the canonical bytes of fork evidence."""
    value: JSONObject = {
        "first": base64url.encode(evidence.first),
        "second": base64url.encode(evidence.second),
        "v": 1,
    }
    if evidence.split is not None:
        split = evidence.split
        value["split"] = {
            "first_leaf": base64url.encode(split.first_leaf),
            "first_proof": _encode_proof(split.first_proof),
            "index": split.index,
            "second_leaf": base64url.encode(split.second_leaf),
            "second_proof": _encode_proof(split.second_proof),
        }
    if evidence.common is not None:
        common = evidence.common
        value["common"] = {
            "first_proof": _encode_proof(common.first_proof),
            "root": base64url.encode(common.root),
            "second_proof": _encode_proof(common.second_proof),
            "size": common.size,
        }
    return canonical.encode(value)


def parse_fork(data: bytes) -> ForkEvidence:
    """Read fork evidence.

    Raises:
        MalformedError: not canonical, or a member is missing, unknown or outside its range.
    """
    fields = Fields(canonical.parse(data, max_bytes=MAX_EVIDENCE_BYTES), "evidence")
    if fields.integer("v") != 1:
        raise MalformedError("evidence: version is not 1; a newer cairn is needed")
    split, common = fields.optional_fields("split"), fields.optional_fields("common")
    evidence = ForkEvidence(
        first=fields.data("first"),
        second=fields.data("second"),
        split=None if split is None else _read_split(split),
        common=None if common is None else _read_common(common),
    )
    fields.finish()
    return evidence


def verify_fork(evidence: ForkEvidence, keys: Sequence[VerifierKey]) -> VerifiedFork:
    """Check that evidence proves a fork of the log that one of the keys signs for.

    In order: (1) both notes are signed by one of the keys; (2) they have equal sizes and different roots, or (3) the split is
    below both sizes, its leaves differ and both proofs hold; (4) the common tree, where given, is below the split and a
    prefix of both.

    Raises:
        MalformedError, SignatureError: (1).
        ProofError: (2), (3) or (4): the notes do not contradict each other, or a proof does not hold.
    """
    first, second = _open(evidence.first, keys), _open(evidence.second, keys)
    if first.origin != second.origin:
        raise ProofError(f"evidence: the notes are of {first.origin} and {second.origin}")
    try:
        return _verify_contradiction(evidence, first, second)
    except ProofError as error:
        heads = f"checkpoints over {first.size} and {second.size} entries"
        raise at_place(error, f"evidence about {first.origin}, {heads}") from error


def _verify_contradiction(evidence: ForkEvidence, first: Checkpoint, second: Checkpoint) -> VerifiedFork:
    if evidence.split is not None:
        _verify_split(evidence.split, first, second)
    elif first == second:
        raise ProofError(f"both have root {base64url.encode(first.root)}: one history contradicts nothing")
    elif first.size != second.size:
        raise ProofError("they may be of one history: nothing shows an entry in which they differ")
    common = evidence.common
    split = first.size - 1 if evidence.split is None else evidence.split.index
    if common is None:
        return VerifiedFork(first, second, split, None)
    if common.size > split:
        raise ProofError(f"the common tree is of {common.size} entries, and they differ in entry {split}")
    for which, note, proof in (("first", first, common.first_proof), ("second", second, common.second_proof)):
        try:
            verify_consistency(common.size, common.root, note.size, note.root, proof)
        except ProofError as error:
            raise at_place(error, f"from the common tree to the {which}") from error
    return VerifiedFork(first, second, split, common.size)


def gather_forks(pieces: Iterable[bytes], keys: Sequence[VerifierKey]) -> ProvenForks:
    """Put all evidence about one log together; pieces that prove no fork of it count for nothing.

    All that proven pieces about the same two checkpoints say is true, so the largest common tree and the lowest split count:
    whoever holds true evidence can cut the one down, and show the other higher up.
    """
    forks: dict[frozenset[Checkpoint], VerifiedFork] = {}
    notes: dict[Checkpoint, list[bytes]] = {}
    for data in pieces:
        try:
            evidence = parse_fork(data)
            found = verify_fork(evidence, keys)
        except CairnError:
            # Anybody may send evidence; what does not prove anything is not evidence.
            continue
        notes.setdefault(found.first, []).append(evidence.first)
        notes.setdefault(found.second, []).append(evidence.second)
        pair = frozenset((found.first, found.second))
        known = forks.get(pair, found)
        common = max(known.common or 0, found.common or 0) or None
        forks[pair] = VerifiedFork(known.first, known.second, min(known.split, found.split), common)
    return ProvenForks(tuple(forks.values()), notes)


def count_signatures(evidence: ForkEvidence) -> int:
    """Give how many signatures both notes have at least: how much stands behind a piece.

    Whoever has a log's key can make contradicting notes without end. Room is therefore given by this number, so that those
    never crowd out the piece that witnesses signed too.
    """
    return min(len(note.signatures) for note in _parsed(evidence))


def strongest_first(pieces: Iterable[bytes]) -> list[bytes]:
    """Put pieces in the order in which to show them to whoever reads only so many; equals keep theirs.

    Args:
        pieces: evidence that was judged when it was kept.
    """

    def strength(piece: bytes) -> tuple[int, int]:
        evidence = parse_fork(piece)
        return count_signatures(evidence), closeness(evidence)

    return sorted(pieces, key=strength, reverse=True)


def has_all_of(known: ForkEvidence, new: ForkEvidence) -> bool:
    """Tell whether `known` says all that `new` does: the same texts, every signature, and as well where the fork begins."""
    if closeness(new) > closeness(known):
        return False
    mine = {(note.text, line) for note in _parsed(known) for line in note.signatures}
    return all((note.text, line) in mine for note in _parsed(new) for line in note.signatures)


def closeness(evidence: ForkEvidence) -> int:
    """How well a piece tells where its fork begins: not, too low, or (2) exactly.

    Whoever cut a piece down must not keep out the one that says it exactly. Steps in between count for nothing, or one
    contradiction could be told in as many pieces as its histories share entries.
    """
    common, split = evidence.common, evidence.split
    if common is None:
        return 0
    parting = read_checkpoint(evidence.first).size - 1 if split is None else split.index
    return 2 if common.size == parting else 1


def _parsed(evidence: ForkEvidence) -> tuple[Note, Note]:
    return parse_note(evidence.first), parse_note(evidence.second)


def _verify_split(split: Split, first: Checkpoint, second: Checkpoint) -> None:
    if split.index >= min(first.size, second.size):
        raise ProofError(f"they are said to differ in entry {split.index}, which is not below both sizes")
    if split.first_leaf == split.second_leaf:
        raise ProofError(f"they are said to differ in entry {split.index}, and both name the same one")
    halves = (
        ("first", first, split.first_leaf, split.first_proof),
        ("second", second, split.second_leaf, split.second_proof),
    )
    for which, note, leaf, proof in halves:
        try:
            verify_inclusion(leaf, split.index, note.size, proof, note.root)
        except ProofError as error:
            raise at_place(error, f"entry {split.index} of the {which}") from error


def _open(note: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    origin = read_checkpoint(note).origin
    for key in keys:
        if key.name == origin:
            try:
                return open_checkpoint(note, key)
            except SignatureError:
                continue
    raise SignatureError(f"evidence: a note of {origin} is not signed by a log key of this log")


def _encode_proof(proof: Proof) -> list[JSONValue]:
    return [base64url.encode(step) for step in proof]


def _read_proof(fields: Fields, name: str) -> Proof:
    return tuple(base64url.decode(step, 32) for step in fields.texts(name, MAX_PROOF))


def _read_split(fields: Fields) -> Split:
    split = Split(
        index=fields.integer("index"),
        first_leaf=LeafHash(fields.data("first_leaf", 32)),
        first_proof=_read_proof(fields, "first_proof"),
        second_leaf=LeafHash(fields.data("second_leaf", 32)),
        second_proof=_read_proof(fields, "second_proof"),
    )
    fields.finish()
    return split


def _read_common(fields: Fields) -> Common:
    common = Common(
        size=fields.integer("size", minimum=1),
        root=RootHash(fields.data("root", 32)),
        first_proof=_read_proof(fields, "first_proof"),
        second_proof=_read_proof(fields, "second_proof"),
    )
    fields.finish()
    return common
