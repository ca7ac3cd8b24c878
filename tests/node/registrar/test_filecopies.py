"""Tests of node.registrar.filecopies and copy_desk: every form of other software, from the award to its receipt."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from sqlalchemy.orm import Session

from ledger import base64url
from ledger.credential import badge
from ledger.credential.dataintegrity.issuer_document import (
    IssuerDocuments,
    did_web_of,
    document_of_history,
    parse_issuer_document,
)
from ledger.credential.dataintegrity.judgement import ProofQuestion, ProofsJudgement, judge_proofs
from ledger.credential.external.judge import judge_external
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.jose import parse_jws, verify_jws
from ledger.credential.report import Answer
from ledger.credential.sdjwt import open_claims, parse_sd_jwt, verify_issuer_signature
from ledger.credential.status import Status, StatusReference, page_position, parse_status_claim, read_status
from ledger.credential.typemetadata import hash_type_metadata
from ledger.credential.verify_forms import FormJudge
from ledger.errors import MalformedError, RuleError
from ledger.log.body import parse_body
from ledger.log.didkey import encode_did_key, parse_multikey
from ledger.log.entry import parse_entry, sign_statement
from ledger.log.governance import RetireKey
from ledger.log.keys import Algorithm, SigningKey
from ledger.log.network import Network
from ledger.log.policy import QuorumRule, TrustRoot
from ledger.log.receipt import parse_receipt, verify_receipt
from ledger.log.records import DocumentName, DocumentType
from ledger.log.statements import encode
from node.client.contexts import fill_folder
from node.client.copyform import AssociationOrder, CopyOrder, Form, MadeCopy
from node.client.registry import IssueRequest
from node.keystore import KeyRole
from node.registrar import plainslots
from node.registrar.copy_desk import CopyDesk
from node.registrar.issuercertificates import FOLDER
from node.sequencer import SignedStatement
from tests.conformance import record
from tests.ledger.credential.badges import library
from tests.node.registrar.desks import DIPLOMA, ROOT_KEY, Bench, Dice, achievement_json, csv_of, fresh_bench
from tests.shared import shared_path

pytestmark = pytest.mark.asyncio
URL = "https://ledger.example"
COURSE = "algebra"
HOLDER = SigningKey(b"\x09" * 32)
SCHEMAS = "vectors/formats/schemas"
OB_SCHEMA = f"{SCHEMAS}/ob-v3p0/ob_v3p0_achievementcredential_schema.json"
CLR_SCHEMA = f"{SCHEMAS}/clr-v2p0/clr_v2p0_clrcredential_schema.json"
ISSUED = "What we issue, by the published schemas"
VC_SCHEMA = f"{SCHEMAS}/vc-data-model-2.0/verifiable-credential/verifiable-credential-schema.json"


class School:
    """A desk with a diploma and a course awarded to one learner, and what a stranger does with its copies."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.copies = CopyDesk(bench.desk)
        self.awards: dict[str, str] = {}

    async def award(self) -> None:
        await self.bench.desk.publish(achievement_json(COURSE, achievement_type="Course"))
        for achievement in (DIPLOMA, COURSE):
            report = await self.bench.desk.issue(IssueRequest(data=csv_of([1]), achievement=achievement))
            (self.awards[achievement],) = report.issued
        await self.bench.desk.cut()

    async def make(self, form: Form, achievement: str = DIPLOMA, **more: Any) -> MadeCopy:
        if "learner_id" not in more:
            more.setdefault("award_ids", (self.awards[achievement],))
        return await self.copies.make(CopyOrder(form=form, **more))

    @property
    def issuer(self) -> str:
        return self.bench.desk.make_press().issuer.id

    def judge(self, document: Any) -> ProofsJudgement:
        did = did_web_of(self.issuer)
        held = parse_issuer_document(document_of_history(did, self.bench.log.state.keys), did)
        question = ProofQuestion(
            now=self.bench.clock(), signer=did, documents=IssuerDocuments([held]), library=library()
        )
        return judge_proofs(document, question)

    async def receipts(self, form: Form, *commitments: bytes, **more: Any) -> None:
        """Cut, ask again, and check every receipt against the log."""
        before = await self.make(form, **more)
        assert (before.is_new, before.receipts) == (False, ())
        await self.bench.desk.cut()
        again = await self.make(form, **more)
        assert (again.text, again.is_new, len(again.receipts)) == (before.text, False, len(commitments))
        for text, commitment in zip(again.receipts, commitments, strict=True):
            receipt = parse_receipt(json.loads(text))
            verify_receipt(receipt, commitment, parse_entry(self.bench.log.entry(receipt.index)))

    def status(self, slot: StatusReference) -> int:
        page = self.bench.log.state.effective_status()
        assert page is not None
        body = self.bench.log.body(page.index)
        assert body is not None
        item, offset = page_position(page.lists, slot.log, slot.number, slot.slot)
        return read_status(parse_body("status", body)[item][offset], slot.key, page.statement_id)


