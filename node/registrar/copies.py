"""Copies: signed credentials made from awards, each with a slot and a commitment of its own (DESIGN 4).

The registrar's copy is made with the award and has no holder key; a claim makes up to four more, bound to a wallet's
keys. No two copies share a value of their own. The registrar's copy is kept whole; of a wallet's copy only commitment
and slot are, for the wallet alone needs the rest.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ledger.credential.commitment import commit
from ledger.credential.copy import AwardContent, CopyTerms, IssuerProfile, check_award, mint_copy, random_uuid
from ledger.credential.evaluation import EvaluationRecord
from ledger.credential.jose import parse_jws, public_key_to_jwk
from ledger.credential.openbadge import Achievement
from ledger.credential.p256 import P256SigningKey
from ledger.credential.status import StatusReference, list_key, slot_key
from ledger.credential.strict_json import JSONObject, parse_strict_object
from ledger.credential.typemetadata import TYPE_PATH
from ledger.errors import RuleError
from ledger.log.charter import ListPolicy, Role
from ledger.log.identity import LogId
from ledger.log.keyring import KeyStatus
from ledger.log.keys import KeyId, PublicKey, SigningKey
from ledger.log.state import LogState
from node.clock import Draw
from node.keystore import KeyRole, Keystore
from node.registrar import awards, lists, outbox
from node.registrar.csvfile import AwardRow, Problem
from node.registrar.documents import PublishedAchievement
from node.registrar.inherited import origins_of
from node.registrar.learners.marks import find_statement
from node.registrar.tables import Award, Copy
from node.registrar.views import FORMER, REGISTRAR_KIND, WALLET_KIND

_MAX_CREDENTIAL_BYTES = 1024 * 1024
_IN_ONE_QUERY = 5000

FindAchievement = Callable[[str, int], PublishedAchievement]
"""Finds a published achievement by id and version (RuleError where it is not held)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Everything copies are made with at one moment, beside the awards themselves."""

    log: LogId
    issuer: IssuerProfile
    keys: Mapping[str, SigningKey]
    """The Ed25519 keys in force by role name, `issue` and `register`."""
    p256_keys: Mapping[str, P256SigningKey] = field(default_factory=dict)
    """The P-256 keys in force, likewise."""
    other_keys: frozenset[KeyId] = frozenset()
    """Ids of keys that sign copies and are vouched for by published documents."""
    list_root: bytes
    list_policy: ListPolicy
    newest_page: bytes | None
    """Statement id of the newest status page in the log."""
    now: int
    """Unix ms."""
    draw: Draw
    predecessors: Mapping[LogId, IssuerProfile] = dataclasses.field(default_factory=dict)
    """The institutions whose logs this one goes on with, as they stand in credentials."""

    def in_name_of(self, log: LogId | None) -> "Press":
        """The same, for an award that another institution made: None, or one unknown here, is this institution.

        Its copies go on under its own issuer id and name, on which learners and rights stand; the keys, the log and the
        slots are the successor's (DESIGN 5: a receipt is of the log that owns `iss`, or its successor).
        """
        profile = None if log is None else self.predecessors.get(log)
        return self if profile is None else dataclasses.replace(self, issuer=profile)

    @property
    def vct(self) -> str:
        """The credential type every copy names (SD-JWT VC §3.2.2.1)."""
        return self.issuer.id + TYPE_PATH

    @property
    def key_ids(self) -> frozenset[KeyId]:
        """Ids of the keys in force."""
        ed25519, p256 = ({key.public.id for key in keys.values()} for keys in (self.keys, self.p256_keys))
        return self.other_keys | ed25519 | p256


def find_key(keystore: Keystore, state: LogState, role: Role) -> SigningKey | None:
    """The newest key this node has for a role that is in force for the next entry."""
    for key in reversed(keystore.with_role(KeyRole(role.value))):
        if state.key_status(key.public.id, role, state.size) is KeyStatus.IN_FORCE:
            return key
    return None


def find_p256_key(keystore: Keystore, state: LogState, role: Role) -> P256SigningKey | None:
    """As `find_key`, for receivers that know no Ed25519."""
    for key in reversed(keystore.p256_with_role(KeyRole(role.value))):
        if state.key_status(key.public.id, role, state.size) is KeyStatus.IN_FORCE:
            return key
    return None


def check_rows(
    rows: Sequence[AwardRow], achievement: Achievement, issuer: IssuerProfile
) -> tuple[list[AwardRow], list[Problem]]:
    """Check rows against the achievement they are for: codes and values of results.

    A value that differs from an allowed one by upper and lower case alone is written as the achievement has it.
    """
    good: list[AwardRow] = []
    problems: list[Problem] = []
    for row in rows:
        results = tuple((code, _as_allowed(achievement, code, value)) for code, value in row.results)
        try:
            check_award(
                AwardContent(
                    achievement=achievement,
                    issuer=issuer,
                    name=row.name,
                    awarded_on=row.awarded_on,
                    email=row.email or None,
                    date_of_birth=row.date_of_birth or None,
                    valid_until=row.valid_until or None,
                    credits=row.credits or None,
                    results=results,
                    evaluation=row.evaluation,
                )
            )
        except RuleError as error:
            # Messages of `check_award` begin with the field and never repeat a value.
            column, _, reason = str(error).partition(": ")
            hint = f" ({error.hint})" if error.hint else ""
            problems.append(Problem(row.line, column, reason + hint))
        else:
            good.append(row if results == row.results else dataclasses.replace(row, results=results))
    return good, problems


def mint_registrar_copies(
    session: Session,
    press: Press,
    published: PublishedAchievement,
    new: Sequence[Award],
    *,
    replaces: Mapping[str, str] | None = None,
) -> None:
    """Make and store the registrar's copy of each award, waiting for the next cut.

    Args:
        session: an open write transaction.
        press: what to make them with.
        published: the achievement all of them are for.
        new: the awards.
        replaces: from award id to the id (`urn:uuid:…`) of the credential it replaces.

    Raises:
        RuleError: no key with the right role is in force, the status list is full, or the database is an old copy.
    """
    outbox.check_current(session, press.newest_page)
    status_list = lists.newest_list(session, press.list_policy, press.now)
    slots = lists.draw_slots(session, status_list, [award.id for award in new], press.draw)
    key_of_list = list_key(press.list_root, status_list.number)
    decided = awards.evaluations_of(session, [award.id for award in new])
    origins = origins_of(session, [award.id for award in new])
    rows = []
    for award, slot in zip(new, slots, strict=True):
        status = StatusReference(press.log, status_list.number, slot, slot_key(key_of_list, slot))
        replaced = (replaces or {}).get(award.id)
        named = press.in_name_of(origins.get(award.id))
        credential, key_id = _mint(named, published.achievement, award, status, None, replaced, decided.get(award.id))
        rows.append(_copy_row(award, credential, key_id, status, press.now, REGISTRAR_KIND))
    if rows:
        session.execute(insert(Copy), rows)


def mint_wallet_copies(
    session: Session,
    press: Press,
    published: PublishedAchievement,
    award: Award,
    holders: Iterable[PublicKey],
    *,
    replaces: str | None = None,
) -> list[str]:
    """Make a copy for each holder key and return them; they are not kept here.

    Args:
        session: an open write transaction.
        press: what to make them with.
        published: the achievement of the award.
        award: what they say.
        holders: keys of one wallet.
        replaces: id of the copy that a wallet handed in for one; "" where that stays good, None where it handed in none.

    Raises:
        RuleError: no key with the right role is in force, the status list is full, or the database is an old copy.
    """
    keys = list(holders)
    outbox.check_current(session, press.newest_page)
    status_list = lists.newest_list(session, press.list_policy, press.now)
    slots = lists.draw_slots(session, status_list, [award.id] * len(keys), press.draw)
    key_of_list = list_key(press.list_root, status_list.number)
    replaced = _find_replaced(session, award) if replaces is None else replaces or None
    decided = awards.evaluations_of(session, [award.id]).get(award.id)
    named = press.in_name_of(origins_of(session, [award.id]).get(award.id))
    credentials = []
    for holder, slot in zip(keys, slots, strict=True):
        status = StatusReference(press.log, status_list.number, slot, slot_key(key_of_list, slot))
        jwk = public_key_to_jwk(holder)
        credential, key_id = _mint(named, published.achievement, award, status, jwk, replaced, decided)
        session.add(Copy(**_copy_row(award, credential, key_id, status, press.now, WALLET_KIND)))
        credentials.append(credential)
    session.flush()
    return credentials


def renew_waiting(session: Session, press: Press, find: FindAchievement) -> int:
    """Sign waiting copies anew whose key left force, and return how many there were (DESIGN 6, step 10).

    One that was handed out cannot be made again here, since what somebody else has would not change: it is withdrawn,
    and a wallet fetches another by itself.
    """
    waiting = session.scalars(
        select(Copy).where(Copy.cut_id.is_(None), Copy.withdrawn.is_(False), Copy.key_id.not_in(press.key_ids))
    ).all()
    for copy in waiting:
        if copy.kind != REGISTRAR_KIND:
            copy.withdrawn = True
            continue
        award = session.get_one(Award, copy.award_id)
        published = find(award.achievement, award.version)
        key = slot_key(list_key(press.list_root, copy.list_number), copy.slot)
        status = StatusReference(press.log, copy.list_number, copy.slot, key)
        replaced = _find_replaced(session, award)
        decided = awards.evaluations_of(session, [award.id]).get(award.id)
        named = press.in_name_of(origins_of(session, [award.id]).get(award.id))
        credential, key_id = _mint(named, published.achievement, award, status, None, replaced, decided)
        copy.credential, copy.key_id, copy.commitment = credential, key_id, commit(credential.partition("~")[0])
    session.flush()
    return len(waiting)


def credential_ids(session: Session, award_ids: Sequence[str]) -> dict[str, str]:
    """From award id to the id inside its registrar's copy, for those that have one."""
    found: dict[str, str] = {}
    for start in range(0, len(award_ids), _IN_ONE_QUERY):
        part = award_ids[start : start + _IN_ONE_QUERY]
        rows = session.execute(
            select(Copy.award_id, Copy.credential).where(Copy.kind == REGISTRAR_KIND, Copy.award_id.in_(part))
        )
        found.update((award_id, read_credential_id(credential)) for award_id, credential in rows)
    return found


