"""Which head is that of a moment, what a network was at it, and when an entry was known."""

from dataclasses import replace

import pytest

from ledger.errors import PolicyError
from ledger.log.as_of import EarlierNetwork, known_by, list_heads, look_back
from ledger.log.entry import parse_entry
from ledger.log.governance import MemberOp
from ledger.log.identity import LogId
from ledger.log.network import Network
from ledger.log.state import found_state
from tests.ledger.log.networks import SECONDS, World, evidence, forked
from tests.simulator import SimulatedLedger, SimulatedLog, seeded, trust_of

DAY = 86_400


def night(world: World, day: int, *logs: SimulatedLog) -> None:
    """These schools cut; all is confirmed on that day and recorded by the network, which is then confirmed itself."""
    at = SECONDS + day * DAY
    for log in logs:
        log.cut()
        world.confirm(log, at)
    world.network.anchor([log.note or b"" for log in world.everybody()[1:]])
    world.confirm(world.network, at)


def at(day: int) -> int:
    """The middle of a day (Unix ms)."""
    return (SECONDS + day * DAY + DAY // 2) * 1000


def lived() -> World:
    """Three nights; Lantern is removed on the third day, so that no anchor ever records the head of the second night."""
    world = World()
    night(world, 1, world.granite)
    night(world, 2, world.granite, world.tidewater)
    world.network.member(world.lantern, MemberOp.REMOVE)
    world.confirm(world.network, SECONDS + 3 * DAY)
    night(world, 3, world.granite)
    return world


def test_heads_have_the_times_of_their_quorums_oldest_first() -> None:
    world = lived()
    heads = list(list_heads(world.look()))
    assert [(head.seconds - SECONDS) // DAY for head in heads] == [0, 0, 1, 3, 3]
    assert [head.size for head in heads] == sorted(head.size for head in heads)
    assert heads[-1].index is None and heads[-1].size == world.network.size
    assert all(world.network.root_at(head.size) == head.root for head in heads)


def test_the_first_head_is_judged_by_the_witnesses_it_brings() -> None:
    """The first set is in force from the anchor on whose item 0 carries a quorum of it; before, there is none."""
    world = World()
    network = world.look()
    first = next(list_heads(network))
    earlier = EarlierNetwork(network, first)
    assert earlier.state.members.witness_sets[-1].witnesses == ()
    answer = earlier.judge_head(network.trust.network).quorum
    assert (answer.witnesses, answer.required, answer.present, answer.seconds) == (3, 2, 3, first.seconds)


@pytest.mark.parametrize("day", [1, 2, 3])
def test_the_network_was_what_a_ledger_of_then_says(day: int) -> None:
    """Held against a ledger that ends where the network's log did, with its members at the sizes anchored in it."""
    world = lived()
    earlier = look_back(world.look(), at(day))
    cut = [shorten(log, earlier.size_of(log.log_id)) for log in world.everybody()]
    then = Network(replace(world.trust, head_size=1, head_root=world.network.root_at(1), witnesses=()), ledger(cut))
    assert [(one.log, one.active, one.records) for one in earlier.members()] == [
        (one.log, one.active, one.records) for one in then.members()
    ]
    for log in (world.granite.log_id, world.lantern.log_id, world.tidewater.log_id):
        assert earlier.newest_anchor(log) == then.newest_anchor(log)
        assert [earlier.rights_at(log, index) for index in range(4)] == [
            then.rights_at(log, index) for index in range(4)
        ]
        view, held = earlier.ledger.log(log), then.ledger.log(log)
        assert view is not None and held is not None
        assert view.state.frontier.root() == held.state.frontier.root()
        assert view.state.statuses == held.state.statuses


def shorten(log: SimulatedLog, size: int) -> SimulatedLog:
    """The log as it was at a size."""
    short = SimulatedLog.__new__(SimulatedLog)
    vars(short).update(vars(log))
    short.entries, short.bodies = log.entries[:size], log.bodies[:size]

    state = found_state(parse_entry(log.entries[0]))
    for index in range(1, size):
        state.apply(parse_entry(log.entries[index]), log.bodies[index])
    short.state = state
    return short


def ledger(logs: list[SimulatedLog]) -> SimulatedLedger:
    return SimulatedLedger(*logs)


def test_an_entry_was_known_by_the_first_network_head_above_its_anchor() -> None:
    world = lived()
    network = world.look()
    granite = world.granite.log_id
    # three entries a night, from index 1 on
    known = [known_by(network, granite, index) for index in range(1, 10)]
    assert known == [(SECONDS + day * DAY) * 1000 for day in (1, 1, 1, 3, 3, 3, 3, 3, 3)]
    assert known_by(network, granite, 10) is None
    assert known_by(network, network.trust.network, world.network.size) is None
    assert known_by(network, network.trust.network, world.network.size - 1) == (SECONDS + 3 * DAY) * 1000
    assert known_by(network, LogId(bytes(32)), 0) is None


def test_what_was_known_by_a_moment_is_what_is_below_the_sizes_of_then() -> None:
    """The two ways of asking agree, for every entry and every day."""
    world = lived()
    network = world.look()
    for day in (1, 2, 3):
        earlier = look_back(network, at(day))
        for log in (world.network, world.granite, world.tidewater):
            for index in range(1, log.size):
                when = known_by(network, log.log_id, index)
                assert (index < earlier.size_of(log.log_id)) == (when is not None and when <= at(day))


def test_above_what_was_known_there_is_nothing() -> None:
    world = lived()
    earlier = look_back(world.look(), at(1))
    view = earlier.ledger.log(world.granite.log_id)
    assert view is not None and view.state.size == 4
    assert view.entry(3) == world.granite.entries[3]
    assert view.body(2) is not None and view.body(5) is None
    with pytest.raises(IndexError, match="entry 4 of 4"):
        view.entry(4)
    assert earlier.ledger.log(LogId(bytes(32))) is None


def test_a_member_of_which_nothing_was_anchored_was_known_by_its_charter() -> None:
    world = lived()
    late = SimulatedLog("larch")
    world.network.member(late)
    world.ledger.logs[late.log_id] = late
    world.confirm(world.network, SECONDS + 4 * DAY)
    earlier = look_back(world.look(), at(4))
    assert earlier.size_of(late.log_id) == 1
    with pytest.raises(PolicyError, match="no head of the log of Larch stood on the network's log by then"):
        earlier.judge_head(late.log_id)


def test_a_head_anchored_of_another_history_is_passed_over() -> None:
    """The network recorded the branch that is not held; what is held of it is what both share."""
    world = World()
    world.granite.cut()
    world.confirm(world.granite)
    night(world, 1)
    held = world.granite.copy()
    other = held.copy()
    held.cut([seeded("one")])
    other.cut([seeded("two")])
    world.granite = other
    world.confirm(other, SECONDS + 2 * DAY)
    night(world, 2)
    world.ledger.logs[held.log_id] = held
    earlier = look_back(world.look(), at(2))
    view = earlier.ledger.log(held.log_id)
    assert view is not None and view.state.size == 4
    assert earlier.size_of(held.log_id) == 7


def test_evidence_that_stands_on_no_log_was_not_known() -> None:
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.granite.forks = [evidence(world.granite, other, 4)]
    night(world, 1)
    network = world.look()
    assert look_back(network, at(1)).fork_of(world.granite.log_id) is None
    told = network.fork_of(world.granite.log_id)
    assert told is not None and told.is_open
    assert look_back(network, at(1)).hindsight.fork_of(world.granite.log_id) == told


def test_no_head_and_no_head_so_early() -> None:
    world = World()
    with pytest.raises(PolicyError, match="so early"):
        look_back(world.look(), at(-1))
    alone = SimulatedLog("alone", type(world.network.state.charter.institution)("network"))
    network = Network(replace(trust_of(alone), witnesses=()), SimulatedLedger(alone))
    with pytest.raises(PolicyError, match="no independent witness says when"):
        look_back(network, at(1))
