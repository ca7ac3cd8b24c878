"""The command `cairn`: a group whose subcommands are loaded by name when they are asked for.

Start-up is part of the contract (`cairn verify` in a loop over a folder), so this module imports click and nothing
else that is heavy. Errors leave here in one form, never as a traceback without `-v`.
"""

import errno
import importlib
import sys
from collections.abc import Sequence

import click

from ledger.errors import CairnError
from wallet_cli import terminal

COMMANDS = {
    "init": "Make a vault for your record.",
    "receive": "Take a credential from an offer or a file, checked before it is kept.",
    "refresh": "Ask the ledger about what you hold: receipts and status.",
    "list": "List what you hold.",
    "show": "Show one credential and the field names that present takes.",
    "present": "Show chosen fields of chosen credentials to somebody.",
    "export": "Write a credential as a file for other wallets, or a record of several.",
    "history": "What you showed, to whom and when.",
    "trust": "Explain a trust root file and remember it.",
    "sync": "Fetch a light copy of the ledger, to verify without a network.",
    "contexts": "List or fill the folder of contexts that badges of other software are checked with.",
    "verify": "Judge what somebody shows you.",
    "prove": "Write an entry of a log and its proof, for tools of others.",
    "verify-proof": "Check such a proof with a policy or a trust root.",
    "audit": "Replay every log of a network from zero.",
    "monitor": "Audit a network again and again, and call when something is wrong.",
    "keygen": "Make a key to sign audits and verifications with.",
    "verify-attestation": "Read a signed record of an audit or a verification.",
    "evidence": "List proof that two histories of a log were signed; hand it on.",
    "verify-evidence": "Judge the proof that two histories of a log were signed.",
}
"""Subcommands in the order of a first day, each with the line `cairn --help` prints."""


class LazyGroup(click.Group):
    """A group that imports `wallet_cli.commands.NAME` only to run NAME, and finds `command` there."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"wallet_cli.commands.{cmd_name.replace('-', '_')}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"wallet_cli.commands.{cmd_name}.command is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="A first day:  cairn init;  cairn receive OFFER;  cairn list;  "
    "cairn present --to 'Tidewater College' --credential c1 --disclose name -o record.cairn",
)
@click.option("-v", "--verbose", is_flag=True, help="Show a traceback when something goes wrong.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="Show the version and exit.",
    callback=lambda *given: _version(*given),
)
@click.option("--vault", "vault", metavar="FILE", default=None, help="Vault to use instead of ~/.cairn/vault.")
@click.option("--passphrase-file", metavar="FILE", default=None, help="Read the passphrase from this file.")
@click.option("--yes", is_flag=True, help="Answer every question with yes.")
@click.pass_context
def cairn(ctx: click.Context, /, **options: object) -> None:
    """Keep your credentials, show what you choose, and verify what others show you."""
    ctx.obj = options


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    arguments = list(arguments)
    try:
        answer = cairn.main(args=arguments, prog_name="cairn", standalone_mode=False)
        return answer if isinstance(answer, int) else terminal.EXIT_YES
    except click.exceptions.NoArgsIsHelpError as error:
        terminal.note(error.format_message())
        return terminal.EXIT_UNREADABLE
    except click.ClickException as error:
        return _usage(error)
    except (click.Abort, KeyboardInterrupt):
        terminal.note("cairn: error: stopped; nothing more was done")
        return terminal.EXIT_UNDECIDED
    except CairnError as error:
        if _is_verbose(arguments):
            raise
        return terminal.fail(error)
    except SystemExit:
        # How click ends where the reader of our output went away (`cairn list | head`): not all was said.
        return terminal.EXIT_UNDECIDED
    except OSError as error:
        if _is_verbose(arguments):
            raise
        where = f"{error.filename}: " if error.filename else ""
        hint = "check the path" if isinstance(error, FileNotFoundError) else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "free space on that disk, then run the same again; nothing was left half-written"
        return terminal.fail(_unreadable(f"{where}{(error.strerror or str(error)).lower()}", hint))


def main() -> None:
    """Entry point of the `cairn` command."""
    sys.exit(run(sys.argv[1:]))


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    """Show the version of the installed distribution and exit."""
    if not asked or ctx.resilient_parsing:
        return
    from importlib import metadata

    try:
        number = metadata.version("cairn-ledger")
    except metadata.PackageNotFoundError:
        number = "(run from its source folder)"
    terminal.result(f"cairn {number}")
    ctx.exit()


def _usage(error: click.ClickException) -> int:
    terminal.note(f"cairn: error: {terminal.escape(_lower(error.format_message()))}")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "cairn"
    terminal.note(f"cairn: hint: {path} --help shows how it is used")
    return terminal.EXIT_UNREADABLE


def _lower(message: str) -> str:
    return (message[:1].lower() + message[1:]).removesuffix(".")


def _is_verbose(arguments: Sequence[str]) -> bool:
    return bool(arguments) and arguments[0] in ("-v", "--verbose")


def _unreadable(message: str, hint: str) -> CairnError:
    from ledger.errors import MalformedError

    return MalformedError(message, hint=hint)