def _find_replaced(session: Session, award: Award) -> str | None:
    """Id of the registrar's copy that was there before this award's own one: of a re-issue, or of the award before."""
    former = session.scalar(
        select(Copy.credential)
        .where(Copy.award_id == award.id, Copy.kind == FORMER[REGISTRAR_KIND])
        .order_by(Copy.id.desc())
        .limit(1)
    )
    if former is not None:
        return read_credential_id(former)
    if award.revision == 1:
        return None
    before = session.scalar(
        select(Award.id).where(
            Award.learner_id == award.learner_id,
            Award.achievement == award.achievement,
            Award.version == award.version,
            Award.revision == award.revision - 1,
        )
    )
    return None if before is None else credential_ids(session, [before]).get(before)


def _mint(
    press: Press,
    achievement: Achievement,
    award: Award,
    status: StatusReference,
    holder: JSONObject | None,
    replaces: str | None,
    evaluation: EvaluationRecord | None,
) -> tuple[str, KeyId]:
    key = press.keys.get(achievement.key_role)
    if key is None:
        raise RuleError(
            f"{achievement.name}: no {achievement.key_role} key of this node is in force",
            hint="`cairn-node key add` puts one in force",
        )
    terms = CopyTerms(
        iss=press.issuer.id,
        vct=press.vct,
        key_id=key.public.id,
        status=status,
        holder=holder,
        issued_at=press.now // 1000,
        copy_id=random_uuid(press.draw),
    )
    content = describe_award(award, achievement, press.issuer, replaces=replaces, evaluation=evaluation)
    return mint_copy(content, terms, key.sign, press.draw), key.public.id


