"""A Comprehensive Learner Record 2.0: credentials of one learner in one document, and how their achievements hang together.

A school signs the record it keeps of a learner; `partial` says whether it chose among what it awarded (`assembled` is
about records that learners put together). Each credential
inside is signed by itself and stays what it is: a reader judges it by its own proofs and its own status, and takes from
the outer signature only that they were put together. All of them speak of the same subject, or a record could carry
another person's credential.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger.credential.badge import status_members
from ledger.credential.copy import IssuerProfile
from ledger.credential.openbadge import CONTEXTS as BADGE_CONTEXTS
from ledger.credential.status import StatusReference
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.credential.timestamp import format_timestamp
from ledger.duration import DAY_MS
from ledger.errors import MalformedError, RuleError

CLR_CONTEXT = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"
CONTEXTS = (BADGE_CONTEXTS[0], CLR_CONTEXT, *BADGE_CONTEXTS[1:])

MAX_CREDENTIALS = 200
MAX_ASSOCIATIONS = 1_000

ASSOCIATION_TYPES = frozenset(
    {
        "exactMatchOf",
        "isChildOf",
        "isParentOf",
        "isPartOf",
        "isPeerOf",
        "isRelatedTo",
        "precedes",
        "replacedBy",
    }
)
_UPWARD = frozenset({"isChildOf", "isPartOf"})


@dataclass(frozen=True, slots=True)
class Association:
    """How two achievements of a record hang together, read "source is child of target"; ids of achievements."""

    type: str
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTerms:
    """What belongs to the record itself.

    Attributes:
        issuer: who puts it together and will sign it.
        copy_id: a random UUID in its text form.
        name: what people call it.
        description: what it is, in a sentence; "" for nothing.
        subject_id: URI of the learner, the same in every credential inside.
        identities: identity objects of the learner, as they stand in the credentials.
        issued_at: Unix seconds; only the UTC day gets in.
        is_partial: whether it is a choice from what the issuer awarded this learner.
        associations: between achievements of the credentials inside.
        status: its slot on the ledger, if it has one.
        plain_status: `credentialStatus`, which other software reads.
    """

    issuer: IssuerProfile
    copy_id: str
    name: str
    subject_id: str
    issued_at: int
    is_partial: bool
    identities: tuple[JSONValue, ...] = ()
    associations: tuple[Association, ...] = ()
    status: StatusReference | None = None
    plain_status: JSONObject | None = None
    description: str = ""


def make_record(credentials: Sequence[JSONObject], terms: RecordTerms) -> JSONObject:
    """The record of these credentials, not yet signed.

    Args:
        credentials: signed Open Badges credentials, in the order they shall stand.
        terms: what belongs to the record itself.

    Raises:
        RuleError: there are none or too many, two have one id, one is about somebody else, or an association is of an
            unknown type, names an achievement that is not inside, or closes a circle.
    """
    if not 1 <= len(credentials) <= MAX_CREDENTIALS:
        raise RuleError(f"record: {len(credentials)} credentials, 1 to {MAX_CREDENTIALS} go into one")
    if len({credential["id"] for credential in credentials}) != len(credentials):
        raise RuleError("record: two of its credentials have the same id")
    for credential in credentials:
        if _subject(credential).get("id") != terms.subject_id:
            raise RuleError("record: one of its credentials is about another subject")
    check_associations(terms.associations, achievements_of(credentials))
    return compose_record(credentials, terms)


def compose_record(members: Sequence[JSONObject], terms: RecordTerms) -> JSONObject:
    """The record around its members, credentials or envelopes of them, all of which have been checked."""
    issuer = terms.issuer
    subject: JSONObject = {"id": terms.subject_id, "type": ["ClrSubject"]}
    if terms.identities:
        subject["identifier"] = list(terms.identities)
    subject["verifiableCredential"] = list[JSONValue](members)
    if terms.associations:
        subject["association"] = [
            {"type": "Association", "associationType": one.type, "sourceId": one.source, "targetId": one.target}
            for one in terms.associations
        ]
    day = terms.issued_at * 1000 // DAY_MS * DAY_MS
    profile: JSONObject = {"id": issuer.id, "type": ["Profile"], "name": issuer.name}
    if issuer.url:
        profile["url"] = issuer.url
    record: JSONObject = {
        "@context": list(CONTEXTS),
        "id": f"urn:uuid:{terms.copy_id}",
        "type": ["VerifiableCredential", "ClrCredential"],
        "name": terms.name,
        "issuer": profile,
        "validFrom": format_timestamp(day),
        "partial": terms.is_partial,
        "credentialSubject": subject,
    }
    if terms.description:
        record["description"] = terms.description
    return record if terms.status is None else record | status_members(terms.status, terms.plain_status)


def achievements_of(credentials: Iterable[JSONObject]) -> frozenset[str]:
    """Ids of the achievements these credentials are for."""
    found = set()
    for credential in credentials:
        achievement = _subject(credential).get("achievement")
        if isinstance(achievement, dict):
            found.add(str(achievement.get("id")))
    return frozenset(found)


def check_associations(associations: Sequence[Association], known: frozenset[str]) -> None:
    """Check that each association is of a known type, between achievements of the record, and none closes a circle.

    Raises:
        RuleError: one is not.
    """
    if len(associations) > MAX_ASSOCIATIONS:
        raise RuleError(f"record: {len(associations)} associations, at most {MAX_ASSOCIATIONS} are taken")
    if len(set(associations)) != len(associations):
        raise RuleError("association: one stands twice")
    for one in associations:
        if one.type not in ASSOCIATION_TYPES:
            hint = f"one of {', '.join(sorted(ASSOCIATION_TYPES))}"
            raise RuleError(f"association: there is no type {one.type[:40]!r}", hint=hint)
        for end in (one.source, one.target):
            if end not in known:
                raise RuleError(f"association: the achievement {end[:200]!r} is not in the record")
        if one.source == one.target:
            raise RuleError(f"association: {one.source[:200]!r} is associated with itself")
    _refuse_circles(associations)


def _refuse_circles(associations: Iterable[Association]) -> None:
    """A tree of programme, course and competency is read from child to parent; a circle would have no top."""
    above: dict[str, set[str]] = {}
    for one in associations:
        if one.type in _UPWARD:
            above.setdefault(one.source, set()).add(one.target)
        elif one.type == "isParentOf":
            above.setdefault(one.target, set()).add(one.source)
    # Whatever has nothing above it is taken away until nothing changes; what remains hangs in a circle.
    while tops := {end for ends in above.values() for end in ends} - above.keys():
        above = {child: rest for child, ends in above.items() if (rest := ends - tops)}
    if above:
        raise RuleError(f"association: {min(above)[:200]!r} is below itself, in a circle")


def _subject(credential: Mapping[str, JSONValue]) -> JSONObject:
    subject = credential.get("credentialSubject")
    if not isinstance(subject, dict):
        raise MalformedError("record: one of its credentials has no subject, or several")
    return subject
