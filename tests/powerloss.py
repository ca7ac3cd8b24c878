"""What a disk may hold after the power went, worked out from a record of the calls that wrote to it.

What was synced is there. Of the rest, nothing, everything, a prefix, the last write torn at a 512-byte sector (cut off
there, or with a hole before), or later writes without earlier ones. A name that was made, changed or taken away counts once
its folder is synced, and a new file's name also once the file is: so do the file systems servers have (ext4, xfs, btrfs).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

SECTOR = 512
RECORDED = (
    *("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "openat", "rename", "renameat", "renameat2"),
    *("unlink", "unlinkat", "sendto"),
)
OPTIONS = ("-y", "-xx", "-s", str(1 << 24), "-e", f"trace={','.join(RECORDED)}")
"""For strace: whole data, paths of descriptors, every byte as \\xHH."""

_STARTED = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_DONE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)>")

Files = dict[str, bytes]


@dataclass(frozen=True)
class Event:
    """One call that succeeded: its name, the path (relative to what is watched) and what goes with it."""

    call: str
    path: str
    data: bytes = b""
    offset: int | None = None
    other: str = ""


@dataclass
class _Inode:
    durable: bytearray
    pending: list[tuple[int, bytes]] = field(default_factory=list)

    def content(self) -> bytearray:
        return _apply(self.durable, self.pending)


@dataclass
class Disk:
    """Files as they are and as they are sure to be."""

    inodes: dict[int, _Inode] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    """As running programs see them."""
    durable_names: dict[str, int] = field(default_factory=dict)
    pending_names: list[tuple[str, int | None]] = field(default_factory=list)
    """Path and what it came to stand for, None for nothing."""

    @classmethod
    def of(cls, files: Files) -> "Disk":
        disk = cls()
        for path, data in files.items():
            disk.inodes[len(disk.inodes)] = _Inode(bytearray(data))
            disk.names[path] = disk.durable_names[path] = len(disk.inodes) - 1
        return disk

    def see(self, event: Event) -> None:
        """Take one event in."""
        match event.call:
            case "create":
                if event.path not in self.names:
                    self.inodes[len(self.inodes)] = _Inode(bytearray())
                    self._name(event.path, len(self.inodes) - 1)
                elif event.data:
                    # Opened to be emptied: what stood there may be gone at once.
                    self._at(event.path).durable.clear()
                    self._at(event.path).pending.clear()
            case "write":
                inode = self._at(event.path)
                offset = len(inode.content()) if event.offset is None else event.offset
                inode.pending.append((offset, event.data))
            case "truncate":
                inode = self._at(event.path)
                assert event.offset is not None
                inode.durable = inode.content()[: event.offset]
                inode.pending.clear()
            case "rename":
                self._name(event.other, self.names[event.path])
                self._name(event.path, None)
            case "unlink":
                self._name(event.path, None)
            case "sync":
                if event.path in self.names:
                    inode = self._at(event.path)
                    inode.durable, inode.pending = inode.content(), []
                    self._settle(lambda path: path == event.path)
                else:
                    self._settle(lambda path: str(Path(path).parent) == event.path)

    def states(self) -> Iterator[Files]:
        """Everything that may be found if the power goes now."""
        for names in (self.durable_names, self.names):
            for choose in _CHOICES:
                files = {}
                for path, number in names.items():
                    inode = self.inodes[number]
                    files[path] = bytes(choose(inode))
                yield files

    def _at(self, path: str) -> _Inode:
        return self.inodes[self.names[path]]

    def _name(self, path: str, number: int | None) -> None:
        if number is None:
            self.names.pop(path, None)
        else:
            self.names[path] = number
        self.pending_names.append((path, number))

    def _settle(self, is_meant: Callable[[str], bool]) -> None:
        left = []
        for path, number in self.pending_names:
            if not is_meant(path):
                left.append((path, number))
            elif number is None:
                self.durable_names.pop(path, None)
            else:
                self.durable_names[path] = number
        self.pending_names = left


def _apply(data: bytearray, writes: Sequence[tuple[int, bytes]]) -> bytearray:
    result = bytearray(data)
    for offset, piece in writes:
        if len(result) < offset:
            result += bytes(offset - len(result))
        result[offset : offset + len(piece)] = piece
    return result


def _nothing(inode: _Inode) -> bytearray:
    return inode.durable


def _everything(inode: _Inode) -> bytearray:
    return inode.content()


def _first_half(inode: _Inode) -> bytearray:
    return _apply(inode.durable, inode.pending[: len(inode.pending) // 2])


def _torn(inode: _Inode, eighths: int) -> bytearray:
    if not inode.pending:
        return inode.durable
    offset, data = inode.pending[-1]
    end = (offset + len(data) * eighths // 8) // SECTOR * SECTOR
    return _apply(inode.durable, [*inode.pending[:-1], (offset, data[: max(0, end - offset)])])


def _torn_with_hole(inode: _Inode) -> bytearray:
    if not inode.pending:
        return inode.durable
    offset, data = inode.pending[-1]
    start = min(((offset // SECTOR) + 1) * SECTOR - offset, len(data))
    return _apply(inode.durable, [*inode.pending[:-1], (offset + start, data[start:])])


def _without_first(inode: _Inode) -> bytearray:
    return _apply(inode.durable, inode.pending[1:])


_CHOICES: tuple[Callable[[_Inode], bytearray], ...] = (
    *(_nothing, _everything, _first_half, _torn_with_hole, _without_first),
    *(partial(_torn, eighths=eighths) for eighths in (1, 2, 3, 4, 5, 6, 7, 8)),
)


def read_files(folder: Path) -> Files:
    """All files below a folder, by relative path; shared memory of SQLite is no file that a disk holds."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def write_files(folder: Path, files: Files) -> None:
    """Put a state where programs can open it; secrets stay private."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(data)


def parse_record(trace: Sequence[str], watched: Path) -> list[Event]:
    """The events below a folder, and what was told ("told"), in the order in which the calls returned."""
    return [event for line in _whole_lines(trace) for event in _parse(line, watched)]


def find_states(files: Files, events: Sequence[Event]) -> Iterator[tuple[Files, tuple[str, ...]]]:
    """Every different state that may be found after a power cut between two events, and what had been told by then."""
    disk, seen, told = Disk.of(files), set(), []
    for event in [*events, None]:
        for state in deepcopy(disk).states():
            fingerprint = hash((tuple(sorted(state.items())), len(told)))
            if fingerprint not in seen:
                seen.add(fingerprint)
                yield state, tuple(told)
        if event is not None and event.call == "told":
            told += [line for line in event.data.decode(errors="replace").split("\n") if line]
        elif event is not None:
            disk.see(event)


def _whole_lines(trace: Sequence[str]) -> Iterator[str]:
    started: dict[str, str] = {}
    for line in trace:
        if match := _STARTED.match(line):
            started[match[1]] = match[2]
        elif match := _RESUMED.match(line):
            yield f"{match[1]} {started.pop(match[1], '')}{match[2]}"
        else:
            yield line


def _parse(line: str, watched: Path) -> list[Event]:
    match = _DONE.match(line)
    if match is None or match[3].startswith("-"):
        return []
    call, arguments = match[1], match[2]
    texts = [_decode(text) for text in _TEXT.findall(arguments)]
    descriptor = _DESCRIPTOR.match(arguments)
    at = None if descriptor is None else _below(_decode(descriptor[1]), watched)
    if call == "sendto":
        return [Event("told", "", texts[0])] if texts and texts[0] != b"\0" else []
    if call == "openat":
        path = _below(texts[0], watched)
        if path is None or "O_CREAT" not in arguments:
            return []
        return [Event("create", path, b"emptied" if "O_TRUNC" in arguments else b"")]
    if call.startswith("rename"):
        old, new = (_below(text, watched) for text in texts[:2])
        return [] if old is None or new is None else [Event("rename", old, other=new)]
    if call.startswith("unlink"):
        path = _below(texts[0], watched)
        return [] if path is None else [Event("unlink", path)]
    if at is None:
        return []
    if call in ("fsync", "fdatasync"):
        return [Event("sync", at)]
    if call == "ftruncate":
        return [Event("truncate", at, offset=int(arguments.rpartition(",")[2]))]
    offset = int(arguments.rpartition(",")[2]) if call == "pwrite64" else None
    return [Event("write", at, texts[0][: int(match[3])], offset)]


def _decode(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _below(path: bytes, watched: Path) -> str | None:
    full = Path(path.decode())
    if not full.is_relative_to(watched) or full.name.endswith("-shm"):
        return None
    return str(full.relative_to(watched))
