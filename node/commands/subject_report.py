"""`cairn-node subject-report`: everything that is held about a learner."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, force_option, json_option

if TYPE_CHECKING:
    from node.desk import Desk

REPORT_MODE = 0o600


@click.command(
    "subject-report", cls=DeskCommand, epilog="Example:  cairn-node subject-report /srv/cairn L017 -o L017.json"
)
@desk_argument
@click.argument("learner", metavar="LEARNER")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all of it as JSON here, copies with their salts included; the words still go to the terminal.",
)
@force_option
@json_option
def command(directory: "Desk", learner: str, output: Path | None, force: bool, as_json: bool) -> int:
    """Tell everything this node holds about LEARNER (their id in the student system), in words and as JSON.

    Awards with every copy, decisions with their reasons, claim links, restrictions, holds, statements, to whom data was
    given, which calls touched it, and what others hold. Exit code 1 where nothing is held.
    """
    import asyncio
    import json

    from node.desk import open_desk, with_rights
    from node.outfile import check_output, write_output

    if output is not None:
        check_output(output, force=force)
    data = asyncio.run(with_rights(open_desk(directory), lambda client: client.report(learner)))
    if data is None:
        if as_json:
            terminal.result_json({"awards": []})
        else:
            terminal.result("nothing is held about this learner")
        terminal.next_step(f"cairn-node awards {directory}")
        return terminal.EXIT_NO
    report = json.loads(data)
    if as_json:
        terminal.result_json(report)
    else:
        for line in describe(report):
            terminal.result(line)
    if output is not None:
        write_output(output, data, mode=REPORT_MODE)
        terminal.note(f"written: {output}; it is personal: hand it over, then delete it")
    terminal.next_step(
        f"cairn-node rights disclosed {directory} {learner} --to WHOM --what WHAT --for WHY, where data is given away"
    )
    return terminal.EXIT_YES


def describe(report: dict[str, Any]) -> Iterator[str]:  # Any, here and below: JSON of the node's own report
    """The lines of a report in words."""
    yield f"{report['institution']} holds this about learner {report['learner_id']}, {terminal.instant(report['made_at'])}"
    for award in report["awards"]:
        yield from _describe_award(award)
    for link in report["claim_links"]:
        used = f"used {terminal.instant(link['used_at'])}" if link["used_at"] is not None else "not used"
        yield f"claim link of {terminal.instant(link['created_at'])} for award {link['award']}: {used}"
    for mark in report["marks"]:
        end = "" if mark["ended_at"] is None else f", ended {terminal.instant(mark['ended_at'])}"
        yield f"{mark['kind']} since {terminal.instant(mark['at'])}{end}: {mark['text']}"
    for given in report["disclosures"]:
        yield f"given on {terminal.instant(given['at'])} to {given['to']}: {given['what']}, for {given['purpose']}"
    if not report["disclosures"]:
        yield "given to others: nothing was noted"
    for proposal in report["proposals"]:
        yield f"waits for a second person: {proposal['act']}, proposal {proposal['id']}"
    for row in report["trail"]:
        yield f"{terminal.instant(row['at'])}: {row['call']} by {row['by']}, {row['outcome']}"
    for words in report["elsewhere"]:
        yield f"elsewhere, {words}"


def _describe_award(award: dict[str, Any]) -> Iterator[str]:
    yield f"award {award['id']}: {award['achievement']}/{award['version']}, {award['status']}"
    said = {
        "name": award["name"],
        "e-mail": award["email"],
        "date of birth": award["date_of_birth"],
        "awarded on": award["awarded_on"],
        "valid until": award["valid_until"],
        "credits": award["credits"],
        **{f"result {code}": value for code, value in award["results"]},
    }
    yield from (f"  {name}: {value}" for name, value in said.items() if value)
    if award["evaluation"] is not None:
        yield f"  decided by an evaluation: {award['evaluation']['content'][0]}"
    for decision in award["decisions"]:
        reason = f", because {decision['reason']}" if decision["reason"] else ""
        yield f"  {decision['status']} since {terminal.instant(decision['at'])}{reason}"
    for copy in award["copies"]:
        where = "waits for the ledger" if copy["entry"] is None else f"on the ledger at entry {copy['entry']}"
        yield f"  {copy['kind'].replace('_', ' ')} copy of {terminal.instant(copy['minted_at'])}, {where}"
