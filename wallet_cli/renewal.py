"""New copies in the place of old ones, fetched by `cairn refresh` where the ledger shows that they are needed.

A copy needs another in its place if the school replaced it (a correction, or a key of the school was stolen and all its
copies were made anew), if its key is void and nothing replaces it yet, if it never went to the ledger because its key
left force first, or if it was suspended and is valid again: whoever sees it could read that it once was. The school is
asked only then. What it hears is that this learner refreshes this copy; it made that copy itself.

Order matters as in `receive`: the new holder key is in the vault before the school hears of it, and the old copy stays
until the new one has passed the same checks as any other.
"""

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ledger.credential.status import Status
from ledger.errors import CairnError, PolicyError
from ledger.log.identity import LogId, parse_log_id
from ledger.log.keyring import KeyStatus
from ledger.log.keys import SEED_BYTES, SigningKey
from ledger.log.state import LogState
from node.client import http
from wallet_cli import claim, receive
from wallet_cli.acceptance import Accepted, accept_credential
from wallet_cli.held import HeldLedger
from wallet_cli.holdings import FORMER, SUSPENDED, Contents, Copy
from wallet_cli.reading import Reading, read_credential
from wallet_cli.records import find_status
from wallet_cli.vault import Vault

if TYPE_CHECKING:
    import aiohttp


