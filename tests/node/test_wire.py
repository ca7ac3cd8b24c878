"""The envelope: values survive it, limits hold, every error arrives as itself."""

import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor

from ledger.errors import (
    CairnError,
    EquivocationError,
    MalformedError,
    PolicyError,
    ProofError,
    RuleError,
    SignatureError,
)
from ledger.log.identity import LogId
from node import wire
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

ROOT = Path(__file__).resolve().parents[2]
LOG = LogId(bytes(range(32)))
HASH = bytes(32)

NUMBERS = """
AddCheckpointRequest address=4 note=3 old_size=1 proof=2
AddCheckpointResponse signature=1
BodyPiece data=2 index=1 last=3
GetConsistencyRequest log=1 new_size=3 old_size=2
GetConsistencyResponse proof=1
GetEvidenceRequest log=1 skip=2
GetEvidenceResponse evidence=1 more=2
GetHeadsRequest known=2 logs=1
GetHeadsResponse heads=1 token=2
GetInclusionRequest index=2 log=1 size=3
GetInclusionResponse leaf=1 proof=2
Head cosigned_size=4 evidence_count=5 is_known=6 log=1 note=3 size=2
ListLogsRequest after=1 limit=2
ListLogsResponse logs=1 more=2
LogSummary log=1 origin=2 size=3
OfferHeadsRequest address=3 evidence=2 heads=1
OfferHeadsResponse evidence=2 heads=1
OfferedEvidence evidence=2 log=1
OfferedHead log=1 note=2
ShowRotationRequest log=1 rotation=2
ShowRotationResponse cosigned_size=1
StreamBodyRequest end=3 log=1 start=2
StreamBodyResponse pieces=1
StreamEntriesRequest end=3 log=1 start=2
StreamEntriesResponse entries=2 first=1 note=3
"""
"""Field numbers are never reused: a changed line here breaks every node that was not upgraded."""


def test_field_numbers_never_change() -> None:
    """Every field of every message has the number it was published with."""
    lines = []
    for name, message in sorted(pb.DESCRIPTOR.message_types_by_name.items()):
        fields = sorted(f"{field.name}={field.number}" for field in message.fields)
        lines.append(f"{name} {' '.join(fields)}")
    assert NUMBERS.strip().splitlines() == lines


def test_no_field_is_of_a_kind_that_rounds() -> None:
    """No floating point crosses: sizes are integers, all else is bytes, text or a flag."""
    rounding = (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE)
    for message in pb.DESCRIPTOR.message_types_by_name.values():
        assert [field.name for field in message.fields if field.type in rounding] == []


