"""Claim links: a learner's wallet fetches its copies with a code from the link and a second code sent another way.

A code works once and until it expires; five wrong second codes burn it. The database keeps hashes only, so whoever
steals it can claim nothing, and the second code (six digits) is hashed together with the first, since alone it could
be guessed.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from ledger import base64url
from ledger.credential.status import Status
from ledger.errors import RuleError
from node.clock import Draw
from node.registrar import acting
from node.registrar.claimforms import configuration_id
from node.registrar.claiming import ClaimError, ClaimFault
from node.registrar.tables import Award, Offer, OfferedAward, Token

MAX_WRONG_CODES = 5
MAX_COPIES_PER_OFFER = 4
TX_CODE_DIGITS = 6
MAX_OFFERS = 20_000

_CODE_BYTES = 16
_TOKEN_BYTES = 32
_ID_BYTES = 10


@dataclass(frozen=True, slots=True)
class MadeOffer:
    """A fresh offer with its codes, which exist nowhere else from now on."""

    id: str
    learner_id: str
    name: str
    awards: tuple[Award, ...]
    code: str
    tx_code: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class OfferView:
    """What an open offer may tell whoever holds its code."""

    configurations: tuple[str, ...]
    expires_at: int


def make_offers(
    session: Session, awards: Sequence[Award], *, lifetime_ms: int, now: int, draw: Draw
) -> list[MadeOffer]:
    """One offer for each learner among these awards; older unused offers for the same awards stop working.

    Raises:
        RuleError: an award is not valid now; nothing was made.
    """
    by_learner: dict[str, list[Award]] = {}
    for award in awards:
        if award.status != Status.VALID or award.replaced_by is not None:
            raise RuleError(f"award {award.id}: is {Status(award.status).name.lower()}, so it cannot be offered")
        by_learner.setdefault(award.learner_id, []).append(award)
    if len(by_learner) > MAX_OFFERS:
        raise RuleError(f"offers: {len(by_learner)} learners, at most {MAX_OFFERS} at a time")
    _drop_unused(session, [award.id for award in awards])
    acting.acted_on(session, [award.id for award in awards])
    return [_make_offer(session, tuple(group), now + lifetime_ms, now, draw) for group in by_learner.values()]


def view_offer(session: Session, code: str, now: int) -> OfferView | None:
    """What an offer is about, for the link that carries its code; None where there is none (any more)."""
    offer = _find_open(session, code, now)
    if offer is None:
        return None
    rows = session.execute(
        select(Award.achievement, Award.version)
        .join(OfferedAward, OfferedAward.award_id == Award.id)
        .where(OfferedAward.offer_id == offer.id)
        .order_by(Award.achievement, Award.version)
    )
    return OfferView(tuple(configuration_id(achievement, version) for achievement, version in rows), offer.expires_at)


def redeem_code(
    session: Session, code: str, tx_code: str, *, token_lifetime_ms: int, now: int, draw: Draw
) -> str | ClaimError:
    """Trade a code for an access token.

    Returns the refusal instead of raising it: a wrong second code must be counted, so the transaction has to commit.
    """
    offer = _find_open(session, code, now)
    if offer is None:
        return ClaimError(
            ClaimFault.INVALID_GRANT, "code: unknown, used or expired", hint="ask the school for a new link"
        )
    if not hmac.compare_digest(offer.tx_code_hash, _hash_tx_code(code, tx_code)):
        left = MAX_WRONG_CODES - offer.wrong_codes - 1
        offer.wrong_codes += 1
        hint = f"{left} tries left" if left > 0 else "the link no longer works; ask the school for a new one"
        return ClaimError(ClaimFault.INVALID_GRANT, "tx_code: wrong", hint=hint)
    offer.used_at = now
    return store_token(session, offer.id, now + token_lifetime_ms, now, draw)


def store_token(session: Session, offer_id: str, expires_at: int, now: int, draw: Draw) -> str:
    """Make an access token for what an offer holds; only its hash is kept."""
    token = base64url.encode(draw(_TOKEN_BYTES))
    session.execute(delete(Token).where(Token.expires_at <= now))
    session.add(Token(token_hash=hash_secret(token), offer_id=offer_id, expires_at=expires_at))
    return token


def hash_secret(secret: str) -> bytes:
    """What is kept of a code or a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def find_offered(session: Session, token: str, configuration: str, now: int) -> OfferedAward:
    """The award that a token and a configuration id name.

    Raises:
        ClaimError: the token is unknown or expired (`invalid_token`), or its offer has no such award.
    """
    row = session.get(Token, hash_secret(token))
    if row is None or now >= row.expires_at:
        raise ClaimError(ClaimFault.INVALID_TOKEN, "token: unknown or expired", hint="ask the school for a new link")
    offered = session.execute(
        select(OfferedAward, Award.achievement, Award.version)
        .join(Award, Award.id == OfferedAward.award_id)
        .where(OfferedAward.offer_id == row.offer_id)
    )
    for found, achievement, version in offered:
        if configuration_id(achievement, version) == configuration:
            return found
    raise ClaimError(ClaimFault.UNKNOWN_CREDENTIAL_CONFIGURATION, "credential: this offer has no such credential")


