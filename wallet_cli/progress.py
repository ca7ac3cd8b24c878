"""Progress of long work: a bar on a terminal, silence where nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wallet_cli import terminal

Progress = Callable[[str, int, int], None]
"""Called with the name of a part, how much of it is done, and how much there is."""


def no_progress(part: str, done: int, total: int) -> None:
    """Show nothing."""


@contextmanager
def show_progress(title: str) -> Iterator[Progress]:
    """Give a function that shows progress on stderr, one bar per part, while the context lasts."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    bars = Bars(console=Console(stderr=True), transient=True)
    tasks: dict[str, TaskID] = {}

    def advance(part: str, done: int, total: int) -> None:
        if part not in tasks:
            # A part's name may come from a log: neither markup nor control characters reach the terminal.
            label = terminal.escape(part).replace("[", "(")
            tasks[part] = bars.add_task(f"{title} {label}", total=total)
        bars.update(tasks[part], completed=done, total=total)

    with bars:
        yield advance
