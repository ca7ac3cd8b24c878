"""What a node serves: packages that end at signed sizes, bodies in pieces, proofs that verify, refusals in words."""

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from grpc import aio

from ledger.errors import MalformedError
from ledger.log import merkle
from ledger.log.body import describe_body, parse_body
from ledger.log.charter import Institution
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import LogId
from ledger.log.merkle import LeafHash
from ledger.log.records import DocumentName, DocumentType, Publish
from ledger.log.tiles import MAX_ENTRY_BYTES
from node import wire
from node.client import exchange
from node.client.exchange import Head
from node.client.failures import UnknownLogError, UnreachableError
from node.client.ledger import LedgerClient
from node.client.notes import name_note
from node.keystore import KeyRole
from node.pb import cairn_pb2 as pb
from node.pb import cairn_pb2_grpc as rpc
from node.serving import Serving, _read_package
from tests.end_to_end.hostile import HostilePeer, Served, serving
from tests.end_to_end.test_refusals import served, written
from tests.end_to_end.world import Campus, found, until

LARGE = 3 * 1024 * 1024 + 17


async def publish(campus: Campus, document: bytes, name: str) -> int:
    statement = Publish(
        at=0,
        id=os.urandom(16),
        log=campus.log_id,
        reference=describe_body("publish", (document,)),
        name=DocumentName(name, 1),
        type=DocumentType.ACHIEVEMENT,
        media_type="application/json",
    )
    return await campus.append(statement, campus.key(KeyRole.DEFINE), items=(document,))


@asynccontextmanager
async def school(folder: Path) -> AsyncIterator[tuple[Campus, LedgerClient]]:
    campus = found(folder, "school", Institution.SCHOOL)
    await campus.start()
    try:
        await until(lambda: campus.node.startup.may_sign)
        async with LedgerClient(campus.address, timeout_seconds=10) as client:
            yield campus, client
    finally:
        await campus.stop()


async def test_entries_come_in_packages_that_end_at_signed_sizes(tmp_path: Path) -> None:
    """Every package within the limits, without a gap, and with the note of the size it ends at."""
    async with school(tmp_path) as (campus, client):
        for _ in range(5):
            await campus.issue()
        packages = [package async for package in client.entries(campus.log_id, 0, 6)]
        assert [entry for package in packages for entry in package.entries] == list(campus.log.entries(0, 6))
        for package in packages:
            assert package.note is not None
            assert read_checkpoint(package.note).size == package.end
        (part,) = [package async for package in client.entries(campus.log_id, 2, 4)]
        assert (part.first, part.end, read_checkpoint(part.note or b"").size) == (2, 4, 4)


async def test_bodies_come_in_pieces_and_whole(tmp_path: Path) -> None:
    """Small bodies share messages, a large one is cut in 256 KiB; entries without body are left out."""
    async with school(tmp_path) as (campus, client):
        document = hashlib.shake_256(b"large").digest(LARGE)
        await campus.issue()
        await publish(campus, document, "https://school.example/large")
        await campus.issue()
        bodies = {index: body async for index, body in client.bodies(campus.log_id, 0, 4)}
        assert sorted(bodies) == [1, 2, 3]
        assert parse_body("publish", bodies[2]) == (document,)
        assert bodies[1] == campus.log.body(1)
        async with aio.insecure_channel(campus.address) as channel:
            stub = rpc.LedgerStub(channel)
            request = pb.StreamBodyRequest(log=campus.log_id, start=0, end=4)
            async for message in stub.StreamBody(request, timeout=10):
                assert sum(len(piece.data) for piece in message.pieces) <= exchange.MAX_PIECE_BYTES
                assert message.ByteSize() <= exchange.MAX_MESSAGE_BYTES


async def test_proofs_verify_against_the_head(tmp_path: Path) -> None:
    """Inclusion and consistency, for every entry and size."""
    async with school(tmp_path) as (campus, client):
        for _ in range(4):
            await campus.issue()
        (head,) = await client.heads([campus.log_id])
        root = read_checkpoint(head.note or b"").root
        for index in range(head.size):
            inclusion = await client.inclusion(campus.log_id, index, head.size)
            merkle.verify_inclusion(LeafHash(inclusion.leaf), index, head.size, inclusion.proof, root)
        for old in range(1, head.size + 1):
            old_root = merkle.root_at(old, campus.log.read_hashes)
            merkle.verify_consistency(
                old, old_root, head.size, root, await client.consistency(campus.log_id, old, head.size)
            )


async def test_notes_the_caller_has_are_left_out(tmp_path: Path) -> None:
    """By the whole note, or by its text alone where no cosignature is missed; any other name brings the note."""
    async with school(tmp_path) as (campus, client):
        await campus.issue()
        (head,) = await client.heads([campus.log_id])
        assert head.note is not None
        unnamed = await client.heads([campus.log_id], [b""])
        assert unnamed == (head,)
        for name in name_note(head.note):
            (known,) = await client.heads([campus.log_id], [name])
            assert known == replace(head, note=None, is_known=True)
        await campus.issue()
        for name in (*name_note(head.note), bytes(16)):
            (newer,) = await client.heads([campus.log_id], [name])
            assert (newer.size, newer.is_known) == (3, False)


