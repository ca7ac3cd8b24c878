"""Copies in forms that other software reads, handed out as files: each with its own id, slot and commitment (DESIGN 4).

    sd-jwt          the native form, by the Ed25519 key
    sd-jwt-es256    the same by the P-256 key, with its certificates
    open-badge      Open Badges 3.0 with embedded proofs
    jws             the same credential as a compact JWS by the P-256 key
    jws-rs256       the same by an RSA key, for receivers that know no other
    clr             a Comprehensive Learner Record around badges, each a copy of its own

Made on request alone and committed with the next cut. The same request gives the same copy again, so that asking for it
a second time, when its commitment is on the ledger, gives its receipt. A copy whose key left force before its cut was
withdrawn, and another is made. A status command acts on all slots of its award; the outer slot of a record belongs to
no award, since each credential inside says by its own slot what became of it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.credential import badge, clr, copy
from ledger.credential.badge import BadgeTerms, Issuer
from ledger.credential.clr import Association, RecordTerms
from ledger.credential.copy import AwardContent, CopyTerms, IssuerProfile
from ledger.credential.dataintegrity.issuer_document import did_web_of, method_url
from ledger.credential.jose import ALGORITHM_NAMES, public_key_to_jwk
from ledger.credential.jsonld.context import MissingContextError
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.p256 import P256SigningKey
from ledger.credential.plainlist.slots import Purpose
from ledger.credential.status import Status, StatusReference, list_key, slot_key
from ledger.credential.strict_json import JSONObject
from ledger.credential.typemetadata import hash_type_metadata
from ledger.errors import MalformedError, RuleError
from ledger.log.didkey import encode_multikey, parse_did_key
from ledger.log.identity import LogId
from ledger.log.keys import Algorithm, KeyId, SigningKey
from node.client.copyform import INCLUDABLE, CopyOrder, Form
from node.registrar import acting, awards, lists, outbox, rsakey
from node.registrar.copies import FindAchievement, Press, describe_award
from node.registrar.inherited import origins_of
from node.registrar.learners.marks import check_unrestricted, find_statement
from node.registrar.rsakey import RSAKey
from node.registrar.tables import Award, Copy, FileCopy, Outgoing
from node.registrar.views import FILE_KIND

DrawPlain = Callable[[int, int, LogId | None], tuple[list[JSONObject], JSONObject]]
"""Draws a plain slot for a copy's slot (list number, slot) in the name of the institution of a log, None for this one; gives
what the copy says of it (`plainlist.slots`)."""

FindChain = Callable[[Press, str, P256SigningKey], tuple[bytes, ...]]

_RECORD_ROLE = "issue"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTools:
    """What copies are made with, beside the database."""

    press: Press
    find_achievement: FindAchievement
    library: ContextLibrary
    """Contexts that badges name."""
    find_chain: FindChain
    draw_plain: DrawPlain
    rsa_key: RSAKey | None = None
    """For the form `jws-rs256`, published already."""


def make(session: Session, order: CopyOrder, tools: CopyTools) -> tuple[Copy, bool]:
    """Make what is asked for, or find it; tells whether it was made now.

    Raises:
        MalformedError, RuleError: as `CopyDesk.make`.
    """
    _check_order(order)
    chosen = _choose(session, order)
    request = _describe_request(order, chosen)
    found = None if order.is_fresh else _find_made(session, request)
    if found is not None:
        return found, False
    outbox.check_current(session, tools.press.newest_page)
    acting.acted_on(session, [award.id for award in chosen])
    made = _Maker(session, order, tools).make(chosen)
    session.add(FileCopy(copy_id=made.id, request=request, part_of=None))
    session.flush()
    return made, True


def make_one(session: Session, award: Award, order: CopyOrder, tools: CopyTools) -> Copy:
    """Make one copy of one award, whatever was made before; the caller has checked that it may be had.

    Raises:
        RuleError: a key or a context is missing, the status list is full, or the database is an old copy.
    """
    outbox.check_current(session, tools.press.newest_page)
    return _Maker(session, order, tools).make([award])


def places_of(session: Session, made: Copy) -> list[tuple[int | None, int | None]]:
    """Entry and position of a copy's commitment, then of those inside it, in their order."""
    parts = select(FileCopy.copy_id).where(FileCopy.part_of == made.id)
    rows = session.execute(
        select(Copy.id, Outgoing.entry, Copy.position)
        .outerjoin(Outgoing, (Outgoing.cut_id == Copy.cut_id) & (Outgoing.kind == "issue"))
        .where((Copy.id == made.id) | Copy.id.in_(parts))
    ).all()
    ordered = sorted(rows, key=lambda row: (row[0] != made.id, row[0]))
    return [(entry, position) for _, entry, position in ordered]


