"""How a node's newest checkpoint stands, in words."""

from node.client.held import read_held
from node.standing import judge_own_head
from tests.simulator import NOW, SimulatedLog, found_network


def test_a_member_with_a_quorum() -> None:
    """Who is needed, who cosigned, how long ago, and what it is in its network."""
    network, members = found_network("granite", "lantern", "tidewater")
    granite = members[0]
    granite.sign([network, members[1]])
    standing = judge_own_head(read_held(granite), [read_held(network)], NOW + 120_000)
    assert (standing.witnesses, standing.required, standing.present, standing.has_quorum) == (3, 2, 2, True)
    assert standing.describe() == [
        "newest checkpoint: 1 entry; cosigned by 2 of 3 independent witnesses, 2 needed, 2 minutes ago",
        "network: Confluence, 4 members, a member in good standing",
    ]


def test_a_stranger_has_no_witness() -> None:
    """Before it is a member nobody's cosignature counts for it."""
    network, members = found_network("granite", "lantern")
    stranger = SimulatedLog("stranger")
    stranger.sign(members)
    standing = judge_own_head(read_held(stranger), [read_held(network)], NOW)
    assert (standing.witnesses, standing.has_quorum, standing.age_ms) == (0, False, None)
    assert standing.describe() == [
        "newest checkpoint: 1 entry; no independent witness is in force yet",
        "network: Confluence, 3 members, not a member yet",
    ]
