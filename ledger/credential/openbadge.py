"""Open Badges 3.0 achievements: what is awarded, as published on the ledger and as it stands in every copy.

An achievement is a foreign document: its bytes are kept verbatim and bound by hash; here it is only checked against
what Open Badges demands (FORMATS 11) and what a copy needs: the criteria are there, every result description has a code
that `result.<code>` can name, and no member collides with the reserved names of SD-JWT.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.credential.strict_json import JSONObject, JSONValue, parse_strict_json
from ledger.errors import MalformedError, RuleError

if TYPE_CHECKING:
    from decimal import Decimal

MAX_ACHIEVEMENT_BYTES = 256 * 1024
"""An achievement stands whole in every copy, and a copy is at most 1 MiB."""
MAX_RESULT_DESCRIPTIONS = 512
MAX_TEXT_CHARACTERS = 20_000

CONTEXTS = (
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
)
"""The contexts of what we issue, in this order; the context of a signed badge is never swapped."""

ACHIEVEMENT_TYPES = frozenset({
    "Achievement", "ApprenticeshipCertificate", "Assessment", "Assignment", "AssociateDegree", "Award", "Badge",
    "BachelorDegree", "Certificate", "CertificateOfCompletion", "Certification", "CoCurricular",
    "CommunityService", "Competency", "Course", "Degree", "Diploma", "DoctoralDegree", "Fieldwork",
    "GeneralEducationDevelopment", "JourneymanCertificate", "LearningProgram", "License", "MasterCertificate",
    "MasterDegree", "Membership", "MicroCredential", "ProfessionalDoctorate", "QualityAssuranceCredential",
    "ResearchDoctorate", "SecondarySchoolDiploma",
})  # fmt: skip
"""The 31 values of `achievementType`; others begin with `ext:`."""

REGISTER_TYPES = frozenset({
    "ApprenticeshipCertificate", "AssociateDegree", "BachelorDegree", "Certificate", "CertificateOfCompletion",
    "Degree", "Diploma", "DoctoralDegree", "JourneymanCertificate", "MasterCertificate", "MasterDegree",
    "ProfessionalDoctorate", "ResearchDoctorate", "SecondarySchoolDiploma",
})  # fmt: skip
"""Diplomas, certificates and degrees: only a key with the role `register` may sign them (DESIGN 6, step 10)."""

RESULT_TYPES = frozenset({
    "GradePointAverage", "LetterGrade", "Percent", "PerformanceLevel", "PredictedScore", "RawScore", "Result",
    "RubricCriterion", "RubricCriterionLevel", "RubricScore", "ScaledScore", "Status",
})  # fmt: skip

IDENTITY_TYPES = {"name": "name", "email": "emailAddress", "date_of_birth": "ext:dateOfBirth"}
"""`identityType` of each field that says who the learner is."""

REQUIREMENT_SET_TYPE = "ext:requirementSet"
"""`identifierType` under which an achievement's `otherIdentifier` names requirement sets, as `ID/VERSION`."""

_EXTENSION = re.compile(r"ext:[A-Za-z0-9._-]+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x20\x7f]+")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_RESERVED_NAMES = ("_sd", "...", "_sd_alg")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDescription:
    """One kind of result an achievement may carry; `code` is what a CSV column and `present --disclose` call it."""

    id: str
    code: str
    name: str
    result_type: str
    allowed: tuple[str, ...]
    minimum: "Decimal | None"
    maximum: "Decimal | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Achievement:
    """A checked achievement. `json` is the object as published; treat it as read-only."""

    id: str
    name: str
    description: str
    achievement_type: str | None
    version: str | None
    results: tuple[ResultDescription, ...]
    json: JSONObject

    @property
    def key_role(self) -> str:
        """Role of the key that may sign a credential for it: `register` or `issue` (DESIGN 6, step 10)."""
        return key_role(self.achievement_type)

    def result(self, code: str) -> ResultDescription | None:
        """The result description with this code."""
        return next((result for result in self.results if result.code == code), None)


def key_role(achievement_type: str | None) -> str:
    """Role of the key that may sign achievements of this type: `register` for diplomas and the like, else `issue`."""
    return "register" if achievement_type in REGISTER_TYPES else "issue"


def result_code(identifier: str) -> str:
    """Short name of a result description: what follows the last `#` of its id, else the last `/` or `:`."""
    start = identifier.rfind("#")
    return identifier[(start if start >= 0 else max(identifier.rfind("/"), identifier.rfind(":"))) + 1 :]


def parse_achievement(data: bytes) -> Achievement:
    """Parse and check an Open Badges 3.0 Achievement document, at most 256 KiB.

    Raises:
        MalformedError: not such a document; the message names the member.
    """
    if len(data) > MAX_ACHIEVEMENT_BYTES:
        raise MalformedError(f"achievement: {len(data)} bytes, at most {MAX_ACHIEVEMENT_BYTES} are taken")
    return check_achievement(parse_strict_json(data, max_bytes=MAX_ACHIEVEMENT_BYTES, where="achievement"))


