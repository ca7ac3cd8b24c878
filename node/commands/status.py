"""`cairn-node status`: how a node stands, in words."""

import dataclasses
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from node.client.held import HeldLog
    from node.client.registry import NodeStatus
    from node.desk import Desk
    from node.home import Home
    from node.standing import HeadStanding


@click.command("status", cls=DeskCommand, epilog="Example:  cairn-node status /srv/cairn")
@desk_argument
@json_option
def command(directory: "Desk", as_json: bool) -> int:
    """Tell how the node stands: its log, its newest head and who vouches for it, what waits, what is wrong.

    Exit code 0 means all is well, 1 that something should be looked at, 3 that the node does not run.
    """
    import asyncio

    from node.desk import RemoteDesk, at_desk, open_desk
    from node.standing import ask_standing

    home = open_desk(directory)
    if isinstance(home, RemoteDesk):
        status = asyncio.run(at_desk(home, lambda client: client.status()))
        return _tell(status, None, f"cairn-node awards {directory}", as_json=as_json)
    if not home.is_running():
        return _show_stopped(home, as_json=as_json)
    status, head = asyncio.run(ask_standing(home))
    if not head.networks and not home.config.networks:
        # Whatever the findings say, most of it has this one reason.
        following = f"cairn-node join {directory} --trust FILE -o request.json, to ask a network for membership"
    else:
        following = f"cairn-node awards {directory}" if not status.findings else "look at what is said above"
    return _tell(status, head, following, as_json=as_json)


def _tell(status: "NodeStatus", head: "HeadStanding | None", following: str, *, as_json: bool) -> int:
    if as_json:
        terminal.result_json(_to_json(status, head))
    else:
        _show(status, head)
    terminal.next_step(following)
    return terminal.EXIT_NO if status.findings else terminal.EXIT_YES


def _show(status: "NodeStatus", head: "HeadStanding | None") -> None:
    terminal.result(f"{status.name} is running")
    terminal.result(f"log: {status.origin}, {terminal.count(status.size, 'entry', 'entries')}")
    terminal.result(f"log id: {status.log}")
    for line in [] if head is None else head.describe():
        terminal.result(line)
    waiting = [
        terminal.count(status.waiting_copies, "copy", "copies"),
        terminal.count(status.pending_decisions, "decision"),
        terminal.count(status.outbox, "signed statement"),
    ]
    terminal.result(f"awards: {status.awards}; open claim links: {status.open_offers}")
    terminal.result(f"waiting for the ledger: {', '.join(waiting)}")
    following = "on command" if status.next_cut is None else terminal.instant(status.next_cut)
    terminal.result(f"last cut: {terminal.instant(status.last_cut)}; next: {following}")
    for item in status.certificates:
        kind = "self-made" if item.is_self_made else item.file
        terminal.result(f"certificate of {item.listener}: until {terminal.instant(item.not_after)}, {kind}")
    if status.findings:
        terminal.result("to look at:")
        for finding in status.findings:
            terminal.result(f"  {finding}")
    else:
        terminal.result("nothing to look at")


def _to_json(status: "NodeStatus", head: "HeadStanding | None") -> dict[str, object]:
    return {
        "awards": status.awards,
        "certificates": [dataclasses.asdict(item) for item in status.certificates],
        "findings": list(status.findings),
        # From another computer only the node itself can be asked: its findings name a missing quorum.
        "head": None
        if head is None
        else {
            "age_ms": head.age_ms,
            "cosignatures": head.present,
            "has_quorum": head.has_quorum,
            "required": head.required,
            "size": head.size,
            "witnesses": head.witnesses,
        },
        "issuer": status.issuer,
        "last_cut": status.last_cut,
        "log": status.log,
        "name": status.name,
        "networks": None if head is None else list(head.networks),
        "next_cut": status.next_cut,
        "open_offers": status.open_offers,
        "origin": status.origin,
        "outbox": status.outbox,
        "pending_decisions": status.pending_decisions,
        "running": True,
        "size": status.size,
        "waiting_copies": status.waiting_copies,
        "waiting_for": status.is_waiting_for,
    }


def _show_stopped(home: "Home", *, as_json: bool) -> int:
    import asyncio

    from ledger.log.identity import encode_log_id
    from node.access import open_access

    async def read() -> "HeldLog":
        async with open_access(home) as access:
            return await access.held_log()

    held = asyncio.run(read())
    log = encode_log_id(held.state.log_id)
    if as_json:
        terminal.result_json({"log": log, "name": held.state.name, "running": False, "size": held.state.size})
    else:
        terminal.result(f"{held.state.name} is not running")
        terminal.result(f"log: {held.state.charter.origin}, {terminal.count(held.state.size, 'entry', 'entries')}")
        terminal.result(f"log id: {log}")
    terminal.next_step(f"cairn-node run {home.directory}")
    return terminal.EXIT_UNDECIDED
