"""`cairn verify-proof`: check a tlog-proof, without a ledger or a network."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options


@click.command(
    "verify-proof",
    epilog="Example:  cairn verify-proof charter.tlog-proof --data charter.entry --policy confluence.policy",
)
@click.argument("proof", metavar="PROOF", type=click.Path(exists=True, dir_okay=False))
@click.option("--data", metavar="FILE", required=True, help="The entry it is about: your own copy, byte for byte.")
@click.option("--policy", metavar="FILE", help="Which logs and witnesses count, as a C2SP tlog-policy.")
@click.option("--trust", "trust_file", metavar="FILE", help="Or a trust root; the remembered one by default.")
@click.option("--vault", metavar="FILE", help="Look for what is remembered beside this vault.")
@json_option
def command(proof: str, data: str, policy: str | None, trust_file: str | None, vault: str | None, as_json: bool) -> int:
    """Check that FILE is an entry of a log that a policy lists, as enough of its witnesses have seen it.

    A trust root stands for the network's own log alone: which witnesses count for its members' logs, its log says. What
    the entry means, and whether it has effect, is not looked at. Exit code 0: it holds. 1: it does not. 2: a file cannot
    be read.
    """
    from pathlib import Path

    from wallet_cli import places, proving

    trust = None
    if policy is None:
        trust = places.find_places(read_vault_options(vault, None, False).folder, trust_file, None).trust
    elif trust_file is not None:
        raise click.UsageError("--policy and --trust say the same thing; name one of them.")
    chosen = proving.read_policy(None if policy is None else Path(policy), trust)
    proven = proving.check_proof(Path(proof), Path(data), chosen)
    if as_json:
        terminal.result_json(proven.to_json())
    else:
        terminal.result(terminal.escape(proven.to_line()))
    terminal.next_step("cairn audit, to replay the whole log it is from")
    return terminal.EXIT_YES
