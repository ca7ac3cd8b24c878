"""What a node writes with `cairn-node copy`, from its database and its keys, in the hands of software of others."""

import asyncio
import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ledger import base64url
from ledger.credential.dataintegrity.issuer_document import did_web_location, did_web_of, document_of_history
from ledger.credential.jose import parse_jws, public_key_to_jwk
from ledger.credential.keybinding import sign_key_binding
from ledger.credential.plainlist.slots import ListFile, list_url
from ledger.credential.strict_json import JSONObject
from ledger.log.didkey import encode_did_key, parse_multikey
from node.client.contexts import fill_folder
from node.client.copyform import Form
from node.keystore import KeyRole
from tests.conformance import record
from tests.interop.peers import NodePeer
from tests.ledger.credential.tokens import SHA_256
from tests.node.registrar.desks import Bench, fresh_bench
from tests.node.registrar.test_filecopies import HOLDER, URL, School
from tests.shared import shared_path

SUITE = "Software of others"
AUDIENCE, NONCE = "https://univ.example", "n-interop"
SUITES = ("eddsa-rdfc-2022", "eddsa-jcs-2022")


@dataclass(frozen=True, slots=True)
class Written:
    """What left the node: its copies by form, and what it serves to whoever verifies them."""

    issuer: str
    texts: dict[Form, str]
    served: dict[str, Any]
    p256: dict[str, Any]
    """The P-256 key that a diploma is signed with, as JWK."""

    def document(self, form: Form) -> JSONObject:
        found: JSONObject = json.loads(self.texts[form])
        return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """One diploma in every form, and a record of it and a course, after a cut."""
    contexts = shared_path("vectors/formats/contexts")

    async def make() -> Written:
        async with fresh_bench(tmp_path_factory.mktemp("node"), http_url=URL) as bench:
            fill_folder(contexts, bench.directory)
            # peers judge by their own clock, and a status list lives a week
            bench.clock.now = int(time.time() * 1000) - 60_000
            school = School(bench)
            await school.award()
            forms = (Form.OPEN_BADGE, Form.JWS, Form.SD_JWT, Form.SD_JWT_ES256)
            subject = encode_did_key(HOLDER.public)
            texts = {form: (await school.make(form, subject=subject)).text for form in forms}
            texts[Form.CLR] = (await school.make(Form.CLR, learner_id="L0001")).text
            await bench.desk.cut()
            key = bench.keystore.p256_with_role(KeyRole.REGISTER)[0].public
            return Written(school.issuer, texts, serve(bench, school.issuer), public_key_to_jwk(key))

    return asyncio.run(make())


def serve(bench: Bench, issuer: str) -> dict[str, Any]:
    """The issuer's document, under its name and its address, each of its keys, and its status lists."""
    did = did_web_of(issuer)
    document = document_of_history(did, bench.log.state.keys)
    found: dict[str, Any] = {did: document, did_web_location(did): document}
    methods: Any = document["verificationMethod"]
    for method in methods:
        found[method["id"]] = {"@context": "https://w3id.org/security/multikey/v1", **method}
    files = bench.desk.parts.status_files
    assert files is not None
    short = issuer.rpartition("/")[2]
    for number in files.numbers(short):
        for file in (ListFile.REVOCATION, ListFile.SUSPENSION):
            data = files.read(short, number, file)
            assert data is not None
            found[list_url(issuer, number, file)] = json.loads(data)
    return found


def changed(document: JSONObject) -> JSONObject:
    return document | {"name": "Somebody else's"}


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("form", [Form.OPEN_BADGE, Form.CLR])
def test_digitalbazaar_verifies_a_copy(
    form: Form, suite: str, written: Written, node_peer: NodePeer, contexts: dict[str, Any]
) -> None:
    """Under the key its did:web document lists, by either proof; a changed one fails."""
    asked = {"suite": suite, "documents": contexts | written.served}
    answer = node_peer.ask("vc-verify", credential=written.document(form), **asked)
    assert answer == {"verified": True, "error": ""}
    answer = node_peer.ask("vc-verify", credential=changed(written.document(form)), **asked)
    assert answer["verified"] is False and "signature" in answer["error"].lower()
    record(SUITE, f"@digitalbazaar/vc verifies a node's copy: {form.value}, {suite}", 0, accepted=1, refused=1)


