"""The state of a log as bytes, so that a reader need not fold every entry again.

A snapshot is a cache of the holder's own checked work, bound to the head it was made at; it is never received from anybody.
`parse_state(encode_state(state))` equals `state` in everything a rule reads.
"""

from dataclasses import replace

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONObject, JSONValue
from ledger.errors import MalformedError
from ledger.log import statements
from ledger.log.charter import BatchPolicy, Charter, Role, read_roots
from ledger.log.effects import DocumentRecord, Restatement, StatusRecord, Theft
from ledger.log.governance import MemberChange
from ledger.log.identity import LogId
from ledger.log.keyring import KeyRecord
from ledger.log.keys import KeyId, parse_public_key
from ledger.log.members import AnchoredHead, MemberRecord, Witness, WitnessSet
from ledger.log.merkle import Frontier, LeafHash
from ledger.log.note import parse_verifier_key
from ledger.log.recent import RecentTree
from ledger.log.records import DocumentName, DocumentType, StatusList
from ledger.log.state import LogState

SNAPSHOT_VERSION = 3
MAX_SNAPSHOT_BYTES = 512 * 1024 * 1024
_text = base64url.encode


def encode_state(state: LogState) -> bytes:
    """Give a snapshot's bytes."""
    value: JSONObject = {
        "assigned": [_text(key_id) for key_id in sorted(state.assigned)],
        "batches": [[first, policy.interval, policy.minute, policy.size] for first, policy in state.batches],
        "charter": statements.encode(state.charter).decode(),
        "documents": [_document(record) for record in state.documents.values()],
        "evidence": list(state.evidence),
        "grpc": state.grpc,
        "hashes": [_text(item) for item in state.frontier.hashes],
        "ids": [_text(b"".join(state.ids)), list(state.ids.values())],
        "issues": state.issues,
        "keys": [_key(record) for record in state.keys.records.values()],
        "last_leaf": _text(state.last_leaf),
        "latest": [[subject, index] for subject, index in state.latest.items()],
        "lists": [[_text(log), number, slots] for (log, number), slots in state.lists.items()],
        "log_id": _text(state.log_id),
        "log_keys": [[since, key.to_json()] for since, key in state.log_keys],
        "members": _members(state),
        "name": state.name,
        "named": [key.to_json() for key in state.named.values()],
        "own_anchor": list(state.own_anchor or ()),
        "recent": [
            state.recent.base.size,
            [_text(item) for item in state.recent.base.hashes],
            _text(b"".join(state.recent.leaves)),
        ],
        "restated": [
            [index, item.index, _text(item.signer), _text(item.root)]
            for index, items in state.restated.items()
            for item in items
        ],
        "roots": state.roots.to_json(),
        "size": state.size,
        "statuses": [_status(record) for record in state.statuses],
        "thefts": [[theft.index, _text(theft.key), theft.since] for theft in state.thefts],
        "unknowns": [[index, "" if key is None else _text(key)] for index, key in state.unknowns],
        "urls": list(state.urls),
        "v": SNAPSHOT_VERSION,
        "void": [[index, reason] for index, reason in state.void.items()],
    }
    return canonical.encode(value)


def parse_state(data: bytes) -> LogState:
    """Read a snapshot back.

    Raises:
        MalformedError: damaged, or of another version; fold the entries again.
    """
    value = canonical.parse(data, max_bytes=MAX_SNAPSHOT_BYTES)
    try:
        return _read(value)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise MalformedError("snapshot: damaged; it has to be made again from the entries") from error


