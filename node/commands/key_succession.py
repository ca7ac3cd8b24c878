"""`cairn-node key rotate`, `compromise` and `impact`: one key after the other, and what hangs on them.

Who rotates a key needs two statements, and the new one must come first: at no moment is the node without a key. Both
are written as proposals beside each other, so that one signing ceremony is enough.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.key_elsewhere import find_elsewhere, show_elsewhere
from node.commands.options import directory_argument, force_option, json_option, output_option
from node.commands.proposing import make_drafter, write_proposals

if TYPE_CHECKING:
    from ledger.log.charter import Role
    from ledger.log.keyring import KeyRecord
    from ledger.log.state import LogState
    from node.client.correction import KeyImpact
    from node.home import Home
    from node.proposal import Proposal

KEY_ID_FIRST = {"ignore_unknown_options": True}
"""One key id in 64 begins with a dash, and is no option."""
ROTATED = ("log", "operate", "issue", "register", "define", "witness")


@click.command("rotate", epilog="Example:  cairn-node key rotate /srv/cairn --role register -o rotate.proposal")
@directory_argument
@click.option(
    "--role",
    type=click.Choice(ROTATED),
    default="log",
    show_default=True,
    help="Which key shall be followed by a new one.",
)
@click.option("--key", default="", metavar="KEY", help="The old one, where several are in force, or a P-256 one.")
@output_option("Where to write the proposal; that to retire the old key goes beside it, to NAME.retire.…")
@force_option
@json_option
def rotate(directory: Path, role: str, key: str, output: Path, force: bool, as_json: bool) -> int:
    """Make a new key under DIR/keys, and propose that it follows the one in force.

    For the log key that is one statement. For the others it is two: the new key is put in force, then the old one is
    taken out. Sign both, then submit both in that order; the node refuses the other one. What the old key signed stays
    good.

    The witness key is named in the network's log, so for it the network's governors decide: what is written is a request to
    them. Until the network anchors the change the node cosigns with both.
    """
    from ledger.log.charter import Role
    from node.clock import system_draw
    from node.keylist import unused_key, unused_like
    from node.keystore import KeyRole

    home = _open(directory, output, force=force)
    if role == "witness":
        if key:
            raise click.UsageError("--key is for keys that stand in this log: a network names one witness key")
        return _rotate_witness(home, output, directory, as_json=as_json)
    state = _own_state(home)
    if role == "log":
        if key:
            raise click.UsageError("--key is for the other roles: there is one log key")
        log_key = unused_key(home.keystore(), state, KeyRole.LOG, system_draw)
        return _finish([(make_drafter(state).rotate_log_key(log_key.public), output)], directory, as_json=as_json)
    old = _find_old(state, Role(role), key)
    beside = _beside(output, "retire", force=force)
    made = unused_like(old, home.keystore(), state, system_draw)
    proposals = [
        (make_drafter(state).add_key(made.public, Role(role)), output),
        (make_drafter(state).retire_key(old.key.id), beside),
    ]
    return _finish(proposals, directory, as_json=as_json)


def _rotate_witness(home: "Home", output: Path, directory: Path, *, as_json: bool) -> int:
    import asyncio

    from ledger.log.identity import encode_log_id
    from node.clock import system_draw
    from node.keystore import KeyRole
    from node.membership import find_trust_file, request_membership
    from node.outfile import write_output

    trust = find_trust_file(home)
    home.keystore().add(KeyRole.WITNESS, system_draw)
    asked = asyncio.run(request_membership(home, trust))
    write_output(output, asked.data)
    if as_json:
        terminal.result_json(
            {
                "file": str(output),
                "network": encode_log_id(asked.request.network),
                "witness": asked.request.witness.encode(),
            }
        )
    else:
        terminal.result(f"written: {output}, a request to {asked.network_name}")
        terminal.result(f"new witness key: {asked.request.witness.encode()}")
        terminal.result("both keys cosign until the network has anchored the change; cairn-node run needs no restart")
    terminal.next_step(
        f"hand {output.name} to a governor, who runs cairn-node member propose DIR --amend "
        f"{encode_log_id(asked.request.log)} --request {output.name} -o P"
    )
    return terminal.EXIT_YES


@click.command(
    "compromise",
    context_settings=KEY_ID_FIRST,
    epilog="Example:  cairn-node key compromise /srv/cairn 3vQk9x2P --since 812 -o stolen.proposal",
)
@directory_argument
@click.argument("key", metavar="KEY")
@click.option(
    "--since", required=True, metavar="INDEX|DATE", help="First entry that is not yours, or the day of the theft (UTC)."
)
@click.option("--no-new-key", is_flag=True, help="Propose no key in its place, though it is the last of its role.")
@output_option("Where to write the proposal; that to add a new key goes beside it, to NAME.add.…")
@force_option
@json_option
def compromise(
    directory: Path, key: str, since: str, no_new_key: bool, output: Path, force: bool, as_json: bool
) -> int:
    """Propose to declare a key stolen: everything it signed from entry INDEX on becomes void.

    Where it is the last of its role on this node, a new key is made and proposed too, to be submitted first. `key
    impact` shows beforehand what would be hit. Afterwards `restate` (for an operate key) or `reissue` (for the keys that
    sign credentials) repairs what is yours.
    """
    from node.clock import system_draw
    from node.drafting import find_key
    from node.keylist import unused_like
    from node.registrar.succession import others_in_force

    home = _open(directory, output, force=force)
    state = _own_state(home)
    record = find_key(state, key)
    index = int(since) if since.isascii() and since.isdecimal() else _impact(home, key, since).since
    proposals = [(make_drafter(state).compromise_key(record.key.id, index), output)]
    keystore = home.keystore()
    if not no_new_key and not others_in_force(state, keystore, record.key.id):
        beside = _beside(output, "add", force=force)
        made = unused_like(record, keystore, state, system_draw)
        proposals.insert(0, (make_drafter(state).add_key(made.public, record.role), beside))
    return _finish(proposals, directory, as_json=as_json)


@click.command(
    "impact",
    context_settings=KEY_ID_FIRST,
    epilog="Example:  cairn-node key impact /srv/cairn 3vQk9x2P --since 2026-06-01",
)
@directory_argument
@click.argument("key", metavar="KEY")
@click.option(
    "--since",
    default="",
    metavar="INDEX|DATE",
    help="First entry that may not be yours, or the day of the theft (UTC).",
)
@json_option
def impact(directory: Path, key: str, since: str, as_json: bool) -> int:
    """Tell what would be hit if a key were retired or declared stolen, and what to do. Changes nothing.

    The node must be running: it knows what it signed with the key.
    """
    from node.home import open_home

    home = open_home(directory)
    elsewhere = find_elsewhere(_own_state(home), home.keystore(), key)
    if elsewhere is not None:
        show_elsewhere(*elsewhere, directory, as_json=as_json)
        return terminal.EXIT_YES
    found = _impact(home, key, since)
    if as_json:
        terminal.result_json(_to_json(found))
    else:
        _show(found)
    terminal.next_step(_after_impact(found, directory, is_theft=bool(since)))
    return terminal.EXIT_YES


def _show(found: "KeyImpact") -> None:
    here = "on this node" if found.is_here else "not on this node"
    terminal.result(f"{found.key}: role {found.role}, {found.state}, {here}")
    others = terminal.count(found.others, "other key", "other keys")
    terminal.result(f"{others} of this role in force on this node")
    if found.uses:
        terminal.table(
            ("month", "achievement", "awards", "ours", "wallets", "files", "entries"),
            [
                (
                    use.month,
                    f"{use.achievement}/{use.version}",
                    f"{use.awards:,}",
                    f"{use.registrar_copies:,}",
                    f"{use.wallet_copies:,}",
                    f"{use.file_copies:,}",
                    _entries(use.first_entry, use.last_entry),
                )
                for use in found.uses
            ],
        )
    for kind, known, unknown in found.entries:
        terminal.result(
            f"from entry {found.since} on: {kind}, {known:,} of ours, {unknown:,} that this node did not make"
        )
    if found.role in ("issue", "register"):
        _show_credential_key(found)
    else:
        terminal.result("retired: what it signed stays good")
        terminal.result(f"declared stolen from entry {found.since} on: all of those become void")
        if found.role == "operate":
            terminal.result("  restate makes ours count again, each in its old place; what is not ours stays void")
        else:
            terminal.result("  what you published has to be published again, under a new version")


def _show_credential_key(found: "KeyImpact") -> None:
    wallet = f"{found.waiting_wallet_copies:,} of wallets withdrawn, which fetch others by cairn refresh"
    terminal.result("retired: what stands on the ledger stays good")
    terminal.result(
        f"  waiting copies: {found.waiting_registrar_copies:,} of ours signed anew before the cut, {wallet}"
    )
    if found.waiting_file_copies:
        files = terminal.count(found.waiting_file_copies, "file", "files")
        terminal.result(f"  {files} handed out and still waiting: withdrawn; cairn-node copy makes new ones to give")
    awards = terminal.count(found.hit_awards, "award")
    ours = terminal.count(found.hit_registrar_copies, "copy", "copies")
    copies = f"{ours} of ours and {found.hit_wallet_copies:,} in wallets"
    if found.hit_file_copies:
        copies += f", {found.hit_file_copies:,} handed out as files"
    terminal.result(f"declared stolen from entry {found.since} on: {awards} hit, {copies}")
    if found.hit_awards:
        terminal.result("  verifiers read Not authentic (KEY_COMPROMISED) about these copies; the awards stand")
        terminal.result(
            "  reissue makes new copies for all of them; learners run cairn refresh, without a new claim link"
        )
    if found.hit_file_copies:
        terminal.result("  whoever has one of those files must be given a new one: cairn-node copy makes it")
    if found.reissuable:
        terminal.result(f"to be made anew now: copies of {terminal.count(found.reissuable, 'award')}")


def _entries(first: int | None, last: int | None) -> str:
    if first is None:
        return "waiting"
    return str(first) if first == last else f"{first} to {last}"


def _after_impact(found: "KeyImpact", directory: Path, *, is_theft: bool) -> str:
    if found.reissuable:
        return f"cairn-node reissue {directory} --key {found.key}"
    if found.state.startswith("stolen"):
        return f"cairn-node key list {directory}"
    if is_theft:
        return f"cairn-node key compromise {directory} {found.key} --since {found.since} -o P"
    return f"cairn-node key rotate {directory} --role {found.role} -o P"


def _to_json(found: "KeyImpact") -> dict[str, object]:
    return {
        "entries": [{"kind": kind, "known": known, "unknown": unknown} for kind, known, unknown in found.entries],
        "here": found.is_here,
        "hit": {
            "awards": found.hit_awards,
            "file_copies": found.hit_file_copies,
            "registrar_copies": found.hit_registrar_copies,
            "wallet_copies": found.hit_wallet_copies,
        },
        "key": found.key,
        "others": found.others,
        "reissuable": found.reissuable,
        "role": found.role,
        "since": found.since,
        "state": found.state,
        "uses": [
            {
                "achievement": use.achievement,
                "awards": use.awards,
                "file_copies": use.file_copies,
                "first_entry": use.first_entry,
                "last_entry": use.last_entry,
                "month": use.month,
                "registrar_copies": use.registrar_copies,
                "version": use.version,
                "wallet_copies": use.wallet_copies,
            }
            for use in found.uses
        ],
        "waiting": {
            "file_copies": found.waiting_file_copies,
            "registrar_copies": found.waiting_registrar_copies,
            "wallet_copies": found.waiting_wallet_copies,
        },
    }


def _impact(home: "Home", key: str, since: str) -> "KeyImpact":
    import asyncio

    from node.desk import at_desk

    with terminal.show_work("looking"):
        return asyncio.run(at_desk(home, lambda client: client.corrections.describe_key(key, since)))


def _find_old(state: "LogState", role: "Role", text: str) -> "KeyRecord":
    from ledger import base64url
    from ledger.errors import RuleError
    from ledger.log.keys import Algorithm
    from node.drafting import find_key

    in_force = state.keys.in_force(role, state.size)
    if text:
        record = find_key(state, text)
        if record not in in_force:
            raise RuleError(f"key {text!r}: is no {role.value} key in force", hint="cairn-node key list DIR shows them")
        return record
    # A P-256 key is named by its id: most people who rotate a role mean the key that signs everything else.
    in_force = [record for record in in_force if record.key.algorithm is Algorithm.ED25519]
    if len(in_force) != 1:
        ids = ", ".join(base64url.encode(record.key.id) for record in in_force)
        what = (
            f"{len(in_force)} {role.value} keys are in force: {ids}" if in_force else f"no {role.value} key is in force"
        )
        hint = "say --key KEY which of them goes" if in_force else f"cairn-node key add DIR --role {role.value} -o P"
        raise RuleError(f"rotate: {what}", hint=hint)
    return in_force[0]


def _open(directory: Path, output: Path, *, force: bool) -> "Home":
    from node.home import open_home
    from node.outfile import check_output

    check_output(output, force=force)
    return open_home(directory)


def _beside(output: Path, what: str, *, force: bool) -> Path:
    """`rotate.proposal` becomes `rotate.retire.proposal`."""
    from node.outfile import check_output

    path = output.with_name(f"{output.stem}.{what}{output.suffix}")
    check_output(path, force=force)
    return path


def _own_state(home: "Home") -> "LogState":
    import asyncio

    from node.access import open_access

    async def read() -> "LogState":
        async with open_access(home) as access:
            return (await access.held_log()).state

    return asyncio.run(read())


def _finish(proposals: "list[tuple[Proposal, Path]]", directory: Path, *, as_json: bool) -> int:
    write_proposals(proposals, directory, as_json=as_json)
    return terminal.EXIT_YES
