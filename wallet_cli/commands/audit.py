"""`cairn audit`: replay every log of a network from zero."""

from typing import TYPE_CHECKING

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options

if TYPE_CHECKING:
    from pathlib import Path

    from wallet_cli.audit import AuditOptions
    from wallet_cli.audit_report import AuditReport
    from wallet_cli.places import Places


@click.command(
    "audit",
    epilog="Example:  cairn audit --trust trust.json --node https://ledger.tidewater.example --report june.json",
)
@click.option("--trust", "trust_file", metavar="FILE", help="Trust root; the remembered one by default.")
@click.option("--node", "nodes", metavar="URL", multiple=True, help="Node to fetch every log from; may be repeated.")
@click.option(
    "--dump", metavar="DIR", type=click.Path(exists=True, file_okay=False), help="Audit this replica instead of a node."
)
@click.option(
    "--save", metavar="DIR", type=click.Path(file_okay=False), help="Keep all that is fetched here, for --dump later."
)
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Remember here what was checked; the next audit with it checks only what is new.",
)
@click.option("--report", "reports", metavar="FILE", multiple=True, help="Write the report, as FILE.json or FILE.html.")
@click.option("--since", metavar="FILE", help="An earlier report: its logs must be the beginning of today's.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes to replay with.")
@click.option("--list-key", "list_keys", metavar="FILE", multiple=True, help="Look into status pages with these keys.")
@click.option("--attest", metavar="FILE", help="Write what was found as a signed record; needs --key and --by.")
@click.option("--key", "key_file", metavar="FILE", help="The key to sign with, made by `cairn keygen`.")
@click.option("--by", metavar="NAME", help="Who you are, as it shall stand in the record.")
@click.option("--passphrase-file", metavar="FILE", help="Read the passphrase of the key from this file.")
@click.option("--vault", metavar="FILE", help="Look for what is remembered beside this vault.")
@click.option("--force", is_flag=True, help="Overwrite the files of reports and attestation.")
@json_option
def command(
    trust_file: str | None,
    nodes: tuple[str, ...],
    dump: str | None,
    save: str | None,
    state: str | None,
    reports: tuple[str, ...],
    since: str | None,
    workers: int,
    list_keys: tuple[str, ...],
    attest: str | None,
    key_file: str | None,
    by: str | None,
    passphrase_file: str | None,
    vault: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Fetch every log of a network whole, replay all of it on this computer, and say what was found.

    Nothing that somebody else computed is believed: every signature, hash and rule is checked from entry 0 on. With
    --state an audit goes on where your last one stopped, also after an interruption. Exit code 0 means that every log
    replays and no rule was broken, 1 that there are findings, 3 that a log could not be had.
    """
    from pathlib import Path

    from ledger.errors import MalformedError
    from wallet_cli import clock, places
    from wallet_cli.attest import attest_audit
    from wallet_cli.audit import AuditOptions
    from wallet_cli.audit_report import load_report
    from wallet_cli.audit_state import AuditState
    from wallet_cli.page_audit import load_page_keys
    from wallet_cli.progress import show_progress
    from wallet_cli.replica_key import obtain_key
    from wallet_cli.signing import open_signer

    if dump is not None and (nodes or save):
        raise MalformedError("give --node or --dump, not both; --save keeps what --node gives")
    for file in reports:
        if Path(file).exists() and not force:
            raise MalformedError(f"{file} exists already", hint="name another file, or say --force")
    place = places.find_places(read_vault_options(vault, None, False).folder, trust_file, dump, nodes)
    signer = open_signer(attest, key_file, by, passphrase_file, force=force)
    with show_progress("auditing") as progress:
        options = AuditOptions(
            at=clock.system_clock(),
            workers=workers,
            since=load_report(Path(since)) if since else (),
            state=AuditState(Path(state), obtain_key(place.folder)) if state else None,
            page_keys=tuple(load_page_keys(Path(file)) for file in list_keys),
            progress=progress,
        )
        answer = _audit(place, options, is_dump=dump is not None, save=Path(save) if save else None)
    for file in reports:
        _write_report(answer, Path(file))
    if signer is not None:
        signer.write(attest_audit(answer, signer.by))
    if as_json:
        terminal.result_json(answer.to_json())
    else:
        for line in answer.to_lines():
            terminal.result(terminal.escape(line))
    kept = next((file for file in reports if not _is_page(file)), "REPORT")
    terminal.next_step(f"cairn audit --since {kept}, next time, to see that nothing was rewritten")
    return answer.exit_code


def _audit(place: "Places", options: "AuditOptions", *, is_dump: bool, save: "Path | None") -> "AuditReport":
    from wallet_cli.audit import audit_nodes, audit_replica
    from wallet_cli.replica_key import obtain_key

    if is_dump:
        return audit_replica(place.replica, place.trust, options)
    key = None if save is None else obtain_key(place.folder)
    return audit_nodes(place.nodes, place.trust, options, save=save, key=key)


def _is_page(file: str) -> bool:
    return file.lower().endswith((".html", ".htm"))


def _write_report(report: "AuditReport", file: "Path") -> None:
    import json

    from wallet_cli import files
    from wallet_cli.audit_page import render_page

    values = json.dumps(report.to_json(), indent=1, sort_keys=True) + "\n"
    text = render_page(report) if _is_page(file.name) else values
    files.write_atomically(file, text.encode(), mode=0o644)