def _read(value: JSONObject) -> LogState:
    # Snapshots are our own writing, canonical to the byte; shape errors surface as one MalformedError above.
    raw: dict[str, list] = value  # type: ignore[assignment,type-arg]  # checked by use, see above
    if value["v"] != SNAPSHOT_VERSION:
        raise MalformedError("snapshot: of another version; it has to be made again from the entries")
    charter = statements.parse(str(value["charter"]).encode())
    if not isinstance(charter, Charter):
        raise MalformedError("snapshot: its charter is none")
    state = LogState(LogId(_bytes(value["log_id"])), charter)
    state.name, state.grpc = str(value["name"]), str(value["grpc"])
    state.urls = [str(url) for url in raw["urls"]]
    state.assigned = {KeyId(_bytes(key_id)) for key_id in raw["assigned"]}
    state.frontier = Frontier(_int(value["size"]), [_bytes(item) for item in raw["hashes"]])
    state.last_leaf = LeafHash(_bytes(value["last_leaf"]))
    state.roots = read_roots(Fields(value["roots"], "snapshot: roots"))
    state.log_keys = [(since, parse_public_key(key, "snapshot")) for since, key in raw["log_keys"]]
    state.named = {key.id: key for key in (parse_public_key(item, "snapshot") for item in raw["named"])}
    state.keys.records = {record.key.id: record for record in map(_read_key, raw["keys"])}
    state.batches = [(first, BatchPolicy(*policy)) for first, *policy in raw["batches"]]
    state.issues = _int(value["issues"])
    state.latest = {subject: index for subject, index in raw["latest"]}
    joined, indexes = _bytes(raw["ids"][0]), raw["ids"][1]
    state.ids = {joined[16 * n : 16 * n + 16]: index for n, index in enumerate(indexes)}
    state.void = {index: reason for index, reason in raw["void"]}
    for index, by, signer, root in raw["restated"]:
        state.restated.setdefault(index, []).append(Restatement(by, KeyId(_bytes(signer)), _bytes(root)))
    state.lists = {(LogId(_bytes(log)), number): slots for log, number, slots in raw["lists"]}
    state.statuses = [_read_status(item) for item in raw["statuses"]]
    state.thefts = [Theft(index, KeyId(_bytes(key)), since) for index, key, since in raw["thefts"]]
    state.documents = {record.name: record for record in map(_read_document, raw["documents"])}
    state.evidence = raw["evidence"]
    size, hashes, leaves = raw["recent"]
    joined = _bytes(leaves)
    base = Frontier(size, [_bytes(item) for item in hashes])
    state.recent = RecentTree(base, [LeafHash(joined[n : n + 32]) for n in range(0, len(joined), 32)])
    state.own_anchor = (raw["own_anchor"][0], raw["own_anchor"][1]) if raw["own_anchor"] else None
    state.unknowns = [(index, KeyId(_bytes(key)) if key else None) for index, key in raw["unknowns"]]
    _read_members(state, raw["members"])
    return state


def _bytes(value: object) -> bytes:
    return base64url.decode(str(value))


def _int(value: object) -> int:
    if type(value) is not int:
        raise TypeError("not an integer")
    return value


def _document(record: DocumentRecord) -> list[JSONValue]:
    closed = -1 if record.closed is None else record.closed
    name, closer = record.name, _text(record.closer or b"")
    what: list[JSONValue] = [name.id, name.version, record.type.value, record.media_type]
    return [record.index, _text(record.signer), *what, closed, closer]


def _read_document(item: list) -> DocumentRecord:  # type: ignore[type-arg]  # our own snapshot
    index, signer, id_, version, type_, media_type, closed, closer = item
    published = DocumentRecord(
        index, KeyId(_bytes(signer)), DocumentName(id_, version), DocumentType(type_), media_type
    )
    return published if closed == -1 else replace(published, closed=closed, closer=KeyId(_bytes(closer)))


def _key(record: KeyRecord) -> list[JSONValue]:
    ends = [-1 if end is None else end for end in (record.retired, record.stolen_since)]
    return [record.key.to_json(), record.role.value, record.added, *ends]


def _read_key(item: list) -> KeyRecord:  # type: ignore[type-arg]  # our own snapshot
    key, role, added, retired, stolen = item
    ends = [None if end == -1 else end for end in (retired, stolen)]
    return KeyRecord(parse_public_key(key, "snapshot"), Role(role), added, *ends)


def _status(record: StatusRecord) -> list[JSONValue]:
    lists: list[JSONValue] = [[item.first, _text(item.log), item.number, item.slots] for item in record.lists]
    return [record.index, _text(record.signer), _text(record.statement_id), _text(record.root), lists]


def _read_status(item: list) -> StatusRecord:  # type: ignore[type-arg]  # our own snapshot
    index, signer, statement_id, root, lists = item
    parts = tuple(StatusList(first, LogId(_bytes(log)), number, slots) for first, log, number, slots in lists)
    return StatusRecord(index, KeyId(_bytes(signer)), _bytes(statement_id), parts, _bytes(root))


def _members(state: LogState) -> list[JSONValue]:
    members = state.members
    changes: list[JSONValue] = [
        [record.index, statements.encode(record.change).decode()]
        for records in members.records.values()
        for record in records
    ]
    heads: list[JSONValue] = [
        [_text(log), head.index, head.size, _text(head.root), -1 if head.seconds is None else head.seconds]
        for log, held in members.anchored.items()
        for head in held
    ]
    sets: list[JSONValue] = [
        [item.since, [[_text(witness.log), witness.key.encode()] for witness in item.witnesses]]
        for item in members.witness_sets
    ]
    return [changes, heads, sets]


def _read_members(state: LogState, parts: list) -> None:  # type: ignore[type-arg]  # our own snapshot
    changes, heads, sets = parts
    for index, text in changes:
        change = statements.parse(text.encode())
        if not isinstance(change, MemberChange):
            raise TypeError("not a member change")
        state.members.records.setdefault(change.member, []).append(MemberRecord(index, change))
    for log, index, size, root, seconds in heads:
        head = AnchoredHead(index, size, _bytes(root), None if seconds == -1 else seconds)
        state.members.anchored.setdefault(LogId(_bytes(log)), []).append(head)
    state.members.witness_sets = [
        WitnessSet(since, tuple(Witness(LogId(_bytes(log)), parse_verifier_key(key)) for log, key in witnesses))
        for since, witnesses in sets
    ]