@pytest_asyncio.fixture
async def school(tmp_path: Path) -> AsyncIterator[School]:
    async with fresh_bench(tmp_path, http_url=URL) as bench:
        fill_folder(shared_path("vectors/formats/contexts"), bench.directory)
        made = School(bench)
        await made.award()
        yield made


def validate(document: Any, *schemas: str) -> None:
    for name in schemas:
        schema = json.loads(shared_path(name).read_bytes())
        jsonschema.validators.validator_for(schema)(schema).validate(document)


async def test_an_open_badge_from_award_to_receipt(school: School) -> None:
    """Two proofs, each good by itself, under a key of the ledger's history; schema-valid; on the ledger with the cut."""
    made = await school.make(Form.OPEN_BADGE)
    document = json.loads(made.text)
    assert made.is_new
    validate(document, OB_SCHEMA, VC_SCHEMA)
    judgement = school.judge(document)
    assert [(one.suite, one.answer) for one in judgement.proofs] == [
        ("eddsa-rdfc-2022", Answer.YES),
        ("eddsa-jcs-2022", Answer.YES),
    ]
    for proof in document["proof"]:
        assert school.judge({**document, "proof": proof}).answer is Answer.YES
    changed = json.loads(made.text.replace("Learner Marker1", "Somebody Else"))
    assert school.judge(changed).answer is Answer.NO
    assert document["issuer"]["id"] == did_web_of(school.issuer)
    record(ISSUED, "cairn-node copy --form open-badge: Open Badges 3.0, data model 2.0", 2, accepted=2)
    await school.receipts(Form.OPEN_BADGE, badge.commit_text(made.text))


async def test_a_status_command_reaches_every_copy(school: School) -> None:
    """Each has a slot of its own, and a revocation shows in all of them; then no copy is made any more."""
    texts = [(await school.make(form)).text for form in (Form.OPEN_BADGE, Form.SD_JWT, Form.JWS)]
    slots = [
        badge.read_slot(json.loads(texts[0])),
        parse_status_claim(open_claims(parse_sd_jwt(texts[1])).payload["status"]),
        badge.read_slot(json.loads(parse_jws(texts[2]).payload)),
    ]
    await school.bench.desk.cut()
    assert len({slot.slot for slot in slots if slot is not None}) == 3
    assert [school.status(slot) for slot in slots if slot is not None] == [0, 0, 0]
    await school.bench.desk.set_status([school.awards[DIPLOMA]], Status.REVOKED)
    await school.bench.desk.cut()
    assert [school.status(slot) for slot in slots if slot is not None] == [1, 1, 1]
    with pytest.raises(RuleError, match="is revoked, so no copy is made"):
        await school.make(Form.OPEN_BADGE)


async def test_other_software_reads_a_revocation_too(school: School) -> None:
    """Each copy names a place in the plain lists, in the words of its format; there it is revoked with the award."""
    document = json.loads((await school.make(Form.OPEN_BADGE)).text)
    payload: Any = open_claims(parse_sd_jwt((await school.make(Form.SD_JWT_ES256)).text)).payload
    entry = document["credentialStatus"]
    assert (entry["type"], entry["statusPurpose"]) == ("BitstringStatusListEntry", "revocation")
    places = [int(entry["statusListIndex"]), payload["status"]["status_list"]["idx"]]
    assert entry["statusListCredential"].startswith(f"{school.issuer}/") and places[0] != places[1]

    def read(session: Session) -> list[int]:
        (plain,) = plainslots.load_lists(session)
        return [int(plain.statuses.get(place, 0)) for place in places]

    await school.bench.desk.cut()
    assert await school.bench.desk.database.look(read) == [0, 0]
    await school.bench.desk.set_status([school.awards[DIPLOMA]], Status.REVOKED)
    await school.bench.desk.cut()
    assert await school.bench.desk.database.look(read) == [1, 1]


