"""`cairn present`: show chosen fields to somebody."""

from typing import Any

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options, vault_options


class PresentCommand(click.Command):
    """Takes `--credential` and `--disclose` out of the line first: which belongs to which is in their order."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the choices in `ctx.meta` and let click parse the rest."""
        from wallet_cli.choice import take_choices

        choices, rest = take_choices(args)
        ctx.meta["choices"] = choices
        return super().parse_args(ctx, rest)


@click.command(
    "present",
    cls=PresentCommand,
    epilog="Example:  cairn present --to 'Tidewater College' --nonce 7f3a "
    "--credential c1 --disclose name awarded_on --credential c2 --disclose credits -o record.cairn",
)
@click.option("--to", "audience", metavar="AUDIENCE", required=True, help="For whom: the name the receiver gave you.")
@click.option("--nonce", metavar="N", default="", help="The value the receiver gave you for this occasion, if any.")
@click.option(
    "--credential", metavar="ID", multiple=True, required=False, help="What to show; may be repeated. Or ID:NAME,NAME."
)
@click.option(
    "--disclose", metavar="NAME…", multiple=True, help="Fields of the credential before it; `all` for every field."
)
@click.option("--purpose", metavar="TEXT", default="", help="What for, in your words; the receiver reads it.")
@click.option("--write", "written", metavar="NAME=TEXT", multiple=True, help="Add a text of your own, such as goals=…")
@click.option(
    "--days", metavar="N", type=click.IntRange(1, 180), default=30, show_default=True, help="How long it is usable."
)
@click.option("--offline", is_flag=True, help="Enclose proofs for a receiver who holds no ledger, or an old one.")
@click.option("-o", "--output", metavar="FILE", required=True, help="File to write, ending in .cairn.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@vault_options
@json_option
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> int:  # click passes options by name
    """Write a file that shows chosen fields of chosen credentials to one receiver, and nothing else.

    You are told in words what will be seen, and asked; the default answer is no.
    """
    from pathlib import Path

    from wallet_cli import present

    options = read_vault_options(given["vault"], given["passphrase_file"], given["yes"])
    output = Path(given["output"]).expanduser()
    present.check_output(output, force=given["force"])
    request = present.make_request(
        given["audience"], given["nonce"], given["purpose"], given["days"], present.parse_written(given["written"])
    )
    opened = options.open_vault()
    selected = present.select(opened.contents, ctx.meta["choices"], request.audience, request.created)
    if given["offline"]:
        from wallet_cli.held import open_held

        selected = present.enclose_proofs(selected, open_held(options.folder))
    for line in present.explain(selected, request):
        terminal.note(terminal.escape(line))
    if not terminal.confirm("Show this?", yes=options.yes):
        terminal.note("nothing was shown")
        return terminal.EXIT_NO
    data = present.build(selected, request)
    opened.change(lambda contents: present.with_history(contents, selected, request, str(output)))
    present.write_output(output, data)
    if given["as_json"]:
        terminal.result_json({"audience": request.audience, "file": str(output), "nonce": request.nonce})
    else:
        terminal.result(f"written: {terminal.escape(str(output))} ({len(data)} bytes)")
    terminal.next_step(
        f"send {terminal.escape(output.name)} to {terminal.escape(request.audience)}; they run "
        f"cairn verify {terminal.escape(output.name)} --audience '{terminal.escape(request.audience)}'"
        + (f" --nonce {terminal.escape(request.nonce)}" if given["nonce"] else "")
    )
    return terminal.EXIT_YES
