"""`cairn-node join`: ask a network for membership."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import directory_argument, force_option, json_option, output_option


@click.command(
    "join", epilog="Example:  cairn-node join /srv/cairn --trust confluence.trust.json -o granite.request.json"
)
@directory_argument
@click.option(
    "--trust",
    "trust_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Trust root of the network, from its operator; not needed again for the only one that the node follows.",
)
@output_option("Where to write the request.")
@force_option
@json_option
def command(directory: Path, trust_file: Path | None, output: Path, force: bool, as_json: bool) -> int:
    """Write a request for membership, to be handed to the network's governors, and follow the network from now on.

    The request is public: who this institution is, where its log stands, by which key it would cosign.
    """
    import asyncio

    from ledger.log.identity import encode_log_id
    from node.home import open_home
    from node.membership import request_membership
    from node.outfile import check_output, write_output

    check_output(output, force=force)
    asked = asyncio.run(request_membership(open_home(directory), trust_file))
    write_output(output, asked.data)
    log = encode_log_id(asked.request.log)
    if as_json:
        terminal.result_json(
            {
                "file": str(output),
                "issuer": asked.issuer or None,
                "log": log,
                "network": encode_log_id(asked.request.network),
                "size": asked.request.boundary.size,
            }
        )
    else:
        terminal.result(f"written: {output}")
        wish = "tells anew what it is to" if asked.is_member else "asks to become a member of"
        terminal.result(f"{asked.request.name} {wish} {asked.network_name}")
        terminal.result(f"log id: {log} (governors compare it)")
        if asked.issuer:
            terminal.result(f"credentials bear the id {asked.issuer}: the network lists it with --issuer")
    decision = f"--amend {log} --request {output.name} -o P" if asked.is_member else f"--admit {output.name} …"
    terminal.next_step(f"hand {output.name} to a governor, who runs cairn-node member propose DIR {decision}")
    return terminal.EXIT_YES
