"""What an Open Badges 3.0 badge must have beyond a credential (1EdTech, §B), and what no schema checks.

Members that readers may add are left alone. Values of results are held against what the achievement says they can be.
"""

from collections.abc import Iterator
from itertools import islice

from ledger.credential.external.kind import contexts_of, types_of
from ledger.credential.external.shape import ISSUER_CAN_FIX, subjects_of
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.errors import MalformedError

CONTEXT_PREFIX = "https://purl.imsglobal.org/spec/ob/v3p0/context"
MAX_REMARKS = 20
"""A reader who has been told so often knows."""
ELDER_CONTEXTS = ("https://imsglobal.github.io/openbadges-specification/context.json",)


def check_badge(document: JSONObject) -> None:
    """Check the shape of a badge.

    Raises:
        MalformedError: a member is missing or not of its form.
    """
    if not any(_is_badge_context(item) for item in contexts_of(document)):
        raise MalformedError(
            f"@context: expected one of Open Badges 3.0 ({CONTEXT_PREFIX}-3.0.3.json), found none", hint=ISSUER_CAN_FIX
        )
    issuer = document.get("issuer")
    if type(issuer) is dict and "Profile" not in types_of(issuer):
        raise MalformedError(
            f"issuer.type: expected 'Profile', found {sorted(types_of(issuer))!r}", hint=ISSUER_CAN_FIX
        )
    if "EndorsementCredential" in types_of(document):
        return
    for subject in subjects_of(document):
        _check_subject(subject)
    for item in _objects(document, "evidence"):
        if "Evidence" not in types_of(item):
            raise MalformedError(
                f"evidence.type: expected 'Evidence', found {sorted(types_of(item))!r}", hint=ISSUER_CAN_FIX
            )


def remarks_on(document: JSONObject) -> Iterator[str]:
    """What a reader should know and no signature covers: no recipient, an issuer that is a bare text, odd results."""
    yield from islice(dict.fromkeys(_remarks_on(document)), MAX_REMARKS)


def _remarks_on(document: JSONObject) -> Iterator[str]:
    if type(document.get("issuer")) is str:
        yield "the issuer is a bare id; Open Badges wants an object with a name"
    for subject in subjects_of(document):
        if "AchievementSubject" in types_of(subject):
            if "id" not in subject and "identifier" not in subject:
                yield "it names nobody as its recipient: accept it only from the issuer itself"
            yield from _odd_results(subject)


def _is_badge_context(item: JSONValue) -> bool:
    return type(item) is str and (item.startswith(CONTEXT_PREFIX) or item in ELDER_CONTEXTS)


def _check_subject(subject: JSONObject) -> None:
    if "AchievementSubject" not in types_of(subject):
        raise MalformedError(
            f"credentialSubject.type: expected 'AchievementSubject', found {sorted(types_of(subject))!r}",
            hint=ISSUER_CAN_FIX,
        )
    achievement = subject.get("achievement")
    if achievement is None:
        raise MalformedError("credentialSubject.achievement: expected an object, found nothing", hint=ISSUER_CAN_FIX)
    if type(achievement) is not dict:
        return
    for name in ("id", "name", "description"):
        if type(achievement.get(name)) is not str:
            found = name_type(achievement.get(name))
            raise MalformedError(f"achievement.{name}: expected a text, found {found}", hint=ISSUER_CAN_FIX)
    if type(achievement.get("criteria")) is not dict:
        found = name_type(achievement.get("criteria"))
        raise MalformedError(f"achievement.criteria: expected an object, found {found}", hint=ISSUER_CAN_FIX)


def _odd_results(subject: JSONObject) -> Iterator[str]:
    """Results that do not fit their description: allowed values, bounds, and levels that are not there."""
    achievement = subject.get("achievement")
    described = _objects(achievement, "resultDescription") if type(achievement) is dict else []
    descriptions = {str(item.get("id")): _Description(item) for item in described}
    for result in _objects(subject, "result"):
        reference = result.get("resultDescription")
        if reference is None:
            continue
        description = descriptions.get(str(reference))
        if description is None:
            yield f"a result refers to a description that is not there: {str(reference)[:80]}"
            continue
        yield from _odd_value(result, description)
        level = result.get("achievedLevel")
        if level is not None and str(level) not in description.levels:
            yield f"a result names a level that its description does not have: {str(level)[:80]}"


class _Description:
    """What a result can be, looked up once for all the results that refer to it."""

    def __init__(self, value: JSONObject) -> None:
        allowed = value.get("allowedValue")
        items = allowed if type(allowed) is list else [] if allowed is None else [allowed]
        self.allowed = frozenset(map(str, items))
        self.low, self.high = _number(value.get("valueMin")), _number(value.get("valueMax"))
        self.levels = frozenset(str(item.get("id")) for item in _objects(value, "rubricCriterionLevel"))


def _odd_value(result: JSONObject, description: _Description) -> Iterator[str]:
    value = result.get("value")
    if value is not None and description.allowed and str(value) not in description.allowed:
        yield f"a result has the value {str(value)[:40]!r}, which its description does not allow"
    number, low, high = _number(value), description.low, description.high
    if number is not None and ((low is not None and number < low) or (high is not None and number > high)):
        yield f"a result has the value {str(value)[:40]!r}, outside of the bounds of its description"


def _number(value: JSONValue) -> float | None:
    try:
        return float(value) if type(value) is str and len(value) < 40 else None
    except ValueError:
        return None


def _objects(value: JSONValue, name: str) -> list[JSONObject]:
    found = value.get(name) if type(value) is dict else None
    return [item for item in (found if type(found) is list else [found]) if type(item) is dict]
