"""Claim links for chosen awards, in the native form or offered by name in one of other software."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ledger.duration import DAY_MS
from ledger.errors import MalformedError, RuleError
from node.client.copyform import Form
from node.client.registry import OfferAnswer
from node.registrar import awards, offers
from node.registrar.claimforms import CLAIMABLE, available_forms
from node.registrar.copies import FindAchievement, Press
from node.registrar.documents import PublishedAchievement
from node.registrar.parts import DeskParts
from node.registrar.sheet import describe_offers

_OFFERS_KEPT_MS = 90 * DAY_MS
"""How long an offer is remembered after it has expired, for the registrar who is asked about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferOrder:
    """Which awards: those named, or all valid ones of a learner or an achievement; and the form links name, "" for none."""

    award_ids: Sequence[str] = ()
    learner_id: str = ""
    achievement: str = ""
    form: str = ""


def make_links(
    session: Session, order: OfferOrder, parts: DeskParts, press: Press, find: FindAchievement, issuer: str
) -> OfferAnswer:
    """Make a claim link for each learner.

    Args:
        session: an open write transaction.
        order: for whom.
        parts: clock, randomness and settings of the desk.
        press: what copies would be made with.
        find: finds achievements.
        issuer: identifier in OpenID4VCI, to which the links lead.

    Raises:
        MalformedError: wallets cannot claim that form.
        RuleError: an award named cannot be offered, or not in that form, or there is none at all.
    """
    now = parts.clock()
    chosen = awards.choose_to_offer(
        session, order.award_ids, learner_id=order.learner_id, achievement=order.achievement
    )
    published = {award.id: find(award.achievement, award.version) for award in chosen}
    if order.form:
        _check_form(order.form, published.values(), parts, press)
    offers.drop_expired(session, now, _OFFERS_KEPT_MS)
    lifetime_ms = parts.offer_lifetime_days * DAY_MS
    made = offers.make_offers(session, chosen, lifetime_ms=lifetime_ms, now=now, draw=parts.draw)
    titles = {award_id: found.achievement.name for award_id, found in published.items()}
    return describe_offers(press.issuer.name, issuer, made, titles, form=order.form)


def _check_form(name: str, published: Iterable[PublishedAchievement], parts: DeskParts, press: Press) -> None:
    """Refuse a form now rather than when a learner's link is spent on it."""
    if name not in CLAIMABLE:
        raise MalformedError(f"form: {name[:40]!r} is none that wallets claim", hint=f"one of {', '.join(CLAIMABLE)}")
    form = Form(name)
    for role in {one.achievement.key_role for one in published}:
        if form not in available_forms(press, parts.contexts, role):
            raise RuleError(
                f"form {form}: this node cannot make it now",
                hint="it takes a network, a P-256 key for jws and sd-jwt-es256, and contexts for open-badge: "
                "`cairn-node contexts DIR --from FOLDER`",
            )