async def test_es256_with_certificates(school: School) -> None:
    """By the P-256 key of the right role, whose certificate names the issuer; type metadata pinned; bound if asked."""
    made = await school.make(Form.SD_JWT_ES256, subject=encode_did_key(HOLDER.public))
    token = parse_sd_jwt(made.text)
    key = school.bench.keystore.p256_with_role(KeyRole.REGISTER)[0]
    verify_issuer_signature(token, key.public)
    assert (token.jws.header["alg"], token.jws.header["typ"]) == ("ES256", "dc+sd-jwt")
    chain: Any = token.jws.header["x5c"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(chain[0]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [school.issuer]
    certificate.verify_directly_issued_by(certificate)
    payload = open_claims(token).payload
    assert payload["vct#integrity"] == hash_type_metadata(str(payload["vct"]))
    assert payload["cnf"] and payload["iss"] == school.issuer
    again = parse_sd_jwt((await school.make(Form.SD_JWT_ES256, is_fresh=True)).text)
    assert again.jws.header["x5c"] == chain
    await school.receipts(Form.SD_JWT_ES256, badge.commit_text(made.text), subject=encode_did_key(HOLDER.public))


async def test_a_certificate_for_another_key_is_refused(school: School) -> None:
    """An authority's chain has to be for the key that signs; one the node made itself is made anew."""
    await school.make(Form.SD_JWT_ES256)
    await school.make(Form.SD_JWT_ES256, COURSE)
    folder = school.bench.directory / FOLDER
    (folder / "register.pem").write_bytes((folder / "issue.pem").read_bytes())
    await school.make(Form.SD_JWT_ES256, is_fresh=True)
    assert (folder / "register.pem").read_bytes() != (folder / "issue.pem").read_bytes()
    (folder / "register.pem").write_text("nonsense")
    with pytest.raises(MalformedError, match="holds no certificates"):
        await school.make(Form.SD_JWT_ES256, is_fresh=True)


async def test_a_compact_jws(school: School) -> None:
    """Open Badges 3.0: the claims repeat what the credential says; `kid` leads to the key."""
    made = await school.make(Form.JWS, COURSE)
    jws = parse_jws(made.text)
    payload = json.loads(jws.payload)
    key = parse_multikey(str(jws.header["kid"]).rpartition("/")[2], where="kid")
    verify_jws(jws, key)
    assert key == school.bench.keystore.p256_with_role(KeyRole.ISSUE)[0].public
    assert str(jws.header["kid"]).startswith(f"{school.issuer}/keys/z") and key.algorithm is Algorithm.P256
    assert payload["iss"] == payload["issuer"]["id"] and payload["jti"] == payload["id"]
    assert payload["sub"] == payload["credentialSubject"]["id"]
    validate(payload, OB_SCHEMA, VC_SCHEMA)
    record(ISSUED, "cairn-node copy --form jws: Open Badges 3.0, data model 2.0", 2, accepted=2)
    await school.receipts(Form.JWS, badge.commit_text(made.text), achievement=COURSE)


async def test_a_jws_by_an_rsa_key(school: School) -> None:
    """The key is made once and published before it signs; `kid` is where the document is served."""
    made = await school.make(Form.JWS_RS256)
    again = await school.make(Form.JWS_RS256, COURSE)
    jws, other = parse_jws(made.text), parse_jws(again.text)
    assert (jws.header["alg"], jws.header["kid"]) == ("RS256", other.header["kid"])
    base, name, version = str(jws.header["kid"]).rsplit("/", 2)
    assert base == f"{school.issuer}/policies"
    held = school.bench.log.state.document(DocumentName(name, int(version)))
    assert held is not None and held.type is DocumentType.POLICY
    body = school.bench.log.body(held.index)
    assert body is not None
    n, e = (int.from_bytes(base64url.decode(json.loads(body)[member]), "big") for member in "ne")
    public = RSAPublicNumbers(e, n).public_key()
    public.verify(jws.signature, jws.signing_input, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(other.signature, jws.signing_input, padding.PKCS1v15(), hashes.SHA256())
    (path,) = (school.bench.directory / "keys").glob("rs256-*.pem")
    assert path.stat().st_mode & 0o777 == 0o600
    await school.receipts(Form.JWS_RS256, badge.commit_text(made.text))


async def test_a_learner_record(school: School) -> None:
    """Of all awards: not partial; each credential inside by itself; associations; receipts for all of them."""
    order = {"associations": (AssociationOrder("isPartOf", f"{COURSE}/1", f"{DIPLOMA}/1"),), "learner_id": "L0001"}
    made = await school.make(Form.CLR, **order)
    document = json.loads(made.text)
    validate(document, CLR_SCHEMA, VC_SCHEMA)
    record(ISSUED, "cairn-node copy --form clr: CLR 2.0, data model 2.0", 2, accepted=2)
    assert school.judge(document).answer is Answer.YES
    subject = document["credentialSubject"]
    inside = subject["verifiableCredential"]
    assert document["partial"] is False and len(inside) == 2
    assert [school.judge(one).answer for one in inside] == [Answer.YES, Answer.YES]
    assert {one["credentialSubject"]["id"] for one in inside} == {subject["id"]}
    (association,) = subject["association"]
    assert association["type"] == "Association" and association["sourceId"].endswith(f"/{COURSE}/1")
    commitments = [badge.commit_text(json.dumps(one)) for one in (document, *inside)]
    await school.receipts(Form.CLR, *commitments, **order)
    part = await school.make(Form.CLR, COURSE)
    assert json.loads(part.text)["partial"] is True


async def test_what_was_not_asked_for_is_left_out(school: School) -> None:
    """In a form where nothing can be hidden, only the name says who the learner is."""
    row = b"learner_id,name,awarded_on,email,date_of_birth\nL9,Ada Nine,2026-06-15,ada@nine.example,2008-01-02\n"
    report = await school.bench.desk.issue(IssueRequest(data=row, achievement=DIPLOMA))
    plain = await school.make(Form.OPEN_BADGE, award_ids=report.issued)
    more = await school.make(Form.OPEN_BADGE, award_ids=report.issued, include=("email",))
    assert "Ada Nine" in plain.text and "ada@nine" not in plain.text and "2008" not in plain.text
    assert "ada@nine" in more.text and "2008" not in more.text


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"form": Form.OPEN_BADGE, "include": ("grades",)}, "none of email, date_of_birth"),
        ({"form": Form.SD_JWT, "include": ("email",)}, "each can be hidden"),
        ({"form": Form.JWS, "learner_id": "L0001"}, "one award is expected"),
        ({"form": Form.CLR, "learner_id": "L0404"}, "no valid award"),
        ({"form": Form.OPEN_BADGE, "subject": "did:web:x"}, "did:key"),
        ({"form": Form.CLR, "associations": (AssociationOrder("isPartOf", "x", "y"),)}, "is not ID/VERSION"),
        (
            {"form": Form.CLR, "associations": (AssociationOrder("isAbove", f"{DIPLOMA}/1", f"{DIPLOMA}/1"),)},
            "no type 'isAbove'",
        ),
    ],
)
async def test_orders_that_are_refused(school: School, order: dict[str, Any], message: str) -> None:
    """With what is wrong, before a slot is drawn."""
    with pytest.raises((MalformedError, RuleError), match=message):
        await school.make(**order)


