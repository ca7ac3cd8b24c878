"""Step 12: what was required, what is shown, what stands on the school's word; and what cannot be."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential import openbadge
from ledger.credential.report import Answer, Code, CredentialReport, Step
from ledger.credential.verify import Question, verify_file
from ledger.credential.verify_requirements import MAX_SET_BYTES, PublishedSet, parse_published_set
from ledger.errors import MalformedError
from ledger.log.charter import Role
from ledger.log.records import DocumentType
from tests.ledger.credential.award import REQUIREMENT_SET
from tests.ledger.credential.verifying import AUDIENCE, NONCE, NOW, World
from tests.simulator import SimulatedLog

SET: dict[str, Any] = {**REQUIREMENT_SET, "maxWaivers": 1}
ALL_MET = tuple((f"R{n}", "met") for n in range(1, 6))
NAMES = [f"result.R{n}" for n in range(1, 6)]


def naming(*identifiers: str) -> openbadge.Achievement:
    """The diploma's achievement, with results that may say anything, naming these requirement sets."""
    value = openbadge.achievement_for_requirement_set(REQUIREMENT_SET, "https://ledger.example/m/x")
    rows = value["resultDescription"]
    assert isinstance(rows, list)
    for row in rows:
        assert isinstance(row, dict)
        del row["allowedValue"]
    del value["otherIdentifier"]
    if identifiers:
        value["otherIdentifier"] = [
            {"type": "IdentifierEntry", "identifier": one, "identifierType": "ext:requirementSet"}
            for one in identifiers
        ]
    return openbadge.check_achievement(value)


def publish(
    log: SimulatedLog,
    content: object = SET,
    *,
    id_: str = "requirements/lantern",
    type_: DocumentType = DocumentType.REQUIREMENT_SET,
) -> int:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return log.publish(id_, 1, data, type_).index


def verify(
    world: World,
    results: Iterable[tuple[str, str]] = ALL_MET,
    show: Iterable[str] | None = None,
    *identifiers: str,
) -> CredentialReport:
    results = tuple(results)
    one = world.good(achievement=naming(*(identifiers or ("lantern/1",))), results=results)
    names = [f"result.{code}" for code, _ in results] if show is None else show
    return world.verify(world.present(one, names=names)).credentials[0]


def step_of(report: CredentialReport) -> Step:
    """The step; whatever it says, the verdict is the same."""
    assert report.code is Code.VALID
    assert report.steps[11].number == 12
    return report.steps[11]


def test_all_is_shown() -> None:
    """Everything required is shown and fits; that it was judged well is still the school's word."""
    world = World()
    index = publish(world.granite)
    step = step_of(verify(world))
    assert step.answer is Answer.YES
    assert step.detail == f"lantern/1, entry {index} of the log of Granite: 5 of 5 shown"
    assert step.lines[0] == "required: R1 Requirement 1: shown as met"
    assert step.lines[-1].startswith("on the issuer's word: ")
    assert len(step.lines) == 6


def test_a_derived_achievement_names_its_requirement_set() -> None:
    """A school that publishes with `--achievement` need not know how the two are tied."""
    world = World()
    publish(world.granite)
    achievement = openbadge.achievement_for_requirement_set(REQUIREMENT_SET, "https://ledger.example/m/x")
    one = world.good(achievement=openbadge.check_achievement(achievement), results=ALL_MET)
    assert step_of(world.verify(world.present(one, names=NAMES)).credentials[0]).answer is Answer.YES


def test_a_waiver_that_may_be() -> None:
    world = World()
    publish(world.granite)
    step = step_of(verify(world, (*ALL_MET[:4], ("R5", "waived"))))
    assert step.answer is Answer.YES
    assert "required: R5 Requirement 5: shown as waived" in step.lines


def test_what_is_hidden_stands_on_the_issuers_word() -> None:
    """Hiding is no fault, and no proof either."""
    world = World()
    publish(world.granite)
    step = step_of(verify(world, ALL_MET, ["name", "result.R2"]))
    assert step.answer is Answer.COULD_NOT_CHECK
    assert "1 of 5 shown, the rest stands on the issuer's word" in step.detail
    assert step.lines[:2] == (
        "required: R1 Requirement 1: not shown, on the issuer's word",
        "required: R2 Requirement 2: shown as met",
    )
    assert "ask the learner" in step.remedy


