"""`cairn-node takeover`: go on with a log elsewhere, on the word of its root keys."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, json_option

if TYPE_CHECKING:
    from node.recovery.takeover import Shown, TakenOver


@click.command("takeover", epilog="Example:  cairn-node takeover /srv/cairn move.proposal address.proposal")
@directory_argument
@click.argument("files", metavar="P…", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@json_option
def command(directory: Path, files: tuple[Path, ...], as_json: bool) -> int:
    """Go on with this institution's log from DIR, where its old host does not hand it over.

    DIR is what cairn-node recover made, and does not run. The first P rotates the log key to one that DIR has; further ones
    are decided with it (a new address, keys declared stolen). All witnesses are shown the rotation and stop cosigning under
    the old key; the log goes on at the largest size that one of them cosigned. What the old host wrote above that, and
    nobody cosigned, is left behind.

    Exit code 0: it is done, or was before. 1: a proposal has no effect, or DIR holds another branch. 3: too few witnesses
    answered; run it again.
    """
    import asyncio
    import os

    from node.clock import system_clock
    from node.highwater import state_home
    from node.home import open_home
    from node.proposal import read_proposal
    from node.recovery.takeover import take_over

    proposals = [read_proposal(file) for file in files]
    home = open_home(directory)
    with terminal.show_work("asking witnesses"):
        done = asyncio.run(take_over(home, proposals, state_home(os.environ), system_clock))
    if as_json:
        terminal.result_json(_to_json(done))
    else:
        _show(done)
    terminal.next_step(f"cairn-node run {directory}; then its network's governors: cairn-node member propose --amend")
    return terminal.EXIT_YES


def _show(done: "TakenOver") -> None:
    if done.was_done:
        terminal.result(f"{done.name}: its log goes on here already, {terminal.count(done.size, 'entry', 'entries')}")
        return
    show_answers(done.shown)
    terminal.result(
        f"{done.name}: taken over after {terminal.count(done.witnessed, 'witnessed entry', 'witnessed entries')}"
    )
    for index, words in done.entries:
        terminal.result(f"on the ledger: entry {index}: {words}")
    if done.replaced:
        gone = terminal.count(done.replaced, "entry", "entries")
        terminal.result(f"left behind: {gone} of the old host that nobody cosigned")
    if done.kept_database is not None:
        terminal.result(f"the registrar's database had read them: it is kept in {done.kept_database}")
        terminal.result("  an empty one is in its place; cairn-node restore, or recover-award, brings awards back")


def show_answers(shown: "tuple[Shown, ...]") -> None:
    """Print what each witness answered."""
    for answer in shown:
        name = answer.witness.key.name
        if answer.size is None:
            terminal.note(f"witness {name}: {answer.problem}")
        else:
            entries = terminal.count(answer.size, "entry", "entries")
            terminal.result(f"witness {name}: cosigned {entries}, and nothing more under the old key")


def answers_json(shown: "tuple[Shown, ...]") -> list[dict[str, object]]:
    """The same for programs."""
    return [
        {"cosigned": answer.size, "problem": answer.problem or None, "witness": answer.witness.key.name}
        for answer in shown
    ]


def _to_json(done: "TakenOver") -> dict[str, object]:
    return {
        "entries": [{"index": index, "words": words} for index, words in done.entries],
        "kept_database": None if done.kept_database is None else str(done.kept_database),
        "name": done.name,
        "replaced": done.replaced,
        "size": done.size,
        "was_done": done.was_done,
        "witnessed": done.witnessed,
        "witnesses": answers_json(done.shown),
    }
