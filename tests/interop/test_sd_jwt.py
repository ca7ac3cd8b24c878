"""SD-JWT VC: @sd-jwt/core and openvc-core verify our copies and presentations, and we verify theirs."""

import json
import time
from typing import Any

import pytest

from ledger import base64url
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.keybinding import BindingPolicy
from ledger.credential.sdjwt import verify_sd_jwt
from ledger.errors import CairnError
from ledger.log.keys import SigningKey
from tests.conformance import record
from tests.interop.peers import NodePeer
from tests.ledger.credential.award import HOLDER_KEY, ISSUER_KEY, mint
from tests.ledger.credential.tokens import SHA_256, present

AUDIENCE, NONCE = "https://univ.example", "n-interop"
ISSUER_JWK, HOLDER_JWK = (public_key_to_jwk(key.public) for key in (ISSUER_KEY, HOLDER_KEY))
STRANGER_JWK = public_key_to_jwk(SigningKey(b"\x09" * 32).public)


def now() -> int:
    """Unix ms; peers judge a key binding by their own clock."""
    return int(time.time() * 1000)


def presented() -> str:
    """A copy as its holder shows it, everything disclosed."""
    return present(mint(), audience=AUDIENCE, nonce=NONCE, now=now(), sign=HOLDER_KEY.sign, digest=SHA_256)


def private_jwk(key: SigningKey) -> dict[str, Any]:
    return {**public_key_to_jwk(key.public), "d": base64url.encode(key.seed)}


def test_sd_jwt_core_verifies_a_presentation(node_peer: NodePeer) -> None:
    """Signature, disclosures and key binding; the badge comes out whole."""
    request = {"issuer": ISSUER_JWK, "holder": HOLDER_JWK, "nonce": NONCE, "required": ["vct", "iss"]}
    answer = node_peer.ask("sdjwt-verify", token=presented(), **request)
    assert answer.get("error") is None
    assert answer["audience"] == AUDIENCE
    assert answer["payload"]["ld"]["awardedDate"] == "2026-06-12T00:00:00Z"
    assert answer["payload"]["status"]["cairn"]["slot"] == 77
    record("Software of others", "@sd-jwt/core verifies presentations of ours", 0, accepted=1)


@pytest.mark.parametrize("wrong", [{"issuer": STRANGER_JWK}, {"holder": STRANGER_JWK}, {"nonce": "another"}])
def test_sd_jwt_core_refuses(wrong: dict[str, Any], node_peer: NodePeer) -> None:
    """Another issuer, another holder, another nonce."""
    request = {"issuer": ISSUER_JWK, "holder": HOLDER_JWK, "nonce": NONCE} | wrong
    assert node_peer.ask("sdjwt-verify", token=presented(), **request).get("error")
    record("Software of others", f"@sd-jwt/core refuses another: {next(iter(wrong))}", 0, refused=1)


def test_we_verify_what_sd_jwt_core_issues(node_peer: NodePeer) -> None:
    """Nested disclosures and their decoys; another key is refused."""
    claims = {"iss": "https://peer.example", "vct": "https://peer.example/t", "iat": now() // 1000,
              "person": {"name": "Zoë", "grades": ["A", "B"]}}  # fmt: skip
    frame = {"person": {"_sd": ["name"], "grades": {"_sd": [0]}, "_sd_decoy": 2}}
    header = {"typ": "dc+sd-jwt"}
    answer = node_peer.ask("sdjwt-issue", claims=claims, frame=frame, header=header, key=private_jwk(ISSUER_KEY))
    assert answer.get("error") is None
    verified = verify_sd_jwt(answer["token"], ISSUER_KEY.public, now=now() + 1000)
    assert verified.payload["person"] == claims["person"]
    with pytest.raises(CairnError):
        verify_sd_jwt(answer["token"], HOLDER_KEY.public, now=now() + 1000)
    record("Software of others", "@sd-jwt/core issues, verified here", 0, accepted=1, refused=1)


def test_openvc_verifies_a_presentation(openvc: Any) -> None:
    """The same, by the other library; a nonce that is not the one asked for is refused."""
    from openvc.proof.sd_jwt import SdJwtVcProofSuite  # type: ignore[import-not-found,unused-ignore]  # optional

    suite = SdJwtVcProofSuite()
    asked = {"public_key_jwk": ISSUER_JWK, "audience": AUDIENCE, "require_key_binding": True}
    found = suite.verify(presented(), nonce=NONCE, **asked)
    assert found.key_bound
    assert found.claims["ld"]["awardedDate"] == "2026-06-12T00:00:00Z"
    with pytest.raises(Exception, match="nonce"):
        suite.verify(presented(), nonce="another", **asked)
    record("Software of others", "openvc-core verifies presentations of ours", 0, accepted=1, refused=1)


def test_we_verify_what_openvc_issues(openvc: Any) -> None:
    """Issued and presented by openvc-core, with key binding; for another audience it is refused."""
    from openvc.keys import signing_key_from_jwk  # type: ignore[import-not-found,unused-ignore]  # optional
    from openvc.proof.sd_jwt import SdJwtVcProofSuite  # type: ignore[import-not-found,unused-ignore]  # optional

    suite = SdJwtVcProofSuite()
    issuer, holder = (signing_key_from_jwk(private_jwk(key), "k") for key in (ISSUER_KEY, HOLDER_KEY))
    claims = {"iss": "https://peer.example", "name": "Zoë", "grade": "A"}
    token = suite.issue(
        claims, signing_key=issuer, disclosable=["name"], holder_jwk=HOLDER_JWK, vct="https://peer.example/t", decoys=3
    )
    shown = suite.create_presentation(token, holder_key=holder, audience=AUDIENCE, nonce=NONCE)
    policy = BindingPolicy(audience=AUDIENCE, nonce=NONCE)
    verified = verify_sd_jwt(shown, ISSUER_KEY.public, now=now() + 1000, binding=policy)
    assert json.dumps(verified.payload["name"]) == json.dumps("Zoë")
    with pytest.raises(CairnError, match="made for"):
        other = BindingPolicy(audience="https://elsewhere.example", nonce=NONCE)
        verify_sd_jwt(shown, ISSUER_KEY.public, now=now() + 1000, binding=other)
    record("Software of others", "openvc-core issues and presents, verified here", 0, accepted=1, refused=1)