def test_the_wire_alone_imports_what_it_converts() -> None:
    """The wallet's side of the client loads without a store, a server or plyvel."""
    script = (
        "import node.client.ledger, sys; print([m for m in ('plyvel', 'sqlalchemy', 'node.store') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, cwd=ROOT, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "[]"), run.stderr


def test_values_survive() -> None:
    """Decoding what was encoded gives the same value, for every message."""
    logs = (LogSummary(LOG, "a/log", 7),)
    assert wire.decode_log_list(wire.encode_log_list(logs, more=True)) == (logs, True)
    heads = (
        Head(log=LOG, size=3, note=b"n", cosigned_size=2, evidence_count=1),
        Head(log=LOG, size=0, note=None),
        Head(log=LOG, size=3, note=None, is_known=True),
    )
    answer = Heads(heads, b"token")
    assert wire.decode_heads(wire.encode_heads(answer), [LOG] * 3) == answer
    package = Package(5, (b"a", b"b"), b"note")
    assert wire.decode_package(wire.encode_package(package)) == package
    assert wire.decode_package(wire.encode_package(Package(5, (b"a",), None))).note is None
    pieces = (BodyPiece(1, b"x", False), BodyPiece(1, b"y", True))
    assert wire.decode_pieces(wire.encode_pieces(pieces)) == pieces
    inclusion = Inclusion(HASH, (HASH, HASH))
    assert wire.decode_inclusion(wire.encode_inclusion(inclusion)) == inclusion
    offers = Offers((OfferedHead(LOG, b"n"),), (OfferedEvidence(LOG, b"e"),), "host:1")
    assert wire.decode_offers(wire.encode_offers(offers)) == offers
    assert wire.decode_counter_offers(wire.encode_counter_offers(offers)) == Offers(offers.heads, offers.evidence)
    request = CosignRequest(old_size=1, proof=(HASH,), note=b"n", address="host:1")
    assert wire.decode_cosign_request(wire.encode_cosign_request(request)) == request


HEAD = pb.Head(log=LOG, size=1, note=b"n")
OVERSIZED = [
    ("log id", lambda: wire.decode_log_id(HASH[:31]), "31 bytes"),
    ("known of another log", lambda: wire.decode_known([bytes(16)] * 2, 1), "16 bytes for each log"),
    ("short name", lambda: wire.decode_known([bytes(15)], 1), "16 bytes for each log"),
    ("long token", lambda: wire.decode_heads(pb.GetHeadsResponse(token=bytes(33)), []), "token of 33 bytes"),
    ("many logs", lambda: wire.decode_log_ids([LOG] * (exchange.MAX_HEADS + 1)), "65 logs"),
    ("long proof", lambda: wire.decode_proof([HASH] * 65), "65 hashes"),
    ("short hash", lambda: wire.decode_proof([HASH[:31]]), "31 bytes"),
    ("no note", lambda: wire.decode_note(b""), "0 bytes"),
    ("long note", lambda: wire.decode_note(bytes(exchange.MAX_NOTE_BYTES + 1)), "65537 bytes"),
    ("large size", lambda: wire.decode_size(2**53, "size"), "beyond"),
    ("empty range", lambda: wire.decode_range(4, 4), "is empty"),
    ("address", lambda: wire.decode_address("a b:1"), "host:port"),
    ("long address", lambda: wire.decode_address("a" * 301), "host:port"),
    ("no entries", lambda: wire.decode_package(pb.StreamEntriesResponse()), "0 entries"),
    ("many entries", lambda: wire.decode_package(pb.StreamEntriesResponse(entries=[b"e"] * 257)), "257 entries"),
    ("other heads", lambda: wire.decode_heads(pb.GetHeadsResponse(heads=[HEAD]), [LogId(HASH)]), "not about the logs"),
    ("missing heads", lambda: wire.decode_heads(pb.GetHeadsResponse(), [LOG]), "not about the logs"),
    ("short leaf", lambda: wire.decode_inclusion(pb.GetInclusionResponse(leaf=b"x")), "1 bytes"),
    (
        "many offered heads",
        lambda: wire.decode_offers(pb.OfferHeadsRequest(heads=[pb.OfferedHead(log=LOG, note=b"n")] * 65)),
        "65 heads",
    ),
    (
        "much evidence",
        lambda: wire.decode_offers(pb.OfferHeadsRequest(evidence=[pb.OfferedEvidence(log=LOG, evidence=b"n")] * 5)),
        "5 pieces",
    ),
    (
        "large evidence",
        lambda: wire.decode_evidence(pb.GetEvidenceResponse(evidence=[bytes(exchange.MAX_EVIDENCE_BYTES + 1)])),
        "131073 bytes",
    ),
]


@pytest.mark.parametrize(("decode", "words"), [row[1:] for row in OVERSIZED], ids=[row[0] for row in OVERSIZED])
def test_what_exceeds_a_limit_is_refused(decode: object, words: str) -> None:
    """One past each limit is refused before anything is done with it."""
    assert callable(decode)
    with pytest.raises(MalformedError, match=words):
        decode()


def test_limits_themselves_pass() -> None:
    """Exactly at each limit is accepted."""
    wire.decode_log_ids([LOG] * exchange.MAX_HEADS)
    wire.decode_proof([HASH] * 64)
    wire.decode_note(bytes(exchange.MAX_NOTE_BYTES))
    wire.decode_size(2**53 - 1, "size")
    wire.decode_package(pb.StreamEntriesResponse(entries=[b"e"] * 256))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MalformedError("m", hint="h"), grpc.StatusCode.INVALID_ARGUMENT),
        (SignatureError("m"), grpc.StatusCode.PERMISSION_DENIED),
        (ProofError("m"), grpc.StatusCode.FAILED_PRECONDITION),
        (RuleError("m"), grpc.StatusCode.FAILED_PRECONDITION),
        (PolicyError("m"), grpc.StatusCode.FAILED_PRECONDITION),
        (EquivocationError("m"), grpc.StatusCode.DATA_LOSS),
        (ConflictError("m", size=41), grpc.StatusCode.ABORTED),
        (BusyError("m", hint="später"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (UnknownLogError("m"), grpc.StatusCode.NOT_FOUND),
        (NotAllowedError("m", hint="h"), grpc.StatusCode.PERMISSION_DENIED),
        (AwaitsApprovalError("m", proposal="q7d2m4xc"), grpc.StatusCode.ABORTED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.name,
)
def test_every_error_arrives_as_itself(error: CairnError, status: grpc.StatusCode) -> None:
    """Class, words, hint and size survive the crossing."""
    code, details, metadata = wire.encode_error(error)
    assert code is status
    again = wire.decode_error(code, details, metadata)
    assert (type(again), str(again), again.hint) == (type(error), "m", error.hint)
    if isinstance(again, ConflictError):
        assert again.size == 41
    if isinstance(again, AwaitsApprovalError):
        assert again.proposal == "q7d2m4xc"


def test_a_status_of_nobody_we_know_is_unreachable() -> None:
    """UNAVAILABLE, DEADLINE_EXCEEDED and whatever else say nothing about the ledger."""
    assert isinstance(wire.decode_error(grpc.StatusCode.UNAVAILABLE, "gone", ()), UnreachableError)


def test_a_lie_about_the_class_is_not_believed() -> None:
    """The named class counts only under its own status."""
    error = wire.decode_error(grpc.StatusCode.PERMISSION_DENIED, "x", (("cairn-error", "ConflictError"),))
    assert isinstance(error, SignatureError)


@pytest.mark.parametrize("size", ["", "-1", "4x", "9" * 17, "٣"])
def test_a_conflict_needs_a_size(size: str) -> None:
    """ABORTED without a number we can go on from is malformed."""
    metadata = (("cairn-error", "ConflictError"), ("cairn-size", size))
    assert isinstance(wire.decode_error(grpc.StatusCode.ABORTED, "x", metadata), MalformedError)
