"""A request for membership: what an institution hands to a network's governors.

One file of ledger JSON: the institution's entry 0 (the log id commits to it), a checkpoint note that becomes the boundary
of its membership, its witness key, and how its node is reached; all of it signed by the log key under a context of its own.
The file is public and proves itself; it can travel by mail.
"""

from dataclasses import dataclass

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONObject
from ledger.errors import MalformedError, RuleError
from ledger.log.charter import MAX_URL_LENGTH, Charter, check_url
from ledger.log.checkpoint import log_verifier_key, open_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.governance import Boundary, Rights, Standing
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from ledger.log.keys import PublicKey, SigningKey, check_name, parse_public_key, verify_signature
from ledger.log.note import KeyType, VerifierKey, parse_verifier_key
from ledger.log.state import LogState, found_state

REQUEST_CONTEXT = b"cairn/membership-request/v1\n"
"""Stands before the request in what is signed, so that the signature can mean nothing else."""
MAX_REQUEST_BYTES = 512 * 1024
_FORMAT = "cairn/membership-request/v1"
_SIGNATURE_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipRequest:
    """What is asked and by whom.

    Attributes:
        at: Unix milliseconds; when it was made, a claim.
        network: log id of the network asked.
        entry: entry 0 of the institution's log, exact bytes.
        note: a signed checkpoint of that log, over `boundary.size` entries.
        charter: what entry 0 says.
        boundary: the tree of the note.
        log_key: signed the note and the request.
        name, url, grpc: as of now; they may have been amended since entry 0.
        witness: key by which it would cosign.
    """

    at: int
    network: LogId
    entry: bytes
    note: bytes
    charter: Charter
    boundary: Boundary
    log_key: PublicKey
    name: str
    url: str
    grpc: str
    witness: VerifierKey

    @property
    def log(self) -> LogId:
        """Log id of the institution that asks."""
        return self.boundary.log

    def standing(self, rights: Rights) -> Standing:
        """The member's complete entry, once rights are decided."""
        return Standing(
            name=self.name,
            origin=self.charter.origin,
            log_key=self.log_key,
            rights=rights,
            witness=self.witness,
            grpc=self.grpc,
            url=self.url,
        )


def make_request(
    state: LogState, *, entry: bytes, note: bytes, network: LogId, witness: VerifierKey, key: SigningKey, at: int
) -> bytes:
    """Give the bytes of a signed request.

    Args:
        state: of the institution's own log.
        entry: its entry 0.
        note: its newest checkpoint note.
        network: which network is asked.
        witness: the key this node cosigns with.
        key: the log key in force.
        at: Unix milliseconds.
    """
    value: JSONObject = {
        "at": at,
        "entry": base64url.encode(entry),
        "format": _FORMAT,
        "grpc": state.grpc,
        "log_key": key.public.to_json(),
        "name": state.name,
        "network": encode_log_id(network),
        "note": base64url.encode(note),
        "url": state.url,
        "witness": witness.encode(),
    }
    value["signature"] = base64url.encode(key.sign(REQUEST_CONTEXT + canonical.encode(value)))
    return canonical.encode(value) + b"\n"


def parse_request(data: bytes, held: LogState | None = None) -> MembershipRequest:
    """Read a request and verify everything in it.

    1. It is ledger JSON of this format.
    2. Entry 0 founds a log: a charter signed by its own log key.
    3. The log key is the charter's, or the one in force in the log as it is held here.
    4. That key signed the note and the request.

    Args:
        data: the file.
        held: state of that log where a replica of it is held.

    Raises:
        MalformedError, SignatureError, RuleError: one of the steps fails.
    """
    value = canonical.parse(data.removesuffix(b"\n"), max_bytes=MAX_REQUEST_BYTES)  # 1
    fields = Fields(dict(value), "request")
    if (name := fields.text("format", max_length=64)) != _FORMAT:
        raise MalformedError(f"request: a file of format {name}, expected {_FORMAT}")
    entry, note = fields.data("entry"), fields.data("note")
    log_key = parse_public_key(fields.object("log_key"), "request: log_key")
    founded = found_state(parse_entry(entry))  # 2
    charter = founded.charter
    known = {charter.log_key, *(() if held is None or held.log_id != founded.log_id else (held.log_key,))}
    if log_key not in known:  # 3
        raise RuleError(
            "request: its log key is not the one of the charter, and no replica here names it",
            hint="follow its node first: cairn-node peer add DIR ADDRESS",
        )
    checkpoint = open_checkpoint(note, log_verifier_key(charter.origin, log_key))  # 4
    request = MembershipRequest(
        at=fields.integer("at"),
        network=parse_log_id(fields.text("network")),
        entry=entry,
        note=note,
        charter=charter,
        boundary=Boundary(founded.log_id, checkpoint.size, checkpoint.root),
        log_key=log_key,
        name=check_name(fields.text("name"), "request: name"),
        url=check_url(fields.text("url", max_length=MAX_URL_LENGTH), "request: url"),
        grpc=fields.text("grpc", max_length=MAX_URL_LENGTH),
        witness=_read_witness(fields.text("witness")),
    )
    signature = fields.data("signature", _SIGNATURE_LENGTH)
    fields.finish()
    signed = {name: member for name, member in value.items() if name != "signature"}
    verify_signature(log_key, REQUEST_CONTEXT + canonical.encode(signed), signature)
    return request


def claimed_log(data: bytes) -> LogId:
    """Give the log id a request is about, with nothing verified.

    Raises:
        MalformedError: it is not a request.
    """
    fields = Fields(canonical.parse(data.removesuffix(b"\n"), max_bytes=MAX_REQUEST_BYTES), "request")
    return LogId(parse_entry(fields.data("entry")).leaf_hash)


def _read_witness(text: str) -> VerifierKey:
    key = parse_verifier_key(text)
    if key.type is not KeyType.COSIGNATURE:
        raise MalformedError("request: its witness key is not of the cosignature type")
    return key
