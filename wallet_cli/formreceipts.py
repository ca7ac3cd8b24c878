"""Where kept files of this ledger's own forms stand: badges, JWS and records, whose receipts come in a file beside them.

What a file needs is told by the credentials in it: each one by a member has a commitment of its own, in the log of
whoever signed it. `refresh` finds those together with the wallet's other copies, whole batches at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ledger.credential.external.kind import Found
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.receipt_list import encode_receipts, parse_receipts
from ledger.credential.report import CredentialReport
from ledger.credential.verify_forms import FormJudge
from ledger.credential.verify_token import TokenFindings
from ledger.log.receipt import Receipt, encode_receipt
from wallet_cli import imported
from wallet_cli.held import HeldLedger
from wallet_cli.holdings import Contents
from wallet_cli.imports import Import
from wallet_cli.refresh import Place, Waiting


@dataclass(slots=True)
class _Recorder:
    """A judge of this ledger's own credentials that remembers what it was shown."""

    judge: FormJudge
    seen: list[TokenFindings] = field(default_factory=list)

    def __call__(self, found: Found, asked: ExternalQuestion) -> CredentialReport | None:
        token = self.judge.examine(found, asked)
        if token is None:
            return None
        self.seen.append(token)
        return self.judge.report(token, asked)


def find_waiting(contents: Contents, held: HeldLedger, folder: Path, now: int) -> tuple[Waiting, ...]:
    """The credentials in kept files whose place on the ledger is not known yet.

    Args:
        contents: of the vault.
        held: the ledger.
        folder: of the vault, where contexts are kept.
        now: Unix milliseconds.
    """
    if not contents.imports:
        return ()
    question = imported.open_question(folder, now)
    return tuple(one for kept in contents.imports for one in _waiting_in(kept, held, question))


def with_receipts(contents: Contents, found: Mapping[Place, Receipt]) -> Contents:
    """Put receipts that were found into a vault's content, after those that its files have."""
    for kept in contents.imports:
        new = [encode_receipt(receipt) for (name, _), receipt in sorted(found.items()) if name == kept.id]
        if new:
            both: Sequence[object] = (*_receipts_of(kept), *new)
            contents = contents.with_found(kept.id, encode_receipts(both))
    return contents


def _waiting_in(kept: Import, held: HeldLedger, question: ExternalQuestion) -> list[Waiting]:
    judge = FormJudge(held.network, receipts=_receipts_of(kept))
    recorder = _Recorder(judge)
    imported.judge(kept, replace(question, own=recorder))
    waiting = []
    for number, token in enumerate(recorder.seen):
        log = token.key_log or token.owner
        if token.is_believed and log is not None and judge.choose_receipt(token) is None:
            waiting.append(Waiting((kept.id, number), log, kept.search_from, token.commitment))
    return waiting


def _receipts_of(kept: Import) -> tuple[object, ...]:
    return parse_receipts(kept.receipts, kept.name) if kept.receipts else ()
