"""What an institution knows to be its own, to tell from it what was written in its name by somebody else.

Sources, by what `--own` names: a list of statements in a file, a replica folder that was filled from the institution's own
node alone, or the HTTP address of that node; `--own-command` runs a command that prints such a list, which is how the
institution's database itself is asked. A list holds a statement id a line (base64url, 16 bytes) and, where it is known, the
SHA-256 of the statement's bytes. Nobody but the governors knows what they signed, so a list may leave that out.
"""

import asyncio
import hashlib
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from ledger import base64url
from ledger.errors import CairnError, MalformedError
from ledger.log.entry import Entry
from ledger.log.identity import LogId, encode_log_id
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from ledger.log.statement import STATEMENT_ID_LENGTH
from wallet_cli import files
from wallet_cli.replica import Replica

MAX_IDS_BYTES = 64 << 20

COMMAND_SECONDS = 120
GOVERNANCE = ("charter", "key", "member")
"""Kinds that root keys sign, elsewhere than on the node."""

IsOwn = Callable[[Entry], bool | None]
"""Tells whether the institution itself wrote an entry of its log; `None` where the source does not speak of its kind."""


def find_log(network: Network, named: str) -> LogId:
    """Find the log that somebody names by its id, the beginning of it (8 characters or more), its origin or its name.

    Raises:
        MalformedError: no log of the network, or more than one, is meant.
    """
    found = [
        log_id
        for log_id in network.ledger.log_ids()
        if (view := network.ledger.log(log_id)) is not None
        and (
            named in (view.state.name, view.state.charter.origin)
            or (len(named) >= 8 and encode_log_id(log_id).startswith(named))
        )
    ]
    if len(found) != 1:
        what = "no log" if not found else f"{len(found)} logs"
        raise MalformedError(f"own log: {what} of this network is called {named}", hint="give its log id")
    return found[0]


def open_own(source: str, log_id: LogId, entries: Sequence[Entry], trust: TrustRoot) -> IsOwn:
    """Give what tells own entries from others.

    Args:
        source: file, folder or address.
        log_id: the institution's log.
        entries: those that will be asked about; an own node is asked for these.
        trust: names the network.

    Raises:
        CairnError: the source cannot be read, or the node does not answer.
    """
    if source.startswith(("http://", "https://")):
        first, last = min((entry.index for entry in entries), default=0), max((e.index for e in entries), default=-1)
        own = asyncio.run(_fetch_entries(source, log_id, first, last + 1, trust))
        return lambda entry: own.get(entry.index) == entry.raw
    path = Path(source)
    if path.is_dir():
        held = Replica(path).files(log_id)
        if held is None:
            raise MalformedError(f"{path}: holds no copy of your log", hint="fill it with `cairn sync` from your node")
        return lambda entry: entry.index < held.size and held.entry(entry.index) == entry.raw
    return read_list(files.read_bounded(path, MAX_IDS_BYTES), str(path))


def ask_command(command: str) -> IsOwn:
    """Give what tells own entries from others by a list that a command prints, asked now.

    Raises:
        CairnError: it cannot be run, fails, takes too long, or prints something else.
    """
    try:
        done = subprocess.run(
            shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=COMMAND_SECONDS, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise CairnError(f"own statements: the command could not be asked: {error}") from error
    return read_list(done.stdout, "own statements")


def read_list(data: bytes, where: str) -> IsOwn:
    """Give what tells own entries from others by a list of statements.

    Raises:
        MalformedError: it is none; `where` names it.
    """
    try:
        rows = [line.split() for line in data.decode("ascii").splitlines()]
        known = {base64url.decode(row[0], STATEMENT_ID_LENGTH): _digest(row) for row in rows if row}
    except (UnicodeDecodeError, MalformedError) as error:
        raise MalformedError(
            f"{where}: not a list of statements, each an id of 22 characters of base64url and perhaps a SHA-256 of 43"
        ) from error

    def is_own(entry: Entry) -> bool | None:
        digest = known.get(entry.statement.id)
        if digest is None:
            return None if entry.statement.kind in GOVERNANCE else False
        # An id alone would not do: a thief may have used one that waits in the outbox.
        return digest in (b"", hashlib.sha256(entry.statement_bytes).digest())

    return is_own


def _digest(row: list[str]) -> bytes:
    if len(row) > 2:
        raise MalformedError("more than an id and a digest stand in a line")
    return base64url.decode(row[1], 32) if len(row) == 2 else b""


async def _fetch_entries(url: str, log_id: LogId, start: int, end: int, trust: TrustRoot) -> dict[int, bytes]:
    from ledger.log.checkpoint import read_checkpoint
    from ledger.log.tiles import TILE_WIDTH, tile_width
    from node.client.http import LedgerHTTP

    found: dict[int, bytes] = {}
    async with LedgerHTTP(url, trust=trust) as http:
        size = min(end, read_checkpoint(await http.checkpoint(log_id)).size) if end > start else 0
        for index in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
            bundle = await http.entry_bundle(log_id, index, tile_width(0, index, size))
            found.update(enumerate(bundle, index * TILE_WIDTH))
    return found
