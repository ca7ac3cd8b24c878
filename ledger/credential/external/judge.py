"""From the bytes of a file to a report, for every format that is read from others.

One report a credential; for records and presentations one for the whole, then one for each credential inside, which is
judged by itself. Work is bounded: credentials in one file, and how deep they stand in each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from ledger.credential.external.answer import read_answer
from ledger.credential.external.assembled import bind_to_holders, claim_keys, is_assembled, remark_on_names
from ledger.credential.external.assertion import judge_assertion
from ledger.credential.external.badge import MAX_REMARKS
from ledger.credential.external.blockcerts import judge_blockcerts_2, judge_blockcerts_3
from ledger.credential.external.clr import check_record, credentials_inside, remarks_on_record, same_person
from ledger.credential.external.container import Carried, open_container
from ledger.credential.external.document import judge_document
from ledger.credential.external.kind import (
    Envelope,
    Found,
    Kind,
    enveloped_text,
    find_kind,
    find_kind_of_document,
)
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.sdjwt_token import judge_sd_jwt
from ledger.credential.external.shape import credentials_of, subjects_of
from ledger.credential.external.shown import bind_to_holder, judge_holder
from ledger.credential.external.token import judge_token
from ledger.credential.report import Answer, Code, CredentialReport, RecordReport, first_code, make_step, unreadable
from ledger.credential.strict_json import JSONObject
from ledger.errors import CairnError, MalformedError

MAX_CREDENTIALS = 1_000
MAX_NESTING = 4

_EMPTY = "it holds no credential, so there is nothing to be valid"
_ASK = "ask for the file again, as it was issued"


def judge_external(data: bytes, asked: ExternalQuestion) -> RecordReport:
    """Judge a file of another format; never raises for what it holds.

    Args:
        data: the file, text or image.
        asked: the question, with what is at hand to answer it.
    """
    try:
        return judge_carried(open_container(data), asked)
    except CairnError as error:
        return RecordReport((unreadable(str(error), error.hint or _ASK),))


def judge_carried(carried: Carried, asked: ExternalQuestion) -> RecordReport:
    """Judge the text a file carries.

    Raises:
        MalformedError: not a format known here.
    """
    listed = read_answer(carried.text)
    reports = _Judge(asked).judge(find_kind(carried.text), 0) if listed is None else _Judge(asked).judge_listed(listed)
    return RecordReport(tuple(reports), notes=tuple(_describe(carried)))


def _describe(carried: Carried) -> Iterator[str]:
    if carried.container != "file":
        yield f"carried by {'an' if carried.container == 'SVG' else 'a'} {carried.container} image"
    if carried.unread:
        yield f"{carried.unread} bytes behind the end of the image were not read"


class _Judge:
    """Judges one file; counts what stands inside."""

    def __init__(self, asked: ExternalQuestion) -> None:
        self.asked, self.left = asked, MAX_CREDENTIALS

    def judge(self, found: Found, depth: int) -> list[CredentialReport]:
        """The reports on one credential and those inside."""
        self.left -= 1
        if self.left < 0 or depth > MAX_NESTING:
            raise MalformedError(
                f"file: more than {MAX_CREDENTIALS} credentials, or deeper than {MAX_NESTING} in each other"
            )
        if found.kind is Kind.PRESENTATION:
            return self._presentation(found, depth)
        own = None if self.asked.own is None else self.asked.own(found, self.asked)
        report = _judge_one(found, self.asked) if own is None else own
        if found.kind is Kind.RECORD and not _is_refused(report):
            return self._record(found, report, depth)
        return [report]

    def judge_listed(self, items: Sequence[JSONObject | str]) -> list[CredentialReport]:
        """The reports on credentials that stand beside each other, each by itself."""
        if not items:
            raise MalformedError(f"file: {_EMPTY}", hint="the host holds none for this person; ask it again later")
        reports: list[CredentialReport] = []
        for item in items:
            found = _find(item)
            reports += self.judge(found, 0) if isinstance(found, Found) else [found]
        return reports

    def _record(self, found: Found, report: CredentialReport, depth: int) -> list[CredentialReport]:
        inner = found.document.get("vc")
        document = inner if type(inner) is dict else found.document
        try:
            subject = check_record(document)
        except MalformedError as error:
            return [unreadable(str(error), error.hint)]
        founds = [_find(item) for item in credentials_inside(subject)]
        documents = [_document(one) for one in founds if isinstance(one, Found)]
        remarks = tuple(islice(dict.fromkeys(remarks_on_record(document, documents)), MAX_REMARKS))
        holders: frozenset[str] | None = None
        if is_assembled(found):
            report, holders = claim_keys(report, found, documents)
            remarks += tuple(remark_on_names(documents))
        reports = [replace(report, notes=(*report.notes, *remarks))]
        for one in founds:
            if isinstance(one, CredentialReport):
                reports.append(one)
                continue
            first, *rest = self.judge(one, depth + 1)
            if holders is None:
                first = _check_person(first, subject, _document(one))
            else:
                first = bind_to_holders(first, _document(one), holders)
            reports += [first, *rest]
        return reports

    def _presentation(self, found: Found, depth: int) -> list[CredentialReport]:
        report, document = judge_holder(found, self.asked)
        if _is_refused(report):
            return [report]
        # Who it was made for is asked of the presentation; the credentials inside were made for nobody in particular.
        inner = _Judge(replace(self.asked, audience=None, nonce=None))
        inner.left = self.left
        reports = [report]
        for item in credentials_of(document):
            one = _find(item)
            if isinstance(one, Found):
                first, *rest = inner.judge(one, depth + 1)
                reports += [bind_to_holder(first, report, _document(one)), *rest]
            else:
                reports.append(one)
        if len(reports) == 1:
            reports[0] = replace(report, code=first_code([report.code, Code.INCOMPLETE]), notes=(*report.notes, _EMPTY))
        return reports


def _judge_one(found: Found, asked: ExternalQuestion) -> CredentialReport:
    match found.kind:
        case Kind.BLOCKCERTS_3:
            return judge_blockcerts_3(found, asked)
        case Kind.BLOCKCERTS_2:
            return judge_blockcerts_2(found, asked)
        case Kind.BADGE_2:
            return judge_assertion(found, asked)
    match found.envelope:
        case Envelope.SD_JWT:
            return judge_sd_jwt(found, asked)
        case Envelope.JWS:
            return judge_token(found, asked)
    return judge_document(found, asked)


def _find(item: JSONObject | str) -> Found | CredentialReport:
    """A credential inside another; what cannot be read has a report that says so."""
    try:
        if isinstance(item, str):
            return find_kind(item)
        inner = enveloped_text(item)
        return find_kind(inner) if inner else Found(find_kind_of_document(item), Envelope.EMBEDDED, "", item)
    except CairnError as error:
        return unreadable(str(error), error.hint or _ASK)


def _document(found: Found) -> JSONObject:
    inner = found.document.get("vc")
    return inner if type(inner) is dict else found.document


def _check_person(report: CredentialReport, subject: JSONObject, inside: JSONObject) -> CredentialReport:
    """Step 4 of a credential inside a record: it has to be about the same person."""
    answers = [same_person(subject, one) for one in subjects_of(inside)]
    if not any(step.number == 4 for step in report.steps) or not answers or all(answers):
        return report
    if False in answers:
        detail = "it was issued to somebody else than the record is about"
        step = make_step(4, Answer.NO, detail, "ask who put the record together")
        code = first_code([report.code, Code.NOT_BOUND])
    else:
        detail = "nothing in it says whether it is about the person of the record; a name alone does not"
        step = make_step(4, Answer.COULD_NOT_CHECK, detail, "ask the learner for the credential by itself")
        code = first_code([report.code, Code.INCOMPLETE]) if report.code is not Code.VALID else Code.INCOMPLETE
    return replace(report, steps=tuple(step if one.number == 4 else one for one in report.steps), code=code)


def _is_refused(report: CredentialReport) -> bool:
    """Whether nothing in it is believed."""
    return report.code in (Code.MALFORMED, Code.BAD_SIGNATURE)
