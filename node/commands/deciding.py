"""What `revoke`, `suspend`, `reinstate` and `replace` have in common: which awards, a preview in words, a question."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ledger.credential.status import Status
from ledger.errors import MalformedError
from node import terminal

if TYPE_CHECKING:
    from node.client.correction import DecisionOrder, DecisionReport, Selection
    from node.desk import Desk

Function = TypeVar("Function", bound=Callable[..., Any])

_DONE = {Status.REVOKED: "revoked", Status.SUSPENDED: "suspended", Status.VALID: "valid again"}
_DONE[Status.REPLACED] = "replaced"
_ASKED = {
    Status.REVOKED: "Revoke {} for good?",
    Status.SUSPENDED: "Suspend {}?",
    Status.VALID: "Reinstate {}?",
    Status.REPLACED: "Replace {} for good?",
}
_READ = {
    Status.REVOKED: "Was valid, not now (REVOKED)",
    Status.SUSPENDED: "Was valid, not now (SUSPENDED)",
    Status.VALID: "Valid now",
    Status.REPLACED: "Was valid, not now (SUPERSEDED), for the copies there are",
}
_AFTERWARDS = {
    Status.REVOKED: ("this cannot be undone: what is revoked stays so; a mistake is put right by awarding anew",),
    Status.SUSPENDED: ("this can be undone: cairn-node reinstate",),
    Status.VALID: (
        "whoever was shown a copy can read in it that it was suspended; cairn refresh fetches copies without that",
    ),
    Status.REPLACED: (
        "this cannot be undone: what is replaced stays so",
        "wallets that hold the old copies fetch the new ones with cairn refresh, without a new claim link",
    ),
}
_MAX_ACHIEVEMENTS = 20


def selection_options(
    achievement_help: str = "Awards of this achievement: ID, or ID/VERSION.",
) -> Callable[[Function], Function]:
    """Add the parameters that select awards; `read_selection` takes them."""
    options = (
        click.argument("awards", metavar="[AWARD]…", nargs=-1),
        click.option(
            "--list",
            "list_file",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Awards in a text or CSV file, one id a line.",
        ),
        click.option("--learner", default="", metavar="ID", help="Awards of this learner."),
        click.option("--achievement", default="", metavar="ID", help=achievement_help),
        click.option("--key", default="", metavar="KEY", help="Awards with a copy that this credential key signed."),
        click.option("--issued-since", default="", metavar="DATE", help="Decided here on that day (UTC) or later."),
        click.option("--issued-until", default="", metavar="DATE", help="Decided here on that day (UTC) or earlier."),
    )

    def add(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def decision_options(function: Function) -> Function:
    """Add the parameters that every decision has."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask; the preview is shown all the same."),
        click.option("--dry-run", is_flag=True, help="Change nothing; say what would happen."),
        click.option("--reason", metavar="TEXT", default="", help="Stays in this institution's own database."),
    ):
        function = option(function)
    return function


def read_selection(given: dict[str, Any]) -> "Selection":  # Any: options by name
    """The awards meant by the options of `selection_options`.

    Raises:
        UsageError: none is given.
        MalformedError: the list cannot be read.
    """
    from node.awardids import MAX_FILE_BYTES, parse_award_ids
    from node.client.correction import Selection
    from node.outfile import read_input

    listed: tuple[str, ...] = ()
    if given["list_file"] is not None:
        listed = parse_award_ids(read_input(given["list_file"], MAX_FILE_BYTES), str(given["list_file"]))
    selection = Selection(
        award_ids=tuple(dict.fromkeys((*given["awards"], *listed))),
        learner_id=given["learner"],
        achievement=given["achievement"],
        key=given["key"],
        issued_since=given["issued_since"],
        issued_until=given["issued_until"],
    )
    if selection.is_empty:
        raise click.UsageError(
            "which awards? Name them, or say --list, --learner, --achievement, --key or --issued-since"
        )
    return selection


def run_decision(directory: "Desk", order: "DecisionOrder", *, yes: bool, as_json: bool) -> int:
    """Show what a decision would change, ask, and take it; `order.dry_run` ends after the first."""
    import asyncio

    from node.desk import at_desk, open_desk

    home = open_desk(directory)

    def call(asked: "DecisionOrder") -> "DecisionReport":
        with terminal.show_work("looking"):
            return asyncio.run(at_desk(home, lambda client: client.corrections.decide(asked)))

    preview = call(dataclasses.replace(order, dry_run=True))
    if order.dry_run or not preview.changed:
        return _finish(directory, order, preview, as_json=as_json)
    for line in preview_lines(preview, order.status):
        terminal.note(line)
    if not is_agreed(_ASKED[order.status].format(terminal.count(len(preview.changed), "award")), yes=yes):
        return terminal.EXIT_NO
    report = call(dataclasses.replace(order, expected=preview.fingerprint))
    return _finish(directory, order, report, as_json=as_json)


