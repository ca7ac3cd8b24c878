"""Our own badges, tokens and records through the whole numbered list: the same verdicts as for an SD-JWT."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ledger import base64url
from ledger.credential import badge, clr
from ledger.credential.badge import BadgeTerms, Issuer, commit_text
from ledger.credential.baking import bake
from ledger.credential.clr import RecordTerms
from ledger.credential.copy import AwardContent, IssuerProfile
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import did_web_of, method_url
from ledger.credential.dataintegrity.signing import add_proof
from ledger.credential.external.judge import judge_external
from ledger.credential.external.kind import find_kind
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.p256 import DRAWN_BYTES, P256SigningKey, make_secret
from ledger.credential.report import UNBOUND_NOTE, Answer, Code, CredentialReport, RecordReport
from ledger.credential.status import Status
from ledger.credential.strict_json import JSONObject
from ledger.credential.verify_forms import FormJudge
from ledger.log.charter import Role
from ledger.log.didkey import encode_multikey
from ledger.log.governance import MemberOp, Rights
from ledger.log.keys import SigningKey
from ledger.log.receipt import Receipt, encode_receipt
from ledger.log.records import DocumentType
from tests.ledger.credential import badges
from tests.ledger.credential.external.test_traps import png
from tests.ledger.credential.verifying import AWARD, COURSE, DAY, SECONDS, World
from tests.simulator import NOW

SUBJECT = "urn:uuid:00000000-0000-4000-8000-00000000abcd"
P256 = P256SigningKey(make_secret(bytes(range(DRAWN_BYTES))))


@dataclass
class Copy:
    """One file, with its slot and where it came to stand."""

    text: str
    slot: int
    receipt: Receipt | None = None

    @property
    def document(self) -> Any:
        return json.loads(self.text)

    @property
    def commitment(self) -> bytes:
        return commit_text(self.text)


class Forms(World):
    """Granite hands out files; somebody verifies them with the contexts at hand."""

    @property
    def did(self) -> str:
        return did_web_of(self.issuer(self.granite))

    def unsigned(self, content: AwardContent = AWARD, **changes: Any) -> tuple[JSONObject, int]:
        place = self.desk(self.granite).reference()
        profile = IssuerProfile(self.did, "Granite", "https://granite.example")
        terms = BadgeTerms(
            copy_id=f"00000000-0000-4000-8000-{place.slot:012d}",
            subject_id=SUBJECT,
            issued_at=SECONDS,
            status=place,
        )
        return badge.make_badge(replace(content, issuer=profile, **changes), terms), place.slot

    def sign(self, document: JSONObject, key: SigningKey | None = None) -> str:
        signer = key or self.granite.role_signers[Role.REGISTER]
        issuer = Issuer(method=method_url(self.did, signer.public), sign=signer.sign, library=badges.library())
        return orjson.dumps(badge.sign_document(document, issuer)).decode()

    def badge(self, key: SigningKey | None = None, **changes: Any) -> Copy:
        document, slot = self.unsigned(**changes)
        return Copy(self.sign(document, key), slot)

    def token(self, url: str, algorithm: str, sign: Any, **changes: Any) -> Copy:
        document, slot = self.unsigned(**changes)
        return Copy(badge.sign_compact(document, key_url=url, algorithm=algorithm, sign=sign), slot)

    def es256(self, key: Any = P256) -> Copy:
        return self.token(f"{self.issuer(self.granite)}/keys/{encode_multikey(key.public)}", "ES256", key.sign)

    def record(self, *inside: Copy) -> Copy:
        place = self.desk(self.granite).reference()
        terms = RecordTerms(
            issuer=IssuerProfile(self.did, "Granite", "https://granite.example"),
            copy_id=f"00000000-0000-4000-8000-{place.slot:012d}",
            name="Learner record, Granite",
            subject_id=SUBJECT,
            issued_at=SECONDS,
            is_partial=True,
            status=place,
        )
        document = clr.make_record([one.document for one in inside], terms)
        return Copy(self.sign(document, self.granite.role_signers[Role.ISSUE]), place.slot)

    def held(self, **changes: Any) -> Copy:
        one = self.badge(**changes)
        self.cut(one)  # type: ignore[arg-type]  # what a batch wants of a copy it has
        return one

    def judge(
        self,
        data: str | bytes,
        *receipts: Receipt | None,
        as_of: int | None = None,
        contexts: bool = True,
        now: int = NOW + 60_000,
        **asked: Any,
    ) -> RecordReport:
        given = tuple(encode_receipt(one) for one in receipts if one is not None)
        own = FormJudge(self.look(), as_of, given)
        library = badges.library() if contexts else ContextLibrary()
        question = ExternalQuestion(now=now, library=library, own=own, **asked)
        return judge_external(data if isinstance(data, bytes) else data.encode(), question)

    def check_form(self, one: Copy, **asked: Any) -> CredentialReport:
        return self.judge(one.text, one.receipt, **asked).credentials[0]


@pytest.fixture
def world() -> Forms:
    return Forms()


def answers(report: CredentialReport) -> dict[int, Answer]:
    return {step.number: step.answer for step in report.steps}


def test_a_badge_goes_through_all_steps(world: Forms) -> None:
    """Every step has an answer, the lines are the issuer's, and the verdict says that it is bound to nobody."""
    one = world.held()
    report = world.check_form(one)
    assert (report.code, report.issuer) == (Code.VALID, "Granite")
    found = answers(report)
    assert list(found) == list(range(1, 15)) and found[4] is Answer.NOT_APPLICABLE
    assert {found[n] for n in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11)} == {Answer.YES}
    assert UNBOUND_NOTE in report.notes and not any("external" in note for note in report.notes)
    assert {line.claim_class.value for line in report.shown} == {"issued"}
    assert "awarded_on" in {line.label for line in report.shown}
    assert base64url.encode(world.desk(world.granite).reference().key) not in str(report.to_json())


