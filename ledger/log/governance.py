"""Statements of governance: keys of one institution, members of a network.

All carry `after` (index of the last effective entry on the same subject, -1 for none) so that a signature held back cannot
be used once somebody has moved on, and most carry `until` (the highest index they may take). They are signed by the
threshold of root keys; a network's root keys are its governors.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from ledger import base64url
from ledger.canonical import Fields, JSONObject, JSONValue
from ledger.errors import MalformedError
from ledger.log.charter import MAX_URL_LENGTH, RoleKey, Roots, check_url, read_role_key, read_roots
from ledger.log.identity import LOG_ID_LENGTH, LogId, encode_log_id
from ledger.log.keys import KeyId, PublicKey, check_name, check_origin, parse_public_key
from ledger.log.note import KeyType, VerifierKey, parse_verifier_key
from ledger.log.statement import Header, Statement, require_log

MAX_RIGHTS = 500
"""Ids in one list of rights."""
EVERYTHING = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddKey(Statement):
    """Put a new key in force from the next entry on."""

    KIND: ClassVar[str] = "key"
    after: int
    until: int
    key: RoleKey

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        return {"after": self.after, "key": self.key.to_json(), "op": "add", "until": self.until}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireKey(Statement):
    """Take a key out of force from the next entry on; what it signed before stays good."""

    KIND: ClassVar[str] = "key"
    after: int
    until: int
    key: KeyId

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        return {"after": self.after, "key": base64url.encode(self.key), "op": "retire", "until": self.until}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompromiseKey(Statement):
    """Void what a key signed from index `since` on: somebody else had it."""

    KIND: ClassVar[str] = "key"
    after: int
    key: KeyId
    since: int

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        return {"after": self.after, "key": base64url.encode(self.key), "op": "compromise", "since": self.since}


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateLogKey(Statement):
    """Sign checkpoints with a new log key, from the checkpoint above this entry on."""

    KIND: ClassVar[str] = "key"
    after: int
    log_key: PublicKey

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        return {"after": self.after, "log_key": self.log_key.to_json(), "op": "rotate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceRoots(Statement):
    """Replace root keys and threshold; needs the old threshold under the old set and the new under the new."""

    KIND: ClassVar[str] = "key"
    after: int
    roots: Roots

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        return {"after": self.after, "op": "replace", "roots": self.roots.to_json()}


KEY_OPS = ("add", "retire", "compromise", "rotate", "replace")
"""The ops of a `key` statement that this version knows."""

KeyChange = AddKey | RetireKey | CompromiseKey | RotateLogKey | ReplaceRoots


class MemberOp(StrEnum):
    """What a network says about a member."""

    ADMIT = "admit"
    AMEND = "amend"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    REMOVE = "remove"
    SUCCEED = "succeed"


@dataclass(frozen=True, slots=True)
class Boundary:
    """A point in a member's log: the tree of its first `size` entries has this root."""

    log: LogId
    size: int
    root: bytes

    def to_json(self) -> JSONObject:
        """Give it as ledger JSON."""
        return {"log": encode_log_id(self.log), "root": base64url.encode(self.root), "size": self.size}


@dataclass(frozen=True, slots=True)
class Rights:
    """What a member may do from a boundary on; complete, never a difference. `*` means all.

    Attributes:
        achievements: ids of achievements it may award.
        types: achievement types it may award.
        documents: ids of network documents (frameworks, rules, …) it may publish.
        issuers: issuer ids (URLs) it may use besides the one under the network's host.
    """

    achievements: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()

    def allows(self, achievement: str, achievement_type: str) -> bool:
        """Tell whether an achievement with this id and type may be awarded."""
        return (
            EVERYTHING in self.achievements
            or achievement in self.achievements
            or EVERYTHING in self.types
            or achievement_type in self.types
        )

    def to_json(self) -> JSONObject:
        """Give it as ledger JSON."""
        return {
            "achievements": list(self.achievements),
            "documents": list(self.documents),
            "issuers": list(self.issuers),
            "types": list(self.types),
        }


