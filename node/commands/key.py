"""`cairn-node key`: propose which keys of this institution are in force."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.key_announce import announce
from node.commands.key_succession import KEY_ID_FIRST, compromise, impact, rotate
from node.commands.options import SpreadCommand, directory_argument, force_option, json_option, output_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from node.client.held import HeldLog
    from node.drafting import Drafter
    from node.home import Home
    from node.proposal import Proposal

ROLES = ("operate", "issue", "register", "define")


@click.group("key")
def command() -> None:
    """Propose which keys of this institution are in force; list them.

    Root keys decide: each command writes a proposal, which cairn-node sign and submit take on.
    """


@command.command("add", epilog="Example:  cairn-node key add /srv/cairn --role issue -o add-issue.proposal")
@directory_argument
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the new key is for.")
@click.option("--p256", is_flag=True, help="A key for receivers that know no Ed25519; for issue and register alone.")
@output_option("Where to write the proposal.")
@force_option
@json_option
def add(directory: Path, role: str, p256: bool, output: Path, force: bool, as_json: bool) -> int:
    """Make one more key for a role under DIR/keys, and propose to put it in force."""
    from ledger.log.charter import Role
    from node.clock import system_draw
    from node.keylist import unused_key, unused_p256_key
    from node.keystore import P256_ROLES, KeyRole

    if p256 and role not in P256_ROLES:
        raise click.UsageError(f"--p256 belongs to --role {' and '.join(P256_ROLES)}: entries need ed25519")
    home = _open(directory, output, force=force)
    own = _own(home)
    make = unused_p256_key if p256 else unused_key
    key = make(home.keystore(), own.state, KeyRole(role), system_draw)
    return _finish(_drafter(own).add_key(key.public, Role(role)), output, as_json=as_json)


@command.command(
    "retire",
    context_settings=KEY_ID_FIRST,
    epilog="Example:  cairn-node key retire /srv/cairn 3vQk9x2P -o retire.proposal",
)
@directory_argument
@click.argument("key", metavar="KEY")
@output_option("Where to write the proposal.")
@force_option
@json_option
def retire(directory: Path, key: str, output: Path, force: bool, as_json: bool) -> int:
    """Propose to take a key out of force; what it signed before stays good."""
    from node.drafting import find_key

    return _propose(
        directory,
        output,
        lambda drafter: drafter.retire_key(find_key(drafter.state, key).key.id),
        force=force,
        as_json=as_json,
    )


command.add_command(compromise)
command.add_command(rotate)
command.add_command(impact)
command.add_command(announce)


@command.command(
    "replace-roots",
    cls=SpreadCommand,
    epilog="Example:  cairn-node key replace-roots /srv/cairn --root-key did:key:… did:key:… --threshold 2 -o roots.proposal",
)
@directory_argument
@click.option(
    "--root-key", "root_keys", multiple=True, required=True, metavar="PUB…", help="The complete new root keys."
)
@click.option("--threshold", required=True, type=click.IntRange(1, 64), help="How many of them must sign.")
@output_option("Where to write the proposal.")
@force_option
@json_option
def replace_roots(
    directory: Path, root_keys: tuple[str, ...], threshold: int, output: Path, force: bool, as_json: bool
) -> int:
    """Propose other root keys; enough of the old and enough of the new ones must sign."""
    from ledger.errors import MalformedError
    from ledger.log.charter import Roots
    from node.rootkeys import read_root_key

    keys = tuple(read_root_key(text) for text in root_keys)
    if threshold > len(keys):
        raise MalformedError(f"threshold: {threshold} of {len(keys)} keys cannot sign")
    roots = Roots(keys, threshold)
    return _propose(directory, output, lambda drafter: drafter.replace_roots(roots), force=force, as_json=as_json)


@command.command("list", epilog="Example:  cairn-node key list /srv/cairn")
@directory_argument
@json_option
def list_(directory: Path, as_json: bool) -> int:
    """List the keys of this institution and whether they are in force."""
    from node.home import open_home
    from node.keylist import describe_keys

    home = open_home(directory)
    rows = describe_keys(_own(home).state, home.keystore())
    if as_json:
        terminal.result_json([row.to_json() for row in rows])
    else:
        terminal.table(
            ("key", "role", "algorithm", "state", "here"),
            [(row.id, row.role, row.algorithm, row.state, "yes" if row.is_here else "no") for row in rows],
        )
    terminal.next_step(f"cairn-node key add {directory} --role ROLE -o P")
    return terminal.EXIT_YES


def _propose(
    directory: Path, output: Path, draft: "Callable[[Drafter], Proposal]", *, force: bool, as_json: bool
) -> int:
    home = _open(directory, output, force=force)
    return _finish(draft(_drafter(_own(home))), output, as_json=as_json)


def _open(directory: Path, output: Path, *, force: bool) -> "Home":
    from node.home import open_home
    from node.outfile import check_output

    check_output(output, force=force)
    return open_home(directory)


def _own(home: "Home") -> "HeldLog":
    import asyncio

    from node.access import open_access

    async def read() -> "HeldLog":
        async with open_access(home) as access:
            return await access.held_log()

    return asyncio.run(read())


def _drafter(own: "HeldLog") -> "Drafter":
    from node.commands.proposing import make_drafter

    return make_drafter(own.state)


def _finish(proposal: "Proposal", output: Path, *, as_json: bool) -> int:
    from node.commands.proposing import write_proposal

    write_proposal(proposal, output, as_json=as_json)
    return terminal.EXIT_YES