def test_without_receipt_the_batches_held_are_searched(world: Forms) -> None:
    """Found without one; not there at all is no proof of anything; a receipt of another copy proves nothing."""
    one, other, waiting = world.held(), world.held(), world.badge()
    assert world.judge(one.text).credentials[0].code is Code.VALID
    assert world.judge(one.text, other.receipt).credentials[0].code is Code.VALID
    assert world.judge(waiting.text, other.receipt).credentials[0].code is Code.NO_RECEIPT
    newer = replace(other.receipt or Receipt(b"", 0, 0, ()), index=9_999)  # type: ignore[arg-type]
    assert world.judge(waiting.text, newer).credentials[0].code is Code.STALE


@pytest.mark.parametrize(
    ("status", "code"),
    [(Status.REVOKED, Code.REVOKED), (Status.SUSPENDED, Code.SUSPENDED), (Status.REPLACED, Code.SUPERSEDED)],
)
def test_status_shows_after_a_cut(world: Forms, status: Status, code: Code) -> None:
    """What a decision changes is read from the page; before it, the badge was valid."""
    one = world.held()
    assert world.check_form(one).code is Code.VALID
    world.desk(world.granite).statuses[one.slot] = status
    assert world.check_form(one).code is Code.VALID
    world.cut()
    assert world.check_form(one).code is code


def test_an_altered_file_is_not_believed(world: Forms) -> None:
    """One letter, a removed slot, or a member added: nothing else about it is said."""
    one = world.held()
    document = one.document
    for changed in (
        one.text.replace("Granite", "Quarry "),
        json.dumps({name: value for name, value in document.items() if name != "termsOfUse"}),
        json.dumps(document | {"name": "Doctor"}),
    ):
        report = world.judge(changed, one.receipt).credentials[0]
        assert (report.code, len(report.steps), report.shown) == (Code.BAD_SIGNATURE, 2, ())


