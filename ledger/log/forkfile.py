"""Fork files: fork evidence with what is needed to judge it alone, for a regulator, a court or the next century.

    {"charter","evidence":[…],"format":"cairn/fork-file/v1","keys":[…]}

Ledger JSON and a newline. `charter` is entry 0 of the log, whose hash is the log id: it names the institution, its first log
key and its root keys. `keys` are the entries that replaced log key or root keys since, up to the newest, each signed by the
root keys in force before it. `evidence` are pieces of fork evidence about that log. Nobody needs to be believed, and nothing
else needs to be held; whether the log belongs to a member of some network, a fork file does not say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONObject, JSONValue
from ledger.errors import MalformedError, ProofError, SignatureError
from ledger.log.charter import Roots
from ledger.log.checkpoint import log_verifier_key
from ledger.log.entry import MAX_ENTRY_BYTES, Entry, parse_entry
from ledger.log.evidence import ForkEvidence, VerifiedFork, count_signatures, encode_fork, parse_fork, verify_fork
from ledger.log.governance import ReplaceRoots, RotateLogKey
from ledger.log.identity import LogId
from ledger.log.judge import has_threshold, subject_of
from ledger.log.keys import KeyId, PublicKey, verify_signature
from ledger.log.note import VerifierKey
from ledger.log.state import LogState, found_state
from ledger.log.view import LogView

FORMAT = "cairn/fork-file/v1"
MAX_FORK_FILE_BYTES = 8 * 1024 * 1024
MAX_KEY_ENTRIES = 1_000
MAX_PIECES = 16

_IS_KEY = b'"kind":"key"'


@dataclass(frozen=True, slots=True)
class ForkFile:
    """What stands in the file.

    Attributes:
        charter: exact bytes of entry 0.
        keys: exact bytes of the effective entries that replaced log key or root keys, ascending by index.
        evidence: 1 to 16 pieces.
    """

    charter: bytes
    keys: tuple[bytes, ...]
    evidence: tuple[ForkEvidence, ...]


@dataclass(frozen=True, slots=True)
class AccusedLog:
    """Whose log it is, and every key that could sign checkpoints of it.

    Attributes:
        log: hash of the charter.
        origin, name: as the charter has them.
        keys: by charter and rotations, oldest first.
    """

    log: LogId
    origin: str
    name: str
    keys: tuple[VerifierKey, ...]


def make_fork_file(view: LogView, pieces: Sequence[bytes]) -> ForkFile:
    """Put evidence about a held log into a file.

    Args:
        view: of the log.
        pieces: evidence about it that was verified; no more than a file holds are taken, those that more signatures stand
            behind and that tell where the fork begins first.
    """
    chosen = sorted((parse_fork(piece) for piece in pieces), key=_weight, reverse=True)[:MAX_PIECES]
    return ForkFile(view.entry(0), tuple(_find_keys(view)), tuple(chosen))


def encode_fork_file(file: ForkFile) -> bytes:
    """Give the bytes of a fork file."""
    evidence: list[JSONValue] = [
        canonical.parse(encode_fork(piece), max_bytes=MAX_FORK_FILE_BYTES) for piece in file.evidence
    ]
    value: JSONObject = {
        "charter": base64url.encode(file.charter),
        "evidence": evidence,
        "format": FORMAT,
        "keys": [base64url.encode(entry) for entry in file.keys],
    }
    return canonical.encode(value) + b"\n"


def parse_fork_file(data: bytes) -> ForkFile:
    """Read a fork file; nothing in it is verified.

    Raises:
        MalformedError: it is none, not canonical, or a member is missing, unknown or outside its range.
    """
    fields = Fields(canonical.parse(data.removesuffix(b"\n"), max_bytes=MAX_FORK_FILE_BYTES), "fork file")
    if fields.text("format") != FORMAT:
        raise MalformedError(f"fork file: its format is not {FORMAT}; a newer cairn is needed")
    file = ForkFile(
        charter=_bounded(fields.data("charter")),
        keys=tuple(_read_entry(text) for text in fields.texts("keys", MAX_KEY_ENTRIES)),
        evidence=tuple(_read_piece(item) for item in fields.array("evidence", MAX_PIECES)),
    )
    fields.finish()
    if not file.evidence:
        raise MalformedError("fork file: holds no evidence")
    return file


def verify_fork_file(file: ForkFile) -> tuple[AccusedLog, tuple[VerifiedFork, ...]]:
    """Check everything in a fork file; gives whose log it is, and what each piece proves.

    1. The charter founds a log: it is an entry 0, signed by the log key that it names.
    2. Each entry of `keys` is of that log, above the one before, names as the last on its subject the one before it, and is
       signed by enough of the root keys in force there (those it puts in force included, where it replaces them).
    3. Each piece of evidence proves a fork under one of these keys (`evidence.verify_fork`).

    Raises:
        MalformedError, RuleError: 1 or 2: something is not the entry it should be.
        SignatureError: 1, 2 or 3.
        ProofError: 2 or 3.
    """
    founded = found_state(parse_entry(file.charter))  # 1
    accused = AccusedLog(founded.log_id, founded.charter.origin, founded.name, _follow_keys(founded, file.keys))  # 2
    return accused, tuple(verify_fork(piece, accused.keys) for piece in file.evidence)  # 3


def _follow_keys(founded: LogState, entries: Sequence[bytes]) -> tuple[VerifierKey, ...]:
    origin, roots = founded.charter.origin, founded.charter.roots
    keys = [log_verifier_key(origin, founded.charter.log_key)]
    latest: dict[str | None, int] = {}
    above = 0
    for raw in entries:
        entry = parse_entry(raw)
        change = entry.statement
        if not isinstance(change, RotateLogKey | ReplaceRoots):
            raise MalformedError(f"fork file: entry {entry.index} replaces neither log key nor root keys")
        if change.log != founded.log_id:
            raise ProofError(f"fork file: entry {entry.index} is of another log")
        subject = subject_of(change)
        if entry.index <= above or change.after != latest.get(subject, -1):
            raise ProofError(f"fork file: entry {entry.index} does not follow on the one before on its subject")
        _check_signed(entry, (roots, change.roots) if isinstance(change, ReplaceRoots) else (roots,))
        above = latest[subject] = entry.index
        if isinstance(change, ReplaceRoots):
            roots = change.roots
        else:
            keys.append(log_verifier_key(origin, change.log_key))
    return tuple(dict.fromkeys(keys))


def _check_signed(entry: Entry, sets: Sequence[Roots]) -> None:
    known: dict[KeyId, PublicKey] = {key.id: key for roots in sets for key in roots.keys}
    signers = frozenset(signature.key for signature in entry.signatures)
    if any(not has_threshold(signers, roots) for roots in sets):
        raise SignatureError(f"fork file: entry {entry.index} is not signed by enough root keys")
    for signature in entry.signatures:
        if signature.key in known:
            verify_signature(known[signature.key], entry.signed_bytes, signature.signature)


def _find_keys(view: LogView) -> list[bytes]:
    last = max(index for index, _ in view.state.log_keys)
    found = []
    for index in range(1, last + 1):
        # Told by its bytes first: canonical text holds this member unescaped, and parsing a long log would take minutes.
        raw = view.entry(index)
        if _IS_KEY in raw and view.state.void.get(index) is None:
            entry = parse_entry(raw)
            found += [raw] if isinstance(entry.statement, RotateLogKey | ReplaceRoots) else []
    return found


def _weight(piece: ForkEvidence) -> tuple[int, bool]:
    return count_signatures(piece), piece.common is not None


def _read_piece(value: JSONValue) -> ForkEvidence:
    if not isinstance(value, dict):
        raise MalformedError("fork file: evidence holds something that is not an object")
    return parse_fork(canonical.encode(value))


def _read_entry(text: str) -> bytes:
    return _bounded(base64url.decode(text))


def _bounded(entry: bytes) -> bytes:
    if len(entry) > MAX_ENTRY_BYTES:
        raise MalformedError(f"fork file: an entry of {len(entry)} bytes, at most {MAX_ENTRY_BYTES}")
    return entry
