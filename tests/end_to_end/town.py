"""Four real node processes on loopback: a network with three governors and three members, as in the demo.

Governance is signed with keys in memory (encrypted key files cost seconds and are tested elsewhere); everything else
goes the way of operators: `cairn-node run` in a process of its own, and calls over its private socket.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ledger.errors import CairnError
from ledger.log.charter import Institution
from ledger.log.governance import Rights
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.policy import QuorumRule, TrustRoot, encode_trust_root
from node.client.registrar import RegistrarClient
from node.clock import system_clock, system_draw
from node.config import parse_config, render_config
from node.drafting import Drafter
from node.found import Founding, found_institution
from node.home import open_home
from node.membership import request_membership
from node.pinning import pin_network
from node.proposal import sign_proposal, signatures_to_submit
from node.request import parse_request
from tests.end_to_end.world import free_port

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "confluence"
SCHOOLS = {
    "granite-hollow": Institution.SCHOOL,
    "lantern": Institution.SCHOOL,
    "tidewater": Institution.COLLEGE,
}
DEADLINE_SECONDS = 60
THRESHOLD = 2

Forward = Callable[[str], Awaitable[str]]
"""Given the gRPC address a node listens on, gives the one that others shall dial."""


@dataclass
class Neighbour:
    """One institution: its directory, its root keys, and its process while that runs."""

    name: str
    directory: Path
    roots: tuple[SigningKey, ...]
    log_id: LogId
    grpc: str
    http: str
    process: asyncio.subprocess.Process | None = None
    log_files: list[Path] = field(default_factory=list)

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[RegistrarClient]:
        """The registrar's calls, over the private socket."""
        path = open_home(self.directory).socket_path()
        async with RegistrarClient(str(path), timeout_seconds=DEADLINE_SECONDS) as client:
            yield client

    async def start(self) -> None:
        """Run the process; returns once every listener answers."""
        log_file = self.directory.parent / f"{self.name}.{len(self.log_files)}.log"
        self.log_files.append(log_file)
        environment = {**os.environ, "XDG_STATE_HOME": str(self.directory.parent / "state")}
        with log_file.open("wb") as stream:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "node.main", "run", str(self.directory)),
                cwd=ROOT,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stream,
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE_SECONDS):
            line = await self.process.stdout.readline()
        assert line.startswith(b"running: "), log_file.read_text()

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process and give its exit code."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise

    async def size_of(self, log_id: LogId) -> int:
        """Entries this node holds of a log; 0 if it does not hold it."""
        try:
            async with self.desk() as desk:
                return (await desk.held_log(log_id)).state.size
        except CairnError:
            return 0


@dataclass
class Town:
    """The network and its members."""

    folder: Path
    nodes: dict[str, Neighbour]

    @property
    def network(self) -> Neighbour:
        return self.nodes[NETWORK]

    def __getitem__(self, name: str) -> Neighbour:
        return self.nodes[name]

    async def trust(self, quorum: QuorumRule = QuorumRule.MAJORITY) -> TrustRoot:
        """The trust root, as `cairn-node trust export` writes it."""
        async with self.network.desk() as desk:
            return pin_network(await desk.held_log(), quorum)

    async def write_trust(self) -> Path:
        """The trust root in a file, for those who verify."""
        path = self.folder / "trust.json"
        path.write_bytes(encode_trust_root(await self.trust()))
        return path

    async def cut(self, name: str) -> int:
        """Cut at one member, and let the network anchor what it cut; gives the index of the batch."""
        async with self[name].desk() as desk:
            indexes = (await desk.cut()).indexes
        await self.level()
        if name != NETWORK:
            async with self.network.desk() as desk:
                await desk.cut()
            await self.level()
        return indexes[1]

    async def level(self) -> None:
        """Wait until every running node holds the newest entry of every running node's log."""
        running = [node for node in self.nodes.values() if node.process is not None]
        sizes = {node.log_id: await node.size_of(node.log_id) for node in running}

        async def is_level() -> bool:
            for node in running:
                for log_id, size in sizes.items():
                    if await node.size_of(log_id) < size:
                        return False
            return True

        await eventually(is_level)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait for something that other processes bring about."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def direct(address: str) -> str:
    """Nobody stands between the nodes."""
    return address


@asynccontextmanager
async def town(folder: Path, *, forward: Forward = direct, **config: object) -> AsyncIterator[Town]:
    """Found the network, admit everybody, and wait until the witnesses are in force.

    Args:
        folder: where everything is put.
        forward: who stands before a gRPC listener.
        config: keys of every `node.toml`.
    """
    kinds = {NETWORK: Institution.NETWORK, **SCHOOLS}
    nodes = {name: await found_neighbour(folder, name, kind, forward, config) for name, kind in kinds.items()}
    made = Town(folder, nodes)
    try:
        await asyncio.gather(*(node.start() for node in nodes.values()))
        await _admit_everybody(made)
        await _wait_for_witnesses(made)
        yield made
    finally:
        await asyncio.gather(*(node.stop() for node in nodes.values()))


async def found_neighbour(
    folder: Path, name: str, kind: Institution, forward: Forward, config: Mapping[str, object]
) -> Neighbour:
    count = 3 if kind is Institution.NETWORK else 1
    roots = tuple(SigningKey(os.urandom(32)) for _ in range(count))
    listen = f"127.0.0.1:{free_port()}"
    grpc, http = await forward(listen), f"127.0.0.1:{free_port()}"
    directory = folder / name
    founding = Founding(
        name=name.replace("-", " ").title(),
        kind=kind,
        origin=f"{name}.example/log",
        root_keys=tuple(key.public for key in roots),
        threshold=THRESHOLD if count > 1 else 1,
        http_url=f"http://{http}",
        grpc_address=grpc,
        http_listen=http,
        grpc_listen=listen,
        interval_ms=0,
    )
    log_id = found_institution(directory, founding, system_clock, system_draw).log_id
    file = directory / "node.toml"
    quick = {"follow_interval_seconds": 1, "peer_timeout_seconds": 5, "witness_timeout_seconds": 5, **config}
    file.write_text(render_config(replace(parse_config(file.read_text()), **quick)))  # type: ignore[arg-type]
    return Neighbour(name, directory, roots, log_id, grpc, f"http://{http}")


async def _admit_everybody(made: Town) -> None:
    trust_file = made.folder / "early.json"
    trust_file.write_bytes(encode_trust_root(await made.trust(QuorumRule.NONE)))
    for node in made.nodes.values():
        home = open_home(node.directory)
        asked = await request_membership(home, None if node is made.network else trust_file)
        async with made.network.desk() as desk:
            drafter = Drafter((await desk.held_log()).state, system_clock(), os.urandom(16))
            proposal = drafter.admit(parse_request(asked.data), Rights(achievements=("*",), documents=("*",)))
            for key in made.network.roots[:THRESHOLD]:
                proposal = sign_proposal(proposal, key)
            await desk.submit(proposal.statement_bytes, signatures_to_submit(proposal))


async def _wait_for_witnesses(made: Town) -> None:
    await made.level()
    end = time.monotonic() + DEADLINE_SECONDS
    while True:
        async with made.network.desk() as desk:
            await desk.cut()
        await made.level()
        with contextlib.suppress(CairnError, TimeoutError):
            await eventually(lambda: _is_pinned(made), 5)
            return
        assert time.monotonic() < end, "the witnesses did not come into force"


async def _is_pinned(made: Town) -> bool:
    try:
        return len((await made.trust()).witnesses) == len(made.nodes)
    except CairnError:
        return False
