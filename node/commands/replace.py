"""`cairn-node replace`: put a corrected award in the place of one that says something wrong."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.credential.status import Status
from ledger.errors import RuleError
from node import terminal
from node.commands.deciding import (
    consequence_lines,
    decision_options,
    is_agreed,
    read_selection,
    run_decision,
    selection_options,
)
from node.commands.issue import finish_issue, make_request, report_lines
from node.commands.options import SpreadCommand, desk_argument, json_option

if TYPE_CHECKING:
    from node.desk import Desk, RemoteDesk
    from node.home import Home


@click.command(
    "replace",
    cls=SpreadCommand,
    epilog="Example:  cairn-node replace /srv/cairn --learner L02 --set name='Basalt Thistlewick' awarded_on=2026-06-22",
)
@desk_argument
@selection_options("Awards of this achievement: ID, or ID/VERSION; the rows of --csv are of it.")
@click.option(
    "--set",
    "corrections",
    multiple=True,
    metavar="COLUMN=VALUE…",
    help="What the selected awards shall say instead: name, awarded_on, date_of_birth, valid_until, credits, result.CODE.",
)
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Corrected rows, in the form that `issue` takes.",
)
@click.option("--map", "mapping", multiple=True, metavar="'THEIRS=ours'", help="Read a column under another name.")
@click.option("--ignore", multiple=True, metavar="COLUMN…", help="Leave out a column.")
@decision_options
@json_option
def command(directory: "Desk", yes: bool, as_json: bool, **given: Any) -> int:  # Any: options by name
    """Replace awards by corrected ones, for good; the old ones read "replaced" from the next cut on.

    One misspelt name is put right on all awards of a learner with --learner and --set; many different rows with --csv.
    Awards are selected as by `revoke`. Wallets that hold the old copies fetch the new ones when they refresh.
    """
    from node.client.correction import DecisionOrder

    if bool(given["corrections"]) == (given["csv_file"] is not None):
        raise click.UsageError("what shall they say? Either --set COLUMN=VALUE, or --csv FILE")
    if given["csv_file"] is not None:
        return _replace_rows(directory, given, yes=yes, as_json=as_json)
    order = DecisionOrder(
        selection=read_selection(given),
        status=Status.REPLACED,
        reason=given["reason"],
        corrections=tuple(_read_correction(text) for text in given["corrections"]),
        dry_run=given["dry_run"],
    )
    return run_decision(directory, order, yes=yes, as_json=as_json)


def _read_correction(text: str) -> tuple[str, str]:
    column, separator, value = text.partition("=")
    if not separator or not column:
        raise click.UsageError("--set takes COLUMN=VALUE, for example --set awarded_on=2026-06-22")
    return column, value


def _replace_rows(directory: "Desk", given: dict[str, Any], *, yes: bool, as_json: bool) -> int:
    """Replace the named awards by the rows of a file; the file is tried first, and what it would do is shown."""
    import asyncio

    from node.desk import at_desk, open_desk

    home = open_desk(directory)
    named = read_selection(given)
    if not named.award_ids or named.learner_id or named.key or named.issued_since or named.issued_until:
        raise click.UsageError("the rows of --csv say which learners: name the awards they replace, or give --list")
    if given["reason"]:
        raise click.UsageError("--reason goes with --set, which is one decision")
    with terminal.show_work("checking"):
        achievement = named.achievement or asyncio.run(_find_achievement(home, named.award_ids))
        request = make_request({**given, "achievement": achievement, "dry_run": True}, named.award_ids)
        tried = asyncio.run(at_desk(home, lambda client: client.issue(request)))
    if tried.new > tried.replaced:
        raise RuleError(
            f"replace: {terminal.count(tried.new - tried.replaced, 'row')} of the file would be new awards, not "
            "corrections; nothing was changed",
            hint="leave those rows out and award them with cairn-node issue",
        )
    if given["dry_run"] or not tried.replaced:
        return finish_issue(directory, tried, dry_run=given["dry_run"], as_json=as_json)
    for line in (*report_lines(tried, dry_run=True), *consequence_lines(Status.REPLACED, tried.next_cut)):
        terminal.note(line)
    if not is_agreed(f"Replace {terminal.count(tried.replaced, 'award')} for good?", yes=yes):
        return terminal.EXIT_NO
    with terminal.show_work("signing"):
        done = asyncio.run(at_desk(home, lambda client: client.issue(dataclasses.replace(request, dry_run=False))))
    return finish_issue(directory, done, dry_run=False, as_json=as_json)


async def _find_achievement(home: "Home | RemoteDesk", award_ids: tuple[str, ...]) -> str:
    """The one achievement that all these awards are of, with its version."""
    from node.desk import at_desk

    views = await at_desk(home, lambda client: client.list_awards())
    wanted = set(award_ids)
    found = sorted({f"{view.achievement}/{view.version}" for view in views if view.id in wanted})
    if len(found) != 1:
        what = "are of different achievements" if found else "do not exist"
        raise RuleError(
            f"replace: the awards named {what}",
            hint="one file for each achievement; `cairn-node awards DIR` shows the awards",
        )
    return found[0]
