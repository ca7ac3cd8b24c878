"""Several real nodes in one event loop: real gRPC over loopback, real LevelDB, real keys, a network with witnesses."""

import asyncio
import contextlib
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ledger.log import statements
from ledger.log.body import describe_body
from ledger.log.charter import Institution
from ledger.log.entry import sign_statement
from ledger.log.governance import Boundary, MemberChange, MemberOp, Rights, Standing
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.policy import QuorumRule, TrustRoot, encode_trust_root
from ledger.log.records import Anchor, Issue
from ledger.log.statement import Statement
from node.clock import Clock, system_clock
from node.config import NodeConfig, parse_config, render_config
from node.found import Founding, found_institution
from node.keystore import KeyRole, open_keystore
from node.ledgerside import LedgerParts, LedgerSide
from node.sequencer import SignedStatement
from node.store.database import Database
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.store.room import Room

DEADLINE_SECONDS = 60
BATCH = 256
PORTS = (10_000, 32_768)


def free_port() -> int:
    """A port nobody listens on now; the addresses of a network have to be known before its nodes run.

    It lies below those that the system gives to connections and to whoever asks for port 0, so that none of them takes
    it before the node does.
    """
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def until(condition: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait for something that other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@dataclass
class Campus:
    """One institution: its directory, and its node while it runs."""

    directory: Path
    root: SigningKey
    port: int
    state_home: Path
    config: NodeConfig
    only_copy: bool = False
    clock_ahead_ms: int = 0
    """How far this computer's clock is from the true time."""
    clock: Clock = system_clock
    side: LedgerSide | None = None
    _store: LedgerStore | None = None
    _task: "asyncio.Task[None] | None" = None
    _counter: int = field(default=0)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def node(self) -> LedgerSide:
        assert self.side is not None, "not running"
        return self.side

    @property
    def log(self) -> LogStore:
        return self.node.log

    @property
    def log_id(self) -> LogId:
        return self.node.log_id

    def holds(self, other: LogId, size: int) -> bool:
        log = self.node.ledger.log(other)
        return log is not None and log.size >= size

    async def start(self, open_database: Callable[[Path, Room | None], Database] = Database) -> None:
        """Run the node; returns once it answers."""
        self._store = LedgerStore.open(self.directory / "ledger", open_database=open_database)
        parts = LedgerParts(
            directory=self.directory,
            config=self.config,
            keystore=open_keystore(self.directory / "keys"),
            store=self._store,
            clock=lambda: self.clock() + self.clock_ahead_ms,
            draw=os.urandom,
            state_home=self.state_home,
            only_copy=self.only_copy,
        )
        self.side = LedgerSide(parts)
        ready = asyncio.Event()
        self._task = asyncio.create_task(self.side.run(ready.set))
        async with asyncio.timeout(DEADLINE_SECONDS):
            await ready.wait()

    async def stop(self) -> None:
        if self._task is None or self._store is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._store.close()
        self._task = self._store = self.side = None

    async def append(self, statement: Statement, *keys: SigningKey, items: tuple[bytes, ...] | None = None) -> int:
        data = statements.encode(statement)
        async with asyncio.timeout(DEADLINE_SECONDS):
            (index,) = await self.node.sequencer.append([SignedStatement(data, sign_statement(data, keys), items)])
        return index

    async def issue(self) -> int:
        items = tuple(os.urandom(32) for _ in range(BATCH))
        reference = describe_body("issue", items)
        statement = Issue(at=0, id=os.urandom(16), log=self.log_id, reference=reference)
        return await self.append(statement, self.key(KeyRole.OPERATE), items=items)

    async def anchor(self, *others: bytes) -> int:
        items = (self.log.note, *others)
        statement = Anchor(at=0, id=os.urandom(16), log=self.log_id, reference=describe_body("anchor", items))
        return await self.append(statement, self.key(KeyRole.LOG), items=items)

    async def admit(self, other: "Campus") -> int:
        state = other.log.state
        boundary = Boundary(other.log_id, state.size, RootHash(state.frontier.root()))
        return await self.rule(other, boundary, MemberOp.ADMIT)

    async def rule(self, other: "Campus", boundary: Boundary, op: MemberOp = MemberOp.AMEND) -> int:
        """As the network: decide about another institution from a boundary on."""
        state = other.log.state
        standing = Standing(
            name=state.name,
            origin=state.charter.origin,
            log_key=state.log_key,
            rights=Rights(achievements=("*",)),
            witness=other.node.witness_key(),
            grpc=other.address,
            url=state.url,
        )
        statement = MemberChange(
            at=0,
            id=os.urandom(16),
            log=self.log_id,
            after=self.log.state.after(encode_log_id(other.log_id)),
            until=self.log.size + 64,
            op=op,
            member=other.log_id,
            boundary=boundary,
            standing=standing,
        )
        return await self.append(statement, self.root)

    def key(self, role: KeyRole) -> SigningKey:
        return self.node.parts.keystore.newest(role)

    def trust(self, *, quorum: QuorumRule = QuorumRule.MAJORITY) -> TrustRoot:
        """The trust root of this network, pinned at its newest note."""
        state = self.log.state
        sets = state.members.witness_sets
        return TrustRoot(
            network=self.log_id,
            name=state.name,
            origin=state.charter.origin,
            log_key=state.log_key,
            head_size=state.size,
            head_root=RootHash(state.frontier.root()),
            witnesses=sets[-1].witnesses,
            quorum=quorum,
            max_age=86_400_000,
            grpc=(self.address,),
        )

    def join(self, trust: TrustRoot) -> None:
        """Put a trust root where the node looks for them."""
        path = self.directory / "networks" / f"{encode_log_id(trust.network)[:22]}.json"
        path.write_bytes(encode_trust_root(trust))
        if self.side is not None and self.side.load_trust():
            self.side.events.publish(self.log_id)


def found(folder: Path, name: str, kind: Institution, **config: object) -> Campus:
    """A new institution, not running yet."""
    root = SigningKey(os.urandom(32))
    port = free_port()
    directory = folder / name
    founding = Founding(
        name=name.title(),
        kind=kind,
        origin=f"{name}.example/log",
        root_keys=(root.public,),
        grpc_address=f"127.0.0.1:{port}",
        grpc_listen=f"127.0.0.1:{port}",
        http_listen="127.0.0.1:0",
        interval_ms=0,
    )
    found_institution(directory, founding, lambda: time.time_ns() // 1_000_000, os.urandom)
    base = parse_config((directory / "node.toml").read_text())
    quick = {"http_url": "", "follow_interval_seconds": 1, "peer_timeout_seconds": 5, "witness_timeout_seconds": 5}
    changed = replace(base, **{**quick, **config})  # type: ignore[arg-type]  # each test names real fields
    (directory / "node.toml").write_text(render_config(changed))
    return Campus(directory, root, port, folder / "state", changed)


@dataclass
class World:
    """A network and its members, all running."""

    network: Campus
    members: tuple[Campus, ...]

    @property
    def everybody(self) -> tuple[Campus, ...]:
        return (self.network, *self.members)


@asynccontextmanager
async def world(folder: Path, members: int = 3, **config: object) -> AsyncIterator[World]:
    """Found a network, admit members, wait until their witnesses are in force and everybody holds everything."""
    network = found(folder, "confluence", Institution.NETWORK, **config)
    schools = tuple(found(folder, f"school{n}", Institution.SCHOOL, **config) for n in range(members))
    made = World(network, schools)
    try:
        for one in made.everybody:
            await one.start()
        await until(lambda: network.node.startup.may_sign)
        for school in schools:
            school.join(network.trust(quorum=QuorumRule.NONE))
            await network.admit(school)
        assert await network.node.cosigning.wait_for_quorum(network.log.size, DEADLINE_SECONDS)
        await network.anchor()
        assert len(network.log.state.members.witness_sets[-1].witnesses) == members
        await until(lambda: all(has_all(one, made) for one in made.everybody))
        yield made
    finally:
        for one in made.everybody:
            await one.stop()


def has_all(one: Campus, made: World) -> bool:
    """Whether a node holds the newest entry of every log whose writer runs."""
    return all(one.holds(other.log_id, other.log.size) for other in made.everybody if other.side and other is not one)
