"""What can become of a copy: histories of a few days each, which give the copy they are about."""

from collections.abc import Callable

from ledger.credential.status import Status
from ledger.log.body import describe_body
from ledger.log.charter import Role
from ledger.log.governance import Boundary, MemberOp, Rights
from tests.ledger.credential.history import History
from tests.ledger.credential.verifying import SECONDS, Minted
from tests.ledger.log import networks
from tests.ledger.log.lives import evidence as evidence_entry
from tests.ledger.log.samples import add, fresh_key, restate
from tests.simulator import SimulatedLog

UNTIL = "2026-06-19"
"""The tenth day of these histories."""


def good(world: History) -> Minted:
    """On the ledger on day 2; a page on each day after it."""
    one = world.mint()
    world.on(2).cut(one)
    return one


def marked(world: History, day: int, value: int) -> None:
    slots = world.desk(world.granite).statuses
    slots.update(dict.fromkeys([0], value)) if value else slots.pop(0, None)
    world.on(day).cut()


def issued(world: History) -> Minted:
    one = good(world)
    world.on(3).cut()
    return one


def issued_later(world: History) -> Minted:
    world.on(1).cut()
    return good(world)


def issued_next(world: History) -> Minted:
    """In the very next entry after those of day 1."""
    world.on(1).cut()
    one = world.mint()
    world.on(2).batch(world.granite, [one])
    world.page(world.granite)
    world.confirm()
    return one


def with_status(value: int) -> Callable[[History], Minted]:
    def make(world: History) -> Minted:
        one = good(world)
        world.on(3).cut()
        marked(world, 4, value)
        world.on(5).cut()
        return one

    return make


def reinstated(world: History) -> Minted:
    """Suspended on day 3, lifted on day 5."""
    one = good(world)
    marked(world, 3, Status.SUSPENDED)
    world.on(4).cut()
    marked(world, 5, Status.VALID)
    return one


def expired(world: History) -> Minted:
    """Valid until the tenth day."""
    one = world.mint(valid_until=UNTIL)
    world.on(2).cut(one)
    world.on(12).cut()
    return one


def not_yet(world: History) -> Minted:
    """Awarded as of the eighth day."""
    one = world.mint(issued_at=SECONDS + 8 * 86_400)
    world.on(2).cut(one)
    world.on(12).cut()
    return one


def credential_key_stolen(since: int) -> Callable[[History], Minted]:
    """The register key is declared stolen on day 4; the batch is entry 2."""

    def make(world: History) -> Minted:
        one = good(world)
        world.on(4).granite.compromise(world.granite.role_signers[Role.REGISTER], since)
        world.confirm()
        return one

    return make


def operate_key_stolen(world: History) -> Minted:
    """Declared on day 4 (entry 4), from the batch on: batch and page are void."""
    one = good(world)
    world.on(4).granite.compromise(world.granite.role_signers[Role.OPERATE], 2)
    add(world.granite, fresh_key(world.granite, "operate"))
    world.confirm()
    return one


def restated(world: History) -> Minted:
    """What was void on day 4 was restated on day 5 (entries 6 and 7)."""
    one = operate_key_stolen(world)
    world.on(5)
    restate(world.granite, 2, fresh_key(world.granite, "operate"))
    restate(world.granite, 3, fresh_key(world.granite, "operate"))
    world.confirm()
    return one


def page_stolen_then_a_good_one(world: History) -> Minted:
    """The page alone is void from day 4 on; a good one stands on day 5."""
    one = good(world)
    world.on(4).granite.compromise(world.granite.role_signers[Role.OPERATE], 3)
    add(world.granite, fresh_key(world.granite, "operate"))
    world.confirm()
    world.on(5).page(world.granite, fresh_key(world.granite, "operate"))
    world.confirm()
    return one


def removed(world: History) -> Minted:
    """Removed on day 4, from now on: what was issued before stands."""
    one = good(world)
    world.on(4).network.member(world.granite, MemberOp.REMOVE)
    world.confirm()
    return one


def removed_retroactively(world: History) -> Minted:
    """Removed on day 4, from its first entry on."""
    one = good(world)
    world.on(4)
    boundary = Boundary(world.granite.log_id, 1, world.granite.root_at(1))
    world.network.member(world.granite, MemberOp.REMOVE, boundary=boundary)
    world.confirm()
    return one


def allowed_retroactively(world: History) -> Minted:
    """Without any right until day 4, when it is given it from the beginning."""
    first = Boundary(world.granite.log_id, 1, world.granite.root_at(1))
    world.network.member(world.granite, MemberOp.AMEND, rights=Rights(achievements=("none",)), boundary=first)
    one = good(world)
    world.on(4).network.member(world.granite, MemberOp.AMEND, boundary=first)
    world.confirm()
    return one


def admitted_later(world: History) -> Minted:
    """A school that joins on day 4, with what it issued on day 2."""
    world.on(4)
    school = SimulatedLog("larch")
    world.add(school)
    one = world.mint(log=school)
    world.on(4).cut(one, log=school)
    return one


def succeeded(world: History) -> Minted:
    """Granite closes on day 4; its heir revokes on day 5 (its entry 3)."""
    one = good(world)
    world.on(4)
    heir = world.add(SimulatedLog("heir"))
    world.network.member(world.granite, MemberOp.SUCCEED, successor=heir.log_id)
    world.confirm()
    world.desk(world.granite).statuses[one.slot] = Status.REVOKED
    world.on(5).cut(log=heir, extra=[world.desk(world.granite)])
    return one


def forked(world: History) -> Minted:
    """Two histories above the first cut, each with a quorum; the batch is above."""
    world.on(1).cut()
    other = world.granite.copy()
    other.forks = []
    one = world.mint()
    world.on(2).cut(one)
    other.cut()
    other.sign([world.network, world.lantern])
    world.granite.forks = [networks.evidence(world.granite, other, 4)]
    return one


def fork_told(world: History) -> Minted:
    """Lantern puts the evidence on its log on day 4 (its entry 1); the network decides on day 6."""
    one = forked(world)
    world.on(4)
    body = [world.granite.forks[0]]
    lantern = world.lantern
    statement = evidence_entry(lantern, reference=describe_body("evidence", body))
    lantern.append(statement, [lantern.role_signers[Role.OPERATE]], body)
    world.confirm()
    world.on(6).network.member(world.granite, MemberOp.AMEND)
    world.confirm()
    return one
