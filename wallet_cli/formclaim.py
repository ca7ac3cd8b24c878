"""Claiming a credential as a file of other software: an Open Badge or a compact JWS, made out to a key of the learner.

The order is that of `receive`: the key is in the vault before the server hears of it. The checks before it is kept are
those of `acceptance`, asked of another form:

1. it is one credential of the form that was asked for; 2. and 3. its signature is good and covers all of it; 4. it is
made out to the key we made for it; 5. it has not expired; then 5 to 7 of `acceptance`.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.credential import openbadge
from ledger.credential.external.judge import judge_external
from ledger.credential.external.kind import Envelope, Found, Kind, find_kind
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.shape import subjects_of
from ledger.credential.external.token import document_of_payload
from ledger.credential.published import achievement_of
from ledger.credential.report import Answer, CredentialReport
from ledger.credential.status import parse_status_claim
from ledger.credential.verify_forms import FormJudge
from ledger.errors import MalformedError, PolicyError, RuleError, SignatureError
from ledger.log.charter import Role
from ledger.log.didkey import encode_did_key
from ledger.log.keys import SEED_BYTES, KeyId, SigningKey
from node.client import http
from node.client.contexts import open_library
from wallet_cli import claim, imported
from wallet_cli.acceptance import check_status, find_issuer, find_key
from wallet_cli.claim import Issuer
from wallet_cli.forms import Form
from wallet_cli.held import HeldLedger
from wallet_cli.imported import Judged
from wallet_cli.imports import Import
from wallet_cli.offer import Offer, OfferLink
from wallet_cli.receive import AskCode, drop_pending, redeem_offer, with_pending
from wallet_cli.vault import Vault

if TYPE_CHECKING:
    import aiohttp

UNCHECKED_NOTE = "issuer, signature and status were not checked: no ledger is held here"
_ENVELOPES = {Form.OPEN_BADGE: Envelope.EMBEDDED, Form.JWS: Envelope.JWS}


@dataclass(frozen=True, slots=True)
class _Claimed:
    """An `acceptance.Claimed`, from the findings of steps 1 to 5."""

    issuer: str
    key_id: KeyId | None
    role: Role
    achievement: str
    achievement_type: str


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """A file that may be kept: what could not be checked, and the index below which its commitment cannot stand."""

    remarks: tuple[str, ...]
    search_from: int


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that was taken in, what was found about it, and what its holder should know."""

    judged: Judged
    remarks: tuple[str, ...]


async def receive_files(
    vault: Vault,
    source: Offer | OfferLink,
    form: Form,
    *,
    ask_code: AskCode,
    held: HeldLedger | None,
    folder: Path,
    now: int,
) -> tuple[ReceivedFile, ...]:
    """Claim everything an offer holds as files, one of each, and keep what passes the checks.

    Args:
        vault: opened.
        source: the offer.
        form: one that is kept as a file.
        ask_code: called once, and only if the offer announces a code.
        held: the ledger as held here, None without one.
        folder: of the vault, where contexts are kept.
        now: Unix milliseconds.

    Raises:
        CairnError: nothing could be claimed, or a credential did not pass; what passed before it is kept.
    """
    async with http.open_session() as session:
        issuer, token = await redeem_offer(source, session, ask_code, form)
        return tuple(
            [
                await _claim_file(vault, issuer, name, form, token, session, held=held, folder=folder, now=now)
                for name in issuer.configurations
            ]
        )


