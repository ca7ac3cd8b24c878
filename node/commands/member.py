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
    """Propose who is a member of a network, with which rights; show who is, and how it came."""


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
@click.option("--succeed", metavar="MEMBER", help="End a member's log: a school closed, or lost its root keys.")
@click.option("--resolve", metavar="MEMBER", help="Of two histories of a member's log, let the one held here count.")
@click.option("--fingerprint", metavar="F", help="With --resolve: let the one with this fingerprint count instead.")
@click.option("--by", "successor", metavar="MEMBER", help="With --succeed: the member that goes on.")
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
@click.option(
    "--request",
    metavar="REQUEST",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --amend: take name, addresses and witness key from the member's fresh request (cairn-node join).",
)
@click.option(
    "--at",
    "size",
    metavar="ENTRY",
    type=click.IntRange(min=1),
    help="From this entry of its log on; without it, from the newest that is held. Lower ones are retroactive.",
)
@output_option("Where to write the proposal.")
@force_option
@json_option
def propose(directory: Path, output: Path, force: bool, as_json: bool, **given: Any) -> int:  # Any: options by name
    """Write a proposal about one member for the governors to sign."""
    import asyncio

    from node.commands.proposing import write_proposal
    from node.home import open_home
    from node.outfile import check_output

    chosen = [name for name in ("admit", *_CHANGES, "succeed", "resolve") if given[name] is not None]
    if len(chosen) != 1:
        raise click.UsageError("say one of --admit, --amend, --suspend, --reinstate, --remove, --succeed, --resolve")
    (what,) = chosen
    rights = _rights(given)
    if (what == "succeed") != (given["successor"] is not None):
        raise click.UsageError("--succeed and --by go together")
    if what in ("suspend", "remove", "succeed", "resolve") and rights is not None:
        raise click.UsageError(f"--{what} takes no rights")
    if what == "amend" and rights is None and given["request"] is None and not given["no_witness"]:
        raise click.UsageError("--amend needs the complete new rights, --request or --no-witness")
    if given["request"] is not None and what != "amend":
        raise click.UsageError("--request goes with --amend; --admit takes a request itself")
    if given["size"] is not None and what == "admit":
        raise click.UsageError("--at does not go with --admit: the request names the entry")
    if given["fingerprint"] is not None and what != "resolve":
        raise click.UsageError("--fingerprint goes with --resolve")
    check_output(output, force=force)
    home = open_home(directory)
    if what == "resolve":
        proposal = asyncio.run(_resolve(home, given["resolve"], given["fingerprint"]))
    else:
        proposal, reach = asyncio.run(_draft(home, what, given, rights))
        if reach:
            terminal.note(reach)
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
) -> "tuple[Proposal, str]":  # Any: see above
    from ledger.log.governance import NO_RIGHTS, MemberOp
    from node.access import open_access
    from node.commands.proposing import make_drafter
    from node.membership import Amendment, describe_reach, draft_admission, draft_change, draft_succession
    from node.outfile import read_input
    from node.request import MAX_REQUEST_BYTES

    async with open_access(home) as access:
        drafter = make_drafter((await access.held_log()).state)
        is_witness, size = not given["no_witness"], given["size"]
        if what == "admit":
            data = read_input(given["admit"], MAX_REQUEST_BYTES)
            return await draft_admission(access, drafter, data, rights or NO_RIGHTS, is_witness=is_witness), ""
        if what == "succeed":
            proposal = await draft_succession(access, drafter, given["succeed"], given["successor"], size=size)
        else:
            request = None if given["request"] is None else read_input(given["request"], MAX_REQUEST_BYTES)
            amendment = Amendment(rights, request, is_witness)
            proposal = await draft_change(access, drafter, MemberOp(what), given[what], amendment, size=size)
        return proposal, describe_reach(drafter.state, proposal)


async def _resolve(home: "Home", member: str, fingerprint: str | None) -> "Proposal":
    from node.access import open_access
    from node.commands.proposing import make_drafter
    from node.forkfiles import gather_forks
    from node.resolution import draft_resolution

    kept = await gather_forks(home)
    async with open_access(home) as access:
        drafter = make_drafter((await access.held_log()).state)
        resolution = await draft_resolution(access, drafter, member, kept, fingerprint)
    for line in resolution.words:
        terminal.note(line)
    return resolution.proposal


@command.command("show", epilog="Example:  cairn-node member show /srv/confluence Granite")
@directory_argument
@click.argument("member", metavar="[MEMBER]", required=False)
@click.option("--network", metavar="NETWORK", help="Which network, where the node knows several.")
@json_option
def show(directory: Path, member: str | None, network: str | None, as_json: bool) -> int:
    """Show who is a member of a network now, with which rights, by which entry; MEMBER for one alone.

    Works at the network's own node and at every node that follows it.
    """
    from node.commands.memberlist import show_members

    return show_members(directory, network, member, as_json=as_json)


@command.command("history", epilog="Example:  cairn-node member history /srv/confluence 'Granite Hollow High'")
@directory_argument
@click.argument("member", metavar="MEMBER")
@click.option("--network", metavar="NETWORK", help="Which network, where the node knows several.")
@json_option
def history(directory: Path, member: str, network: str | None, as_json: bool) -> int:
    """Show every decision of a network about MEMBER, oldest first, with the entry that made it."""
    from node.commands.memberlist import show_history

    return show_history(directory, network, member, as_json=as_json)
