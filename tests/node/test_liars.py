"""Peers and witnesses that lie about sizes, addresses and forks: their word alone stops nothing and moves nothing."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from ledger.log.charter import Institution
from ledger.log.checkpoint import Checkpoint, add_signatures, cosign, sign_checkpoint, witness_verifier_key
from ledger.log.evidence import ForkEvidence, encode_fork
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.note import NoteSignature, VerifierKey
from node import forks
from node.client.exchange import CosignRequest, Head, OfferedHead, is_host_port
from node.clock import system_clock
from node.cosigning import Cosigning
from node.directory import NamedWitness
from node.errors import BusyError, ConflictError
from node.forks import Forks
from node.keystore import KeyRole
from tests.end_to_end.hostile import HostilePeer, Served, serving
from tests.end_to_end.world import found, until
from tests.node.test_witness import HELD, SIZE, standing
from tests.simulator import SimulatedLog


async def test_a_peer_that_tells_a_size_it_cannot_show_does_not_keep_the_node_from_signing(tmp_path: Path) -> None:
    """An old note of ours beside a number: at the start it is not taken for a copy larger than our own."""
    async with serving(HostilePeer()) as peer:
        campus = found(tmp_path, "school", Institution.SCHOOL, peers=(peer.address,))
        await campus.start()
        await until(lambda: campus.node.startup.may_sign)
        await campus.issue()
        log_id, note = campus.log_id, campus.log.note
        await campus.stop()
        peer.logs = {log_id: Served(log_id, [], [], note, size=10**9)}
        await campus.start()
        try:
            await until(lambda: campus.node.startup.may_sign)
            assert "GetHeads" in peer.asked
        finally:
            await campus.stop()


class LyingWitness:
    """Says that it cosigned a size, and shows a note for it that may be smaller."""

    def __init__(self, log: LogId, note: bytes) -> None:
        self.head = Head(log=log, size=10**9, note=note)

    def client(self, address: str) -> "LyingWitness":
        return self

    async def add_checkpoint(self, request: object, *, timeout_seconds: float) -> bytes:
        raise ConflictError("witness: cosigned more", size=10**9)

    async def heads(self, logs: object) -> tuple[Head, ...]:
        return (self.head,)


@pytest.mark.parametrize("is_shown", [False, True])
async def test_a_witness_stops_a_writer_only_by_showing_what_it_signed(tmp_path: Path, is_shown: bool) -> None:
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        log = campus.log
        larger = Checkpoint(log.state.charter.origin, 10**9, RootHash(bytes(32)))
        note = sign_checkpoint(larger, campus.node.parts.keystore.newest(KeyRole.LOG)) if is_shown else log.note
        rewound: list[int] = []
        peers: Any = LyingWitness(log.state.log_id, note)
        cosigning = Cosigning(
            log,
            campus.node.directory,
            peers,
            campus.node.events,
            os.urandom,
            address="",
            may_ask=lambda: True,
            rewound=rewound.append,
            timeout_seconds=5,
        )
        key = witness_verifier_key("x.example/witness", SigningKey(bytes(32)).public)
        with pytest.raises(ConflictError):
            await cosigning._add_checkpoint(NamedWitness(LogId(bytes(32)), key, "x.example:1"), log.note)
        assert rewound == ([10**9] if is_shown else [])
    finally:
        await campus.stop()


class HastyWitness:
    """Cosigns whatever it is asked to, by a clock that is ahead."""

    def __init__(self, ahead_seconds: int) -> None:
        self.key, self.ahead = SigningKey(b"\x07" * 32), ahead_seconds
        self.named = NamedWitness(LogId(bytes(32)), witness_verifier_key(HASTY, self.key.public), "x.example:1")

    def client(self, address: str) -> "HastyWitness":
        return self

    def sign(self, note: bytes) -> NoteSignature:
        return cosign(note, HASTY, self.key, system_clock() // 1000 + self.ahead)

    async def add_checkpoint(self, request: CosignRequest, *, timeout_seconds: float) -> bytes:
        return self.sign(request.note).encode().encode()


HASTY = "x.example/witness"


@pytest.mark.parametrize("ahead", [0, 7200])
async def test_a_cosignature_of_the_future_is_not_kept(
    tmp_path: Path, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither from the witness itself nor by way of others: beside just a quorum it would be the time of the head."""
    campus = found(tmp_path, "school", Institution.SCHOOL)
    await campus.start()
    try:
        log, node, witness = campus.log, campus.node, HastyWitness(ahead)
        monkeypatch.setattr(node.directory, "witness_keys", lambda log: (witness.named.key,))
        before = log.note
        cosigning = Cosigning(
            log,
            node.directory,
            witness,  # type: ignore[arg-type]  # as much of the peers as is used
            node.events,
            os.urandom,
            address="",
            may_ask=lambda: True,
            rewound=lambda size: None,
            timeout_seconds=5,
            timekeeping=node.timekeeping,
        )
        await node.gossip.judge_head(
            OfferedHead(log.state.log_id, add_signatures(before, [witness.sign(before)])), "x.example:1"
        )
        assert (log.note == before) == bool(ahead)
        await cosigning._ask(witness.named, before)
        assert (log.note == before) == bool(ahead)
        assert ("which is ahead of this clock" in cosigning.problems[witness.named]) == bool(ahead)
        assert bool(node.timekeeping.findings()) == bool(ahead)
    finally:
        await campus.stop()


