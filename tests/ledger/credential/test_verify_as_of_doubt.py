"""As of a date, where it cannot be told or only in part: no witness, no head so early, stale, pages not held."""

from dataclasses import replace

import pytest

from ledger.credential.moment import CLOCKS_MS
from ledger.credential.report import Answer, Code
from ledger.credential.verify import Question
from ledger.errors import MalformedError
from ledger.log.as_of import MAX_MOMENTS, look_back
from ledger.log.governance import Rights
from ledger.log.policy import QuorumRule
from tests.ledger.credential.histories import good, issued, reinstated, with_status
from tests.ledger.credential.history import History, end_of
from tests.ledger.credential.verifying import SECONDS, Minted
from tests.simulator import NOW, SimulatedLog


def test_a_later_suspension_and_its_end_leave_no_trace_between_two_good_answers() -> None:
    """Between two days on which it was good nothing is told: the question is about the day."""
    world = History()
    assert world.look_back(reinstated(world), 2).changes == ()


def test_before_anything_was_confirmed() -> None:
    world = History()
    one = good(world)
    report = world.look_back(one, -1)
    assert report.known_then.code is report.known_now.code is Code.NO_QUORUM
    assert "no state of the network was confirmed by its witnesses so early" in report.state
    assert "the first state that was is of 2026-06-09 10:13:20 UTC" in report.state
    assert world.ask(one, -1).exit_code == 3


def test_without_witnesses_nobody_says_when() -> None:
    world = History()
    network = SimulatedLog("confluence", type(world.network.state.charter.institution)("network"), seed="alone")
    network.member(world.granite, standing=replace(world.granite.standing(Rights(achievements=("*",))), witness=None))
    world.network, world.logs = network, [network, world.granite]
    world.trust_changes = {
        "network": network.log_id,
        "log_key": network.log_signer.public,
        "head_size": 1,
        "head_root": network.root_at(1),
        "witnesses": (),
        "quorum": QuorumRule.NONE,
    }
    one = good(world)
    report = world.ask(one, 2)
    assert report.code is Code.VALID and report.as_of is not None
    assert report.as_of.known_then.code is Code.NO_QUORUM
    assert "no independent witness says when" in report.as_of.state


def test_how_fresh_the_network_was_is_judged_at_the_moment() -> None:
    """Nothing was confirmed between day 2 and day 9; on day 6 what was known was four days old."""
    world = History()
    one = good(world)
    world.day = 9
    world.cut()
    report = world.look_back(one, 6)
    assert report.known_then.code is Code.STALE
    step = report.known_then.steps[2]
    assert "confirmed then is of 2026-06-11 10:13:20 UTC" in step.detail
    assert world.look_back(one, 3).known_then.code is Code.VALID


def test_an_old_ledger_says_what_was_known_and_not_what_is() -> None:
    """Held since day 3, asked on day 9: then is answered; what is known today is not."""
    world = History()
    one = issued(world)
    world.day = 9
    report = world.ask(one, 2)
    assert report.code is Code.STALE and report.as_of is not None
    assert (report.as_of.known_then.code, report.as_of.known_now.code) == (Code.VALID, Code.STALE)


def test_the_freshest_head_counts_before_it_is_anchored() -> None:
    """The network's head of day 3 is recorded by no anchor yet."""
    world = History()
    one = issued(world)
    report = world.look_back(one, 3)
    assert "8 entries of the log of Confluence, by 2026-06-12" in report.state
    assert "7 entries of the log of Granite" in report.state


def light(world: History) -> None:
    """What a light replica holds: of the pages the newest alone."""
    for log in world.logs:
        newest = log.state.newest_status
        for page in log.state.statuses:
            if newest is not None and page.index != newest.index:
                log.bodies[page.index] = None


def test_a_page_that_is_not_held_needs_history() -> None:
    world = History()
    one = with_status(1)(world)
    light(world)
    report = world.look_back(one, 3)
    assert (report.known_then.code, report.known_now.code) == (Code.INCOMPLETE, Code.INCOMPLETE)
    step = report.known_then.steps[-1]
    assert step.answer is Answer.COULD_NOT_CHECK
    assert "needs history: the status page of entry 6 of the log of Granite" in step.detail
    assert "cairn sync --history" in step.remedy


