"""`cairn-node explain-privacy`: what is on the ledger, who can see what, and what can be linked in spite of it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, json_option

if TYPE_CHECKING:
    from node.home import Home
    from node.privacy.subject import Subject

_COLUMNS = 100


@click.command("explain-privacy", epilog="Example:  cairn-node explain-privacy /srv/cairn")
@directory_argument
@json_option
def command(directory: Path, as_json: bool) -> int:
    """Tell what this node gives away about its learners, and to whom, from its log and its settings as they are.

    For a parent's question, a data protection officer, or before a school goes live. Exit code 0 means that there are only
    the limits every node has, 1 that this one gives away more and somebody can change that, 2 that there is no readable
    node in DIR, 3 that the node does not answer.
    """
    import asyncio

    from node.home import open_home
    from node.privacy.limits import list_limits

    subject = asyncio.run(_read(open_home(directory)))
    weaknesses = [limit for limit in list_limits(subject) if limit.is_weakness]
    if as_json:
        terminal.result_json(_to_json(subject))
    else:
        _show(subject)
    first = "cure what is said above, then explain-privacy again; " if weaknesses else ""
    terminal.next_step(f"{first}docs/privacy.md has the seventeen leaks a ledger can have, and what closes each")
    return terminal.EXIT_NO if weaknesses else terminal.EXIT_YES


async def _read(home: "Home") -> "Subject":
    from node.access import open_access
    from node.clock import system_clock
    from node.privacy.subject import make_subject
    from node.standing import read_networks

    async with open_access(home) as access:
        own = await access.held_log()
        networks = await read_networks(access, home, own)
    return make_subject(own, networks, home.config, system_clock())


def _show(subject: "Subject") -> None:
    from node.privacy import onledger
    from node.privacy.audiences import list_audiences
    from node.privacy.limits import list_limits

    facts, limits = list(onledger.list_facts(subject)), list(list_limits(subject))
    _section(
        "On the ledger in clear, about the institution",
        (f"{fact.what}: {fact.words}" for fact in facts if fact.is_clear),
    )
    _section(
        "On the ledger about learners, and noise to all who have no key",
        (f"{fact.what}: {fact.words}" for fact in facts if not fact.is_clear),
    )
    _section("Not on the ledger", [onledger.absent()])
    _section(
        "Who can see what",
        (
            f"{one.who}: {one.sees}" + (f". Not: {one.not_seen}" if one.not_seen else "")
            for one in list_audiences(subject)
        ),
    )
    _section("What can be linked or counted all the same", (one.words for one in limits if not one.is_weakness))
    _section(
        "What this node gives away and need not",
        [f"{one.words}\n      do: {one.do}" for one in limits if one.is_weakness]
        or ["nothing that a setting could change"],
    )


def _section(title: str, lines: Iterable[str]) -> None:
    import textwrap

    terminal.result(f"{title}:")
    for line in lines:
        for part in textwrap.wrap(
            line,
            _COLUMNS,
            initial_indent="  - ",
            subsequent_indent="    ",
            break_on_hyphens=False,
            break_long_words=False,
        ):
            terminal.result(part)


def _to_json(subject: "Subject") -> dict[str, object]:
    import dataclasses

    from ledger.log.identity import encode_log_id
    from node.privacy import onledger
    from node.privacy.audiences import list_audiences
    from node.privacy.limits import list_limits

    own, policy = subject.own, subject.own.batch
    return {
        "absent": onledger.absent(),
        "audiences": [dataclasses.asdict(one) for one in list_audiences(subject)],
        "batch": {"interval_ms": policy.interval, "minute": policy.minute, "size": policy.size},
        "cuts": own.issues,
        "documents": sorted(f"{name.id}/{name.version}" for name in own.documents),
        "facts": [dataclasses.asdict(fact) for fact in onledger.list_facts(subject)],
        "limits": [
            {"code": one.code.value, "do": one.do, "weakness": one.is_weakness, "words": one.words}
            for one in list_limits(subject)
        ],
        "lists": [
            {"log": encode_log_id(log), "number": number, "slots": slots}
            for (log, number), slots in sorted(own.lists.items())
        ],
        "log": encode_log_id(own.log_id),
        "most_learners": subject.most_learners,
        "name": own.name,
        "networks": [network.name for network in subject.networks],
        "pages": len(own.statuses),
    }
