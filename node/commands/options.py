"""Parameters that several subcommands share."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

_NO_DIRECTORY = "."

Function = TypeVar("Function", bound=Callable[..., Any])

directory_argument = click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
force_option = click.option("--force", is_flag=True, help="Overwrite the output file.")


def output_option(what: str) -> Callable[[Function], Function]:
    """Add `-o FILE`, required; `what` says what is written there."""
    return click.option(
        "-o", "--output", metavar="FILE", required=True, type=click.Path(dir_okay=False, path_type=Path), help=what
    )


def passphrase_option(name: str, what: str) -> Callable[[Function], Function]:
    """Add an option for the file that holds the passphrase of `what`; without it people are asked."""
    return click.option(
        name,
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"Holds the passphrase of {what}; without it you are asked.",
    )


def desk_argument(function: Function) -> Function:
    """Add `DIR`, and `--registrar HOST:PORT` in its place; the callback gets `directory`, a `node.desk.Desk`.

    The command must be of the class `DeskCommand` or `SpreadCommand`.
    """

    @functools.wraps(function)
    def with_desk(directory: Path, registrar: str, certificates: Path | None, **given: Any) -> Any:
        if certificates is not None and not registrar:
            raise click.UsageError("--certificates belongs to --registrar")
        if not registrar:
            return function(directory=directory, **given)
        from node.desk import RemoteDesk

        return function(directory=RemoteDesk(registrar, certificates), **given)

    registrar = click.option(
        "--registrar", default="", metavar="HOST:PORT", help="The node is on another computer; takes the place of DIR."
    )
    certificates = click.option(
        "--certificates",
        metavar="FOLDER",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where this computer's certificates are, if not in the usual place.",
    )
    # functools.wraps keeps the signature for people; click calls by name.
    return directory_argument(registrar(certificates(with_desk)))  # type: ignore[return-value]


class DeskCommand(click.Command):
    """Lets `--registrar HOST:PORT` stand in the place of `DIR`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Fill the empty place, then let click parse."""
        return super().parse_args(ctx, _with_place(args))


class SpreadCommand(DeskCommand):
    """Lets a repeatable option take several values in a row: `--rights a b c` is `--rights a --rights b --rights c`.

    Arguments without an option therefore stand before such an option, or after another one.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spread the values, then let click parse."""
        names = {
            name
            for parameter in self.params
            if isinstance(parameter, click.Option) and parameter.multiple
            for name in parameter.opts
        }
        return super().parse_args(ctx, _spread(args, names))


def _with_place(words: list[str]) -> list[str]:
    options = words[: words.index("--")] if "--" in words else words
    if any(word == "--registrar" or word.startswith("--registrar=") for word in options):
        # DIR is the first argument; without this it would take what comes after it.
        return [_NO_DIRECTORY, *words]
    return words


def _spread(words: Sequence[str], names: set[str]) -> list[str]:
    spread: list[str] = []
    option = ""
    has_value = False
    for position, word in enumerate(words):
        if word == "--":
            return [*spread, *words[position:]]
        if word.startswith("-") and word != "-":
            option, has_value = (word, False) if word in names else ("", False)
            spread.append(word)
        elif option and has_value:
            spread += [option, word]
        else:
            has_value = True
            spread.append(word)
    return spread
