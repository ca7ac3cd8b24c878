"""Entries: a statement in its place in the log, with its signatures.

An entry is ledger JSON `{"index","previous","signatures":[{"key","sig"}],"statement","v":1}` of at most 65,535 bytes; its
leaf hash is RFC 6962's. What is signed is `STATEMENT_CONTEXT` followed by the statement's bytes exactly as they stand in the
entry: they are cut out of it, never serialised again.
"""

import re
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONValue
from ledger.errors import MalformedError
from ledger.log import statements
from ledger.log.body import MAX_BODY_BYTES, BodyReference
from ledger.log.identity import LogId
from ledger.log.keys import KeyId, SigningKey
from ledger.log.merkle import LeafHash, RootHash, hash_leaf
from ledger.log.records import Anchor, EvidenceEntry, Issue
from ledger.log.statement import Statement

STATEMENT_CONTEXT = b"cairn/statement/v1\n"
"""Stands before a statement in what is signed, so that the signature can mean nothing else."""
MAX_ENTRY_BYTES = 65_535
MAX_SIGNATURES = 64
SIGNATURE_LENGTH = 64
NO_PREVIOUS = LeafHash(bytes(32))
"""What entry 0 names as the entry before it."""
_STATEMENT_MARK = b'],"statement":'
_VERSION_TAIL = b',"v":1}'

