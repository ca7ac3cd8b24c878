"""What goes wrong, one class for each: thieves, a fire, a closure, a hostile host, forks, a suspension.

`before` runs before the week's cuts, `after` behind them. Each notes in the oracle what it makes true, and which findings
an honest audit has to come to (`World.expect`).
"""

from ledger.credential.status import Status
from ledger.errors import CairnError
from ledger.log.body import describe_body, parse_body
from ledger.log.charter import CharterAmendment, Role, RoleKey
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.finding import Rule, Severity
from ledger.log.governance import AddKey, MemberOp, RotateLogKey
from ledger.log.records import DocumentName, DocumentType, Issue, Publish, StatusUpdate
from node.client.exchange import CosignRequest, OfferedHead, Offers
from tests.simulation.institution import THRESHOLD, Actor, subject_of
from tests.simulation.oracle import Copy, Kind, Outage, Page, Theft
from tests.simulation.plan import Fault
from tests.simulation.thieves import Thief
from tests.simulation.world import World


class Event:
    """One planned fault."""

    def __init__(self, world: World, fault: Fault) -> None:
        self.world, self.oracle, self.start = world, world.oracle, fault.week
        self.actor: Actor = world[fault.who]
        self.what = fault.what

    @property
    def age(self) -> int:
        """Weeks since it began."""
        return self.world.week - self.start

    async def before(self) -> None:
        """What happens before the cuts."""

    async def after(self) -> None:
        """What happens after them."""

    def tell(self, text: str) -> None:
        self.world.tell(f"[{self.what}] {self.actor.name}: {text}")


class CredentialKeyTheft(Event):
    """A key that signs credentials is stolen; an accomplice gets two forged copies into batches before it is noticed."""

    def __init__(self, world: World, fault: Fault) -> None:
        super().__init__(world, fault)
        self.role = Role.ISSUE if "issue" in fault.what else Role.REGISTER
        self.forged: list[Copy] = []

    async def before(self) -> None:
        if self.age == 0:
            self.thief = Thief(self.world, self.actor, self.actor.roles[self.role], self.role)
            self.thief.make_homeless()
            self.thief.borrow_receipt()
        if self.age in (0, 1):
            self.forged.append(self.thief.slip_in())
            self.world.award(self.actor, self.role)
        if self.age == 2:
            since = self.forged[0].index
            assert since is not None
            await self.actor.compromise(self.thief.key, since)
            await self.actor.add_key(self.role)
            self.oracle.thefts[self.thief.key.public.id] = Theft(since, self.world.week)
            self.tell(f"key was stolen since entry {since}; what it signed is awarded again")
            for copy in self.oracle.copies:
                is_hit = copy.kind is Kind.HONEST and copy.signer == self.thief.key.public.id
                if is_hit and copy.index is not None and copy.index >= since:
                    self.world.award(self.actor, self.role)


class OperateKeyTheft(Event):
    """A thief of the `operate` key gets a page of noise onto the log, and it takes two weeks until that is understood."""

    async def before(self) -> None:
        if self.age == 2:
            await self.actor.compromise(self.key, self.since)
            await self.actor.add_key(Role.OPERATE)
            void_since(self.world, self.actor, self.since)
            self.batch = next(
                index for index in range(self.since, self.actor.size) if _is_kind(self.actor, index, Issue)
            )
            self.oracle.void_batches[self.actor.log_id, self.batch] = (self.world.week, self.world.week + 1)
            self.tell(f"operate key was stolen since entry {self.since}")
        if self.age == 3:
            await self._restate()

    async def after(self) -> None:
        if self.age == 0:
            self.key = self.actor.roles[Role.OPERATE]
            self.since = write_noise(self.world, self.actor)
            # Witnessed before the network cuts, so that it is known as of this week.
            for _ in range(2):
                await self.actor.node.ask_witnesses()
            self.world.expect(self.actor, self.since, Severity.VOID, Rule.EFFECT)
            self.tell("a thief publishes noise as a status page")
        if self.age == 1:
            # The honest page of that week falls with the compromise; the batch is restated.
            self.world.expect(self.actor, self.actor.size - 1, Severity.VOID, Rule.EFFECT)

    async def _restate(self) -> None:
        entry = parse_entry(self.actor.node.log.entry(self.batch))
        assert isinstance(entry.statement, Issue)
        body = self.actor.node.log.body(self.batch)
        assert body is not None
        again = Issue(**self.actor.header(), reference=entry.statement.reference, restates=self.batch)
        await self.actor.append(again, [self.actor.roles[Role.OPERATE]], parse_body("issue", body))
        self.tell(f"batch {self.batch} is restated")


