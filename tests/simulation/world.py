"""The world of one run: two networks, their members, their machines, and 26 weeks of work.

A week goes so: machines come and go; what governors and thieves do before the cuts; registrars award and decide; every
member cuts; what happens after the cuts; the networks cut; everybody who can be reached is brought level; the checks.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import NamedTuple

from ledger.credential.status import Status
from ledger.duration import DAY_MS
from ledger.log.charter import Role
from ledger.log.finding import Rule, Severity
from ledger.log.governance import Rights, Standing
from ledger.log.identity import LogId, short_log_id
from ledger.log.members import judge_quorum
from ledger.log.policy import QuorumRule, TrustRoot
from tests.simulation import plan as plans
from tests.simulation.desk import Press
from tests.simulation.fabric import Fabric
from tests.simulation.institution import WEEK_MS, Actor
from tests.simulation.oracle import Copy, Kind, Oracle
from tests.simulation.plan import Plan, Scale

START_MS = 1_799_020_800_000
"""2027-01-04, a Monday, in Unix milliseconds."""
ROUNDS = 12


class Expected(NamedTuple):
    """A finding that a planted fault leads to."""

    log: LogId
    index: int | None
    severity: Severity
    rule: Rule


@dataclass
class Clock:
    """The time, the same for everybody; it goes on only when told."""

    now: int = START_MS - WEEK_MS

    def __call__(self) -> int:
        return self.now


class World:
    """Everything there is in one run."""

    def __init__(self, seed: int, folder: Path, scale: Scale) -> None:
        self.seed, self.folder, self.scale = seed, folder, scale
        self.random = Random(f"world/{seed}")
        self.plan: Plan = plans.make_plan(seed)
        self.clock = Clock()
        self.fabric = Fabric(Random(f"fabric/{seed}"), 0.0)
        self.oracle = Oracle()
        self.week = -1
        self.history: list[str] = []
        """What happened, for whoever has to find out why a run failed."""
        self.actors: dict[str, Actor] = {}
        self.members: dict[str, tuple[Actor, ...]] = {}
        self.trusts: dict[str, TrustRoot] = {}
        """The trust root of each network as it was exported when its first witnesses took office."""
        self.machines = 0
        self.outdated: set[tuple[str, LogId]] = set()
        """(address, log) where a replica follows the branch of a fork that did not count, until it is fetched anew."""
        self.answers = 0
        """How many reports were held against the oracle."""
        self.expected: list[Expected] = []
        self.seen: dict[str, int] = {}
        """The week in which each institution's node was last level with all others."""

    # Looking up

    def __getitem__(self, name: str) -> Actor:
        return self.actors[name]

    @property
    def networks(self) -> tuple[Actor, Actor]:
        return self.actors[plans.NETWORK_A], self.actors[plans.NETWORK_B]

    def is_up(self, actor: Actor) -> bool:
        """Whether its machine exists and is connected."""
        return actor.address in self.fabric.nodes and actor.address not in self.fabric.away

    def up(self) -> list[Actor]:
        return [actor for actor in self.actors.values() if self.is_up(actor)]

    def tell(self, text: str) -> None:
        """Note what happened."""
        self.history.append(f"week {self.week}: {text}")

    def tick(self) -> None:
        """A minute goes by, so that no two steps happen at once."""
        self.clock.now += 60_000

    # Machines

    def found_machine(self, actor: Actor) -> None:
        """Give a new institution its first machine."""
        actor.run_on(self._new_folder(actor), self.trusts_of(actor), self.fabric, self.clock)
        actor.node.store.create(actor.founding)
        actor.start()

    async def start_machine(self, actor: Actor, *, starts: bool = True) -> None:
        """Give an institution a new, empty machine, which fetches all logs from others."""
        actor.run_on(self._new_folder(actor), self.trusts_of(actor), self.fabric, self.clock)
        for _ in range(3):
            await actor.node.recover_own_log()
        if starts:
            actor.start()

    async def restart(self, actor: Actor) -> None:
        """Stop a node and start it in the same folder, with the keys as they are now."""
        await actor.node.close()
        actor.run_on(actor.node.folder, self.trusts_of(actor), self.fabric, self.clock)
        actor.start()
        for _ in range(3):
            await actor.node.look_around()

    async def retire_machine(self, actor: Actor) -> None:
        """A machine is switched off for good, or burns."""
        await self.fabric.nodes.pop(actor.address).close()

    def _new_folder(self, actor: Actor) -> Path:
        self.machines += 1
        return self.folder / f"{actor.name}-{self.machines}"

    def trusts_of(self, actor: Actor) -> list[TrustRoot]:
        """The trust roots an institution's node works with."""
        if actor in self.networks:
            return [self.trusts[actor.name]] if actor.name in self.trusts else []
        return [self.trusts.get(network.name) or pin(network, QuorumRule.NONE) for network in actor.networks]

    def expect(self, actor: Actor, index: int | None, severity: Severity, rule: Rule) -> None:
        """Note a finding that an audit has to come to; `index` None where the entry is not known beforehand."""
        self.expected.append(Expected(actor.log_id, index, severity, rule))

    def standing(self, network: Actor, member: Actor) -> Standing:
        """A member's complete entry."""
        own = issuer_url(network, member)
        issuers = () if member.issuer_url in ("", own) else (member.issuer_url,)
        is_witness = member.name in self.plan.witnesses[network.name]
        return member.standing(Rights(achievements=("*",), issuers=issuers), is_witness=is_witness)

    # A week

    async def begin_week(self, week: int) -> None:
        self.week = week
        self.clock.now = START_MS + week * WEEK_MS
        for absence in self.plan.absences:
            address = self.actors[absence.who].address
            if absence.start == week:
                self.fabric.away.add(address)
                self.tell(f"{absence.who} goes offline until week {absence.end}")
            if absence.end == week:
                self.fabric.away.discard(address)
                self.tell(f"{absence.who} is back")
        for actor in self.up():
            await actor.node.startup.ask()

    def works(self, actor: Actor) -> bool:
        """Whether an institution's registrar can work this week."""
        return self.is_up(actor) and not actor.is_closed and actor not in self.networks

    def award(self, actor: Actor, role: Role, *, issuer: Actor | None = None) -> Copy:
        """One award: its registrar's copy waits for the next cut."""
        press = actor.press(role)
        if issuer is not None:
            press = Press(issuer.issuer_url, issuer.name.title(), press.signer, role, press.draw)
        reference = actor.desk.draw_slot()
        return self.note(actor, press, Kind.HONEST, reference, issuer or actor, waits=True)

    def note(self, actor: Actor, press, kind: Kind, reference, issuer: Actor, *, waits: bool) -> Copy:
        """Mint a copy and note all about it."""
        number = len(self.oracle.copies)
        text = press.mint(f"Learner {number}", self._today(), reference, number, self.clock())
        copy = Copy(
            number,
            kind,
            text,
            issuer.name,
            actor.log_id,
            press.role,
            press.signer.public.id,
            LogId(reference.log),
            reference.number,
            reference.slot,
            reference.key,
        )
        self.oracle.copies.append(copy)
        if waits:
            actor.waiting.append(copy)
        return copy

    def _today(self) -> str:
        return datetime.fromtimestamp(self.clock() / 1000, UTC).date().isoformat()

    async def registrars_work(self) -> None:
        """Awards, decisions and planned rotations of keys."""
        for actor in [actor for actor in self.actors.values() if self.works(actor)]:
            await self._rotate_now_and_then(actor)
            for _ in range(self.random.randint(0, self.scale.awards)):
                self.award(actor, self.random.choice((Role.ISSUE, Role.REGISTER)))
            self._decide_something(actor)

    def forgers_work(self) -> None:
        """Now and then somebody alters a copy, or makes one up under a name that nobody has."""
        honest = [copy for copy in self.oracle.copies if copy.kind is Kind.HONEST and copy.receipt is not None]
        if self.week % 5 != 3 or not honest:
            return
        shown = self.random.choice(honest)
        head, _, tail = shown.text.partition("~")
        body, _, signature = head.rpartition(".")
        altered = f"{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}~{tail}"
        number = len(self.oracle.copies)
        self.oracle.copies.append(replace(shown, number=number, kind=Kind.ALTERED, text=altered))
        actor = self.actors[shown.issuer]
        key = actor.new_key()
        press = Press(f"{actor.issuer_url[:-4]}nobd", "Nobody", key, Role.REGISTER, actor.draw)
        copy = self.note(actor, press, Kind.STRANGER, actor.desk.draw_slot(), actor, waits=False)
        copy.receipt, copy.index = shown.receipt, shown.index

    async def _rotate_now_and_then(self, actor: Actor) -> None:
        faults = [fault.week for fault in self.plan.faults if fault.who == actor.name]
        is_calm = all(not week - 1 <= self.week <= week + 4 for week in faults)
        if actor.waiting or not is_calm or self.random.random() > 0.08:
            return
        what = self.random.choice(("log", Role.ISSUE, Role.REGISTER, Role.OPERATE, Role.DEFINE))
        self.tell(f"{actor.name} rotates its {what} key")
        if what == "log":
            await actor.rotate_log_key()
        else:
            old = actor.roles[what]
            await actor.add_key(what)
            await actor.retire(old)

    def _decide_something(self, actor: Actor) -> None:
        """Now and then a registrar revokes, suspends, reinstates or replaces an award."""
        lists = {(item.log, item.number) for item in actor.desk.lists}
        own = [
            copy
            for copy in self.oracle.copies
            if copy.kind is Kind.HONEST
            and (copy.list_log, copy.list_number) in lists
            and copy.index is not None
            and copy.status in (Status.VALID, Status.SUSPENDED)
        ]
        if not own or self.random.random() > 0.35:
            return
        copy = self.random.choice(own)
        if copy.status is Status.SUSPENDED:
            value = self.random.choice((Status.VALID, Status.REVOKED))
        else:
            value = self.random.choice((Status.REVOKED, Status.SUSPENDED, Status.REPLACED))
        self.set_status(actor, copy, value)
        if value is Status.REPLACED:
            self.award(actor, copy.role, issuer=self.actors[copy.issuer])

    def set_status(self, actor: Actor, copy: Copy, value: Status) -> None:
        copy.status = value
        actor.desk.decide(copy.list_log, copy.list_number, copy.slot, value)
        self.tell(f"{actor.name} decides {value.name} for copy {copy.number}")

    async def cut_members(self) -> None:
        """Every member that can be reached cuts, and asks its witnesses."""
        for actor in [actor for actor in self.actors.values() if self.works(actor)]:
            self.tick()
            await actor.node.ask_witnesses()
            await actor.cut(self.oracle, self.week)
            await actor.node.ask_witnesses()

    async def cut_networks(self) -> None:
        """The networks come last, so that they record the week's heads."""
        for network in self.networks:
            self.tick()
            await network.node.look_around(tells=False)
            await self._hear_everybody(network)
            await network.cut(self.oracle, self.week)
            await network.node.ask_witnesses()

    async def _hear_everybody(self, network: Actor) -> None:
        """Let a network see every member's head of the week, or what it records would be a week older."""
        for _ in range(ROUNDS):
            for name in self._lacks(network):
                await self.actors[name].node.ask_witnesses()
                await network.node.look_around([self.actors[name].address], tells=False)

    async def level(self) -> None:
        """Look around and ask witnesses until everybody who is up holds all that they follow, with its quorum."""
        for attempt in range(ROUNDS):
            behind = [actor for actor in self.up() if self._lacks(actor)]
            lacking = [actor for actor in self.up() if not self._has_quorum(actor)]
            if not behind and not lacking:
                self.seen.update({actor.name: self.week for actor in self.up()})
                return
            self.tick()
            for actor in lacking:
                await actor.node.ask_witnesses()
            for actor in behind:
                # Their network has everything; only what it lacks is asked for at the writers themselves.
                sources = (
                    actor.networks if attempt == 0 and actor.networks else map(self.__getitem__, self._lacks(actor))
                )
                await actor.node.look_around([source.address for source in sources], tells=False)
        raise AssertionError(f"not level after {ROUNDS} rounds: {self.describe_lag()}")

    def _lacks(self, actor: Actor) -> list[str]:
        found = []
        for other in self.up():
            if other is actor or (actor.address, other.log_id) in self.outdated:
                continue
            if other.log_id in actor.node.directory.followed():
                is_level = actor.node.holds_all_of(other.node, other.log_id)
                if not is_level or actor.node.gossip.lacks_quorum(other.log_id):
                    found.append(other.name)
        return found

    def _has_quorum(self, actor: Actor) -> bool:
        """Whether its newest head counts in every network it belongs to."""
        sets = [network.state.members.witness_sets[-1] for network in actor.networks or (actor,)]
        return actor.is_closed or all(
            judge_quorum(actor.node.log.note, actor.log_id, witness_set).has_quorum for witness_set in sets
        )

    def describe_lag(self) -> str:
        return "; ".join(
            f"{actor.name} lacks {self._lacks(actor)}"
            + ("" if self._has_quorum(actor) else f" and its own quorum {actor.node.cosigning.problems}")
            + (f" startup {actor.node.startup.reason}" if actor.node.startup.reason else "")
            for actor in self.up()
            if self._lacks(actor) or not self._has_quorum(actor)
        )

    async def close(self) -> None:
        """Stop every machine that still runs."""
        for node in list(self.fabric.nodes.values()):
            await node.close()


def pin(network: Actor, quorum: QuorumRule) -> TrustRoot:
    """The trust root of a network at its newest head."""
    state = network.state
    witnesses = state.members.witness_sets[-1].witnesses
    return TrustRoot(
        network=network.log_id,
        name=state.name,
        origin=state.charter.origin,
        log_key=state.log_key,
        head_size=state.size,
        head_root=state.frontier.root(),
        witnesses=witnesses,
        quorum=quorum,
        max_age=WEEK_MS + DAY_MS,
        grpc=(network.address,),
    )


def issuer_url(network: Actor, member: Actor) -> str:
    """The issuer id that a member has under a network's host by construction."""
    return f"https://{network.name}.example/m/{short_log_id(member.log_id)}"
