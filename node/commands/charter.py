"""`cairn-node charter`: what an institution says about itself, and how that changes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, force_option, json_option, output_option

if TYPE_CHECKING:
    from ledger.log.charter import BatchPolicy
    from ledger.log.state import LogState
    from node.home import Home


@click.group("charter")
def command() -> None:
    """Show what this institution's charter says now; propose to change its name, addresses or cuts.

    Root keys decide: amend writes a proposal, which cairn-node sign and submit take on.
    """


@command.command("show", epilog="Example:  cairn-node charter show /srv/cairn")
@directory_argument
@json_option
def show(directory: Path, as_json: bool) -> int:
    """Show the charter as amended: who this is, how it is reached, when it cuts, and since which entry."""
    from ledger.log.identity import encode_log_id
    from node.home import open_home
    from node.wording import describe_batch

    state = _own_state(open_home(directory))
    since, newest = state.batches[-1]
    amended = state.after("charter")
    if as_json:
        terminal.result_json(
            {
                "amended_by": None if amended < 0 else amended,
                "batch": dict(state.batch.to_json()),
                "batch_coming": None if newest == state.batch else {**newest.to_json(), "from_cut": since},
                "grpc": state.grpc,
                "log": encode_log_id(state.log_id),
                "name": state.name,
                "origin": state.charter.origin,
                "url": state.url,
                "urls_before": list(state.urls[:-1]),
            }
        )
    else:
        terminal.result(f"{state.name}, a {state.charter.institution}")
        terminal.result(f"  log {encode_log_id(state.log_id)}")
        terminal.result(f"  origin {state.charter.origin}")
        terminal.result(f"  reached at {state.url} and {state.grpc}")
        for url in state.urls[:-1]:
            terminal.result(f"  before: {url}")
        terminal.result(f"  cuts: {describe_batch(state.batch)}")
        if newest != state.batch:
            coming = since - state.issues
            terminal.result(f"  after {terminal.count(coming, 'more cut')}: {describe_batch(newest)}")
        terminal.result("  as founded" if amended < 0 else f"  amended last by entry {amended}")
    terminal.next_step(f"cairn-node charter amend {directory} --name NAME -o PROPOSAL")
    return terminal.EXIT_YES


@command.command(
    "amend",
    epilog="Example:  cairn-node charter amend /srv/cairn --url https://ledger.granite.example -o charter.proposal",
)
@directory_argument
@click.option("--name", metavar="NAME", help="What the institution is called from now on.")
@click.option("--url", metavar="URL", help="Public URL of its node from now on.")
@click.option("--grpc", metavar="HOST:PORT", help="Public gRPC address of its node from now on.")
@click.option("--batch-interval", metavar="TIME", help="Between two cuts: 1d, 12h, 30m; 0 for cuts on command.")
@click.option("--batch-at", metavar="HH:MM", help="Time of day of a cut, UTC.")
@click.option("--batch-size", metavar="N", type=click.IntRange(1, 131_072), help="Items of one cut, a power of two.")
@output_option("Where to write the proposal.")
@force_option
@json_option
def amend(
    directory: Path,
    name: str | None,
    url: str | None,
    grpc: str | None,
    batch_interval: str | None,
    batch_at: str | None,
    batch_size: int | None,
    output: Path,
    force: bool,
    as_json: bool,
) -> int:
    """Propose to change what the charter says; what is not named stays.

    New cuts begin with the second next one, so that nobody is surprised. Peers and wallets read the new addresses from the
    log; what this node listens on stands in node.toml. Old URLs of a network stay its own: what names them stays valid.
    """
    from node.commands.proposing import make_drafter, write_proposal
    from node.home import open_home
    from node.outfile import check_output

    check_output(output, force=force)
    home = open_home(directory)
    state = _own_state(home)
    batch = _read_batch(state, batch_interval, batch_at, batch_size)
    if (name, url, grpc, batch) == (None, None, None, None):
        raise click.UsageError(
            "say what shall change: --name, --url, --grpc, --batch-interval, --batch-at, --batch-size"
        )
    _check(name, url, grpc, batch)
    proposal = make_drafter(state).amend_charter(name=name, url=url, grpc=grpc, batch=batch)
    _tell_settings(home, url, grpc)
    write_proposal(proposal, output, as_json=as_json)
    return terminal.EXIT_YES


def _own_state(home: "Home") -> "LogState":
    import asyncio

    from node.access import open_access

    async def read() -> "LogState":
        async with open_access(home) as access:
            return (await access.held_log()).state

    return asyncio.run(read())


def _read_batch(state: "LogState", interval: str | None, at: str | None, size: int | None) -> "BatchPolicy | None":
    from dataclasses import replace

    from node.commands.init import read_interval, read_minute

    if (interval, at, size) == (None, None, None):
        return None
    policy = state.batches[-1][1]
    if interval is not None:
        policy = replace(policy, interval=read_interval(interval))
    if at is not None:
        policy = replace(policy, minute=read_minute(at))
    return policy if size is None else replace(policy, size=size)


def _check(name: str | None, url: str | None, grpc: str | None, batch: "BatchPolicy | None") -> None:
    """What every reader of the log would refuse is refused before it is signed."""
    from ledger.errors import MalformedError
    from ledger.log.charter import check_url
    from ledger.log.keys import check_name
    from node.client.exchange import is_host_port

    if name is not None:
        check_name(name, "--name")
    if url is not None:
        check_url(url, "--url")
    if grpc is not None and not is_host_port(grpc):
        raise MalformedError(f"--grpc {grpc}: is not HOST:PORT", hint="such as ledger.granite.example:443")
    if batch is not None and batch.size & (batch.size - 1):
        raise MalformedError(f"--batch-size {batch.size}: is not a power of two", hint="such as 256 or 512")


def _tell_settings(home: "Home", url: str | None, grpc: str | None) -> None:
    for key, value in (("http_url", url), ("grpc_address", grpc)):
        kept = getattr(home.config, key)
        if value is not None and value != kept:
            terminal.note(
                f"node.toml says {key} = {kept!r}: change it there too once this is on the ledger, and restart"
            )
