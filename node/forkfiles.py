"""Fork files: the fork evidence a node keeps, one file for each log it is about, to hand to anybody."""

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.errors import RuleError
from ledger.log.evidence import VerifiedFork
from ledger.log.forkfile import AccusedLog, encode_fork_file, make_fork_file, parse_fork_file, verify_fork_file
from ledger.log.identity import LogId, encode_log_id, short_log_id
from ledger.log.view import LedgerView
from node.home import Home
from node.onlyone import hold_directory


@dataclass(frozen=True, slots=True)
class KeptFork:
    """Evidence about one log.

    Attributes:
        data: the bytes of the fork file.
        accused: whose log it is.
        forks: what each piece proves, those with most behind them first.
    """

    data: bytes
    accused: AccusedLog
    forks: tuple[VerifiedFork, ...]

    def is_called(self, name: str) -> bool:
        """Tell whether people mean this log by its id, the first 22 characters of it, its origin or its name."""
        accused = self.accused
        return name in (encode_log_id(accused.log), short_log_id(accused.log), accused.origin, accused.name)


def make_fork_files(ledger: LedgerView) -> Iterator[tuple[LogId, bytes]]:
    """Give a fork file for each held log that evidence is kept about."""
    for log_id in ledger.log_ids():
        log = ledger.log(log_id)
        pieces = () if log is None else log.evidence()
        if log is not None and pieces:
            yield log_id, encode_fork_file(make_fork_file(log, pieces))


async def gather_forks(home: Home) -> list[KeptFork]:
    """Give the evidence that a node keeps, whether it runs or not; all of it is verified here once more.

    Raises:
        CairnError: the node does not answer, or its store cannot be opened.
    """
    if home.is_running():
        from node.client.operator import export_evidence

        found = [data for _, data in await export_evidence(str(home.socket_path()))]
    else:
        # Here, since LevelDB is loaded only where no node runs.
        from node.store.ledgerstore import LedgerStore

        with hold_directory(home.directory, "a command that reads it"):
            store = LedgerStore.open(home.ledger)
            try:
                found = [data for _, data in make_fork_files(store)]
            finally:
                store.close()
    return [KeptFork(data, *verify_fork_file(parse_fork_file(data))) for data in found]


def choose_fork(kept: list[KeptFork], name: str | None) -> KeptFork:
    """Give the one that is meant.

    Args:
        kept: all there is.
        name: as `KeptFork.is_called` takes it; None where there is only one.

    Raises:
        RuleError: there is none, or more than one.
    """
    found = [fork for fork in kept if name is None or fork.is_called(name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted(fork.accused.name for fork in kept))
    if not kept:
        raise RuleError("evidence: none is kept; no fork of any log is known here")
    what = "about none of that name" if not found else "about several logs"
    raise RuleError(f"evidence: it is {what}", hint=f"say --log, one of: {names}")