def count_open_offers(session: Session, now: int) -> int:
    """Offers that can still be used."""
    query = select(func.count()).select_from(Offer).where(*open_conditions(now))
    return session.scalar(query) or 0


def drop_expired(session: Session, now: int, keep_ms: int) -> None:
    """Forget offers that ended more than `keep_ms` ago, and tokens that expired."""
    session.execute(delete(Token).where(Token.expires_at <= now))
    session.execute(delete(Offer).where(Offer.expires_at <= now - keep_ms))


def _make_offer(session: Session, awards: tuple[Award, ...], expires_at: int, now: int, draw: Draw) -> MadeOffer:
    code = base64url.encode(draw(_CODE_BYTES))
    # 64 bits modulo a million: the bias is far below anything five guesses could notice.
    tx_code = f"{int.from_bytes(draw(8), 'big') % 10**TX_CODE_DIGITS:0{TX_CODE_DIGITS}d}"
    offer_id = base64url.encode(draw(_ID_BYTES))
    session.add(
        Offer(
            id=offer_id,
            code_hash=hash_secret(code),
            tx_code_hash=_hash_tx_code(code, tx_code),
            created_at=now,
            expires_at=expires_at,
            wrong_codes=0,
        )
    )
    session.flush()
    session.add_all(OfferedAward(offer_id=offer_id, award_id=award.id, copies=0) for award in awards)
    return MadeOffer(offer_id, awards[0].learner_id, awards[0].name, awards, code, tx_code, expires_at)


def _drop_unused(session: Session, award_ids: Sequence[str]) -> None:
    for start in range(0, len(award_ids), 5000):
        part = award_ids[start : start + 5000]
        offered = select(OfferedAward.offer_id).where(OfferedAward.award_id.in_(part))
        session.execute(delete(Offer).where(Offer.id.in_(offered), Offer.used_at.is_(None)))


def open_conditions(now: int) -> tuple[ColumnElement[bool], ...]:
    """What is true of an offer that can still be used."""
    return (Offer.used_at.is_(None), Offer.wrong_codes < MAX_WRONG_CODES, Offer.expires_at > now)


def _find_open(session: Session, code: str, now: int) -> Offer | None:
    found = session.scalar(select(Offer).where(Offer.code_hash == hash_secret(code)))
    is_open = (
        found is not None and found.used_at is None and found.wrong_codes < MAX_WRONG_CODES and now < found.expires_at
    )
    return found if is_open else None


def _hash_tx_code(code: str, tx_code: str) -> bytes:
    return hmac.digest(code.encode("utf-8", "surrogatepass"), tx_code.encode("utf-8", "surrogatepass"), "sha256")
