"""Which network a node in several follows where two histories of a log were signed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.errors import RuleError
from ledger.log.charter import Institution
from ledger.log.governance import Boundary, MemberOp
from node.rulings import Rulings
from node.store.logstore import LogStore
from tests.ledger.log.networks import World, forked
from tests.node.web.served import open_store
from tests.simulator import SimulatedLog

PARTING = 4


@dataclass
class Between:
    """A node in two networks, both with Granite as a member, that holds one history of it."""

    folder: Path
    world: World
    second: SimulatedLog
    other: SimulatedLog

    def rule(self, network: SimulatedLog, named: SimulatedLog) -> None:
        network.member(named, MemberOp.AMEND)

    def ask(self, cosigned: int, *networks: SimulatedLog) -> list[str]:
        """The networks for whose word the node goes over, where it cosigned that much of what it holds."""
        store = open_store(self.folder, [*self.world.everybody(), self.second])
        try:
            log = store.log(self.world.granite.log_id)
            assert isinstance(log, LogStore)
            if cosigned:
                log.set_cosigned(cosigned, self.world.granite.root_at(cosigned), seconds=1)
            rulings = Rulings(store, lambda: [network.log_id for network in networks])
            return [one.network for one in rulings.for_other(log, PARTING)]
        finally:
            store.close()


@pytest.fixture
def between(tmp_path: Path) -> Iterator[Between]:
    world = World()
    second = SimulatedLog("delta", Institution.NETWORK)
    second.member(world.granite)
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    yield Between(tmp_path / "store", world, second, other)


def test_what_was_cosigned_waits_for_the_first_network(between: Between) -> None:
    """Else another's governors would have this node sign a second history for a network that decided nothing."""
    first, second = between.world.network, between.second
    between.rule(second, between.other)
    with pytest.raises(
        RuleError, match="Delta names another history than the one cosigned here, and Confluence has not"
    ):
        between.ask(between.world.granite.size, first, second)


def test_the_word_of_the_first_network_is_enough(between: Between) -> None:
    first, second = between.world.network, between.second
    between.rule(second, between.other)
    assert between.ask(between.world.granite.size, second, first) == ["Delta"]


def test_where_nothing_above_the_parting_was_cosigned_nobody_is_waited_for(between: Between) -> None:
    first, second = between.world.network, between.second
    between.rule(second, between.other)
    assert between.ask(PARTING, first, second) == ["Delta"]


def test_a_network_that_let_the_log_go_is_not_waited_for(between: Between) -> None:
    first, second = between.world.network, between.second
    granite = between.world.granite
    below = Boundary(granite.log_id, PARTING, granite.root_at(PARTING))
    first.member(granite, MemberOp.REMOVE, boundary=below)
    between.rule(second, between.other)
    assert between.ask(between.world.granite.size, first, second) == ["Delta"]


def test_a_network_that_names_what_is_held_keeps_it(between: Between) -> None:
    first, second = between.world.network, between.second
    between.rule(first, between.other)
    between.rule(second, between.world.granite)
    with pytest.raises(RuleError, match="of Delta names the history held here"):
        between.ask(between.world.granite.size, first, second)
