"""Reading a record that its learner put together (`ledger.credential.assembled`): told apart from what a school signs.

Such a record claims nothing, so nobody has to know its issuer: step 9 does not apply, and what it says of itself is
`self-asserted`. In turn nothing it says makes a credential inside anybody's: one that is made out to a key counts as this
learner's only if that key signed the record, and what it is made out to no key stays bound to nobody. That identifiers
agree proves nothing here, since whoever puts a record together writes them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ledger.credential.external.findings import Findings
from ledger.credential.external.kind import Found, Kind
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.external.shape import issuer_of, subjects_of
from ledger.credential.report import (
    UNBOUND_NOTE,
    Answer,
    ClaimClass,
    Code,
    CredentialReport,
    first_code,
    make_step,
)
from ledger.credential.strict_json import JSONObject

ASSEMBLED_NOTE = (
    "assembled by the learner, not by a school: it vouches for nothing inside, each credential stands for itself"
)
_DID_KEY = "did:key:"


def is_assembled(found: Found) -> bool:
    """Whether a record is by whom it is about, a key alone, and awards nothing itself."""
    if found.kind is not Kind.RECORD or found.jws is not None:
        return False
    subjects = subjects_of(found.document)
    issuer = issuer_of(found.document)
    return (
        issuer.startswith(_DID_KEY)
        and [subject.get("id") for subject in subjects] == [issuer]
        and not any("achievement" in subject for subject in subjects)
    )


def answer_assembled(findings: Findings, asked: ExternalQuestion) -> None:
    """Steps 4 and 9 for such a record, whose signature is good."""
    findings.skip(9, "nobody has to be known: it is by the learner, who vouches for nothing in it")
    findings.notes.append(ASSEMBLED_NOTE)
    if asked.audience is None and asked.nonce is None:
        findings.yes(4, "signed by whom it is about, for nobody in particular")


def describe_assembled(report: CredentialReport, issuer: str) -> CredentialReport:
    """The report with what the learner wrote marked as the learner's, under no name but the key."""
    lines = tuple(replace(line, claim_class=ClaimClass.SELF_ASSERTED) for line in report.shown)
    return replace(report, issuer=f"the learner ({issuer})" if report.issuer else "", shown=lines)


def claim_keys(
    report: CredentialReport, found: Found, inside: Iterable[JSONObject]
) -> tuple[CredentialReport, frozenset[str]]:
    """Whose keys such a record speaks for, and its report without those: the learner's own are no countersignatures.

    Args:
        report: on the record, which has been found good.
        found: the record.
        inside: the credentials in it.
    """
    named = {str(subject.get("id")) for document in inside for subject in subjects_of(document)}
    own = [one for one in report.countersignatures if one.answer is Answer.YES and one.id in named]
    lines = {one.to_line() for one in own}
    rest = tuple(one for one in report.countersignatures if one not in own)
    notes = tuple(note for note in report.notes if note not in lines)
    holders = frozenset({issuer_of(found.document), *(one.id for one in own)})
    return replace(report, countersignatures=rest, notes=notes), holders


def bind_to_holders(report: CredentialReport, inside: JSONObject, holders: frozenset[str]) -> CredentialReport:
    """Step 4 of a credential inside: whether it is made out to a key that signed the record."""
    step = next((one for one in report.steps if one.number == 4), None)
    named = {str(one["id"]) for one in subjects_of(inside) if str(one.get("id", "")).startswith("did:")}
    if step is None or step.answer is Answer.NO or not named:
        return report
    if named <= holders:
        bound = make_step(4, Answer.YES, f"it is made out to {', '.join(sorted(named))}, who signed the record")
        notes, code = tuple(note for note in report.notes if note != UNBOUND_NOTE), report.code
    else:
        detail = f"it is made out to {', '.join(sorted(named - holders))}, who did not sign the record"
        bound = make_step(4, Answer.NO, detail, "ask who put the record together")
        notes, code = report.notes, first_code([report.code, Code.NOT_BOUND])
    return replace(
        report, steps=tuple(bound if one.number == 4 else one for one in report.steps), notes=notes, code=code
    )


def remark_on_names(documents: Iterable[JSONObject]) -> Sequence[str]:
    """That the credentials of such a record name several people, if they do."""
    names = sorted(
        {
            str(item.get("identityHash"))[:100]
            for document in documents
            for subject in subjects_of(document)
            for item in _listed(subject.get("identifier"))
            if isinstance(item, dict) and item.get("identityType") == "name" and item.get("hashed") is False
        }
    )
    return (f"its credentials name {', '.join(names)}: ask whether that is one person",) if len(names) > 1 else ()


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]