async def _claim_file(
    vault: Vault,
    issuer: Issuer,
    configuration: str,
    form: Form,
    token: str,
    session: "aiohttp.ClientSession",
    *,
    held: HeldLedger | None,
    folder: Path,
    now: int,
) -> ReceivedFile:
    seed = secrets.token_bytes(SEED_BYTES)
    vault.change(lambda contents: with_pending(contents, [seed], issuer.identifier, now))
    try:
        key = SigningKey(seed)
        delivered = await claim.fetch_credential(issuer, configuration, token, key, now, session)
        own = None if held is None else FormJudge(held.network)
        question = ExternalQuestion(now=now, library=open_library(folder), own=own)
        accepted = accept_file(
            delivered.text, form, question, holder=encode_did_key(key.public), server=issuer.identifier, held=held
        )
        new = Import(
            id="",
            name=_file_name(configuration, form),
            data=delivered.text.encode(),
            received_at=now,
            seed=seed,
            search_from=accepted.search_from,
        )
        return ReceivedFile(imported.keep(vault, new, question), accepted.remarks)
    finally:
        drop_pending(vault, [seed])


def accept_file(
    text: str, form: Form, question: ExternalQuestion, *, holder: str, server: str, held: HeldLedger | None
) -> AcceptedFile:
    """Check what a server delivered before it is kept, by the steps of this module.

    Args:
        text: as delivered.
        form: asked for.
        question: with the ledger's judge, if one is held.
        holder: did:key of the key we proved.
        server: issuer identifier of the offer.
        held: the ledger as held here, None without one.

    Raises:
        MalformedError: step 1.
        SignatureError: steps 2, 3 or 6 (of `acceptance`).
        RuleError: steps 4, 5 or 7.
        PolicyError: step 5 of `acceptance`.
    """
    found = find_kind(text)
    if found.kind is not Kind.BADGE_3 or found.envelope is not _ENVELOPES[form]:
        raise MalformedError(
            f"credential: expected the form {form}, the school gave {found.kind} ({found.envelope})",
            hint="ask the school; nothing was kept",
        )
    document = document_of_payload(found.document, found) if found.jws is not None else found.document
    subjects = subjects_of(document)
    if [subject.get("id") for subject in subjects] != [holder]:
        raise RuleError(
            "credential: it is not made out to the key that we proved",
            hint="tell the school: whoever copies it could say it is theirs; nothing was kept",
        )
    first = judge_external(text.encode(), question).credentials[0]
    _check_answers(first)
    if held is None:
        return AcceptedFile((UNCHECKED_NOTE,), 0)
    return _check_ledger(found, question, server, held)


def _check_answers(report: CredentialReport) -> None:
    """Refuse what a step said no to, up to the dates; what stands on the ledger only a later cut tells."""
    for step in report.steps[:5]:
        if step.answer is Answer.NO:
            kind = MalformedError if step.number == 1 else RuleError if step.number > 3 else SignatureError
            raise kind(f"credential: {step.detail}", hint="ask the school for a new one; nothing was kept")


def _check_ledger(found: Found, question: ExternalQuestion, server: str, held: HeldLedger) -> AcceptedFile:
    token = None if question.own is None else FormJudge(held.network).examine(found, question)
    if token is None:
        raise PolicyError(
            f"credential: its issuer is not an institution of {held.trust.name}, as far as the ledger is held here",
            hint="run `cairn sync` and try again; a school of another network needs that network's trust root",
        )
    if not token.is_believed or token.key is None:
        raise SignatureError(
            "credential: its signature could not be checked", hint="run `cairn sync` and ask the school for a new link"
        )
    achievement, kind = achievement_of(token.payload)
    claimed = _Claimed(
        str(token.payload.get("iss")), token.key.key.id, Role(openbadge.key_role(kind or None)), achievement, kind
    )
    _, log = find_issuer(claimed, server, held)
    find_key(claimed, log.state, log.state.size)
    remark = check_status(parse_status_claim(token.payload.get("status")), held)
    # A copy just minted cannot stand below what is held of the log that will have it.
    return AcceptedFile((remark,) if remark else (), log.state.size)


def _file_name(configuration: str, form: Form) -> str:
    """A name for the file, from a server's word for what it holds."""
    parts: Sequence[str] = re.findall(r"[A-Za-z0-9]+", configuration.removesuffix(f"/{form}").rpartition(":")[2])
    return ("-".join(parts)[:60] or "credential") + form.suffix
