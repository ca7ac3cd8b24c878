"""The only place where protobuf messages become values and errors become status codes, and back.

`encode_*` builds a message, `decode_*` reads one and refuses what exceeds a limit of `node.client.exchange`; nothing is
verified here. Errors cross by one table:

| error | status |
| --- | --- |
| `MalformedError` | INVALID_ARGUMENT |
| `SignatureError` | PERMISSION_DENIED |
| `ProofError`, `RuleError`, `PolicyError` | FAILED_PRECONDITION |
| `EquivocationError` | DATA_LOSS |
| `ConflictError` | ABORTED, with `cairn-size` |
| `BusyError` | RESOURCE_EXHAUSTED |
| `NotAllowedError` | PERMISSION_DENIED |
| `AwaitsApprovalError` | ABORTED, with `cairn-proposal` |
| `UnknownLogError` | NOT_FOUND |

Trailing metadata `cairn-error` names the class, where two share a status; `cairn-hint-bin` is the hint in UTF-8.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import grpc

from ledger.errors import (
    CairnError,
    EquivocationError,
    MalformedError,
    PolicyError,
    ProofError,
    RuleError,
    SignatureError,
)
from ledger.log.identity import LOG_ID_LENGTH, LogId
from node.client import exchange
from node.client.exchange import (
    BodyPiece,
    CosignRequest,
    Head,
    Heads,
    Inclusion,
    LogSummary,
    OfferedEvidence,
    OfferedHead,
    Offers,
    Package,
)
from node.client.failures import UnknownLogError, UnreachableError
from node.errors import AwaitsApprovalError, BusyError, ConflictError, NotAllowedError
from node.pb import cairn_pb2 as pb

ERROR_KEY: Final = "cairn-error"
SIZE_KEY: Final = "cairn-size"
PROPOSAL_KEY: Final = "cairn-proposal"
HINT_KEY: Final = "cairn-hint-bin"

MAX_DETAILS = 1000
MAX_HINT_BYTES = 1000
HASH_LENGTH = 32
MAX_ADDRESS = 300
MAX_PROPOSAL = 64
MAX_SIZE = 2**53 - 1

STATUS: Final[dict[type[CairnError], grpc.StatusCode]] = {
    MalformedError: grpc.StatusCode.INVALID_ARGUMENT,
    SignatureError: grpc.StatusCode.PERMISSION_DENIED,
    ProofError: grpc.StatusCode.FAILED_PRECONDITION,
    RuleError: grpc.StatusCode.FAILED_PRECONDITION,
    PolicyError: grpc.StatusCode.FAILED_PRECONDITION,
    EquivocationError: grpc.StatusCode.DATA_LOSS,
    ConflictError: grpc.StatusCode.ABORTED,
    BusyError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnknownLogError: grpc.StatusCode.NOT_FOUND,
    NotAllowedError: grpc.StatusCode.PERMISSION_DENIED,
    AwaitsApprovalError: grpc.StatusCode.ABORTED,
}
"""The error table; the first class that fits decides. A status read back becomes the class that `cairn-error` names."""

_KINDS: Final = {kind.__name__: kind for kind in STATUS}

Metadata = tuple[tuple[str, str | bytes], ...]


def encode_error(error: CairnError) -> tuple[grpc.StatusCode, str, Metadata]:
    """Status, details and trailing metadata for an error that leaves the node."""
    kind = next((kind for kind in STATUS if isinstance(error, kind)), None)
    status = STATUS[kind] if kind else grpc.StatusCode.UNKNOWN
    metadata: list[tuple[str, str | bytes]] = [(ERROR_KEY, kind.__name__ if kind else CairnError.__name__)]
    if isinstance(error, ConflictError):
        metadata.append((SIZE_KEY, str(error.size)))
    if isinstance(error, AwaitsApprovalError):
        metadata.append((PROPOSAL_KEY, error.proposal))
    if error.hint:
        metadata.append((HINT_KEY, error.hint.encode()[:MAX_HINT_BYTES]))
    return status, str(error)[:MAX_DETAILS], tuple(metadata)


def decode_error(status: grpc.StatusCode, details: str, metadata: Iterable[tuple[str, str | bytes]]) -> CairnError:
    """The error that a failed call means: one of the table, or `UnreachableError` for every other status."""
    found = dict(metadata)
    details = details[:MAX_DETAILS] or status.name.lower()
    raw_hint = found.get(HINT_KEY, b"")
    hint = raw_hint[:MAX_HINT_BYTES].decode(errors="replace") if isinstance(raw_hint, bytes) else ""
    kind = _KINDS.get(str(found.get(ERROR_KEY, "")))
    if kind is None or STATUS[kind] is not status:
        # A server that knows no cairn-error, or lies about it: the status alone decides.
        kind = next((kind for kind, code in STATUS.items() if code is status), None)
    if kind is None:
        return UnreachableError(f"call failed with {status.name}: {details}", hint=hint)
    if kind is ConflictError:
        size = str(found.get(SIZE_KEY, ""))
        if not (size.isascii() and size.isdigit() and len(size) <= 16 and int(size) <= MAX_SIZE):
            return MalformedError(f"answer ABORTED without a usable size: {size[:20]!r}")
        return ConflictError(details, size=int(size), hint=hint)
    if kind is AwaitsApprovalError:
        return AwaitsApprovalError(details, proposal=str(found.get(PROPOSAL_KEY, ""))[:MAX_PROPOSAL], hint=hint)
    return kind(details, hint=hint)


def decode_log_id(data: bytes) -> LogId:
    """A log id of exactly 32 bytes."""
    if len(data) != LOG_ID_LENGTH:
        raise MalformedError(f"log id: {len(data)} bytes, expected {LOG_ID_LENGTH}")
    return LogId(data)


def decode_log_ids(items: Sequence[bytes]) -> tuple[LogId, ...]:
    """At most 64 log ids."""
    if len(items) > exchange.MAX_HEADS:
        raise MalformedError(f"heads: {len(items)} logs asked for, at most {exchange.MAX_HEADS} are answered")
    return tuple(decode_log_id(item) for item in items)


def decode_known(items: Sequence[bytes], logs: int) -> tuple[bytes, ...]:
    """What a caller has of each log; nothing of any where it says nothing."""
    if not items:
        return (b"",) * logs
    if len(items) != logs or any(len(item) not in (0, exchange.KNOWN_BYTES) for item in items):
        raise MalformedError(f"heads: expected nothing or {exchange.KNOWN_BYTES} bytes for each log as known")
    return tuple(items)


def decode_proof(items: Sequence[bytes]) -> tuple[bytes, ...]:
    """At most 64 hashes of 32 bytes each."""
    if len(items) > exchange.MAX_PROOF_HASHES:
        raise MalformedError(f"proof: {len(items)} hashes, more than {exchange.MAX_PROOF_HASHES}")
    for item in items:
        if len(item) != HASH_LENGTH:
            raise MalformedError(f"proof: a hash of {len(item)} bytes, expected {HASH_LENGTH}")
    return tuple(items)


def decode_note(data: bytes) -> bytes:
    """A note that is there and within its limit."""
    if not 0 < len(data) <= exchange.MAX_NOTE_BYTES:
        raise MalformedError(f"note: {len(data)} bytes, expected 1 to {exchange.MAX_NOTE_BYTES}")
    return data


def decode_size(value: int, what: str) -> int:
    """A size or index below 2^53, which every counterpart can represent."""
    if value > MAX_SIZE:
        raise MalformedError(f"{what}: {value} is beyond {MAX_SIZE}")
    return value


def decode_range(start: int, end: int) -> tuple[int, int]:
    """A range [start, end) that is not empty."""
    if not start < decode_size(end, "range end"):
        raise MalformedError(f"range: [{start}, {end}) is empty")
    return start, end


def decode_address(text: str) -> str:
    """A "host:port" hint of bounded length; whether it may be dialled is for the caller to decide."""
    if len(text) > MAX_ADDRESS or not text.isprintable() or " " in text:
        raise MalformedError(f"address: expected host:port of at most {MAX_ADDRESS} characters")
    return text


def encode_log_list(logs: Sequence[LogSummary], *, more: bool) -> pb.ListLogsResponse:
    """One page of `ListLogs`."""
    items = [pb.LogSummary(log=item.log, origin=item.origin, size=item.size) for item in logs]
    return pb.ListLogsResponse(logs=items, more=more)


def decode_log_list(message: pb.ListLogsResponse) -> tuple[tuple[LogSummary, ...], bool]:
    """One page of `ListLogs` and whether more follow."""
    if len(message.logs) > exchange.MAX_LISTED_LOGS:
        raise MalformedError(f"log list: {len(message.logs)} logs, more than {exchange.MAX_LISTED_LOGS}")
    logs = tuple(
        LogSummary(decode_log_id(item.log), item.origin[:MAX_ADDRESS], decode_size(item.size, "log list: size"))
        for item in message.logs
    )
    return logs, message.more


def encode_heads(answer: Heads) -> pb.GetHeadsResponse:
    """The answer to `GetHeads`."""
    return pb.GetHeadsResponse(heads=[_encode_head(head) for head in answer.heads], token=answer.token)


def decode_heads(message: pb.GetHeadsResponse, asked: Sequence[LogId]) -> Heads:
    """The answer to `GetHeads`: exactly the logs asked for, in their order."""
    if len(message.token) > exchange.MAX_TOKEN_BYTES:
        raise MalformedError(f"heads: a token of {len(message.token)} bytes, at most {exchange.MAX_TOKEN_BYTES}")
    if [item.log for item in message.heads] != list(asked):
        raise MalformedError("heads: the answer is not about the logs asked for")
    heads = tuple(
        Head(
            log=decode_log_id(item.log),
            size=decode_size(item.size, "head: size"),
            note=decode_note(item.note) if item.size and not item.is_known else None,
            cosigned_size=decode_size(item.cosigned_size, "head: cosigned size"),
            evidence_count=item.evidence_count,
            is_known=item.is_known,
        )
        for item in message.heads
    )
    return Heads(heads, message.token)


def encode_package(package: Package) -> pb.StreamEntriesResponse:
    """One package of `StreamEntries`."""
    return pb.StreamEntriesResponse(first=package.first, entries=package.entries, note=package.note or b"")


def decode_package(message: pb.StreamEntriesResponse) -> Package:
    """One package of `StreamEntries`: 1 to 256 entries."""
    if not 1 <= len(message.entries) <= exchange.MAX_PACKAGE_ENTRIES:
        raise MalformedError(f"package: {len(message.entries)} entries, expected 1 to {exchange.MAX_PACKAGE_ENTRIES}")
    note = decode_note(message.note) if message.note else None
    return Package(decode_size(message.first, "package: first"), tuple(message.entries), note)


def encode_pieces(pieces: Sequence[BodyPiece]) -> pb.StreamBodyResponse:
    """One message of `StreamBody`."""
    return pb.StreamBodyResponse(pieces=[pb.BodyPiece(index=p.index, data=p.data, last=p.last) for p in pieces])


def decode_pieces(message: pb.StreamBodyResponse) -> tuple[BodyPiece, ...]:
    """One message of `StreamBody`; the message limit already bounds its bytes."""
    return tuple(BodyPiece(decode_size(p.index, "body piece: index"), p.data, p.last) for p in message.pieces)


def encode_inclusion(inclusion: Inclusion) -> pb.GetInclusionResponse:
    """The answer to `GetInclusion`."""
    return pb.GetInclusionResponse(leaf=inclusion.leaf, proof=inclusion.proof)


def decode_inclusion(message: pb.GetInclusionResponse) -> Inclusion:
    """The answer to `GetInclusion`."""
    if len(message.leaf) != HASH_LENGTH:
        raise MalformedError(f"inclusion: a leaf hash of {len(message.leaf)} bytes, expected {HASH_LENGTH}")
    return Inclusion(message.leaf, decode_proof(message.proof))


def encode_offers(offers: Offers) -> pb.OfferHeadsRequest:
    """What a caller of `OfferHeads` shows."""
    return pb.OfferHeadsRequest(
        heads=_encode_offered_heads(offers), evidence=_encode_offered_evidence(offers), address=offers.address
    )


def decode_offers(message: pb.OfferHeadsRequest) -> Offers:
    """What a caller of `OfferHeads` shows."""
    heads, evidence = _decode_offered(message.heads, message.evidence)
    return Offers(heads, evidence, decode_address(message.address))


def encode_counter_offers(offers: Offers) -> pb.OfferHeadsResponse:
    """What the callee of `OfferHeads` shows."""
    return pb.OfferHeadsResponse(heads=_encode_offered_heads(offers), evidence=_encode_offered_evidence(offers))


def decode_counter_offers(message: pb.OfferHeadsResponse) -> Offers:
    """What the callee of `OfferHeads` shows."""
    heads, evidence = _decode_offered(message.heads, message.evidence)
    return Offers(heads, evidence)


def decode_evidence(message: pb.GetEvidenceResponse) -> tuple[tuple[bytes, ...], bool]:
    """One page of `GetEvidence` and whether more follow."""
    if len(message.evidence) > exchange.MAX_EVIDENCE_PIECES:
        raise MalformedError(f"evidence: {len(message.evidence)} pieces, more than {exchange.MAX_EVIDENCE_PIECES}")
    return tuple(_decode_evidence_piece(item) for item in message.evidence), message.more


def encode_cosign_request(request: CosignRequest) -> pb.AddCheckpointRequest:
    """One call of `AddCheckpoint`."""
    return pb.AddCheckpointRequest(
        old_size=request.old_size, proof=request.proof, note=request.note, address=request.address
    )


def decode_cosign_request(message: pb.AddCheckpointRequest) -> CosignRequest:
    """One call of `AddCheckpoint`."""
    return CosignRequest(
        old_size=decode_size(message.old_size, "old size"),
        proof=decode_proof(message.proof),
        note=decode_note(message.note),
        address=decode_address(message.address),
    )


def encode_rotation_request(log: LogId, rotation: bytes) -> pb.ShowRotationRequest:
    """One call of `ShowRotation`."""
    return pb.ShowRotationRequest(log=log, rotation=rotation)


def decode_rotation_request(message: pb.ShowRotationRequest) -> tuple[LogId, bytes]:
    """One call of `ShowRotation`; the rotation is parsed, and bounded, by whoever judges it."""
    return decode_log_id(message.log), message.rotation


def _encode_head(head: Head) -> pb.Head:
    return pb.Head(
        log=head.log,
        size=head.size,
        note=head.note or b"",
        cosigned_size=head.cosigned_size,
        evidence_count=head.evidence_count,
        is_known=head.is_known,
    )


def _encode_offered_heads(offers: Offers) -> list[pb.OfferedHead]:
    return [pb.OfferedHead(log=item.log, note=item.note) for item in offers.heads]


def _encode_offered_evidence(offers: Offers) -> list[pb.OfferedEvidence]:
    return [pb.OfferedEvidence(log=item.log, evidence=item.evidence) for item in offers.evidence]


def _decode_offered(
    heads: Sequence[pb.OfferedHead], evidence: Sequence[pb.OfferedEvidence]
) -> tuple[tuple[OfferedHead, ...], tuple[OfferedEvidence, ...]]:
    if len(heads) > exchange.MAX_HEADS:
        raise MalformedError(f"offer: {len(heads)} heads, more than {exchange.MAX_HEADS}")
    if len(evidence) > exchange.MAX_EVIDENCE_PIECES:
        raise MalformedError(f"offer: {len(evidence)} pieces of evidence, more than {exchange.MAX_EVIDENCE_PIECES}")
    return (
        tuple(OfferedHead(decode_log_id(item.log), decode_note(item.note)) for item in heads),
        tuple(OfferedEvidence(decode_log_id(item.log), _decode_evidence_piece(item.evidence)) for item in evidence),
    )


def _decode_evidence_piece(data: bytes) -> bytes:
    if not 0 < len(data) <= exchange.MAX_EVIDENCE_BYTES:
        raise MalformedError(f"evidence: {len(data)} bytes, expected 1 to {exchange.MAX_EVIDENCE_BYTES}")
    return data
