"""The import rules: one direction between packages and rooms, and a `ledger/` that is deaf, blind and timeless.

Allow-lists throughout, because a deny-list forgets. Whoever adds a module to a room of `ledger/` places it in the
room's order below; whoever needs another library says so in `pyproject.toml` and here.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FOUNDATION = ("errors", "base64url", "canonical", "duration")
"""What every room may use; each imports only those before it."""

ROOMS = ("log", "credential", "mastery")
"""Rooms of `ledger/`: each imports only from itself and from those before it."""

ORDER = {
    "log": (
        "identity",
        "keys",
        "keyfile",
        "multibase",
        "didkey",
        "voucher",
        "merkle",
        "recent",
        "tiles",
        "textline",
        "note",
        "checkpoint",
        "body",
        "statement",
        "charter",
        "governance",
        "records",
        "statements",
        "entry",
        "precheck",
        "keyring",
        "members",
        "effects",
        "judge",
        "state",
        "rotation",
        "earlier",
        "snapshot",
        "follow",
        "policy",
        "witness_policy",
        "proof",
        "view",
        "recorded",
        "evidence",
        "reports",
        "forkfile",
        "receipt",
        "standalone",
        "issuers",
        "network",
        "earlier_ledger",
        "as_of",
        "finding",
        "audit",
        "attestation",
    ),
    "credential": (
        "strict_json",
        "timestamp",
        "baking",
        "jcs",
        "jsonld",
        "jose",
        "p256",
        "disclosure",
        "validity",
        "moment",
        "processing",
        "keybinding",
        "sdjwt",
        "typemetadata",
        "issuance",
        "selection",
        "json_form",
        "commitment",
        "receipt_list",
        "status",
        "page_content",
        "openbadge",
        "evaluation",
        "copy",
        "fields",
        "presentation",
        "report",
        "dataintegrity",
        "badge",
        "clr",
        "assembled",
        "plainlist",
        "badge",
        "as_of_report",
        "countersignature",
        "countersigning",
        "batch_report",
        "member_documents",
        "verify_token",
        "stapled",
        "verify_status",
        "published",
        "verify_ledger",
        "verify_requirements",
        "verify_content",
        "as_of_changes",
        "verify_as_of",
        "loose_receipts",
        "verify",
        "verify_standalone",
        "baking",
        "external",
        "verify_forms",
        "verify_either",
    ),
    "mastery": (
        "problems",
        "exact",
        "days",
        "table",
        "jsontext",
        "framework",
        "exchange",
        "scales",
        "assessors",
        "roster",
        "evidence",
        "signoffs",
        "experiences",
        "holdings",
        "waivers",
        "status_events",
        "rules",
        "crosswalks",
        "requirements",
        "definition",
        "manifest",
        "dataset",
        "lint",
        "judgment",
        "reasons",
        "admission",
        "case",
        "sources",
        "judge",
        "verdict",
        "testing",
        "consent",
        "evaluate",
        "digest",
        "awardlist",
        "explain",
    ),
}
"""Within a room a module imports only modules named before it; a type may be named without being imported at run time."""

PURE_STDLIB = {
    "__future__", "abc", "base64", "binascii", "bisect", "collections", "collections.abc", "contextlib", "copy",
    "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "hmac", "itertools",
    "json", "math", "operator", "re", "string", "struct", "textwrap", "types", "typing", "unicodedata",
    "urllib.parse", "xml.parsers", "xml.parsers.expat", "xml.sax.saxutils", "zlib",
}  # fmt: skip
"""Standard modules that neither touch the world nor differ between two runs."""

ROOM_LIBRARIES = {
    "": {"orjson"},
    "log": {"nacl", "orjson", "cryptography"},
    "credential": {"nacl", "orjson", "cryptography"},
    "mastery": set(),
}

NODE_LIBRARIES = {"aiohttp", "click", "cryptography", "nacl", "orjson", "rich", "segno"}
WALLET_LIBRARIES = {"aiohttp", "click", "cryptography", "nacl", "orjson", "rich", "segno"}

CONFINED = {
    "plyvel": ("node.store",),
    "sqlalchemy": ("node.registrar",),
    "grpc": ("node.client", "node.service", "node.wire", "node.pb", "node.run"),
    "grpc_health": ("node.service", "node.client", "node.run"),
    "grpc_reflection": ("node.service", "node.run"),
    "google.protobuf": ("node.wire", "node.pb", "node.service.server"),
    "prometheus_client": ("node.metrics", "node.observing"),
    "opentelemetry": ("node.tracing",),
}
"""Libraries that stand behind one seam, and the modules that are the seam (with all they contain)."""

IMPURE_CALLS = {
    "open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint",
    "now", "utcnow", "today", "generate", "generate_private_key", "randombytes", "random",
}  # fmt: skip
"""Calls that reach for a file, a clock or randomness through modules that are otherwise allowed."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, where it stands, and whether only type checkers see it."""

    module: str
    line: int
    is_type_only: bool = False


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(package: str) -> list[Path]:
    return sorted(p for p in (ROOT / package).rglob("*.py") if "node/pb/" not in p.as_posix())


