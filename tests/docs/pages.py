"""Pages as data: the `console` blocks of a Markdown file, line by line, and how a documented line is compared.

In a block a line after `$ ` is typed, a line ending in a backslash goes on, and what follows is what the screen shows:
`…` stands for anything within a line, a line with `…` alone for any number of lines, a word of `PLACEHOLDERS` for what
stood there the first time. `$ echo $?` shows the exit code of the command before; without it the code must be 0. The
comment `<!-- wait: NAME… -->` between blocks waits until all witnesses have cosigned what these nodes have;
`<!-- stop: NAME… -->` ends these nodes, as a fire would.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ANYTHING = "…"
PLACEHOLDERS = {
    "BASALT": r"[a-z2-7]{16}",
    "BATCHES": r"[\w-]{43}",
    "CLOVER": r"[a-z2-7]{16}",
    "DIPLOMAS": r"[\w-]{43}",
    "FERN": r"[a-z2-7]{16}",
    "PEBBLE": r"[a-z2-7]{16}",
    "HERON": r"[a-z2-7]{8}",
    "QUARTZ": r"[a-z2-7]{8}",
    "LINK": r"openid-credential-offer://\S+",
    "CODE": r"[0-9]{4,10}",
    "SECOND": r"openid-credential-offer://\S+",
    "OTHER": r"[0-9]{4,10}",
}
"""Words in capitals that stand for what a reader sees on the screen, and what that looks like."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One command line of a page and the lines documented below it."""

    page: str
    number: int
    line: str
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until everything these nodes have is cosigned."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """End these nodes without warning."""

    names: tuple[str, ...]


def read_steps(path: Path) -> list[Typed | Wait | Stop]:
    """The steps of a page, in order."""
    steps: list[Typed | Wait | Stop] = []
    block: list[tuple[int, str]] | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        unseen = re.fullmatch(r"<!-- (wait|stop): ([a-z ]+) -->", line)
        if block is None and unseen:
            names = tuple(unseen[2].split())
            steps.append(Wait(names) if unseen[1] == "wait" else Stop(names))
        elif line == "```console":
            block = []
        elif line == "```" and block is not None:
            steps += _read_block(path.name, block)
            block = None
        elif block is not None:
            block.append((number, line))
    return steps


def _read_block(page: str, block: list[tuple[int, str]]) -> list[Typed]:
    typed: list[Typed] = []
    line, start, shown = "", 0, list[str]()
    is_going_on = False
    for number, text in block:
        if is_going_on:
            line += " " + text.strip().removesuffix("\\").strip()
        elif text.startswith("$ "):
            if line:
                typed.append(Typed(page, start, line, tuple(shown)))
            line, start, shown = text[2:].removesuffix("\\").strip(), number, []
        else:
            shown.append(text)
        is_going_on = (is_going_on or text.startswith("$ ")) and text.endswith("\\")
    assert line, f"{page}: line {block[0][0] if block else '?'}: a console block without a command"
    return [*typed, Typed(page, start, line, tuple(shown))]


def fill(text: str, known: dict[str, str]) -> str:
    """Put what placeholders stand for in their place."""
    return re.sub(r"\b[A-Z]{4,}\b", lambda word: known.get(word[0], word[0]), text)


def compare(shown: tuple[str, ...], seen: tuple[str, ...], known: dict[str, str]) -> str:
    """Compare documented lines with seen ones; returns what is wrong, or nothing, and learns placeholders on the way."""
    place, is_skipping = 0, False
    for text in shown:
        if text.strip() == ANYTHING:
            is_skipping = True
            continue
        if not text.strip():
            continue
        pattern, names = _pattern(fill(text, known))
        match = None
        while place < len(seen) and match is None:
            match = pattern.fullmatch(seen[place])
            if match is None and not is_skipping:
                return f"documented: {' '.join(fill(text, known).split())}\nseen:       {seen[place]}"
            place += 1
        if match is None:
            return f"documented, not seen: {' '.join(fill(text, known).split())}"
        known.update({name: match[name] for name in names})
        is_skipping = False
    return "" if is_skipping or place == len(seen) else f"seen, not documented: {seen[place]}"


def _pattern(text: str) -> tuple[re.Pattern[str], list[str]]:
    names: list[str] = []
    parts = []
    for part in re.split(rf"({ANYTHING}|\b(?:{'|'.join(PLACEHOLDERS)})\b)", " ".join(text.split())):
        if part == ANYTHING:
            parts.append(".*")
        elif part in PLACEHOLDERS and part not in names:
            names.append(part)
            parts.append(f"(?P<{part}>{PLACEHOLDERS[part]})")
        else:
            parts.append(re.escape(part))
    return re.compile("".join(parts)), names
