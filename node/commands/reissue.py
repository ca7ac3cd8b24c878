"""`cairn-node reissue`: copies made anew after the key that signed them was stolen."""

from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from node.client.correction import ReissueReport
    from node.client.registrar import RegistrarClient
    from node.desk import Desk


@click.command("reissue", cls=DeskCommand, epilog="Example:  cairn-node reissue /srv/cairn --key 3vQk9x2P")
@desk_argument
@click.option("--key", metavar="KEY", help="The credential key that was declared stolen.")
@click.option("--inherited", is_flag=True, help="Instead: awards taken over from an institution this one succeeds.")
@click.option("--yes", is_flag=True, help="Do not ask; the preview is shown all the same.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would happen.")
@json_option
def command(directory: "Desk", key: str | None, inherited: bool, yes: bool, dry_run: bool, as_json: bool) -> int:
    """Make new copies of all awards whose copies a stolen key signed; nobody decides about the awards anew.

    The new copies have fresh ids and places, are signed by the key in force, and go with the next cuts. The old ones
    read "replaced" from the next cut on. Learners need no new claim link: their wallets fetch new copies when they
    refresh.

    With --inherited: of awards that cairn-node inherit took over, which then stand on this institution's own log, in the
    old one's name. Copies in wallets stay good where they are; offer makes claim links for others.

    Learners whose data is restricted are passed over, and counted.
    """
    import asyncio

    from node.commands.deciding import is_agreed
    from node.desk import at_desk, open_desk

    if (key is None) != inherited:
        raise click.UsageError("say --key KEY or --inherited")

    def call(client: "RegistrarClient", *, dry_run: bool) -> "Awaitable[ReissueReport]":
        if key is None:
            return client.corrections.reissue_inherited(dry_run=dry_run)
        return client.corrections.reissue(key, dry_run=dry_run)

    home = open_desk(directory)
    with terminal.show_work("looking"):
        preview = asyncio.run(at_desk(home, lambda client: call(client, dry_run=True)))
    if dry_run or not preview.ended_slots:
        return _finish(directory, preview, dry_run=True, as_json=as_json)
    for line in _lines(preview, dry_run=True):
        terminal.note(line)
    if not is_agreed(f"Make new copies of {terminal.count(preview.awards, 'award')}?", yes=yes):
        return terminal.EXIT_NO
    with terminal.show_work("signing"):
        done = asyncio.run(at_desk(home, lambda client: call(client, dry_run=False)))
    return _finish(directory, done, dry_run=False, as_json=as_json)


def _finish(directory: "Desk", report: "ReissueReport", *, dry_run: bool, as_json: bool) -> int:
    if as_json:
        terminal.result_json(_to_json(report, dry_run=dry_run))
    elif not report.ended_slots:
        what = "was signed by this key while it was stolen" if report.key else "stands on a log that was taken over"
        terminal.result(f"no copy that counts {what}: there is nothing to make anew")
        for line in _passed_over(report):
            terminal.result(line)
    else:
        for line in _lines(report, dry_run=dry_run):
            terminal.result(line)
    if not report.ended_slots:
        terminal.next_step(f"cairn-node awards {directory}")
    elif dry_run:
        terminal.next_step("the same without --dry-run")
    elif not report.key:
        terminal.next_step(f"cairn-node offer {directory} … after the cut, for learners who want copies from here")
    elif report.next_cut is None:
        terminal.next_step(f"cairn-node cut {directory}; then tell learners to run cairn refresh")
    else:
        terminal.next_step("tell learners to run cairn refresh after the cut; they need no new claim link")
    return terminal.EXIT_YES


def _lines(report: "ReissueReport", *, dry_run: bool) -> "list[str]":
    would = "would be " if dry_run else ""
    lines = [f"{would}made anew: {terminal.count(report.new_copies, 'copy', 'copies')} of ours"]
    lines += [f"  {one.awards:,}  {one.achievement}/{one.version}" for one in report.achievements]
    ended = terminal.count(report.ended_slots, "old copy", "old copies")
    wallets = (
        f", {report.wallet_copies:,} of them in wallets, which fetch others by cairn refresh" if report.key else ""
    )
    lines.append(f"{would}replaced: {ended}{wallets}")
    lines += _passed_over(report)
    if report.last_cut is None:
        when = "with the next cut"
    else:
        when = f"from the cut of {terminal.instant(report.next_cut)} to the cut of {terminal.instant(report.last_cut)}"
    lines.append(f"on the ledger {when}: {terminal.count(report.waiting, 'copy', 'copies')}")
    return lines


def _passed_over(report: "ReissueReport") -> "list[str]":
    if not report.restricted:
        return []
    return [f"passed over: {terminal.count(report.restricted, 'learner')} whose data is restricted (cairn-node rights)"]


def _to_json(report: "ReissueReport", *, dry_run: bool) -> dict[str, object]:
    return {
        "achievements": [
            {"achievement": one.achievement, "awards": one.awards, "version": one.version}
            for one in report.achievements
        ],
        "awards": report.awards,
        "dry_run": dry_run,
        "ended_slots": report.ended_slots,
        "key": report.key,
        "last_cut": report.last_cut,
        "new_copies": report.new_copies,
        "next_cut": report.next_cut,
        "restricted": report.restricted,
        "waiting": report.waiting,
        "wallet_copies": report.wallet_copies,
    }
