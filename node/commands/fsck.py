"""`cairn-node fsck`: check everything a node keeps, name the damaged places, and repair what can be."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import SpreadCommand, directory_argument, json_option

if TYPE_CHECKING:
    from node.fsck.repair import Repaired
    from node.fsck.whole import Report
    from node.home import Home


@click.command(
    "fsck",
    cls=SpreadCommand,
    epilog="Example:  cairn-node fsck /srv/cairn;  cairn-node fsck /srv/cairn --repair --from ledger.tidewater.example:443",
)
@directory_argument
@click.option("--log", "log_text", metavar="ID", help="Tell only of the log with this id, or one that begins so.")
@click.option("--repair", is_flag=True, help="Repair the ledger store; the damaged directory is kept beside it.")
@click.option(
    "--from",
    "peers",
    multiple=True,
    metavar="HOST:PORT…",
    help="With --repair: the nodes to fetch lost bytes from. By default every peer and member known.",
)
@json_option
def command(directory: Path, log_text: str | None, repair: bool, peers: tuple[str, ...], as_json: bool) -> int:
    """Check keys, ledger store and registrar's database of a stopped node, byte by byte, and change nothing.

    With --repair the ledger store is written anew: what follows from entries is computed again, lost bytes are fetched
    from peers and taken only where they prove themselves. Keys and the registrar's database are in backups alone.

    Exit code 0: nothing is damaged. 1: something is. 3: it could not be decided, or the node runs.
    """
    import asyncio
    import os

    from node.clock import system_clock
    from node.fsck.whole import check_node
    from node.highwater import state_home
    from node.home import open_home
    from node.onlyone import hold_directory

    if peers and not repair:
        raise click.UsageError("--from goes with --repair")
    home = open_home(directory)
    _refuse_running(home)
    with hold_directory(home.directory, "cairn-node fsck"):
        repaired = asyncio.run(_repair(home, peers)) if repair and home.ledger.is_dir() else None
        with terminal.progress("checking") as progress:
            report = check_node(home, state_home(os.environ), system_clock(), progress)
    if log_text is not None:
        report = _only(report, log_text)
    if as_json:
        terminal.result_json(_to_json(report, repaired, str(directory)))
    else:
        _show(home, report, repaired)
    return _next(home, report, is_repair=repair)


async def _repair(home: "Home", peers: tuple[str, ...]) -> "Repaired":
    import os

    from node.clock import system_clock
    from node.found import KEYS_DIRECTORY
    from node.fsck.repair import RepairParts, dial_policy, find_own_log, repair_store
    from node.fsck.whole import known_high_water, open_keystore_or_none, peer_addresses, read_trust_roots
    from node.highwater import state_home

    trusts, _ = read_trust_roots(home)
    keystore = open_keystore_or_none(home.directory / KEYS_DIRECTORY)
    with terminal.show_work("repairing"):
        return await repair_store(
            RepairParts(
                store=home.ledger,
                trusts=trusts,
                keystore=keystore,
                addresses=lambda store: peer_addresses(
                    store, home.config, trusts, find_own_log(store, keystore), peers
                ),
                timeout_seconds=home.config.peer_timeout_seconds,
                policy=dial_policy(home.config),
                clock=system_clock,
                tick=lambda done: None,
                high_water=lambda log: known_high_water(state_home(os.environ), log),
            )
        )


def _refuse_running(home: "Home") -> None:
    from node.errors import BusyError

    if home.is_running():
        raise BusyError(
            f"{home.directory}: the node is running",
            hint="stop it first (systemctl stop cairn-node, or Ctrl-C where it runs), then run the same again",
        )


def _only(report: "Report", log_text: str) -> "Report":
    from dataclasses import replace

    from ledger.log.identity import encode_log_id

    chosen = [item for item in report.findings if item.log is not None and encode_log_id(item.log).startswith(log_text)]
    return replace(report, findings=chosen)


def _show(home: "Home", report: "Report", repaired: "Repaired | None") -> None:
    from node.fsck.telling import tell

    if repaired is not None:
        _show_repair(home, repaired)
    for line in tell(report.findings, str(home.directory)):
        terminal.result(line)
    checked = [
        terminal.count(report.logs, "log"),
        terminal.count(report.entries, "entry", "entries"),
        terminal.count(report.copies, "copy", "copies"),
    ]
    terminal.result(f"{home.config.name}: checked {', '.join(checked)}")
    if not report.findings:
        terminal.result("nothing is damaged")


def _show_repair(home: "Home", repaired: "Repaired") -> None:
    for address, reason in sorted(repaired.silent.items()):
        terminal.note(f"peer {address} did not answer: {reason}")
    if repaired.refusal:
        terminal.note(f"nothing was changed: {repaired.refusal}")
    elif repaired.kept is None:
        terminal.result(
            "nothing in the ledger store had to be repaired" if not repaired.before else "nothing was changed"
        )
    else:
        done = len(repaired.before) - len(repaired.after)
        terminal.result(f"repaired: {terminal.count(done, 'place')} of {len(repaired.before)} in the ledger store")
        terminal.result(
            f"the damaged store is kept in {repaired.kept}; remove it when the node has run well for a while"
        )


def _next(home: "Home", report: "Report", *, is_repair: bool) -> int:
    from node.fsck.finding import Part

    directory = home.directory
    if not report.findings:
        terminal.next_step(f"cairn-node run {directory}")
        return terminal.EXIT_YES
    if report.count(Part.LEDGER) and not is_repair:
        terminal.next_step(f"cairn-node fsck {directory} --repair")
    else:
        terminal.next_step("do what is said above, then check again")
    return terminal.EXIT_NO if report.is_damaged else terminal.EXIT_UNDECIDED


def _to_json(report: "Report", repaired: "Repaired | None", directory: str) -> dict[str, object]:
    from ledger.log.identity import encode_log_id
    from node.fsck.telling import with_directory

    value: dict[str, object] = {
        "checked": {"copies": report.copies, "entries": report.entries, "logs": report.logs},
        "findings": [with_directory(finding, directory).to_json() for finding in report.findings],
        "log": None if report.log is None else encode_log_id(report.log),
        "verdict": "damaged" if report.is_damaged else "undecided" if report.findings else "clean",
    }
    if repaired is not None:
        value["repair"] = {
            "after": len(repaired.after),
            "before": len(repaired.before),
            "kept": None if repaired.kept is None else str(repaired.kept),
            "refusal": repaired.refusal,
            "silent": sorted(repaired.silent),
        }
    return value
