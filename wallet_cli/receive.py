"""Taking credentials in: claimed from a server with fresh holder keys, or read from a file, checked before they are
kept.

Order matters. Keys are in the vault, durably, before the server hears of them: were the power cut after the server
has minted, the one-time code would be spent and the copy bound to a key nobody has. A copy is kept as soon as it has
passed, so that a failure of the next one costs nothing.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.credential.verify_either import OwnerTest, is_foreign
from ledger.duration import DAY_MS
from ledger.errors import CairnError, MalformedError
from ledger.log.identity import encode_log_id
from ledger.log.keys import SEED_BYTES, SigningKey
from node.client import http
from wallet_cli import claim, files, imported
from wallet_cli.acceptance import Accepted, accept_credential
from wallet_cli.claim import Issuer
from wallet_cli.forms import Form
from wallet_cli.held import HeldLedger
from wallet_cli.holdings import Contents, Copy, Holding, Pending
from wallet_cli.offer import Offer, OfferLink, is_offer_text, parse_offer, read_offer_text
from wallet_cli.vault import Vault

if TYPE_CHECKING:
    import aiohttp

MAX_FILE_BYTES = 1 << 20
MAX_COPIES = 4
PENDING_KEPT_MS = 7 * DAY_MS
"""How long a holder key of an unanswered claim is kept; the server forgets its offer sooner."""
_WHAT_TO_GIVE = (
    "give the link of the school, or a file: a credential, badge, image with a badge inside, record or token"
)

AskCode = Callable[[Issuer, Offer], str]
"""Shows who offers and asks the learner for the transaction code."""


@dataclass(frozen=True, slots=True)
class Received:
    """A holding that was taken in, and what the checks said of its first copy."""

    holding: Holding
    accepted: Accepted


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A file of another format than this ledger's."""

    path: Path
    data: bytes


def read_source(text: str, owns: OwnerTest = lambda _: False) -> Offer | OfferLink | ForeignFile | str:
    """Tell what the learner gave: an offer, a link to one, or a file with a credential (its text) or an offer.

    Args:
        text: link, QR text or path.
        owns: whether an issuer id is of the ledger held; see `verify_either.is_foreign`.

    Raises:
        MalformedError: none of these.
        OSError: the file cannot be read.
    """
    if is_offer_text(text):
        return read_offer_text(text)
    path = Path(text).expanduser()
    whole = files.read_bounded(path, imported.MAX_FILE_BYTES)
    data = whole.strip()
    if not _is_offer(data) and is_foreign(whole, owns):
        return ForeignFile(path, whole)
    if len(whole) > MAX_FILE_BYTES:
        raise MalformedError(f"{text}: {len(whole)} bytes, at most {MAX_FILE_BYTES} are read")
    if data.startswith(b"{"):
        return parse_offer(data)
    try:
        content = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{text} is neither a credential nor an offer", hint=_WHAT_TO_GIVE) from error
    if is_offer_text(content):
        return read_offer_text(content)
    if "~" not in content:
        raise MalformedError(f"{text} is neither a credential nor an offer", hint=_WHAT_TO_GIVE)
    return content


def _is_offer(data: bytes) -> bool:
    return is_offer_text(data[:64].decode("ascii", "replace")) or (
        data.startswith(b"{") and b'"credential_issuer"' in data and b'"@context"' not in data
    )


def receive_text(vault: Vault, sd_jwt: str, *, held: HeldLedger | None, now: int) -> Received:
    """Check a credential from a file and keep it.

    Raises:
        CairnError: see `accept_credential`; also if it is held already.
    """
    seeds = _known_seeds(vault.contents)
    keys = {SigningKey(seed).public: seed for seed in seeds}
    accepted = accept_credential(sd_jwt, keys=keys.keys(), server="", held=held, now=now)
    holder = accepted.reading.holder
    copy = make_copy(sd_jwt, None if holder is None else keys[holder], accepted, now)
    return Received(_keep(vault, (copy,)), accepted)