def imports_of(path: Path) -> Iterator[Import]:
    """Every import, also those inside functions; `from package import module` names the module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    type_only = {id(node) for block in ast.walk(tree) if is_type_checking(block) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, id(node) in type_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.relative_to(ROOT)}:{node.lineno}: relative import; write the whole name"
            is_package = is_own(str(node.module)) and (ROOT / str(node.module).replace(".", "/")).is_dir()
            for alias in node.names:
                module = f"{node.module}.{alias.name}" if is_package else str(node.module)
                yield Import(module, node.lineno, id(node) in type_only)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def is_permitted(importer: str, found: Import) -> bool:
    """As `may_import`; within a room of `ledger/` a type may also be named that stands later."""
    if found.is_type_only and within(importer, "ledger") and within(found.module, "ledger"):
        return ledger_room(importer)[0] == ledger_room(found.module)[0]
    return may_import(importer, found.module)


def within(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def is_own(module: str) -> bool:
    return module.split(".")[0] in {"ledger", "node", "wallet_cli"}


def is_listed(module: str, allowed: set[str]) -> bool:
    return any(within(module, name) for name in allowed)


def ledger_room(module: str) -> tuple[str, str]:
    """Room and name in the room: ("", "canonical") for the foundation, ("log", "state") for `ledger.log.state.x`."""
    parts = module.split(".")[1:]
    if parts and parts[0] in ROOMS:
        return parts[0], parts[1] if len(parts) > 1 else ""
    return "", parts[0] if parts else ""


def may_import_in_ledger(importer: str, imported: str) -> bool:
    """Whether one module of `ledger/` may import another."""
    room, name = ledger_room(importer)
    other_room, other = ledger_room(imported)
    if not other_room:
        return other in FOUNDATION and (bool(room) or FOUNDATION.index(other) < FOUNDATION.index(name))
    if other_room != room:
        return bool(room) and ROOMS.index(other_room) < ROOMS.index(room)
    order = ORDER[room]
    return name == other or (name in order and other in order and order.index(other) < order.index(name))


def may_import(importer: str, imported: str) -> bool:
    """Whether a module of ours may import this module, by the allow-lists above."""
    package = importer.split(".")[0]
    for library, seams in CONFINED.items():
        if within(imported, library):
            return any(within(importer, seam) for seam in seams)
    if package == "ledger":
        if within(imported, "ledger"):
            return may_import_in_ledger(importer, imported)
        room, _ = ledger_room(importer)
        return imported in PURE_STDLIB or is_listed(imported, ROOM_LIBRARIES[room])
    if package == "node":
        if is_own(imported):
            if within(importer, "node.client"):
                # the client is what the wallet imports: it must not pull in a store or a server
                return is_listed(imported, {"ledger", "node.client", "node.wire", "node.pb", "node.errors"})
            return not within(imported, "wallet_cli")
        return is_listed(imported, NODE_LIBRARIES) or is_standard(imported)
    if is_own(imported):
        # not the whole of node.client: `cairn` is installed without grpc
        light = ("contexts", "givenfiles", "givenoptions", "http", "notes", "shownfiles")
        allowed = {"ledger", *(f"node.client.{name}" for name in light), "wallet_cli"}
        return is_listed(imported, allowed)
    return is_listed(imported, WALLET_LIBRARIES) or is_standard(imported)


def is_standard(module: str) -> bool:
    return module.split(".")[0] in sys.stdlib_module_names


def all_sources() -> list[Path]:
    return [p for package in ("ledger", "node", "wallet_cli") for p in sources(package)]


@pytest.mark.parametrize("path", all_sources(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_follow_the_one_direction(path: Path) -> None:
    """Every import of every file stands on the allow-list of its package, room and place in the room."""
    importer = module_name(path)
    wrong = [f"line {i.line}: {i.module}" for i in imports_of(path) if not is_permitted(importer, i)]
    assert wrong == [], f"{importer} may not import these (see the lists in tests/test_imports.py)"


@pytest.mark.parametrize("path", sources("ledger"), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_ledger_reaches_for_nothing_outside(path: Path) -> None:
    """No module of `ledger/` opens, prints, reads a clock, draws randomness or awaits."""
    wrong = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            wrong.append(f"line {node.lineno}: async code")
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            # `re.compile` is arithmetic; `compile` alone is not
            if name in IMPURE_CALLS and not (name == "compile" and isinstance(node.func, ast.Attribute)):
                wrong.append(f"line {node.lineno}: {name}()")
    assert wrong == []


def test_every_module_of_a_room_has_its_place() -> None:
    """A new module in a room of `ledger/` is placed in the room's order, so that the order stays a decision."""
    unplaced = []
    for path in sources("ledger"):
        room, name = ledger_room(module_name(path))
        expected = ORDER[room] if room else FOUNDATION
        if name and name not in expected:
            unplaced.append(module_name(path))
    assert unplaced == [], "place these in ORDER in tests/test_imports.py"


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("ledger.log.merkle", "os"),
        ("ledger.log.merkle", "time"),
        ("ledger.log.merkle", "secrets"),
        ("ledger.log.merkle", "logging"),
        ("ledger.log.merkle", "asyncio"),
        ("ledger.log.merkle", "ledger.log.state"),
        ("ledger.log.audit", "ledger.credential.verify"),
        ("ledger.errors", "ledger.canonical"),
        ("ledger.log.keys", "node.client"),
        ("node.sequencer", "wallet_cli.vault"),
        ("node.sequencer", "plyvel"),
        ("node.client.http", "node.store"),
        ("wallet_cli.verify", "node.store"),
        ("wallet_cli.verify", "grpc"),
        ("wallet_cli.sync", "node.client.ledger"),
        ("wallet_cli.verify", "plyvel"),
        ("wallet_cli.verify", "requests"),
    ],
)
def test_the_lists_refuse(importer: str, imported: str) -> None:
    """The rules can fail: each of these imports would be refused."""
    assert not may_import(importer, imported)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("ledger.log.merkle", "ledger.errors"),
        ("ledger.log.audit", "ledger.log.state"),
        ("ledger.credential.verify", "ledger.log.network"),
        ("node.store.database", "plyvel"),
        ("node.sequencer", "ledger.log.follow"),
        ("wallet_cli.sync", "node.client.http"),
    ],
)
def test_the_lists_allow(importer: str, imported: str) -> None:
    """And these, which the design asks for, would pass."""
    assert may_import(importer, imported)
