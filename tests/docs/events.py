"""Every event a node can log, read from its source: constant words, levels, and names of fields."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
LOGGERS = {"_log", "_logger", "logger", "log"}


@dataclass(frozen=True)
class Event:
    """One call of a logger."""

    where: str
    name: str
    levels: frozenset[str]
    fields: frozenset[str]


class UnreadableError(Exception):
    """A call whose words or fields are not constant: nobody could count its lines."""


def read_events(root: Path, packages: tuple[str, ...] = ("node",)) -> Iterator[Event]:
    """All events of the packages below `root`, file by file."""
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            if "pb" not in path.parts:
                yield from events_of(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())


def events_of(source: str, where: str) -> Iterator[Event]:
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call) and is_logging(node)]:
        around = [f for f in functions if f.lineno <= call.lineno <= (f.end_lineno or 0)]
        # The innermost function holds what the call names.
        scope = max(around, key=lambda f: f.lineno, default=tree)
        yield read_call(call, scope, f"{where}:{call.lineno}")


def is_logging(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in LOGGERS
        and function.attr in {*LEVELS, "log", "critical"}
    )


def read_call(call: ast.Call, scope: ast.AST, where: str) -> Event:
    assert isinstance(call.func, ast.Attribute)
    arguments = list(call.args)
    if call.func.attr == "log":
        levels = {
            node.attr.lower() for node in ast.walk(resolve(arguments.pop(0), scope)) if isinstance(node, ast.Attribute)
        }
    else:
        levels = {LEVELS.get(call.func.attr, call.func.attr)}
    if len(arguments) != 1 or not isinstance(arguments[0], ast.Constant) or not isinstance(arguments[0].value, str):
        raise UnreadableError(f"{where}: the words of an event are one constant text")
    extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
    fields = frozenset() if extra is None else frozenset(read_fields(resolve(extra, scope), scope, where))
    if "exc_info" in {keyword.arg for keyword in call.keywords} or call.func.attr == "exception":
        fields |= {"traceback"}
    return Event(where, arguments[0].value, frozenset(levels & set(LEVELS.values())), fields)


def read_fields(value: ast.AST, scope: ast.AST, where: str) -> Iterator[str]:
    if not isinstance(value, ast.Dict):
        raise UnreadableError(f"{where}: the fields of an event are written out")
    for key, item in zip(value.keys, value.values, strict=True):
        if key is None:
            yield from read_fields(resolve(item, scope), scope, where)
        elif isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value
        else:
            raise UnreadableError(f"{where}: the name of a field is constant")


def resolve(value: ast.AST, scope: ast.AST) -> ast.AST:
    """What a local name was last set to before it is used, or the value itself."""
    if not isinstance(value, ast.Name):
        return value
    found = [
        node.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        and node.lineno <= value.lineno
        and any(isinstance(target, ast.Name) and target.id == value.id for target in node.targets)
    ]
    return found[-1] if found else value
