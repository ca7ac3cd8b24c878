"""The story of one learner, in plain words."""

import re

import pytest

from ledger.mastery.dataset import parse_dataset
from ledger.mastery.evaluate import evaluate
from ledger.mastery.explain import WIDTH, explain
from tests.ledger.mastery.sample import sample, sample_files

ROSTER = [(learner.id, learner.diploma) for learner in sample().learners]


def story(learner: str, diploma: str) -> str:
    return "\n".join(explain(evaluate(sample(), learner, diploma)))


def flat(text: str) -> str:
    """A story without its line breaks."""
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(("learner", "diploma"), ROSTER)
def test_every_story_is_readable_and_private(learner: str, diploma: str) -> None:
    """Short lines, no failing, no name, no other learner."""
    told = story(learner, diploma)
    assert all(len(line) <= WIDTH for line in told.splitlines())
    assert "fail" not in told.lower() and "None" not in told
    assert set(re.findall(r"\bL\d\d\b", told)) == {learner}


@pytest.mark.parametrize(
    ("learner", "words"),
    [
        ("L01", "did not count: EV-0539, class_task 1"),
        ("L01", "practice informs learning only"),
        ("L01", "Nothing is missing."),
        ("L06", "R6: the nearest pathway: community_project 1 of 1, 24 h of 30 h (80 % there)"),
        ("L07", "2024-10-08: earlier than the last 3"),
        ("L09", "not enough yet"),
        ("L13", "R1: CC.2/F not yet: 2.70 < 3.00."),
        ("L19", "IS.1/F pending: 3.00 >= 3.00, sign-off by credit_committee missing."),
        ("L24", "the assessor was not calibrated on that day"),
        ("L25", "replaced by a correction (EV-0414)"),
        ("L25", "not held yet: MC-CLIENT, MC-DATAVIZ, MC-AID"),
        ("L26", "did not count: EV-0131, quiz 55"),
        ("L26", "a later one counts"),
        ("L29", "IS.1 mastered by transfer: TW-SCI-2 level 3.00 via XW-1."),
        ("L30", "R6 waived: WV-002"),
    ],
)
def test_what_is_told(learner: str, words: str) -> None:
    """What counted, what did not and why, what is missing, which pathway is nearest."""
    assert words in flat(story(learner, dict(ROSTER)[learner]))


def test_the_nearest_pathway_waits_for_a_person_only() -> None:
    """A choice in which one member is pending names that one, whatever hours the others have."""
    files = sample_files()
    files["requirements/granite-hollow.json"] = files["requirements/granite-hollow.json"].replace(
        b'"op": "experience",\n      "type": "cte_program",\n      "minCount": 1',
        b'"op": "signOff",\n      "subject": "CTE",\n      "roles": ["advisor"]',
    )
    told = flat("\n".join(explain(evaluate(parse_dataset(files), "L06", "granite-hollow"))))
    assert "R6: the nearest pathway: CTE not signed (0 % there)" in told
