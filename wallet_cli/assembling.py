"""A record of chosen badges that the learner signs with the wallet's own keys (`ledger.credential.assembled`).

Every badge is judged first: what is not authentic, or was valid once, has no place in it. A badge made out to a key of
this vault is signed for by that key; one made out to somebody else's key is refused; one made out to no key goes in and
stays bound to nobody. The finished record is judged too, before anybody gets it.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from ledger.credential.assembled import DESCRIPTION, assemble, identities_of, sign_record
from ledger.credential.badge import SUITES
from ledger.credential.clr import Association, RecordTerms
from ledger.credential.copy import IssuerProfile, random_uuid
from ledger.credential.external.container import open_container
from ledger.credential.external.judge import judge_external
from ledger.credential.external.kind import MAX_TEXT_BYTES, Envelope, Kind, find_kind
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.shape import subjects_of
from ledger.credential.jsonld.context import MissingContextError
from ledger.credential.receipt_list import encode_receipts, parse_receipts
from ledger.credential.report import RecordReport, Verdict
from ledger.credential.strict_json import JSONObject
from ledger.credential.verify_forms import FormJudge
from ledger.errors import MalformedError, PolicyError, RuleError
from ledger.log.didkey import encode_did_key
from ledger.log.keys import SEED_BYTES, SigningKey
from wallet_cli import imported
from wallet_cli.holdings import Contents
from wallet_cli.imports import Import

NAME = "Record put together by its learner"
_KINDS = (Kind.BADGE_3, Kind.CREDENTIAL_2)
_REFUSED = (Verdict.NOT_READABLE, Verdict.NOT_AUTHENTIC, Verdict.WAS_VALID)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A kept file that goes into a record: what was found about it, what it says, and whose key it is made out to."""

    held: Import
    report: RecordReport
    document: JSONObject
    key: SigningKey | None

    @property
    def achievement(self) -> str:
        """Id of the achievement it is for; "" where it names none."""
        achievement = subjects_of(self.document)[0].get("achievement")
        return str(achievement.get("id", "")) if isinstance(achievement, dict) else ""


@dataclass(frozen=True, slots=True)
class AssembledRecord:
    """A finished record, the receipts of what is inside, and how it is judged."""

    data: bytes
    receipts: bytes
    report: RecordReport


def choose(contents: Contents, ids: Sequence[str], question: ExternalQuestion) -> tuple[Chosen, ...]:
    """The files of these ids, judged.

    Args:
        contents: of the vault.
        ids: in the order they shall stand.
        question: what is asked of kept files (`imported.open_question`).

    Raises:
        MalformedError: there is no such file, or it is of a kind that records do not hold.
        RuleError: one is not authentic, or not valid any more, or made out to somebody else's key.
    """
    keys = {
        encode_did_key(key.public): key
        for key in (SigningKey(one.seed) for one in contents.imports if one.seed is not None)
    }
    return tuple(_choose(_find(contents, name), keys, question) for name in dict.fromkeys(ids))


def make_record(
    chosen: Sequence[Chosen], associations: Sequence[tuple[str, str, str]], question: ExternalQuestion, now: int
) -> AssembledRecord:
    """Put the record together, sign it, and judge what came out.

    Args:
        chosen: what goes in.
        associations: id, type and id, read "source is part of target".
        question: with the contexts to sign with.
        now: Unix milliseconds.

    Raises:
        RuleError: see `assemble`; also a record that is too long.
        PolicyError: a context is not held.
    """
    keys = list({encode_did_key(one.key.public): one.key for one in chosen if one.key is not None}.values())
    if not keys:
        keys = [SigningKey(secrets.token_bytes(SEED_BYTES))]  # of this record alone: nothing is made out to it
    documents = [one.document for one in chosen]
    learner = encode_did_key(keys[0].public)
    terms = RecordTerms(
        issuer=IssuerProfile(learner, _name_of(documents), ""),
        copy_id=random_uuid(secrets.token_bytes),
        name=NAME,
        description=DESCRIPTION,
        subject_id=learner,
        issued_at=now // 1000,
        is_partial=True,
        identities=tuple(identities_of(documents)),
        associations=tuple(_associate(chosen, *one) for one in associations),
    )
    proof_ids = [f"urn:uuid:{random_uuid(secrets.token_bytes)}" for _ in SUITES]
    try:
        signed = sign_record(assemble(documents, terms), keys, proof_ids, question.library)
    except MissingContextError as error:
        raise PolicyError(f"record: {error}", hint="cairn contexts --from FOLDER takes them in, once") from error
    data = orjson.dumps(signed)
    if len(data) > MAX_TEXT_BYTES:
        raise RuleError(f"record: {len(data)} bytes, at most {MAX_TEXT_BYTES} are read", hint="name fewer badges")
    given = [one for file in chosen for one in _receipts_of(file.held)]
    return AssembledRecord(data, encode_receipts(given) if given else b"", _judge(data, given, question))


