"""`cairn trust`: explain a trust root and remember it."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options


@click.command("trust", epilog="Example:  cairn trust confluence.trust.json")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--policy",
    metavar="OUT",
    type=click.Path(dir_okay=False),
    help="Also write its witnesses as a policy for other tools.",
)
@click.option("--vault", metavar="FILE", help="Remember it beside this vault instead of ~/.cairn/vault.")
@click.option("--yes", is_flag=True, help="Answer every question with yes.")
@json_option
def command(file: str, policy: str | None, vault: str | None, yes: bool, as_json: bool) -> int:
    """Explain a trust root file, the one thing a verifier takes as given, and remember it.

    It says whose ledger you rely on, how many witnesses must have seen the same, and the fingerprint to compare with
    somebody who has the file from another source. Later commands use it unless you name another with --trust.

    With --policy OUT its log, witnesses and quorum are written as a C2SP tlog-policy, with which other tools, and
    `cairn verify-proof`, can check the network's own checkpoints.
    """
    from dataclasses import replace
    from pathlib import Path

    from wallet_cli import remembered
    from wallet_cli.trust import explain_trust_root, is_same_network, read_trust_root, write_policy

    options = read_vault_options(vault, None, yes)
    path = Path(file).absolute()
    trust = read_trust_root(path)
    explanation = explain_trust_root(trust)
    if policy is not None:
        write_policy(trust, Path(policy).absolute())
    if as_json:
        terminal.result_json(explanation.values)
    else:
        for line in explanation.lines:
            terminal.result(terminal.escape(line))
    known = remembered.load(options.folder)
    question = "you rely on another network so far; rely on this one instead?"
    if is_same_network(known.trust, trust) or terminal.confirm(question, yes=options.yes):
        remembered.save(options.folder, replace(known, trust=path))
        terminal.next_step("cairn sync, to fetch a light copy of this network's ledger")
    return terminal.EXIT_YES