class DefineAndRootTheft(Event):
    """The key that publishes is stolen, and one root key of three, which alone can do nothing."""

    async def before(self) -> None:
        actor = self.actor
        if self.age == 0:
            await self._publish()
            await self._try_root_key()
        if self.age == 1:
            await actor.compromise(self.define, self.since)
            await actor.add_key(Role.DEFINE)
            await actor.replace_roots()
            assert actor.state.document(self.name) is None, "what a thief published is still a document"
            self.tell("define key compromised, root keys replaced")
            # What was signed with the old set and held back is of no use any more.
            late = actor.draft(AddKey, subject_of(self.thief_key), key=RoleKey(self.thief_key.public, Role.ISSUE))
            await refused(actor.append(late, [self.root, actor.roots[1]]), f"1 of the {THRESHOLD} root signatures")

    async def _publish(self) -> None:
        actor = self.actor
        self.define = actor.roles[Role.DEFINE]
        self.name = DocumentName("free-diplomas", 1)
        document = b'{"id":"free-diplomas"}'
        statement = Publish(
            **actor.header(),
            reference=describe_body("publish", [document]),
            name=self.name,
            type=DocumentType.POLICY,
            media_type="application/json",
        )
        self.since = await actor.append(statement, [self.define], [document])
        self.world.expect(actor, self.since, Severity.VOID, Rule.EFFECT)

    async def _try_root_key(self) -> None:
        actor = self.actor
        self.root, self.thief_key = actor.roots[0], actor.new_key()
        wish = actor.draft(AddKey, subject_of(self.thief_key), key=RoleKey(self.thief_key.public, Role.REGISTER))
        await refused(actor.append(wish, [self.root]), f"1 of the {THRESHOLD} root signatures")
        index = actor.force(wish, [self.root])
        self.world.expect(actor, index, Severity.VOID, Rule.EFFECT)
        Thief(self.world, actor, self.thief_key, Role.REGISTER).forge_by_unknown_key()
        self.tell("a thief of one root key tries to put a key of his own in force")


class LogKeyTheft(Event):
    """A thief of the log key signs another tree: no witness joins him, so it is an alarm about the key and no more."""

    async def before(self) -> None:
        if self.age == 1:
            await self.actor.rotate_log_key()
            self.tell("log key rotated by its roots")

    async def after(self) -> None:
        if self.age != 0:
            return
        actor, log = self.actor, self.actor.node.log
        lie = Checkpoint(log.state.charter.origin, log.size, self.world.random.randbytes(32))
        note = sign_checkpoint(lie, actor.log_key)
        network = actor.networks[0]
        victim = network.node
        await victim.look_around([actor.address])
        request = CosignRequest(old_size=log.size, proof=(), note=note)
        witness = next(
            item for item in self.world.members[network.name] if item is not actor and self.world.is_up(item)
        )
        await refused(witness.node.witness.add_checkpoint(request), "")
        await victim.gossip.take(Offers((OfferedHead(actor.log_id, note),), (), "thief.example:1"))
        self.world.expect(actor, None, Severity.NOTICE, Rule.FORK)
        self.tell("a thief signs another tree")


