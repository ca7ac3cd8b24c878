"""Files of other formats in a vault: the exact bytes of each, and whom the learner named as its issuer. They may be of
somebody else or of a member of the ledger held, which their issuer tells.

They are judged anew whenever they are looked at, since dates pass; documents of their issuers are kept beside them, since
those on the web change and forget. They are never shown through `present`: the file itself is what others can verify.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ledger.credential.external.asking import make_book
from ledger.credential.external.findings import EXTERNAL_NOTE
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.receipt_list import encode_receipts, parse_receipts
from ledger.credential.report import Answer, Code, RecordReport, Verdict
from ledger.credential.verify_forms import FormJudge
from ledger.errors import MalformedError, RuleError
from node.client.givenfiles import GivenFiles, read_files
from node.client.shownfiles import Receipts
from wallet_cli import foreign
from wallet_cli.held import open_held
from wallet_cli.holdings import Contents
from wallet_cli.imports import Import, NamedFile
from wallet_cli.reading import PLAIN_LIST_NOTE
from wallet_cli.vault import Vault

MAX_FILE_BYTES = 4 << 20
"""Largest file kept; the credential in it is bounded by its own format, at 1 MiB."""

NOTHING_GIVEN = GivenFiles()
_ENDED = frozenset({Code.REVOKED, Code.SUPERSEDED, Code.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Judged:
    """A kept credential, and what is found about it now."""

    held: Import
    report: RecordReport

    @property
    def title(self) -> str:
        """What it is, else the name of its file."""
        return self.report.credentials[0].title or self.held.name

    @property
    def issuer(self) -> str:
        """Whom it names as its issuer; "" where nothing of it is believed."""
        return self.report.credentials[0].issuer

    @property
    def is_own(self) -> bool:
        """Whether a member of the ledger held issued it, so that it was judged by that ledger."""
        return not any(note.startswith(EXTERNAL_NOTE) for note in self.report.credentials[0].notes)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What its holder should know of such copies."""
        return (PLAIN_LIST_NOTE,) if self.is_own else ()

    @property
    def state(self) -> str:
        """How it stands, in words; and who countersigned it."""
        first = self.report.credentials[0]
        signed = (one for one in first.countersignatures if one.answer is Answer.YES)
        whose = "a file of this ledger" if self.is_own else "external"
        verdict = self.report.verdict.text
        if self.is_own and first.code is Code.NO_RECEIPT:
            verdict = "not found there yet: `cairn refresh` looks for it after each cut"
        return ", ".join([whose, verdict, *(one.to_line() for one in signed)])

    def to_json(self) -> dict[str, Any]:
        """The row for machines."""
        return {
            "external": not self.is_own,
            "file": self.held.name,
            "id": self.held.id,
            "issuer_name": self.issuer,
            "remarks": list(self.remarks),
            "report": self.report.to_json(),
            "state": self.state,
            "title": self.title,
        }


def read_import(path: Path, data: bytes, given: GivenFiles, now: int) -> Import:
    """A file to keep, with what the learner gave about its issuer; it has no id yet."""
    read = read_files(given)
    return Import(
        id="",
        name=path.name,
        data=data,
        received_at=now,
        documents=tuple(NamedFile(owner or "", document) for owner, document in read.documents),
        issuers=given.issuers,
        authorities=read.authorities,
        receipts=_read_receipts(path, given.receipts),
    )


def keep(vault: Vault, new: Import, question: ExternalQuestion) -> Judged:
    """Judge a file and keep it, unless it is not readable or not authentic; of this ledger's own only what stands.

    Raises:
        MalformedError: it cannot be read, or is in the vault already.
        RuleError: a signature in it is not good; nothing is kept.
    """
    report = judge(new, question)
    first = report.credentials[0]
    if Judged(new, report).is_own and first.code in _ENDED:
        failed = next(one for one in first.steps if one.number == 11)
        raise RuleError(f"{new.name}: {failed.detail}", hint="ask the school for a new one; nothing was kept")
    if first.verdict in (Verdict.NOT_READABLE, Verdict.NOT_AUTHENTIC):
        step = first.steps[-1]
        failed = next((one for one in first.steps if one.answer.value == "no"), step)
        kind = MalformedError if first.verdict is Verdict.NOT_READABLE else RuleError
        raise kind(f"{new.name}: {failed.detail}", hint=f"{failed.remedy}; nothing was kept")

    def add(contents: Contents) -> Contents:
        if any(held.data == new.data for held in contents.imports):
            raise MalformedError("this file is in the vault already", hint="see `cairn list`")
        return contents.with_import(new)

    return Judged(vault.change(add).imports[-1], report)


def judge(held: Import, question: ExternalQuestion) -> RecordReport:
    """Judge a kept file by what was given with it, beside what the question holds."""
    from ledger.credential.external.judge import judge_external

    book = make_book([(one.owner or None, one.data) for one in held.documents], held.issuers, held.authorities)
    own = question.book
    joined = replace(
        book,
        documents=(*book.documents, *own.documents),
        named=book.named | own.named,
        authorities=(*book.authorities, *own.authorities),
    )
    judge_own = question.own
    if isinstance(judge_own, FormJudge):
        judge_own = replace(judge_own, receipts=parse_receipts(held.receipts, held.name) if held.receipts else ())
    return judge_external(held.data, replace(question, book=joined, own=judge_own))


def open_question(folder: Path, now: int, given: GivenFiles = NOTHING_GIVEN) -> ExternalQuestion:
    """What is asked of kept files: with what the options name, and by the ledger held here, if one is."""
    held = open_held(folder)
    return foreign.open_question(given, folder, now, own=None if held is None else FormJudge(held.network))


def judge_all(contents: Contents, folder: Path, now: int) -> Sequence[Judged]:
    """Judge everything external in a vault; nothing is opened where there is nothing."""
    if not contents.imports:
        return ()
    question = open_question(folder, now)
    return [Judged(held, judge(held, question)) for held in contents.imports]


def _read_receipts(path: Path, named: Sequence[str]) -> bytes:
    found = Receipts(named)
    for _ in found.follow([path]):
        return encode_receipts(found.given) if found.given else b""
    return b""
