"""A wallet that holds a copy gets another in its place, without a new claim link (DESIGN 4).

After a replacement, a re-issue or a reinstatement the wallet's `refresh` hands in the copy it holds, without any of its
disclosures, and proves the key the copy is bound to. The copy is known here by its commitment, so that a credential made
with a stolen key is none of ours. Each copy handed in is good for one new one, whose hidden `replaces` names it and no
other: two receivers of two copies still find nothing in common.

1. the copy is one that a claim here made; 2. its holder key signed for this issuer, just now; 3. the nonce is ours,
fresh and unused; 4. the award it was made from, or the one in its place, is valid now.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import base64url
from ledger.credential.commitment import commit
from ledger.credential.keybinding import BindingPolicy, verify_key_binding
from ledger.credential.processing import find_digest
from ledger.credential.sdjwt import SDJWT, parse_sd_jwt
from ledger.credential.status import Status
from ledger.errors import CairnError
from node.clock import Draw
from node.registrar.claimforms import configuration_id
from node.registrar.claiming import ClaimError, ClaimFault
from node.registrar.copies import read_credential_id
from node.registrar.learners.marks import MarkKind, find_marked
from node.registrar.nonces import NonceMint
from node.registrar.offers import MAX_COPIES_PER_OFFER, hash_secret, store_token
from node.registrar.tables import Award, Copy, Offer, OfferedAward, Renewal, Slot
from node.registrar.views import FORMER, WALLET_KIND

MAX_COPY_CHARS = 48 * 1024
_ID_BYTES = 10


@dataclass(frozen=True, slots=True)
class RenewalToken:
    """What a wallet gets for a copy it holds."""

    token: str
    configuration: str
    """What to ask for with it (`claimforms.configuration_id`)."""


def redeem_copy(
    session: Session,
    text: str,
    nonces: NonceMint,
    *,
    audience: str,
    token_lifetime_ms: int,
    now: int,
    draw: Draw,
) -> RenewalToken:
    """Trade a copy with key binding for an access token that is good for one copy.

    Args:
        session: an open write transaction.
        text: SD-JWT+KB; disclosures are not needed.
        nonces: knows its own nonces again.
        audience: identifier of this issuer.
        token_lifetime_ms: how long the token works.
        now: Unix ms.
        draw: source of the token.

    Raises:
        ClaimError: a step fails (`invalid_grant`), or the copy cannot be had any more (`credential_request_denied`).
    """
    if len(text) > MAX_COPY_CHARS:
        raise _refusal(f"{len(text)} characters, at most {MAX_COPY_CHARS} are read")
    token = _parse(text)
    copy = session.scalar(
        select(Copy).where(
            Copy.commitment == commit(token.issuer_jwt), Copy.kind.in_((WALLET_KIND, FORMER[WALLET_KIND]))
        )
    )
    if copy is None:  # 1
        raise _refusal("not one that a claim here made", "ask the school for a new link")
    nonces.use(session, _verify_holder(text, token, audience, now), now)  # 2, 3
    award = _find_current(session, copy.award_id)  # 4
    if find_marked(session, MarkKind.RESTRICTION, [award.learner_id]):
        raise ClaimError(
            ClaimFault.CREDENTIAL_REQUEST_DENIED, "credential: no new copy can be had now", hint="ask the school"
        )
    slot = session.get_one(Slot, (copy.list_number, copy.slot))
    is_ended = slot.status == Status.REPLACED
    return _make_token(
        session,
        award,
        read_credential_id(token.issuer_jwt) if is_ended else "",
        expires_at=now + token_lifetime_ms,
        now=now,
        draw=draw,
    )


def find_replaces(session: Session, token: str) -> str | None:
    """What the copy for this token says in `replaces`, "" for nothing; None for a token that came from a claim link."""
    renewal = session.get(Renewal, hash_secret(token))
    return None if renewal is None else renewal.replaces


def _parse(text: str) -> SDJWT:
    try:
        return parse_sd_jwt(text)
    except CairnError as error:
        raise _refusal(str(error)) from error


def _verify_holder(text: str, token: SDJWT, audience: str, now: int) -> str:
    """Check the key binding, and give the nonce it was made over."""
    if token.key_binding is None:
        raise _refusal("carries no key binding")
    presented = text[: len(text) - len(token.key_binding)]
    try:
        # What we signed ourselves is known by its commitment: the holder key in it is the one we wrote.
        binding = verify_key_binding(
            token.key_binding,
            presented=presented,
            payload=token.payload,
            digest=find_digest(token.payload),
            policy=BindingPolicy(audience, None),
            now=now,
        )
    except CairnError as error:
        raise _refusal(str(error)) from error
    return binding.nonce


def _find_current(session: Session, award_id: str) -> Award:
    award = session.get_one(Award, award_id)
    # Each step goes to a later revision, so this ends.
    while award.replaced_by is not None:
        award = session.get_one(Award, award.replaced_by)
    if award.status == Status.VALID:
        return award
    raise ClaimError(
        ClaimFault.CREDENTIAL_REQUEST_DENIED,
        f"credential: is {Status(award.status).name.lower()} at the school, so there is no new copy",
        hint="ask the school",
    )


def _make_token(
    session: Session, award: Award, replaces: str, *, expires_at: int, now: int, draw: Draw
) -> RenewalToken:
    # An offer nobody can claim by code: used from the start, and with one copy left of those a link gives.
    offer_id = base64url.encode(draw(_ID_BYTES))
    session.add(
        Offer(
            id=offer_id,
            code_hash=draw(32),
            tx_code_hash=draw(32),
            created_at=now,
            expires_at=expires_at,
            wrong_codes=0,
            used_at=now,
        )
    )
    session.flush()
    session.add(OfferedAward(offer_id=offer_id, award_id=award.id, copies=MAX_COPIES_PER_OFFER - 1))
    token = store_token(session, offer_id, expires_at, now, draw)
    session.flush()
    session.add(Renewal(token_hash=hash_secret(token), replaces=replaces))
    return RenewalToken(token, configuration_id(award.achievement, award.version))


def _refusal(reason: str, hint: str = "") -> ClaimError:
    return ClaimError(ClaimFault.INVALID_GRANT, f"copy: {reason}", hint=hint)
