"""What an entry proves by itself: its signatures under keys that go by their ids, and its body under its root.

None of it depends on what stands before the entry in the log, so it can be checked anywhere and in any order, by other
processes too. What does depend on it stays with `state`: that the log has *named* each key, and all else. A key's id is a
hash of the key, so a signature that was found good under an id is good under the one key the log can mean by it.

Whatever is not found good here is not thereby bad: `state` checks it again and says what is wrong.
"""

from collections.abc import Callable, Mapping

from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.body import verify_body
from ledger.log.entry import Entry, parse_entry
from ledger.log.keys import Algorithm, KeyId, PublicKey, verify_signature
from ledger.log.merkle import HASH_BYTES, LeafHash
from ledger.log.statement import Statement

BODY_MAY_BE_MISSING = ("issue", "status")
"""Kinds whose body no rule of the fold reads; a light replica leaves them out."""
NOT_GOOD = LeafHash(bytes(HASH_BYTES))
"""Stands for an entry that was not found good; no entry has this leaf hash."""

FindKey = Callable[[KeyId], PublicKey | None]


def verify_signatures(entry: Entry, find_key: FindKey) -> None:
    """Check all signatures of an entry (growth rule 3).

    Args:
        entry: the entry.
        find_key: gives a key this log has named, `None` for any other.

    Raises:
        SignatureError: a key was never named, cannot sign entries, or did not sign this one.
    """
    message = entry.signed_bytes
    for signature in entry.signatures:
        key = named_signer(entry, signature.key, find_key)
        if key.algorithm is not Algorithm.ED25519:
            raise SignatureError(f"entry {entry.index}: signed by a {key.algorithm} key; entries need ed25519")
        verify_signature(key, message, signature.signature)


def named_signer(entry: Entry, key_id: KeyId, find_key: FindKey) -> PublicKey:
    """Give the key behind a signature.

    Raises:
        SignatureError: this log never named it.
    """
    key = find_key(key_id)
    if key is None:
        raise SignatureError(f"entry {entry.index}: signed by a key this log never named")
    return key


def open_body(statement: Statement, body: bytes | None) -> tuple[bytes, ...]:
    """Check the body of an entry (growth rule 4) and give its items; none where it has none or is left out.

    Raises:
        MalformedError: a needed one is missing, or one is given where none belongs.
        ProofError: it is not the one the statement gives.
    """
    reference = statement.body
    if reference is None:
        if body:
            raise MalformedError(f"body: a {statement.kind} entry without body reference was given one")
        return ()
    if body is None:
        if statement.kind not in BODY_MAY_BE_MISSING:
            raise MalformedError(f"body: the body of a {statement.kind} entry is missing")
        return ()
    return verify_body(statement.kind, reference, body)


def is_good(entry: Entry, body: bytes | None, keys: Mapping[KeyId, PublicKey]) -> bool:
    """Tell whether all signatures of an entry verify, and the body given is its own.

    Args:
        entry: as parsed.
        body: its encoded body; `None` where it has none or it is not held.
        keys: by id; whether the log names them below this entry is not looked at.
    """
    try:
        verify_signatures(entry, keys.get)
        open_body(entry.statement, body)
    except CairnError:
        return False
    return True


def precheck(data: bytes, body: bytes | None, keys: Mapping[KeyId, PublicKey]) -> LeafHash:
    """Check what an entry proves by itself, for somebody who holds the entry too.

    The answer names the exact bytes it is about: whoever folds compares it with the leaf hash of the entry in hand, so it
    cannot be taken for another entry's, whatever happens to files between the two readings.

    Args:
        data: the entry's bytes.
        body: as for `is_good`.
        keys: as for `is_good`.

    Returns:
        the entry's leaf hash if it is good, else `NOT_GOOD`.
    """
    try:
        entry = parse_entry(data)
    except CairnError:
        return NOT_GOOD
    return entry.leaf_hash if is_good(entry, body, keys) else NOT_GOOD
