"""`cairn audit`: replay every log of a network from zero."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options


@click.command(
    "audit",
    epilog="Example:  cairn audit --trust trust.json --node https://ledger.tidewater.example --report june.json",
)
@click.option("--trust", "trust_file", metavar="FILE", help="Trust root; the remembered one by default.")
@click.option("--node", "nodes", metavar="URL", multiple=True, help="Node to fetch every log from; may be repeated.")
@click.option(
    "--dump", metavar="DIR", type=click.Path(exists=True, file_okay=False), help="Audit this replica instead of a node."
)
@click.option("--report", "report_file", metavar="FILE", help="Write the report as JSON.")
@click.option("--since", metavar="FILE", help="An earlier report: its logs must be the beginning of today's.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes to replay with.")
@click.option("--vault", metavar="FILE", help="Look for what is remembered beside this vault.")
@click.option("--force", is_flag=True, help="Overwrite the report file.")
@json_option
def command(
    trust_file: str | None,
    nodes: tuple[str, ...],
    dump: str | None,
    report_file: str | None,
    since: str | None,
    workers: int,
    vault: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Fetch every log of a network whole, replay all of it on this computer, and say what was found.

    Nothing that somebody else computed is believed: every signature, hash and rule is checked from entry 0 on. Exit
    code 0 means that every log replays and no rule was broken, 1 that there are findings, 3 that a log could not be
    had.
    """
    import json
    from pathlib import Path

    from ledger.errors import MalformedError
    from wallet_cli import files, places
    from wallet_cli.audit import audit_nodes, audit_replica, load_report
    from wallet_cli.progress import show_progress

    if dump is not None and nodes:
        raise MalformedError("give --node or --dump, not both")
    if report_file is not None and Path(report_file).exists() and not force:
        raise MalformedError(f"{report_file} exists already", hint="name another file, or say --force")
    place = places.find_places(read_vault_options(vault, None, False).folder, trust_file, dump, nodes)
    earlier = load_report(Path(since)) if since else ()
    with show_progress("auditing") as progress:
        if dump is not None:
            answer = audit_replica(place.replica, place.trust, workers=workers, since=earlier, progress=progress)
        else:
            answer = audit_nodes(place.nodes, place.trust, workers=workers, since=earlier, progress=progress)
    if report_file is not None:
        text = json.dumps(answer.to_json(), indent=1, sort_keys=True) + "\n"
        files.write_atomically(Path(report_file), text.encode("ascii"), mode=0o644)
    if as_json:
        terminal.result_json(answer.to_json())
    else:
        for line in answer.to_lines():
            terminal.result(terminal.escape(line))
    terminal.next_step(f"cairn audit --since {report_file or 'REPORT'}, next time, to see that nothing was rewritten")
    return answer.exit_code
