"""One log on disk: whole commits, stable bytes, and the same view after every opening."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import MalformedError
from ledger.log import merkle
from ledger.log.checkpoint import Checkpoint, add_signatures, cosign, sign_checkpoint
from ledger.log.follow import Growth, judge_growth
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.snapshot import encode_state, parse_state
from ledger.log.tiles import full_tiles, partial_width
from ledger.log.view import LedgerView, LogView
from node.errors import ConflictError
from node.keystore import KeyRole
from node.sequencer import Draft
from node.store.layout import LogKeys
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from tests.node.school import School, found_school

ROOT_A, ROOT_B = RootHash(b"a" * 32), RootHash(b"b" * 32)


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    school = found_school(tmp_path / "granite")
    yield school
    school.store.close()


def _grow(school: School, numbers: range) -> Growth:
    """The growth by these batches, judged as a follower judges it."""
    draft = Draft(school.log, lambda key: True)
    draft.add([school.issue(number) for number in numbers])
    checkpoint = Checkpoint("granite.example/log", draft.state.size, draft.state.frontier.root())
    note = sign_checkpoint(checkpoint, school.keys.newest(KeyRole.LOG))
    return judge_growth(school.log.state, [entry.raw for entry in draft.entries], draft.bodies, note)


def _view(log: LogStore) -> list[object]:
    """Everything a reader can see of a log."""
    size = log.size
    return [
        encode_state(log.state),
        log.note,
        [log.note_at(n) for n in range(size + 2)],
        log.entries(0, size),
        [log.body(index) for index in range(size)],
        [log.tile(level, index, 256) for level in range(3) for index in range(size // 256 + 1)],
        merkle.root_at(size, log.read_hashes),
        log.evidence(),
        log.cosigned(),
    ]


def test_the_store_is_what_the_rules_want_to_see(school: School) -> None:
    ledger: LedgerView = school.store
    log: LogView | None = ledger.log(school.log.state.log_id)

    assert log is school.log
    assert ledger.log_ids() == (school.log.state.log_id,)


def test_a_commit_is_seen_whole(school: School) -> None:
    growth = _grow(school, range(1, 4))

    school.log.commit(growth)

    assert school.log.state is growth.state
    assert (school.log.size, school.log.note) == (4, growth.note)
    assert school.log.entries(1, 4) == tuple(entry.raw for entry in growth.entries)
    assert [school.log.body(index) for index in range(4)] == [None, *growth.bodies]
    assert school.log.entry(2) == growth.entries[1].raw
    assert school.log.find_statement((2).to_bytes(16, "big")) == 2
    assert school.log.find_statement(bytes(16)) is None


@pytest.mark.parametrize("step", [1, 7, 300])
def test_the_view_is_the_same_after_opening_again(school: School, step: int) -> None:
    for start in range(1, 301, step):
        school.log.commit(_grow(school, range(start, min(start + step, 301))))
    school.log.add_evidence(b"evidence")
    school.log.set_cosigned(3, ROOT_A)
    before = _view(school.log)

    school.reopen()

    assert _view(school.log) == before


def test_a_killed_node_replays_what_its_last_snapshot_lacks(school: School) -> None:
    for start in range(1, 321, 40):
        school.log.commit(_grow(school, range(start, start + 40)))
    before = _view(school.log)

    school.kill()
    school.resume()

    snapshot = school.store._database.get(LogKeys(0).state)
    assert snapshot is not None
    assert 256 <= parse_state(snapshot).size < school.log.size
    assert _view(school.log) == before


@pytest.mark.parametrize("snapshot", [b"{}", b'{"v":99}', b"\xff"])
def test_a_snapshot_of_another_version_is_made_again(school: School, snapshot: bytes) -> None:
    school.log.commit(_grow(school, range(1, 4)))
    before = _view(school.log)
    school.store._database.write([(LogKeys(0).state, snapshot)])

    school.kill()
    school.resume()

    assert _view(school.log) == before


def test_growth_that_starts_elsewhere_is_a_mistake_of_the_program(school: School) -> None:
    first, second = _grow(school, range(1, 3)), _grow(school, range(1, 4))
    school.log.commit(first)
    before = _view(school.log)

    with pytest.raises(RuntimeError, match="growth from 1 to 4 where 3 are held"):
        school.log.commit(second)
    with pytest.raises(RuntimeError, match="growth from 3 to 3 where 3 are held"):
        school.log.commit(replace(first, start=3))

    assert _view(school.log) == before


def test_a_published_state_never_changes(school: School) -> None:
    held = school.log.state
    before = encode_state(held)

    school.log.commit(_grow(school, range(1, 4)))

    assert encode_state(held) == before
    assert school.log.state is not held


def test_proofs_hold_for_every_size(school: School) -> None:
    roots = {1: school.log.state.frontier.root()}
    for start in range(1, 301, 50):
        school.log.commit(_grow(school, range(start, start + 50)))
        roots[school.log.size] = school.log.state.frontier.root()
    read = school.log.read_hashes

    for old, old_root in roots.items():
        assert merkle.root_at(old, read) == old_root
        for new in (size for size in roots if size >= old):
            proof = merkle.prove_consistency(old, new, read) if new > old else ()
            merkle.verify_consistency(old, old_root, new, roots[new], proof)
        leaf = merkle.hash_leaf(school.log.entry(old - 1))
        merkle.verify_inclusion(leaf, old - 1, old, merkle.prove_inclusion(old - 1, old, read), old_root)


def test_narrower_tiles_are_cut_from_the_growing_one(school: School) -> None:
    school.log.commit(_grow(school, range(1, 258)))
    leaves = b"".join(merkle.hash_leaf(school.log.entry(index)) for index in range(258))

    assert school.log.tile(0, 0, 256) == leaves[: 256 * 32]
    assert school.log.tile(0, 0, 3) == leaves[: 3 * 32]
    assert school.log.tile(0, 1, 2) == leaves[256 * 32 :]
    assert school.log.tile(0, 1, 3) is None
    assert school.log.tile(1, 0, 1) is not None
    assert school.log.tile(1, 0, 2) is None
    assert school.log.tile(2, 0, 1) is None


@pytest.mark.parametrize("read", [lambda log: log.entry(2), lambda log: log.entry(-1), lambda log: log.entries(1, 3)])
def test_reading_beyond_the_size_is_an_index_error(school: School, read: Callable[[LogStore], object]) -> None:
    school.log.commit(_grow(school, range(1, 2)))

    with pytest.raises(IndexError):
        read(school.log)


def _witness(number: int) -> SigningKey:
    return SigningKey(bytes([number]) * 32)


def test_cosignatures_gather_and_none_is_lost(school: School) -> None:
    note = school.log.note
    lines = [cosign(note, f"witness{n}.example", _witness(n), 1_800_000_000 + n) for n in range(1, 9)]
    barrier = threading.Barrier(len(lines))

    def put(n: int) -> None:
        barrier.wait(timeout=30)
        school.log.put_note(add_signatures(note, [lines[n]]))

    threads = [threading.Thread(target=put, args=(n,)) for n in range(len(lines))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    for line in lines:
        assert add_signatures(school.log.note, [line]) == school.log.note
    gathered = school.log.note
    school.reopen()
    assert school.log.note == school.log.note_at(1) == gathered


def test_an_older_note_gathers_without_changing_the_newest(school: School) -> None:
    old = school.log.note
    school.log.commit(_grow(school, range(1, 3)))
    newest = school.log.note
    signed = add_signatures(old, [cosign(old, "witness.example", _witness(1), 1_800_000_000)])

    assert school.log.put_note(signed) == signed

    assert (school.log.note_at(1), school.log.note) == (signed, newest)


def test_a_note_of_something_not_held_is_a_mistake_of_the_program(school: School) -> None:
    other = sign_checkpoint(Checkpoint("granite.example/log", 1, ROOT_A), school.keys.newest(KeyRole.LOG))
    above = sign_checkpoint(Checkpoint("granite.example/log", 2, ROOT_A), school.keys.newest(KeyRole.LOG))

    for note in (other, above):
        with pytest.raises(RuntimeError, match="is not the checkpoint held"):
            school.log.put_note(note)
    with pytest.raises(MalformedError):
        school.log.put_note(b"nonsense")


def test_a_note_below_the_size_held_can_be_kept(school: School) -> None:
    """Once, never above what is held; the newest note stays the newest."""
    signer = school.keys.newest(KeyRole.LOG)
    school.log.commit(_grow(school, range(1, 4)))
    newest = school.log.note
    root = merkle.root_at(2, school.log.read_hashes)
    note = sign_checkpoint(Checkpoint("granite.example/log", 2, root), signer)

    school.log.keep_note(note)
    school.log.keep_note(sign_checkpoint(Checkpoint("granite.example/log", 2, ROOT_A), signer))

    assert school.log.note_at(2) == note
    assert school.log.newest_notes(2) == (newest, note)
    with pytest.raises(RuntimeError, match="where 4 are held"):
        school.log.keep_note(sign_checkpoint(Checkpoint("granite.example/log", 5, ROOT_A), signer))


def test_evidence_is_kept_once(school: School) -> None:
    assert school.log.evidence() == ()

    assert school.log.add_evidence(b"two notes")
    assert not school.log.add_evidence(b"two notes")
    assert school.log.add_evidence(b"two others")

    assert sorted(school.log.evidence()) == [b"two notes", b"two others"]


def test_what_was_cosigned_only_grows(school: School) -> None:
    assert (school.log.cosigned_size(), school.log.cosigned()) == (0, None)

    school.log.set_cosigned(3, ROOT_A, expected=0)
    school.log.set_cosigned(3, ROOT_A)
    school.log.set_cosigned(5, ROOT_B, expected=3)

    assert school.log.cosigned() == (5, ROOT_B)
    for size, root, expected, reason in [
        (4, ROOT_A, None, "size 4 is behind 5"),
        (5, ROOT_A, None, "another root of size 5"),
        (6, ROOT_A, 3, "3 is not the size cosigned last, 5 is"),
    ]:
        with pytest.raises(ConflictError, match=reason) as caught:
            school.log.set_cosigned(size, root, expected=expected)
        assert caught.value.size == 5
    assert school.log.cosigned() == (5, ROOT_B)


def test_of_many_that_cosign_from_one_size_exactly_one_wins(school: School) -> None:
    results: list[bool] = []
    barrier = threading.Barrier(8)

    def cosign_from_zero(number: int) -> None:
        barrier.wait(timeout=30)
        try:
            school.log.set_cosigned(number, RootHash(bytes([number]) * 32), expected=0)
            results.append(True)
        except ConflictError:
            results.append(False)

    threads = [threading.Thread(target=cosign_from_zero, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(results) == [False] * 7 + [True]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (lambda keys: keys.entry(0), "not a charter"),
        (lambda keys: keys.entry(2), "index 3 where 2 is next"),
        (lambda keys: keys.entry(3), "do not lead to the checkpoint of size 4"),
        (lambda keys: keys.tile(0, 0), r"no tile tile/0/000\.p/4"),
        (lambda keys: keys.note(4), "entries above the newest note, of size 1"),
    ],
)
def test_a_missing_row_is_damage_not_a_smaller_log(
    tmp_path: Path, row: Callable[[LogKeys], bytes], reason: str
) -> None:
    school = found_school(tmp_path / "granite")
    school.log.commit(_grow(school, range(1, 4)))
    keys = LogKeys(0)
    school.store._database._db.delete(keys.state)  # or the entries would not be read
    school.store._database._db.delete(row(keys))
    school.kill()

    with pytest.raises(MalformedError, match=rf"damaged: .*({reason})"):
        LedgerStore.open(tmp_path / "granite" / "ledger")


def test_nothing_of_a_partial_tile_is_kept_once_it_has_grown(school: School) -> None:
    """One row a tile, full or the last: earlier widths are cut from it, and none is ever a row of its own."""
    widths: dict[tuple[int, int], list[bytes]] = {}
    for start in range(1, 600, 50):
        school.log.commit(_grow(school, range(start, start + 50)))
        for level in (0, 1):
            index, width = full_tiles(level, school.log.size), partial_width(level, school.log.size)
            if width:
                widths.setdefault((level, index), []).append(school.log.tile(level, index, width) or b"")
    rows = [key for key, _ in school.store._database.scan(school.log._keys.tile(0, 0), school.log._keys.tile(255, 0))]
    size = school.log.size
    assert len(rows) == sum(-(-(size >> 8 * level) // 256) for level in (0, 1))
    for (level, index), tiles in widths.items():
        for tile in tiles:
            assert school.log.tile(level, index, len(tile) // 32) == tile
