"""Reading a node's logs from a command: by asking the running node, or from its directory if none runs.

LevelDB admits one process, so which of the two it is must be found out first. What is read is the node's own checked work:
the state of a log, its newest note, and its entry 0.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from ledger.errors import RuleError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import RootHash
from ledger.log.network import root_of_view
from ledger.log.view import LedgerView
from node.account import check_account
from node.client.held import HeldLog, read_held
from node.home import Home
from node.onlyone import hold_directory

if TYPE_CHECKING:
    from node.client.registrar import RegistrarClient


class LogAccess(Protocol):
    """Gives logs the node holds."""

    async def held_log(self, log_id: LogId | None = None) -> HeldLog:
        """A log; None means the node's own.

        Raises:
            CairnError: it is not held, or the node does not answer.
        """
        ...


class TreeAccess(LogAccess, Protocol):
    """Also gives the root of a held log at an earlier size."""

    async def root_at(self, log_id: LogId, size: int) -> RootHash:
        """The root of a log's first entries.

        Raises:
            CairnError: it is not held that far, or the node does not answer.
        """
        ...


def read_root(store: LedgerView, log_id: LogId, size: int) -> RootHash:
    """The root of the first entries of a log in a store.

    Raises:
        RuleError: it is not held that far.
    """
    log = store.log(log_id)
    held = 0 if log is None else log.state.size
    if log is None or not 0 < size <= held:
        raise RuleError(
            f"log {encode_log_id(log_id)}: {held} entries are held, and a boundary at entry {size} is asked for",
            hint="a boundary lies between entry 1 and what this node holds: let it run and fetch the rest first",
        )
    return root_of_view(log, size)


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

    async def root_at(self, log_id: LogId, size: int) -> RootHash:
        """The root of a log's first entries."""
        return read_root(self._store, log_id, size)

    def close(self) -> None:
        """Release the directory."""
        self._store.close()


class RunningAccess:
    """Asks the node that runs in a directory."""

    def __init__(self, client: "RegistrarClient", socket_path: str) -> None:
        """Take a client of its private socket, and the socket."""
        self._client = client
        self._socket_path = socket_path

    async def held_log(self, log_id: LogId | None = None) -> HeldLog:
        """A log; None means the node's own."""
        return await self._client.held_log(log_id)

    async def root_at(self, log_id: LogId, size: int) -> RootHash:
        """The root of a log's first entries."""
        from node.client.operator import ask_root

        return await ask_root(self._socket_path, log_id, size)


@asynccontextmanager
async def open_access(home: Home) -> AsyncIterator[TreeAccess]:
    """Reach the node's logs for as long as the context lasts."""
    if home.is_running():
        from node.client.registrar import RegistrarClient

        socket_path = str(home.socket_path())
        async with RegistrarClient(socket_path) as client:
            yield RunningAccess(client, socket_path)
    else:
        with hold_directory(home.directory, "a command that reads it"):
            store = StoreAccess(home)
            try:
                yield store
            finally:
                store.close()