async def receive_offer(
    vault: Vault,
    source: Offer | OfferLink,
    *,
    ask_code: AskCode,
    held: HeldLedger | None,
    now: int,
    copies: int = 1,
    form: Form | None = None,
) -> tuple[Received, ...]:
    """Claim everything an offer holds, `copies` copies each with a fresh key, and keep what passes the checks.

    Args:
        vault: opened.
        source: from `read_source`.
        ask_code: see `AskCode`; called once, and only if the offer announces a code.
        held: the ledger as held here, None without one.
        now: Unix milliseconds.
        copies: 1 to `MAX_COPIES`; fewer are kept where the school gives fewer.
        form: another SD-JWT than the native one; for files see `formclaim`.

    Raises:
        CairnError: nothing could be claimed, or a credential did not pass; what passed before it is kept.
    """
    async with http.open_session() as session:
        issuer, token = await redeem_offer(source, session, ask_code, form)
        received = []
        for configuration in issuer.configurations:
            received.append(
                await _claim_award(vault, issuer, configuration, token, session, held=held, now=now, copies=copies)
            )
        return tuple(received)


async def redeem_offer(
    source: Offer | OfferLink, session: "aiohttp.ClientSession", ask_code: AskCode, form: Form | None
) -> tuple[Issuer, str]:
    """Trade an offer for an access token; gives the issuer too, with what to ask for in this form.

    Nothing is spent before the issuer is known to have that form.

    Raises:
        CairnError: the offer, its issuer or the code is refused.
    """
    offer = await claim.fetch_offer(source, session) if isinstance(source, OfferLink) else source
    issuer = await claim.fetch_issuer(offer, session, form)
    code = ask_code(issuer, offer)
    return issuer, await claim.fetch_token(offer, issuer, code, session)


async def _claim_award(
    vault: Vault,
    issuer: Issuer,
    configuration: str,
    token: str,
    session: "aiohttp.ClientSession",
    *,
    held: HeldLedger | None,
    now: int,
    copies: int,
) -> Received:
    seeds = [secrets.token_bytes(SEED_BYTES) for _ in range(copies)]
    vault.change(lambda contents: with_pending(contents, seeds, issuer.identifier, now))
    kept: list[Copy] = []
    first: Accepted | None = None
    try:
        for seed in seeds:
            key = SigningKey(seed)
            try:
                delivered = await claim.fetch_credential(issuer, configuration, token, key, now, session)
            except CairnError:
                # One copy is what was promised; a school may give no second one.
                if first is not None:
                    break
                raise
            text = delivered.text
            accepted = accept_credential(text, keys=(key.public,), server=issuer.identifier, held=held, now=now)
            copy = make_copy(text, seed, accepted, now)
            # The charter's word counts; the server's is taken where no ledger is at hand.
            kept.append(copy if accepted.log is not None else replace(copy, expected_at=delivered.expected_at))
            first = first or accepted
    finally:
        holding = _keep(vault, tuple(kept)) if kept else None
        drop_pending(vault, seeds)
    if holding is None or first is None:
        raise MalformedError("credential answer: nothing was delivered")
    return Received(holding, first)


def make_copy(sd_jwt: str, seed: bytes | None, accepted: Accepted, now: int) -> Copy:
    """The copy to keep of what was accepted; `now` is Unix milliseconds."""
    return Copy(
        sd_jwt=sd_jwt,
        seed=seed,
        received_at=now,
        log="" if accepted.log is None else encode_log_id(accepted.log),
        search_from=accepted.search_from,
        expected_at=accepted.expected_at,
        checked=accepted.log is not None,
    )


def _keep(vault: Vault, copies: tuple[Copy, ...]) -> Holding:
    def add(contents: Contents) -> Contents:
        for copy in copies:
            if contents.has_sd_jwt(copy.sd_jwt.partition("~")[0]):
                raise MalformedError("this credential is in the vault already", hint="see `cairn list`")
        return contents.with_holding(copies)

    return vault.change(add).holdings[-1]


def with_pending(contents: Contents, seeds: Sequence[bytes], offer: str, now: int) -> Contents:
    """Put holder keys into a vault's content, for a claim that goes to `offer`."""
    kept = tuple(key for key in contents.pending if now - key.made_at < PENDING_KEPT_MS)
    return replace(contents, pending=(*kept, *(Pending(seed=seed, made_at=now, offer=offer) for seed in seeds)))


def drop_pending(vault: Vault, seeds: Sequence[bytes]) -> None:
    """Forget holder keys of a claim that has ended."""

    def drop(contents: Contents) -> Contents:
        return replace(contents, pending=tuple(key for key in contents.pending if key.seed not in seeds))

    vault.change(drop)


def _known_seeds(contents: Contents) -> set[bytes]:
    held = {copy.seed for holding in contents.holdings for copy in holding.copies if copy.seed is not None}
    return held | {key.seed for key in contents.pending}
