"""`make bench`: print figures as ratios to a calibrator of the same run, those of evaluation in seconds."""

import argparse
import functools
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import (
    calibrators,
    growth_rows,
    ledger_rows,
    mastery_rows,
    node_rows,
    proof_rows,
    registrar_rows,
    replay_rows,
    rights_rows,
    sdjwt_rows,
    traffic_rows,
    verify_rows,
    wire_calibrators,
)

MEMBERS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, the figure with its unit, the ratio, and what is accepted."""

    name: str
    figure: str
    ratio: str
    accept: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the sizes of DESIGN 10 instead of a tenth of them")
    full = parser.parse_args().full
    items, rounds = (1_000_000, 5) if full else (100_000, 3)
    size = "full size" if full else "a tenth of the full size: for a first look, not for quoting"
    print(f"Cairn bench, {size}; Python {platform.python_version()}, medians of {rounds} rounds")
    _print_calibrators()
    print(f"{'what':<64}{'figure':>20}{'ratio':>13}{'accept':>12}")
    for row in _rows(items, rounds):
        print(f"{row.name:<64}{row.figure:>20}{row.ratio:>13}{row.accept:>12}", flush=True)


def _print_calibrators() -> None:
    print("calibrators, just now:")
    print(f"  V  {calibrators.verifications():>12,.0f} bare Ed25519 verifications/s on one core")
    print(f"  P  {calibrators.synced_appends(8192):>12,.0f} appends/s of 8 KiB to a plain file, each with fsync")
    print(f"  U  {wire_calibrators.unary_calls():>12,.0f} unary gRPC echo calls/s")
    print(f"  S  {wire_calibrators.streamed_entries():>12,.0f} entries/s in a gRPC stream of opaque bytes")
    print("ratios are taken pair by pair with V, measured before and after each figure")


def _rows(items: int, rounds: int) -> Iterator[Row]:
    batch = ledger_rows.BATCH
    yield _ratio_row(
        f"durable issue of {items:,} items in signed batches of {batch}",
        functools.partial(ledger_rows.issue_durably, items),
        "items/s",
        rounds,
        "5 V",
    )
    written = ledger_rows.write_log(items // batch, batch)
    count = (len(written.entries) - 1) * batch
    yield _ratio_row(
        "replay of those, one process", lambda: count / ledger_rows.replay(written), "items/s", rounds, "15 V"
    )
    yield from _held_rows("those", written, count, "items/s", rounds, "25 V")
    single = ledger_rows.write_log(items // 50, 1)
    count_single = len(single.entries) - 1
    yield _ratio_row(
        f"replay of {count_single:,} entries of one signature, one process",
        lambda: count_single / ledger_rows.replay(single),
        "entries/s",
        rounds,
        "0.85 V",
    )
    yield from _held_rows("entries of one signature", single, count_single, "entries/s", rounds, "1.5 V")
    with verify_rows.make_desk() as desk:
        yield _ratio_row(
            "one presentation, heads new (12 claims, 4 shown)", desk.rate_new, "checks/s", rounds, "0.13 V"
        )
        yield _ratio_row("one presentation, heads already checked", desk.rate_known, "checks/s", rounds, "0.28 V")
        figure, times = desk.rate_as_of()
        what = f"the same as of {verify_rows.NIGHTS} nights before"
        yield Row(what, f"{figure:,.0f} checks/s", f"{times:.2f} x plain", "1.5 x")
        above, bare = desk.cold_start(rounds)
        yield Row(
            "`cairn verify FILE`, cold, above a bare interpreter",
            f"{above * 1000:.0f} ms",
            f"{above / bare:.1f} bare",
            "250 ms",
        )
        asked, plain = desk.cold_as_of(rounds)
        yield Row("`cairn verify --as-of`, cold", f"{asked * 1000:.0f} ms", f"{asked / plain:.2f} x plain", "1.5 x")
    yield from _proof_rows()
    yield from _token_rows()
    yield from _node_rows(items, rounds)
    yield from _growth_rows(items * 10)
    yield from _registrar_rows(items // 10, rounds)
    yield from _mastery_rows(items // 100, rounds)


def _proof_rows() -> Iterator[Row]:
    """A badge with an embedded proof: ours in milliseconds, and how many times that others take for the same badge."""
    accepted = {"eddsa-jcs-2022": "ahead", "eddsa-rdfc-2022": "6 ms"}
    for one in proof_rows.measure():
        what, ours = f"verify a badge, {one.suite}", one.ours.milliseconds
        yield Row(what, one.ours.reason if ours is None else f"{ours:.3f} ms", "", accepted[one.suite])
        for name, peer in (("openvc-core", one.openvc), ("@digitalbazaar", one.digitalbazaar)):
            if peer.milliseconds is None or ours is None:
                yield Row(f"{what}: {name}: skipped, {peer.reason}", "", "", "")
            else:
                yield Row(f"{what}: {name}", f"{peer.milliseconds:.3f} ms", f"{peer.milliseconds / ours:.1f} ours", "")


def _token_rows() -> Iterator[Row]:
    """An SD-JWT with key binding: ours beside what nobody can leave out, and beside another library."""
    times = sdjwt_rows.measure()
    ours, bare, peer = times.ours.milliseconds, times.bare.milliseconds, times.openvc
    assert ours is not None and bare is not None, "both are here"
    what = "SD-JWT verify of 5 of 40 claims + key binding"
    yield Row(what, f"{ours:.3f} ms", f"{ours / bare:.2f} bare", "1.5 bare, ahead")
    if peer.milliseconds is None:
        yield Row(f"{what}: openvc-core: skipped, {peer.reason}", "", "", "")
    else:
        yield Row(f"{what}: openvc-core", f"{peer.milliseconds:.3f} ms", f"{peer.milliseconds / ours:.1f} ours", "")


def _held_rows(
    what: str, written: ledger_rows.Written, count: int, unit: str, rounds: int, accept: str
) -> Iterator[Row]:
    """`cairn audit` of a folder: files read, every body a file of its own; processes already running."""
    with replay_rows.held(written) as bench:
        for helpers, name, wanted in ((False, "one process", ""), (True, f"{replay_rows.WORKERS} processes", accept)):

            def measure(helpers: bool = helpers) -> float:
                return count / bench.replay(with_helpers=helpers)

            yield _ratio_row(f"audit of {what} from files, {name}", measure, unit, rounds, wanted)
        yield _resumed_row(bench, what, rounds)


def _resumed_row(bench: replay_rows.Bench, what: str, rounds: int) -> Row:
    """What an audit costs that goes on from an earlier one: its growth, and reading what was left."""
    with tempfile.TemporaryDirectory() as place:
        state, new = bench.keep_most(Path(place))
        resumed = statistics.median(bench.resume(state) for _ in range(rounds))
    whole = statistics.median(bench.replay(with_helpers=False) for _ in range(rounds))
    name = f"audit of {what} resumed, {new:,} of {bench.entries:,} entries new"
    # Twice the share of the entries leaves room for reading the state, whose size does not depend on the items.
    share, accept = resumed / whole, 2 * new / bench.entries + 0.05
    return Row(name, f"{resumed * 1000:.0f} ms", f"{share:.2f} whole", f"{accept:.2f} whole")


def _node_rows(items: int, rounds: int) -> Iterator[Row]:
    """A whole node over loopback; ratios are to plain work of the same kind, between which each figure is taken."""
    batch = ledger_rows.BATCH
    written = ledger_rows.write_log(items // batch, batch)

    def replay() -> float:
        return (len(written.entries) - 1) * batch / ledger_rows.replay(written)

    with node_rows.long_log(items) as folder:
        measured = (
            ("follow a peer over gRPC, checked and durable", replay, node_rows.follow, "items/s", "replay", "0.5"),
            ("unary call (GetHeads)", wire_calibrators.unary_calls, node_rows.unary_calls, "calls/s", "U", "0.5 U"),
            ("full tiles over HTTP", node_rows.bare_answers, node_rows.tiles_served, "tiles/s", "bare", "0.7"),
        )
        for name, calibrate, measure, unit, reference, accept in measured:
            work = functools.partial(measure, folder)
            figure, _, ratio = calibrators.against(calibrate, work, rounds)
            yield Row(name, f"{figure:,.0f} {unit}", f"{ratio:.2f} {reference}", accept)
        process = node_rows.run_process(folder)
    what = f"node with {items:,} items"
    yield Row(f"{what}: until it answers", f"{process.start_seconds:.2f} s", "", "2 s")
    yield Row(f"{what}: resident", f"{process.mebibytes:.0f} MiB", "", "150 MiB")
    yield Row(f"{what}: idle, of a core", f"{100 * process.idle_share:.2f} %", "", "1 %")
    traffic = traffic_rows.measure(MEMBERS)
    quiet = f"{traffic.token:.0f} + {traffic.heads / 1024:.0f} Ki bytes"
    yield Row(f"network of {MEMBERS}: a quiet look at a peer; a look with news", quiet, "", "")
    yield Row(f"network of {MEMBERS}: one member's cut, fetched", f"{traffic.cut / 1024:.0f} KiB", "", "")
    yield Row(f"network of {MEMBERS}: one node's day, both directions", f"{traffic.day / 2**20:.0f} MiB", "", "")


def _growth_rows(largest: int) -> Iterator[Row]:
    """What becomes of proofs, appends and receipts as a log grows: a line for each power of ten."""
    for one in growth_rows.measure(largest):
        yield Row(
            f"log of {one.entries:>10,} entries: append, proof, receipt for itself",
            f"{one.append_microseconds:.1f} us",
            f"{one.proof_hashes} hashes",
            f"{one.receipt_bytes:,} bytes",
        )


def _registrar_rows(awards_held: int, rounds: int) -> Iterator[Row]:
    """What a registrar waits for, in milliseconds."""
    measured = registrar_rows.measure(rounds)
    awards, lists = registrar_rows.AWARDS, registrar_rows.LISTS
    yield Row(f"preview of revoking {awards:,} awards by list", f"{measured.preview * 1000:.0f} ms", "", "200 ms")
    yield Row(f"revoking {awards:,} awards by list, durable", f"{measured.revoke * 1000:.0f} ms", "", "200 ms")
    what = f"a cut with {lists} lists of {registrar_rows.SLOTS:,} slots"
    yield Row(what, f"{measured.cut * 1000:.0f} ms", "", "500 ms")
    forgotten = rights_rows.measure(awards_held, rounds)
    what = f"forgetting a learner among {forgotten.awards:,} awards, traces included"
    yield Row(what, f"{forgotten.seconds * 1000:.0f} ms", "", "1,000 ms")


def _mastery_rows(learners: int, rounds: int) -> Iterator[Row]:
    """Evaluation, in seconds: what is accepted for all learners is accepted in proportion for fewer."""
    sizes = [number for number in (100, 1_000, 10_000) if number <= learners]
    # Short ones are disturbed by whatever else runs: the best of some rounds is what they take.
    measured = [mastery_rows.measure(number, rounds if number < 10_000 else 1) for number in sizes]
    smallest, whole = measured[0], measured[-1]
    what = f"evaluate {learners:,} learners x {mastery_rows.EVIDENCE_PER_LEARNER} rows, three diplomas"
    yield Row(f"{what}, one core", f"{whole.seconds:.1f} s", "", f"{60 * learners / 10_000:.0f} s")
    yield Row("memory of that, at its highest", f"{whole.mebibytes:,.0f} MiB", "", "1,024 MiB")
    for one in measured:
        yield Row(
            f"linear: processor time for one of {one.rows:,} rows",
            f"{1e6 * one.row_seconds:.1f} us",
            f"{one.row_seconds / smallest.row_seconds:.2f}",
            "1.25",
        )
    seconds = mastery_rows.import_framework(rounds)
    items = mastery_rows.FRAMEWORK_ITEMS
    yield Row(f"import a framework of {items:,} items", f"{seconds * 1000:.0f} ms", "", "2,000 ms")


def _ratio_row(name: str, measure: Callable[[], float], unit: str, rounds: int, accept: str) -> Row:
    figure, _, ratio = calibrators.against(calibrators.verifications, measure, rounds)
    return Row(name, f"{figure:,.0f} {unit}", f"{ratio:.2f} V", accept)


if __name__ == "__main__":
    main()
