"""What a verifier asks about a foreign credential, and what it holds to answer with."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ledger.credential.external.issuers import IssuerBook
from ledger.credential.external.kind import Found
from ledger.credential.external.revocation import StatusReader
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.report import CredentialReport

JudgeOwn = Callable[[Found, "ExternalQuestion"], CredentialReport | None]
"""Judges a credential that is not foreign at all, since its issuer writes to a ledger that is held; None for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalQuestion:
    """What is asked, and what is at hand.

    Attributes:
        now: Unix milliseconds.
        book: what was given about issuers.
        library: JSON-LD contexts, for proofs that need them.
        lists: readers of the status lists that were given.
        audience, nonce: what a presentation or key binding has to name; None for no demand.
        own: asked first about every credential, wherever in a file it stands; None where no ledger is held.
    """

    now: int
    book: IssuerBook = field(default_factory=IssuerBook)
    library: ContextLibrary = field(default_factory=ContextLibrary)
    lists: tuple[StatusReader, ...] = ()
    audience: str | None = None
    nonce: str | None = None
    own: JudgeOwn | None = None
