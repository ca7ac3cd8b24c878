"""Credentials of other formats in a vault: the exact bytes of each file, and whom the learner named as its issuer.

They are judged anew whenever they are looked at, since dates pass; documents of their issuers are kept beside them, since
those on the web change and forget. They are never shown through `present`: the file itself is what others can verify.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ledger.credential.external.question import ExternalQuestion
from ledger.credential.report import RecordReport, Verdict
from ledger.errors import MalformedError, RuleError
from wallet_cli import files, foreign
from wallet_cli.foreign import Given
from wallet_cli.holdings import Contents
from wallet_cli.imports import Import, NamedFile
from wallet_cli.vault import Vault

MAX_FILE_BYTES = 4 << 20
"""Largest file kept; the credential in it is bounded by its own format, at 1 MiB."""


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
    def state(self) -> str:
        """How it stands, in words."""
        return f"external, {self.report.verdict.text}"

    def to_json(self) -> dict[str, Any]:
        """The row for machines."""
        return {
            "external": True,
            "file": self.held.name,
            "id": self.held.id,
            "issuer_name": self.issuer,
            "report": self.report.to_json(),
            "state": self.state,
            "title": self.title,
        }


def read_import(path: Path, data: bytes, given: Given, now: int) -> Import:
    """A file to keep, with what the learner gave about its issuer; it has no id yet."""
    documents = []
    for source in given.issuer_documents:
        owner, name = foreign.split_source(source)
        documents.append(NamedFile(owner or "", foreign.read_given(name)))
    return Import(
        id="",
        name=path.name,
        data=data,
        received_at=now,
        documents=tuple(documents),
        issuers=given.issuers,
        authorities=tuple(foreign.read_given(name) for name in given.authorities),
    )


def keep(vault: Vault, new: Import, question: ExternalQuestion) -> Judged:
    """Judge a file and keep it, unless it is not readable or not authentic.

    Raises:
        MalformedError: it cannot be read, or is in the vault already.
        RuleError: a signature in it is not good; nothing is kept.
    """
    report = judge(new, question)
    first = report.credentials[0]
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

    book = foreign.make_book([(one.owner or None, one.data) for one in held.documents], held.issuers, held.authorities)
    own = question.book
    joined = replace(
        book,
        documents=(*book.documents, *own.documents),
        named=book.named | own.named,
        authorities=(*book.authorities, *own.authorities),
    )
    return judge_external(held.data, replace(question, book=joined))


def judge_all(contents: Contents, folder: Path, now: int) -> Sequence[Judged]:
    """Judge everything external in a vault; nothing is opened where there is nothing."""
    if not contents.imports:
        return ()
    question = foreign.open_question(Given(), folder, now)
    return [Judged(held, judge(held, question)) for held in contents.imports]


def export(held: Import, path: Path, *, force: bool) -> None:
    """Write the exact bytes to a file.

    Raises:
        MalformedError: something stands there, and `force` was not said.
    """
    if path.exists() and not force:
        raise MalformedError(f"{path} exists already", hint="name another file, or say --force")
    files.write_atomically(path, held.data)
