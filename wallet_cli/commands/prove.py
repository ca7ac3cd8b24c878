"""`cairn prove`: an entry of a held log and its proof, as files."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options


@click.command("prove", epilog="Example:  cairn prove 0 -o charter  (writes charter.entry and charter.tlog-proof)")
@click.argument("index", metavar="INDEX", type=click.IntRange(min=0))
@click.option("--log", "log", metavar="ID", help="Log id; the network's own log by default.")
@click.option("-o", "--output", metavar="NAME", required=True, help="Files to write: NAME.entry and NAME.tlog-proof.")
@click.option("--trust", "trust_file", metavar="FILE", help="Trust root; the remembered one by default.")
@click.option("--replica", metavar="DIR", help="Light replica; the remembered one by default.")
@click.option("--vault", metavar="FILE", help="Look for what is remembered beside this vault.")
@json_option
def command(
    index: int,
    log: str | None,
    output: str,
    trust_file: str | None,
    replica: str | None,
    vault: str | None,
    as_json: bool,
) -> int:
    """Write entry INDEX of a log that is held here, and a C2SP tlog-proof that it stands under the newest head.

    With both files and a policy (`cairn trust FILE --policy OUT`) anybody can check it, with this program or another.
    """
    from pathlib import Path

    from ledger.log.identity import parse_log_id
    from wallet_cli import places, proving, verify
    from wallet_cli.replica_key import load_key

    place = places.find_places(read_vault_options(vault, None, False).folder, trust_file, replica)
    network = verify.open_network(place.trust, place.replica, load_key(place.folder))
    wanted = place.trust.network if log is None else parse_log_id(log)
    entry, proof = proving.write_proof(network.ledger, wanted, index, Path(output).absolute())
    if as_json:
        terminal.result_json({"entry": str(entry), "proof": str(proof)})
    else:
        terminal.result(f"written: {terminal.escape(str(entry))}, {terminal.escape(str(proof))}")
    terminal.next_step(f"cairn verify-proof {terminal.escape(proof.name)} --data {terminal.escape(entry.name)}")
    return terminal.EXIT_YES