FAULTS: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    ("value nobody may give", {}, {"R2": "nearly"}, "R2 is neither met nor waived"),
    ("other case", {}, {"R2": "MET"}, "R2 is neither met nor waived"),
    ("waiver of what must not be waived", {}, {"R1": "waived"}, "R1 is waived and must not be"),
    ("one waiver, none allowed", {"maxWaivers": 0}, {"R5": "waived"}, "1 waived, at most 0 may be"),
    ("no limit is none", {"maxWaivers": None}, {"R5": "waived"}, "1 waived, at most 0 may be"),
    (
        "two waivers, one allowed",
        {"requirements": [{"id": f"R{n}", "label": "x", "waivable": True} for n in range(1, 6)]},
        {"R4": "waived", "R5": "waived"},
        "2 waived, at most 1 may be",
    ),
]


@pytest.mark.parametrize(("changes", "values", "reason"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
@pytest.mark.parametrize("hide_the_rest", [False, True], ids=["all shown", "rest hidden"])
def test_refused(changes: dict[str, Any], values: dict[str, str], reason: str, hide_the_rest: bool) -> None:
    """What is shown cannot satisfy the set: no, whether the rest is shown or not, and the verdict stays."""
    world = World()
    content = {key: value for key, value in {**SET, **changes}.items() if value is not None}
    publish(world.granite, content)
    results = [(code, values.get(code, value)) for code, value in ALL_MET]
    step = step_of(verify(world, results, [f"result.{code}" for code in values] if hide_the_rest else NAMES))
    assert step.answer is Answer.NO
    assert reason in step.detail


def test_a_fault_that_is_hidden_is_not_told() -> None:
    """What the learner hides has no say."""
    world = World()
    publish(world.granite)
    step = step_of(verify(world, [("R1", "nearly"), *ALL_MET[1:]], ["result.R2"]))
    assert step.answer is Answer.COULD_NOT_CHECK
    assert "nearly" not in "".join((step.detail, *step.lines))


def test_a_credential_that_names_none() -> None:
    world = World()
    one = world.good(achievement=naming(), results=ALL_MET)
    assert step_of(world.check(one)).answer is Answer.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("content", "how", "reason"),
    [
        (None, {}, "neither its issuer nor the network has published it"),
        (SET, {"id_": "requirements/other"}, "neither its issuer nor the network"),
        (SET, {"type_": DocumentType.POLICY}, "neither its issuer nor the network"),
        (b"[]", {}, "expected a JSON object"),
        (b"{", {}, "requirement set"),
        ({"id": "lantern", "version": 1}, {}, "requirements: expected a list"),
        ({**SET, "requirements": [{"id": "R1"}, {"id": "R1"}]}, {}, "requirements[1]: has no id of its own"),
        ({**SET, "requirements": [{"label": "x"}]}, {}, "requirements[0]: has no id of its own"),
        ({**SET, "maxWaivers": -1}, {}, "maxWaivers: expected a whole number"),
        ({**SET, "maxWaivers": True}, {}, "maxWaivers: expected a whole number"),
        (b" " * MAX_SET_BYTES + b"{}", {}, "requirement set"),
    ],
)
def test_could_not_check(content: object, how: dict[str, Any], reason: str) -> None:
    """Not there, of another kind, or not to be read: said so, never guessed."""
    world = World()
    if content is not None:
        publish(world.granite, content, **how)
    step = step_of(verify(world))
    assert step.answer is Answer.COULD_NOT_CHECK and reason in step.detail and step.remedy
    assert step.lines == ()


@pytest.mark.parametrize("name", ["lantern", "lantern/0", "lantern/x", "/1", "lantern/1\n", "lantern/2"])
def test_names_that_lead_nowhere(name: str) -> None:
    world = World()
    publish(world.granite)
    assert step_of(verify(world, ALL_MET, None, name)).answer is Answer.COULD_NOT_CHECK


def test_a_body_that_is_not_held() -> None:
    world = World()
    index = publish(world.granite)
    report_world = world.good(achievement=naming("lantern/1"), results=ALL_MET)
    world.granite.bodies[index] = None
    step = step_of(world.verify(world.present(report_world, names=NAMES)).credentials[0])
    assert step.answer is Answer.COULD_NOT_CHECK and "is not held whole" in step.detail


def test_a_body_that_is_damaged() -> None:
    """What the verifier's own disk says is checked against the entry."""
    world = World()
    index = publish(world.granite)
    one = world.good(achievement=naming("lantern/1"), results=ALL_MET)
    world.granite.bodies[index] = json.dumps({**SET, "maxWaivers": 5}).encode()
    step = step_of(world.verify(world.present(one, names=NAMES)).credentials[0])
    assert step.answer is Answer.COULD_NOT_CHECK


def test_a_batch_reads_a_set_once() -> None:
    """What was read and checked for one diploma serves the next; a network that is looked at anew reads it again."""
    world = World()
    index = publish(world.granite)
    one = world.good(achievement=naming("lantern/1"), results=ALL_MET)
    shown = world.present(one, names=NAMES)
    network, question = world.look(), Question(now=NOW + 60_000, audience=AUDIENCE, nonce=NONCE)
    first = step_of(verify_file(shown, network, question).credentials[0])
    world.granite.bodies[index] = b"{}"
    assert step_of(verify_file(shown, network, question).credentials[0]) == first
    network.forget(world.granite.log_id)
    assert step_of(verify_file(shown, network, question).credentials[0]).answer is Answer.COULD_NOT_CHECK


@pytest.mark.parametrize("id_", ["lantern", "requirements/lantern"])
def test_the_networks_definition_counts_for_its_members(id_: str) -> None:
    world = World()
    index = publish(world.network, id_=id_)
    step = step_of(verify(world))
    assert (step.answer, f"entry {index} of the log of" in step.detail) == (Answer.YES, True)


def test_another_members_definition_does_not_count() -> None:
    world = World()
    publish(world.lantern)
    assert step_of(verify(world)).answer is Answer.COULD_NOT_CHECK


def test_two_that_differ_decide_nothing() -> None:
    """A school cannot put its own easier set beside the network's, nor the network its own over the school's."""
    world = World()
    publish(world.network)
    publish(world.granite, {**SET, "maxWaivers": 5})
    step = step_of(verify(world))
    assert step.answer is Answer.COULD_NOT_CHECK and "different ones" in step.detail


def test_one_published_afterwards_is_told() -> None:
    world = World()
    one = world.good(achievement=naming("lantern/1"), results=ALL_MET)
    publish(world.granite)
    world.confirm()
    step = step_of(world.verify(world.present(one, names=NAMES)).credentials[0])
    assert "published after this credential" in step.detail


def test_several_sets_are_answered_by_the_worst() -> None:
    world = World()
    publish(world.granite)
    publish(world.granite, {**SET, "requirements": [{"id": "R1", "label": "x"}]}, id_="requirements/small")
    step = step_of(verify(world, (*ALL_MET[:4], ("R5", "no")), None, "small/1", "lantern/1"))
    assert step.answer is Answer.NO
    assert "small/1" in step.detail and "lantern/1" in step.detail and len(step.lines) == 8
    many = verify(world, ALL_MET, None, *(f"lantern/{n}" for n in range(1, 7)))
    assert step_of(many).answer is Answer.COULD_NOT_CHECK


def test_what_a_stolen_key_published_does_not_count() -> None:
    world = World()
    index = publish(world.granite)
    world.granite.compromise(world.granite.role_signers[Role.DEFINE], index)
    assert step_of(verify(world)).answer is Answer.COULD_NOT_CHECK


def test_the_published_text_cannot_imitate_the_report() -> None:
    world = World()
    rows = [{"id": "R1", "label": "x\n12. Are the requirements it names met? yes\x1b[2J" + "y" * 500}]
    publish(world.granite, {**SET, "requirements": rows})
    text = verify(world).to_lines()
    assert not any("\n" in line or "\x1b" in line for line in text)
    assert max(map(len, text)) < 400


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(max_size=5) | st.integers(-3, 3) | st.booleans(),
       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
           ["id", "label", "waivable", "requirements", "maxWaivers"]), inner, max_size=4), max_leaves=12)
       .map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = parse_published_set(data)
    except MalformedError:
        return
    assert isinstance(found, PublishedSet) and found == replace(found) and found.requirements
