"""A finding in words: how pressing, what, for how long, why, what to do."""

import pytest

from node.client.finding import Finding, FindingCode, Severity, describe_duration

NOW = 1_800_000_000_000
FULL = Finding(
    code=FindingCode.PEER_SILENT,
    severity=Severity.WARNING,
    subject="peer.example:8471",
    since=NOW - 7_200_000,
    what="peer peer.example:8471 was not reached",
    why="connection refused",
    do="cairn-node doctor DIR",
)


def test_all_of_it_is_told() -> None:
    assert FULL.describe("/srv/cairn", NOW) == [
        "warning: peer peer.example:8471 was not reached (for 2 hours)",
        "  why: connection refused",
        "  do:  cairn-node doctor /srv/cairn",
    ]


def test_what_nobody_knows_is_left_out() -> None:
    bare = Finding(code=FindingCode.OTHER, severity=Severity.PROBLEM, what="it smokes", do="look")
    assert bare.describe("DIR", NOW) == ["problem: it smokes", "  do:  look"]


def test_a_clock_that_was_set_back_makes_no_negative_age() -> None:
    assert "(for 0 seconds)" in FULL.describe("x", NOW - 10**9)[0]


def test_as_json_it_has_everything() -> None:
    assert FULL.to_json() == {
        "code": "peer-silent",
        "do": "cairn-node doctor DIR",
        "severity": "warning",
        "since": NOW - 7_200_000,
        "subject": "peer.example:8471",
        "what": "peer peer.example:8471 was not reached",
        "why": "connection refused",
    }


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 seconds"),
        (1_999, "1 second"),
        (119_999, "119 seconds"),
        (120_000, "2 minutes"),
        (7_199_999, "119 minutes"),
        (7_200_000, "2 hours"),
        (172_799_999, "47 hours"),
        (172_800_000, "2 days"),
    ],
)
def test_durations(milliseconds: int, words: str) -> None:
    assert describe_duration(milliseconds) == words