class Closure(Event):
    """A school closes; a college goes on with its status lists and re-issues what is asked for."""

    async def before(self) -> None:
        if self.age != 0:
            return
        world, network = self.world, self.actor.networks[0]
        heir = world[world.plan.successor]
        await network.decide(MemberOp.SUCCEED, self.actor, successor=heir.log_id)
        statuses = {item.number: item.statuses for item in self.actor.desk.lists}
        heir.desk.inherit(self.actor.log_id, self.actor.desk.list_root, statuses, world.scale.slots)
        self.actor.is_closed = True
        await self.world.retire_machine(self.actor)
        for role in (Role.ISSUE, Role.REGISTER):
            world.award(heir, role, issuer=self.actor)
        self.tell(f"closes; {heir.name} succeeds it")


class Fire(Event):
    """A machine and all its keys burn; the log comes back from the replicas, the lists from the last page."""

    async def before(self) -> None:
        if self.age == 0:
            await self.world.retire_machine(self.actor)
            self.tell("its machine burns")
        if self.age == 2:
            await move(self.world, self.actor)
            await self._replace_keys()
            self._read_back()
            self.tell("is back on a new machine with new keys")

    async def _replace_keys(self) -> None:
        actor = self.actor
        for role in Role:
            old = actor.roles[role]
            await actor.add_key(role)
            await actor.retire(old)
        network = actor.networks[0]
        await network.decide(MemberOp.AMEND, actor, standing=self.world.standing(network, actor))

    def _read_back(self) -> None:
        actor = self.actor
        actor.desk.forget()
        record = actor.state.newest_status
        assert record is not None
        body = actor.node.log.body(record.index)
        assert body is not None
        items = parse_body("status", body)
        for item in record.lists:
            actor.desk.read_back(item, items, record.statement_id)
        actor.desk.open_list()


class HostileHost(Event):
    """Whoever runs a school's machine turns: forges with all its keys, then withholds the log. The log moves away."""

    async def before(self) -> None:
        if self.age != 2:
            return
        world, actor = self.world, self.actor
        old_keys, old_node, old_log_key = dict(actor.roles), actor.node, actor.log_key
        world.fabric.nodes.pop(actor.address)
        world.fabric.away.discard(actor.address)
        actor.address = f"{actor.name}-elsewhere.example:8471"
        await move(world, actor)
        await actor.govern(CharterAmendment, "charter", grpc=actor.address, until=actor.size + 64)
        for role, key in old_keys.items():
            await actor.compromise(key, self.since)
            await actor.add_key(role)
            world.oracle.thefts[key.public.id] = Theft(self.since, world.week)
        void_since(world, actor, self.since)
        for index in range(self.since, self.until):
            if _is_kind(actor, index, Issue | StatusUpdate):
                world.expect(actor, index, Severity.VOID, Rule.EFFECT)
        for copy in world.oracle.copies:
            if copy.log == actor.log_id and copy.kind is Kind.SLIPPED_IN:
                world.oracle.void_batches[copy.log, copy.index or 0] = (world.week, 10**6)
        network = actor.networks[0]
        await network.decide(MemberOp.AMEND, actor, standing=world.standing(network, actor))
        await self._show_old_host_is_out(old_node, old_log_key)
        self.tell("moved away from its host")

    async def after(self) -> None:
        if self.age == 0:
            await self._turn()

    async def _turn(self) -> None:
        """The host brings in two forged diplomas, and takes back what the school revoked."""
        world, actor = self.world, self.actor
        self.since = actor.size
        thief = Thief(world, actor, actor.roles[Role.REGISTER], Role.REGISTER)
        thief.slip_in()
        thief.slip_in()
        meant = {(item.log, item.number): dict(item.statuses) for item in actor.desk.lists}
        for item in actor.desk.lists:
            item.statuses = {slot: value for slot, value in item.statuses.items() if value != Status.REVOKED}
        await actor.cut(world.oracle, world.week)
        for item in actor.desk.lists:
            item.statuses = meant[item.log, item.number]
        self.until = actor.size
        await actor.node.ask_witnesses()
        for member in (*world.members[actor.networks[0].name], actor.networks[0]):
            if member is not actor and world.is_up(member):
                await member.node.look_around([actor.address])
        world.fabric.away.add(actor.address)
        self.tell("its host forges, and withholds the log from now on")

    async def _show_old_host_is_out(self, old_node, old_log_key) -> None:
        """What the old host signs now finds no witness."""
        actor, world = self.actor, self.world
        network = actor.networks[0]
        state = old_node.log.state
        lie = Checkpoint(state.charter.origin, state.size + 1, world.random.randbytes(32))
        note = sign_checkpoint(lie, old_log_key)
        for member in world.members[network.name]:
            if member is actor or not world.is_up(member):
                continue
            await member.node.look_around([actor.address])
            size = member.node.store.log(actor.log_id).cosigned_size()
            await refused(member.node.witness.add_checkpoint(CosignRequest(old_size=size, proof=(), note=note)), "")
        await old_node.close()


