"""`cairn-node rights`: restriction, legal hold, statement of disagreement, disclosure log."""

from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from datetime import datetime

    from node.desk import Desk


@click.group("rights")
def command() -> None:
    """What learners and guardians may ask for beside a report and erasure, and what a court may order."""


def _put(directory: "Desk", kind: str, text: str, *, learner: str = "", award: str = "", as_json: bool) -> None:
    import asyncio

    from node.desk import open_desk, with_rights

    mark = asyncio.run(
        with_rights(
            open_desk(directory), lambda client: client.put_mark(kind, text, learner_id=learner, award_id=award)
        )
    )
    if as_json:
        terminal.result_json({"at": mark.at, "id": mark.id, "kind": kind})
    else:
        terminal.result(f"noted: {kind} since {terminal.instant(mark.at)}, mark {mark.id}")


def _end(directory: "Desk", kind: str, *, learner: str = "", award: str = "", as_json: bool) -> int:
    import asyncio

    from node.desk import open_desk, with_rights

    ended = asyncio.run(
        with_rights(open_desk(directory), lambda client: client.end_mark(kind, learner_id=learner, award_id=award))
    )
    if as_json:
        terminal.result_json({"ended": ended, "kind": kind})
    else:
        terminal.result(f"ended: {kind}" if ended else f"no {kind} stood")
    terminal.next_step(f"cairn-node subject-report {directory} {learner or 'LEARNER'}")
    return terminal.EXIT_YES if ended else terminal.EXIT_NO


@command.command(
    "restrict",
    cls=DeskCommand,
    epilog="Example:  cairn-node rights restrict /srv/cairn L017 --why 'accuracy contested'",
)
@desk_argument
@click.argument("learner", metavar="LEARNER")
@click.option("--why", required=True, metavar="TEXT", help="Stays in this institution's own database.")
@json_option
def restrict(directory: "Desk", learner: str, why: str, as_json: bool) -> int:
    """Pause every use of LEARNER's data: no award, copy or claim link is made until it is lifted."""
    _put(directory, "restriction", why, learner=learner, as_json=as_json)
    terminal.next_step(f"cairn-node rights lift {directory} {learner}, when it is settled")
    return terminal.EXIT_YES


@command.command("lift", cls=DeskCommand, epilog="Example:  cairn-node rights lift /srv/cairn L017")
@desk_argument
@click.argument("learner", metavar="LEARNER")
@json_option
def lift(directory: "Desk", learner: str, as_json: bool) -> int:
    """End the restriction of LEARNER's data. Exit code 1 where none stood."""
    return _end(directory, "restriction", learner=learner, as_json=as_json)


@command.command(
    "hold", cls=DeskCommand, epilog="Example:  cairn-node rights hold /srv/cairn L017 --why 'subpoena 2026-114'"
)
@desk_argument
@click.argument("learner", metavar="LEARNER")
@click.option("--why", required=True, metavar="TEXT", help="Named to whoever wants to forget the learner.")
@json_option
def hold(directory: "Desk", learner: str, why: str, as_json: bool) -> int:
    """Put LEARNER under legal hold: neither forget nor the retention table erases anything of them."""
    _put(directory, "hold", why, learner=learner, as_json=as_json)
    terminal.next_step(f"cairn-node rights release {directory} {learner}, when the hold is over")
    return terminal.EXIT_YES


@command.command("release", cls=DeskCommand, epilog="Example:  cairn-node rights release /srv/cairn L017")
@desk_argument
@click.argument("learner", metavar="LEARNER")
@json_option
def release(directory: "Desk", learner: str, as_json: bool) -> int:
    """End the legal hold on LEARNER. Exit code 1 where none stood."""
    return _end(directory, "hold", learner=learner, as_json=as_json)


@command.command(
    "disagree",
    cls=DeskCommand,
    epilog="Example:  cairn-node rights disagree /srv/cairn 3k2v7qmdx5tbn4ha --statement 'I was ill that week.'",
)
@desk_argument
@click.argument("award", metavar="AWARD")
@click.option("--statement", required=True, metavar="TEXT", help="The learner's own words, at most 2,000 characters.")
@json_option
def disagree(directory: "Desk", award: str, statement: str, as_json: bool) -> int:
    """Place the learner's statement of disagreement with AWARD: every copy made from now on carries it.

    The learner decides whether to show it, as every other field; a copy this institution sends shows it. Copies there are
    do not change: a new claim link, or a replacement, brings one that has it.
    """
    _put(directory, "disagreement", statement, award=award, as_json=as_json)
    terminal.next_step(f"cairn-node offer {directory} {award}, so that the learner's wallet gets a copy with it")
    return terminal.EXIT_YES


@command.command("agree", cls=DeskCommand, epilog="Example:  cairn-node rights agree /srv/cairn 3k2v7qmdx5tbn4ha")
@desk_argument
@click.argument("award", metavar="AWARD")
@json_option
def agree(directory: "Desk", award: str, as_json: bool) -> int:
    """Take the statement of disagreement with AWARD back, at the learner's wish. Exit code 1 where none stood."""
    return _end(directory, "disagreement", award=award, as_json=as_json)


@command.command(
    "disclosed",
    cls=DeskCommand,
    epilog="Example:  cairn-node rights disclosed /srv/cairn L017 --to 'State auditor' --what transcript --for audit",
)
@desk_argument
@click.argument("learner", metavar="LEARNER")
@click.option("--to", "recipient", required=True, metavar="WHOM", help="Who was given it.")
@click.option("--what", required=True, metavar="WHAT", help="What they were given.")
@click.option("--for", "purpose", required=True, metavar="WHY", help="Their legitimate interest.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="When, if not now.")
@json_option
def disclosed(
    directory: "Desk", learner: str, recipient: str, what: str, purpose: str, day: "datetime | None", as_json: bool
) -> int:
    """Note that this institution gave LEARNER's data to somebody; subject-report tells it."""
    import asyncio
    from datetime import UTC

    from node.desk import open_desk, with_rights

    at = 0 if day is None else int(day.replace(tzinfo=UTC).timestamp() * 1000)
    made = asyncio.run(
        with_rights(open_desk(directory), lambda client: client.note_disclosure(learner, recipient, what, purpose, at))
    )
    if as_json:
        terminal.result_json({"id": made})
    else:
        terminal.result(f"noted: disclosure {made}")
    terminal.next_step(f"cairn-node subject-report {directory} {learner}")
    return terminal.EXIT_YES
