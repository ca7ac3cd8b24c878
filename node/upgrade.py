"""Bringing a node's directory to the layout of this version, apart from running it."""

from dataclasses import dataclass
from pathlib import Path

from ledger.errors import RuleError
from ledger.log.identity import encode_log_id
from node.home import Home
from node.ledgerside import find_own_log
from node.onlyone import hold_directory
from node.registrar.database import find_place, open_database
from node.store.ledgerstore import LedgerStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """What was done: the layouts, the purpose of each step, and the copy from before (None if nothing was to do)."""

    before: int
    layout: int
    steps: tuple[str, ...]
    kept: Path | None


def upgrade_directory(home: Home) -> Upgraded:
    """Migrate what an older version left.

    Raises:
        RuleError: the node runs; it migrated when it started.
        BusyError: another process uses the directory.
        MalformedError: a store is damaged, or of a newer layout.
    """
    if home.is_running():
        raise RuleError(
            "the node runs, and has migrated its stores when it started", hint="cairn-node status DIR tells how it is"
        )
    with hold_directory(home.directory):
        # A ledger store of another format is refused here, in words: format 1 is the only one there has been.
        store = LedgerStore.open(home.ledger)
        try:
            log = encode_log_id(find_own_log(store, home.keystore()).state.log_id)
        finally:
            store.close()
        database = open_database(
            find_place(home.directory, home.config.registrar_database), log, keep_in=home.directory
        )
        database.close()
    migrated = database.migrated
    return Upgraded(before=migrated.before, layout=migrated.layout, steps=migrated.purposes, kept=migrated.kept)
