"""A whole node in one process: what is made of which part, and in which order it starts and stops.

    public gRPC      `node.ledgerside`: Ledger, Witness, health, reflection
    public HTTP      `node.web`: tiles, bodies, issuer metadata, claims, /healthz
    private listener `node.registrar`, `node.verifying`: commands of the operator's own staff, by a Unix socket or TLS
    private HTTP     `node.observing`: /metrics, on another socket beside it

A write that fails ends the node but not its process: everything is closed and opened again from disk, where alone it
shows what was written, once the disk can be written. Stopping is an ordered list: refuse new work, drain what is under
way, stop the tasks, close the files. A node that is killed instead loses nothing that it answered: whatever was
acknowledged was durable before.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from aiohttp import web

from ledger.errors import CairnError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.policy import TrustRoot
from node import socketpath
from node.address import Address, parse_address
from node.client.contexts import open_library
from node.client.statuslists import fetch_tokens
from node.clock import Clock, Draw, system_clock, system_draw
from node.config import FILE_NAME, NodeConfig, parse_config
from node.countersigning import CountersigningDesk
from node.descriptors import raise_limit
from node.found import KEYS_DIRECTORY, LEDGER_DIRECTORY
from node.highwater import state_home
from node.keystore import Keystore, open_keystore
from node.ledgerside import LedgerParts, LedgerSide, find_own_log
from node.metrics.meters import Meters
from node.newestheads import NewestHeads
from node.observing import Observing, open_observer
from node.onlyone import hold_directory
from node.registrar.copy_desk import CopyDesk
from node.registrar.database import Database, find_place, open_database
from node.registrar.desk import RegistrarDesk
from node.registrar.learners.desk import LearnerDesk
from node.registrar.learners.service import add_rights
from node.registrar.parts import DeskParts
from node.registrar.people.entrance import Entrance
from node.registrar.service import add_registrar
from node.registrar.submission import Submission
from node.service.copies import add_copies
from node.service.gate import Gate
from node.service.operator import add_operator
from node.service.recovery import add_recovery
from node.service.server import PRIVATE_OPTIONS, listen, make_server, reflect_private_services
from node.service.verifier import add_verifier
from node.statuscopies import MAX_LISTS, CopyParts, StatusCopies
from node.statusfiles import FOLDER_NAME as STATUS_FOLDER
from node.statusfiles import MAX_FILE_BYTES, StatusFiles
from node.store.ledgerstore import LedgerStore
from node.store.room import can_write
from node.tasks import Backoff
from node.verifying import VerifyingDesk
from node.web.app import build_app
from node.web.connections import BoundedRunner
from node.web.openid4vci import add_claims
from node.web.witness import add_witness

DRAIN_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""Between two looks at whether a write has failed, and whether the disk can be written again."""
REOPEN_SECONDS = 300.0
"""Longest pause before the stores are opened again: a disk that fails again and again is not worn out by trying."""

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
        status_files: status lists for other software, this institution's and copies.
        socket: path of the private listener.
    """

    def __init__(
        self,
        parts: LedgerParts,
        database: Database,
        http_socket: socket.socket,
        private: Path,
        meters: Meters,
        metrics_port: socket.socket | None,
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
        self.status_files = StatusFiles(parts.directory / STATUS_FOLDER)
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
                findings=lambda: self.observing.watch.look(),
                observer=parts.observer,
                certificates=self.side.certificates.shown,
                status_files=self.status_files,
                published_lists=lambda url, short: fetch_tokens(
                    url, short, most=MAX_LISTS, max_bytes=MAX_FILE_BYTES, trust=self.side.trust
                ),
                directory=parts.directory,
                contexts=open_library(parts.directory),
                state_home=parts.state_home,
                retention=config.retention,
                newest_head=self.side.directory.newest_head,
                wait_for_head=lambda size: self.side.cosigning.wait_for_quorum(size, config.cut_timeout_seconds),
            )
        )
        self.status_copies = StatusCopies(
            CopyParts(
                ledger=self.ledger,
                own=self.log_id,
                networks=self.side.directory.networks,
                http_url=self.http_url,
                files=self.status_files,
                trust=lambda: self.side.trust,
                clock=parts.clock,
            )
        )
        self.submission = Submission(self.desk, self.side.events, parts.clock, parts.draw)
        self.entrance = Entrance(config, self.desk, parts.directory / KEYS_DIRECTORY)
        self.observing = Observing(self, self.side, self.desk, self.submission, meters, private, metrics_port)
        self._private_server = make_server(self.side.boundary, Gate(self.entrance.guard), changed=PRIVATE_OPTIONS)
        add_registrar(self._private_server, self.desk)
        add_operator(self._private_server, database, self.ledger)
        add_recovery(self._private_server, self.desk.parts)
        self.learners = LearnerDesk(self.desk)
        add_rights(self._private_server, self.learners)
        self.verifying = VerifyingDesk(
            NewestHeads(self.ledger, self.side.directory.newest_head),
            self.side.own_trusts,
            parts.clock,
            # Not the registrar's: it fills itself as it is read, and is read by another thread.
            open_library(parts.directory),
        )
        add_verifier(self._private_server, self.verifying)
        add_copies(self._private_server, CopyDesk(self.desk), CountersigningDesk(self.desk, self.verifying))
        self.entrance.add_to(self._private_server)
        reflect_private_services(self._private_server)
        app = build_app(self)
        add_claims(app, self.desk, self.clock)
        add_witness(app, self.side.witness, self.clock)
        self._web = BoundedRunner(app, access_log=None, shutdown_timeout=DRAIN_SECONDS)

    @property
    def trust(self) -> TrustRoot | None:
        """The trust root of the network this node belongs to; None before it joined one."""
        return self.side.trust

    @property
    def refusal(self) -> str | None:
        """Why nothing is signed just now, in words for everybody; None while statements are taken."""
        reason = self.side.sequencer.refusal
        if reason is None or reason.startswith(("starting", "waiting for")):
            return reason
        # The other reasons name files of this computer, which are the operator's business alone.
        return "nothing is signed: cairn-node status says why"

    def newest_head(self, log_id: LogId) -> bytes | None:
        """The newest checkpoint note of a log that carries a quorum, or its newest note where none does."""
        return self.side.directory.newest_head(log_id)

    @property
    def address(self) -> str:
        """The public gRPC address, "host:port"."""
        return self.side.address

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop` is set, or until the stores must be opened again after a write has failed.

        Args:
            stop: set by whoever wants the node to end.
            ready: called once every listener answers.
        """
        side_ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            side = group.create_task(self.side.run(side_ready.set), name="ledger side")
            await side_ready.wait()
            await self._listen()
            submission = group.create_task(self.submission.run(), name="outbox")
            schedule = group.create_task(self.desk.keep_schedule(), name="cuts")
            copying = group.create_task(self.status_copies.run(), name="status lists")
            tidying = group.create_task(self.entrance.office.keep_tidy(), name="proposals")
            retaining = group.create_task(self.learners.keep_retention(), name="retention")
            observing = await self.observing.start(group)
            ready()
            reopening = group.create_task(self._reopening(), name="store")
            stopping = group.create_task(stop.wait(), name="stop")
            try:
                await asyncio.wait((stopping, reopening), return_when=asyncio.FIRST_COMPLETED)
            finally:
                # 1. Refuse and drain: listeners close, calls under way get a moment.
                await self._private_server.stop(DRAIN_SECONDS)
                await self.entrance.close()
                await self._web.cleanup()
                await self.observing.stop()
                # 2. No further cut is begun; a statement that was signed waits in the outbox.
                schedule.cancel()
                for task in (submission, copying, tidying, retaining, reopening, stopping, *observing):
                    task.cancel()
                # 3. Followers, witness, sequencer and public gRPC, in the order that `LedgerSide` gives.
                side.cancel()
        _log.info("stopped", extra={"log": encode_log_id(self.log_id)})

    async def _reopening(self) -> None:
        """End when the stores must be opened again: a write has failed, and the disk takes writes once more."""
        while not (self.ledger.failure or self.side.sequencer.has_failed):
            await asyncio.sleep(LOOK_SECONDS)
        while not await asyncio.to_thread(can_write, self.side.parts.directory):
            await asyncio.sleep(LOOK_SECONDS)
        _log.warning("opening the stores again after a failed write")

    async def close(self) -> None:
        """Let go of the listeners, also of a node that was never run."""
        await self._private_server.stop(None)
        self.verifying.close()
        await self.entrance.close()
        await self.observing.stop()
        await self.side.close()

    async def _listen(self) -> None:
        await self._web.setup()
        await web.SockSite(self._web, self._http_socket, ssl_context=self._tls).start()
        listen(self._private_server, self.entrance.door.inner)
        await self._private_server.start()
        await self.entrance.open(self.socket)
        socketpath.give_to_group(self.socket, self.config.registrar_group)
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
    async with AsyncExitStack() as stack:
        stack.enter_context(hold_directory(directory, "cairn-node run"))
        keystore = open_keystore(directory / KEYS_DIRECTORY)
        store = LedgerStore.open(directory / LEDGER_DIRECTORY)
        stack.callback(store.close)
        own = find_own_log(store, keystore).state.log_id
        observer, meters = stack.enter_context(open_observer(config, encode_log_id(own)))
        parts = LedgerParts(
            directory=directory,
            config=config,
            keystore=keystore,
            store=store,
            clock=clock,
            draw=draw,
            state_home=home if home is not None else state_home(os.environ),
            only_copy=only_copy,
            observer=observer,
        )
        place = find_place(directory, config.registrar_database)
        database = open_database(place, encode_log_id(own), keep_in=directory)
        stack.callback(database.close)
        http_socket = _bind(config.http_bind())
        stack.callback(http_socket.close)
        metrics_port = _bind(parse_address(config.metrics_listen)) if config.metrics_listen else None
        if metrics_port is not None:
            stack.callback(metrics_port.close)
        private = stack.enter_context(socketpath.socket_place(directory, config))
        node = Node(parts, database, http_socket, private, meters, metrics_port)
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
    raise_limit()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    pauses = Backoff(system_draw, first_seconds=LOOK_SECONDS, max_seconds=REOPEN_SECONDS)
    while True:
        async with open_node(directory, only_copy=only_copy) as node:
            try:
                await node.run(stop, partial(ready, node))
            except BaseExceptionGroup as group:
                # What went wrong in one of the tasks is what the operator should read, not that there were tasks.
                raise _first_of_ours(group) or group from None
        if stop.is_set():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pauses.pause()):
                await stop.wait()


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> CairnError | None:
    for error in group.exceptions:
        found = _first_of_ours(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, CairnError):
            return found
    return None


def _bind(address: Address) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return socket.create_server((address.host, address.port), family=family, backlog=128)
    except OSError as error:
        raise CairnError(
            f"{address.host}:{address.port}: cannot listen: {error.strerror}", hint="another program may use this port"
        ) from error
