"""`cairn-node issue`: awards from a CSV file."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node import terminal
from node.commands.options import SpreadCommand, desk_argument, json_option

if TYPE_CHECKING:
    from node.client.registry import IssueReport, IssueRequest
    from node.desk import Desk

MAX_SHOWN_PROBLEMS = 50

_csv = click.option(
    "--csv",
    "csv_file",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file.",
)
_achievement = click.option("--achievement", required=True, metavar="ID", help="What is awarded: ID, or ID/VERSION.")
_map = click.option(
    "--map", "mapping", multiple=True, metavar="'THEIRS=ours'", help="Read a column under another name."
)
_ignore = click.option("--ignore", multiple=True, metavar="COLUMN…", help="Leave out a column.")
_dry_run = click.option("--dry-run", is_flag=True, help="Change nothing; say what would happen.")


@click.command(
    "issue",
    cls=SpreadCommand,
    epilog="Example:  cairn-node issue /srv/cairn --csv june.csv --achievement granite-hollow --map 'Student Name=name'",
)
@desk_argument
@_csv
@_achievement
@_map
@_ignore
@_dry_run
@json_option
def command(directory: "Desk", as_json: bool, **given: Any) -> int:  # Any: options by name
    """Award an achievement to every learner of a CSV file.

    Columns: learner_id, name, awarded_on; if wanted email, date_of_birth, valid_until, credits and result.CODE for each
    result the achievement describes; `evaluate --awards` adds how each was decided. Rows that cannot be read are told by
    line and reason, the others are awarded; a second run awards nothing twice. Nothing of the file leaves this computer
    but as random-looking values.
    """
    return _issue(directory, given["csv_file"], make_request({**given, "csv_file": None}, ()), as_json=as_json)


def make_request(given: dict[str, Any], replace: tuple[str, ...]) -> "IssueRequest":  # Any: see above
    """The request that options ask for.

    Args:
        given: `csv_file` (None: whoever asks reads it), `achievement`, `mapping`, `ignore` and `dry_run`.
        replace: ids of awards that rows with other content may take the place of.
    """
    from node.client.registry import IssueRequest
    from node.outfile import read_input
    from node.registrar.csvfile import MAX_FILE_BYTES

    mapping = []
    for text in given["mapping"]:
        theirs, separator, ours = text.partition("=")
        if not separator or not theirs or not ours:
            raise click.UsageError(f"--map {text!r} is not THEIRS=ours")
        mapping.append((theirs, ours))
    return IssueRequest(
        data=b"" if given["csv_file"] is None else read_input(given["csv_file"], MAX_FILE_BYTES),
        achievement=given["achievement"],
        mapping=tuple(mapping),
        ignore=tuple(given["ignore"]),
        replace=replace,
        dry_run=given["dry_run"],
    )


def _issue(directory: "Desk", path: Path, request: "IssueRequest", *, as_json: bool) -> int:
    import asyncio

    from node.awardparts import issue_in_parts
    from node.desk import at_desk, open_desk

    home = open_desk(directory)
    with terminal.progress("checking and signing") as told:
        report = asyncio.run(at_desk(home, lambda client: issue_in_parts(client.issue, request, path, told)))
    return finish_issue(directory, report, dry_run=request.dry_run, as_json=as_json)


def finish_issue(directory: "Desk", report: "IssueReport", *, dry_run: bool, as_json: bool) -> int:
    """Tell what became of a file, and name the next step."""
    if as_json:
        terminal.result_json(_to_json(report, dry_run=dry_run))
    else:
        for line in report_lines(report, dry_run=dry_run):
            terminal.result(line)
    for warning in report.warnings:
        terminal.note(f"warning: {warning}")
    if dry_run:
        terminal.next_step("the same without --dry-run")
    elif report.next_cut is None and report.waiting:
        terminal.next_step(f"cairn-node cut {directory}")
    else:
        terminal.next_step(f"cairn-node offer {directory} --achievement {report.achievement} --sheet claims.html")
    return terminal.EXIT_NO if report.problems else terminal.EXIT_YES


def report_lines(report: "IssueReport", *, dry_run: bool) -> Iterator[str]:
    """What became of a file, in words."""
    would = "would be " if dry_run else ""
    yield f"{report.achievement}, version {report.version}"
    yield f"{would}awarded: {report.new}"
    if report.replaced:
        yield f"{would}replaced: {report.replaced}"
    if report.already:
        yield f"already issued: {report.already}"
    if report.ignored:
        yield f"columns left out: {', '.join(report.ignored)}"
    if report.problems:
        yield f"left out: {terminal.count(len(report.problems), 'row')}"
        for problem in report.problems[:MAX_SHOWN_PROBLEMS]:
            yield f"  {problem.describe()}"
        hidden = len(report.problems) - MAX_SHOWN_PROBLEMS
        if hidden > 0:
            yield f"  and {hidden} more; --json shows all"
    if report.waiting and not dry_run:
        when = "the next cut" if report.last_cut is None else f"the cut of {terminal.instant(report.last_cut)}"
        yield f"on the ledger with {when}: {terminal.count(report.waiting, 'copy', 'copies')}"


def _to_json(report: "IssueReport", *, dry_run: bool) -> dict[str, object]:
    problems = [{"column": row.column, "line": row.line, "reason": row.reason} for row in report.problems]
    return {
        "achievement": report.achievement,
        "already": report.already,
        "dry_run": dry_run,
        "ignored": list(report.ignored),
        "issued": list(report.issued),
        "last_cut": report.last_cut,
        "new": report.new,
        "next_cut": report.next_cut,
        "problems": problems,
        "replaced": report.replaced,
        "version": report.version,
        "warnings": list(report.warnings),
        "waiting": report.waiting,
    }
