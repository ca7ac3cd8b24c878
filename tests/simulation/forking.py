"""A school that writes two histories, and finds a quorum for both: a partition, and one stolen witness key."""

from ledger.credential.commitment import commit
from ledger.log.body import describe_body
from ledger.log.charter import Role
from ledger.log.checkpoint import add_signatures, cosign
from ledger.log.finding import Rule, Severity
from ledger.log.governance import MemberOp
from ledger.log.records import Anchor, Issue, StatusUpdate
from node.client.exchange import CosignRequest
from tests.simulation.events import Event
from tests.simulation.institution import Actor, place
from tests.simulation.node import Node
from tests.simulation.oracle import Copy, ForkRecord, Kind
from tests.simulation.thieves import Thief

TWIN = "twin.example:8471"


class ForkWithQuorum(Event):
    """The near side sees the history that will count; the far side is shown one with bought diplomas."""

    async def before(self) -> None:
        world, actor = self.world, self.actor
        if self.age == 0:
            self.common = actor.size
            self.twin = await self._make_twin()
            self.far = [world[name] for name in world.plan.far_side]
            world.fabric.far_side = {TWIN, *(item.address for item in self.far)}
            world.fabric.twins[actor.address] = self.twin
            self.tell(f"{' and '.join(world.plan.far_side)} are cut off")
        if self.age == 2:
            await self._resolve()

    async def after(self) -> None:
        if self.age != 0:
            return
        world = self.world
        self._write_other_history()
        await self._collect_far_quorum()
        await self._collect_near_quorum()
        world.fabric.far_side.clear()
        world.fabric.twins.clear()
        await self.twin.close()
        world.outdated |= {(item.address, self.actor.log_id) for item in self.far}
        await self._meet()
        self.oracle.forks[self.actor.log_id] = ForkRecord(self.common, world.week)
        # Once the stolen witness key is replaced, the far side's history has no quorum any more: at the end it is an alarm.
        world.expect(self.actor, self.common, Severity.NOTICE, Rule.FORK)
        self.tell(f"two histories from entry {self.common} on, both with a quorum")

    async def _make_twin(self) -> Node:
        actor, world = self.actor, self.world
        folder = world.folder / "twin"
        twin = Node(folder, TWIN, actor.log_id, world.trusts_of(actor), world.fabric, world.clock, actor.draw)
        while twin.store.log(actor.log_id) is None or twin.log.size < self.common:
            await twin.recover_own_log()
        twin.start(actor.keyring.get, actor.witness_keys)
        return twin

    def _write_other_history(self) -> None:
        """A cut like the honest one, from the same place on, with other contents."""
        actor, twin = self.actor, self.twin
        thief = Thief(self.world, actor, actor.roles[Role.REGISTER], Role.REGISTER)
        copies: list[Copy] = [thief.forge_on(Kind.OTHER_BRANCH) for _ in range(2)]
        items = [commit(copy.text.split("~")[0]) for copy in copies]
        items += [actor.draw(32) for _ in range(actor.batch - len(items))]
        operate = [actor.roles[Role.OPERATE]]
        head = [twin.log.note]
        anchor = Anchor(**actor.header(), reference=describe_body("anchor", head))
        twin.force(*actor.entry_of(anchor, [actor.log_key], head, twin.log.state))
        issue = Issue(**actor.header(), reference=describe_body("issue", items))
        twin.force(*actor.entry_of(issue, operate, items, twin.log.state))
        for position, copy in enumerate(copies):
            place(copy, actor.log_id, twin.log.size - 1, items, position, self.world.week)
        header = actor.header()
        lists, page = actor.desk.encode(header["id"])
        status = StatusUpdate(**header, reference=describe_body("status", page), lists=lists)
        twin.force(*actor.entry_of(status, operate, page, twin.log.state))

    async def _collect_near_quorum(self) -> None:
        """The near side has seen its history before it hears of another."""
        actor, network = self.actor, self.actor.networks[0]
        near = [item for item in (network, *self.world.members[network.name]) if item not in (actor, *self.far)]
        for _ in range(5):
            await actor.node.ask_witnesses()
            for item in near:
                if self.world.is_up(item):
                    await item.node.look_around([actor.address])

    async def _collect_far_quorum(self) -> None:
        actor, twin, world = self.actor, self.twin, self.world
        thief_of = world[world.plan.stolen_witness]
        now = world.clock() // 1000
        lines = [cosign(twin.log.note, f"{thief_of.name}.example/witness", thief_of.witness_keys[-1], now)]
        twin.log.put_note(add_signatures(twin.log.note, lines))
        for item in self.far:
            for _ in range(5):
                await item.node.look_around([actor.address])
            witness = item.node.witness
            size = item.node.store.log(actor.log_id).cosigned_size()
            proof = self._prove(size)
            request = CosignRequest(old_size=size, proof=proof, note=twin.log.note, address=actor.address)
            line = await witness.add_checkpoint(request)
            twin.log.put_note(twin.log.note + line)
            twin.events.publish(actor.log_id)
        for item in self.far:
            for _ in range(5):
                await item.node.look_around([actor.address])
            assert not item.node.gossip.lacks_quorum(actor.log_id), "the far side has no quorum"

    def _prove(self, size: int):
        from ledger.log.merkle import prove_consistency

        return prove_consistency(size, self.twin.log.size, self.twin.log.read_hashes) if size else ()

    async def _meet(self) -> None:
        """Both sides meet, and what they tell each other becomes evidence that everybody has."""
        everybody = [item for item in self.world.members[self.actor.networks[0].name] if self.world.is_up(item)]
        for _ in range(3):
            for item in self.far:
                await item.node.look_around()
            for item in (*everybody, self.actor.networks[0]):
                await item.node.look_around([far.address for far in self.far])

    async def _resolve(self) -> None:
        """The governors name the branch that counts, and a new witness key; the far side goes over by itself."""
        world, actor = self.world, self.actor
        network = actor.networks[0]
        await network.decide(MemberOp.AMEND, actor, standing=world.standing(network, actor))
        self.oracle.forks[actor.log_id].decided = world.week
        victim = world[world.plan.stolen_witness]
        victim.witness_keys.append(victim.new_key())
        await world.restart(victim)
        for belonging in victim.networks:
            await belonging.decide(MemberOp.AMEND, victim, standing=world.standing(belonging, victim))
        for item in self.far:
            await self._go_over(item)
        self.tell("the network has decided; the far side went over")

    async def _go_over(self, item: Actor) -> None:
        """By the rounds it makes anyway: the decision first, then whoever has the branch that it names."""
        for _ in range(4):
            await item.node.look_around()
        assert item.node.holds_all_of(self.actor.node, self.actor.log_id), f"{item.name} holds the other history"
        self.world.outdated.discard((item.address, self.actor.log_id))