def test_dropping_a_proof_leaves_another_credential(world: Forms) -> None:
    """One proof of the two verifies, but what the issuer put on the ledger has both."""
    one = world.held()
    document = one.document
    document["proof"] = document["proof"][1]
    assert world.judge(json.dumps(document), one.receipt).credentials[0].code is Code.NO_RECEIPT


def test_a_proof_of_somebody_else_beside_the_issuers(world: Forms) -> None:
    """It signs over no proof of the issuer's, so it is no countersignature and the policy refuses the file."""
    one = world.held()
    terms = badges.terms(Cryptosuite.EDDSA_JCS_2022, badges.NETWORK)
    added = add_proof(one.document, terms, badges.NETWORK.sign, badges.library())
    assert world.judge(json.dumps(added), one.receipt).credentials[0].code is Code.BAD_SIGNATURE


def test_a_strangers_key_and_a_wrong_role(world: Forms) -> None:
    """A key the log never named signs nothing; one of another role does not sign diplomas."""
    assert world.check_form(world.held(key=badges.STRANGER)).code is Code.BAD_SIGNATURE
    wrong = world.held(key=world.granite.role_signers[Role.ISSUE])
    assert world.check_form(wrong).code is Code.ISSUER_NOT_AUTHORISED
    course = world.held(key=world.granite.role_signers[Role.ISSUE], achievement=COURSE, results=(), credits=None)
    assert world.check_form(course).code is Code.VALID


def test_position_decides_about_a_stolen_key(world: Forms) -> None:
    """Below the theft the badge stays good, though a DID document would list the key no more; above it is the thief's."""
    before = world.held()
    since = world.granite.size
    after = world.held()
    world.granite.compromise(world.granite.role_signers[Role.REGISTER], since)
    world.cut()
    assert world.check_form(before).code is Code.VALID
    assert world.check_form(after).code is Code.KEY_COMPROMISED


def test_a_verifier_that_asks_for_a_binding_is_told(world: Forms) -> None:
    """No holder has signed it, so an audience cannot be shown."""
    report = world.check_form(world.held(), audience="https://college.example")
    assert report.code is Code.NOT_BOUND and answers(report)[4] is Answer.NO


def test_without_contexts_the_other_proof_decides(world: Forms) -> None:
    """The proof that needs none is checked, and the report says which was not."""
    report = world.check_form(world.held(), contexts=False)
    assert report.code is Code.VALID
    assert "not checked beside it: eddsa-rdfc-2022" in report.steps[1].detail


def test_an_expired_badge(world: Forms) -> None:
    """Its own date counts, now and at the moment asked about."""
    one = world.held(valid_until="2026-06-30")
    assert world.check_form(one).code is Code.VALID
    report = world.check_form(one, now=NOW + 40 * DAY, as_of=NOW + 30_000)
    assert report.code is Code.EXPIRED
    assert report.as_of is not None and report.as_of.known_then.code is Code.VALID


def test_a_compact_jws_by_a_p256_key(world: Forms) -> None:
    """Its commitment is over the token; revoked and altered ones are told, and a key that was never named."""
    assert world.check_form(world.es256()).code is Code.BAD_SIGNATURE
    world.granite.add_key(P256, Role.REGISTER)  # type: ignore[arg-type]  # it signs like the others
    one = world.es256()
    world.cut(one)  # type: ignore[arg-type]
    assert world.check_form(one).code is Code.VALID
    head, body, signature = one.text.split(".")
    changed = base64url.decode(body).replace(b"Granite", b"Quarry ")
    report = world.judge(f"{head}.{base64url.encode(changed)}.{signature}").credentials[0]
    assert report.code is Code.BAD_SIGNATURE
    world.desk(world.granite).statuses[one.slot] = Status.REVOKED
    world.cut()
    assert world.check_form(one).code is Code.REVOKED