def check_achievement(value: JSONValue) -> Achievement:
    """Check an achievement that is parsed already, for example out of a credential.

    Raises:
        MalformedError: see `parse_achievement`.
    """
    members = _object(value, "achievement")
    if "@context" in members:
        raise MalformedError(
            "achievement: @context does not belong here",
            hint="leave it out; the credential around it brings the contexts",
        )
    _refuse_what_breaks_a_copy(members, "achievement")
    _require_type(members, "Achievement", "achievement")
    criteria = _object(members.get("criteria"), "achievement.criteria")
    if "id" not in criteria and "narrative" not in criteria:
        raise MalformedError("achievement.criteria: needs id or narrative, so that readers learn what it takes")
    if "id" in criteria:
        _uri(criteria, "id", "achievement.criteria")
    if "narrative" in criteria:
        _text(criteria, "narrative", "achievement.criteria")
    return Achievement(
        id=_uri(members, "id", "achievement"),
        name=_text(members, "name", "achievement"),
        description=_text(members, "description", "achievement"),
        achievement_type=_achievement_type(members),
        version=_text(members, "version", "achievement") if "version" in members else None,
        results=_result_descriptions(members),
        json=members,
    )


def check_result(achievement: Achievement, code: str, value: str) -> ResultDescription:
    """Check one result of a learner against the achievement: no schema does it.

    Raises:
        RuleError: the code is unknown, or the value is not among those allowed. The message does not repeat the
            value, which is about a learner.
    """
    description = achievement.result(code)
    if description is None:
        known = ", ".join(result.code for result in achievement.results) or "none"
        raise RuleError(f"result.{code}: {achievement.name} has no such result", hint=f"it has: {known}")
    if description.allowed and value not in description.allowed:
        raise RuleError(f"result.{code}: value is not one of {', '.join(description.allowed)}")
    if description.minimum is not None or description.maximum is not None:
        number = _decimal(value)
        below = description.minimum is not None and (number is None or number < description.minimum)
        above = description.maximum is not None and (number is None or number > description.maximum)
        if below or above:
            raise RuleError(f"result.{code}: value is not from {description.minimum} to {description.maximum}")
    if not value.strip():
        raise RuleError(f"result.{code}: value is empty")
    return description


def achievement_for_requirement_set(requirement_set: Mapping[str, JSONValue], base_url: str) -> JSONObject:
    """Make the achievement that stands for fulfilling a requirement set, one result description per requirement.

    Args:
        requirement_set: a parsed requirement set (`id`, `version`, `title`, `note`, `achievementType`, `requirements`).
        base_url: the issuer's URL; `/achievements/ID/VERSION` and `/requirements/ID/VERSION` are put behind it.

    Returns:
        An Achievement object for `encode`; a waiver is a value only where the requirement is `waivable`.

    Raises:
        MalformedError: the requirement set lacks one of these members.
    """
    where = "requirement set"
    name = _text(requirement_set, "id", where)
    version = requirement_set.get("version")
    if type(version) is not int or version < 1:
        raise MalformedError(f"{where}: version: expected a whole number from 1")
    title = _text(requirement_set, "title", where)
    rows = [_object(row, f"{where}: requirements") for row in _array(requirement_set, "requirements", where)]
    if not rows:
        raise MalformedError(f"{where}: requirements: at least one is needed")
    achievement_id = f"{base_url.rstrip('/')}/achievements/{name}/{version}"
    labels = [(_text(row, "id", where), _text(row, "label", where), row.get("waivable") is True) for row in rows]
    achievement: JSONObject = {
        "id": achievement_id,
        "type": ["Achievement"],
        "name": title,
        "description": _text(requirement_set, "note", where) if "note" in requirement_set else title,
        "achievementType": _text(requirement_set, "achievementType", where),
        "version": str(version),
        "criteria": {
            "id": f"{base_url.rstrip('/')}/requirements/{name}/{version}",
            "narrative": "\n".join(f"* {code}: {label}" for code, label, _ in labels),
        },
        "otherIdentifier": [
            {"type": "IdentifierEntry", "identifier": f"{name}/{version}", "identifierType": REQUIREMENT_SET_TYPE}
        ],
        "resultDescription": [
            {
                "id": f"{achievement_id}#{code}",
                "type": ["ResultDescription"],
                "name": label,
                "resultType": "Result",
                "allowedValue": ["waived", "met"] if waivable else ["met"],
            }
            for code, label, waivable in labels
        ],
    }
    check_achievement(achievement)
    return achievement


def _refuse_what_breaks_a_copy(value: JSONValue, where: str) -> None:
    """No nulls and no empty arrays (Open Badges), no member with a name that SD-JWT reserves."""
    if value is None:
        raise MalformedError(f"{where}: null is not allowed", hint="leave the member out")
    if isinstance(value, dict):
        for name, member in value.items():
            if name in _RESERVED_NAMES:
                raise MalformedError(f"{where}: the name {name} is reserved")
            _refuse_what_breaks_a_copy(member, f"{where}.{name}")
    elif isinstance(value, list):
        if not value:
            raise MalformedError(f"{where}: an empty list is not allowed", hint="leave the member out")
        for position, element in enumerate(value):
            _refuse_what_breaks_a_copy(element, f"{where}[{position}]")


