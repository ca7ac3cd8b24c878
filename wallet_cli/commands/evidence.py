"""`cairn evidence`: proof of forks that the replica holds, written to files that stand alone."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options


@click.command("evidence", epilog="Example:  cairn evidence --log 'Granite Hollow High' -o granite.fork")
@click.option("-o", "--output", metavar="FILE", help="Write it to a file that anybody can judge alone.")
@click.option("--log", "log", metavar="LOG", help="Which log, by name, origin or log id, where it is about several.")
@click.option("--trust", "trust_file", metavar="FILE", help="Trust root; the remembered one by default.")
@click.option("--replica", metavar="DIR", help="Replica made by `cairn sync`; the remembered one by default.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--vault", metavar="FILE", help="Look for what is remembered beside this vault.")
@json_option
def command(
    output: str | None,
    log: str | None,
    trust_file: str | None,
    replica: str | None,
    force: bool,
    vault: str | None,
    as_json: bool,
) -> int:
    """List the logs of which this replica holds proof that two histories were signed; with -o write one to a file.

    The file holds the log's charter, so that `cairn verify-evidence FILE` needs nothing else. Exit code 0: there is such
    proof. 1: there is none.
    """
    from pathlib import Path

    from ledger.errors import MalformedError
    from ledger.log.forkfile import encode_fork_file
    from wallet_cli import evidence_words, files, places
    from wallet_cli.evidence import find_held_forks, judge_evidence
    from wallet_cli.replica_key import load_key
    from wallet_cli.verify import open_network

    if output is not None and Path(output).exists() and not force:
        raise MalformedError(f"{output} exists already", hint="name another file, or say --force")
    place = places.find_places(read_vault_options(vault, None, False).folder, trust_file, replica)
    network = open_network(place.trust, place.replica, load_key(place.folder))
    found = find_held_forks(network, log)
    if output is not None and len(found) > 1:
        names = ", ".join(sorted(network.name_of(log_id) for log_id, _ in found))
        raise MalformedError("it is about several logs", hint=f"say --log, one of: {names}")
    findings = [judge_evidence(encode_fork_file(file), place.trust, network) for _, file in found]
    if output is not None and found:
        files.write_atomically(Path(output), encode_fork_file(found[0][1]), mode=0o644)
    if as_json:
        terminal.result_json([evidence_words.to_json(finding) for finding in findings])
    else:
        for finding in findings:
            terminal.result(terminal.escape(evidence_words.to_summary(finding)))
        if not findings:
            terminal.result("no proof of two histories is held here")
    terminal.next_step(
        f"cairn verify-evidence {output or 'FILE'}, for what it proves" if found else "cairn sync, to fetch what is new"
    )
    return terminal.EXIT_YES if found else terminal.EXIT_NO
