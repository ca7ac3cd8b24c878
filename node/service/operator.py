"""The Operator service: what only the operator of this computer may ask. For the private Unix socket alone."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

from node import wire
from node.access import read_root
from node.backup.archive import REGISTRAR
from node.backup.stores import Piece, expected_bytes, stream_stores
from node.forkfiles import make_fork_files
from node.pb import operator_pb2 as pb
from node.pb import operator_pb2_grpc as rpc
from node.registrar.database import Database
from node.registrar.signed import list_signed
from node.store.ledgerstore import LedgerStore

PIECE_BYTES = 256 * 1024
NAMES_IN_MESSAGE = 4096


def add_operator(server: Any, database: Database, store: LedgerStore) -> None:  # Any: grpc stays behind its seams
    """Put the service on a server, which must listen on nothing but the private socket."""
    rpc.add_OperatorServicer_to_server(OperatorService(database, store), server)


class OperatorService(rpc.OperatorServicer):
    """Answers from the stores themselves, in threads."""

    def __init__(self, database: Database, store: LedgerStore) -> None:
        """Take both stores."""
        self._database = database
        self._store = store

    async def GetRoot(self, request: pb.GetRootRequest, context: Any) -> pb.GetRootResponse:
        """Give the root of a log at a size."""
        root = await asyncio.to_thread(read_root, self._store, wire.decode_log_id(request.log), request.size)
        return pb.GetRootResponse(root=root)

    # Any: what grpc passes as context has no public type.
    async def Backup(self, request: pb.BackupRequest, context: Any) -> AsyncIterator[pb.BackupResponse]:
        """Give both stores as they are now."""
        yield pb.BackupResponse(expected_bytes=await asyncio.to_thread(expected_bytes, self._database, self._store))
        pieces = stream_stores(self._database, self._store)
        # A caller that hangs up leaves a thread inside the generator, which must be out of it before it is closed.
        inside = threading.Lock()

        def step() -> Piece | None:
            with inside:
                return next(pieces, None)

        def close() -> None:
            with inside:
                pieces.close()

        try:
            while (piece := await asyncio.to_thread(step)) is not None:
                is_registrar = piece.folder == REGISTRAR
                yield pb.BackupResponse(registrar=piece.data) if is_registrar else pb.BackupResponse(ledger=piece.data)
        finally:
            await asyncio.shield(asyncio.to_thread(close))

    async def ExportEvidence(
        self, request: pb.ExportEvidenceRequest, context: Any
    ) -> AsyncIterator[pb.ExportEvidenceResponse]:
        """Give a fork file for each log that evidence is kept about."""
        for log_id, data in await asyncio.to_thread(lambda: list(make_fork_files(self._store))):
            for start in range(0, len(data), PIECE_BYTES):
                yield pb.ExportEvidenceResponse(log=log_id, piece=data[start : start + PIECE_BYTES])

    async def ListStatements(
        self, request: pb.ListStatementsRequest, context: Any
    ) -> AsyncIterator[pb.ListStatementsResponse]:
        """Give every statement this institution signed, by id and digest."""
        names = await self._database.look(lambda session: list(list_signed(session)))
        for start in range(0, len(names), NAMES_IN_MESSAGE):
            rows = names[start : start + NAMES_IN_MESSAGE]
            yield pb.ListStatementsResponse(
                statements=[pb.SignedStatementName(id=name.id, digest=name.digest) for name in rows]
            )
