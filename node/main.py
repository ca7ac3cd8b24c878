"""The command `cairn-node`: a group whose subcommands are loaded by name when they are asked for.

Neither grpc nor LevelDB is imported here, so that `--help` answers at once. Errors leave in one form, never as a
traceback without `-v`.
"""

import errno
import importlib
import sys
from collections.abc import Sequence

import click

from ledger.errors import CairnError, MalformedError
from node import terminal
from node.errors import AwaitsApprovalError

COMMANDS = {
    "keygen": "Make a root or governor key, on any computer.",
    "init": "Found an institution: keys, node.toml, log.",
    "run": "Run the node until it is told to stop.",
    "status": "How the node stands, in words.",
    "doctor": "Look closely: configuration, keys, disk, ports, clock, peers.",
    "join": "Ask a network for membership.",
    "member": "Who is a member of a network: propose, show, history.",
    "charter": "What this institution says about itself: show, amend.",
    "key": "Propose keys of this institution; list them.",
    "sign": "Read a proposal in words and sign it, offline.",
    "submit": "Put a proposal with enough signatures on the ledger.",
    "peer": "Nodes to follow beside the members.",
    "trust": "Write the file that verifiers start from.",
    "evidence": "List proof that two histories of a log were signed; hand it on.",
    "statements": "List what this institution signed, for whoever watches its log.",
    "list-key": "Write the key of one status list, for an auditor.",
    "publish": "Publish an achievement, requirement set, framework or rule.",
    "issue": "Award what a CSV file says.",
    "awards": "List awards with their state and id.",
    "revoke": "Take awards back, for good.",
    "suspend": "Suspend awards for a while.",
    "reinstate": "End the suspension of awards.",
    "replace": "Replace an award by corrected content.",
    "reissue": "Make copies anew after a key theft or a succession.",
    "restate": "State own entries again after an operate key was stolen.",
    "offer": "Make claim links and a printable sheet for learners.",
    "copy": "Write an award as a file for other software: Open Badge, CLR and others.",
    "countersign": "As a network: sign over the proofs of a member's credential.",
    "contexts": "List or fill the folder of contexts that Open Badges are signed with.",
    "subject-report": "Everything that is held about a learner.",
    "forget": "Erase everything about a learner, with a receipt.",
    "rights": "Restriction, legal hold, disagreement, disclosure log.",
    "retention": "What the retention table erases, and when.",
    "registrar": "Registrars at other computers: let them in, see what they did, approve.",
    "cut": "Cut now, where the charter has no fixed hours.",
    "explain-privacy": "What is on the ledger, who can see what, and what can be linked.",
    "verify": "Judge what somebody shows, with the logs of the running node.",
    "fsck": "Check all a node keeps, name each damaged place, repair it.",
    "recover": "Bring a node back from its keys and its peers.",
    "takeover": "Go on with a log elsewhere, by its root keys.",
    "recover-award": "Take an award back in from a copy that its learner shows.",
    "inherit": "Go on with the status lists and awards of an institution that ended.",
    "export-framework": "Write a framework as strict CASE 1.1 for other programs.",
    "evaluate": "Evaluate mastery and diplomas for a data set folder.",
    "backup": "Everything the node cannot do without, in one file.",
    "restore": "Make a node's directory from a backup.",
    "upgrade": "Migrate what an older version left.",
    "replay-award": "Decide an award once more and compare with what a copy bears.",
}
"""Subcommands in the order of a first day, each with the line `cairn-node --help` prints."""

MODULES = {"suspend": "revoke", "reinstate": "revoke"}
"""Subcommands that live in another's module; there they are found under their own name."""

_NODE_EXTRA = frozenset(
    {"grpc", "grpc_health", "grpc_reflection", "google", "plyvel", "prometheus_client", "sqlalchemy", "segno"}
)
"""What only the extra `node` brings, by import name."""


class LazyGroup(click.Group):
    """A group that imports `node.commands.NAME` only to run NAME, and finds `command` there."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"node.commands.{MODULES.get(cmd_name, cmd_name.replace('-', '_'))}")
        command = getattr(module, cmd_name if cmd_name in MODULES else "command")
        if not isinstance(command, click.Command):
            raise TypeError(f"node.commands: {cmd_name} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="A first day:  cairn-node init DIR --name 'Granite Hollow High' --kind school --origin granite.example/log;  "
    "cairn-node run DIR;  cairn-node join DIR --trust network.trust.json -o request.json",
)
@click.option("-v", "--verbose", is_flag=True, help="Show a traceback when something goes wrong.")
@click.version_option(None, "--version", package_name="cairn-ledger", prog_name="cairn-node")
def cairn_node(verbose: bool) -> None:
    """Run an institution's node: keep its log, issue and revoke, replicate and cosign the logs of peers."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    arguments = list(arguments)
    try:
        answer = cairn_node.main(args=arguments, prog_name="cairn-node", standalone_mode=False)
        return answer if isinstance(answer, int) else terminal.EXIT_YES
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(error.format_message() + "\n")
        return terminal.EXIT_UNREADABLE
    except click.ClickException as error:
        return _usage(error)
    except (click.Abort, KeyboardInterrupt):
        terminal.note("cairn-node: error: stopped; nothing more was done")
        return terminal.EXIT_UNDECIDED
    except AwaitsApprovalError as error:
        return terminal.wait_for_approval(error, as_json="--json" in arguments)
    except CairnError as error:
        if _is_verbose(arguments):
            raise
        return terminal.fail(error)
    except ModuleNotFoundError as error:
        if _is_verbose(arguments) or error.name is None or error.name.split(".")[0] not in _NODE_EXTRA:
            raise
        return terminal.fail(
            MalformedError(
                f"{error.name} is not installed: this is an installation for `cairn` alone",
                hint="pip install 'cairn-ledger[node]' adds what a node needs",
            )
        )
    except SystemExit:
        # How click ends where the reader of our output went away (`cairn-node awards DIR | head`): not all was said.
        return terminal.EXIT_UNDECIDED
    except OSError as error:
        if _is_verbose(arguments):
            raise
        where = f"{error.filename}: " if error.filename else ""
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "free space on that disk, then run the same again; nothing was left half-written" if is_full else ""
        return terminal.fail(MalformedError(f"{where}{(error.strerror or str(error)).lower()}", hint=hint))


def main() -> None:
    """Entry point of the `cairn-node` command."""
    sys.exit(run(sys.argv[1:]))


def _usage(error: click.ClickException) -> int:
    message = error.format_message()
    terminal.note(f"cairn-node: error: {(message[:1].lower() + message[1:]).removesuffix('.')}")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "cairn-node"
    terminal.note(f"cairn-node: hint: {path} --help shows how it is used")
    return terminal.EXIT_UNREADABLE


def _is_verbose(arguments: Sequence[str]) -> bool:
    return bool(arguments) and arguments[0] in ("-v", "--verbose")


if __name__ == "__main__":
    main()
