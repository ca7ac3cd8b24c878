"""One statement of every kind and op, and ways to append them to a simulated log with something wrong."""

from collections.abc import Iterable
from typing import Any

from ledger import base64url
from ledger.log.body import BodyReference, describe_body, parse_body
from ledger.log.charter import (
    BatchPolicy,
    Charter,
    CharterAmendment,
    Institution,
    ListPolicy,
    Role,
    RoleKey,
    Roots,
)
from ledger.log.checkpoint import witness_verifier_key
from ledger.log.entry import NO_PREVIOUS, Entry, parse_entry
from ledger.log.governance import (
    AddKey,
    Boundary,
    CompromiseKey,
    MemberChange,
    MemberOp,
    ReplaceRoots,
    RetireKey,
    Rights,
    RotateLogKey,
    Standing,
)
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.records import (
    Anchor,
    CloseDocument,
    DocumentName,
    DocumentType,
    EvidenceEntry,
    Issue,
    Publish,
    StatusList,
    StatusUpdate,
    UnknownStatement,
)
from ledger.log.snapshot import encode_state
from ledger.log.statement import Statement
from tests.simulator import NOW, SLOTS, SimulatedLog, seeded

LOG = LogId(seeded("some log"))
HEADER: dict[str, Any] = {"at": NOW, "id": bytes(range(16)), "log": LOG}
KEYS = [SigningKey(seeded("sample", n)) for n in range(6)]
PUBLIC = [key.public for key in KEYS]
BODY = BodyReference(4, RootHash(seeded("root")), 128)
ROOTS = Roots((PUBLIC[0], PUBLIC[1]), 2)
BATCH = BatchPolicy(86_400_000, 90, 256)
STANDING = Standing(
    name="Granite Hollow High",
    origin="granite.example/log",
    log_key=PUBLIC[2],
    rights=Rights(("a1",), ("Diploma",), ("framework",), ("https://granite.example/issuer",)),
    witness=witness_verifier_key("granite.example/witness", PUBLIC[3]),
    grpc="granite.example:8471",
    url="https://granite.example",
)
BOUNDARY = Boundary(LOG, 7, seeded("boundary"))

SAMPLES: dict[str, Statement] = {
    "charter": Charter(
        at=NOW,
        id=bytes(16),
        log=None,
        origin="granite.example/log",
        name="Granite Hollow High",
        institution=Institution.SCHOOL,
        url="https://granite.example",
        grpc="granite.example:8471",
        roots=ROOTS,
        log_key=PUBLIC[2],
        keys=(RoleKey(PUBLIC[3], Role.OPERATE), RoleKey(PUBLIC[4], Role.ISSUE)),
        batch=BATCH,
        lists=ListPolicy("08-01", 16_384),
    ),
    "amendment": CharterAmendment(
        **HEADER, after=-1, until=70, name="New", url="https://new.example", grpc="", batch=BATCH
    ),
    "add": AddKey(**HEADER, after=-1, until=70, key=RoleKey(PUBLIC[5], Role.DEFINE)),
    "retire": RetireKey(**HEADER, after=3, until=70, key=PUBLIC[5].id),
    "compromise": CompromiseKey(**HEADER, after=3, key=PUBLIC[5].id, since=9),
    "rotate": RotateLogKey(**HEADER, after=-1, log_key=PUBLIC[5]),
    "replace": ReplaceRoots(**HEADER, after=-1, roots=ROOTS),
    "admit": MemberChange(
        **HEADER, after=-1, until=70, op=MemberOp.ADMIT, member=LOG, boundary=BOUNDARY, standing=STANDING
    ),
    "suspend": MemberChange(**HEADER, after=4, until=70, op=MemberOp.SUSPEND, member=LOG, boundary=BOUNDARY),
    "succeed": MemberChange(
        **HEADER, after=4, until=70, op=MemberOp.SUCCEED, member=LOG, boundary=BOUNDARY, successor=LogId(seeded("heir"))
    ),
    "issue": Issue(**HEADER, reference=BODY),
    "issue again": Issue(**HEADER, reference=BODY, restates=5),
    "status": StatusUpdate(**HEADER, reference=BODY, lists=(StatusList(0, LOG, 0, 1024), StatusList(1, LOG, 1, 2048))),
    "status again": StatusUpdate(**HEADER, reference=BODY, lists=(StatusList(0, LOG, 0, 1024),), restates=6),
    "publish": Publish(
        **HEADER,
        reference=BodyReference(1, RootHash(seeded("document")), 10),
        name=DocumentName("lantern", 1),
        type=DocumentType.REQUIREMENT_SET,
        media_type="application/json",
    ),
    "close": CloseDocument(**HEADER, name=DocumentName("lantern", 1)),
    "anchor": Anchor(**HEADER, reference=BODY),
    "evidence": EvidenceEntry(**HEADER, reference=BODY),
    "unknown kind": UnknownStatement(**HEADER, kind_name="greeting", reference=None, content={"words": "hello"}),
    "unknown op": UnknownStatement(**HEADER, kind_name="key", reference=None, content={"after": 1, "op": "bless"}),
}


