"""A whole node in one process: what is made of which part, and in which order it starts and stops.

    public gRPC      `node.ledgerside`: Ledger, Witness, health, reflection
    public HTTP      `node.web`: tiles, bodies, issuer metadata, claims, /healthz
    private socket   `node.registrar`, `node.verifying`: commands of the operator's own staff

Stopping is an ordered list: refuse new work, drain what is under way, stop the tasks, close the files. A node that is
killed instead loses nothing that it answered: whatever was acknowledged was durable before.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web

from ledger.errors import CairnError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.policy import TrustRoot
from node import socketpath
from node.clock import Clock, Draw, system_clock, system_draw
from node.config import FILE_NAME, Address, NodeConfig, parse_config
from node.found import KEYS_DIRECTORY, LEDGER_DIRECTORY
from node.health import describe_findings
from node.highwater import state_home
from node.keystore import Keystore, open_keystore
from node.ledgerside import LedgerParts, LedgerSide, find_own_log
from node.newestheads import NewestHeads
from node.registrar.database import Database, open_database
from node.registrar.desk import RegistrarDesk
from node.registrar.parts import DeskParts
from node.registrar.service import add_registrar
from node.service.server import listen, make_server, reflect_private_services
from node.service.verifier import add_verifier
from node.store.ledgerstore import LedgerStore
from node.verifying import VerifyingDesk
from node.web.app import build_app
from node.web.openid4vci import add_claims
from node.web.witness import add_witness

DATABASE_FILE = "registrar.db"
DRAIN_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Node:
    """A running institution. Use `open_node`; satisfies what `node.web` asks of a node.

    Attributes:
        ledger: the ledger store.
        log_id: of this node's own log.
        clock: Unix milliseconds.
        side: the public half.
        desk: the registrar's.
        http_url: public URL of the HTTP listener, without / at the end.
        socket: path of the private listener.
    """

    def __init__(
        self,
        parts: LedgerParts,
        database: Database,
        http_socket: socket.socket,
        private: Path,
    ) -> None:
        config = parts.config
        self.clock: Clock = parts.clock
        self.config: NodeConfig = config
        self.keystore: Keystore = parts.keystore
        self.side = LedgerSide(parts)
        self.ledger: LedgerStore = self.side.ledger
        self.log_id: LogId = self.side.log_id
        host, port = http_socket.getsockname()[:2]
        self._tls = self.side.certificates.http_context()
        scheme = "http" if self._tls is None else "https"
        self.http_url = config.http_url or f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        self.socket = private
        self._http_socket = http_socket
        self.desk = RegistrarDesk(
            DeskParts(
                database=database,
                ledger=self.ledger,
                sequencer=self.side.sequencer,
                keystore=parts.keystore,
                log_id=self.log_id,
                networks=self.side.directory.networks,
                http_url=self.http_url,
                clock=parts.clock,
                draw=parts.draw,
                offer_lifetime_days=config.offer_lifetime_days,
                access_token_minutes=config.access_token_minutes,
                findings=lambda: describe_findings(self.side, self.clock),
                certificates=self.side.certificates.shown,
                newest_head=self.side.directory.newest_head,
                wait_for_head=lambda size: self.side.cosigning.wait_for_quorum(size, config.cut_timeout_seconds),
            )
        )
        self._private_server = make_server(self.side.boundary)
        add_registrar(self._private_server, self.desk)
        self.verifying = VerifyingDesk(
            NewestHeads(self.ledger, self.side.directory.newest_head), self.side.own_trusts, parts.clock
        )
        add_verifier(self._private_server, self.verifying)
        reflect_private_services(self._private_server)
        app = build_app(self)
        add_claims(app, self.desk, self.clock)
        add_witness(app, self.side.witness, self.clock)
        self._web = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_SECONDS)

    @property
    def trust(self) -> TrustRoot | None:
        """The trust root of the network this node belongs to; None before it joined one."""
        return self.side.trust

    def newest_head(self, log_id: LogId) -> bytes | None:
        """The newest checkpoint note of a log that carries a quorum, or its newest note where none does."""
        return self.side.directory.newest_head(log_id)

    @property
    def address(self) -> str:
        """The public gRPC address, "host:port"."""
        return self.side.address

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop` is set.

        Args:
            stop: set by whoever wants the node to end.
            ready: called once every listener answers.
        """
        side_ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            side = group.create_task(self.side.run(side_ready.set), name="ledger side")
            await side_ready.wait()
            await self._listen()
            await self.desk.start()
            schedule = group.create_task(self.desk.keep_schedule(), name="cuts")
            ready()
            try:
                await stop.wait()
            finally:
                # 1. Refuse and drain: listeners close, calls under way get a moment.
                await self._private_server.stop(DRAIN_SECONDS)
                await self._web.cleanup()
                # 2. No further cut is begun; a statement that was signed waits in the outbox.
                schedule.cancel()
                # 3. Followers, witness, sequencer and public gRPC, in the order that `LedgerSide` gives.
                side.cancel()
        _log.info("stopped", extra={"log": encode_log_id(self.log_id)})

    async def close(self) -> None:
        """Let go of the listeners, also of a node that was never run."""
        await self._private_server.stop(None)
        self.verifying.close()
        await self.side.close()

    async def _listen(self) -> None:
        await self._web.setup()
        await web.SockSite(self._web, self._http_socket, ssl_context=self._tls).start()
        with socketpath.private_mode():
            listen(self._private_server, f"unix:{self.socket}")
        socketpath.give_to_group(self.socket, self.config.registrar_group)
        await self._private_server.start()
        fields = {"http": self.http_url, "grpc": self.address, "socket": str(self.socket)}
        _log.info("listening", extra=fields)


