"""`cairn verify-evidence`: judge the proof that somebody signed two histories of one log, offline."""

from typing import TYPE_CHECKING

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.errors import CairnError
    from ledger.log.network import Network
    from ledger.log.policy import TrustRoot


@click.command("verify-evidence", epilog="Example:  cairn verify-evidence granite.fork --trust confluence.trust.json")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option("--trust", "trust_file", metavar="FILE", help="Trust root that names the witnesses; not required.")
@click.option("--replica", metavar="DIR", help="Replica to look up the log and the network's decisions in.")
@click.option("--vault", metavar="FILE", help="Look for what is remembered beside this vault.")
@json_option
def command(file: str, trust_file: str | None, replica: str | None, vault: str | None, as_json: bool) -> int:
    """Say in words what FILE proves about a log, whose key signed it, where it begins and what follows.

    FILE is what `cairn-node evidence` or `cairn evidence` wrote, which stands alone, or a bare piece of evidence. Nobody is
    asked. With a trust root or a replica, given or remembered, it also says which cosignatures are real and what the
    network has decided. Exit code 0: it proves a fork. 1: it does not. 2: it cannot be read. 3: which key signs for that
    log is not known here.
    """
    from pathlib import Path

    from ledger.errors import MalformedError, ProofError, RuleError, SignatureError, at_place
    from ledger.log.forkfile import MAX_FORK_FILE_BYTES
    from wallet_cli import evidence_words, files
    from wallet_cli.evidence import judge_evidence

    data = files.read_bounded(Path(file), MAX_FORK_FILE_BYTES)
    trust, network = _find_known(read_vault_options(vault, None, False).folder, trust_file, replica)
    try:
        finding = judge_evidence(data, trust, network)
    except (ProofError, RuleError, SignatureError) as error:
        return _say_no(error, as_json)
    except MalformedError as error:
        raise at_place(error, file, hint="it is damaged, or no fork file: ask whoever gave it to you again") from error
    if as_json:
        terminal.result_json(evidence_words.to_json(finding))
    else:
        for line in evidence_words.to_lines(finding):
            terminal.result(terminal.escape(line))
    terminal.next_step("tell the network's governors, and pass the file on: it needs nobody's word")
    return terminal.EXIT_YES


def _find_known(
    folder: "Path", trust_file: str | None, replica: str | None
) -> "tuple[TrustRoot | None, Network | None]":
    from ledger.errors import CairnError
    from wallet_cli import places, remembered
    from wallet_cli.replica_key import load_key
    from wallet_cli.verify import open_network

    if trust_file is None and replica is None and remembered.load(folder).trust is None:
        return None, None
    place = places.find_places(folder, trust_file, replica)
    try:
        return place.trust, open_network(place.trust, place.replica, load_key(place.folder))
    except CairnError:
        # What was named must be there; what is only remembered may be of another network, or not fetched yet.
        if replica is not None:
            raise
        return place.trust, None


def _say_no(error: "CairnError", as_json: bool) -> int:
    if as_json:
        terminal.result_json({"proven": False, "reason": str(error)})
    else:
        terminal.result("Not proven: this file does not show that two histories of a log were signed")
        terminal.result(f"  {terminal.escape(str(error))}")
    terminal.next_step("ask whoever gave you the file for the original; one changed letter is enough to spoil it")
    return terminal.EXIT_NO
