"""Reading from a command what an institution signed: from the running node, or from its directory if none runs."""

from ledger.log.identity import encode_log_id
from node.home import Home
from node.onlyone import hold_directory
from node.registrar.signed import SignedName, list_signed


async def read_signed(home: Home) -> list[SignedName]:
    """Every statement that the registrar's database of a node knows, oldest first.

    Raises:
        CairnError: the node does not answer, or its database cannot be opened.
    """
    if home.is_running():
        from node.client.operator import list_statements

        return [SignedName(*pair) for pair in await list_statements(str(home.socket_path()))]
    # Here, since both stores are loaded only where no node runs.
    from node.ledgerside import find_own_log
    from node.registrar.database import find_place, open_database
    from node.store.ledgerstore import LedgerStore

    with hold_directory(home.directory, "a command that reads it"):
        store = LedgerStore.open(home.ledger)
        try:
            log = encode_log_id(find_own_log(store, home.keystore()).state.log_id)
        finally:
            store.close()
        place = find_place(home.directory, home.config.registrar_database)
        database = open_database(place, log, keep_in=home.directory)
        try:
            with database.read() as session:
                return list(list_signed(session))
        finally:
            database.close()
