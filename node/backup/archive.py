"""What is inside a backup: an ordinary tar file whose first member says what it is, and whose last proves the rest.

    backup.json                what, of which log, when, by which version
    files/…                    node.toml, keys, trust roots, as they stand in the node's directory
    registrar/000000 …         the registrar's database as neutral rows (`node.registrar.rows`), cut every 4 MiB
    ledger/000000 …            the ledger store, every row with its lengths, cut every 4 MiB
    manifest.json              name, size and SHA-256 of every member before, in order

An archive without its manifest was cut off and is refused. Members are small, so that writing and reading need the same
memory whatever the size of the log.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from ledger.errors import MalformedError

FORMAT = "cairn/backup/v1"
PIECE_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
MAX_MEMBERS = 1_000_000

FILES, REGISTRAR, LEDGER = "files", "registrar", "ledger"
_HEADER, _MANIFEST = "backup.json", "manifest.json"
# No component begins with a dot: neither a way out of the folder nor a hidden file. No control characters.
_PART = r"[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]{0,120}"
_MEMBER = re.compile(rf"backup\.json|manifest\.json|(?:registrar|ledger)/[0-9]{{6}}|files/{_PART}(?:/{_PART}){{0,7}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a backup says about itself.

    Attributes:
        made_at: Unix ms.
        log: text of the institution's log id.
        name: of the institution.
        origin: of its log.
        size: entries of its own log when it was made.
        has_keys: whether the node's keys are in it.
        has_stores: whether database and ledger are in it; False for a key backup.
        version: of the program that made it.
    """

    made_at: int
    log: str
    name: str
    origin: str
    size: int
    has_keys: bool
    has_stores: bool
    version: str


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive: its folder (`files`, `registrar`, `ledger`), its path below that, and its bytes."""

    folder: str
    path: str
    data: bytes


class ArchiveWriter:
    """Writes an archive front to back; `finish` makes it whole."""

    def __init__(self, file: IO[bytes], header: Header) -> None:
        """Begin with what it is about."""
        self._file = file
        self._written = 0
        self._made_at = header.made_at // 1000
        self._members: list[dict[str, object]] = []
        self._counts = {REGISTRAR: 0, LEDGER: 0}
        self._waiting = {REGISTRAR: bytearray(), LEDGER: bytearray()}
        self._add(_HEADER, _to_json({"format": FORMAT, **_header_json(header)}))

    def add_file(self, path: str, data: bytes) -> None:
        """Add a file of the node's directory.

        Raises:
            MalformedError: its name is none that `restore` would write, or it is too large for a file of a node.
        """
        if not _MEMBER.fullmatch(f"{FILES}/{path}"):
            raise MalformedError(f"{path}: has a name that no backup can hold", hint="rename it, or move it elsewhere")
        if len(data) > MAX_FILE_BYTES:
            raise MalformedError(f"{path}: {len(data)} bytes, too large for a file of a node", hint="move it elsewhere")
        self._add(f"{FILES}/{path}", data)

    def add_stream(self, folder: str, data: bytes) -> None:
        """Add to the stream of the database or the ledger store."""
        waiting = self._waiting[folder]
        waiting += data
        while len(waiting) >= PIECE_BYTES:
            self._add_piece(folder, bytes(waiting[:PIECE_BYTES]))
            del waiting[:PIECE_BYTES]

    def finish(self) -> bytes:
        """Write what waits and the manifest, and return the manifest's SHA-256: two backups with one are the same."""
        for folder, waiting in self._waiting.items():
            if waiting:
                self._add_piece(folder, bytes(waiting))
        manifest = _to_json({"format": FORMAT, "members": self._members})
        self._add(_MANIFEST, manifest)
        # A tar ends with two empty blocks, and is filled up to whole records.
        end = self._written + 2 * tarfile.BLOCKSIZE
        self._file.write(bytes(2 * tarfile.BLOCKSIZE + -end % tarfile.RECORDSIZE))
        return hashlib.sha256(manifest).digest()

    def _add_piece(self, folder: str, data: bytes) -> None:
        self._add(f"{folder}/{self._counts[folder]:06d}", data)
        self._counts[folder] += 1

    def _add(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(data), 0o600, self._made_at
        # Written here and not by tarfile, whose stream would go on writing when a backup that failed is thrown away.
        head = info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")
        filling = bytes(-len(data) % tarfile.BLOCKSIZE)
        self._written += sum(self._file.write(part) for part in (head, data, filling) if part)
        self._members.append({"name": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)})


