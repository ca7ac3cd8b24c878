"""Rotations of a log key that root keys show ahead of the log, as one replica keeps them (see `ledger.log.rotation`).

From the answer on this node never cosigns that log under its old key, whatever is restarted or restored from this disk: the
row is durable before the answer. It counts until the log itself says what became of its key.
"""

import asyncio
import logging

from ledger.log.identity import LogId, encode_log_id
from ledger.log.rotation import SignedRotation, is_pending, parse_rotation, verify_rotation
from node.client.failures import UnknownLogError
from node.pull import Puller
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore

_log = logging.getLogger(__name__)


class Rotations:
    """Takes and keeps them. Used from the event loop's thread alone.

    Args:
        store: the replicas.
        puller: whose lock is held while a log's cosigned size is compared and set.
    """

    def __init__(self, store: LedgerStore, puller: Puller) -> None:
        self._store = store
        self._puller = puller

    async def show(self, log_id: LogId, data: bytes) -> int:
        """Judge a rotation by the root keys of the log as held, and keep it; gives the largest size cosigned before.

        Raises:
            UnknownLogError: the log is not held here.
            MalformedError, SignatureError, RuleError: it is not what the root keys in force decided.
        """
        log = self._store.log(log_id)
        if log is None:
            raise UnknownLogError(f"log {encode_log_id(log_id)}: is not held here")
        rotation = parse_rotation(data)
        if log.state.log_key != rotation.statement.log_key:
            key = await asyncio.to_thread(verify_rotation, log.state, rotation)
            # With this lock held no cosignature is between its last check and the disk.
            async with self._puller.lock(log_id):
                await asyncio.to_thread(log.set_rotation, data)
            fields = {"log": encode_log_id(log_id), "log_key": encode_log_id(LogId(key.id)), "size": log.size}
            _log.warning("root keys took a log away from its log key", extra=fields)
        return await asyncio.to_thread(log.cosigned_size)


def pending_rotation(log: LogStore) -> SignedRotation | None:
    """The rotation shown of a log that the log itself does not say yet; None where there is none."""
    data = log.rotation()
    if data is None:
        return None
    rotation = parse_rotation(data)
    return rotation if is_pending(log.state, rotation) else None