def name_issuer(press: Press) -> IssuerProfile:
    """The institution under the name that other software finds its keys by.

    Raises:
        RuleError: it has no https address to find them at.
    """
    try:
        return replace(press.issuer, id=did_web_of(press.issuer.id))
    except MalformedError as error:
        raise RuleError(
            f"issuer {press.issuer.id}: other software finds its keys only at an https address",
            hint="join a network, under whose host they stand; --form sd-jwt works without",
        ) from error


def _check_order(order: CopyOrder) -> None:
    if order.form is not Form.CLR and (order.learner_id or order.associations or len(order.award_ids) != 1):
        raise MalformedError(
            f"copy: one award is expected for the form {order.form}",
            hint="name it by its id, as `cairn-node awards DIR` lists it; --form clr takes several, or a learner",
        )
    if order.form is Form.CLR and bool(order.learner_id) == bool(order.award_ids):
        raise MalformedError("copy: a record is made either of awards by id, or of all of a learner")
    unknown = [field for field in order.include if field not in INCLUDABLE]
    if unknown:
        raise MalformedError(f"include: {unknown[0][:40]!r} is none of {', '.join(INCLUDABLE)}")
    if order.include and order.form in (Form.SD_JWT, Form.SD_JWT_ES256):
        raise MalformedError(f"include: the form {order.form} has every field, and each can be hidden")
    if order.subject:
        parse_did_key(order.subject)


def _choose(session: Session, order: CopyOrder) -> list[Award]:
    if order.learner_id:
        found = awards.find_awards(session, learner_id=order.learner_id, selection=awards.Selection.CURRENT)
        chosen = [award for award in found if award.status == Status.VALID]
        if not chosen:
            raise RuleError("copy: this learner has no valid award", hint="`cairn-node awards DIR` lists them")
        check_unrestricted(session, order.learner_id)
        return chosen
    chosen = awards.load_awards(session, order.award_ids)
    for award in chosen:
        if award.status != Status.VALID:
            raise RuleError(f"award {award.id}: is {Status(award.status).name.lower()}, so no copy is made of it")
    if len({award.learner_id for award in chosen}) > 1:
        raise RuleError("copy: these awards are of more than one learner")
    check_unrestricted(session, chosen[0].learner_id)
    return chosen


def _describe_request(order: CopyOrder, chosen: Sequence[Award]) -> str:
    content = [
        order.form.value,
        [award.id for award in chosen],
        # A record of all awards says so; when another award is made it is another record.
        bool(order.learner_id),
        order.subject,
        sorted(order.include),
        sorted((one.type, one.source, one.target) for one in order.associations),
        # What the learner states beside an award changes copies made afterwards. The words themselves stay out of here.
        [None if said is None else hashlib.sha256(said.encode()).hexdigest() for said in map(find_statement, chosen)],
    ]
    return json.dumps(content, separators=(",", ":"))


def _find_made(session: Session, request: str) -> Copy | None:
    # A part that never went to the ledger spoils the record around it.
    lost = select(FileCopy.part_of).join(Copy, Copy.id == FileCopy.copy_id).where(Copy.withdrawn, FileCopy.part_of > 0)
    return session.scalar(
        select(Copy)
        .join(FileCopy, FileCopy.copy_id == Copy.id)
        .where(FileCopy.request == request, Copy.kind == FILE_KIND, Copy.withdrawn.is_(False), Copy.id.not_in(lost))
        .order_by(Copy.id.desc())
        .limit(1)
    )


