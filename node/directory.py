"""Which logs this node follows, where each can be pulled from, and who witnesses it.

All of it is computed from the networks' logs as held at the moment of asking, so nothing is configured twice: a member
admitted, or moved to another address, is followed as soon as the network's log says so. Addresses are hints. Nothing is
believed because of where it was fetched.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ledger.log.checkpoint import witness_verifier_key
from ledger.log.identity import LogId
from ledger.log.keys import PublicKey
from ledger.log.members import QuorumAnswer, Witness, WitnessSet, judge_quorum, quorum_of
from ledger.log.note import VerifierKey
from ledger.log.policy import TrustRoot
from ledger.log.state import LogState
from node.client.exchange import is_host_port
from node.client.pin import ANYBODY, Expectation
from node.store.ledgerstore import LedgerStore

MAX_TOLD_LOGS = 1000
"""Logs outside every network that are followed because one peer holds them."""

HEADS_LOOKED_AT = 32
"""How many signed sizes back a head is looked for; witnesses that missed more are a finding of its own."""


def cosigner_name(origin: str) -> str:
    """The name under which an institution's node cosigns, unless its member entry says another."""
    return f"{origin}/witness"


@dataclass(frozen=True, slots=True)
class NamedWitness:
    """A witness and where it can be asked: its gRPC `address`, and the `url` of its node; empty when nobody told."""

    log: LogId
    key: VerifierKey
    address: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """How many of the witnesses in force there are, have to be heard, and were heard."""

    witnesses: int
    needed: int
    present: int


