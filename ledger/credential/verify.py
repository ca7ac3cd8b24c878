"""Verification: one numbered list, walked in full, answered in words (DESIGN 6).

`verify_file` takes what somebody was handed (a presentation file, or one bare SD-JWT) and what a network's logs say, and
gives a report. It fetches nothing, never asks the issuer, and never folds "could not check" into another answer. After a bad
signature nothing else about the file is believed.

The steps stand in these modules: `verify_token` (1-5: what the bytes prove by themselves), `verify_ledger` (6-11: what the
ledger says), `verify_requirements` (12) and `verify_content` (13, 14: what is shown, by whom). This one puts them together.
`verify_as_of` answers steps 5-11 once more for a moment in the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.credential import verify_content
from ledger.credential.loose_receipts import choose_receipt
from ledger.credential.moment import check_moment
from ledger.credential.presentation import Presentation, parse_presentation
from ledger.credential.report import (
    UNBOUND_NOTE,
    Answer,
    ClaimClass,
    CredentialReport,
    RecordReport,
    ShownLine,
    Step,
    first_code,
    unreadable,
)
from ledger.credential.verify_ledger import LedgerSteps
from ledger.credential.verify_token import Terms, TokenFindings, examine_token
from ledger.errors import CairnError, MalformedError
from ledger.log.network import Network
from ledger.log.policy import QuorumRule

MAX_FILE_BYTES = 10 * 1024 * 1024
NO_QUORUM_NOTE = (
    "the trust root asks for no witnesses (quorum none): only the issuer's own signature vouches for its log"
)


_DOTS_OF_A_TOKEN = 2
_MAX_WORDS = 1 << 20
"""What is longer is refused by its length, as any token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the verifier asks.

    Attributes:
        now: Unix milliseconds.
        audience: the verifier's own name, if the file has to be made for it.
        nonce: the value it gave out, if any.
        as_of: the moment that is asked about besides, in Unix milliseconds; `None` for now alone. Both answers then stand in
            the report, and the one about the moment decides the exit code.
        receipts: JSON objects that came beside a bare SD-JWT, unread, in any order; a presentation holds its own.

    Raises:
        MalformedError: the moment is still to come.
    """

    now: int
    audience: str | None = None
    nonce: str | None = None
    as_of: int | None = None
    receipts: Sequence[object] = ()

    def __post_init__(self) -> None:
        if self.as_of is not None:
            check_moment(self.as_of, self.now)


def verify_file(data: bytes, network: Network, question: Question) -> RecordReport:
    """Verify a presentation file or a bare SD-JWT; never raises for what the file holds.

    Args:
        data: the file, at most 10 MiB.
        network: the verifier's view, from its trust root.
        question: now, and for whom.
    """
    try:
        if len(data) > MAX_FILE_BYTES:
            raise MalformedError(f"file: {len(data)} bytes, at most {MAX_FILE_BYTES} are read")
        if data.lstrip()[:1] == b"{":
            presentation = parse_presentation(data.strip())
        else:
            return _verify_bare(data, network, question)
    except CairnError as error:
        return RecordReport((unreadable(str(error), error.hint or "ask for the file again"),))
    return verify_presentation(presentation, network, question)


def verify_presentation(presentation: Presentation, network: Network, question: Question) -> RecordReport:
    """Verify every credential of a parsed presentation, and that each holder signed the whole of it."""
    # The file is hashed once, not once for each of its credentials.
    terms = Terms.of_presentation(presentation, question.now, question.audience, question.nonce, question.as_of)
    reports = tuple(
        verify_credential(item.sd_jwt, item.receipt, network, terms, item.status) for item in presentation.credentials
    )
    return report_presentation(presentation, reports)


def report_presentation(presentation: Presentation, reports: tuple[CredentialReport, ...]) -> RecordReport:
    """Put the reports on the credentials of a file together with what the learner wrote beside them."""
    # What the learner wrote, and what for, is signed by the holder keys; without a single good one it is nobody's word.
    believed = any(report.steps[3].answer is Answer.YES for report in reports if len(report.steps) > 3)
    lines = tuple(ShownLine(part.name, part.text, ClaimClass.SELF_ASSERTED) for part in presentation.learner)
    return RecordReport(reports, lines, _purpose(presentation)) if believed else RecordReport(reports)


def verify_credential(
    sd_jwt: str, receipt: object | None, network: Network, terms: Terms, stapled: object | None = None
) -> CredentialReport:
    """Walk the numbered list for one credential.

    Args:
        sd_jwt: the compact SD-JWT, with its key-binding JWT if it has one.
        receipt: the JSON object beside it, unread; `None` if there is none.
        network: the verifier's view.
        terms: what the verifier asks and what the file around the credential says.
        stapled: the stapled status beside it, unread; `None` if there is none.
    """
    return report_findings(examine_token(sd_jwt, network, terms), receipt, network, terms, stapled)


def verify_loose(sd_jwt: str, receipts: Sequence[object], network: Network, terms: Terms) -> CredentialReport:
    """Walk the numbered list for an SD-JWT whose receipt may be among some that came beside it (`choose_receipt`)."""
    token = examine_token(sd_jwt, network, terms)
    return report_findings(token, choose_receipt(token, network, receipts), network, terms)


def report_findings(
    token: TokenFindings, receipt: object | None, network: Network, terms: Terms, stapled: object | None = None
) -> CredentialReport:
    """Walk the rest of the list for a credential in whatever form, of which steps 1-5 are answered.

    Args:
        token: what they found.
        receipt, network, terms, stapled: as `verify_credential`.
    """
    if not token.is_believed:
        return CredentialReport(steps=tuple(token.steps), code=first_code(token.codes), notes=tuple(token.notes))
    ledger = LedgerSteps(network, token, terms.now)
    ledger.walk(receipt, stapled)
    steps: list[Step] = [*token.steps, *ledger.steps]
    codes = [*token.codes, *ledger.codes]
    content = verify_content.describe(token, network, ledger.receipt)
    steps += content.steps
    code = first_code(codes)
    notes = [*token.notes, *(one.to_line() for one in token.countersignatures)]
    if network.trust.quorum is QuorumRule.NONE:
        notes.append(NO_QUORUM_NOTE)
    if not token.is_bound:
        notes.append(UNBOUND_NOTE)
    as_of = None
    if terms.as_of is not None:
        # Imported where it is asked for: every other cold command is ten milliseconds sooner there.
        from ledger.credential.verify_as_of import report_as_of

        as_of = report_as_of(network, token, ledger, terms.as_of, has_stapled=stapled is not None)
    return CredentialReport(
        steps=tuple(steps),
        code=code,
        title=content.title,
        issuer=network.name_of(token.owner) if token.owner is not None else content.issuer,
        achievement=content.achievement,
        shown=content.shown,
        not_shown=content.not_shown,
        notes=tuple(notes),
        as_of=as_of,
        countersignatures=token.countersignatures,
    )


def _verify_bare(data: bytes, network: Network, question: Question) -> RecordReport:
    try:
        text = data.strip().decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError("file: neither a presentation nor an SD-JWT") from error
    if len(text) <= _MAX_WORDS and text.count(".") < _DOTS_OF_A_TOKEN:
        raise MalformedError("file: neither a presentation nor an SD-JWT" if text else "file: empty")
    terms = Terms(now=question.now, audience=question.audience, nonce=question.nonce, as_of=question.as_of)
    return RecordReport((verify_loose(text, question.receipts, network, terms),))


def _purpose(presentation: Presentation) -> tuple[str, ...]:
    return (f"shown to {presentation.audience} for: {presentation.purpose}",) if presentation.purpose else ()