def test_verifier_core_reads_a_badge_and_its_list(
    written: Written, node_peer: NodePeer, contexts: dict[str, Any]
) -> None:
    """Issuer found by did:web, signature, dates, and its status in the list the node serves."""
    held = contexts | written.served
    answer = node_peer.ask("core-verify", credential=written.document(Form.OPEN_BADGE), documents=held)
    assert answer["errors"] == []
    assert {name: answer["log"][name] for name in ("valid_signature", "expiration", "revocation_status")} == {
        "valid_signature": True,
        "expiration": True,
        "revocation_status": True,
    }
    answer = node_peer.ask("core-verify", credential=changed(written.document(Form.OPEN_BADGE)), documents=held)
    assert answer["log"].get("valid_signature") is not True and answer["errors"]
    record(SUITE, "verifier-core reads a node's badge and its status list", 0, accepted=1, refused=1)


def present(text: str) -> str:
    """The copy with its holder's key binding, made now."""
    now = int(time.time() * 1000)
    return sign_key_binding(text, audience=AUDIENCE, nonce=NONCE, now=now, sign=HOLDER.sign, digest=SHA_256)


def test_sd_jwt_core_verifies_an_es256_copy(written: Written, node_peer: NodePeer) -> None:
    """Signature, disclosures and key binding, by the key in its certificate; another issuer's key is refused."""
    text = written.texts[Form.SD_JWT_ES256]
    holder = public_key_to_jwk(HOLDER.public)
    asked = {"holder": holder, "nonce": NONCE, "required": ["vct", "iss", "vct#integrity"]}
    answer = node_peer.ask("sdjwt-verify", token=present(text), issuer=certified_jwk(text), **asked)
    assert answer.get("error") is None
    assert answer["audience"] == AUDIENCE
    assert answer["payload"]["iss"] == written.issuer
    assert "Learner Marker1" in json.dumps(answer["payload"])
    assert node_peer.ask("sdjwt-verify", token=present(text), issuer=holder, **asked).get("error")
    record(SUITE, "@sd-jwt/core verifies a node's copy: sd-jwt-es256", 0, accepted=1, refused=1)


def certified_jwk(text: str) -> dict[str, Any]:
    """The key in the first certificate of a token."""
    chain: Any = json.loads(base64url.decode(text.partition(".")[0]))["x5c"]
    key = x509.load_der_x509_certificate(base64.b64decode(chain[0])).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url.encode(point[1:33]),
        "y": base64url.encode(point[33:]),
    }


def test_openvc_verifies_an_es256_copy(written: Written, openvc: Any) -> None:
    """By the certificate, which names the issuer and is trusted as anchor; for another issuer it gives no key."""
    from openvc.proof.sd_jwt import SdJwtVcProofSuite  # type: ignore[import-not-found,unused-ignore]  # optional
    from openvc.x5c import load_x5c_chain, resolve_x5c_key  # type: ignore[import-not-found,unused-ignore]  # optional

    text = written.texts[Form.SD_JWT_ES256]
    chain: Any = json.loads(base64url.decode(text.partition(".")[0]))["x5c"]
    anchors = load_x5c_chain(chain)
    jwk = resolve_x5c_key(chain, written.issuer, trust_anchors=anchors)
    asked = {"audience": AUDIENCE, "nonce": NONCE, "require_key_binding": True}
    found = SdJwtVcProofSuite().verify(present(text), public_key_jwk=jwk, **asked)
    assert found.key_bound and found.claims["iss"] == written.issuer
    with pytest.raises(Exception, match="iss"):
        resolve_x5c_key(chain, "https://elsewhere.example", trust_anchors=anchors)
    record(SUITE, "openvc-core verifies a node's copy: sd-jwt-es256", 0, accepted=1, refused=1)


def test_openvc_verifies_a_jws(written: Written, openvc: Any) -> None:
    """The ES256 badge by the key its `kid` leads to; with another payload it is refused.

    openvc-core reads credentials in a JWT only inside the claim `vc` of data model 1.1, Open Badges 3.0 puts them at the
    top; so its JWS is asked, not its reader of credentials.
    """
    from openvc.keys import verify_signature  # type: ignore[import-not-found,unused-ignore]  # optional

    jws = parse_jws(written.texts[Form.JWS])
    key = parse_multikey(str(jws.header["kid"]).rpartition("/")[2], where="kid")
    assert public_key_to_jwk(key) == written.p256
    asked = {"alg": jws.header["alg"], "public_jwk": written.p256, "signature": jws.signature}
    assert verify_signature(signing_input=jws.signing_input, **asked)
    assert not verify_signature(signing_input=jws.signing_input + b"A", **asked)
    record(SUITE, "openvc-core verifies a node's copy: jws", 0, accepted=1, refused=1)