class Directory:
    """Reads the networks' logs of one store.

    Args:
        store: the ledger store.
        own: this node's own log, which is never followed.
        trusts: trust roots of the networks it belongs to or follows.
        config_peers: addresses the operator names, followed beside the members.
        own_addresses: under which this node is reached, so that it does not follow itself.
    """

    def __init__(
        self,
        store: LedgerStore,
        own: LogId,
        trusts: Sequence[TrustRoot],
        *,
        config_peers: Sequence[str] = (),
        own_addresses: Iterable[str] = (),
    ) -> None:
        self._store = store
        self.own = own
        self.trusts = tuple(trusts)
        self.config_peers = tuple(config_peers)
        self.own_addresses = frozenset(own_addresses)
        # By the peer that told: dictionaries for their order, so that what is over the bound is the newest.
        self._told: dict[str, dict[LogId, None]] = {}
        # By log: its newest note and the witnesses when it was judged, and the head found then.
        self._heads: dict[LogId, tuple[bytes, tuple[WitnessSet, ...], bytes]] = {}

    def networks(self) -> tuple[LogId, ...]:
        """The networks: this node's own log if it is one, and those of the trust roots."""
        own = (self.own,) if self._is_network(self.own) else ()
        return tuple(dict.fromkeys([*own, *(trust.network for trust in self.trusts)]))

    def followed(self) -> frozenset[LogId]:
        """Every log to hold: networks, their members (also suspended or removed ones), and what peers told of."""
        return frozenset(self._named().union(*self._told.values()) - {self.own})

    def _named(self) -> set[LogId]:
        """The networks and all that their logs name."""
        logs = {*self.networks()}
        for state in self._network_states():
            logs.update(state.members.records)
            for log in tuple(state.members.records):
                succession = state.members.succession_of(log)
                if succession is not None and succession.change.successor is not None:
                    logs.add(succession.change.successor)
        return logs

    def follow_order(self) -> tuple[LogId, ...]:
        """The same, networks first: their logs say what else to follow and whose cosignatures to keep."""
        networks = [log for log in self.networks() if log != self.own]
        return (*networks, *sorted(self.followed() - set(networks)))

    def hear(self, peer: str, logs: Iterable[LogId]) -> bool:
        """Follow these too: a peer that the operator named holds them. Tells whether that changed anything.

        Of what no network names, the first `MAX_TOLD_LOGS` of each peer count until the next start: a log is made in a
        moment, and whoever lists others every time must not fill this node with them.
        """
        named = self._named()
        before = self._told.get(peer, {})
        told = self._told[peer] = {log: None for log in before if log not in named}
        for log in logs:
            if len(told) >= MAX_TOLD_LOGS:
                break
            if log not in named:
                told[log] = None
        return told.keys() != before.keys()

    def addresses(self) -> tuple[str, ...]:
        """Every node to talk to, each once, never this one."""
        found = [*self.config_peers]
        for trust in self.trusts:
            found += trust.grpc
        for state in self._network_states():
            found.append(state.grpc)
            for log in state.members.records:
                found += self._member_addresses(state, log)
        return tuple(dict.fromkeys(address for address in found if self.may_dial(address)))

    def sources(self, log: LogId) -> tuple[str, ...]:
        """Where to pull one log from: its writer first, then everybody else."""
        first: list[str] = []
        for trust in self.trusts:
            if trust.network == log:
                first += trust.grpc
        for state in self._network_states():
            first += self._member_addresses(state, log)
        held = self._store.log(log)
        if held is not None:
            first.append(held.state.grpc)
        dialled = [address for address in first if self.may_dial(address)]
        return tuple(dict.fromkeys([*dialled, *self.addresses()]))

    def witnesses(self, log: LogId) -> tuple[NamedWitness, ...]:
        """Every witness any network names that may cosign a log: all but its own operator's, in force or not yet."""
        found: dict[VerifierKey, NamedWitness] = {}
        for state in self._network_states():
            for witness in state.members.named_below(state.size):
                if witness.log != log:
                    found[witness.key] = self._locate(state, witness)
            # A witness that was removed is in force until an anchor says otherwise.
            for witness in state.members.witness_sets[-1].for_log(log):
                found.setdefault(witness.key, self._locate(state, witness))
        return tuple(found.values())

    def _locate(self, network: LogState, witness: Witness) -> NamedWitness:
        standing = network.members.standing_of(witness.log)
        address = next((address for address in self._member_addresses(network, witness.log) if address), "")
        return NamedWitness(witness.log, witness.key, address, "" if standing is None else standing.url)

    def witness_keys(self, log: LogId) -> tuple[VerifierKey, ...]:
        """Keys of those witnesses, and of the ones pinned by trust roots: what notes are trimmed to."""
        pinned = [witness.key for trust in self.trusts for witness in trust.witnesses if witness.log != log]
        return tuple(dict.fromkeys([*(witness.key for witness in self.witnesses(log)), *pinned]))

    def witnesses_in_force(self, log: LogId) -> tuple[Witness, ...]:
        """The witnesses that count for a log at the freshest network head held, of every network that decides on it."""
        return tuple(dict.fromkeys(witness for item in self._witness_sets(log) for witness in item.for_log(log)))

    def count_answers(self, log: LogId, answered: Collection[LogId]) -> Answers:
        """How many of a log's witnesses in force were heard, and how many must be: where, of several networks, most lack.

        With w-k+1 of w heard, of whom k make a quorum, no head with a quorum is missed.
        """
        groups = [item.for_log(log) for item in self._witness_sets(log)]
        counted = [
            Answers(
                witnesses=len(group),
                needed=len(group) - quorum_of(len(group)) + 1,
                present=sum(witness.log in answered for witness in group),
            )
            for group in groups
            if group
        ]
        return max(counted, key=lambda answers: answers.needed - answers.present, default=Answers(0, 0, 0))

    def quorum(self, log: LogId, note: bytes) -> QuorumAnswer:
        """What the cosignatures of a note amount to under the witnesses in force: where, of several networks, most lack."""
        return _judge_all(note, log, self._witness_sets(log))

    def newest_head(self, log: LogId) -> bytes | None:
        """The newest note of a log that carries a quorum; its newest note where none does; None where it is not held.

        A checkpoint without its quorum is the writer's word alone: it is replicated, but neither shown to verifiers nor
        anchored while an older head will do.
        """
        held = self._store.log(log)
        if held is None:
            return None
        newest, sets = held.note, self._witness_sets(log)
        known = self._heads.get(log)
        if known is None or known[:2] != (newest, sets):
            notes = held.newest_notes(HEADS_LOOKED_AT) if any(item.for_log(log) for item in sets) else ()
            head = next((note for note in notes if _judge_all(note, log, sets).has_quorum), newest)
            known = self._heads[log] = (newest, sets, head)
        return known[2]

    def logs_of_origin(self, origin: str) -> tuple[LogId, ...]:
        """The followed logs that a checkpoint with this origin could be of."""
        found = []
        for log in self.followed():
            held = self._store.log(log)
            if held is not None:
                if held.state.charter.origin == origin:
                    found.append(log)
            elif origin in self._told_origins(log):
                found.append(log)
        return tuple(found)

    def log_key(self, log: LogId, size: int) -> tuple[PublicKey | None, bool]:
        """The key that should sign a log's checkpoint of `size`, and whether nothing later can change that.

        Of a log held only in part, or not at all, it is the newest key known; None when nobody told one.
        """
        held = self._store.log(log)
        if held is not None:
            return held.state.log_key_at(min(size, held.size)) if size else held.state.log_key, size <= held.size
        for trust in self.trusts:
            if trust.network == log:
                return trust.log_key, False
        for state in self._network_states():
            standing = state.members.standing_of(log)
            if standing is not None:
                return standing.log_key, False
        return None, False

    def expected_at(self, address: str) -> Expectation:
        """Whose node should answer at an address, by keys of which one must vouch for its certificate.

        1. Where networks or members' own charters name the address, those institutions alone.
        2. Where only a trust root does, which is so at first contact and after somebody moved, the network, its
           members, and the witnesses the trust root pins.
        3. Otherwise anybody: an address that the operator wrote into `peers`, or a caller told.
        """
        found: set[tuple[LogId, PublicKey]] = set()
        for state in self._network_states():
            for log in (state.log_id, *state.members.records):
                if address in self._member_addresses(state, log):
                    found |= self._keys_of(log)
        if found:
            return Expectation(frozenset(found), is_named=True)  # 1
        for trust in self.trusts:
            if address not in trust.grpc:
                continue
            known = {trust.network: self._keys_of(trust.network)}
            known.update({witness.log: self._keys_of(witness.log) for witness in trust.witnesses})
            held = self._store.log(trust.network)
            known.update({log: self._keys_of(log) for log in (() if held is None else held.state.members.records)})
            found = found.union(*known.values())
        return Expectation(frozenset(found), is_named=True) if found else ANYBODY  # 2, 3

    def expected_of(self, log: LogId) -> Expectation:
        """Whose node should answer where a network names an institution's URL."""
        return Expectation(frozenset(self._keys_of(log)), is_named=True)

    def _keys_of(self, log: LogId) -> set[tuple[LogId, PublicKey]]:
        """A log's key in force as far as it is held, and its member's witness key; else what trust roots pin."""
        held = self._store.log(log)
        standings = [standing for state in self._network_states() if (standing := state.members.standing_of(log))]
        keys = [standing.witness.key for standing in standings if standing.witness is not None]
        if held is not None:
            # The newest entry that is held decides, so that a stolen key ends with its rotation.
            keys.append(held.state.log_key)
        else:
            keys += [standing.log_key for standing in standings]
            keys += [trust.log_key for trust in self.trusts if trust.network == log]
        if not standings:
            keys += [witness.key.key for trust in self.trusts for witness in trust.witnesses if witness.log == log]
        return {(log, key) for key in keys}

    def own_witness_key(self, keys: Sequence[PublicKey]) -> VerifierKey:
        """The witness key a network names for this node; else the newest, under the usual name."""
        for state in self._network_states():
            standing = state.members.standing_of(self.own)
            if standing is not None and standing.witness is not None and standing.witness.key in keys:
                return standing.witness
        held = self._store.log(self.own)
        assert held is not None, "a node holds its own log"
        return witness_verifier_key(cosigner_name(held.state.charter.origin), keys[-1])

    def named_witness_keys(self) -> tuple[VerifierKey, ...]:
        """Every key under which this node's cosignatures count or will: the one its networks name, newest first, and
        the one still in force, until the network anchors the change."""
        found: dict[VerifierKey, None] = {}
        for state in self._network_states():
            standing = state.members.standing_of(self.own)
            if standing is not None and standing.witness is not None:
                found[standing.witness] = None
        for state in self._network_states():
            found.update({item.key: None for item in state.members.witness_sets[-1].witnesses if item.log == self.own})
        return tuple(found)

    def own_witness_keys(self, keys: Sequence[PublicKey]) -> tuple[VerifierKey, ...]:
        """Those of them that this node has, the one its networks name first; at least one."""
        named = [key for key in self.named_witness_keys() if key.key in keys]
        return tuple(dict.fromkeys([self.own_witness_key(keys), *named]))

    def _told_origins(self, log: LogId) -> Iterator[str]:
        """Origins that networks tell of a log not yet held."""
        for trust in self.trusts:
            if trust.network == log:
                yield trust.origin
        for state in self._network_states():
            standing = state.members.standing_of(log)
            if standing is not None:
                yield standing.origin

    def may_dial(self, address: str) -> bool:
        """Whether an address told by somebody is another node's "host:port", and nothing else that gRPC would dial."""
        return is_host_port(address) and address not in self.own_addresses

    def _witness_sets(self, log: LogId) -> tuple[WitnessSet, ...]:
        """The witnesses in force in each network that decides on a log; of a log nobody names, in the first network."""
        states = list(self._network_states())
        deciding = [state for state in states if state.log_id == log or log in state.members.records]
        return tuple(state.members.witness_sets[-1] for state in deciding or states[:1]) or (WitnessSet(-1, ()),)

    def _network_states(self) -> Iterator[LogState]:
        for log in self.networks():
            held = self._store.log(log)
            if held is not None:
                yield held.state

    def _is_network(self, log: LogId) -> bool:
        held = self._store.log(log)
        return held is not None and held.state.is_network

    def _member_addresses(self, network: LogState, log: LogId) -> Iterator[str]:
        """Where a member says it is: in the network's log, and in its own charter, which may be newer."""
        if log == network.log_id:
            yield network.grpc
        standing = network.members.standing_of(log)
        if standing is not None:
            yield standing.grpc
        held = self._store.log(log)
        if held is not None and held.state.grpc:
            yield held.state.grpc


def _judge_all(note: bytes, log: LogId, sets: Sequence[WitnessSet]) -> QuorumAnswer:
    # Each network believes its own witnesses alone, so a head that one of them lacks a quorum for is not done.
    # One without witnesses waits for nobody.
    answers = [judge_quorum(note, log, item) for item in sets]
    return max(
        [answer for answer in answers if answer.witnesses] or answers,
        key=lambda answer: answer.required - answer.present,
    )
