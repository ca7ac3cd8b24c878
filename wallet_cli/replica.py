"""The light replica: the ledger as flat files, written by one process, read by any number, on any system.

    DIR/lock                             held by the process that writes
    DIR/<log id>/head                    newest checkpoint note and the state at its size, in one file
    DIR/<log id>/tile/<L>/<N>[.p/<W>]    hashes, and `tile/entries/…`: the files of C2SP tlog-tiles
    DIR/<log id>/body/<index>            bodies that are held
    DIR/<log id>/evidence/<SHA-256>      fork evidence
    DIR/<log id>/incoming/               fetched, not judged yet; nothing reads it but `sync`

A log is what its `head` says it is: files beyond it are leftovers without meaning, and `head` is replaced whole, last.
Every file proves itself (`log_files`) but the state, which is a cache. It is believed where its MAC shows that this
account computed it; in a replica that somebody else made the log is folded anew (`refold`). Nothing here opens a
connection.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ledger.errors import MalformedError
from ledger.log import checkpoint, snapshot
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from ledger.log.state import LogState
from wallet_cli import files, terminal
from wallet_cli.log_files import DamagedError, LogFiles, naming, read_peaks

HEAD_CONTEXT = b"cairn/replica/v2\n"
MAX_HEAD_BYTES = 256 * 1024 * 1024
_MAC_CONTEXT = b"cairn/replica-mac/v1\n"
_DIGEST_BYTES = 32
_LENGTH_BYTES = 8

Keep = Callable[[Path, bytes, LogState], None]
"""Told the folder, the note and the state of a log that was folded anew, to write them down."""


class Replica:
    """A replica as it is when it is opened: each log is looked at once and then stays as it was."""

    def __init__(self, folder: Path, key: bytes | None = None, *, keep: Keep | None = None) -> None:
        """Open for reading.

        Args:
            folder: the replica.
            key: of the account that reads; states it did not make itself, all of them without a key, are not believed.
            keep: called with each log that was folded anew.

        Raises:
            MalformedError: there is no replica in this folder.
        """
        if not folder.is_dir():
            raise MalformedError(
                f"replica: {folder} does not exist", hint="run `cairn sync --trust FILE --node URL` first"
            )
        self.folder = folder
        self._key = key
        self._keep = keep
        self._logs: dict[LogId, ReplicaLog | None] = {}

    def log_ids(self) -> Sequence[LogId]:
        """Give the ids of all logs held, in the order of their text."""
        names = sorted(path.parent.name for path in self.folder.glob("*/head"))
        return tuple(parse_log_id(name) for name in names)

    def log(self, log_id: LogId) -> "ReplicaLog | None":
        """Give one log, `None` if it is not held.

        Raises:
            DamagedError: its head file is damaged.
            UncheckedError: its state is not this account's, and its entries do not lead to one.
        """
        if log_id not in self._logs:
            folder = self.folder / encode_log_id(log_id)
            self._logs[log_id] = self._open(folder) if (folder / "head").exists() else None
        return self._logs[log_id]

    def files(self, log_id: LogId) -> LogFiles | None:
        """Give the files of one log, proven up to its checkpoint, without any state; `None` if it is not held.

        Raises:
            DamagedError: its head file or its tiles are damaged.
        """
        folder = self.folder / encode_log_id(log_id)
        if not (folder / "head").exists():
            return None
        head = read_head(folder / "head")
        with naming(head.path):
            read = checkpoint.read_checkpoint(head.note)
        return LogFiles(folder, read.size, read_peaks(folder, read))

    def _open(self, folder: Path) -> "ReplicaLog":
        head = read_head(folder / "head")
        state = head.open_state(self._key)
        if state is None:
            # Imported for a replica that somebody else made: with its processes it costs a cold command 20 ms.
            from wallet_cli.refold import refold

            _tell(self.folder, "by another version of cairn" if head.is_by(self._key) else None)
            state = refold(folder, head.note)
            if self._keep is not None:
                self._keep(folder, head.note, state)
        return ReplicaLog(folder, head.note, state)


class ReplicaLog(LogFiles):
    """One log of a replica, at the size its head file had when it was opened."""

    def __init__(self, folder: Path, note: bytes, state: LogState) -> None:
        """Read a folder at the size of a state that is believed, with the note over it."""
        super().__init__(folder, state.size, state.frontier.hashes)
        self.note = note
        self.state = state


@dataclass(frozen=True, slots=True)
class Head:
    """A head file that is not damaged; nothing in it is believed yet.

    Attributes:
        path: of the file.
        note: the newest checkpoint note.
        snapshot: the state at its size, as `ledger.log.snapshot` writes it.
        content: everything the MAC is over.
        mac: 32 bytes.
    """

    path: Path
    note: bytes
    snapshot: bytes
    content: bytes
    mac: bytes

    def is_by(self, key: bytes | None) -> bool:
        """Tell whether the holder of `key` wrote this, of the log whose folder it is in."""
        return key is not None and hmac.compare_digest(self.mac, _mac(key, self.path.parent.name, self.content))

    def open_state(self, key: bytes | None) -> LogState | None:
        """Give the state if the holder of `key` wrote it; `None` if it has to be folded anew.

        Raises:
            DamagedError: note, state and folder do not belong together.
        """
        if not self.is_by(key):
            return None
        try:
            state = snapshot.parse_state(self.snapshot)
        except MalformedError:
            # Ours, but of another version of cairn.
            return None
        with naming(self.path):
            head = checkpoint.read_checkpoint(self.note)
        if (head.size, head.root) != (state.size, state.frontier.root()):
            raise DamagedError(self.path, "the checkpoint and the state are not of the same size and root")
        if encode_log_id(state.log_id) != self.path.parent.name:
            raise DamagedError(self.path, "it belongs to another log than its folder says")
        return state


def encode_head(note: bytes, state: LogState, key: bytes) -> bytes:
    """Give a head file: context, length of the note (8 bytes), note, state, MAC over log id and all that, SHA-256 of all."""
    content = HEAD_CONTEXT + len(note).to_bytes(_LENGTH_BYTES, "big") + note + snapshot.encode_state(state)
    data = content + _mac(key, encode_log_id(state.log_id), content)
    return data + hashlib.sha256(data).digest()


def read_head(path: Path) -> Head:
    """Read a head file.

    Raises:
        DamagedError: its bytes are not those that were written.
    """
    data = files.read_bounded(path, MAX_HEAD_BYTES)
    data, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if not data.startswith(HEAD_CONTEXT) or hashlib.sha256(data).digest() != digest:
        raise DamagedError(path, "its checksum does not fit")
    content, mac = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    start = len(HEAD_CONTEXT) + _LENGTH_BYTES
    end = start + int.from_bytes(content[len(HEAD_CONTEXT) : start], "big")
    return Head(path, content[start:end], content[end:], content, mac)


def _mac(key: bytes, log: str, content: bytes) -> bytes:
    # The content begins with a context and the note's length, so no two contents run together.
    mac = hmac.new(key, _MAC_CONTEXT + log.encode("ascii", "replace") + b"\n", "sha256")
    mac.update(content)
    return mac.digest()


@cache
def _tell(folder: Path, maker: str | None) -> None:
    what = "was not made by this account" if maker is None else f"was made {maker}"
    terminal.note(f"cairn: {terminal.escape(str(folder))}: this replica {what}: checking it whole")