def is_agreed(question: str, *, yes: bool) -> bool:
    """Whether the registrar says yes, after a preview.

    Raises:
        MalformedError: there is nobody to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise MalformedError(
            "this needs an answer, and the input is not a terminal; nothing was changed",
            hint="look with --dry-run, then add --yes",
        )
    if click.confirm(question, err=True):
        return True
    terminal.note("nothing was changed")
    return False


def preview_lines(report: "DecisionReport", status: Status) -> Iterator[str]:
    """What a decision is about, in words, as a registrar reads it before saying yes."""
    learners = terminal.count(report.learners, "learner")
    yield f"to be {_DONE[status]}: {terminal.count(len(report.changed), 'award')} of {learners}"
    width = max((len(f"{one.awards:,}") for one in report.achievements), default=0)
    for one in report.achievements[:_MAX_ACHIEVEMENTS]:
        yield f"  {one.awards:>{width},}  {one.achievement}/{one.version}"
    if len(report.achievements) > _MAX_ACHIEVEMENTS:
        yield f"  and {len(report.achievements) - _MAX_ACHIEVEMENTS} more achievements; --json shows all"
    yield from rest_lines(report, status)
    waiting = f"; {report.waiting_copies:,} not on the ledger yet" if report.waiting_copies else ""
    handed_out = f", {report.file_copies:,} handed out as files" if report.file_copies else ""
    yield f"copies: {report.registrar_copies:,} of ours, {report.wallet_copies:,} in wallets{handed_out}{waiting}"
    if report.file_copies and status is Status.REPLACED:
        yield "whoever has one of those files must be given a new one: cairn-node copy makes it"
    if report.suspended and status is not Status.VALID:
        what = "their suspension ends with it" if status is Status.REPLACED else "from suspended"
        yield f"suspended now: {terminal.count(report.suspended, 'award')}, {what}"
    if report.open_offers and status is not Status.VALID:
        links = terminal.count(report.open_offers, "claim link")
        yield f"{links} not used yet: what they offer of these awards can not be claimed any more"
    yield from consequence_lines(status, report.next_cut)


def consequence_lines(status: Status, next_cut: int | None) -> Iterator[str]:
    """What verifiers read after a decision, from when on, and whether it can be undone."""
    yield f"verifiers read {_READ[status]}, {when_shown(next_cut)}, as soon as they sync"
    yield from _AFTERWARDS[status]


def rest_lines(report: "DecisionReport", status: Status) -> Iterator[str]:
    """The selected awards that stay as they are, by reason."""
    if report.already:
        yield f"already {_DONE[status]}: {terminal.count(report.already, 'award')}"
    if report.final:
        why = "not suspended" if status is Status.VALID else "revoked or replaced for good, or not to be changed so"
        yield f"left out: {terminal.count(report.final, 'award')}, {why}"
    if report.unmatched:
        yield f"left out: {terminal.count(report.unmatched, 'award')} of the list, by another selector"


def when_shown(next_cut: int | None) -> str:
    """From when on the ledger shows a decision."""
    return "from the next cut on" if next_cut is None else f"from the cut of {terminal.instant(next_cut)} on"


def _finish(directory: "Desk", order: "DecisionOrder", report: "DecisionReport", *, as_json: bool) -> int:
    changed = len(report.changed)
    is_found = bool(changed or report.already)
    if as_json:
        terminal.result_json(to_json(report, order))
    elif order.dry_run and changed:
        for line in preview_lines(report, order.status):
            terminal.result(line)
    else:
        terminal.result(f"{_DONE[order.status]}: {terminal.count(changed, 'award')}")
        for line in rest_lines(report, order.status):
            terminal.result(line)
        if changed:
            terminal.result(f"the ledger shows it {when_shown(report.next_cut)}")
    if order.dry_run and changed:
        terminal.next_step("the same without --dry-run")
    elif changed and report.next_cut is None:
        terminal.next_step(f"cairn-node cut {directory}")
    else:
        terminal.next_step(f"cairn-node awards {directory}")
    return terminal.EXIT_YES if is_found else terminal.EXIT_NO


def to_json(report: "DecisionReport", order: "DecisionOrder") -> dict[str, object]:
    """A report for machines."""
    return {
        "achievements": [
            {"achievement": one.achievement, "awards": one.awards, "version": one.version}
            for one in report.achievements
        ],
        "already": report.already,
        "changed": list(report.changed),
        "decision": order.status.name.lower(),
        "dry_run": order.dry_run,
        "file_copies": report.file_copies,
        "learners": report.learners,
        "left_out": {"final": report.final, "unmatched": report.unmatched},
        "new": list(report.new),
        "next_cut": report.next_cut,
        "open_offers": report.open_offers,
        "registrar_copies": report.registrar_copies,
        "suspended_before": report.suspended,
        "verifiers_read": _READ[order.status],
        "waiting_copies": report.waiting_copies,
        "wallet_copies": report.wallet_copies,
    }
