"""`cairn-node status`: how a node stands, in words."""

import dataclasses
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from node.client.finding import Finding
    from node.client.registry import NodeStatus
    from node.desk import Desk
    from node.home import Home
    from node.standing import HeadStanding


@click.command("status", cls=DeskCommand, epilog="Example:  cairn-node status /srv/cairn")
@desk_argument
@json_option
def command(directory: "Desk", as_json: bool) -> int:
    """Tell how the node stands: its log, its newest head and who vouches for it, what waits, what is wrong.

    Whatever should be looked at is told with its age, its cause and what to do. Exit code 0 means all is well, 1 that
    something should be looked at, 2 that there is no readable node in DIR, 3 that the node does not run or does not
    answer.
    """
    import asyncio

    from node.desk import RemoteDesk, at_desk, open_desk
    from node.standing import ask_standing

    home = open_desk(directory)
    if isinstance(home, RemoteDesk):
        status = asyncio.run(at_desk(home, lambda client: client.status()))
        return _tell(status, None, directory, f"cairn-node awards {directory}", as_json=as_json)
    if not home.is_running():
        return _show_stopped(home, as_json=as_json)
    status, head = asyncio.run(ask_standing(home))
    if not head.networks and not home.config.networks:
        # Whatever the findings say, most of it has this one reason.
        following = f"cairn-node join {directory} --trust FILE -o request.json, to ask a network for membership"
    elif status.findings:
        following = f"do what is said above, the first first; cairn-node doctor {directory} looks closer"
    else:
        following = f"cairn-node awards {directory}"
    return _tell(status, head, directory, following, as_json=as_json)


def _tell(
    status: "NodeStatus", head: "HeadStanding | None", directory: "Desk", following: str, *, as_json: bool
) -> int:
    if as_json:
        terminal.result_json(_to_json(status, head))
    else:
        _show(status, head, directory)
    terminal.next_step(following)
    return terminal.EXIT_NO if status.findings else terminal.EXIT_YES


def _show(status: "NodeStatus", head: "HeadStanding | None", directory: "Desk") -> None:
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
    _show_findings(status.findings, directory)


def _show_findings(findings: "tuple[Finding, ...]", directory: "Desk") -> None:
    from node.clock import system_clock

    if not findings:
        terminal.result("nothing to look at")
        return
    terminal.result("to look at:")
    now = system_clock()
    for finding in findings:
        for line in finding.describe(str(directory), now):
            terminal.result(f"  {line}")


def _to_json(status: "NodeStatus", head: "HeadStanding | None") -> dict[str, object]:
    return {
        "awards": status.awards,
        "certificates": [dataclasses.asdict(item) for item in status.certificates],
        "findings": [finding.to_json() for finding in status.findings],
        # From another computer only the node itself can be asked: its findings name a missing quorum.
        "head": None if head is None else _head_to_json(head),
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


def _head_to_json(head: "HeadStanding") -> dict[str, object]:
    return {
        "age_ms": head.age_ms,
        "cosignatures": head.present,
        "has_quorum": head.has_quorum,
        "required": head.required,
        "size": head.size,
        "witnesses": head.witnesses,
    }


def _show_stopped(home: "Home", *, as_json: bool) -> int:
    import asyncio

    from ledger.log.identity import encode_log_id
    from node.standing import read_standing

    stopped = asyncio.run(read_standing(home))
    state, log = stopped.own.state, encode_log_id(stopped.own.state.log_id)
    if as_json:
        answer = {
            "findings": [finding.to_json() for finding in stopped.findings],
            "head": _head_to_json(stopped.head),
            "log": log,
            "name": state.name,
            "networks": list(stopped.head.networks),
            "origin": state.charter.origin,
            "running": False,
            "size": state.size,
        }
        terminal.result_json(answer)
    else:
        terminal.result(f"{state.name} is not running")
        terminal.result(f"log: {state.charter.origin}, {terminal.count(state.size, 'entry', 'entries')}")
        terminal.result(f"log id: {log}")
        for line in stopped.head.describe():
            terminal.result(line)
        _show_findings(stopped.findings, home.directory)
    terminal.next_step(f"cairn-node run {home.directory}")
    return terminal.EXIT_UNDECIDED
