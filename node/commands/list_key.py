"""`cairn-node list-key`: hand the key of a status list to an auditor, knowing what that means."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, force_option, json_option, output_option

if TYPE_CHECKING:
    from ledger.log.state import LogState
    from node.home import Home

SECRET_MODE = 0o600

_WARNING = (
    "whoever has this file reads every page of the list, those of the past and all to come, for ever:",
    "how many awards were revoked, suspended or replaced, in which slots and at which cut, though not whose they are.",
    "It cannot be taken back. A list's key opens no other list.",
)


@click.command("list-key", epilog="Example:  cairn-node list-key /srv/cairn --list 0 -o audit-office.list-key")
@directory_argument
@click.option(
    "--list",
    "numbers",
    metavar="N",
    type=click.IntRange(0, 2**31 - 1),
    multiple=True,
    required=True,
    help="Number of the list, from 0; may be repeated.",
)
@output_option("Where to write it; secret.")
@click.option("--yes", is_flag=True, help="Do not ask; what it means is shown all the same.")
@force_option
@json_option
def command(directory: Path, numbers: tuple[int, ...], output: Path, yes: bool, force: bool, as_json: bool) -> int:
    """Write the keys of status lists to a file for `cairn audit --list-key FILE`.

    An auditor then sees whether every slot reads as a status and whether what was revoked stays revoked. Hand over lists
    that were closed years ago rather than the newest, and only to somebody who may know how much was revoked.
    """
    import asyncio

    from ledger import base64url, canonical
    from ledger.credential.status import list_key
    from ledger.errors import MalformedError
    from ledger.log.identity import encode_log_id
    from node.home import open_home
    from node.outfile import check_output, write_output

    check_output(output, force=force)
    home = open_home(directory)
    state = asyncio.run(_read_state(home))
    chosen = _check_numbers(state, numbers)
    for line in _WARNING:
        terminal.note(f"warning: {line}")
    if not yes:
        if not sys.stdin.isatty():
            raise MalformedError("list-key: this needs an answer and the input is not a terminal", hint="add --yes")
        if not click.confirm(f"Write the key of {_name(chosen)} of {state.name}?", err=True):
            terminal.note("nothing was written")
            return terminal.EXIT_NO
    root = home.keystore().list_root
    keys: list[canonical.JSONValue] = [
        {"key": base64url.encode(list_key(root, number)), "number": number} for number in chosen
    ]
    log = encode_log_id(state.log_id)
    write_output(output, canonical.encode({"list_keys": keys, "log": log}) + b"\n", mode=SECRET_MODE)
    if as_json:
        terminal.result_json({"file": str(output), "lists": chosen, "log": log})
    else:
        terminal.result(f"written: {output}: the key of {_name(chosen)}; give it to the auditor alone")
    terminal.next_step(f"cairn audit --list-key {output} --dump DIR, at the auditor")
    return terminal.EXIT_YES


async def _read_state(home: "Home") -> "LogState":
    from node.access import open_access

    async with open_access(home) as access:
        return (await access.held_log()).state


def _check_numbers(state: "LogState", numbers: tuple[int, ...]) -> list[int]:
    from ledger.errors import RuleError

    opened = sorted(number for log, number in state.lists if log == state.log_id)
    for number in numbers:
        if number not in opened:
            known = "none has been published yet" if not opened else f"published are {opened[0]} to {opened[-1]}"
            raise RuleError(f"list {number}: {known}", hint="a list is published with the first cut after it opened")
    return sorted(set(numbers))


def _name(numbers: list[int]) -> str:
    return f"list{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