def warnings(chosen: Sequence[Chosen]) -> Iterator[str]:
    """What the learner should know of single badges before the record is given to anybody."""
    for one in chosen:
        first = one.report.credentials[0]
        if first.verdict is not Verdict.VALID:
            yield f"{one.held.id}: {first.verdict.text.lower()} ({first.code}); see cairn show {one.held.id}"
        if one.key is None:
            yield f"{one.held.id}: it is made out to no key, so nothing proves that it is about you"


def _find(contents: Contents, name: str) -> Import:
    held = next((one for one in contents.imports if one.id == name), None)
    if held is not None:
        return held
    contents.holding(name)  # says what there is, where there is nothing of that name
    raise MalformedError(
        f"{name} is an SD-JWT: a record holds badges",
        hint="ask the school for a claim link, and take it as a badge: cairn receive LINK --form open-badge",
    )


def _choose(held: Import, keys: dict[str, SigningKey], question: ExternalQuestion) -> Chosen:
    found = find_kind(open_container(held.data).text)
    if found.kind not in _KINDS or found.envelope is not Envelope.EMBEDDED or len(subjects_of(found.document)) != 1:
        raise MalformedError(
            f"{held.id}: {found.kind} ({found.envelope}) does not go into a record",
            hint="Open Badges with embedded proofs do: cairn receive LINK --form open-badge",
        )
    report = imported.judge(held, question)
    first = report.credentials[0]
    if first.verdict in _REFUSED:
        raise RuleError(
            f"{held.id}: {first.verdict.text.lower()} ({first.code}), so it does not go into a record",
            hint=f"leave it out; cairn show {held.id} says why",
        )
    return Chosen(held, report, found.document, _key_of(held, found.document, keys))


def _key_of(held: Import, document: JSONObject, keys: dict[str, SigningKey]) -> SigningKey | None:
    """The key of this vault that a credential is made out to; None where it is made out to none at all."""
    named = str(subjects_of(document)[0].get("id", ""))
    if not named.startswith("did:"):
        return None
    if named not in keys:
        raise RuleError(
            f"{held.id}: it is made out to {named[:100]}, which is no key of this vault",
            hint="only its holder can put it into a record; claim one for this vault: cairn receive LINK --form open-badge",
        )
    return keys[named]


def _name_of(documents: Sequence[JSONObject]) -> str:
    """How the credentials name the learner, for programs that show an issuer's name."""
    for item in identities_of(documents):
        if isinstance(item, dict) and item.get("identityType") == "name" and item.get("hashed") is False:
            return str(item.get("identityHash"))[:200]
    return "the learner"


def _associate(chosen: Sequence[Chosen], source: str, type_name: str, target: str) -> Association:
    achievements = {one.held.id: one.achievement for one in chosen}
    for name in (source, target):
        if not achievements.get(name):
            raise RuleError(f"association: {name[:40]!r} is no badge of this record with an achievement")
    return Association(type_name, achievements[source], achievements[target])


def _receipts_of(held: Import) -> tuple[object, ...]:
    return parse_receipts(held.receipts, held.name) if held.receipts else ()


def _judge(data: bytes, given: Sequence[object], question: ExternalQuestion) -> RecordReport:
    own = replace(question.own, receipts=given) if isinstance(question.own, FormJudge) else question.own
    report = judge_external(data, replace(question, own=own))
    if report.verdict in (Verdict.NOT_READABLE, Verdict.NOT_AUTHENTIC):
        bad = next(one for one in report.credentials if one.verdict is report.verdict)
        reason = next((step.detail for step in bad.steps if step.answer.value == "no"), bad.code.value)
        raise RuleError(f"record: it would not verify: {reason}", hint="leave that badge out; nothing was written")
    return report
