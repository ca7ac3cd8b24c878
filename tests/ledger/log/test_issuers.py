"""Owners of issuer ids, found once for all credentials of an issuer. What an owner is, `test_network` says."""

from ledger.log import issuers
from ledger.log.governance import MemberOp, Rights
from ledger.log.issuers import IssuerIds, host_of
from tests.ledger.log.networks import World

LISTED = "https://granite.example/issuer"


def test_members_are_gone_through_once_for_an_issuer() -> None:
    """A look stays what it was; another look sees what came since."""
    world = World()
    first = IssuerIds(world.network.log_id, world.network.state)
    assert first.owner_of(LISTED) is None
    world.network.member(world.granite, MemberOp.AMEND, Rights(issuers=(LISTED,)))
    assert first.owner_of(LISTED) is None
    assert IssuerIds(world.network.log_id, world.network.state).owner_of(LISTED) == world.granite.log_id


def test_a_network_that_forgets_finds_owners_anew() -> None:
    world = World()
    look = world.look()
    assert look.owner_of(LISTED) is None
    world.network.member(world.granite, MemberOp.AMEND, Rights(issuers=(LISTED,)))
    look.forget(world.network.log_id)
    assert look.owner_of(LISTED) == world.granite.log_id


def test_strangers_cannot_fill_the_memory() -> None:
    world = World()
    ids = IssuerIds(world.network.log_id, world.network.state)
    own = ids.url_of(world.granite.log_id)
    for number in range(issuers.MAX_KEPT + 10):
        assert ids.owner_of(f"https://stranger.example/{number}") is None
        assert ids.owner_of(own) == world.granite.log_id
    assert len(ids._owners) <= issuers.MAX_KEPT


def test_a_host_is_without_path_and_with_port() -> None:
    assert host_of("https://confluence.school:8443/x/y") == "confluence.school:8443"
    assert host_of("http://confluence.org") == "confluence.org"
