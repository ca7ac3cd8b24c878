"""`cairn receive`: take a credential in."""

from typing import TYPE_CHECKING

import click

from node.client.givenoptions import given_options
from wallet_cli import terminal
from wallet_cli.commands.options import (
    json_option,
    read_vault_options,
    vault_options,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from node.client.givenfiles import GivenFiles
    from wallet_cli.claim import Issuer
    from wallet_cli.formclaim import ReceivedFile
    from wallet_cli.forms import Form
    from wallet_cli.held import HeldLedger
    from wallet_cli.imported import Judged
    from wallet_cli.offer import Offer, OfferLink
    from wallet_cli.receive import ForeignFile, Received
    from wallet_cli.vault import Vault


@click.command(
    "receive",
    epilog="Example:  cairn receive 'openid-credential-offer://?credential_offer_uri=…'   or  cairn receive file.sdjwt"
    "   or  cairn receive LINK --form open-badge",
)
@click.argument("source", metavar="OFFER_OR_FILE")
@click.option(
    "--tx-code", metavar="CODE", default="", help="The second code of the school's letter; asked for by default."
)
@click.option(
    "--copies",
    type=click.IntRange(1, 4),
    default=2,
    show_default=True,
    help="Copies to ask for, one per receiver to come; of open-badge and jws it is one.",
)
@click.option(
    "--form",
    "form_name",
    type=click.Choice(("open-badge", "jws", "sd-jwt-es256")),
    help="Ask the school for a form that other software reads; in open-badge and jws nothing can be hidden.",
)
@click.option("--no-sync", is_flag=True, help="Do not bring the ledger held here up to date first.")
@given_options
@vault_options
@json_option
def command(
    source: str,
    tx_code: str,
    copies: int,
    form_name: str | None,
    no_sync: bool,
    vault: str | None,
    passphrase_file: str | None,
    yes: bool,
    given: "GivenFiles",
    as_json: bool,
) -> int:
    """Take a credential from a school's link, QR text or file, checked before it is kept.

    A badge, image, record or token of another format is kept as it is. If a member of the ledger held here issued it, it
    is checked against that ledger; else it is labelled external, and --issuer or --issuer-document say who issued it, if
    you know.

    Signature, issuer and status are checked against the ledger held here (see `cairn sync`). Each copy is bound to a
    key made for it alone.
    """
    import asyncio

    from wallet_cli import receive, refresh
    from wallet_cli.clock import system_clock
    from wallet_cli.forms import Form
    from wallet_cli.held import open_held, owns_issuer

    options = read_vault_options(vault, passphrase_file, yes)
    found = receive.read_source(source, lambda issuer: owns_issuer(options.folder, issuer))
    form = None if form_name is None else Form(form_name)
    if form is not None and isinstance(found, receive.ForeignFile | str):
        raise click.UsageError("--form is for offers; a file is kept in the form it has")
    opened = options.open_vault()
    if isinstance(found, receive.ForeignFile):
        return _keep_foreign(opened, found, given, options.folder, as_json=as_json)
    # First, since a stale ledger may not know the school's newest key, and a refused claim has spent its code.
    synced = None if no_sync else asyncio.run(refresh.sync_held(options.folder, terminal.note))
    held = synced or open_held(options.folder)
    now = system_clock()
    if form is not None and form.is_file and not isinstance(found, str):
        return _claim_files(opened, found, form, tx_code, held, options.folder, as_json=as_json)
    if isinstance(found, str):
        received: tuple[Received, ...] = (receive.receive_text(opened, found, held=held, now=now),)
    else:
        received = asyncio.run(
            receive.receive_offer(
                opened,
                found,
                ask_code=lambda issuer, offer: _ask_code(issuer, offer, tx_code),
                held=held,
                now=now,
                copies=copies,
                form=form,
            )
        )
    _report(received, now, as_json=as_json)
    waiting = any(copy.receipt is None for item in received for copy in item.holding.copies)
    terminal.next_step("cairn refresh, once it is on the ledger" if waiting and held else "cairn list")
    return terminal.EXIT_YES


def _keep_foreign(vault: "Vault", found: "ForeignFile", given: "GivenFiles", folder: "Path", *, as_json: bool) -> int:
    """Judge and keep a file of another format."""
    from node.client.givenfiles import GivenFiles
    from wallet_cli import imported
    from wallet_cli.clock import system_clock

    now = system_clock()
    # What was given is kept beside the file and judged with it; of the options only the lists are for today alone.
    question = imported.open_question(folder, now, GivenFiles(status_lists=given.status_lists))
    kept = imported.keep(vault, imported.read_import(found.path, found.data, given, now), question)
    if as_json:
        terminal.result_json([kept.to_json()])
    else:
        _tell_file(kept, kept.remarks)
    terminal.next_step(f"cairn show {kept.held.id}, for what was checked")
    return terminal.EXIT_YES


def _claim_files(
    vault: "Vault",
    source: "Offer | OfferLink",
    form: "Form",
    tx_code: str,
    held: "HeldLedger | None",
    folder: "Path",
    *,
    as_json: bool,
) -> int:
    """Claim what an offer holds as files that other software reads."""
    import asyncio

    from wallet_cli import formclaim
    from wallet_cli.clock import system_clock

    received = asyncio.run(
        formclaim.receive_files(
            vault,
            source,
            form,
            ask_code=lambda issuer, offer: _ask_code(issuer, offer, tx_code),
            held=held,
            folder=folder,
            now=system_clock(),
        )
    )
    if as_json:
        terminal.result_json([item.judged.to_json() | {"remarks": _remarks(item)} for item in received])
    for item in () if as_json else received:
        _tell_file(item.judged, _remarks(item))
    terminal.next_step(
        "cairn refresh, once it is on the ledger" if held else f"cairn show {received[0].judged.held.id}"
    )
    return terminal.EXIT_YES


def _remarks(item: "ReceivedFile") -> list[str]:
    return [*item.remarks, *item.judged.remarks]


def _tell_file(judged: "Judged", remarks: "Iterable[str]") -> None:
    by = f", issued by {judged.issuer}" if judged.issuer else ""
    terminal.result(terminal.escape(f"{judged.held.id}  {judged.title}{by}"))
    terminal.result(f"    {judged.state}; the file is kept as it is")
    for remark in remarks:
        terminal.result(terminal.escape(f"    note: {remark}"))


def _ask_code(issuer: "Issuer", offer: "Offer", given: str) -> str:
    """Show who offers, then ask for the code if one is announced and none was given."""
    from urllib.parse import urlsplit

    host = urlsplit(issuer.identifier).netloc
    name = f", which calls itself {issuer.name!r}" if issuer.name else ""
    terminal.note(terminal.escape(f"offer from {host}{name}"))
    if offer.transaction_code is None:
        return ""
    if given:
        return given
    if offer.transaction_code.description:
        terminal.note(terminal.escape(offer.transaction_code.description))
    return str(click.prompt("code of the school's letter", err=True)).strip()


def _report(received: "tuple[Received, ...]", now: int, *, as_json: bool) -> None:
    from wallet_cli import records

    if as_json:
        rows = [records.describe_holding(item.holding, None, now).to_json() for item in received]
        for row, item in zip(rows, received, strict=True):
            row["remarks"] = list(item.accepted.remarks)
        terminal.result_json(rows)
        return
    for item in received:
        reading, copies = item.accepted.reading, item.holding.copies
        terminal.result(terminal.escape(f"{item.holding.id}  {reading.title}, issued by {item.accepted.issuer_name}"))
        checked = "issuer, signature and status checked" if item.accepted.log is not None else "kept"
        terminal.result(f"    {checked}; {len(copies)} {'copy' if len(copies) == 1 else 'copies'}")
        terminal.result(f"    {records.expectation(copies[0], now)}")
        for remark in item.accepted.remarks:
            terminal.result(terminal.escape(f"    note: {remark}"))