def describe_award(
    award: Award,
    achievement: Achievement,
    issuer: IssuerProfile,
    *,
    replaces: str | None = None,
    evaluation: EvaluationRecord | None = None,
) -> AwardContent:
    """What an award says, as copies are made from it."""
    return AwardContent(
        achievement=achievement,
        issuer=issuer,
        name=award.name,
        awarded_on=award.awarded_on,
        email=award.email or None,
        date_of_birth=award.date_of_birth or None,
        valid_until=award.valid_until or None,
        credits=award.credits or None,
        results=awards.results_of(award),
        replaces=replaces,
        statement=find_statement(award),
        evaluation=evaluation,
    )


def _copy_row(
    award: Award, credential: str, key_id: KeyId, status: StatusReference, now: int, kind: str
) -> dict[str, object]:
    return {
        "award_id": award.id,
        "kind": kind,
        "credential": credential if kind == REGISTRAR_KIND else "",
        "commitment": commit(credential.partition("~")[0]),
        "key_id": key_id,
        "list_number": status.number,
        "slot": status.slot,
        "minted_at": now,
        "cut_id": None,
        "position": None,
        "withdrawn": False,
    }


def read_credential_id(credential: str) -> str:
    """The id inside an SD-JWT VC of ours, `urn:uuid:…`.

    Raises:
        CairnError: it is none.
    """
    payload = parse_jws(credential.partition("~")[0]).payload
    badge = parse_strict_object(payload, max_bytes=_MAX_CREDENTIAL_BYTES).get("ld")
    identifier = badge.get("id") if isinstance(badge, dict) else None
    if not isinstance(identifier, str):
        raise RuleError("copy: its credential has no id")
    return identifier


def _as_allowed(achievement: Achievement, code: str, value: str) -> str:
    description = achievement.result(code)
    allowed = description.allowed if description is not None else ()
    return next((known for known in allowed if known.casefold() == value.casefold()), value)