# The entries that logs are mostly made of: one signature, and a statement that is a header and a body. Whatever matches is
# in canonical form: members in order, integers without leading zeros and below 2**53, base64url without stray low bits.
_match_plain = re.compile(
    rb'\{"index":%(number)s,"previous":"%(hash)s","signatures":\[\{"key":"%(hash)s","sig":"%(signature)s"\}\],'
    rb'"statement":(\{"at":%(number)s,"body":\{"items":%(number)s,"root":"%(hash)s","size":%(number)s\},'
    rb'"id":"%(id)s","kind":"(anchor|evidence|issue)","log":"%(hash)s"\}),"v":1\}'
    % {
        b"number": rb"(0|[1-9][0-9]{0,14})",
        b"hash": rb"([\w-]{42}[AEIMQUYcgkosw048])",
        b"signature": rb"([\w-]{85}[AQgw])",
        b"id": rb"([\w-]{21}[AQgw])",
    }
).fullmatch
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_PLAIN_KINDS = {b"anchor": Anchor, b"evidence": EvidenceEntry, b"issue": Issue}


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature under a statement: the key's id (32 bytes) and the signature (64 bytes)."""

    key: KeyId
    signature: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as parsed from its exact bytes.

    Attributes:
        index: position in the log, from zero.
        previous: leaf hash of the entry before (32 zero bytes for entry 0).
        signatures: ascending by key id, each key once.
        statement: what is said.
        statement_bytes: the statement exactly as it stands in the entry.
        raw: the entry's exact bytes.
        leaf_hash: the entry's RFC 6962 leaf hash.
    """

    index: int
    previous: LeafHash
    signatures: tuple[Signature, ...]
    statement: Statement
    statement_bytes: bytes = field(repr=False)
    raw: bytes = field(repr=False)
    leaf_hash: LeafHash

    @property
    def signed_bytes(self) -> bytes:
        """What every signature of this entry is over."""
        return STATEMENT_CONTEXT + self.statement_bytes


def parse_entry(data: bytes, leaf_hash: LeafHash | None = None) -> Entry:
    """Read an entry from its exact bytes. Signatures are not verified here; `state` and `follow` do that.

    Args:
        data: the bytes.
        leaf_hash: of these very bytes, from a caller who has just computed it.

    Raises:
        MalformedError: not canonical ledger JSON, too long, a member missing, unknown or out of range, or signatures
            not ascending by key id.
    """
    return _read_plain(data, leaf_hash) or _read_any(data, leaf_hash)


def encode_entry(index: int, previous: LeafHash, statement_bytes: bytes, signatures: Iterable[Signature]) -> bytes:
    """Give the bytes of an entry around a signed statement, which is put in as it is.

    Raises:
        MalformedError: the entry would be longer than 65,535 bytes.
    """
    listed = ",".join(
        f'{{"key":"{base64url.encode(item.key)}","sig":"{base64url.encode(item.signature)}"}}'
        for item in sorted(signatures, key=lambda item: item.key)
    )
    head = f'{{"index":{index},"previous":"{base64url.encode(previous)}","signatures":[{listed}'
    data = head.encode() + _STATEMENT_MARK + statement_bytes + _VERSION_TAIL
    if len(data) > MAX_ENTRY_BYTES:
        raise MalformedError(f"entry: {len(data)} bytes, at most {MAX_ENTRY_BYTES}")
    return data


def sign_statement(statement_bytes: bytes, keys: Iterable[SigningKey]) -> tuple[Signature, ...]:
    """Sign a statement with each key; the result ascends by key id."""
    message = STATEMENT_CONTEXT + statement_bytes
    signatures = (Signature(key.public.id, key.sign(message)) for key in keys)
    return tuple(sorted(signatures, key=lambda item: item.key))


def read_signatures(values: list[JSONValue]) -> tuple[Signature, ...]:
    """Read a list of `{"key","sig"}` that ascends by key id.

    Raises:
        MalformedError: none, too many, wrong lengths, or not ascending.
    """
    if not 1 <= len(values) <= MAX_SIGNATURES:
        raise MalformedError(f"entry: {len(values)} signatures, expected 1 to {MAX_SIGNATURES}")
    signatures = []
    last = b""
    for value in values:
        fields = Fields(value, "entry: signature")
        signature = Signature(KeyId(fields.data("key", 32)), fields.data("sig", SIGNATURE_LENGTH))
        fields.finish()
        if signature.key <= last:
            raise MalformedError("entry: signatures do not ascend by key id")
        last = signature.key
        signatures.append(signature)
    return tuple(signatures)


def _read_plain(data: bytes, leaf_hash: LeafHash | None = None) -> Entry | None:
    """Read an entry of the commonest form four times as fast; `None` where it has another, or anything is doubtful."""
    match = _match_plain(data)
    if match is None:
        return None
    index, previous, key, signature, text, at, items, root, size, statement_id, kind, log = match.groups()
    if int(size) > MAX_BODY_BYTES:
        return None
    # One call for all: each value is filled up with zero bits to whole groups of four characters.
    joined = b"%bA%bA%bA%bA%bAA%b" % (previous, key, root, log, signature, statement_id)
    raw = a2b_base64(joined.translate(_TO_STANDARD) + b"==")
    reference = BodyReference(int(items), RootHash(raw[66:98]), int(size))
    statement = _PLAIN_KINDS[kind](at=int(at), id=raw[198:214], log=LogId(raw[99:131]), reference=reference)
    signatures = (Signature(KeyId(raw[33:65]), raw[132:196]),)
    # By position, which is cheaper than by name: this runs once for every entry that is replayed.
    return Entry(int(index), LeafHash(raw[:32]), signatures, statement, text, data, leaf_hash or hash_leaf(data))


def _read_any(data: bytes, leaf_hash: LeafHash | None = None) -> Entry:
    fields = Fields(canonical.parse(data, max_bytes=MAX_ENTRY_BYTES), "entry")
    if fields.integer("v") != 1:
        raise MalformedError("entry: version is not 1; a newer cairn is needed")
    index, previous = fields.integer("index"), LeafHash(fields.data("previous", 32))
    signatures = read_signatures(fields.array("signatures"))
    statement = statements.read(fields.object("statement"))
    fields.finish()
    # The members of canonical JSON ascend and there are no others, so the statement stands between the signatures
    # (base64url only, which cannot hold the mark) and the version.
    statement_bytes = data[data.index(_STATEMENT_MARK) + len(_STATEMENT_MARK) : -len(_VERSION_TAIL)]
    return Entry(
        index=index,
        previous=previous,
        signatures=signatures,
        statement=statement,
        statement_bytes=statement_bytes,
        raw=data,
        leaf_hash=leaf_hash or hash_leaf(data),
    )
