"""Achievements: what Open Badges demands, named by member; and those made from requirement sets."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential import openbadge
from ledger.errors import MalformedError, RuleError
from tests.shared import shared_path

GOOD: dict[str, Any] = {
    "id": "https://college.example/achievements/dual/1",
    "type": ["Achievement"],
    "name": "Dual enrolment: statistics",
    "description": "One semester",
    "achievementType": "Course",
    "version": "1",
    "criteria": {"narrative": "Pass the course"},
    "creditsAvailable": 4.5,
    "resultDescription": [
        {
            "id": "https://college.example/achievements/dual/1#R1",
            "type": ["ResultDescription"],
            "name": "Grade",
            "resultType": "LetterGrade",
            "allowedValue": ["C", "B", "A"],
            "requiredValue": "C",
        },
        {
            "id": "https://college.example/achievements/dual/1#exam",
            "type": "ResultDescription",
            "name": "Exam",
            "resultType": "RawScore",
            "valueMin": "0",
            "valueMax": "100",
        },
    ],
}


def encode(value: object) -> bytes:
    return json.dumps(value).encode()


def changed(path: str, value: object) -> dict[str, Any]:
    """GOOD with the member at this dotted path replaced, or left out where value is `...`."""
    copy: dict[str, Any] = json.loads(encode(GOOD))
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = copy
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


def test_a_good_achievement() -> None:
    """The parsed view holds what a copy and a CSV need; the object stays as published."""
    achievement = openbadge.parse_achievement(encode(GOOD))
    assert achievement.id == GOOD["id"]
    assert achievement.achievement_type == "Course"
    assert achievement.version == "1"
    assert [(result.code, result.name) for result in achievement.results] == [("R1", "Grade"), ("exam", "Exam")]
    assert achievement.json == GOOD


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("id", ..., r"achievement\.id: is missing"),
        ("id", "dual", r"achievement\.id: expected an absolute URI"),
        ("id", "https://a b", r"achievement\.id: expected an absolute URI"),
        ("type", "Profile", r"achievement\.type: expected Achievement"),
        ("type", ..., r"achievement\.type: expected Achievement"),
        ("type", ["Achievement", 1], r"achievement\.type: expected Achievement"),
        ("name", " ", r"achievement\.name: expected text that is not empty"),
        ("name", 5, r"achievement\.name: expected text"),
        ("name", "x" * 20_001, r"achievement\.name: 20001 characters"),
        ("description", ..., r"achievement\.description: is missing"),
        ("criteria", ..., r"achievement\.criteria: expected an object"),
        ("criteria", {}, r"achievement\.criteria: needs id or narrative"),
        ("criteria", {"narrative": ""}, r"achievement\.criteria\.narrative: expected text"),
        ("criteria", {"id": "nowhere"}, r"achievement\.criteria\.id: expected an absolute URI"),
        ("achievementType", "Diplom", r"achievement\.achievementType: 'Diplom' is none of the 31"),
        ("achievementType", "ext:", r"achievement\.achievementType"),
        ("version", 1, r"achievement\.version: expected text"),
        ("image", None, r"achievement\.image: null is not allowed"),
        ("tag", [], r"achievement\.tag: an empty list"),
        ("tag", [{"_sd": ["x"]}], r"achievement\.tag\[0\]: the name _sd is reserved"),
        ("...", "x", r"achievement: the name \.\.\. is reserved"),
        ("@context", "https://x.example", r"@context does not belong here"),
        ("resultDescription", [5], r"resultDescription\[0\]: expected an object"),
        ("resultDescription.0.id", ..., r"resultDescription\[0\]\.id: is missing"),
        ("resultDescription.0.id", "urn:x y", r"resultDescription\[0\]\.id: expected an absolute URI"),
        ("resultDescription.0.id", "https://a.example/#", r"resultDescription\[0\]\.id: .* does not end in a code"),
        ("resultDescription.0.id", "https://a.example/b#é", r"does not end in a code"),
        ("resultDescription.0.type", "Result", r"resultDescription\[0\]\.type: expected ResultDescription"),
        ("resultDescription.0.name", ..., r"resultDescription\[0\]\.name: is missing"),
        ("resultDescription.0.resultType", "Grade", r"resultDescription\[0\]\.resultType: 'Grade' is none of"),
        ("resultDescription.0.allowedValue", ["A", 1], r"resultDescription\[0\]\.allowedValue: expected a list"),
        ("resultDescription.0.requiredValue", "F", r"resultDescription\[0\]\.requiredValue: is not among"),
        ("resultDescription.1.valueMax", "many", r"resultDescription\[1\]\.valueMax: expected a decimal number"),
        ("resultDescription.1.valueMax", "NaN", r"resultDescription\[1\]\.valueMax: expected a decimal number"),
        ("resultDescription.1.id", GOOD["resultDescription"][0]["id"], r"two have the id"),
        ("resultDescription.1.id", "https://other.example/#R1", r"two have the code R1"),
    ],
)
def test_parse_achievement_refuses(path: str, value: object, message: str) -> None:
    """Each fault is refused with an error that names the member."""
    value = changed(path, value) if path != "..." else {**GOOD, "...": value}
    with pytest.raises(MalformedError, match=message):
        openbadge.parse_achievement(encode(value))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"[]", "expected an object"),
        (b'{"id":"https://a.example/","id":"https://b.example/"}', "stands twice"),
        (b"[" * 5000 + b"]" * 5000, "deeper"),
        (b" " * (256 * 1024 + 1), "at most 262144"),
    ],
)
def test_parse_achievement_refuses_other_bytes(data: bytes, message: str) -> None:
    """Bytes that are no achievement at all, or too many."""
    with pytest.raises(MalformedError, match=message):
        openbadge.parse_achievement(data)


def test_too_many_results_are_refused() -> None:
    """The limit on result descriptions is tested at the limit and one past it."""
    row = GOOD["resultDescription"][0]
    rows = [{**row, "id": f"urn:x#R{n}"} for n in range(513)]
    assert len(openbadge.check_achievement(changed("resultDescription", rows[:512])).results) == 512
    with pytest.raises(MalformedError, match="513, at most 512"):
        openbadge.check_achievement(changed("resultDescription", rows))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([*GOOD, "tag"]), json_values)
def test_any_member_may_be_anything(name: str, value: object) -> None:
    """Whatever stands in a member, the answer is an achievement or a MalformedError."""
    data = orjson.dumps({**GOOD, name: value})
    try:
        achievement = openbadge.parse_achievement(data)
    except MalformedError as error:
        assert str(error).startswith("achievement")
    else:
        assert achievement.json[name] == value


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Bytes never raise anything but MalformedError."""
    with pytest.raises(MalformedError):
        openbadge.parse_achievement(data)