def subject(key: SigningKey) -> str:
    return base64url.encode(key.public.id)


def fresh_key(log: SimulatedLog, name: object = "fresh") -> SigningKey:
    return SigningKey(seeded(log.seed, "further", name))


def roots(log: SimulatedLog, count: int | None = None) -> list[SigningKey]:
    return log.root_signers[: log.state.roots.threshold if count is None else count]


def say(log: SimulatedLog, kind: type[Statement], keys: Iterable[SigningKey], **values: Any) -> Entry:
    """Append a statement without body."""
    return log.append(kind(**{**log.header(), **values}), keys)


def add(log: SimulatedLog, key: SigningKey, keys: Iterable[SigningKey] | None = None, **change: Any) -> Entry:
    values = {"after": log.state.after(subject(key)), "until": log.size + 64, "key": RoleKey(key.public, Role.OPERATE)}
    return say(log, AddKey, roots(log) if keys is None else keys, **{**values, **change})


def amend(log: SimulatedLog, keys: Iterable[SigningKey] | None = None, **change: Any) -> Entry:
    values = {"after": log.state.after("charter"), "until": log.size + 64}
    return say(log, CharterAmendment, roots(log) if keys is None else keys, **{**values, **change})


def rotate(log: SimulatedLog, key: SigningKey, keys: Iterable[SigningKey] | None = None) -> Entry:
    entry = say(
        log, RotateLogKey, roots(log) if keys is None else keys, after=log.state.after("log"), log_key=key.public
    )
    if entry.index not in log.state.void:
        log.log_signer = key
    log.sign()
    return entry


def replace_roots(log: SimulatedLog, new: Roots, keys: Iterable[SigningKey]) -> Entry:
    return say(log, ReplaceRoots, keys, after=log.state.after("roots"), roots=new)


def issue(
    log: SimulatedLog, items: int | None = None, keys: Iterable[SigningKey] | None = None, **change: Any
) -> Entry:
    """A batch of random-looking items."""
    batch = [seeded(log.seed, "item", log.size, n) for n in range(log.state.batch.size if items is None else items)]
    values = {"reference": describe_body("issue", batch)}
    statement = Issue(**{**log.header(), **values, **change})  # type: ignore[arg-type]
    return log.append(statement, [log.role_signers[Role.OPERATE]] if keys is None else keys, batch)


def restate(log: SimulatedLog, index: int, key: SigningKey) -> Entry:
    """Repeat an issue or status entry with its own body, by another key."""
    old = parse_entry(log.entries[index]).statement
    assert isinstance(old, Issue | StatusUpdate)
    values: dict[str, Any] = {**log.header(), "reference": old.reference, "restates": index}
    if isinstance(old, StatusUpdate):
        values["lists"] = old.lists
    body = log.bodies[index]
    assert body is not None
    return log.append(type(old)(**values), [key], parse_body(old.kind, body))


def status(log: SimulatedLog, lists: Iterable[StatusList], items: int | None = None, **change: Any) -> Entry:
    """A page with these lists; `items` overrides how many items the body has."""
    rows = tuple(lists)
    count = sum(row.slots // 1024 for row in rows) if items is None else items
    page = [bytes([n % 256]) * 1024 for n in range(count)]
    values = {"reference": describe_body("status", page), "lists": rows}
    statement = StatusUpdate(**{**log.header(), **values, **change})  # type: ignore[arg-type]
    return log.append(statement, [log.role_signers[Role.OPERATE]], page)


def own_list(log: SimulatedLog, number: int = 0, first: int = 0, slots: int = SLOTS) -> StatusList:
    return StatusList(first, log.log_id, number, slots)


def anchor(log: SimulatedLog, items: Iterable[bytes], keys: Iterable[SigningKey] | None = None) -> Entry:
    notes = list(items)
    statement = Anchor(**log.header(), reference=describe_body("anchor", notes))  # type: ignore[arg-type]
    return log.append(statement, [log.log_signer] if keys is None else keys, notes)


def void(log: SimulatedLog, entry: Entry) -> str | None:
    """Why the newest entry is void; also that it counts for growth and changed nothing else that a rule reads."""
    assert log.state.size == entry.index + 1 == log.size
    assert log.state.last_leaf == entry.leaf_hash
    return log.state.void_reason(entry)


def what_counts(log: SimulatedLog) -> bytes:
    """The state without what every entry changes, void or not."""
    copy = log.state.copy()
    copy.frontier, copy.recent, copy.last_leaf = type(copy.frontier)(), type(copy.recent)(), NO_PREVIOUS
    copy.ids, copy.void, copy.named = {}, {}, {}
    return encode_state(copy)