class ArchiveReader:
    """Reads an archive front to back, checking every member; `members` ends only where the manifest agrees."""

    def __init__(self, file: IO[bytes], where: str) -> None:
        """Read what it is about.

        Raises:
            MalformedError: it is no backup, or of another format.
        """
        self._file = file
        self._where = where
        self._seen: list[dict[str, object]] = []
        self.manifest = b""
        try:
            self._tar = tarfile.open(fileobj=file, mode="r|")  # noqa: SIM115 - read front to back, owns nothing
            info = self._tar.next()
        except tarfile.TarError as error:
            raise self._damage("is not a backup, or damaged at its beginning") from error
        if info is None or info.name != _HEADER:
            raise self._damage("is a tar file, but not a backup")
        self.header = _parse_header(self._read(info, MAX_MANIFEST_BYTES), where)

    def members(self) -> Iterator[Member]:
        """Every member between header and manifest.

        Raises:
            MalformedError: a member is damaged, has no place in a backup, or is not what the manifest names.
        """
        while True:
            try:
                info = self._tar.next()
            except tarfile.TarError as error:
                raise self._damage(f"damaged after {len(self._seen)} members") from error
            if info is None:
                raise self._damage("its end is missing")
            if info.name == _MANIFEST:
                self._check_manifest(info)
                return
            limit = MAX_FILE_BYTES if info.name.startswith(f"{FILES}/") else PIECE_BYTES
            data = self._read(info, limit)
            folder, _, path = info.name.partition("/")
            yield Member(folder, path, data)

    def _read(self, info: tarfile.TarInfo, limit: int) -> bytes:
        if not info.isreg() or not _MEMBER.fullmatch(info.name) or info.size > limit or len(self._seen) > MAX_MEMBERS:
            raise self._damage(f"member {info.name[:60]!r} has no place in a backup")
        try:
            file = self._tar.extractfile(info)
            data = b"" if file is None else file.read()
        except tarfile.TarError as error:
            raise self._damage(f"damaged in {info.name}") from error
        if len(data) != info.size:
            raise self._damage(f"cut off in {info.name}")
        self._seen.append({"name": info.name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)})
        return data

    def _check_manifest(self, info: tarfile.TarInfo) -> None:
        seen = list(self._seen)
        self.manifest = self._read(info, MAX_MANIFEST_BYTES)
        stated = _parse_json(self.manifest, self._where).get("members")
        if stated != seen:
            names = [item.get("name") for item in stated if isinstance(item, dict)] if isinstance(stated, list) else []
            wrong = next((str(item["name"]) for item in seen if item not in (stated or [])), "")
            missing = next((str(name) for name in names if name not in {item["name"] for item in seen}), "")
            raise self._damage(f"{wrong or missing or 'its order'} is not what was written: the digests differ")
        # The rest of the tar is zeros; reading it verifies the last box of a sealed file.
        while self._file.read(1 << 16):
            pass

    def _damage(self, what: str) -> MalformedError:
        return MalformedError(f"{self._where}: {what}", hint="use another backup")


def _header_json(header: Header) -> dict[str, object]:
    return {name: getattr(header, name) for name in Header.__slots__}


def _parse_header(data: bytes, where: str) -> Header:
    value = _parse_json(data, where)
    if value.pop("format", None) != FORMAT:
        raise MalformedError(f"{where}: a backup of another format, expected {FORMAT}", hint="use a newer cairn-node")
    kinds = {"made_at": int, "size": int, "has_keys": bool, "has_stores": bool}
    if set(value) != set(Header.__slots__) or any(type(value[k]) is not kinds.get(k, str) for k in value):
        raise MalformedError(f"{where}: its first member does not say what it is", hint="use another backup")
    return Header(**value)


def _to_json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _parse_json(data: bytes, where: str) -> dict[str, Any]:  # Any: JSON, checked by whoever takes a value
    try:
        value = json.loads(data)
    except ValueError as error:
        raise MalformedError(f"{where}: damaged: not JSON", hint="use another backup") from error
    if not isinstance(value, dict):
        raise MalformedError(f"{where}: damaged: not a JSON object", hint="use another backup")
    return value