async def test_an_address_beside_a_note_nobody_signed_is_not_dialled(tmp_path: Path) -> None:
    """Else anybody could make a witness call any host and port inside its own network."""
    async with serving(HostilePeer()) as trap, standing(tmp_path) as stand:
        text = Checkpoint("granite.example/log", SIZE, RootHash(bytes(32)))
        stranger = sign_checkpoint(text, SigningKey(bytes(32)))
        with pytest.raises(BusyError):
            await stand.ask(stand.request(0, SIZE, note=stranger, address=trap.address))
        assert trap.asked == []
        with pytest.raises(BusyError):
            await stand.ask(stand.request(0, SIZE, address=trap.address))
        assert "GetHeads" in trap.asked


@pytest.mark.parametrize("address", ["node.example:8471", "127.0.0.1:1", "[::1]:8471", "node_a:8471"])
def test_addresses_of_nodes(address: str) -> None:
    assert is_host_port(address)


@pytest.mark.parametrize(
    "address",
    ["", "unix:8471", "UNIX:1", "unix:/run/x.sock", "unix:///run/x", "dns:///a:1", "ipv4:1.2.3.4:5", "a:b", "a"],
)
def test_what_else_grpc_would_dial_is_no_address(address: str) -> None:
    assert not is_host_port(address)


async def test_notes_of_the_writer_alone_do_not_crowd_out_a_fork_that_witnesses_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the log key makes contradictions without end; the one with cosignatures is kept all the same."""
    monkeypatch.setattr(forks, "MAX_KEPT", 2)
    witness = SimulatedLog("lantern")
    key = witness_verifier_key(witness.witness_name, witness.witness_signer.public)

    class Named:
        def witness_keys(self, log: LogId) -> tuple[VerifierKey, ...]:
            return (key,)

    async with standing(tmp_path) as stand:
        told: list[LogId] = []
        node = stand.campus.node
        shelf = Forks(node.ledger, node.peers, Named(), told.append)

        def contradiction(n: int, *, cosigned: bool) -> bytes:
            other = Checkpoint("granite.example/log", HELD, RootHash(bytes([n]) * 32))
            notes = [stand.notes[HELD], sign_checkpoint(other, stand.log.log_signer)]
            if cosigned:
                lines = [cosign(note, key.name, witness.witness_signer, 1) for note in notes]
                notes = [add_signatures(note, [line]) for note, line in zip(notes, lines, strict=True)]
            return encode_fork(ForkEvidence(notes[0], notes[1]))

        for n in range(1, 6):
            await shelf.receive(stand.log.log_id, contradiction(n, cosigned=False), "")
        assert await shelf.count(stand.log.log_id) == 2
        await shelf.receive(stand.log.log_id, contradiction(9, cosigned=True), "")
        assert await shelf.count(stand.log.log_id) == 3


async def test_strangers_send_the_node_round_its_peers_once_a_second_at_most(tmp_path: Path) -> None:
    async with standing(tmp_path) as stand:
        await asyncio.sleep(0)
        before = stand.peer.asked.count("GetHeads")
        for _ in range(50):
            stand.campus.node.followers.wake("stranger.example:1")
            await asyncio.sleep(0.01)
        assert stand.peer.asked.count("GetHeads") - before <= 2
