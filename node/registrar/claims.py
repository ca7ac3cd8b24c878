"""Claims: a wallet with a token and proofs of its keys gets its copies (DESIGN 4, OpenID4VCI 1.0 §8).

At most four copies per offer and award, and sixteen per award and year whatever offers there are: every copy takes a
slot, and slots are what hides the number of awards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.duration import DAY_MS
from node.client.copyform import Form
from node.registrar.claimforms import available_forms, count_claimed, make_claimed, split_configuration
from node.registrar.claiming import ClaimError, ClaimFault
from node.registrar.copies import mint_wallet_copies
from node.registrar.copy_desk import CopyDesk
from node.registrar.desk import RegistrarDesk
from node.registrar.documents import PublishedAchievement
from node.registrar.filecopies import CopyTools
from node.registrar.learners.marks import MarkKind, find_marked
from node.registrar.nonces import NonceMint
from node.registrar.offers import MAX_COPIES_PER_OFFER, OfferView, find_offered, redeem_code, view_offer
from node.registrar.proofs import Proven, open_proofs
from node.registrar.renewals import find_replaces, redeem_copy
from node.registrar.tables import Award, Copy
from node.registrar.views import WALLET_KIND

MAX_COPIES_PER_YEAR = 16
_YEAR_MS = 365 * DAY_MS


@dataclass(frozen=True, slots=True)
class Claim:
    """What a wallet asks for."""

    token: str
    configuration: str
    """Name of the achievement in OpenID4VCI (`claimforms.configuration_id`)."""
    proofs: tuple[str, ...]
    """JWTs, 1 to 4."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a wallet gets for a code."""

    token: str
    expires_in_seconds: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a wallet gets for a claim."""

    credentials: tuple[str, ...]
    """One for each proven key, in the order of the proofs: an SD-JWT, a JWS, or the JSON of a badge."""
    next_cut: int | None
    """When the next cut is due, Unix ms; None where cuts are made on command."""


class ClaimDesk:
    """The part of the registrar's desk that strangers talk to: claim links, tokens, nonces, copies."""

    def __init__(self, desk: RegistrarDesk) -> None:
        """Stand beside the desk."""
        self._desk = desk
        self._copies = CopyDesk(desk)
        self._nonces = NonceMint(desk.parts.draw)
        self._described: tuple[tuple[int, ...], Sequence[PublishedAchievement]] | None = None

    @property
    def issuer(self) -> str:
        """Identifier of this issuer, a URL."""
        return self._desk.issuer

    @property
    def name(self) -> str:
        """The institution's name, for people."""
        return self._desk.make_press().issuer.name

    @property
    def vct(self) -> str:
        """The type of all credentials."""
        return self._desk.make_press().vct

    def achievements(self) -> Sequence[PublishedAchievement]:
        """Everything that can be claimed here by type; says nothing about what was awarded."""
        parts = self._desk.parts
        logs = (parts.ledger.log(log_id) for log_id in (parts.log_id, *parts.networks()))
        sizes = tuple(0 if log is None else log.state.size for log in logs)
        if self._described is None or self._described[0] != sizes:
            self._described = sizes, self._desk.list_achievements()
        return self._described[1]

    def forms(self, role: str) -> tuple[Form, ...]:
        """The forms of other software in which achievements that keys of this role sign can be claimed now."""
        return tuple(available_forms(self._desk.make_press(), self._desk.parts.contexts, role))

    async def view_offer(self, code: str) -> OfferView | None:
        """What an offer is about; None where there is none (any more)."""
        now = self._desk.parts.clock()
        return await self._desk.database.look(lambda session: view_offer(session, code, now))

    async def redeem(self, code: str, tx_code: str) -> AccessToken:
        """Trade a code and its second code for a token.

        Raises:
            ClaimError: one of them is wrong, used or expired.
        """
        parts = self._desk.parts
        lifetime_ms = parts.access_token_minutes * 60_000
        now = parts.clock()
        token = await self._desk.database.change(
            lambda session: redeem_code(session, code, tx_code, token_lifetime_ms=lifetime_ms, now=now, draw=parts.draw)
        )
        if isinstance(token, ClaimError):
            raise token
        return AccessToken(token, lifetime_ms // 1000)

    async def renew(self, copy: str) -> tuple[AccessToken, str]:
        """Trade a copy that a wallet holds for a token good for one in its place, and say what to ask for with it.

        Raises:
            ClaimError: it is not one of ours, its holder did not sign, or the award is not valid now.
        """
        parts = self._desk.parts
        lifetime_ms = parts.access_token_minutes * 60_000
        now = parts.clock()
        made = await self._desk.database.change(
            lambda session: redeem_copy(
                session,
                copy,
                self._nonces,
                audience=self.issuer,
                token_lifetime_ms=lifetime_ms,
                now=now,
                draw=parts.draw,
            )
        )
        return AccessToken(made.token, lifetime_ms // 1000), made.configuration

    def make_nonce(self) -> str:
        """A fresh nonce for key proofs."""
        return self._nonces.make(self._desk.parts.clock())

    async def claim(self, claim: Claim) -> Claimed:
        """Mint the copies a wallet asks for; their commitments go with the next cut.

        Raises:
            ClaimError: it is refused.
            RuleError: the copies cannot be made now, for a reason of this node's.
        """
        now = self._desk.parts.clock()
        credentials = await self._desk.database.change(
            lambda session: answer_claim(
                session,
                claim,
                lambda: open_proofs(claim.proofs, audience=self.issuer, now=now),
                self._nonces,
                lambda: self._copies.tools(session),
                now,
            )
        )
        return Claimed(tuple(credentials), self._desk.next_cut())


def answer_claim(
    session: Session,
    claim: Claim,
    prove: Callable[[], Proven],
    nonces: NonceMint,
    make_tools: Callable[[], CopyTools],
    now: int,
) -> list[str]:
    """Mint a copy for each proven key.

    1. the token is good and its offer holds this award; 2. the proofs verify; 3. their nonce is ours, fresh and unused;
    4. the award is valid now, and can be had in this form; 5. there are copies left. Everything is one transaction: a
    refusal uses nothing up.

    Args:
        session: an open write transaction.
        claim: what is asked.
        prove: verifies the proofs, once the token is known to be good.
        nonces: knows its own nonces again.
        make_tools: gives what copies are made with.
        now: Unix ms.

    Raises:
        ClaimError: a step fails.
        RuleError: the copies cannot be made now, for a reason of this node's.
    """
    native, form = split_configuration(claim.configuration)
    offered = find_offered(session, claim.token, native, now)  # 1
    proven = prove()  # 2
    nonces.use(session, proven.nonce, now)  # 3
    award = session.get_one(Award, offered.award_id)
    if award.status != Status.VALID or award.replaced_by is not None:  # 4
        raise _denied("this credential can no longer be claimed", "ask the school")
    if find_marked(session, MarkKind.RESTRICTION, [award.learner_id]):
        raise _denied("this credential cannot be claimed now", "ask the school")
    tools = make_tools()
    published = tools.find_achievement(award.achievement, award.version)
    if form is not None and form not in available_forms(tools.press, tools.library, published.achievement.key_role):
        raise ClaimError(
            ClaimFault.UNKNOWN_CREDENTIAL_CONFIGURATION,
            f"credential: this school cannot give the form {form}",
            hint="without a form you get what every wallet of this ledger reads",
        )
    if offered.copies + len(proven.keys) > MAX_COPIES_PER_OFFER:  # 5
        raise _denied(f"at most {MAX_COPIES_PER_OFFER} copies for one link", "ask the school for a new link")
    if _copies_since(session, award.id, now - _YEAR_MS) + len(proven.keys) > MAX_COPIES_PER_YEAR:
        raise _denied(f"at most {MAX_COPIES_PER_YEAR} copies in a year", "ask the school")
    offered.copies += len(proven.keys)
    if form is not None:
        return make_claimed(session, award, form, proven.keys, tools)
    replaces = find_replaces(session, claim.token)
    return mint_wallet_copies(session, tools.press, published, award, proven.keys, replaces=replaces)


def _copies_since(session: Session, award_id: str, since: int) -> int:
    # Copies that a re-issue ended, or that never went to the ledger, were no choice of the wallet's.
    is_counted = (Copy.kind == WALLET_KIND) & Copy.withdrawn.is_(False)
    query = select(func.count()).where(Copy.award_id == award_id, is_counted, Copy.minted_at > since)
    return (session.scalar(query) or 0) + count_claimed(session, award_id, since)


def _denied(reason: str, hint: str) -> ClaimError:
    return ClaimError(ClaimFault.CREDENTIAL_REQUEST_DENIED, f"credential: {reason}", hint=hint)