async def test_the_token_stays_while_nothing_changes(tmp_path: Path) -> None:
    """Followers ask for it alone; growth changes it, asking does not."""
    async with school(tmp_path) as (campus, client):
        token = await client.token()
        await client.heads([campus.log_id])
        assert token and await client.token() == token
        await campus.issue()
        assert await client.token() != token


def test_the_token_is_older_than_what_it_covers() -> None:
    """What changes while notes are read must change the next token, or a follower would never ask for it."""
    order: list[str] = []

    class Store:
        def log(self, log_id: LogId) -> None:
            order.append("log")

    def token() -> bytes:
        order.append("token")
        return b"t"

    store: Any = Store()
    assert Serving(store, token).heads([LogId(bytes(32))], [b""]).token == b"t"
    assert order == ["token", "log"]


async def test_what_cannot_be_served_is_refused_in_words(tmp_path: Path) -> None:
    """Unknown logs, and ranges beyond what is held; a head of a log not held is an answer."""
    async with school(tmp_path) as (campus, client):
        stranger = LogId(bytes(32))
        assert await client.heads([stranger]) == (Head(log=stranger, size=0, note=None),)
        with pytest.raises(UnknownLogError, match="is not held here"):
            await client.inclusion(stranger, 0, 1)
        with pytest.raises(UnknownLogError):
            await anext(client.entries(stranger, 0, 1))
        with pytest.raises(MalformedError, match="size 9 asked for, 1 held"):
            await anext(client.entries(campus.log_id, 0, 9))
        with pytest.raises(MalformedError, match="size 9 asked for, 1 held"):
            await anext(client.bodies(campus.log_id, 0, 9))
        with pytest.raises(MalformedError, match="is empty"):
            await anext(client.entries(campus.log_id, 1, 1))
        with pytest.raises(MalformedError, match="not below size"):
            await client.inclusion(campus.log_id, 1, 1)
        with pytest.raises(MalformedError, match="in order"):
            await client.consistency(campus.log_id, 0, 1)
        assert await client.evidence(campus.log_id) == ()


async def test_a_silent_peer_is_unreachable_within_the_deadline(tmp_path: Path) -> None:
    """A server that accepts and says nothing costs one deadline."""

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with LedgerClient(f"127.0.0.1:{port}", timeout_seconds=0.3) as client, asyncio.timeout(20):
            with pytest.raises(UnreachableError, match=f"127.0.0.1:{port}"):
                await client.list_logs()
            with pytest.raises(UnreachableError, match=f"127.0.0.1:{port}"):
                await anext(client.entries(LogId(bytes(32)), 0, 1))


async def collect(client: LedgerClient, log: LogId, end: int) -> None:
    async for _ in client.entries(log, 0, end):
        pass


async def test_streams_with_gaps_or_too_much_are_refused() -> None:
    """Packages out of place, a stream that ends early, pieces out of order."""
    log, notes = written(6)
    offer: Served = served(log, notes)
    async with serving(HostilePeer(offer)) as peer, LedgerClient(peer.address, timeout_seconds=10) as client:
        with pytest.raises(UnreachableError, match="ended at 6, expected 9"):
            await collect(client, log.log_id, 9)
        bodies = peer.StreamBody

        async def reversed_bodies(
            request: pb.StreamBodyRequest, context: object
        ) -> AsyncIterator[pb.StreamBodyResponse]:
            for message in reversed([message async for message in bodies(request, context)]):
                yield message

        assert [index async for index, _ in client.bodies(log.log_id, 0, 6)] == [1, 2, 3, 4, 5]
    second = HostilePeer(offer)
    second.StreamBody = reversed_bodies  # type: ignore[method-assign]  # what a hostile peer would do
    async with serving(second), LedgerClient(second.address, timeout_seconds=10) as client:
        with pytest.raises(MalformedError, match="body piece: entry 4"):
            async for _ in client.bodies(log.log_id, 0, 6):
                pass


class Huge:
    """A held log of the largest entries there can be."""

    def entries(self, start: int, end: int) -> tuple[bytes, ...]:
        return tuple(bytes([index]) * MAX_ENTRY_BYTES for index in range(start, end))

    def note_at(self, size: int) -> bytes | None:
        return bytes(exchange.MAX_NOTE_BYTES)


def test_the_largest_entries_are_split_over_messages_that_fit() -> None:
    """A bundle's worth of them, in packages each of which is a message with the largest note."""
    start, seen = 0, []
    while start < 256:
        package = _read_package(Huge(), start, 256)  # type: ignore[arg-type]  # what is read of a log
        assert wire.encode_package(package).ByteSize() <= exchange.MAX_MESSAGE_BYTES
        assert package.entries
        seen += package.entries
        start = package.end
    assert seen == list(Huge().entries(0, 256))
