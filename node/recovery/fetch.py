"""Fetching a node's own log, and the logs of its networks, from peers: the largest that anybody has, all of it judged.

Which of the logs a peer holds is this node's own is told by its keys: the one whose log key is among them. What peers say of
sizes is believed only as far as they can show entries that prove themselves.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.errors import CairnError
from ledger.log.charter import Charter
from ledger.log.checkpoint import open_cosignatures, read_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId, encode_log_id
from ledger.log.policy import TrustRoot
from node.client.failures import UnreachableError
from node.clock import Clock
from node.directory import HEADS_LOOKED_AT, Directory
from node.events import HeadEvents
from node.keystore import KeyRole, Keystore
from node.peers import Peers
from node.pull import Puller
from node.store.ledgerstore import LedgerStore

UNBOUNDED_BYTES = 1 << 62
"""No daily quota: what is fetched was this node's own, or is what it followed."""
NOBODY = LogId(bytes(32))
"""Stands for the own log while it is not known which it is."""


@dataclass(slots=True)
class Fetched:
    """What came from peers.

    Attributes:
        own: id of this node's own log; None where no peer has it.
        told: size of it that each peer said it holds, by address.
        silent: peers that did not answer, with the reason.
        refused: peers whose copy of the own log broke a rule, with the reason.
        witnesses: how many witnesses count for the log, and how many of them told.
    """

    own: LogId | None = None
    told: dict[str, int] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    witnesses: tuple[int, int] = (0, 0)


class Fetcher:
    """Pulls into one store. Used from an event loop.

    Args:
        store: where everything is committed.
        keystore: of the node that is recovered.
        trusts: of its networks.
        addresses: peers the operator named.
        peers: connections.
        clock: Unix ms.
    """

    def __init__(
        self,
        store: LedgerStore,
        keystore: Keystore,
        trusts: Sequence[TrustRoot],
        addresses: Sequence[str],
        peers: Peers,
        clock: Clock,
    ) -> None:
        self._store = store
        self._keystore = keystore
        self._named = tuple(addresses)
        self._peers = peers
        self._directory = Directory(store, NOBODY, trusts, config_peers=addresses)
        self._puller = Puller(store, HeadEvents(), self._directory, clock, daily_bytes=UNBOUNDED_BYTES)
        self._fetched = Fetched()

    async def fetch(self, own: LogId | None) -> Fetched:
        """Fetch the networks' logs, then the own one.

        Args:
            own: id of the own log, where something tells it.

        Raises:
            CairnError: a commit could not be written.
        """
        for network in self._directory.networks():
            for address in self._awake():
                await self._pull(address, network)
        self._fetched.own = own or self._find_in_store() or await self._find_at_peers()
        if self._fetched.own is not None:
            await self._fetch_own(self._fetched.own)
            await asyncio.to_thread(self._remember_cosigning, self._fetched.own)
        return self._fetched

    async def _fetch_own(self, own: LogId) -> None:
        self._directory.own = own
        self._leave_ourselves_out(own)
        for address in self._awake():
            try:
                (head,) = await self._peers.client(address).heads([own])
                self._fetched.told[address] = head.size
            except CairnError as error:
                self._note(address, error)
        # The largest first: whatever of it is good is held before anybody's smaller copy is looked at.
        for address in sorted(self._fetched.told, key=lambda item: -self._fetched.told[item]):
            await self._pull(address, own)
        in_force = self._directory.witnesses_in_force(own)
        addresses = {witness.log: witness.address for witness in self._directory.witnesses(own)}
        answered = sum(addresses.get(witness.log, "") in self._fetched.told for witness in in_force)
        self._fetched.witnesses = len(in_force), answered

    def _leave_ourselves_out(self, own: LogId) -> None:
        """The networks name our own address too, where nobody answers now."""
        states = [held.state for log in self._directory.networks() if (held := self._store.log(log)) is not None]
        standings = [state.members.standing_of(own) for state in states]
        self._directory.own_addresses = frozenset(standing.grpc for standing in standings if standing is not None)
        for address in self._directory.own_addresses:
            self._fetched.silent.pop(address, None)

    def _remember_cosigning(self, own: LogId) -> None:
        """What we cosigned, as the notes fetched show it: never to be contradicted, whatever else was lost."""
        if self._store.log(own) is None:
            return
        keys = self._directory.own_witness_keys([key.public for key in self._keystore.with_role(KeyRole.WITNESS)])
        for log in self._store.log_ids():
            held = self._store.log(log)
            if held is None or log == own:
                continue
            for note in held.newest_notes(HEADS_LOOKED_AT):
                cosignatures = open_cosignatures(note, keys)
                checkpoint = read_checkpoint(note)
                if cosignatures and checkpoint.size > held.cosigned_size():
                    held.set_cosigned(checkpoint.size, checkpoint.root, seconds=cosignatures[0].seconds)

    async def _pull(self, address: str, log: LogId) -> None:
        client = self._peers.client(address)
        try:
            (head,) = await client.heads([log])
            if head.size > self._puller.held_size(log):
                await self._puller.pull(client, head)
        except CairnError as error:
            self._note(address, error)
            if address not in self._fetched.silent and log == self._fetched.own:
                self._fetched.refused[address] = str(error)

    def _find_in_store(self) -> LogId | None:
        """From what the networks say, or from an older copy of the log itself."""
        for log in self._store.log_ids():
            held = self._store.log(log)
            if held is None:
                continue
            if any(self._keystore.find(key.id) is not None for _, key in held.state.log_keys):
                return log
            for member in held.state.members.records:
                standing = held.state.members.standing_of(member)
                if standing is not None and self._keystore.find(standing.log_key.id) is not None:
                    return member
        return None

    async def _find_at_peers(self) -> LogId | None:
        """From the charters of all the logs that peers hold."""
        seen: set[LogId] = set()
        for address in self._awake():
            try:
                for summary in await self._peers.client(address).list_logs():
                    if summary.log not in seen and await self._is_ours(address, summary.log):
                        return summary.log
                    seen.add(summary.log)
            except CairnError as error:
                self._note(address, error)
        return None

    async def _is_ours(self, address: str, log: LogId) -> bool:
        async for package in self._peers.client(address).entries(log, 0, 1):
            for data in package.entries:
                entry = parse_entry(data)
                charter = entry.statement
                if LogId(entry.leaf_hash) == log and isinstance(charter, Charter):
                    named = (charter.log_key, *(item.key for item in charter.keys))
                    return any(self._keystore.find(key.id) is not None for key in named)
        return False

    def _awake(self) -> list[str]:
        """Those named first, then everybody the networks tell of, without those that did not answer."""
        found = dict.fromkeys((*self._named, *self._directory.addresses()))
        return [address for address in found if address not in self._fetched.silent]

    def _note(self, address: str, error: CairnError) -> None:
        if isinstance(error, UnreachableError):
            self._fetched.silent[address] = str(error)


def is_own(store: LedgerStore, keystore: Keystore, log: LogId) -> bool:
    """Whether the keys are those that write a log held."""
    held = store.log(log)
    return held is not None and any(keystore.find(key.id) is not None for _, key in held.state.log_keys)


def describe_log(log: LogId | None) -> str:
    """A log id as text; empty for none."""
    return "" if log is None else encode_log_id(log)
