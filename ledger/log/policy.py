"""Trust roots: the one small file a verifier starts from.

A trust root names a network's log, pins one of its heads with the witnesses in force there, and says how much agreement is
wanted. Everything else (members, rights, keys, later witnesses) follows from logs that lead back to it. The log key and the
node addresses are hints: they help to fetch and are never what is trusted.
"""

from dataclasses import dataclass
from enum import StrEnum

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONObject, JSONValue
from ledger.errors import MalformedError
from ledger.log.charter import MAX_URL_LENGTH, check_url
from ledger.log.identity import LOG_ID_LENGTH, LogId, encode_log_id
from ledger.log.keys import PublicKey, check_name, check_origin, parse_public_key
from ledger.log.members import Witness
from ledger.log.merkle import RootHash
from ledger.log.note import KeyType, parse_verifier_key

MAX_TRUST_ROOT_BYTES = 256 * 1024
MAX_WITNESSES = 1000
MAX_ADDRESSES = 100


class QuorumRule(StrEnum):
    """How many independent witnesses a head needs."""

    MAJORITY = "majority"
    """More than half of those not run by the log's own operator."""
    NONE = "none"
    """The writer's signature is enough; every verdict says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """What a verifier takes as given.

    Attributes:
        network: log id of the network.
        name: its name when this was written, for people.
        origin: of its log.
        log_key: a hint.
        head_size: entries under the pinned head.
        head_root: its root.
        witnesses: in force at the pinned head.
        quorum: what a head needs.
        max_age: bound, in milliseconds, on the age of the freshest network head held.
        http: base URLs of nodes to fetch from; hints.
        grpc: gRPC addresses of nodes to follow; hints.
    """

    network: LogId
    name: str
    origin: str
    log_key: PublicKey
    head_size: int
    head_root: RootHash
    witnesses: tuple[Witness, ...]
    quorum: QuorumRule
    max_age: int
    http: tuple[str, ...] = ()
    grpc: tuple[str, ...] = ()


def encode_trust_root(trust: TrustRoot) -> bytes:
    """Give the canonical bytes of a trust root."""
    witnesses: list[JSONValue] = [
        {"key": witness.key.encode(), "log": encode_log_id(witness.log)} for witness in trust.witnesses
    ]
    value: JSONObject = {
        "head": {"root": base64url.encode(trust.head_root), "size": trust.head_size},
        "log_key": trust.log_key.to_json(),
        "max_age": trust.max_age,
        "name": trust.name,
        "network": encode_log_id(trust.network),
        "nodes": {"grpc": list(trust.grpc), "http": list(trust.http)},
        "origin": trust.origin,
        "quorum": trust.quorum.value,
        "v": 1,
        "witnesses": witnesses,
    }
    return canonical.encode(value)


def parse_trust_root(data: bytes) -> TrustRoot:
    """Read a trust root; one newline at the end of the file is allowed.

    Raises:
        MalformedError: not canonical, or a member is missing, unknown or outside its range.
    """
    fields = Fields(canonical.parse(data.removesuffix(b"\n"), max_bytes=MAX_TRUST_ROOT_BYTES), "trust root")
    if fields.integer("v") != 1:
        raise MalformedError("trust root: version is not 1; a newer cairn is needed")
    head, nodes = fields.fields("head"), fields.fields("nodes")
    try:
        quorum = QuorumRule(fields.text("quorum"))
    except ValueError as error:
        raise MalformedError("trust root: quorum is neither majority nor none") from error
    trust = TrustRoot(
        network=LogId(fields.data("network", LOG_ID_LENGTH)),
        name=check_name(fields.text("name"), "trust root: name"),
        origin=check_origin(fields.text("origin")),
        log_key=parse_public_key(fields.object("log_key"), "trust root: log_key"),
        head_size=head.integer("size", minimum=1),
        head_root=RootHash(head.data("root", 32)),
        witnesses=tuple(_read_witness(item) for item in fields.array("witnesses", MAX_WITNESSES)),
        quorum=quorum,
        max_age=fields.integer("max_age", minimum=1),
        http=tuple(check_url(url, "trust root: nodes") for url in nodes.texts("http", MAX_ADDRESSES)),
        grpc=nodes.texts("grpc", MAX_ADDRESSES),
    )
    for part in (head, nodes, fields):
        part.finish()
    if any(len(address) > MAX_URL_LENGTH for address in trust.grpc):
        raise MalformedError("trust root: a gRPC address is too long")
    return trust


def _read_witness(value: JSONValue) -> Witness:
    fields = Fields(value, "trust root: witness")
    witness = Witness(LogId(fields.data("log", LOG_ID_LENGTH)), parse_verifier_key(fields.text("key")))
    fields.finish()
    if witness.key.type is not KeyType.COSIGNATURE:
        raise MalformedError("trust root: a witness key is not of the cosignature type")
    return witness
