"""A registrar hears at once what a university would find out later."""

from ledger.credential.openbadge import parse_achievement
from ledger.log.governance import MemberOp, Rights
from node.registrar.rights import find_missing_rights
from tests.node.registrar.desks import achievement_json
from tests.simulator import SimulatedLedger, SimulatedLog, found_network

ACHIEVEMENT = parse_achievement(achievement_json())


def test_nothing_is_said_where_the_network_allows_it() -> None:
    network, (school,) = found_network("school")
    ledger = SimulatedLedger(network, school)
    for rights in (Rights(achievements=(ACHIEVEMENT.id,)), Rights(types=("SecondarySchoolDiploma",))):
        network.member(school, MemberOp.AMEND, rights)
        assert find_missing_rights(ledger, school.log_id, [network.log_id], ACHIEVEMENT) == ()


def test_a_right_for_something_else_is_not_enough() -> None:
    network, (school,) = found_network("school")
    network.member(school, MemberOp.AMEND, Rights(achievements=("urn:other",), types=("Badge",)))
    (warning,) = find_missing_rights(SimulatedLedger(network, school), school.log_id, [network.log_id], ACHIEVEMENT)
    assert "has not given this institution the right" in warning
    assert ACHIEVEMENT.id in warning


def test_a_suspended_member_has_no_rights() -> None:
    network, (school,) = found_network("school")
    network.member(school, MemberOp.SUSPEND)
    assert find_missing_rights(SimulatedLedger(network, school), school.log_id, [network.log_id], ACHIEVEMENT)


def test_who_is_in_no_network_is_told_so() -> None:
    school = SimulatedLog("school")
    network, _ = found_network("other")
    (alone,) = find_missing_rights(SimulatedLedger(school), school.log_id, [], ACHIEVEMENT)
    assert "belongs to no network" in alone
    (waiting,) = find_missing_rights(SimulatedLedger(network, school), school.log_id, [network.log_id], ACHIEVEMENT)
    assert "has not admitted" in waiting