NO_RIGHTS = Rights()


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's complete entry: who it is, what it may do, how it is reached and by which key it witnesses.

    `grpc` and `url` are hints for replication; nothing is trusted because of them.
    """

    name: str
    origin: str
    log_key: PublicKey
    rights: Rights
    witness: VerifierKey | None
    grpc: str
    url: str

    def to_json(self) -> JSONObject:
        """Give it as ledger JSON."""
        value: JSONObject = {
            "grpc": self.grpc,
            "log_key": self.log_key.to_json(),
            "name": self.name,
            "origin": self.origin,
            "rights": self.rights.to_json(),
            "url": self.url,
        }
        if self.witness is not None:
            value["witness"] = self.witness.encode()
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange(Statement):
    """What a network's governors decide about one member, from a boundary in its log on.

    `standing` is there for admit, amend and reinstate; `successor` (another log's id) for succeed.
    """

    KIND: ClassVar[str] = "member"
    after: int
    until: int
    op: MemberOp
    member: LogId
    boundary: Boundary
    standing: Standing | None = None
    successor: LogId | None = None

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        value: JSONObject = {
            "after": self.after,
            "boundary": self.boundary.to_json(),
            "member": encode_log_id(self.member),
            "op": self.op.value,
            "until": self.until,
        }
        if self.standing is not None:
            value["standing"] = self.standing.to_json()
        if self.successor is not None:
            value["successor"] = encode_log_id(self.successor)
        return value


def read_key_change(header: Header, fields: Fields) -> KeyChange | None:
    """Read a `key` statement; `None` for an op this version does not know.

    Raises:
        MalformedError: a member is missing, unknown or outside its range.
    """
    log, at, id_ = require_log(header), header.at, header.id
    op = fields.text("op", max_length=40)
    if op not in KEY_OPS:
        # Decided before anything else is read: a later version's op may have other members altogether.
        return None
    after = fields.integer("after", minimum=-1)
    match op:
        case "add":
            key = read_role_key(fields.object("key"), "key: key")
            return AddKey(at=at, id=id_, log=log, after=after, until=fields.integer("until"), key=key)
        case "retire":
            retired = KeyId(fields.data("key", 32))
            return RetireKey(at=at, id=id_, log=log, after=after, until=fields.integer("until"), key=retired)
        case "compromise":
            stolen, since = KeyId(fields.data("key", 32)), fields.integer("since")
            return CompromiseKey(at=at, id=id_, log=log, after=after, key=stolen, since=since)
        case "rotate":
            log_key = parse_public_key(fields.object("log_key"), "key: log_key")
            return RotateLogKey(at=at, id=id_, log=log, after=after, log_key=log_key)
        case _:
            return ReplaceRoots(at=at, id=id_, log=log, after=after, roots=read_roots(fields.fields("roots")))


def read_member_change(header: Header, fields: Fields) -> MemberChange | None:
    """Read a `member` statement; `None` for an op this version does not know.

    Raises:
        MalformedError: a member is missing, unknown, superfluous for its op, or outside its range.
    """
    try:
        op = MemberOp(fields.text("op", max_length=40))
    except ValueError:
        return None
    where = fields.fields("boundary")
    boundary = Boundary(
        LogId(where.data("log", LOG_ID_LENGTH)), where.integer("size", minimum=1), where.data("root", 32)
    )
    where.finish()
    standing = fields.optional_fields("standing")
    successor = fields.optional_data("successor", LOG_ID_LENGTH)
    if (standing is not None) != (op in (MemberOp.ADMIT, MemberOp.AMEND, MemberOp.REINSTATE)):
        raise MalformedError(f"member: {op} {'must' if standing is None else 'must not'} carry a standing")
    if (successor is not None) != (op is MemberOp.SUCCEED):
        raise MalformedError(f"member: {op} {'must' if successor is None else 'must not'} name a successor")
    return MemberChange(
        at=header.at,
        id=header.id,
        log=require_log(header),
        after=fields.integer("after", minimum=-1),
        until=fields.integer("until"),
        op=op,
        member=LogId(fields.data("member", LOG_ID_LENGTH)),
        boundary=boundary,
        standing=None if standing is None else read_standing(standing),
        successor=None if successor is None else LogId(successor),
    )


def read_standing(fields: Fields) -> Standing:
    """Read a member's complete entry.

    Raises:
        MalformedError: a member is missing, unknown or outside its range.
    """
    witness_text = fields.optional_text("witness")
    witness = None if witness_text is None else parse_verifier_key(witness_text)
    if witness is not None and witness.type is not KeyType.COSIGNATURE:
        raise MalformedError("member: witness key is not of the cosignature type")
    standing = Standing(
        name=check_name(fields.text("name"), "member: name"),
        origin=check_origin(fields.text("origin")),
        log_key=parse_public_key(fields.object("log_key"), "member: log_key"),
        rights=_read_rights(fields.fields("rights")),
        witness=witness,
        grpc=fields.text("grpc", max_length=MAX_URL_LENGTH),
        url=check_url(fields.text("url", max_length=MAX_URL_LENGTH), "member: url"),
    )
    fields.finish()
    return standing


def _read_rights(fields: Fields) -> Rights:
    def ids(name: str) -> tuple[str, ...]:
        values: list[JSONValue] = fields.array(name)
        if len(values) > MAX_RIGHTS:
            raise MalformedError(f"rights: {name} has {len(values)} ids, at most {MAX_RIGHTS}")
        texts = tuple(value for value in values if isinstance(value, str) and 0 < len(value) <= MAX_URL_LENGTH)
        if len(texts) != len(values) or len(set(texts)) != len(texts):
            raise MalformedError(
                f"rights: {name} must be a list of different texts of 1 to {MAX_URL_LENGTH} characters"
            )
        return texts

    rights = Rights(ids("achievements"), ids("types"), ids("documents"), ids("issuers"))
    fields.finish()
    return rights
