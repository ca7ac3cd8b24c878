"""Where the files of deploy/ stand, and how commands in them are compared with the program."""

import re
import shlex
from pathlib import Path

from tests.docs.test_documented import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
NODE_DIRECTORY = "/srv/cairn/node"
"""The node's folder on a server, in every file."""


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def unknown_words(command: str) -> list[str]:
    """What a typed `cairn-node …` or `cairn …` names that does not exist: subcommands and options."""
    words = shlex.split(command, comments=True)
    path = words[0]
    rest = words[1:]
    if rest and rest[0] in ("--version", "--help"):
        return []
    while rest and (
        f"{path} {rest[0]}" in COMMANDS or any(known.startswith(f"{path} {rest[0]} ") for known in COMMANDS)
    ):
        path += f" {rest.pop(0)}"
    if path not in COMMANDS:
        return [command]
    known = {name for option in COMMANDS[path].params for name in option.opts} | {"--help"}
    return [f"{path} {word}" for word in rest if re.fullmatch(r"--?[a-z][a-z-]*", word) and word not in known]


def typed_commands(text: str) -> list[str]:
    """Every `cairn-node …` that a page or unit types, continued lines joined; what stands before it is left out."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found = []
    for line in joined.splitlines():
        match = re.search(r"(?:^|[\s`/])(cairn-node (?!cairn-node )(?:(?!`|  #|&&).)*)", line)
        if match and re.match(r"cairn-node [a-z-]+", match[1]):
            found.append(match[1].strip())
    return found