def test_an_rsa_key_counts_by_its_published_document(world: Forms) -> None:
    """Only where it was published before, and is in use."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = private.public_key().public_numbers()
    e, n = (base64url.encode(value.to_bytes((value.bit_length() + 7) // 8)) for value in (numbers.e, numbers.n))
    jwk = orjson.dumps({"alg": "RS256", "e": e, "kty": "RSA", "n": n, "use": "sig"})
    name = f"rs256-{base64url.encode(hashlib.sha256(jwk).digest())[:22]}"

    def make() -> Copy:
        url = f"{world.issuer(world.granite)}/policies/{name}/1"
        return world.token(url, "RS256", lambda data: private.sign(data, padding.PKCS1v15(), hashes.SHA256()))

    for version in ("9" * 20, "9" * 5_000, "²", "-1", ""):
        url = f"{world.issuer(world.granite)}/policies/{name}/{version}"
        copy = world.token(url, "RS256", lambda data: private.sign(data, padding.PKCS1v15(), hashes.SHA256()))
        assert world.check_form(copy).code is Code.BAD_SIGNATURE, "no such version, however it is written"
    early = make()
    world.cut(early)  # type: ignore[arg-type]
    assert world.check_form(early).code is Code.BAD_SIGNATURE
    world.granite.publish(name, document=jwk, type_=DocumentType.POLICY)
    one = make()
    world.cut(one)  # type: ignore[arg-type]
    report = world.check_form(one)
    assert report.code is Code.VALID and "published by entry" in report.steps[9].detail
    assert world.check_form(early).code is Code.ISSUER_NOT_AUTHORISED


def test_a_record_and_what_is_inside(world: Forms) -> None:
    """One report for the record and one for each badge, each with its own place and slot; the worst decides."""
    first, second = world.badge(), world.badge()
    record = world.record(first, second)
    world.cut(record, first, second)  # type: ignore[arg-type]
    receipts = (record.receipt, first.receipt, second.receipt)
    report = world.judge(record.text, *receipts)
    assert [one.code for one in report.credentials] == [Code.VALID] * 3
    assert report.credentials[0].title == "Learner record, Granite"
    world.desk(world.granite).statuses[second.slot] = Status.REVOKED
    world.cut()
    report = world.judge(record.text, *receipts)
    assert [one.code for one in report.credentials] == [Code.VALID, Code.VALID, Code.REVOKED]
    assert report.exit_code == 1


def test_a_record_needs_no_right_to_an_achievement(world: Forms) -> None:
    """A member with rights to diplomas alone puts them together too; calling a badge a record gives it no right."""
    world.network.member(world.granite, MemberOp.AMEND, Rights(types=("SecondarySchoolDiploma",)))
    one = world.badge()
    record = world.record(one)
    document, slot = world.unsigned(achievement=COURSE, results=(), credits=None)
    document["type"] = ["VerifiableCredential", "ClrCredential"]
    key = world.granite.role_signers[Role.ISSUE]
    url = method_url(world.did, key.public)
    disguised = Copy(badge.sign_compact(document, key_url=url, algorithm="EdDSA", sign=key.sign), slot)
    world.cut(record, one, disguised)  # type: ignore[arg-type]
    assert [report.code for report in world.judge(record.text).credentials] == [Code.VALID, Code.VALID]
    asked = ExternalQuestion(now=NOW + 60_000)
    report = FormJudge(world.look())(find_kind(disguised.text), asked)
    assert report is not None and answers(report)[9] is Answer.NO


def test_a_picture_carries_it(world: Forms) -> None:
    """A baked badge is judged like the badge, and the report says what carried it."""
    one = world.held()
    report = world.judge(bake(png(), one.text), one.receipt)
    assert report.credentials[0].code is Code.VALID and "PNG" in report.notes[0]


def test_others_stay_external(world: Forms) -> None:
    """An issuer that is no member goes the other way."""
    foreign = json.dumps(badges.signed(Cryptosuite.EDDSA_JCS_2022))
    report = world.judge(foreign).credentials[0]
    assert report.code is Code.UNKNOWN_ISSUER and report.notes[0].startswith("external")
