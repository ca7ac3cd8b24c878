"""Verifying an SD-JWT of 40 claims that shows 5 with key binding, beside another library and beside bare arithmetic.

Bare is what no verifier can leave out: two Ed25519 signatures, a SHA-256 for each disclosure and one over what is
shown, and the JSON of header, payload, disclosures and key binding, with nothing looked at.
"""

import base64
import hashlib
import importlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.proof_rows import Measured, median_of
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.keybinding import BindingPolicy
from ledger.credential.sdjwt import verify_sd_jwt
from tests.ledger.credential.tokens import (
    AUDIENCE,
    HOLDER,
    ISSUER,
    NONCE,
    NOW,
    SHA_256,
    bound,
    disclosure,
    present,
    token,
)

CLAIMS, SHOWN = 40, 5
FAR = 4_000_000_000
"""Seconds at which the token expires: the peer looks at the clock of this computer for that."""


@dataclass(frozen=True, slots=True)
class TokenTimes:
    """Milliseconds for one verification."""

    ours: Measured
    openvc: Measured
    bare: Measured


def measure() -> TokenTimes:
    """Measure ours, the peer and bare arithmetic on the same token in the same minute."""
    text = _make_token()
    policy = BindingPolicy(AUDIENCE, NONCE)

    def verify() -> None:
        verify_sd_jwt(text, ISSUER.public, now=NOW, binding=policy)

    return TokenTimes(median_of(verify), _openvc(text), _bare(text))


def _make_token() -> str:
    hidden = [disclosure(f"salt-of-16-bytes-{n:02}", f"claim_{n}", f"value number {n}") for n in range(CLAIMS)]
    return present(token(bound(_sd=sorted(SHA_256(text) for text in hidden), exp=FAR), hidden[:SHOWN]))


def _openvc(text: str) -> Measured:
    try:
        suite = importlib.import_module("openvc.proof.sd_jwt").SdJwtVcProofSuite()
    except ImportError as error:
        return Measured(None, f"pip install '.[peers]' ({error.name} is not here)")
    jwk, moment = public_key_to_jwk(ISSUER.public), datetime.fromtimestamp(NOW / 1000, UTC)
    return median_of(
        lambda: suite.verify(
            text, public_key_jwk=jwk, audience=AUDIENCE, nonce=NONCE, require_key_binding=True, now=moment
        )
    )


def _bare(text: str) -> Measured:
    from nacl.bindings import crypto_sign_open

    def decode(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    def check(jwt: str, key: bytes) -> None:
        head, _, signature = jwt.rpartition(".")
        crypto_sign_open(decode(signature) + head.encode(), key)
        for part in head.split("."):
            json.loads(decode(part))

    def verify() -> None:
        shown, _, binding = text.rpartition("~")
        jwt, *disclosures = shown.split("~")
        check(jwt, ISSUER.public.raw)
        for one in disclosures:
            hashlib.sha256(one.encode()).digest()
            json.loads(decode(one))
        hashlib.sha256(text[: len(shown) + 1].encode()).digest()
        check(binding, HOLDER.public.raw)

    return median_of(verify)
