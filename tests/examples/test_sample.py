"""The examples are what they say: a true copy of the data set, and what follows from it."""

import csv
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from examples import make_awards
from ledger.credential import openbadge
from tests.shared import shared_path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
NAMES = ("granite-hollow", "lantern", "confluence", "dual-enrolment")
AWARDED = {
    "granite-hollow": ["L01", "L02", "L07", "L09", "L10"],
    "lantern": ["L11", "L12", "L18"],
    "confluence": ["L21", "L22", "L23", "L27", "L29"],
    "dual-enrolment": ["L01"],
}


def files_under(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def achievement(name: str) -> dict[str, Any]:  # JSON of a known file
    value: dict[str, Any] = json.loads((EXAMPLES / "achievements" / f"{name}.json").read_bytes())
    return value


def awards(name: str) -> list[dict[str, str]]:
    with (EXAMPLES / "awards" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_sample_is_the_data_set() -> None:
    """Every file of the data set stands in `examples/sample`, byte for byte, and nothing else does."""
    assert files_under(EXAMPLES / "sample") == files_under(shared_path("data"))


def test_awards_are_fresh() -> None:
    """The award lists are what `make_awards` derives today."""
    expected = {name: data for name, data in make_awards.make_awards().items()}
    assert files_under(EXAMPLES / "awards") == dict(sorted(expected.items()))


@pytest.mark.parametrize("name", NAMES)
def test_the_awarded_learners_are_those_of_the_expected_results(name: str) -> None:
    """Each list names exactly the learners whose diploma was awarded."""
    assert [row["learner_id"] for row in awards(name)] == AWARDED[name]


def test_a_waived_requirement_says_so() -> None:
    """L10's pathway was waived; everybody else met everything."""
    values = {
        (r["learner_id"], k): v for n in NAMES[:3] for r in awards(n) for k, v in r.items() if k.startswith("result.")
    }
    assert {key for key, value in values.items() if value != "met"} == {("L10", "result.R6")}
    assert values["L10", "result.R6"] == "waived"


def test_credits_are_the_totals_of_the_definition() -> None:
    """Lantern counts credits; the totals are those of the reason texts."""
    assert {row["learner_id"]: row["credits"] for row in awards("lantern")} == {
        "L11": "7.00",
        "L12": "6.00",
        "L18": "6.00",
    }


@pytest.mark.parametrize("name", NAMES)
def test_results_are_described_by_the_achievement(name: str) -> None:
    """Every result column has a result description that allows its values."""
    described = openbadge.check_achievement(achievement(name))
    for row in awards(name):
        results = {key.removeprefix("result."): value for key, value in row.items() if key.startswith("result.")}
        assert list(results) == [result.code for result in described.results]
        for code, value in results.items():
            openbadge.check_result(described, code, value)


@pytest.mark.parametrize("name", NAMES[:3])
def test_achievements_agree_with_the_requirement_sets(name: str) -> None:
    """Title, type and requirement labels are those of the definition."""
    definition = json.loads((EXAMPLES / "sample" / "requirements" / f"{name}.json").read_bytes())
    value = achievement(name)
    assert (value["name"], value["achievementType"]) == (definition["title"], definition["achievementType"])
    assert [d["name"] for d in value["resultDescription"]] == [r["label"] for r in definition["requirements"]]


@pytest.mark.parametrize("name", NAMES)
def test_achievements_are_open_badges(name: str) -> None:
    """Each achievement satisfies the published Open Badges 3.0 schema."""
    path = shared_path("vectors/formats/schemas/ob-v3p0/ob_v3p0_achievementcredential_schema.json")
    schema = json.loads(path.read_bytes())
    whole = {"$schema": schema["$schema"], "$ref": "#/$defs/Achievement", "$defs": schema["$defs"]}
    jsonschema.Draft201909Validator(whole).validate(achievement(name))


@pytest.mark.parametrize("name", NAMES)
def test_achievements_are_accepted_as_they_stand(name: str) -> None:
    """Each file passes the check that `publish` makes, and diplomas ask for the key that signs diplomas."""
    parsed = openbadge.parse_achievement((EXAMPLES / "achievements" / f"{name}.json").read_bytes())
    assert parsed.id == f"urn:cairn:achievement:{name}"
    assert parsed.key_role == ("issue" if name == "dual-enrolment" else "register")
