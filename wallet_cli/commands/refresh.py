"""`cairn refresh`: receipts, status, and new copies where the old ones do not count any more."""

from typing import TYPE_CHECKING

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options, vault_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.log.receipt import Receipt
    from wallet_cli.held import HeldLedger
    from wallet_cli.holdings import Contents
    from wallet_cli.refresh import Place
    from wallet_cli.renewal import Renewed
    from wallet_cli.vault import Vault


@click.command("refresh", epilog="Example:  cairn refresh")
@click.option("--node", "nodes", metavar="URL", multiple=True, help="Node to ask; the remembered ones by default.")
@click.option("--renew", "asked", metavar="ID", multiple=True, help="Fetch new copies of this credential in any case.")
@click.option("--no-renew", is_flag=True, help="Ask no school for anything; only read the ledger.")
@vault_options
@json_option
def command(
    nodes: tuple[str, ...],
    asked: tuple[str, ...],
    no_renew: bool,
    vault: str | None,
    passphrase_file: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Bring the ledger held here up to date, find where your credentials stand, and tell what changed.

    Badges and other files of this ledger's schools are found too; their receipts are kept and go out with them.

    Whole batches are fetched and searched here: no node learns which entry is yours. Where the ledger shows that a
    school has corrected a credential, made its copies anew or ended a suspension, new copies are fetched from that
    school, without a new claim link; the school made the old ones and learns nothing but that you refresh.
    """
    import asyncio

    from ledger.errors import PolicyError
    from wallet_cli import formreceipts, imported, records, refresh
    from wallet_cli.clock import system_clock

    if asked and no_renew:
        raise click.UsageError("--renew and --no-renew exclude each other")
    options = read_vault_options(vault, passphrase_file, yes)
    opened = options.open_vault()
    held = asyncio.run(refresh.sync_held(options.folder, terminal.note, nodes))
    if held is None:
        raise PolicyError("no ledger is held here", hint="get the network's trust root and run cairn sync --trust FILE")
    files = formreceipts.find_waiting(opened.contents, held, options.folder, system_clock())
    waiting = (*refresh.find_waiting(opened.contents, held), *files)
    receipts = asyncio.run(refresh.find_receipts(waiting, held)) if waiting else {}
    if receipts:
        opened.change(lambda contents: _with_receipts(contents, receipts))
    confirmed = refresh.confirm_unchecked(opened.contents, held, terminal.note)
    if confirmed != opened.contents:
        opened.change(lambda contents: refresh.confirm_unchecked(contents, held, lambda _: None))
    renewed = () if no_renew else _renew(opened, held, asked, system_clock())
    rows = records.list_rows(opened.contents, held, system_clock())
    own = [one for one in imported.judge_all(opened.contents, options.folder, system_clock()) if one.is_own]
    if as_json:
        terminal.result_json(
            {
                "files": [one.to_json() for one in own],
                "found": len(receipts),
                "held": [row.to_json() for row in rows],
                "renewed": _to_json(renewed),
            }
        )
    else:
        cells = [(row.holding.id, row.reading.title, row.reading.issuer_name, row.state) for row in rows]
        cells += [(one.held.id, one.title, one.issuer, one.state) for one in own]
        terminal.table(("id", "what", "issued by", "state"), cells)
    terminal.note(f"{len(receipts)} of {len(waiting)} waiting copies found on the ledger")
    if any(one.problem is None for one in renewed):
        terminal.next_step("cairn refresh, once the new copies are on the ledger")
    else:
        terminal.next_step("cairn show ID, then cairn present")
    is_refused = any(one.problem is not None and one.renewable.holding in asked for one in renewed)
    return terminal.EXIT_UNDECIDED if is_refused else terminal.EXIT_YES


def _with_receipts(contents: "Contents", found: "Mapping[Place, Receipt]") -> "Contents":
    from wallet_cli import formreceipts, refresh

    files = {one.id for one in contents.imports}
    contents = refresh.with_receipts(
        contents, {place: receipt for place, receipt in found.items() if place[0] not in files}
    )
    return formreceipts.with_receipts(contents, found)


def _renew(opened: "Vault", held: "HeldLedger", asked: tuple[str, ...], now: int) -> "Sequence[Renewed]":
    import asyncio

    from wallet_cli import renewal

    marked = renewal.mark_suspended(opened.contents, held)
    if marked != opened.contents:
        opened.change(lambda contents: renewal.mark_suspended(contents, held))
    renewable = renewal.find_renewable(opened.contents, held, asked)
    if not renewable:
        return ()
    renewed = asyncio.run(renewal.renew(opened, renewable, held, now))
    _tell(renewed)
    return renewed


def _tell(renewed: "Sequence[Renewed]") -> None:
    for holding in dict.fromkeys(one.renewable.holding for one in renewed):
        ours = [one for one in renewed if one.renewable.holding == holding]
        done = [one for one in ours if one.problem is None]
        if done:
            copies = f"{len(done)} new {'copy' if len(done) == 1 else 'copies'}"
            reason, school = done[0].renewable.reason, done[0].renewable.school
            terminal.note(terminal.escape(f"{holding}: {copies} from {school}: {reason}"))
            changed = ", ".join(dict.fromkeys(name for one in done for name in one.changed))
            if changed:
                terminal.note(
                    terminal.escape(f"{holding}: says something else now: {changed}; see cairn show {holding}")
                )
        for problem in dict.fromkeys(str(one.problem) for one in ours if one.problem is not None):
            terminal.note(terminal.escape(f"{holding}: no new copy, though {ours[0].renewable.reason}: {problem}"))


def _to_json(renewed: "Sequence[Renewed]") -> list[dict[str, object]]:
    return [
        {
            "changed": list(one.changed),
            "id": one.renewable.holding,
            "problem": None if one.problem is None else str(one.problem),
            "reason": one.renewable.reason.name.lower(),
        }
        for one in renewed
    ]
