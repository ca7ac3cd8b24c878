"""Vouchers: an institution's word for the key of its node's TLS certificate.

A certificate that a node makes itself carries one as an X.509 extension (`VOUCHER_OID`, not critical): the log it speaks for,
and signatures by keys the ledger names for that log. What is signed is taken from the certificate (its public key and the
time it is good for), so that nothing can disagree:

    "cairn/tls-key/v1\\n" || ledger JSON of {"log","not_after","not_before","public_key"}

`public_key` is the SHA-256 of its SubjectPublicKeyInfo. Which keys count is for whoever dials to say: the log key and the
witness key of that institution in the newest state they hold.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONValue
from ledger.errors import MalformedError, SignatureError
from ledger.log.identity import LOG_ID_LENGTH, LogId, encode_log_id
from ledger.log.keys import SIGNATURE_BYTES, Algorithm, PublicKey, SigningKey, parse_public_key, verify_signature

VOUCHER_CONTEXT = b"cairn/tls-key/v1\n"
"""Stands before what is signed, so that the signature can mean nothing else."""
VOUCHER_OID = "2.25.147775249564097007741588264191883332114"
"""Object identifier of the extension, made from a UUID (ITU-T X.667), which needs no registration."""
MAX_VOUCHER_BYTES = 4096
MAX_SIGNATURES = 8


@dataclass(frozen=True, slots=True)
class TransportKey:
    """What is vouched for.

    Attributes:
        log: of the institution whose node has the key.
        public_key: SubjectPublicKeyInfo, DER.
        not_before, not_after: Unix seconds, as the certificate says.
    """

    log: LogId
    public_key: bytes
    not_before: int
    not_after: int

    def signed_bytes(self) -> bytes:
        """The exact bytes under every signature."""
        value: canonical.JSONObject = {
            "log": encode_log_id(self.log),
            "not_after": self.not_after,
            "not_before": self.not_before,
            "public_key": base64url.encode(sha256(self.public_key).digest()),
        }
        return VOUCHER_CONTEXT + canonical.encode(value)


@dataclass(frozen=True, slots=True)
class Voucher:
    """A log and who signed for it: public keys with their signatures, ascending by key id, each key once."""

    log: LogId
    signatures: tuple[tuple[PublicKey, bytes], ...]

    def verify(self, key: TransportKey, trusted: Iterable[PublicKey]) -> None:
        """Check that a trusted key stands behind a transport key.

        1. The voucher is of the log that `key` is said to belong to.
        2. At least one of its signatures is by a key in `trusted`.
        3. Every signature by such a key verifies.

        Raises:
            SignatureError: one of the steps fails.
        """
        if self.log != key.log:  # 1
            raise SignatureError("voucher: it is of another log")
        known = frozenset(trusted)
        found = [(signer, signature) for signer, signature in self.signatures if signer in known]
        if not found:  # 2
            raise SignatureError("voucher: no key that is named for this log signed it")
        message = key.signed_bytes()
        for signer, signature in found:  # 3
            verify_signature(signer, message, signature)


def sign_voucher(key: TransportKey, signers: Iterable[SigningKey]) -> bytes:
    """The bytes of a voucher.

    Args:
        key: what is vouched for.
        signers: 1 to 8 keys, each once.
    """
    message = key.signed_bytes()
    signed: list[JSONValue] = [
        {**signer.public.to_json(), "sig": base64url.encode(signer.sign(message))}
        for signer in sorted(signers, key=lambda signer: signer.public.id)
    ]
    data = canonical.encode({"log": encode_log_id(key.log), "signatures": signed, "v": 1})
    parse_voucher(data)  # what nobody would accept must not be handed out
    return data


def parse_voucher(data: bytes) -> Voucher:
    """Read a voucher; no signature is checked.

    Raises:
        MalformedError: not canonical, a member is missing, unknown or outside its range, or keys are not ascending.
    """
    fields = Fields(canonical.parse(data, max_bytes=MAX_VOUCHER_BYTES), "voucher")
    if fields.integer("v") != 1:
        raise MalformedError("voucher: version is not 1; a newer cairn is needed")
    voucher = Voucher(
        log=LogId(fields.data("log", LOG_ID_LENGTH)),
        signatures=tuple(_read_signature(item) for item in fields.array("signatures", MAX_SIGNATURES)),
    )
    fields.finish()
    ids = [key.id for key, _ in voucher.signatures]
    if not ids or ids != sorted(set(ids)):
        raise MalformedError("voucher: needs signatures, ascending by key id, each key once")
    return voucher


def _read_signature(value: JSONValue) -> tuple[PublicKey, bytes]:
    fields = Fields(value, "voucher: signature")
    key = parse_public_key({"alg": fields.text("alg"), "key": fields.text("key")}, "voucher: key")
    signature = fields.data("sig", SIGNATURE_BYTES)
    fields.finish()
    if key.algorithm is not Algorithm.ED25519:
        raise MalformedError(f"voucher: vouchers are signed with ed25519, not {key.algorithm}")
    return key, signature
