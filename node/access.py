"""Reading a node's logs from a command: by asking the running node, or from its directory if none runs.

LevelDB admits one process, so which of the two it is must be found out first. What is read is the node's own checked work:
the state of a log, its newest note, and its entry 0.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from ledger.errors import RuleError
from ledger.log.identity import LogId, encode_log_id
from node.account import check_account
from node.client.held import HeldLog, read_held
from node.home import Home
from node.onlyone import hold_directory


class LogAccess(Protocol):
    """Gives logs the node holds."""

    async def held_log(self, log_id: LogId | None = None) -> HeldLog:
        """A log; None means the node's own.

        Raises:
            CairnError: it is not held, or the node does not answer.
        """
        ...


class StoreAccess:
    """Reads from an open ledger store."""

    def __init__(self, home: Home) -> None:
        """Open the store of a node that does not run.

        Raises:
            BusyError: a node runs there after all.
            PolicyError: the directory belongs to another account.
        """
        check_account(home.directory)
        # Here, since both are loaded only where no node runs.
        from node.ledgerside import find_own_log
        from node.store.ledgerstore import LedgerStore

        self._store = LedgerStore.open(home.ledger)
        try:
            self._own = find_own_log(self._store, home.keystore()).state.log_id
        except BaseException:
            self._store.close()
            raise

    async def held_log(self, log_id: LogId | None = None) -> HeldLog:
        """A log; None means the node's own."""
        wanted = self._own if log_id is None else log_id
        log = self._store.log(wanted)
        if log is None:
            raise RuleError(
                f"log {encode_log_id(wanted)}: this node does not hold it",
                hint="start the node with cairn-node run, so that it can fetch it",
            )
        return read_held(log)

    def close(self) -> None:
        """Release the directory."""
        self._store.close()


@asynccontextmanager
async def open_access(home: Home) -> AsyncIterator[LogAccess]:
    """Reach the node's logs for as long as the context lasts."""
    if home.is_running():
        from node.client.registrar import RegistrarClient

        async with RegistrarClient(str(home.socket_path())) as client:
            yield client
    else:
        with hold_directory(home.directory, "a command that reads it"):
            store = StoreAccess(home)
            try:
                yield store
            finally:
                store.close()
