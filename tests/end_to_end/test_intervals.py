"""Intervals look alike whatever happened in them: kinds, counts, sizes, instants, and pages that are noise.

Real cuts of a real desk on a real log, made by the schedule; clock and randomness are the test's, so that every run is
the same and a statistical limit never fails by chance.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.credential import status
from ledger.credential.status import Status
from ledger.log.body import parse_body
from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import Entry, parse_entry
from node.client.registry import IssueRequest
from node.registrar import schedule
from tests.node.registrar.desks import DIPLOMA, Bench, Dice, csv_of, fresh_bench

HOUR = 3_600_000
SLOTS = 16_384
KINDS = ("anchor", "issue", "status")
# Chi-square with 255 degrees of freedom has mean 255 and deviation 22.6: five deviations to both sides.
CHI_SQUARE = (142.0, 368.0)

Happening = Callable[[], Awaitable[object]]


class Finished(Exception):
    """The last interval is over."""


@dataclass(frozen=True)
class Trace:
    """What everybody can see of one entry; digits of its own place are taken off its sizes."""

    kind: str
    after_due: int
    items: int
    body_size: int
    entry_size: int


async def live(bench: Bench, happenings: Sequence[Happening]) -> None:
    """Let the schedule cut, and one thing happen in each interval between two cuts."""
    left = iter(happenings)
    seen: int | None = None
    end = bench.clock.now + (len(happenings) + 2) * HOUR

    async def sleep(seconds: float) -> None:
        nonlocal seen
        assert bench.clock.now < end, "a cut that was due has not been made"
        last = await bench.desk.last_cut()
        if last != seen:
            seen = last
            happening = next(left, None)
            if happening is None:
                raise Finished
            await happening()
        bench.clock.advance(int(seconds * 1000))

    state = bench.log.state
    with pytest.raises(Finished):
        await schedule.keep_schedule(
            lambda: state.batch, bench.desk.last_cut, bench.desk.cut, clock=bench.clock, sleep=sleep
        )


def traces(bench: Bench) -> list[tuple[Trace, ...]]:
    """The cuts of a log, each as what can be seen of its three entries."""
    entries = [parse_entry(bench.log.entry(index)) for index in range(bench.log.size)]
    cut = [entry for entry in entries if entry.statement.kind in KINDS]
    due = cut[0].statement.at
    seen = [trace(bench, entry, due + position // 3 * HOUR) for position, entry in enumerate(cut)]
    return [tuple(seen[start : start + 3]) for start in range(0, len(seen), 3)]


def trace(bench: Bench, entry: Entry, due: int) -> Trace:
    reference = entry.statement.body
    assert reference is not None
    size = reference.size
    if entry.statement.kind == "anchor":
        body = bench.log.body(entry.index)
        assert body is not None
        (note,) = parse_body("anchor", body)
        size -= len(str(read_checkpoint(note).size))
    own = len(str(entry.index))
    return Trace(entry.statement.kind, entry.statement.at - due, reference.items, size, len(entry.raw) - own)


def bodies(bench: Bench, kind: str) -> list[bytes]:
    found = []
    for index in range(bench.log.size):
        if parse_entry(bench.log.entry(index)).statement.kind == kind:
            body = bench.log.body(index)
            assert body is not None
            found.append(b"".join(parse_body(kind, body)))
    return found


def chi_square(data: bytes) -> float:
    """How far the counts of the 256 bytes are from equal ones."""
    expected = len(data) / 256
    counts = Counter(data)
    return sum((counts[value] - expected) ** 2 / expected for value in range(256))


def xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")


def is_noise(found: Sequence[bytes]) -> bool:
    """Whether every page, and what changes from each to the next, has bytes like a random source's."""
    changes = [xor(one, other) for one, other in pairwise(found)]
    return all(CHI_SQUARE[0] < chi_square(data) < CHI_SQUARE[1] for data in [*found, *changes])


