"""The public half of a node: the ledger store and every task that writes it, witnesses it or serves it over gRPC.

    sequencer   writes our own log, and nothing else does after the start-up rule is met
    followers   one for each peer, through one puller, write all others
    witness     compares and persists what it cosigns
    cosigning   asks the witnesses of our own log
    start-up    keeps the gates of signing and cosigning

The private half (registrar, HTTP) stands on top of it in `node.run`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import CairnError, MalformedError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import PublicKey, SigningKey
from ledger.log.note import VerifierKey
from ledger.log.policy import TrustRoot
from node import trust
from node.branch import Branches
from node.client.dial import DialPolicy
from node.client.http import is_loopback
from node.clock import Clock, Draw
from node.config import NodeConfig
from node.cosigning import Cosigning
from node.directory import Directory
from node.events import HeadEvents
from node.forks import Forks
from node.gossip import Gossip
from node.highwater import HighWater
from node.keystore import KeyRole, Keystore
from node.observer import SILENT, Observer
from node.peers import Peers
from node.pull import Puller
from node.replicate import Follower, Followers
from node.rotations import Rotations
from node.sequencer import Sequencer
from node.service.boundary import ErrorBoundary
from node.service.ledger import LedgerService
from node.service.secure import listen_secure
from node.service.server import HealthSwitch, Server, add_public_services, listen, make_server
from node.service.witness import WitnessService
from node.serving import Serving
from node.startup import StartUp
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.timekeeping import Timekeeping
from node.tls.certificates import Certificates
from node.tls.modes import Listener
from node.tls.report import public_host
from node.tls.selfmade import SelfMade, vouching_keys
from node.witness import Witness
from node.witnessurls import witness_prefixes

DRAIN_SECONDS = 2.0
MEBIBYTE = 1024 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerParts:
    """What the public half works with.

    Attributes:
        directory: of the node.
        config: as parsed from `node.toml`.
        keystore: this node's keys.
        store: the open ledger store; closed by whoever opened it.
        clock: Unix milliseconds.
        draw: random bytes.
        state_home: where the high-water file stands, see `node.highwater`.
        only_copy: the operator says that no newer copy of the own log exists.
        observer: told of calls, commits and cosignatures.
    """

    directory: Path
    config: NodeConfig
    keystore: Keystore
    store: LedgerStore
    clock: Clock
    draw: Draw
    state_home: Path
    only_copy: bool = False
    observer: Observer = SILENT


class LedgerSide:
    """Made in a running event loop; `listen`, then `run`, then `close`."""

    def __init__(self, parts: LedgerParts) -> None:
        config, store = parts.config, parts.store
        self.parts = parts
        self.ledger = store
        self.log = find_own_log(store, parts.keystore)
        self.log_id: LogId = self.log.state.log_id
        self.boundary = ErrorBoundary(parts.observer)
        self.health = HealthSwitch()
        self.server: Server = make_server(self.boundary)
        self._has_started = False
        self._seen_note = b""
        hosts = [public_host(config, listener) for listener in Listener]
        self_made = SelfMade(parts.directory, self.log_id, lambda: vouching_keys(parts.keystore), hosts)
        self.certificates = Certificates(parts.directory, config, self_made, parts.clock)
        self.grpc_port = self._listen()
        self.address = config.grpc_address or f"{_host(config.grpc_listen)}:{self.grpc_port}"
        self.events = HeadEvents(parts.draw(16))
        policy = DialPolicy(
            expect=lambda address: self.directory.expected_at(address),
            may_be_plain=lambda host: config.insecure or is_loopback(host),
            accepts_authorities=config.accept_authorities,
            now=parts.clock,
        )
        self.peers = Peers(timeout_seconds=config.peer_timeout_seconds, policy=policy)
        self._trust_files: dict[Path, TrustRoot] = {}
        self.directory = Directory(
            store, self.log_id, (), config_peers=config.peers, own_addresses={self.address, self.log.state.grpc}
        )
        self.load_trust()
        self.high_water = HighWater(parts.state_home, self.log_id)
        self.sequencer = Sequencer(
            self.log,
            _log_key(parts.keystore, self.log),
            find_key=parts.keystore.find,
            pause=self._reached,
            observer=parts.observer,
        )
        self.puller = Puller(
            store, self.events, self.directory, parts.clock, daily_bytes=config.daily_quota_mebibytes * MEBIBYTE
        )
        self.forks = Forks(store, self.peers, self.directory, self.events.publish)
        self.branches = Branches(store, self.directory, self.puller, self.forks, self.events)
        self.startup = StartUp(
            store,
            self.log,
            self.directory,
            self.puller,
            self.peers,
            self.events,
            self.high_water,
            parts.draw,
            own_keys=lambda: self.witness.verifier_keys(),
            only_copy=parts.only_copy,
            opened=self.sequencer.release,
            closed=self.sequencer.hold,
            visit_seconds=config.peer_timeout_seconds,
        )
        self.timekeeping = Timekeeping(parts.clock)
        self.gossip = Gossip(
            store,
            self.directory,
            self.forks,
            self.events,
            address=self.address,
            wake=lambda address: self.followers.wake(address),
            rewound=self.startup.rewound,
            timekeeping=self.timekeeping,
        )
        self.witness = Witness(
            store,
            self.directory,
            self.puller,
            self.peers,
            self.forks,
            self._witness_signers,
            parts.clock,
            rotations=Rotations(store, self.puller),
            branches=self.branches,
            closed=self.startup.closed_for,
            hold_seconds=config.witness_timeout_seconds,
            timekeeping=self.timekeeping,
        )
        self.cosigning = Cosigning(
            self.log,
            self.directory,
            self.peers,
            self.events,
            parts.draw,
            address=self.address,
            may_ask=lambda: self.startup.may_sign,
            rewound=self.startup.rewound,
            timeout_seconds=config.witness_timeout_seconds,
            witness_urls=witness_prefixes(config.witness_urls),
            timekeeping=self.timekeeping,
            observer=parts.observer,
        )
        self.followers = Followers(self.directory, self.events, self.peers, self._make_follower)
        self.serving = Serving(store, lambda: self.events.token)
        add_public_services(
            self.server, LedgerService(self.serving, self.gossip), WitnessService(self.witness), self.health
        )
        self.sequencer.add_listener(self._tell_grown)

    @property
    def trust(self) -> TrustRoot | None:
        """The trust root of the network this node belongs to; its own if it is one; None before it joined one."""
        return next(iter(self.own_trusts()), None)

    def own_trusts(self) -> tuple[TrustRoot, ...]:
        """The trust roots of all networks this node belongs to or follows, those it belongs to first."""
        return tuple(sorted(self.directory.trusts, key=lambda item: not self._is_member(item)))

    def witness_key(self) -> VerifierKey:
        """This node's witness key as its network knows it."""
        return self.witness.verifier_key()

    def _witness_signers(self) -> tuple[SigningKey, ...]:
        """Read from disk: a command may have made one beside this node."""
        with contextlib.suppress(CairnError):
            self.parts.keystore.reload()
        return self.parts.keystore.with_role(KeyRole.WITNESS)

    def load_trust(self) -> bool:
        """Read the trust root files again, so that a network joined while the node runs is followed; true if changed."""
        found = trust.load_trust_roots(self.parts.directory, self.parts.config.networks)
        own = (trust.own_trust_root(self.log),) if self.log.state.is_network else ()
        trusts = (*own, *(item for item in found.values() if item.network != self.log_id))
        changed = trusts != self.directory.trusts
        self._trust_files = found
        self.directory.trusts = trusts
        return changed

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve and follow until cancelled.

        Args:
            ready: called once the listener answers.
        """
        self._has_started = True
        await self.server.start()
        await self.health.set_serving(ledger=True, witness=True)
        self.sequencer.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.startup.run(), name="start-up")
                group.create_task(self.followers.run(), name="followers")
                group.create_task(self.cosigning.run(), name="cosigning")
                group.create_task(self._keep_trust(), name="trust roots")
                group.create_task(self.certificates.keep(), name="certificates")
                _log.info("serving", extra={"log": encode_log_id(self.log_id), "address": self.address})
                ready()
        finally:
            await self._stop()

    async def close(self) -> None:
        """Let go of the listener and all connections, also when `run` was never called."""
        if not self._has_started:
            # grpc gives back the port of a server that was never started only when its memory is collected.
            await self.server.start()
        await self.server.stop(None)
        await self.peers.close()

    def _listen(self) -> int:
        address, certificates = self.parts.config.grpc_listen, self.certificates
        if certificates.pair(Listener.GRPC) is None:
            return listen(self.server, address)
        return listen_secure(self.server, address, lambda: certificates.pair_of(Listener.GRPC))

    async def _stop(self) -> None:
        """The end of `run`, whose tasks were cancelled before: followers write no more."""
        # 1. Refuse: load balancers go elsewhere, statements that wait are written, further ones refused.
        await self.health.leave()
        await self.sequencer.close()
        # 2. Drain: calls under way get a moment. 3. Hang up. The store is closed by whoever opened it, after this.
        await self.server.stop(DRAIN_SECONDS)
        await self.peers.close()

    async def _keep_trust(self) -> None:
        """Look for new trust root files now and then, and pin networks again that have got witnesses."""
        while True:
            self._see_head()
            await asyncio.sleep(min(self.parts.config.follow_interval_seconds, 5))
            # A file that is just being written, or damaged later, does not stop a node that runs.
            with contextlib.suppress(MalformedError, OSError):
                await asyncio.to_thread(self._pin_again)
                if self.load_trust():
                    self.events.publish(self.log_id)

    def _see_head(self) -> None:
        """Let the clock be compared with the newest head, whose signatures are verified once."""
        if self.log.note != self._seen_note:
            self._seen_note = self.log.note
            self.timekeeping.see_head(self.directory.quorum(self.log_id, self._seen_note).seconds)

    def _pin_again(self) -> None:
        for path, item in self._trust_files.items():
            log = self.ledger.log(item.network)
            pinned = None if log is None else trust.pin_again(item, log)
            if pinned is not None:
                trust.store_trust_root(path, pinned)

    def _make_follower(self, address: str) -> Follower:
        config = self.parts.config
        return Follower(
            address,
            directory=self.directory,
            puller=self.puller,
            peers=self.peers,
            gossip=self.gossip,
            forks=self.forks,
            branches=self.branches,
            events=self.events,
            clock=self.parts.clock,
            draw=self.parts.draw,
            interval_seconds=config.follow_interval_seconds,
        )

    def _reached(self, point: str) -> None:
        """In the writing thread: the high-water file is raised after the commit, before anybody is answered."""
        if point == "after-commit":
            self.high_water.raise_to(self.log.size)

    def _tell_grown(self, size: int) -> None:
        self.events.publish(self.log_id)

    def _is_member(self, item: TrustRoot) -> bool:
        log = self.ledger.log(item.network)
        return item.network == self.log_id or (log is not None and self.log_id in log.state.members.records)


def find_own_log(store: LedgerStore, keystore: Keystore) -> LogStore:
    """The log whose log key this node has.

    Raises:
        MalformedError: there is none.
    """
    for log_id in store.log_ids():
        log = store.log(log_id)
        if log is not None and any(_has_key(keystore, key) for _, key in log.state.log_keys):
            return log
    raise MalformedError(
        "ledger store: none of the logs in it is this node's own",
        hint="restore the directory from a backup, or recover the log from a peer with cairn-node recover",
    )


def _has_key(keystore: Keystore, key: PublicKey) -> bool:
    return keystore.find(key.id) is not None


def _log_key(keystore: Keystore, log: LogStore) -> SigningKey:
    return keystore.find(log.state.log_key.id) or keystore.newest(KeyRole.LOG)


def _host(listen_address: str) -> str:
    host = listen_address.rpartition(":")[0]
    # Whoever listens everywhere is reached here at least; others need grpc_address in node.toml.
    return {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