def read_config(directory: Path) -> NodeConfig:
    """The configuration of a node's directory.

    Raises:
        CairnError: there is none, or it is refused.
    """
    path = directory / FILE_NAME
    try:
        return parse_config(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise CairnError(f"{path}: not found", hint="cairn-node init makes a node's directory") from error


@asynccontextmanager
async def open_node(
    directory: Path,
    *,
    only_copy: bool = False,
    clock: Clock = system_clock,
    draw: Draw = system_draw,
    home: Path | None = None,
) -> AsyncIterator[Node]:
    """Open everything a node needs; what is opened is closed in reverse order.

    Args:
        directory: made by `cairn-node init`.
        only_copy: the operator says that no newer copy of the own log exists.
        clock: Unix milliseconds.
        draw: random bytes.
        home: folder of the high-water file; None for the one of this account.

    Raises:
        BusyError: another process runs this directory.
        CairnError: something is missing, damaged, or an address is taken.
    """
    config = read_config(directory)
    keystore = open_keystore(directory / KEYS_DIRECTORY)
    async with AsyncExitStack() as stack:
        store = LedgerStore.open(directory / LEDGER_DIRECTORY)
        stack.callback(store.close)
        parts = LedgerParts(
            directory=directory,
            config=config,
            keystore=keystore,
            store=store,
            clock=clock,
            draw=draw,
            state_home=home if home is not None else state_home(os.environ),
            only_copy=only_copy,
        )
        own = find_own_log(store, keystore).state.log_id
        database = open_database(directory / DATABASE_FILE, encode_log_id(own))
        stack.callback(database.close)
        http_socket = _bind(config.http_bind())
        stack.callback(http_socket.close)
        private = stack.enter_context(socketpath.socket_place(directory, config))
        node = Node(parts, database, http_socket, private)
        stack.push_async_callback(node.close)
        yield node


async def run_until_signalled(
    directory: Path, *, only_copy: bool = False, ready: Callable[[Node], None] = lambda node: None
) -> None:
    """Run a node until SIGTERM or SIGINT; a second signal ends the process at once.

    Args:
        directory: made by `cairn-node init`.
        only_copy: see `open_node`.
        ready: called once every listener answers.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    async with open_node(directory, only_copy=only_copy) as node:
        await node.run(stop, lambda: ready(node))


def _bind(address: Address) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return socket.create_server((address.host, address.port), family=family, backlog=128)
    except OSError as error:
        raise CairnError(
            f"{address.host}:{address.port}: cannot listen: {error.strerror}", hint="another program may use this port"
        ) from error
