"""Attestations: a signed, dated record of what somebody checked, against which heads, starting from which trust root.

    {"attestation":{"at","by","heads":[{"log","root","size"}],"kind","result","trust"},"key":{"alg","key"},"sig","v":1}

Ledger JSON. Signed is `CONTEXT` followed by the bytes of `attestation` as they stand in the file. `kind` says what was done
(`audit`, `verification`) and so what stands in `result`; `heads` ascend by log id. Whoever signs is known by the key alone:
`by` is a claim, and the reader has to know from elsewhere whose key it is. The key is one made for this and nothing else.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONObject, JSONValue
from ledger.errors import MalformedError
from ledger.log.identity import LOG_ID_LENGTH, LogId, encode_log_id
from ledger.log.keys import PublicKey, SigningKey, check_name, check_origin, parse_public_key, verify_signature
from ledger.log.merkle import HASH_BYTES, RootHash
from ledger.log.policy import TrustRoot, encode_trust_root

CONTEXT = b"cairn/attestation/v1\n"
MAX_ATTESTATION_BYTES = 16 * 1024 * 1024
MAX_HEADS = 10_000
_SIGNATURE_BYTES = 64
_HEAD = b'{"attestation":'
_KEY_MARK = b',"key":{'
_VERSION = 1


class AttestationKind(StrEnum):
    """What was done."""

    AUDIT = "audit"
    VERIFICATION = "verification"


@dataclass(frozen=True, slots=True)
class AttestedHead:
    """A head that counted: the log, how many entries of it, and their root."""

    log: LogId
    size: int
    root: RootHash


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedTrust:
    """What was taken as given: the network, and the SHA-256 of the canonical bytes of the trust root."""

    network: LogId
    name: str
    origin: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What is signed.

    Attributes:
        at: when, Unix milliseconds by the signer's clock.
        by: who says so, as they call themselves.
        kind: what was done.
        trust: what it started from.
        heads: ascending by log id.
        result: what came of it; members as the kind has them.
    """

    at: int
    by: str
    kind: AttestationKind
    trust: AttestedTrust
    heads: tuple[AttestedHead, ...]
    result: JSONObject


@dataclass(frozen=True, slots=True)
class SignedAttestation:
    """An attestation with the key it claims and the signature; `verify` before believing any of it."""

    attestation: Attestation
    signed: bytes
    key: PublicKey
    signature: bytes

    def verify(self) -> None:
        """Check the signature.

        Raises:
            SignatureError: it is not by the key beside it.
        """
        verify_signature(self.key, CONTEXT + self.signed, self.signature)


def attested_trust(trust: TrustRoot) -> AttestedTrust:
    """Give what an attestation says about a trust root."""
    digest = hashlib.sha256(encode_trust_root(trust)).digest()
    return AttestedTrust(network=trust.network, name=trust.name, origin=trust.origin, digest=digest)


def sign_attestation(attestation: Attestation, key: SigningKey) -> bytes:
    """Give the bytes of a signed attestation.

    Raises:
        MalformedError: it holds something ledger JSON cannot, or heads out of order.
    """
    _check_order(attestation.heads)
    content = canonical.encode(_to_json(attestation))
    tail = canonical.encode(
        {"key": key.public.to_json(), "sig": base64url.encode(key.sign(CONTEXT + content)), "v": _VERSION}
    )
    return _HEAD + content + b"," + tail[1:]


def parse_attestation(data: bytes) -> SignedAttestation:
    """Read an attestation; its signature is not verified.

    Raises:
        MalformedError: it is none, or not in canonical form.
    """
    fields = Fields(canonical.parse(data, max_bytes=MAX_ATTESTATION_BYTES), "attestation")
    if fields.integer("v") != _VERSION:
        raise MalformedError("attestation: of another version; a newer cairn is needed")
    value = fields.object("attestation")
    key, signature = parse_public_key(fields.object("key"), "attestation: key"), fields.data("sig", _SIGNATURE_BYTES)
    if key.algorithm.value != "ed25519":
        raise MalformedError(f"attestation: signed with {key.algorithm}, expected ed25519")
    fields.finish()
    # Members of canonical JSON ascend, so the attestation stands before the key, and what comes after it (key, signature,
    # version) cannot hold the mark.
    signed = data[len(_HEAD) : data.rindex(_KEY_MARK)]
    return SignedAttestation(_read(Fields(value, "attestation")), signed, key, signature)


def _to_json(attestation: Attestation) -> JSONObject:
    heads: list[JSONValue] = [
        {"log": encode_log_id(head.log), "root": base64url.encode(head.root), "size": head.size}
        for head in attestation.heads
    ]
    trust: JSONObject = {
        "digest": base64url.encode(attestation.trust.digest),
        "name": attestation.trust.name,
        "network": encode_log_id(attestation.trust.network),
        "origin": attestation.trust.origin,
    }
    return {
        "at": attestation.at,
        "by": check_name(attestation.by, "attestation: by"),
        "heads": heads,
        "kind": attestation.kind.value,
        "result": attestation.result,
        "trust": trust,
    }


def _read(fields: Fields) -> Attestation:
    try:
        kind = AttestationKind(fields.text("kind"))
    except ValueError as error:
        raise MalformedError("attestation: of an unknown kind; a newer cairn is needed") from error
    heads = tuple(_read_head(Fields(item, "attestation: head")) for item in fields.array("heads", MAX_HEADS))
    _check_order(heads)
    attestation = Attestation(
        at=fields.integer("at"),
        by=check_name(fields.text("by"), "attestation: by"),
        kind=kind,
        trust=_read_trust(fields.fields("trust")),
        heads=heads,
        result=fields.object("result"),
    )
    fields.finish()
    return attestation


def _read_head(fields: Fields) -> AttestedHead:
    log, root = LogId(fields.data("log", LOG_ID_LENGTH)), RootHash(fields.data("root", HASH_BYTES))
    head = AttestedHead(log, fields.integer("size"), root)
    fields.finish()
    return head


def _read_trust(fields: Fields) -> AttestedTrust:
    trust = AttestedTrust(
        network=LogId(fields.data("network", LOG_ID_LENGTH)),
        name=check_name(fields.text("name"), "attestation: trust: name"),
        origin=check_origin(fields.text("origin"), "attestation: trust: origin"),
        digest=fields.data("digest", HASH_BYTES),
    )
    fields.finish()
    return trust


def _check_order(heads: tuple[AttestedHead, ...]) -> None:
    logs = [head.log for head in heads]
    if logs != sorted(set(logs)):
        raise MalformedError("attestation: heads do not ascend by log id")
