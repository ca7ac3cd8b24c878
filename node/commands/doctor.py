"""`cairn-node doctor`: look closely at a node, from outside."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import directory_argument, json_option


@click.command("doctor", epilog="Example:  cairn-node doctor /srv/cairn")
@directory_argument
@json_option
def command(directory: Path, as_json: bool) -> int:
    """Look closely at the node in DIR, running or stopped: configuration, keys, stores, disk, ports, addresses, clock.

    Peers are asked how much of this log they hold. Nothing is changed. Exit code 0 means all is well, 1 that something
    should be done, 3 that something could not be checked and nothing else is wrong.
    """
    import asyncio

    from node.clock import system_clock
    from node.doctor.check import Outcome, worst
    from node.doctor.examination import examine

    with terminal.show_work(f"looking at {directory}"):
        checks = asyncio.run(examine(directory, system_clock))
    outcome = worst(checks)
    if as_json:
        terminal.result_json({"checks": [check.to_json() for check in checks], "outcome": outcome.value})
    else:
        for check in checks:
            for line in check.describe(str(directory)):
                terminal.result(line)
    if outcome is Outcome.OK:
        terminal.next_step(f"cairn-node status {directory}")
        return terminal.EXIT_YES
    if outcome is Outcome.COULD_NOT_CHECK:
        terminal.next_step("see what could not be checked, and why")
        return terminal.EXIT_UNDECIDED
    terminal.next_step("do what is said above, problems first; then doctor again")
    return terminal.EXIT_NO
