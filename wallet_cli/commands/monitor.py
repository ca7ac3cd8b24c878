"""`cairn monitor`: audit a network again and again, and call when something is wrong."""

from typing import TYPE_CHECKING

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options

if TYPE_CHECKING:
    from wallet_cli.monitor import Event, Monitor

HOOK_SECONDS = 60


@click.command(
    "monitor",
    epilog="Example:  cairn monitor --state watch --node https://ledger.tidewater.example --hook ./call-me",
)
@click.option("--trust", "trust_file", metavar="FILE", help="Trust root; the remembered one by default.")
@click.option("--node", "nodes", metavar="URL", multiple=True, help="Node to look at; may be repeated.")
@click.option("--state", metavar="DIR", required=True, type=click.Path(file_okay=False), help="Keep everything here.")
@click.option(
    "--interval",
    metavar="SECONDS",
    type=click.IntRange(1, 86_400),
    default=300,
    show_default=True,
    help="How long to wait between two rounds.",
)
@click.option("--once", is_flag=True, help="Make one round and end.")
@click.option(
    "--hook",
    metavar="CMD",
    help="Run this program, without a shell, when there is news; it gets the events as JSON on its input.",
)
@click.option("--own-log", metavar="LOG", default="", help="Your institution's log: its id, origin or name.")
@click.option(
    "--own",
    metavar="SOURCE",
    default="",
    help="What you wrote yourself: your node's URL, a replica of it, or a list of statements.",
)
@click.option(
    "--own-command",
    metavar="CMD",
    default="",
    help="Or a command that prints such a list, asked in each round: 'cairn-node statements DIR'.",
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes to check with.")
@click.option("--vault", metavar="FILE", help="Look for what is remembered beside this vault.")
@json_option
def command(
    trust_file: str | None,
    nodes: tuple[str, ...],
    state: str,
    interval: int,
    once: bool,
    hook: str | None,
    own_log: str,
    own: str,
    own_command: str,
    workers: int,
    vault: str | None,
    as_json: bool,
) -> int:
    """Look at a network again and again until you stop it, and tell what is new since the round before.

    Told are growth, findings, forks, nodes that serve less than they did, and silence of the network; with --own-log
    what the network decides about you, and with --own or --own-command what was written in your name and not by you.
    Every event is one line (with --json one JSON object a line). Exit code 0 means no alarm, 1 that there was one, 3
    that the last round could not look; Ctrl-C and SIGTERM stop at once and lose nothing.
    """
    from pathlib import Path

    from ledger.errors import MalformedError
    from wallet_cli import places
    from wallet_cli.monitor import Monitor, Watched
    from wallet_cli.progress import show_progress
    from wallet_cli.replica_key import obtain_key

    if (own or own_command) and not own_log:
        raise MalformedError("--own needs --own-log", hint="name your log by its id, origin or name")
    if own and own_command:
        raise MalformedError("--own and --own-command say the same thing; name one of them")
    place = places.find_places(read_vault_options(vault, None, False).folder, trust_file, None, nodes)
    with show_progress("looking") as progress:
        watched = Watched(
            folder=Path(state),
            trust=place.trust,
            nodes=place.nodes,
            key=obtain_key(place.folder),
            workers=workers,
            own=own,
            own_command=own_command,
            own_log=own_log,
        )
        code = _watch(Monitor(watched, progress), 0 if once else interval, hook, as_json)
    terminal.next_step(f"cairn audit --dump {Path(state) / 'replica'} --report FILE.html, for the whole picture")
    return code


def _watch(monitor: "Monitor", interval: int, hook: str | None, as_json: bool) -> int:
    """Make rounds until stopped; with an interval of 0 only one."""
    import signal
    import time

    from wallet_cli import clock

    # Whatever is on disk is whole at any moment, so a stop needs no more than to be heard.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = terminal.EXIT_YES
    try:
        while True:
            events = monitor.look(clock.system_clock())
            code = _code_after(code, events, monitor.is_blind)
            _tell(events, as_json)
            if hook and events:
                _call(hook, events)
            if not interval:
                break
            time.sleep(interval)
    except KeyboardInterrupt:
        terminal.note("cairn: stopped")
    finally:
        signal.signal(signal.SIGTERM, before)
    return code


def _code_after(code: int, events: "list[Event]", is_blind: bool) -> int:
    if code == terminal.EXIT_NO or any(event.is_alarm for event in events):
        return terminal.EXIT_NO
    return terminal.EXIT_UNDECIDED if is_blind else terminal.EXIT_YES


def _tell(events: "list[Event]", as_json: bool) -> None:
    import json

    for event in events:
        terminal.result(json.dumps(event.to_json(), sort_keys=True) if as_json else terminal.escape(event.to_line()))


def _call(hook: str, events: "list[Event]") -> None:
    import json
    import shlex
    import subprocess

    data = json.dumps({"events": [event.to_json() for event in events]}, sort_keys=True)
    try:
        done = subprocess.run(shlex.split(hook), input=data, text=True, timeout=HOOK_SECONDS, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        terminal.note(f"cairn: hook: could not be run: {terminal.escape(str(error))}")
        return
    if done.returncode:
        terminal.note(f"cairn: hook: ended with exit code {done.returncode}")