async def test_intervals_look_alike(tmp_path: Path) -> None:
    """0 or 6 awards, with and without a revocation, many decisions or none: nobody can tell which interval had what."""
    async with fresh_bench(tmp_path, interval_ms=HOUR) as bench:
        issued: list[str] = []

        async def nothing() -> None:
            pass

        async def six_awards() -> None:
            data = csv_of(range(len(issued), len(issued) + 6))
            issued.extend((await bench.desk.issue(IssueRequest(data=data, achievement=DIPLOMA))).issued)

        async def a_revocation() -> None:
            await bench.desk.set_status([issued.pop()], Status.REVOKED)

        async def both() -> None:
            await six_awards()
            await bench.desk.set_status(issued[-8:-6], Status.REVOKED)

        async def many() -> None:
            await bench.desk.set_status(issued[5:10], Status.SUSPENDED)

        await live(bench, [nothing, six_awards, nothing, a_revocation, nothing, both, many, nothing])
        assert bench.log.state.void == {}
        cuts = traces(bench)
        assert len(cuts) == 9
        assert len(set(cuts)) == 1, cuts
        assert [trace.kind for trace in cuts[0]] == list(KINDS)
        assert [trace.after_due for trace in cuts[0]] == [0, 0, 0]
        assert [trace.items for trace in cuts[0]] == [1, 256, SLOTS // 1024]
        # Digits of the index were taken off above; here the log did cross from one digit to two.
        assert bench.log.size > 10
        # Only who has the list key reads what happened.
        read = [decoded(bench, index) for index in range(9)]
        assert [sum(value != 0 for value in page) for page in read] == [0, 0, 0, 0, 1, 1, 3, 8, 8]
        assert is_noise(bodies(bench, "status"))
        assert is_noise(bodies(bench, "issue"))


def decoded(bench: Bench, number: int) -> bytes:
    cut = [
        entry
        for entry in (parse_entry(bench.log.entry(index)) for index in range(bench.log.size))
        if entry.statement.kind == "status"
    ][number]
    body = bench.log.body(cut.index)
    assert body is not None
    list_key = status.list_key(bench.keystore.list_root, 0)
    return status.decode_page(list_key, parse_body("status", body), cut.statement.id)


async def test_logs_with_and_without_awards_look_alike(tmp_path: Path) -> None:
    """Two schools over the same nights, one that never awarded anything: entry by entry the same sizes, to the byte."""
    seen = []
    for seed, count in (("idle", 0), ("busy", 6)):
        async with fresh_bench(tmp_path, interval_ms=HOUR, seed=seed) as bench:
            first: list[str] = []

            async def night(made: Bench = bench, first: list[str] = first, count: int = count) -> None:
                data = csv_of(range(len(first), len(first) + count))
                if count:
                    first.extend((await made.desk.issue(IssueRequest(data=data, achievement=DIPLOMA))).issued)
                    await made.desk.set_status(first[-1:], Status.REVOKED)

            await live(bench, [night, night, night])
            seen.append([(len(bench.log.entry(i)), len(bench.log.body(i) or b"")) for i in range(2, bench.log.size)])
            assert traces(bench)[0][0].after_due == 0
    assert seen[0] == seen[1]
    assert len(seen[0]) == 12


@pytest.mark.parametrize("leak", ["one id for two pages", "statuses in clear", "one mask for all slots", "a fixed bit"])
def test_the_noise_test_finds_a_leak(leak: str) -> None:
    """The negative control: good pages pass, and each way of getting them wrong does not."""
    dice = Dice(leak)
    key = status.list_key(dice(32), 0)
    statuses = {slot: 1 for slot in range(6)}

    def page(values: dict[int, int], statement_id: bytes) -> bytes:
        return b"".join(status.encode_page(key, SLOTS, values, statement_id))

    good = [page({}, dice(16)), page(statuses, dice(16)), page(statuses, dice(16))]
    assert is_noise(good)
    repeated = dice(16)
    spoilt = {
        "one id for two pages": [page({}, repeated), page(statuses, repeated)],
        "statuses in clear": [bytes(SLOTS), bytes(6) + b"\1" + bytes(SLOTS - 7)],
        "one mask for all slots": [dice(1) * SLOTS, dice(1) * SLOTS],
        "a fixed bit": [bytes(byte & 0x7F for byte in good[0]), bytes(byte & 0x7F for byte in good[1])],
    }[leak]
    assert not is_noise([*good, *spoilt])
    assert not is_noise(spoilt)
