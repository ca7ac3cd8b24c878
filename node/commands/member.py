"""`cairn-node member`: propose who is a member of a network."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node import terminal
from node.commands.options import SpreadCommand, directory_argument, force_option, json_option, output_option

if TYPE_CHECKING:
    from ledger.log.governance import Rights
    from node.home import Home
    from node.proposal import Proposal

_CHANGES = ("amend", "suspend", "reinstate", "remove")


@click.group("member")
def command() -> None:
    """Propose who is a member of a network, with which rights."""


@command.command(
    "propose",
    cls=SpreadCommand,
    epilog="Example:  cairn-node member propose /srv/confluence --admit granite.request.json "
    "--rights granite-hollow confluence -o admit-granite.proposal",
)
@directory_argument
@click.option(
    "--admit", metavar="REQUEST", type=click.Path(dir_okay=False, path_type=Path), help="Admit who asks there."
)
@click.option("--amend", metavar="MEMBER", help="Give a member other rights, complete, by name, origin or log id.")
@click.option("--suspend", metavar="MEMBER", help="Let a member issue nothing for now.")
@click.option("--reinstate", metavar="MEMBER", help="End a suspension.")
@click.option("--remove", metavar="MEMBER", help="End a membership.")
@click.option(
    "--rights",
    multiple=True,
    metavar="ID…",
    help="Achievements it may issue, by the id in their own definition; * for all.",
)
@click.option("--type", "types", multiple=True, metavar="TYPE…", help="Achievement types it may issue, such as Course.")
@click.option("--document", "documents", multiple=True, metavar="ID…", help="Network documents it may publish.")
@click.option("--issuer", "issuers", multiple=True, metavar="URL…", help="Further issuer ids of its own.")
@click.option("--no-witness", is_flag=True, help="It shall not cosign.")
@output_option("Where to write the proposal.")
@force_option
@json_option
def propose(directory: Path, output: Path, force: bool, as_json: bool, **given: Any) -> int:  # Any: options by name
    """Write a proposal about one member for the governors to sign."""
    import asyncio

    from node.commands.proposing import write_proposal
    from node.home import open_home
    from node.outfile import check_output

    chosen = [name for name in ("admit", *_CHANGES) if given[name] is not None]
    if len(chosen) != 1:
        raise click.UsageError("say one of --admit, --amend, --suspend, --reinstate, --remove")
    (what,) = chosen
    rights = _rights(given)
    if what in ("suspend", "remove") and rights is not None:
        raise click.UsageError(f"--{what} takes no rights")
    if what == "amend" and rights is None:
        raise click.UsageError("--amend needs the complete new rights")
    check_output(output, force=force)
    proposal = asyncio.run(_draft(open_home(directory), what, given, rights))
    write_proposal(proposal, output, as_json=as_json)
    return terminal.EXIT_YES


def _rights(given: dict[str, Any]) -> "Rights | None":  # Any: see above
    from ledger.log.governance import Rights

    lists = {name: tuple(dict.fromkeys(given[name])) for name in ("rights", "types", "documents", "issuers")}
    if not any(lists.values()):
        return None
    return Rights(lists["rights"], lists["types"], lists["documents"], lists["issuers"])


async def _draft(
    home: "Home", what: str, given: dict[str, Any], rights: "Rights | None"
) -> "Proposal":  # Any: see above
    from ledger.log.governance import NO_RIGHTS, MemberOp
    from node.access import open_access
    from node.commands.proposing import make_drafter
    from node.membership import draft_admission, draft_change
    from node.outfile import read_input
    from node.request import MAX_REQUEST_BYTES

    async with open_access(home) as access:
        drafter = make_drafter((await access.held_log()).state)
        if what != "admit":
            return await draft_change(access, drafter, MemberOp(what), given[what], rights)
        data = read_input(given["admit"], MAX_REQUEST_BYTES)
        return await draft_admission(access, drafter, data, rights or NO_RIGHTS, is_witness=not given["no_witness"])