async def test_a_key_that_left_force_before_the_cut(school: School) -> None:
    """The copy never goes to the ledger; the same request makes another one, or says which key is missing."""
    made = await school.make(Form.JWS)
    key = school.bench.keystore.p256_with_role(KeyRole.REGISTER)[0].public.id
    log = school.bench.log.state.log_id
    data = encode(RetireKey(at=1, id=Dice("retire")(16), log=log, after=-1, until=99, key=key))
    await school.bench.desk.submit(SignedStatement(data, sign_statement(data, [ROOT_KEY])))
    await school.bench.desk.cut()
    with pytest.raises(RuleError, match="no P-256 register key"):
        await school.make(Form.JWS)
    assert made.receipts == ()
    did = did_web_of(school.issuer)
    assert len(document_of_history(did, school.bench.log.state.keys)["assertionMethod"]) == 4  # type: ignore[arg-type]


async def test_without_contexts_or_network(tmp_path: Path) -> None:
    """Words that say what to do; forms that need neither are made."""
    async with fresh_bench(tmp_path, http_url=URL) as bench:
        school = School(bench)
        await school.award()
        with pytest.raises(RuleError, match="is not held here") as refused:
            await school.make(Form.OPEN_BADGE)
        assert "cairn-node contexts DIR --from" in refused.value.hint
        assert (await school.make(Form.JWS)).is_new
    async with fresh_bench(tmp_path, seed="alone") as bench:
        school = School(bench)
        await school.award()
        with pytest.raises(RuleError, match="only at an https address"):
            await school.make(Form.JWS)
        assert (await school.make(Form.SD_JWT)).is_new


async def test_every_form_goes_through_the_ledgers_list(school: School) -> None:
    """What the desk hands out is found again by a verifier: key, place on the ledger, role and slot, from the log alone."""
    forms = (Form.OPEN_BADGE, Form.JWS, Form.JWS_RS256, Form.CLR)
    made = [await school.make(form) for form in forms]
    await school.bench.desk.cut()
    log = school.bench.log
    assert log.note is not None
    trust = TrustRoot(
        network=log.state.log_id,
        origin=log.state.charter.origin,
        log_key=log.state.log_key,
        head_size=log.state.size,
        head_root=log.state.frontier.root(),
        witnesses=(),
        quorum=QuorumRule.NONE,
        max_age=86_400_000,
        name="Alone",
    )
    network = Network(trust, school.bench.desk.parts.ledger)
    network.owner_of = lambda issuer: log.state.log_id if issuer == school.issuer else None  # type: ignore[method-assign]  # nobody has admitted this school
    asked = ExternalQuestion(now=school.bench.clock(), library=library(), own=FormJudge(network))
    for form, one in zip(forms, made, strict=True):
        for report in judge_external(one.text.encode(), asked).credentials:
            found = {step.number: step.answer for step in report.steps}
            assert [found[number] for number in (1, 2, 3, 5, 6, 10, 11)] == [Answer.YES] * 7, (form, report.to_lines())
