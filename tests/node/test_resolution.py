"""The network decides a fork: what is drafted names the history held, and ends the doubt; everything else is refused."""

import pytest

from ledger import base64url
from ledger.errors import RuleError
from ledger.log.entry import parse_entry
from ledger.log.evidence import parse_fork, verify_fork
from ledger.log.forkfile import parse_fork_file, verify_fork_file
from ledger.log.governance import MemberChange, MemberOp
from ledger.log.identity import LogId
from node.client.held import HeldLog, read_held
from node.drafting import Drafter
from node.forkfiles import KeptFork, choose_fork, make_fork_files
from node.resolution import Resolution, draft_resolution
from tests.ledger.log.networks import World, evidence, forked
from tests.simulator import NOW


class Governed(World):
    """A network whose node holds one of granite's two histories; satisfies `LogAccess`."""

    def __init__(self) -> None:
        super().__init__()
        self.other = forked(self, [self.network, self.lantern], [self.lantern, self.tidewater])
        self.granite.forks = [evidence(self.granite, self.other, 4)]

    async def held_log(self, log_id: LogId | None = None) -> HeldLog:
        log = self.ledger.log(self.network.log_id if log_id is None else log_id)
        assert log is not None
        return read_held(log)

    def kept(self) -> list[KeptFork]:
        return [KeptFork(data, *verify_fork_file(parse_fork_file(data))) for _, data in make_fork_files(self.ledger)]

    async def draft(self, who: str = "Granite", fingerprint: str | None = None) -> Resolution:
        drafter = Drafter(self.network.state, NOW, bytes(16))
        return await draft_resolution(self, drafter, who, self.kept(), fingerprint)

    def enact(self, resolution: Resolution) -> int:
        return self.network.append(resolution.proposal.statement, self.network.roots_needed).index


async def test_what_is_drafted_decides_for_the_history_held() -> None:
    world = Governed()
    before = world.look().rights_at(world.granite.log_id, world.granite.size).rights
    resolution = await world.draft()
    change = resolution.proposal.statement
    assert isinstance(change, MemberChange)
    assert (change.op, change.boundary) == (MemberOp.AMEND, world.granite.boundary())
    index = world.enact(resolution)
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and not fork.is_open and fork.decided_by is not None and fork.decided_by.index == index
    assert world.look().rights_at(world.granite.log_id, world.granite.size).rights == before
    # A replica that holds the other history sees that it is not the one the network named.
    world.ledger.logs[world.granite.log_id] = world.other
    assert world.look().rights_at(world.granite.log_id, world.other.size).reason is not None


async def test_the_history_that_is_not_held_can_be_named_by_its_fingerprint() -> None:
    world = Governed()
    resolution = await world.draft(fingerprint=base64url.encode(world.other.state.frontier.root()))
    change = resolution.proposal.statement
    assert isinstance(change, MemberChange) and change.boundary == world.other.boundary()
    assert resolution.words[0].startswith("it names the history of that fingerprint")
    index = world.enact(resolution)
    world.ledger.logs[world.granite.log_id] = world.other
    world.other.forks = world.granite.forks
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.decided_by is not None and fork.decided_by.index == index
    with pytest.raises(RuleError, match="no evidence kept here shows a history with fingerprint"):
        await world.draft(fingerprint=base64url.encode(bytes(32)))


async def test_the_words_show_every_fingerprint() -> None:
    world = Governed()
    words = "\n".join((await world.draft()).words)
    for log in (world.granite, world.other):
        assert base64url.encode(log.state.frontier.root()) in words


async def test_nothing_to_decide() -> None:
    world = Governed()
    world.granite.forks = []
    with pytest.raises(RuleError, match="no proof of two histories of its log is kept here"):
        await world.draft()
    with pytest.raises(RuleError, match="no proof of two histories"):
        await Governed().draft("Lantern")
    with pytest.raises(RuleError, match="no member is called that"):
        await Governed().draft("Nobody")


async def test_too_little_is_held_to_tell_the_histories_apart() -> None:
    """A boundary below the place where they part would lie on both and decide nothing."""
    world = Governed()
    held = world.granite.copy()
    for rows in (held.entries, held.bodies):
        del rows[4:]
    short = type(held.state)(held.log_id, held.state.charter)
    for raw, body in zip(held.entries, held.bodies, strict=True):
        short.apply(parse_entry(raw), body)
    held.state = short
    held.sign()
    world.ledger.logs[held.log_id] = held
    with pytest.raises(RuleError, match="that history is of 4 entries here, and the two may part as late as entry 6"):
        await world.draft()


@pytest.mark.parametrize("op", [MemberOp.SUSPEND, MemberOp.REMOVE])
async def test_a_member_that_is_not_in_good_standing(op: MemberOp) -> None:
    world = Governed()
    world.network.member(world.granite, op)
    with pytest.raises(RuleError, match="not in good standing"):
        await world.draft()
    # That decision named the history held too, so it has decided the fork already.
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and not fork.is_open


def test_which_log_is_meant() -> None:
    kept = Governed().kept()
    assert choose_fork(kept, None).accused.name == "Granite"
    assert choose_fork(kept, "granite.example/log") is kept[0]
    with pytest.raises(RuleError, match="about none of that name"):
        choose_fork(kept, "Lantern")
    with pytest.raises(RuleError, match="about several logs"):
        choose_fork(kept * 2, None)
    with pytest.raises(RuleError, match="none is kept"):
        choose_fork([], None)
    assert verify_fork(parse_fork(Governed().granite.forks[0]), kept[0].accused.keys) in kept[0].forks
