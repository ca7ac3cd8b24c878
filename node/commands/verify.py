"""`cairn-node verify`: judge what somebody shows, against the logs of the running node."""

from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.client.givenoptions import given_options
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from ledger.credential.batch_report import FileReport, Tally
    from node.client.givenfiles import GivenFiles
    from node.desk import Desk


@click.command(
    "verify",
    cls=DeskCommand,
    epilog="Example:  cairn-node verify /srv/cairn inbox/ --audience 'Tidewater College' --nonce 7f3a91",
)
@desk_argument
@click.argument("names", metavar="FILE...", nargs=-1, required=True)
@click.option("--audience", metavar="NAME", help="Your name: refuse a file that was made for somebody else.")
@click.option("--nonce", metavar="TEXT", help="The value you gave out: refuse a file that does not carry it.")
@click.option(
    "--as-of",
    "as_of",
    metavar="DATE",
    help="Also say what was known then: a day (its end, UTC) or an instant such as 2026-06-30T12:00:00Z.",
)
@click.option(
    "--network", metavar="ID", help="Log id of the network whose members may issue; the node's own by default."
)
@click.option("--full", is_flag=True, help="The whole report for every file, also when there are several.")
@given_options
@json_option
def command(
    directory: "Desk",
    names: tuple[str, ...],
    audience: str | None,
    nonce: str | None,
    as_of: str | None,
    network: str | None,
    full: bool,
    given: "GivenFiles",
    as_json: bool,
) -> int:
    """Judge presentations, credentials and badges by what the running node holds; nobody is asked, nothing is fetched.

    FILE may be a folder, and of every format that `cairn verify` reads; whatever a member of the network issued goes through
    the whole list, in whichever form. Who issued what came from elsewhere, only --issuer, --issuer-document or --ca can say.
    The node keeps and logs nothing of what it is shown. Exit code 0: all valid now. 1: at least one is
    not. 2: nothing could be read. 3: could not be decided. With --as-of the answer about that date stands beside today's, and
    what was known then decides the exit code, as `cairn verify --as-of` has it.
    """
    import asyncio

    from ledger.credential.batch_report import Tally
    from ledger.credential.moment import parse_moment
    from ledger.log.identity import parse_log_id
    from node.client.givenfiles import read_files
    from node.client.shownfiles import Receipts
    from node.client.verifier import Asked
    from node.clock import system_clock
    from node.desk import open_desk
    from node.verifyfiles import verify_files

    asked = Asked(
        audience=audience,
        nonce=nonce,
        as_of=None if as_of is None else parse_moment(as_of, system_clock()),
        network=None if network is None else parse_log_id(network),
        given=read_files(given),
    )
    tally = Tally()
    reports = verify_files(open_desk(directory), names, asked, Receipts(given.receipts))
    is_batch = len(names) > 1 or Path(names[0]).is_dir()
    printing = _print_json if as_json else partial(_print_text, is_batch=is_batch, full=full)
    asyncio.run(_print(reports, tally, printing))
    if tally.exit_code == terminal.EXIT_YES:
        terminal.next_step("keep what you decide; the node keeps nothing of what it was shown")
    else:
        terminal.next_step(
            f"do what each report says under `What to do`; cairn-node status {directory} tells how it stands"
        )
    return tally.exit_code


async def _print(
    reports: "AsyncGenerator[FileReport, None]",
    tally: "Tally",
    printing: "Callable[[AsyncIterator[FileReport], Tally], Awaitable[None]]",
) -> None:
    # Closed here, in its own loop: whoever reads the output may have gone away in the middle.
    async with aclosing(reports):
        await printing(reports, tally)


async def _print_text(reports: "AsyncIterator[FileReport]", tally: "Tally", *, is_batch: bool, full: bool) -> None:
    from ledger.credential.report import CLOSING

    async for report in reports:
        tally.add(report)
        if is_batch:
            terminal.result(report.to_line())
        for line in report.report.to_lines(closing=False) if full or not is_batch else ():
            terminal.result(line)
    if is_batch:
        terminal.result(tally.to_line() or "no file")
    terminal.result(CLOSING)


async def _print_json(reports: "AsyncIterator[FileReport]", tally: "Tally") -> None:
    # Written file by file: sixty thousand reports are not kept in memory to be printed at the end.
    import json

    terminal.result('{"files": [')
    separator = " "
    async for report in reports:
        tally.add(report)
        terminal.result(separator + json.dumps(report.to_json(), ensure_ascii=True, sort_keys=True))
        separator = ","
    terminal.result(f'], "counts": {json.dumps(tally.counts, sort_keys=True)}, "exit_code": {tally.exit_code}}}')
