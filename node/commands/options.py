"""Parameters that several subcommands share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

directory_argument = click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
force_option = click.option("--force", is_flag=True, help="Overwrite the output file.")


def output_option(what: str) -> Callable[[Function], Function]:
    """Add `-o FILE`, required; `what` says what is written there."""
    return click.option(
        "-o", "--output", metavar="FILE", required=True, type=click.Path(dir_okay=False, path_type=Path), help=what
    )


class SpreadCommand(click.Command):
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
