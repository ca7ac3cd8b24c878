"""`cairn-node registrar`: people at other computers: invite, accept, list, remove, and the trail of who did what."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, force_option, json_option, output_option
from node.commands.proposals import approve, proposals, reject, show

if TYPE_CHECKING:
    from node.client.staff import TrailLine
    from node.desk import Desk

ROLES = ("operator", "registrar", "approver", "publisher", "reader")
INVITATION_MODE = 0o600


@click.group("registrar")
def command() -> None:
    """Registrars at other computers, each with a certificate of their own: let them in, see what they did, approve.

    Roles: registrar (award, revoke, offer, cut), approver (approve what others proposed, read the trail), publisher
    (publish documents), reader (read awards and status), operator (everything).
    """


for _further in (proposals, show, approve, reject):
    command.add_command(_further)


@command.command(
    "invite",
    cls=DeskCommand,
    epilog="Example:  cairn-node registrar invite /srv/cairn --name 'Ana Ruiz' --role registrar -o ana.invitation",
)
@desk_argument
@click.option("--name", required=True, metavar="NAME", help="Who it is; stays in this institution's own database.")
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="What for; may be given repeatedly."
)
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="How long the invitation works.")
@output_option("The invitation: a secret until it is accepted.")
@force_option
@json_option
def invite(
    directory: "Desk", name: str, roles: tuple[str, ...], days: int, output: Path, force: bool, as_json: bool
) -> int:
    """Let somebody in from another computer: write an invitation that works once.

    Whoever accepts it first is let in as this person, so hand it over as you would hand over a key, and compare the
    authority's fingerprint. The node needs registrar_listen in node.toml.
    """
    import asyncio

    from node.desk import open_desk, with_people
    from node.outfile import check_output, write_output

    check_output(output, force=force)
    made = asyncio.run(with_people(open_desk(directory), lambda client: client.invite(name, roles, days)))
    write_output(output, made.invitation, mode=INVITATION_MODE)
    if as_json:
        fields = {"authority": made.authority, "expires_at": made.expires_at, "person": made.person}
        terminal.result_json({**fields, "roles": sorted(set(roles)), "written": str(output)})
    else:
        terminal.result(f"invited: person {made.person}, {', '.join(sorted(set(roles)))}")
        terminal.result(f"written: {output}, works once until {terminal.instant(made.expires_at)}")
        terminal.result(f"authority: {made.authority}")
    terminal.next_step(f"hand over {output.name}; at the other computer: cairn-node registrar accept {output.name}")
    return terminal.EXIT_YES


@command.command("accept", epilog="Example:  cairn-node registrar accept ana.invitation")
@click.argument("invitation", metavar="INVITATION", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--to",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the certificate here, instead of in the usual place.",
)
@click.option("--force", is_flag=True, help="Replace this computer's certificate for the same node.")
@json_option
def accept(invitation: Path, folder: Path | None, force: bool, as_json: bool) -> int:
    """Accept an invitation at this computer: make a key, which never leaves it, and get a certificate for it.

    Needs no node directory. Afterwards the registrar's commands take --registrar HOST:PORT in the place of DIR.
    """
    import asyncio
    import os

    from node.client.identity import authority_words
    from node.clock import system_clock
    from node.desk import RemoteDesk
    from node.identities import accept_invitation, default_folder, identity_path, read_invitation

    read = read_invitation(invitation)
    where = folder if folder is not None else default_folder(os.environ)
    identity = asyncio.run(accept_invitation(read, where, now=system_clock(), force=force))
    path = identity_path(where, identity.address)
    if as_json:
        terminal.result_json(
            {
                "address": identity.address,
                "authority": authority_words(identity.authority),
                "expires_at": identity.expires_at,
                "institution": identity.institution,
                "person": identity.person,
                "roles": list(identity.roles),
                "written": str(path),
            }
        )
    else:
        terminal.result(f"let in: person {identity.person} at {identity.institution}, {', '.join(identity.roles)}")
        terminal.result(f"written: {path}, good until {terminal.instant(identity.expires_at)}, renewed by use")
        terminal.result(f"authority: {authority_words(identity.authority)}")
    terminal.note(f"{invitation} works no longer; delete it")
    terminal.next_step(f"cairn-node status {RemoteDesk(identity.address, folder)}")
    return terminal.EXIT_YES


@command.command("list", cls=DeskCommand, epilog="Example:  cairn-node registrar list /srv/cairn")
@desk_argument
@json_option
def list_(directory: "Desk", as_json: bool) -> int:
    """List everybody who was ever let in, with role, state, and when they last did something."""
    import asyncio

    from node.clock import system_clock
    from node.desk import open_desk, with_people

    people = asyncio.run(with_people(open_desk(directory), lambda client: client.list_people()))
    now = system_clock()
    if as_json:
        terminal.result_json(
            [
                {
                    "certificate_expires_at": person.certificate_expires_at,
                    "id": person.id,
                    "invitation_expires_at": person.invitation_expires_at,
                    "invited_at": person.invited_at,
                    "last_call": person.last_call,
                    "name": person.name,
                    "removed_at": person.removed_at,
                    "roles": list(person.roles),
                    "state": person.describe(now),
                }
                for person in people
            ]
        )
    elif people:
        terminal.table(
            ("person", "name", "roles", "state", "last call", "certificate until"),
            [
                (
                    person.id,
                    person.name,
                    ", ".join(person.roles),
                    person.describe(now),
                    terminal.instant(person.last_call),
                    "" if person.certificate_expires_at is None else terminal.instant(person.certificate_expires_at),
                )
                for person in people
            ],
        )
    else:
        terminal.result("nobody was let in from another computer")
    following = (
        f"remove {directory} PERSON, or cairn-node registrar trail {directory}" if people else f"invite {directory}"
    )
    terminal.next_step(f"cairn-node registrar {following}{'' if people else ' --name NAME --role registrar -o FILE'}")
    return terminal.EXIT_YES


@command.command("remove", cls=DeskCommand, epilog="Example:  cairn-node registrar remove /srv/cairn k3j9x2ab")
@desk_argument
@click.argument("person", metavar="PERSON")
@json_option
def remove(directory: "Desk", person: str, as_json: bool) -> int:
    """Let somebody in no longer, from this moment on, also where they are connected.

    What waits in their name is withdrawn. What they did stays done; the trail tells it.
    """
    import asyncio

    from node.desk import open_desk, with_people

    withdrawn = asyncio.run(with_people(open_desk(directory), lambda client: client.remove(person)))
    if as_json:
        terminal.result_json({"person": person, "withdrawn": withdrawn})
    else:
        terminal.result(f"removed: person {person}")
        if withdrawn:
            terminal.result(f"withdrawn: {terminal.count(withdrawn, 'proposal')}")
    terminal.next_step(f"cairn-node registrar trail {directory}")
    return terminal.EXIT_YES


@command.command("trail", cls=DeskCommand, epilog="Example:  cairn-node registrar trail /srv/cairn --since 2026-06-01")
@desk_argument
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), metavar="DATE", help="From this day on, UTC."
)
@json_option
def trail(directory: "Desk", since: "object | None", as_json: bool) -> int:
    """Tell who did what: every call, also those that were refused, oldest first.

    Rows are chained by hashes, so that one changed or taken out is found: exit code 1. Rows cut off at the end are not; to
    find those too, keep the newest hash elsewhere. Nothing of learners stands here but the ids of awards.
    """
    import asyncio
    from datetime import UTC, datetime

    from node.desk import open_desk, with_people

    start = int(since.replace(tzinfo=UTC).timestamp() * 1000) if isinstance(since, datetime) else 0
    answer = asyncio.run(with_people(open_desk(directory), lambda client: client.read_trail(start)))
    if as_json:
        terminal.result_json({"broken_at": answer.broken_at, "rows": [_row_json(row) for row in answer.rows]})
    elif answer.rows:
        terminal.table(
            ("row", "when", "who", "call", "awards", "outcome", "about"),
            [
                (
                    str(row.number),
                    terminal.instant(row.at),
                    row.who,
                    row.call,
                    str(row.awards) if row.awards else "",
                    row.outcome + (f" ({row.reason})" if row.reason else ""),
                    row.about,
                )
                for row in answer.rows
            ],
        )
        terminal.result(f"newest: row {answer.rows[-1].number}, hash {answer.rows[-1].hash.hex()}")
    else:
        terminal.result("nothing was done")
    if answer.broken_at is not None:
        terminal.note(f"row {answer.broken_at} does not follow from the one before it: the trail was changed")
        terminal.next_step("compare the registrar's database with its backup")
        return terminal.EXIT_NO
    terminal.next_step(f"cairn-node registrar list {directory}")
    return terminal.EXIT_YES


def _row_json(row: "TrailLine") -> dict[str, object]:
    return {
        "about": row.about,
        "at": row.at,
        "award_ids": list(row.award_ids),
        "awards": row.awards,
        "call": row.call,
        "hash": row.hash.hex(),
        "number": row.number,
        "outcome": row.outcome,
        "reason": row.reason,
        "roles": list(row.roles),
        "who": row.who,
    }
