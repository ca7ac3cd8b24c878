"""`cairn-node evidence`: what this node can prove about logs of which two histories were signed."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, force_option, json_option

if TYPE_CHECKING:
    from node.forkfiles import KeptFork


@click.command(
    "evidence", epilog="Example:  cairn-node evidence /srv/cairn --log 'Granite Hollow High' -o granite.fork"
)
@directory_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to a file that anybody can judge alone; public.",
)
@click.option("--log", "log", metavar="LOG", help="Which log, by name, origin or log id, where it is about several.")
@force_option
@json_option
def command(directory: Path, output: Path | None, log: str | None, force: bool, as_json: bool) -> int:
    """List the logs of which this node keeps proof that two histories were signed; with -o write one to a file.

    The file holds the log's charter, so that a regulator judges it with `cairn verify-evidence FILE` and nothing else. The
    node finds evidence by itself, passes it on to its peers and reports it on its own log with the next cut. Exit code 1:
    there is none to write.
    """
    import asyncio

    from node.forkfiles import choose_fork, gather_forks
    from node.home import open_home
    from node.outfile import check_output, write_output

    if output is not None:
        check_output(output, force=force)
    kept = asyncio.run(gather_forks(open_home(directory)))
    if output is not None:
        chosen = choose_fork(kept, log)
        write_output(output, chosen.data)
        kept = [chosen]
    elif log is not None:
        kept = [choose_fork(kept, log)]
    _tell(kept, output, as_json)
    if output is not None:
        terminal.next_step(f"cairn verify-evidence {output}, at whoever gets it")
    elif kept:
        terminal.next_step(f"cairn-node evidence {directory} -o FILE, to hand it on")
    else:
        terminal.next_step(f"cairn-node status {directory}")
    return terminal.EXIT_YES


def _tell(kept: "list[KeptFork]", output: Path | None, as_json: bool) -> None:
    if as_json:
        file = None if output is None else str(output)
        terminal.result_json({"file": file, "logs": [_to_json(item) for item in kept]})
        return
    for item in kept:
        terminal.result(f"{item.accused.name} ({item.accused.origin}): two histories were signed")
        for fork in item.forks:
            sizes = " and ".join(terminal.count(head.size, "entry", "entries") for head in (fork.first, fork.second))
            shared = "" if fork.common is None else f"; they share the first {fork.common}"
            terminal.result(f"  checkpoints over {sizes}{shared}")
    if not kept:
        terminal.result("no proof of two histories of any log is kept here")
    if output is not None:
        terminal.result(f"written: {output}")


def _to_json(item: "KeptFork") -> dict[str, object]:
    from ledger.log.identity import encode_log_id

    return {
        "forks": [
            {"common": fork.common, "sizes": [fork.first.size, fork.second.size], "split": fork.split}
            for fork in item.forks
        ],
        "log": encode_log_id(item.accused.log),
        "name": item.accused.name,
        "origin": item.accused.origin,
    }
