"""The layout rules: small files, one concept each, every public name explained, packages that re-export nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 400
CODE = ("ledger", "node", "wallet_cli", "tests", "bench", "examples", "proto")
PACKAGES = ("ledger", "node", "wallet_cli")
VAGUE = {"utils", "util", "helpers", "helper", "common", "models", "base", "misc"}


def python_files(*folders: str) -> list[Path]:
    """Hand-written Python, generated stubs left out."""
    found = (p for folder in folders for p in (ROOT / folder).rglob("*.py"))
    return sorted(p for p in found if "node/pb/" not in p.as_posix() and "__pycache__" not in p.parts)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_one_concept_needs() -> None:
    """No hand-written file has more than 400 lines."""
    files = [*python_files(*CODE), *(ROOT / "proto").rglob("*.proto")]
    lengths = {relative(p): len(p.read_text(encoding="utf-8").splitlines()) for p in files}
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_no_file_has_a_vague_name() -> None:
    """A helper without a home means a concept without a file."""
    assert [relative(p) for p in python_files(*PACKAGES) if p.stem in VAGUE] == []


def test_packages_re_export_nothing() -> None:
    """An `__init__.py` holds a docstring and nothing else."""
    wrong = []
    for path in python_files(*PACKAGES):
        if path.name == "__init__.py":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            is_docstring = len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
            if not is_docstring:
                wrong.append(relative(path))
    assert wrong == []


def public_definitions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Public classes, functions and methods, with the name a reader would use."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_"):
                        yield f"{node.name}.{inner.name}", inner


@pytest.mark.parametrize("path", python_files(*PACKAGES), ids=relative)
def test_every_public_name_is_documented(path: Path) -> None:
    """Modules, and every public class, function and method in them, say what the caller gets."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    missing = [] if ast.get_docstring(tree) else ["the module itself"]
    for name, node in public_definitions(tree):
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not ast.get_docstring(node) and not is_overload_or_setter(node):
            missing.append(name)
    assert missing == []


def is_overload_or_setter(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    names = {getattr(d, "id", getattr(d, "attr", "")) for d in decorators}
    return bool(names & {"overload", "setter", "override"})
