"""The steps every foreign credential goes through once its signature is good: dates, issuer, status, endorsements.

A good signature says that a key signed. Who the issuer is, only the verifier can say: by the issuer's document, by its
id, or by an authority of certificates. Until then the step answers "could not check", and the verdict is at best
`Cannot tell yet`.
"""

from collections.abc import Iterable, Sequence

from ledger.credential.external.entry import StatusEntry
from ledger.credential.external.findings import Findings
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.revocation import ListedStatus, read_status
from ledger.credential.report import Code
from ledger.credential.strict_json import JSONObject
from ledger.credential.validity import Validity, format_instant
from ledger.errors import MalformedError


def answer_dates(findings: Findings, validities: Iterable[Validity], now: int) -> None:
    """Step 5: within all the dates that are set, at `now` (Unix ms)."""
    bounds = list(validities)
    begins = max((one.not_before for one in bounds if one.not_before is not None), default=None)
    ends = min((one.expires for one in bounds if one.expires is not None), default=None)
    if ends is not None and now >= ends:
        findings.no(5, Code.EXPIRED, f"expired at {format_instant(ends)}", "ask the issuer for a new one")
    elif begins is not None and now < begins:
        findings.no(5, Code.NOT_YET_VALID, f"valid from {format_instant(begins)}", "wait until then")
    else:
        findings.yes(5, f"until {format_instant(ends)}" if ends is not None else "it does not expire")


def answer_issuer(findings: Findings, issuer: str, asked: ExternalQuestion, key: str = "") -> None:
    """Step 9: who the issuer is; yes only where the verifier names it."""
    if asked.book.is_named(issuer):
        findings.yes(9, f"you vouch for {issuer}; no ledger says what it may issue")
        return
    by = f"the signature is good by {key}; who {issuer} is could not be checked" if key else f"who {issuer} is"
    findings.unclear(
        9,
        Code.UNKNOWN_ISSUER,
        by,
        "if you know the issuer, name it with --issuer ID or give its document with --issuer-document FILE",
    )


def answer_status(findings: Findings, entries: Sequence[StatusEntry], issuer: str, asked: ExternalQuestion) -> None:
    """Step 11: what the lists say that the credential names."""
    if not entries:
        findings.skip(11, "it names no status list: nobody can say that it was not revoked")
        return
    answers = [read_status(entry, issuer, asked.lists) for entry in entries]
    for status, code in ((ListedStatus.REVOKED, Code.REVOKED), (ListedStatus.SUSPENDED, Code.SUSPENDED)):
        found = next((answer for answer in answers if answer.status is status), None)
        if found is not None:
            findings.no(11, code, found.detail, "ask the issuer")
            return
    unclear = next((answer for answer in answers if answer.status is ListedStatus.UNCLEAR), None)
    if unclear is not None:
        findings.unclear(11, Code.INCOMPLETE, unclear.detail, unclear.remedy)
        return
    findings.yes(11, "; ".join(dict.fromkeys(answer.detail for answer in answers)))


def answer_endorsements(findings: Findings, document: JSONObject) -> None:
    """Step 13: endorsements inside are counted and not judged; it informs and changes no verdict."""
    count = sum(_count(document.get(name)) for name in ("endorsement", "endorsementJwt"))
    if count:
        findings.remark(13, f"{count} inside, not judged", "save each as a file of its own and verify that")


def answer_content(findings: Findings, lines: int) -> None:
    """Step 14: everything shown is somebody else's word."""
    findings.yes(14, f"{lines} lines, all external" if lines else "nothing but its issuer and type")


def check_status_shape(findings: Findings, error: MalformedError) -> None:
    """Step 11 where the entry itself cannot be read: no statement can be made."""
    findings.unclear(11, Code.INCOMPLETE, str(error), error.hint or "ask the issuer for a new one")


def _count(value: object) -> int:
    return len(value) if isinstance(value, list) else int(value is not None)
