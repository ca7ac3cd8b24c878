"""What an operator's command asks the running node beside it, over the private Unix socket."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from grpc import aio

from ledger.errors import CairnError
from ledger.log.identity import LogId
from ledger.log.merkle import RootHash
from node import wire
from node.client.failures import UnreachableError
from node.pb import operator_pb2 as pb
from node.pb import operator_pb2_grpc as rpc

BACKUP_SECONDS = 900.0
ROOT_SECONDS = 30.0
EVIDENCE_SECONDS = 60.0
_OPTIONS: Sequence[tuple[str, int]] = (("grpc.use_local_subchannel_pool", 1),)


async def stream_backup(
    socket_path: str, *, timeout_seconds: float = BACKUP_SECONDS
) -> AsyncIterator[tuple[str, bytes]]:
    """Both stores of a running node as they are now, piece by piece.

    Gives pairs of a name and bytes: first `expected` with a number in decimal, then pieces of `registrar`, then of `ledger`.

    Raises:
        CairnError: the node does not answer, or could not read its stores.
    """
    async with aio.insecure_channel(f"unix:{socket_path}", options=_OPTIONS) as channel:
        try:
            async for message in rpc.OperatorStub(channel).Backup(pb.BackupRequest(), timeout=timeout_seconds):
                if message.expected_bytes:
                    yield "expected", str(message.expected_bytes).encode()
                if message.registrar:
                    yield "registrar", message.registrar
                if message.ledger:
                    yield "ledger", message.ledger
        except aio.AioRpcError as error:
            raise decode_refusal(error, socket_path) from error


async def ask_root(socket_path: str, log: LogId, size: int, *, timeout_seconds: float = ROOT_SECONDS) -> RootHash:
    """The root of the first `size` entries of a log that a running node holds.

    Raises:
        CairnError: it does not answer, or does not hold that much.
    """
    async with aio.insecure_channel(f"unix:{socket_path}", options=_OPTIONS) as channel:
        try:
            request = pb.GetRootRequest(log=log, size=size)
            answer = await rpc.OperatorStub(channel).GetRoot(request, timeout=timeout_seconds)
        except aio.AioRpcError as error:
            raise decode_refusal(error, socket_path) from error
    return RootHash(answer.root)


async def export_evidence(socket_path: str, *, timeout_seconds: float = EVIDENCE_SECONDS) -> list[tuple[LogId, bytes]]:
    """A fork file for each log that a running node keeps evidence about.

    Raises:
        CairnError: the node does not answer.
    """
    files: dict[LogId, bytearray] = {}
    async with aio.insecure_channel(f"unix:{socket_path}", options=_OPTIONS) as channel:
        try:
            request = pb.ExportEvidenceRequest()
            async for message in rpc.OperatorStub(channel).ExportEvidence(request, timeout=timeout_seconds):
                files.setdefault(LogId(message.log), bytearray()).extend(message.piece)
        except aio.AioRpcError as error:
            raise decode_refusal(error, socket_path) from error
    return [(log, bytes(data)) for log, data in files.items()]


async def list_statements(socket_path: str, *, timeout_seconds: float = EVIDENCE_SECONDS) -> list[tuple[bytes, bytes]]:
    """Id and digest of every statement that a running node signed, oldest first.

    Raises:
        CairnError: the node does not answer.
    """
    found: list[tuple[bytes, bytes]] = []
    async with aio.insecure_channel(f"unix:{socket_path}", options=_OPTIONS) as channel:
        try:
            request = pb.ListStatementsRequest()
            async for message in rpc.OperatorStub(channel).ListStatements(request, timeout=timeout_seconds):
                found += [(name.id, name.digest) for name in message.statements]
        except aio.AioRpcError as error:
            raise decode_refusal(error, socket_path) from error
    return found


def decode_refusal(error: aio.AioRpcError, where: str) -> CairnError:
    """The error that the node raised, or that it does not answer at `where`."""
    # Any: the typings describe metadata as a mapping; what comes is pairs.
    pairs: Any = error.trailing_metadata() or ()
    metadata = tuple((str(key), value) for key, value in pairs)
    decoded = wire.decode_error(error.code(), error.details() or "", metadata)
    if isinstance(decoded, UnreachableError):
        return UnreachableError(f"{where}: {decoded}", hint="is the node running? `cairn-node run DIR`")
    return decoded