class Reason(StrEnum):
    """Why a copy needs another in its place, as it is told."""

    COMPROMISED = "the key that the school signed it with was stolen"
    REPLACED = "the school replaced it"
    WITHDRAWN = "the school changed its key before this copy was on the ledger"
    REINSTATED = "it was suspended and is valid again, and the old copy shows that for ever"
    ASKED = "you asked for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewable:
    """A copy to be renewed: its place in the vault, why, and the school's name and URL by the ledger."""

    holding: str
    position: int
    copy: Copy
    reason: Reason
    school: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A copy that was renewed: the names of the fields that say something else than before; or why it was not."""

    renewable: Renewable
    changed: tuple[str, ...] = ()
    problem: CairnError | None = None


def mark_suspended(contents: Contents, held: HeldLedger) -> Contents:
    """Remember which copies read suspended now, since a later page no longer tells."""
    for holding in contents.holdings:
        for position, copy in enumerate(holding.copies):
            if not copy.mark and find_status(copy, read_credential(copy.sd_jwt), held) is Status.SUSPENDED:
                contents = contents.with_copy(holding.id, position, replace(copy, mark=SUSPENDED))
    return contents


def find_renewable(contents: Contents, held: HeldLedger, asked: Collection[str] = ()) -> tuple[Renewable, ...]:
    """The copies that need others in their place, as far as the ledger held here tells.

    Args:
        contents: of the vault, after receipts were looked for.
        held: the ledger.
        asked: ids of holdings whose copies shall be renewed whatever the ledger says.

    Raises:
        MalformedError: a holding that is asked for does not exist.
    """
    for name in asked:
        contents.holding(name)
    return tuple(_find(contents, held, asked))


async def renew(vault: Vault, renewable: Sequence[Renewable], held: HeldLedger, now: int) -> tuple[Renewed, ...]:
    """Fetch a copy in the place of each; one that cannot be had stops none of the others.

    Args:
        vault: opened.
        renewable: from `find_renewable`.
        held: the ledger.
        now: Unix milliseconds.
    """
    done = []
    issuers: dict[str, claim.Issuer] = {}
    async with http.open_session() as session:
        for one in renewable:
            try:
                if one.url not in issuers:
                    issuers[one.url] = await claim.fetch_issuer_at(one.url, session)
                changed = await _renew(vault, one, issuers[one.url], session, held, now)
                done.append(Renewed(renewable=one, changed=changed))
            except CairnError as error:
                done.append(Renewed(renewable=one, problem=error))
    return tuple(done)


def _find(contents: Contents, held: HeldLedger, asked: Collection[str]) -> Iterator[Renewable]:
    for holding in contents.holdings:
        for position, copy in enumerate(holding.copies):
            if copy.mark == FORMER or copy.seed is None or not copy.log:
                continue
            log_id = parse_log_id(copy.log)
            log = held.log(log_id)
            if log is None:
                continue
            reason = _find_reason(copy, held, log.state) or (Reason.ASKED if holding.id in asked else None)
            if reason is not None:
                state = _successor(log_id, held) or log.state
                yield Renewable(
                    holding=holding.id,
                    position=position,
                    copy=copy,
                    reason=reason,
                    school=state.name,
                    url=state.url,
                )


def _find_reason(copy: Copy, held: HeldLedger, state: LogState) -> Reason | None:
    reading = read_credential(copy.sd_jwt)
    status = find_status(copy, reading, held)
    if status is Status.REVOKED:
        return None
    index = copy.receipt["index"] if copy.receipt is not None else state.size
    key = KeyStatus.UNKNOWN if reading.key_id is None else state.key_status(reading.key_id, reading.role, index)
    if key is KeyStatus.COMPROMISED:
        return Reason.COMPROMISED
    if status is Status.REPLACED:
        return Reason.REPLACED
    if copy.receipt is None and key is KeyStatus.RETIRED:
        return Reason.WITHDRAWN
    if copy.mark == SUSPENDED and status is Status.VALID:
        return Reason.REINSTATED
    return None


def _successor(log_id: LogId, held: HeldLedger) -> LogState | None:
    """Who goes on with a log now: the last in its line that is held."""
    heirs = [heir for other in held.network.line_of(log_id)[1:] if (heir := held.log(other)) is not None]
    return heirs[-1].state if heirs else None


async def _renew(
    vault: Vault,
    one: Renewable,
    issuer: claim.Issuer,
    session: "aiohttp.ClientSession",
    held: HeldLedger,
    now: int,
) -> tuple[str, ...]:
    assert one.copy.seed is not None, "a copy that is bound to nobody is not renewed"
    seed = secrets.token_bytes(SEED_BYTES)
    key = SigningKey(seed)
    vault.change(lambda contents: receive.with_pending(contents, [seed], issuer.identifier, now))
    try:
        issuer_jwt = one.copy.sd_jwt.partition("~")[0]
        token, configuration = await claim.fetch_copy_token(issuer, issuer_jwt, SigningKey(one.copy.seed), now, session)
        delivered = await claim.fetch_credential(issuer, configuration, token, key, now, session)
        accepted = accept_credential(delivered.text, keys=(key.public,), server=issuer.identifier, held=held, now=now)
        before = read_credential(one.copy.sd_jwt)
        _check_same(before, accepted, one.copy, held)
        copy = receive.make_copy(delivered.text, seed, accepted, now)
        vault.change(lambda contents: contents.with_renewed(one.holding, one.position, copy))
    finally:
        receive.drop_pending(vault, [seed])
    return _changed_fields(before, accepted.reading)


def _check_same(before: Reading, accepted: Accepted, copy: Copy, held: HeldLedger) -> None:
    """A new copy may correct what is said of the learner, not turn into another credential."""
    after = accepted.reading
    if accepted.log not in held.network.line_of(parse_log_id(copy.log)) or after.achievement != before.achievement:
        raise PolicyError(
            f"credential: the school gave {after.title[:200]!r} in the place of {before.title[:200]!r}",
            hint="ask the school; the old copy was kept",
        )


def _changed_fields(before: Reading, after: Reading) -> tuple[str, ...]:
    old = {name: field.value for name, field in before.fields.items()}
    new = {name: field.value for name, field in after.fields.items()}
    # These differ from copy to copy by their nature.
    own = {"replaces", "evaluation"}
    return tuple(sorted(name for name in (old.keys() | new.keys()) - own if old.get(name) != new.get(name)))
