"""Making copies anew: after the key that signed them was stolen, or of awards taken over from another log (DESIGN 3, 4).

The awards stand; their copies do not. Every award whose registrar's copy the key signed at a position that counts as
stolen gets another one, with a fresh id, slot and commitment, that `replaces` the old one and goes with the next
batches. The old slots read replaced from the next page on, those of wallets too: a wallet sees that and fetches new
copies by itself. A stolen key's copies that still wait are no matter: they are signed anew before their cut.

What was taken over stays good where it stands. Its registrar's copies can be made anew all the same, so that they stand on
the successor's own log, in its own lists; wallets keep theirs, and get others by a claim link.

Learners whose data is restricted are passed over: nothing of theirs is used until that is lifted, and then it is found again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from ledger import base64url
from ledger.credential.status import Status
from ledger.errors import RuleError
from ledger.log.charter import Role
from ledger.log.keyring import KeyRecord
from node.registrar import acting, copies
from node.registrar.copies import FindAchievement, Press
from node.registrar.inherited import InheritedCopy
from node.registrar.learners.marks import MarkKind, find_marked
from node.registrar.tables import Award, Copy, Outgoing, Slot, SlotChange
from node.registrar.views import COUNTED_KINDS, FORMER, REGISTRAR_KIND, WALLET_KIND

CREDENTIAL_ROLES = (Role.ISSUE, Role.REGISTER)
_IN_ONE_QUERY = 5000


@dataclass(frozen=True, slots=True)
class Reissue:
    """What a re-issue is about."""

    awards: tuple[Award, ...]
    """Those that get a new registrar's copy."""
    copies: tuple[Copy, ...]
    """Those whose slots end."""
    wallet_copies: int
    """How many of them wallets hold."""
    restricted: int = 0
    """Learners who were passed over, because their data is restricted."""


def find_reissue(session: Session, key: KeyRecord) -> Reissue:
    """Find the copies that a stolen key signed and that no verifier believes any more, of awards that stand.

    Raises:
        RuleError: the key signs no credentials, or was not declared stolen.
    """
    text = base64url.encode(key.key.id)
    if key.role not in CREDENTIAL_ROLES:
        raise RuleError(
            f"key {text}: has the role {key.role.value} and signs no credentials",
            hint="a stolen operate key is repaired by cairn-node restate DIR",
        )
    if key.stolen_since is None:
        raise RuleError(
            f"key {text}: was not declared stolen, so what it signed stays good",
            hint="cairn-node key compromise DIR KEY --since INDEX -o P",
        )
    hit = tuple(
        session.scalars(
            select(Copy)
            .join(Award, Award.id == Copy.award_id)
            .outerjoin(Outgoing, (Outgoing.cut_id == Copy.cut_id) & (Outgoing.kind == "issue"))
            .where(*was_signed_by(key), is_cut_from(key.stolen_since), *_stands())
            .order_by(Copy.id)
        )
    )
    return _about(session, hit)


def find_inherited(session: Session) -> Reissue:
    """Find the registrar's copies of awards that stand, of which the copy is still on the log they were taken over from."""
    return _about(
        session,
        session.scalars(
            select(Copy)
            .join(Award, Award.id == Copy.award_id)
            .join(InheritedCopy, InheritedCopy.copy_id == Copy.id)
            .where(Copy.withdrawn.is_(False), Copy.kind == REGISTRAR_KIND, *_stands())
            .order_by(Copy.id)
        ),
    )


def _about(session: Session, hit: Iterable[Copy]) -> Reissue:
    copies_hit = tuple(hit)
    ids = list(dict.fromkeys(copy.award_id for copy in copies_hit))
    found = {
        award.id: award for part in _parts(ids) for award in session.scalars(select(Award).where(Award.id.in_(part)))
    }
    passed = find_marked(session, MarkKind.RESTRICTION, (award.learner_id for award in found.values()))
    kept = tuple(copy for copy in copies_hit if found[copy.award_id].learner_id not in passed)
    awards = tuple(found[copy.award_id] for copy in kept if copy.kind == REGISTRAR_KIND)
    return Reissue(awards, kept, sum(copy.kind == WALLET_KIND for copy in kept), len(passed))


def count_lost(session: Session, key: KeyRecord) -> int:
    """Copies handed out by this key that wait and never go to the ledger: the next cut withdraws them."""
    is_lost = (Copy.kind != REGISTRAR_KIND) & Copy.cut_id.is_(None)
    return session.scalar(select(func.count()).select_from(Copy).where(*was_signed_by(key), is_lost)) or 0


def was_signed_by(key: KeyRecord) -> tuple[ColumnElement[bool], ...]:
    """What is true of a copy that counts and that this key signed."""
    return (
        Copy.key_id == key.key.id,
        Copy.withdrawn.is_(False),
        Copy.kind.in_(COUNTED_KINDS),
    )


def is_cut_from(since: int) -> ColumnElement[bool]:
    """What is true of a copy whose batch stands at an index or above; one on its way there will."""
    return Copy.cut_id.is_not(None) & or_(Outgoing.entry >= since, Outgoing.entry.is_(None))


def make_reissue(session: Session, reissue: Reissue, press: Press, find: FindAchievement) -> None:
    """Make the new copies and end the old slots, all of it in one transaction.

    Raises:
        RuleError: no key with the right role is in force, or the status list is full.
    """
    before = copies.credential_ids(session, [award.id for award in reissue.awards])
    _end(session, reissue.copies, press.now)
    acting.acted_on(session, [award.id for award in reissue.awards])
    groups: dict[tuple[str, int], list[Award]] = {}
    for award in reissue.awards:
        groups.setdefault((award.achievement, award.version), []).append(award)
    for (achievement, version), group in groups.items():
        copies.mint_registrar_copies(session, press, find(achievement, version), group, replaces=before)
    _carry_over(session, reissue.awards, press.now)


def _stands() -> tuple[ColumnElement[bool], ...]:
    return (
        Award.replaced_by.is_(None),
        Award.status.in_((int(Status.VALID), int(Status.SUSPENDED))),
    )


def _end(session: Session, ended: Sequence[Copy], now: int) -> None:
    for copy in ended:
        copy.kind = FORMER[copy.kind]
        session.add(SlotChange(list_number=copy.list_number, slot=copy.slot, at=now))
    session.flush()
    _set_slots(session, ended, Status.REPLACED)


def _carry_over(session: Session, reissued: Sequence[Award], now: int) -> None:
    """A suspended award stays suspended: its new slot says so from its first page on."""
    suspended = [award.id for award in reissued if award.status == Status.SUSPENDED]
    for part in _parts(suspended):
        made = session.scalars(select(Copy).where(Copy.award_id.in_(part), Copy.kind == REGISTRAR_KIND)).all()
        session.add_all(SlotChange(list_number=copy.list_number, slot=copy.slot, at=now) for copy in made)
        _set_slots(session, made, Status.SUSPENDED)
    session.flush()


def _set_slots(session: Session, of: Sequence[Copy], status: Status) -> None:
    rows = [{"list_number": copy.list_number, "slot": copy.slot, "status": int(status)} for copy in of]
    if rows:
        session.execute(update(Slot), rows)


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _IN_ONE_QUERY):
        yield values[start : start + _IN_ONE_QUERY]
