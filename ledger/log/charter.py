"""Charters: who an institution is, which keys speak for it and how it publishes.

Entry 0 of every log is a charter signed by the log key alone; the log id commits to it. Later charters amend name, URL,
gRPC address and batch policy, signed by the root threshold.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from ledger.canonical import Fields, JSONObject, JSONValue
from ledger.duration import DAY_MS
from ledger.errors import MalformedError
from ledger.log.keys import Algorithm, KeyId, PublicKey, check_name, check_origin, parse_public_key
from ledger.log.statement import Header, Statement, require_log

MAX_KEYS = 64
MAX_URL_LENGTH = 500
MINUTES_PER_DAY = 1440
MIN_LIST_SLOTS = 1024
MAX_LIST_SLOTS = 2**20
MAX_BATCH_SIZE = 2**17
MAX_INTERVAL_MS = 400 * DAY_MS
_MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])")
_URL = re.compile(r"https?://[A-Za-z0-9.\-_~:\[\]]+(/[!-~]*)?")


class Institution(StrEnum):
    """The kinds of institution that keep a log."""

    SCHOOL = "school"
    NETWORK = "network"
    COLLEGE = "college"
    EMPLOYER = "employer"
    STATE = "state"
    YOUTH = "youth"


class Role(StrEnum):
    """What a key may do. One key has one role for ever."""

    OPERATE = "operate"
    """Signs `issue`, `status` and `evidence` entries."""
    ISSUE = "issue"
    """Signs credentials other than diplomas; never an entry."""
    REGISTER = "register"
    """Signs diplomas, certificates and degrees; never an entry."""
    DEFINE = "define"
    """Signs `publish` entries."""


@dataclass(frozen=True, slots=True)
class RoleKey:
    """A key with its role."""

    key: PublicKey
    role: Role

    def to_json(self) -> JSONObject:
        """Give it as ledger JSON."""
        return {**self.key.to_json(), "role": self.role.value}


@dataclass(frozen=True, slots=True)
class Roots:
    """The root keys of an institution (for a network: its governors) and how many must sign."""

    keys: tuple[PublicKey, ...]
    threshold: int

    @property
    def ids(self) -> frozenset[KeyId]:
        """The ids of all root keys."""
        return frozenset(key.id for key in self.keys)

    def to_json(self) -> JSONObject:
        """Give it as ledger JSON."""
        return {"keys": [key.to_json() for key in self.keys], "threshold": self.threshold}


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """When an institution cuts and how much one cut holds.

    Attributes:
        interval: milliseconds between cuts; 0 means on command (tests and demonstrations only).
        minute: minute of the day, UTC, at which cuts are made (0 to 1439).
        size: items of one `issue` body, a power of two; what is not a commitment is a decoy.
    """

    interval: int
    minute: int
    size: int

    def to_json(self) -> JSONObject:
        """Give it as ledger JSON."""
        return {"interval": self.interval, "minute": self.minute, "size": self.size}


@dataclass(frozen=True, slots=True)
class ListPolicy:
    """The shape of status lists: `opens` ("MM-DD", each year's opening day) and `slots` (a power of two, at least 1,024)."""

    opens: str
    slots: int

    def to_json(self) -> JSONObject:
        """Give it as ledger JSON."""
        return {"opens": self.opens, "slots": self.slots}


@dataclass(frozen=True, slots=True, kw_only=True)
class Charter(Statement):
    """Entry 0: the institution, its keys and its policies."""

    KIND: ClassVar[str] = "charter"
    origin: str
    name: str
    institution: Institution
    url: str
    grpc: str
    roots: Roots
    log_key: PublicKey
    keys: tuple[RoleKey, ...]
    batch: BatchPolicy
    lists: ListPolicy

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        return {
            "batch": self.batch.to_json(),
            "grpc": self.grpc,
            "institution": self.institution.value,
            "keys": [key.to_json() for key in self.keys],
            "lists": self.lists.to_json(),
            "log_key": self.log_key.to_json(),
            "name": self.name,
            "origin": self.origin,
            "roots": self.roots.to_json(),
            "url": self.url,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterAmendment(Statement):
    """A later charter: new name, URL, gRPC address or batch policy (the last from the second next interval on)."""

    KIND: ClassVar[str] = "charter"
    after: int
    until: int
    name: str | None = None
    url: str | None = None
    grpc: str | None = None
    batch: BatchPolicy | None = None

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        amend: JSONObject = {}
        for name, value in (("name", self.name), ("url", self.url), ("grpc", self.grpc)):
            if value is not None:
                amend[name] = value
        if self.batch is not None:
            amend["batch"] = self.batch.to_json()
        return {"after": self.after, "amend": amend, "until": self.until}


def read_charter(header: Header, fields: Fields) -> Charter | CharterAmendment:
    """Read either form of a charter statement.

    Raises:
        MalformedError: a member is missing, unknown or outside its range.
    """
    if header.log is None:
        return _read_first(header, fields)
    amend = fields.fields("amend")
    name, url = amend.optional_text("name"), amend.optional_text("url", max_length=MAX_URL_LENGTH)
    grpc = amend.optional_text("grpc", max_length=MAX_URL_LENGTH)
    batch = amend.optional_fields("batch")
    amendment = CharterAmendment(
        at=header.at,
        id=header.id,
        log=require_log(header),
        after=fields.integer("after", minimum=-1),
        until=fields.integer("until"),
        name=None if name is None else check_name(name, "charter: name"),
        url=None if url is None else check_url(url, "charter: url"),
        grpc=grpc,
        batch=None if batch is None else _read_batch(batch),
    )
    amend.finish()
    if (name, url, grpc, batch) == (None, None, None, None):
        raise MalformedError("charter: the amendment changes nothing")
    return amendment


def check_url(text: str, where: str) -> str:
    """Give back an absolute http(s) URL of printable ASCII.

    Raises:
        MalformedError: it is something else.
    """
    if len(text) > MAX_URL_LENGTH or not _URL.fullmatch(text):
        raise MalformedError(f"{where}: {text[:80]!r} is not an absolute http or https URL")
    return text


def read_roots(fields: Fields) -> Roots:
    """Read root keys and their threshold.

    Raises:
        MalformedError: no key, a key twice, or a threshold outside 1 to the number of keys.
    """
    keys = tuple(read_signing_key(key, "roots") for key in _some(fields.array("keys"), "roots"))
    roots = Roots(keys, fields.integer("threshold", minimum=1))
    fields.finish()
    if len(roots.ids) != len(keys):
        raise MalformedError("roots: a key stands twice")
    if roots.threshold > len(keys):
        raise MalformedError(f"roots: threshold {roots.threshold} is above the {len(keys)} keys")
    return roots


def read_signing_key(value: JSONValue, where: str) -> PublicKey:
    """Read a root or log key: `{"alg","key"}` of the one algorithm that signs entries and notes.

    Raises:
        MalformedError: of another form or algorithm. A log with such a key could never be written.
    """
    key = parse_public_key(value, where)
    if key.algorithm is not Algorithm.ED25519:
        raise MalformedError(f"{where}: entries and notes are signed with ed25519, not {key.algorithm}")
    return key


def read_role_key(value: JSONValue, where: str) -> RoleKey:
    """Read `{"alg","key","role"}`.

    Raises:
        MalformedError: a member is missing, unknown or has the wrong form.
    """
    fields = Fields(value, where)
    key = parse_public_key({"alg": fields.text("alg"), "key": fields.text("key")}, where)
    role = read_role(fields.text("role"), where)
    fields.finish()
    return RoleKey(key, role)


def read_role(text: str, where: str) -> Role:
    """Read a role's name.

    Raises:
        MalformedError: it is none of the four.
    """
    try:
        return Role(text)
    except ValueError as error:
        raise MalformedError(f"{where}: role {text[:40]!r} is none of operate, issue, register, define") from error


def _read_first(header: Header, fields: Fields) -> Charter:
    try:
        institution = Institution(fields.text("institution"))
    except ValueError as error:
        raise MalformedError("charter: unknown kind of institution") from error
    keys = tuple(read_role_key(value, "charter: keys") for value in _some(fields.array("keys"), "charter: keys"))
    lists = fields.fields("lists")
    charter = Charter(
        at=header.at,
        id=header.id,
        log=None,
        origin=check_origin(fields.text("origin")),
        name=check_name(fields.text("name"), "charter: name"),
        institution=institution,
        url=check_url(fields.text("url", max_length=MAX_URL_LENGTH), "charter: url"),
        grpc=fields.text("grpc", max_length=MAX_URL_LENGTH),
        roots=read_roots(fields.fields("roots")),
        log_key=read_signing_key(fields.object("log_key"), "charter: log_key"),
        keys=keys,
        batch=_read_batch(fields.fields("batch")),
        lists=_read_lists(lists),
    )
    every_id = [charter.log_key.id, *charter.roots.ids, *(item.key.id for item in keys)]
    if len(set(every_id)) != len(every_id):
        raise MalformedError("charter: one key stands in two places; every key has one role")
    return charter


def _read_batch(fields: Fields) -> BatchPolicy:
    batch = BatchPolicy(
        interval=fields.integer("interval", maximum=MAX_INTERVAL_MS),
        minute=fields.integer("minute", maximum=MINUTES_PER_DAY - 1),
        size=fields.integer("size", minimum=1, maximum=MAX_BATCH_SIZE),
    )
    fields.finish()
    if batch.size & (batch.size - 1):
        raise MalformedError(f"batch policy: size {batch.size} is not a power of two")
    return batch


def _read_lists(fields: Fields) -> ListPolicy:
    lists = ListPolicy(
        opens=fields.text("opens"), slots=fields.integer("slots", minimum=MIN_LIST_SLOTS, maximum=MAX_LIST_SLOTS)
    )
    fields.finish()
    if lists.slots & (lists.slots - 1):
        raise MalformedError(f"list policy: {lists.slots} slots is not a power of two")
    if not _MONTH_DAY.fullmatch(lists.opens):
        raise MalformedError(f"list policy: {lists.opens[:10]!r} is not a day MM-DD up to the 28th")
    return lists


def _some(values: list[JSONValue], where: str) -> list[JSONValue]:
    if not 1 <= len(values) <= MAX_KEYS:
        raise MalformedError(f"{where}: {len(values)} keys, expected 1 to {MAX_KEYS}")
    return values