class _Maker:
    """Makes the copies of one order."""

    def __init__(self, session: Session, order: CopyOrder, tools: CopyTools) -> None:
        self.session, self.order, self.tools, self.press = session, order, tools, tools.press
        self.origins: Mapping[str, LogId] = {}

    def make(self, chosen: Sequence[Award]) -> Copy:
        self.origins = origins_of(self.session, [award.id for award in chosen])
        try:
            match self.order.form:
                case Form.SD_JWT | Form.SD_JWT_ES256:
                    return self.sd_jwt(chosen[0])
                case Form.OPEN_BADGE:
                    return self.badge(chosen[0], self.subject())[0]
                case Form.JWS | Form.JWS_RS256:
                    return self.jws(chosen[0])
                case Form.CLR:
                    return self.record(chosen)
        except MissingContextError as error:
            raise RuleError(
                f"{self.order.form}: {error}",
                hint="cairn-node contexts DIR --from FOLDER takes them in; --form jws needs none",
            ) from error

    def origin(self, award: Award | None) -> LogId | None:
        """The log of the institution that made an award, if this one goes on with it; None for our own."""
        log = None if award is None else self.origins.get(award.id)
        return log if log in self.press.predecessors else None

    def named(self, award: Award) -> Press:
        """What a copy of an award is made with: in the name of the institution that made the award."""
        return self.press.in_name_of(self.origin(award))

    def sd_jwt(self, award: Award) -> Copy:
        press = self.named(award)
        achievement = self.tools.find_achievement(award.achievement, award.version).achievement
        is_p256 = self.order.form is Form.SD_JWT_ES256
        key = self.p256_key(achievement.key_role) if is_p256 else self.key(achievement.key_role)
        status, _, plain = self.slot(award)
        evaluation = awards.evaluations_of(self.session, [award.id]).get(award.id)
        content = describe_award(award, achievement, press.issuer, evaluation=evaluation)
        terms = CopyTerms(
            iss=press.issuer.id,
            vct=press.vct,
            key_id=key.public.id,
            status=status,
            holder=public_key_to_jwk(parse_did_key(self.order.subject)) if self.order.subject else None,
            issued_at=self.press.now // 1000,
            copy_id=copy.random_uuid(self.press.draw),
            plain_status=plain,
        )
        if isinstance(key, P256SigningKey):
            chain = self.tools.find_chain(press, achievement.key_role, key)
            integrity = hash_type_metadata(press.vct)
            terms = replace(terms, algorithm=Algorithm.P256, certificates=chain, vct_integrity=integrity)
        return self.keep(award, copy.mint_copy(content, terms, key.sign, self.press.draw), key.public.id, status)

    def badge(self, award: Award, subject: str) -> tuple[Copy, JSONObject]:
        """An Open Badge with embedded proofs, kept, and its document."""
        content = self.content(award)
        key = self.key(content.achievement.key_role)
        status, plain, _ = self.slot(award)
        unsigned = badge.make_badge(content, self.badge_terms(subject, status, plain))
        signed = badge.sign_document(unsigned, self.issuer(content.issuer.id, key))
        return self.keep(award, orjson.dumps(signed).decode(), key.public.id, status), signed

    def jws(self, award: Award) -> Copy:
        content = self.content(award)
        status, plain, _ = self.slot(award)
        unsigned = badge.make_badge(content, self.badge_terms(self.subject(), status, plain))
        rsa, issuer_url = self.tools.rsa_key, self.named(award).issuer.id
        if rsa is not None:
            text = badge.sign_compact(unsigned, key_url=rsa.url(issuer_url), algorithm=rsakey.ALGORITHM, sign=rsa.sign)
            return self.keep(award, text, rsa.id, status)
        key = self.p256_key(content.achievement.key_role)
        url = f"{issuer_url}/keys/{encode_multikey(key.public)}"
        text = badge.sign_compact(unsigned, key_url=url, algorithm=ALGORITHM_NAMES[Algorithm.P256], sign=key.sign)
        return self.keep(award, text, key.public.id, status)

    def record(self, chosen: Sequence[Award]) -> Copy:
        subject, key = self.subject(), self.key(_RECORD_ROLE)
        made = [self.badge(award, subject) for award in chosen]
        status, plain, _ = self.slot(None)
        issuer = name_issuer(self.press)
        terms = RecordTerms(
            issuer=issuer,
            copy_id=copy.random_uuid(self.press.draw),
            name=f"Learner record, {issuer.name}",
            subject_id=subject,
            issued_at=self.press.now // 1000,
            is_partial=not self.order.learner_id,
            identities=tuple(copy.describe_identities(self.content(chosen[-1]))),
            associations=tuple(self.association(one.type, one.source, one.target) for one in self.order.associations),
            status=status,
            plain_status=plain,
        )
        unsigned = clr.make_record([document for _, document in made], terms)
        signed = badge.sign_document(unsigned, self.issuer(issuer.id, key))
        outer = self.keep(chosen[0], orjson.dumps(signed).decode(), key.public.id, status)
        self.session.add_all(FileCopy(copy_id=part.id, request="", part_of=outer.id) for part, _ in made)
        return outer

    def association(self, type_name: str, source: str, target: str) -> Association:
        source_id, target_id = (self.achievement_id(reference) for reference in (source, target))
        return Association(type_name, source_id, target_id)

    def achievement_id(self, reference: str) -> str:
        name, _, version = reference.rpartition("/")
        if not name or not version.isascii() or not version.isdecimal():
            raise MalformedError(f"association: {reference[:80]!r} is not ID/VERSION of a published achievement")
        return self.tools.find_achievement(name, int(version)).achievement.id

    def content(self, award: Award) -> AwardContent:
        """What the award says, without what was not asked for: in these forms nothing can be hidden."""
        achievement = self.tools.find_achievement(award.achievement, award.version).achievement
        content = describe_award(award, achievement, name_issuer(self.named(award)))
        include = self.order.include
        return replace(
            content,
            email=content.email if "email" in include else None,
            date_of_birth=content.date_of_birth if "date_of_birth" in include else None,
        )

    def issuer(self, did: str, key: SigningKey) -> Issuer:
        return Issuer(method=method_url(did, key.public), sign=key.sign, library=self.tools.library)

    def badge_terms(self, subject: str, status: StatusReference, plain: JSONObject | None) -> BadgeTerms:
        return BadgeTerms(
            copy_id=copy.random_uuid(self.press.draw),
            subject_id=subject,
            issued_at=self.press.now // 1000,
            status=status,
            plain_status=plain,
        )

    def subject(self) -> str:
        return self.order.subject or f"urn:uuid:{copy.random_uuid(self.press.draw)}"

    def key(self, role: str) -> SigningKey:
        key = self.press.keys.get(role)
        if key is None:
            raise RuleError(
                f"no {role} key of this node is in force", hint=f"cairn-node key add DIR --role {role} -o P"
            )
        return key

    def p256_key(self, role: str) -> P256SigningKey:
        key = self.press.p256_keys.get(role)
        if key is None:
            raise RuleError(
                f"no P-256 {role} key of this node is in force",
                hint=f"cairn-node key add DIR --role {role} --p256 -o P; root keys sign it like any other",
            )
        return key

    def slot(self, award: Award | None) -> tuple[StatusReference, JSONObject | None, JSONObject]:
        """A slot of its own, with what other software reads beside it; None for a record around awards."""
        press = self.press
        status_list = lists.newest_list(self.session, press.list_policy, press.now)
        award_id = None if award is None else award.id
        (slot,) = lists.draw_slots(self.session, status_list, [award_id], press.draw)
        key = slot_key(list_key(press.list_root, status_list.number), slot)
        entries, members = self.tools.draw_plain(status_list.number, slot, self.origin(award))
        # Open Badges takes one entry: the one that everybody reads, and that is final.
        entry = next((entry for entry in entries if entry["statusPurpose"] == Purpose.REVOCATION), None)
        return StatusReference(press.log, status_list.number, slot, key), entry, members

    def keep(self, award: Award, text: str, key_id: KeyId, status: StatusReference) -> Copy:
        row = Copy(
            award_id=award.id,
            kind=FILE_KIND,
            credential=text,
            commitment=badge.commit_text(text),
            key_id=key_id,
            list_number=status.number,
            slot=status.slot,
            minted_at=self.press.now,
            cut_id=None,
            position=None,
            withdrawn=False,
        )
        self.session.add(row)
        self.session.flush()
        return row