def thinned(later: int = 0, first: int = 2, second: int = 3, years: int = 2) -> tuple[History, Minted]:
    """Pages of two days and of one years later, when the slot reads `later`; the second one is thinned out."""
    world = History()
    one = world.mint()
    world.on(first).cut(one)
    world.on(second).cut()
    world.granite.bodies[6] = None
    world.day += 365 * years
    world.desk(world.granite).statuses[one.slot] = later
    world.cut()
    return world, one


def test_a_thinned_page_reads_as_those_around_it_and_that_is_said() -> None:
    world, one = thinned()
    report = world.look_back(one, 3)
    assert report.known_then.code is report.known_now.code is Code.VALID
    assert "as of entry 3 of the log of Granite" in report.known_then.steps[-1].detail
    assert "the page of entry 6, which counted, is not held any more" in report.known_then.steps[-1].detail


def test_where_those_around_it_differ_nobody_can_tell() -> None:
    """Revoked between the two that are left, before or after the day that is asked about."""
    world, one = thinned(later=1)
    report = world.look_back(one, 3)
    assert report.known_then.code is report.known_now.code is Code.INCOMPLETE
    assert "valid as of entry 3, revoked as of entry 9" in report.known_then.steps[-1].detail


def test_what_is_final_before_a_thinned_page_is_final_on_it() -> None:
    world = History()
    one = world.mint()
    world.desk(world.granite).statuses[one.slot] = 1
    world.on(2).cut(one)
    world.on(3).cut()
    world.granite.bodies[6] = None
    world.day += 500
    world.cut()
    world.granite.bodies[9] = None
    assert world.look_back(one, 3).known_then.code is Code.REVOKED


@pytest.mark.parametrize(("second", "years"), [(3, 1), (2 + 33, 2)])
def test_a_page_that_thinning_did_not_take_needs_history(second: int, years: int) -> None:
    """It is younger than 400 days; or the one before it is more than a month older."""
    world, one = thinned(second=second, years=years)
    report = world.look_back(one, second)
    assert report.known_then.code is Code.INCOMPLETE
    assert "needs history" in report.known_then.steps[-1].detail


def test_where_pages_in_between_are_not_held_the_first_that_is_tells_the_change() -> None:
    world = History()
    one = with_status(1)(world)
    world.granite.bodies[9] = None
    (change,) = world.look_back(one, 3).changes
    assert (change.index, change.known_by) == (12, (SECONDS + 5 * 86_400) * 1000)


def test_an_issuer_held_less_far_than_it_was_known_cannot_be_checked() -> None:
    """The network had anchored more of the issuer's log by then than is held here."""
    world = History()
    one = good(world)
    held = world.granite.copy()
    held.state = world.granite.state.copy()
    world.on(3).cut()
    world.logs[1] = held
    report = world.look_back(one, 3)
    assert report.known_then.code is Code.INCOMPLETE
    assert "but the network knows 7 entries of that log" in report.known_then.steps[-1].detail


def test_a_file_that_is_not_believed_was_no_better_then() -> None:
    world = History()
    one = issued(world)
    signature = one.sd_jwt.split("~")[0].split(".")[2]
    data = world.present(one).replace(signature.encode(), (signature[1:] + signature[0]).encode())
    report = world.verify(data, as_of=end_of(0)).credentials[0]
    assert report.as_of is None and report.exit_code != 0


def test_a_file_made_for_somebody_else_is_no_good_about_any_day() -> None:
    world = History()
    report = world.ask(issued(world), 2, audience="https://other.example")
    assert report.as_of is not None
    assert report.as_of.known_then.code is report.code is Code.NOT_BOUND


def test_a_moment_to_come_is_refused() -> None:
    with pytest.raises(MalformedError, match="is still to come"):
        Question(now=NOW, as_of=NOW + CLOCKS_MS + 1)
    Question(now=NOW, as_of=NOW + CLOCKS_MS)


def test_one_look_serves_many_days_and_forgets_the_oldest() -> None:
    """A network that is asked about a hundred days keeps a few of them, and the same answers."""
    world = History()
    for day in range(1, 2 * MAX_MOMENTS):
        world.on(day).cut()
    network = world.look()
    first = look_back(network, end_of(3))
    assert look_back(network, end_of(3)) is first
    sizes = [look_back(network, end_of(day)).head.size for day in range(1, 2 * MAX_MOMENTS)]
    assert sizes == sorted(set(sizes)) and len(network.earlier) == MAX_MOMENTS
    network.forget(world.granite.log_id)
    assert network.earlier == {}
