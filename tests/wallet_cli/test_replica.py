"""The light replica on disk: what is written is read back, at every size, and a damaged file is named exactly."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from ledger.log import merkle, tiles
from ledger.log.follow import Growth, judge_growth
from ledger.log.identity import encode_log_id
from tests.simulator import SimulatedLog
from wallet_cli.log_files import DamagedError
from wallet_cli.replica import Replica, ReplicaLog
from wallet_cli.replica_writer import InUseError, ReplicaWriter

KEY = b"\x05" * 32


class Grown:
    """A log that was signed at several sizes, to be taken over in steps."""

    def __init__(self, size: int) -> None:
        self.log = SimulatedLog("granite", batch=1)
        self.notes = {self.log.size: self.log.note}
        while self.log.size < size:
            self.log.publish(f"urn:example:{self.log.size}", document=b"{%d}" % self.log.size)
            self.notes[self.log.size] = self.log.note

    def growth(self, start: ReplicaLog | None, end: int) -> Growth:
        note = self.notes[end]
        assert note is not None
        first = start.size if start else 0
        return judge_growth(
            start.state if start else None, self.log.entries[first:end], self.log.bodies[first:end], note
        )


@pytest.fixture(scope="module")
def grown() -> Grown:
    return Grown(600)


def take(folder: Path, grown: Grown, *sizes: int) -> None:
    with ReplicaWriter(folder, KEY) as writer:
        for size in sizes:
            growth = grown.growth(writer.read().log(grown.log.log_id), size)
            bodies = {entry.index: body for entry, body in zip(growth.entries, growth.bodies, strict=True) if body}
            writer.commit(growth, growth.note, bodies)


def opened(folder: Path, grown: Grown) -> ReplicaLog:
    log = Replica(folder, KEY).log(grown.log.log_id)
    assert log is not None
    return log


@pytest.mark.parametrize(
    "sizes", [(1,), (2, 3), (255,), (256,), (257,), (1, 256), (255, 257), (256, 512), (7, 300, 600), (512, 513)]
)
def test_reads_back_what_was_taken_over(tmp_path: Path, grown: Grown, sizes: tuple[int, ...]) -> None:
    """Entries, bodies, hashes, note and state are those of the log, however it grew."""
    take(tmp_path, grown, *sizes)
    log, size = opened(tmp_path, grown), sizes[-1]
    assert (log.size, log.note) == (size, grown.notes[size])
    assert list(log.entries(0, size)) == grown.log.entries[:size]
    assert [log.body(index) for index in range(size)] == grown.log.bodies[:size]
    assert merkle.root_at(size, log.read_hashes) == grown.log.root_at(size)
    assert merkle.prove_inclusion(0, size, log.read_hashes) is not None


def test_only_the_files_of_the_newest_size_stay(tmp_path: Path, grown: Grown) -> None:
    """Partial files that a wider one replaces are removed, so that a replica does not eat the disk."""
    take(tmp_path, grown, *range(1, 20), 300)
    folder = tmp_path / encode_log_id(grown.log.log_id)
    partial = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.p/*"))
    assert partial == ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"]


def test_a_reader_keeps_its_head_while_the_log_grows(tmp_path: Path, grown: Grown) -> None:
    """Whoever opened the replica before a sync reads on as if nothing had happened."""
    take(tmp_path, grown, 7)
    before = opened(tmp_path, grown)
    take(tmp_path, grown, 300)
    assert list(before.entries(0, 7)) == grown.log.entries[:7]
    assert merkle.root_at(7, before.read_hashes) == grown.log.root_at(7)


def test_files_beyond_the_head_mean_nothing(tmp_path: Path, grown: Grown) -> None:
    """After a crash before the head was replaced, the log is as before, and grows again."""
    take(tmp_path, grown, 7)
    head = tmp_path / encode_log_id(grown.log.log_id) / "head"
    old = head.read_bytes()
    take(tmp_path, grown, 300)
    head.write_bytes(old)
    assert list(opened(tmp_path, grown).entries(0, 7)) == grown.log.entries[:7]
    take(tmp_path, grown, 300)
    assert list(opened(tmp_path, grown).entries(0, 300)) == grown.log.entries[:300]


@pytest.mark.parametrize("name", ["head", "tile/0/000", "tile/1/000.p/1", "tile/entries/000", "body/5"])
@pytest.mark.parametrize("change", ["flip", "cut", "remove"])
def test_a_damaged_file_is_named_exactly(tmp_path: Path, grown: Grown, name: str, change: str) -> None:
    """A flipped bit, a lost end and a lost file are each told with the path of that file."""
    take(tmp_path, grown, 300)
    path = tmp_path / encode_log_id(grown.log.log_id) / name
    data = path.read_bytes()
    if change == "flip":
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    elif change == "cut":
        path.write_bytes(data[:-1])
    else:
        path.unlink()
    if change == "remove" and name == "head":
        assert Replica(tmp_path).log(grown.log.log_id) is None
    elif change == "remove" and name == "body/5":
        assert opened(tmp_path, grown).body(5) is None
    else:
        with pytest.raises(DamagedError) as caught:
            opened(tmp_path, grown).entry(5)
            opened(tmp_path, grown).body(5)
        assert caught.value.path == path
        assert "cairn sync" in caught.value.hint


@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_head_is_refused(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
) -> None:
    """The head file is refused whichever bit of it flips."""
    folder = tmp_path_factory.getbasetemp() / "flipped"
    grown = SimulatedLog("granite")
    if not folder.exists():
        assert grown.note is not None
        with ReplicaWriter(folder, KEY) as writer:
            writer.commit(judge_growth(None, grown.entries, grown.bodies, grown.note), grown.note, {})
    path = folder / encode_log_id(grown.log_id) / "head"
    data = bytearray(path.read_bytes())
    original = bytes(data)
    data[position % len(data)] ^= 1 << bit
    path.write_bytes(data)
    try:
        with pytest.raises(DamagedError):
            Replica(folder, KEY).log(grown.log_id)
    finally:
        path.write_bytes(original)


@pytest.mark.parametrize("key", [KEY, None])
def test_a_head_in_another_folder_is_refused(tmp_path: Path, grown: Grown, key: bytes | None) -> None:
    """A log's folder cannot be passed off as another log's."""
    take(tmp_path, grown, 7)
    other = SimulatedLog("lantern").log_id
    (tmp_path / encode_log_id(grown.log.log_id)).rename(tmp_path / encode_log_id(other))
    with pytest.raises(DamagedError, match="another log"):
        Replica(tmp_path, key).log(other)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """A second writer is told, a reader is not hindered, and the lock ends with the writer."""
    with ReplicaWriter(tmp_path), pytest.raises(InUseError, match="written by another"), ReplicaWriter(tmp_path):
        pass
    with ReplicaWriter(tmp_path):
        assert Replica(tmp_path).log_ids() == ()


def test_a_replica_that_is_not_there(tmp_path: Path) -> None:
    """The error says what to run."""
    with pytest.raises(MalformedError) as caught:
        Replica(tmp_path / "nothing")
    assert "cairn sync" in caught.value.hint


def test_evidence_is_kept_once_and_checked(tmp_path: Path, grown: Grown) -> None:
    """The same piece is kept once; a changed one is named."""
    take(tmp_path, grown, 3)
    with ReplicaWriter(tmp_path) as writer:
        assert [writer.add_evidence(grown.log.log_id, b"proof") for _ in range(2)] == [True, False]
    assert opened(tmp_path, grown).evidence() == (b"proof",)
    path = tmp_path / encode_log_id(grown.log.log_id) / "evidence" / hashlib.sha256(b"proof").hexdigest()
    path.write_bytes(b"other")
    with pytest.raises(DamagedError):
        opened(tmp_path, grown).evidence()


def test_incoming_keeps_full_bundles_only(tmp_path: Path, grown: Grown) -> None:
    """What was fetched before an interruption is found again; a partial bundle may be another tomorrow."""
    with ReplicaWriter(tmp_path) as writer:
        incoming = writer.incoming(grown.log.log_id)
        incoming.put_bundle(0, grown.log.entries[: tiles.TILE_WIDTH])
        incoming.put_bundle(1, grown.log.entries[tiles.TILE_WIDTH : 300])
        incoming.put_body(5, b"body")
        again = writer.incoming(grown.log.log_id)
        assert again.bundle(0) == tuple(grown.log.entries[: tiles.TILE_WIDTH])
        assert (again.bundle(1), again.body(5), again.body(6)) == (None, b"body", None)
        incoming.clear()
        assert again.bundle(0) is None
