"""Nothing is undocumented: commands, options, settings, errors, verdicts and codes each have their words."""

import dataclasses
import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import click
import pytest

import ledger.errors
import node.errors
import node.main
import wallet_cli.main
from ledger.credential.report import INFORMING_STEPS, STEP_NAMES, ClaimClass, Code, Verdict
from ledger.errors import CairnError
from node.config import NodeConfig
from node.errors import ConflictError
from node.terminal import exit_code

ROOT = Path(__file__).resolve().parents[2]
VERIFICATION = (ROOT / "docs" / "verification.md").read_text(encoding="utf-8")
PAGES = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))


def leaves(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """The commands that do something, each with what is typed for it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(click.Context(command)):
        inner = command.get_command(click.Context(command), name)
        assert inner is not None
        yield from leaves(f"{path} {name}", inner)


COMMANDS = dict([*leaves("cairn", wallet_cli.main.cairn), *leaves("cairn-node", node.main.cairn_node)])


def rows(first_heading: str) -> dict[str, list[str]]:
    """The table of docs/verification.md whose first column is headed so, by its first column."""
    table = re.search(rf"^\| {first_heading} \|.*\n\|[ |-]+\n((?:\|.*\n)+)", VERIFICATION, re.MULTILINE)
    assert table is not None, f"docs/verification.md has no table of {first_heading}"
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_explains_itself(path: str) -> None:
    """--help says what the command does, what each option is for, and gives an example that names no unknown option."""
    command = COMMANDS[path]
    assert command.help, path
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert command.epilog and command.epilog.startswith("Example:  "), f"{path}: no example"
    assert f"{path} " in command.epilog or command.epilog.endswith(path), f"{path}: the example is of another command"
    known = {name for option in options for name in option.opts}
    assert set(re.findall(r"(?<= )--?[a-z][a-z-]*", command.epilog)) <= known


@pytest.mark.parametrize("name", ["cairn", "cairn-node"])
def test_the_overview_of_commands_is_that_of_their_own_help(name: str) -> None:
    """`cairn --help` lists what there is, in words."""
    module = wallet_cli.main if name == "cairn" else node.main
    described = module.COMMANDS
    assert {path.split()[1] for path in COMMANDS if path.split()[0] == name} == set(described)
    assert [one for one, words in described.items() if not words.endswith(".")] == []


def test_every_command_the_pages_name_exists() -> None:
    """README and docs/ name no command and no option that is not there."""
    wrong = []
    for name, words in re.findall(r"(?<![\w./-])(cairn(?:-node)?) ([^`\n]*)", PAGES):
        typed = [word for word in words.split() if word]
        path = name
        for word in typed:
            if f"{path} {word}" in COMMANDS or any(known.startswith(f"{path} {word} ") for known in COMMANDS):
                path += f" {word}"
            else:
                break
        if path == name and typed and re.fullmatch(r"[a-z]+", typed[0]):
            wrong.append(f"{name} {typed[0]}")
        if path in COMMANDS:
            known_options = {option for one in COMMANDS[path].params for option in one.opts} | {"--help", "-v"}
            wrong += [
                f"{path} {word}" for word in typed if re.fullmatch(r"--[a-z-]+", word) and word not in known_options
            ]
    assert wrong == []


def test_every_setting_of_a_node_is_in_the_example() -> None:
    """`deploy/node.example.toml` has every key of node.toml, and a comment before each."""
    text = (ROOT / "deploy" / "node.example.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(text)) == {field.name for field in dataclasses.fields(NodeConfig)}
    lines = text.splitlines()
    bare = [line for before, line in pairwise(lines) if "=" in line and line[0] != "#" and before[:1] != "#"]
    assert bare == []


def test_every_question_of_the_verification_is_explained() -> None:
    """By number and in the words of the report; which of them inform only is said."""
    explained = rows("step")
    assert [row[0] for row in explained.values()] == list(STEP_NAMES)
    assert list(explained) == [str(number) for number in range(1, len(STEP_NAMES) + 1)]
    assert all(row[1] for row in explained.values())
    assert (
        f"Steps {min(INFORMING_STEPS)} to {max(INFORMING_STEPS)} inform you and never change the verdict."
        in VERIFICATION
    )


def test_every_verdict_is_explained_with_its_exit_code() -> None:
    """All six of them."""
    explained = rows("verdict")
    assert {name: int(row[-1]) for name, row in explained.items()} == {one.text: one.exit_code for one in Verdict}
    assert all(row[0] for row in explained.values())


def test_every_code_is_explained_in_the_order_in_which_it_counts() -> None:
    """With its verdict, what happened and what to do."""
    explained = rows("code")
    assert list(explained) == [code.value for code in Code]
    assert {name: row[0] for name, row in explained.items()} == {code.value: code.verdict.text for code in Code}
    assert all(len(row) == 3 and all(row) for row in explained.values())


def test_every_class_of_a_shown_line_is_explained() -> None:
    """In the order of their strength."""
    assert list(rows("class")) == [one.value for one in ClaimClass]


def error_classes(module: ModuleType) -> list[type[CairnError]]:
    """The errors a module defines, their base left out."""
    found = [value for _, value in inspect.getmembers(module, inspect.isclass) if value.__module__ == module.__name__]
    return [value for value in found if issubclass(value, CairnError) and value is not CairnError]


@pytest.mark.parametrize(
    "error", [*error_classes(ledger.errors), *error_classes(node.errors)], ids=lambda e: e.__name__
)
def test_every_error_is_explained_with_its_exit_code(error: type[CairnError]) -> None:
    """What it means and what to do, and the exit code that commands really end with."""
    meaning, code, remedy = rows("error")[error.__name__]
    raised = ConflictError("x", size=1) if issubclass(error, ConflictError) else error("x")
    assert int(code) == exit_code(raised)
    assert meaning and remedy


def test_no_error_is_explained_that_does_not_exist() -> None:
    """The table of errors has nothing else."""
    known = {error.__name__ for module in (ledger.errors, node.errors) for error in error_classes(module)}
    assert set(rows("error")) == known


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to all pages."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages == set(re.findall(r"\]\(([\w-]+\.md)\)", index))


def test_the_two_commands_are_installed_under_the_names_the_pages_use() -> None:
    """The entry points of pyproject.toml lead to the commands tested here."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert set(scripts) == {"cairn", "cairn-node"}
    for target in scripts.values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