@pytest.mark.parametrize(
    ("code", "value"), [("R1", "A"), ("R1", "C"), ("exam", "0"), ("exam", "100.0"), ("exam", "87.5")]
)
def test_check_result_accepts(code: str, value: str) -> None:
    """Values that the achievement allows."""
    achievement = openbadge.check_achievement(GOOD)
    assert openbadge.check_result(achievement, code, value).code == code


@pytest.mark.parametrize(
    ("code", "value", "message"),
    [
        ("R9", "A", r"result\.R9: Dual enrolment: statistics has no such result"),
        ("R1", "D", r"result\.R1: value is not one of C, B, A"),
        ("exam", "-1", r"result\.exam: value is not from 0 to 100"),
        ("exam", "100.01", r"result\.exam: value is not from 0 to 100"),
        ("exam", "Infinity", r"result\.exam: value is not from 0 to 100"),
        ("exam", "good", r"result\.exam: value is not from 0 to 100"),
    ],
)
def test_check_result_refuses(code: str, value: str, message: str) -> None:
    """A value beyond the achievement's own description is refused, and is not repeated in the message."""
    achievement = openbadge.check_achievement(GOOD)
    with pytest.raises(RuleError, match=message) as caught:
        openbadge.check_result(achievement, code, value)
    assert value not in str(caught.value).removeprefix(f"result.{code}").replace("one of C, B, A", "") or value == "A"