class Suspension(Event):
    """A school is suspended for three weeks and goes on issuing as if nothing were."""

    async def before(self) -> None:
        network = self.actor.networks[0]
        log = self.actor.log_id
        if self.age == 0:
            await network.decide(MemberOp.SUSPEND, self.actor)
            self.oracle.outages[log] = Outage(network.name, self.actor.size, self.world.week)
            self.tell("is suspended")
        if 0 <= self.age <= 2:
            self.world.award(self.actor, Role.REGISTER)
            # Its anchor comes first, so its batch is the entry after the next.
            self.world.expect(self.actor, None, Severity.NOTICE, Rule.RIGHTS)
        if self.age == 3:
            await network.decide(MemberOp.REINSTATE, self.actor, standing=self.world.standing(network, self.actor))
            outage = self.oracle.outages[log]
            outage.end, outage.end_week = self.actor.size, self.world.week
            self.tell("is reinstated")


async def move(world: World, actor: Actor) -> None:
    """Go on with a log on a new machine, from the largest witnessed size that anybody has of it, under new keys."""
    old_log_key = actor.log_key
    actor.log_key = actor.new_key()
    actor.witness_keys = [actor.new_key()]
    actor.keyring.pop(old_log_key.public.id)
    actor.waiting.clear()
    await world.start_machine(actor, starts=False)
    await actor.node.recover_own_log()
    rotation = actor.draft(RotateLogKey, "log", log_key=actor.log_key.public)
    # The sequencer starts only with the key in force; before that the rotation is written by hand.
    actor.force(rotation, actor.roots[:THRESHOLD])
    actor.start()
    for _ in range(4):
        await actor.node.look_around()
    assert actor.node.startup.may_sign, actor.node.startup.reason


def write_noise(world: World, actor: Actor) -> int:
    """What a thief of the `operate` key can do to everybody's status; gives the index of the page."""
    lists, items = actor.desk.encode(actor.draw(16))
    noise = [actor.draw(1024) for _ in items]
    header = actor.header()
    statement = StatusUpdate(**header, reference=describe_body("status", noise), lists=lists)
    index = actor.force(statement, [actor.roles[Role.OPERATE]], noise)
    for item in lists:
        data = b"".join(noise)[item.first * 1024 : item.first * 1024 + item.slots]
        page = Page(world.week, index, actor.log_id, header["id"], data, None)
        world.oracle.pages[item.log, item.number].append(page)
    return index


def void_since(world: World, actor: Actor, since: int) -> None:
    """Note that a compromise voids the pages from an index on."""
    for pages in world.oracle.pages.values():
        for page in pages:
            if page.log == actor.log_id and page.index >= since:
                page.void_from = world.week


async def refused(call, words: str) -> None:
    """What a thief tries has to fail, and for the right reason."""
    try:
        await call
    except CairnError as error:
        assert words in str(error), error
        return
    raise AssertionError("what a thief tried was not refused")


def _is_kind(actor: Actor, index: int, kind) -> bool:
    return isinstance(parse_entry(actor.node.log.entry(index)).statement, kind)