def _achievement_type(members: Mapping[str, JSONValue]) -> str | None:
    if "achievementType" not in members:
        return None
    text = _text(members, "achievementType", "achievement")
    if text not in ACHIEVEMENT_TYPES and not _EXTENSION.fullmatch(text):
        raise MalformedError(
            f"achievement.achievementType: {text!r} is none of the {len(ACHIEVEMENT_TYPES)} types of Open Badges 3.0",
            hint=f"take one of {', '.join(sorted(ACHIEVEMENT_TYPES))}, or a name of your own that begins with ext:",
        )
    return text


def _result_descriptions(members: Mapping[str, JSONValue]) -> tuple[ResultDescription, ...]:
    value = members.get("resultDescription", [])
    rows: Sequence[JSONValue] = value if isinstance(value, list) else [value]
    if len(rows) > MAX_RESULT_DESCRIPTIONS:
        raise MalformedError(f"achievement.resultDescription: {len(rows)}, at most {MAX_RESULT_DESCRIPTIONS} are taken")
    results = [_result_description(row, f"achievement.resultDescription[{n}]") for n, row in enumerate(rows)]
    for what in ("id", "code"):
        seen: set[str] = set()
        for result in results:
            text = result.id if what == "id" else result.code
            if text in seen:
                raise MalformedError(f"achievement.resultDescription: two have the {what} {text}")
            seen.add(text)
    return tuple(results)


def _result_description(value: JSONValue, where: str) -> ResultDescription:
    members = _object(value, where)
    _require_type(members, "ResultDescription", where)
    identifier = _uri(members, "id", where)
    code = result_code(identifier)
    if not _CODE.fullmatch(code):
        raise MalformedError(
            f"{where}.id: {identifier!r} does not end in a code",
            hint="end it in # and a code such as R1, as in …/diploma#R1",
        )
    result_type = _text(members, "resultType", where)
    if result_type not in RESULT_TYPES and not _EXTENSION.fullmatch(result_type):
        raise MalformedError(f"{where}.resultType: {result_type!r} is none of {', '.join(sorted(RESULT_TYPES))}")
    allowed = _allowed_values(members, where)
    if "requiredValue" in members and allowed and _text(members, "requiredValue", where) not in allowed:
        raise MalformedError(f"{where}.requiredValue: is not among allowedValue")
    return ResultDescription(
        id=identifier,
        code=code,
        name=_text(members, "name", where),
        result_type=result_type,
        allowed=allowed,
        minimum=_bound(members, "valueMin", where),
        maximum=_bound(members, "valueMax", where),
    )


def _allowed_values(members: Mapping[str, JSONValue], where: str) -> tuple[str, ...]:
    value = members.get("allowedValue", [])
    values = value if isinstance(value, list) else [value]
    if any(not isinstance(text, str) or not text.strip() for text in values):
        raise MalformedError(f"{where}.allowedValue: expected a list of texts")
    return tuple(str(text) for text in values)


def _bound(members: Mapping[str, JSONValue], name: str, where: str) -> "Decimal | None":
    if name not in members:
        return None
    number = _decimal(_text(members, name, where))
    if number is None:
        raise MalformedError(f"{where}.{name}: expected a decimal number as text")
    return number


def _decimal(text: str) -> "Decimal | None":
    from decimal import (  # needed for numeric results alone: three milliseconds of a cold command
        Decimal,
        InvalidOperation,
    )

    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _object(value: JSONValue, where: str) -> JSONObject:
    if not isinstance(value, dict):
        raise MalformedError(f"{where}: expected an object")
    return value


def _array(members: Mapping[str, JSONValue], name: str, where: str) -> list[JSONValue]:
    value = members.get(name)
    if not isinstance(value, list):
        raise MalformedError(f"{where}.{name}: expected a list")
    return value


def _text(members: Mapping[str, JSONValue], name: str, where: str) -> str:
    if name not in members:
        raise MalformedError(f"{where}.{name}: is missing")
    value = members[name]
    if not isinstance(value, str) or not value.strip():
        raise MalformedError(f"{where}.{name}: expected text that is not empty")
    if len(value) > MAX_TEXT_CHARACTERS:
        raise MalformedError(f"{where}.{name}: {len(value)} characters, at most {MAX_TEXT_CHARACTERS} are taken")
    return value


def _uri(members: Mapping[str, JSONValue], name: str, where: str) -> str:
    text = _text(members, name, where)
    if not _URI.fullmatch(text):
        raise MalformedError(f"{where}.{name}: expected an absolute URI, found {text[:100]!r}")
    return text


def _require_type(members: Mapping[str, JSONValue], name: str, where: str) -> None:
    value = members.get("type")
    types = value if isinstance(value, list) else [value]
    if name not in types or any(not isinstance(text, str) for text in types):
        raise MalformedError(f"{where}.type: expected {name}")