@pytest.mark.parametrize(
    ("achievement_type", "role"),
    [
        ("SecondarySchoolDiploma", "register"),
        ("Diploma", "register"),
        ("Certificate", "register"),
        ("Degree", "register"),
        ("BachelorDegree", "register"),
        ("Course", "issue"),
        ("Certification", "issue"),
        ("MicroCredential", "issue"),
        ("ext:Diploma", "issue"),
        (None, "issue"),
    ],
)
def test_diplomas_need_the_register_key(achievement_type: str | None, role: str) -> None:
    """Diplomas, certificates and degrees are signed by the role `register`, all else by `issue`."""
    assert openbadge.key_role(achievement_type) == role


def test_the_types_are_those_of_the_schema() -> None:
    """Both closed vocabularies equal the published schema's."""
    schema = json.loads(
        shared_path("vectors/formats/schemas/ob-v3p0/ob_v3p0_achievementcredential_schema.json").read_bytes()
    )
    types = schema["$defs"]["Achievement"]["properties"]["achievementType"]["oneOf"][0]["enum"]
    assert set(types) == openbadge.ACHIEVEMENT_TYPES
    assert len(openbadge.ACHIEVEMENT_TYPES) == 31
    assert openbadge.REGISTER_TYPES < openbadge.ACHIEVEMENT_TYPES
    results = schema["$defs"]["ResultDescription"]["properties"]["resultType"]["oneOf"][0]["enum"]
    assert set(results) == openbadge.RESULT_TYPES


SET: dict[str, Any] = {
    "id": "lantern",
    "version": 1,
    "title": "Lantern Mastery Record",
    "note": "School-defined credits, no grades.",
    "achievementType": "SecondarySchoolDiploma",
    "requirements": [
        {"id": "R1", "label": "A credit in every area", "waivable": False, "test": {}},
        {"id": "R2", "label": "Flexible pathway", "waivable": True, "test": {}},
    ],
}


def test_an_achievement_from_a_requirement_set() -> None:
    """One result per requirement; a waiver can only be said where the requirement may be waived."""
    value = openbadge.achievement_for_requirement_set(SET, "https://host.example/m/abc/")
    achievement = openbadge.check_achievement(value)
    assert achievement.id == "https://host.example/m/abc/achievements/lantern/1"
    assert achievement.name == "Lantern Mastery Record"
    assert [(result.code, result.allowed) for result in achievement.results] == [
        ("R1", ("met",)),
        ("R2", ("waived", "met")),
    ]
    assert value["criteria"] == {
        "id": "https://host.example/m/abc/requirements/lantern/1",
        "narrative": "* R1: A credit in every area\n* R2: Flexible pathway",
    }


@pytest.mark.parametrize("name", ["lantern", "granite-hollow", "confluence"])
def test_the_sample_requirement_sets(name: str) -> None:
    """Every requirement set of the sample data makes an achievement that the checker accepts."""
    requirement_set = json.loads(shared_path(f"data/requirements/{name}.json").read_bytes())
    value = openbadge.achievement_for_requirement_set(requirement_set, "https://host.example/m/abc")
    achievement = openbadge.parse_achievement(encode(value))
    assert [result.code for result in achievement.results] == [row["id"] for row in requirement_set["requirements"]]
    assert achievement.key_role == "register"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": ""}, r"requirement set\.id"),
        ({"version": "1"}, r"requirement set: version"),
        ({"version": True}, r"requirement set: version"),
        ({"title": None}, r"requirement set\.title"),
        ({"requirements": []}, r"at least one"),
        ({"requirements": None}, r"requirement set\.requirements: expected a list"),
        ({"requirements": [{"id": "R1"}]}, r"requirement set\.label: is missing"),
        ({"achievementType": "Diplomas"}, r"achievementType"),
    ],
)
def test_achievement_for_requirement_set_refuses(change: dict[str, Any], message: str) -> None:
    """A requirement set that lacks what an achievement needs."""
    with pytest.raises(MalformedError, match=message):
        openbadge.achievement_for_requirement_set({**SET, **change}, "https://host.example")
