"""What came out of the vectors of others, suite by suite: counted where they are tested, told in `docs/conformance.md`.

A test that has gone through vectors ends with `record`. In an ordinary run that compares its counts with the page, so
that the page is current or the test fails; `make conformance` (`pytest --conformance`) writes the page anew.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.shared import SHARED

PAGE = Path(__file__).resolve().parent.parent / "docs" / "conformance.md"

SUITES: dict[str, tuple[str, ...]] = {
    "JSON Canonicalization Scheme (RFC 8785)": ("tests/ledger/credential/test_jcs.py",),
    "RDF Dataset Canonicalization 1.0": ("tests/ledger/credential/jsonld/test_rdfc.py",),
    "Data Integrity EdDSA Cryptosuites 1.0": (
        "tests/ledger/credential/dataintegrity/test_vectors.py",
        "tests/ledger/credential/external/test_vectors.py",
    ),
    "Verifiable Credentials Data Model 2.0": ("tests/ledger/credential/external/test_vectors.py",),
    "Digital Credentials Consortium": ("tests/ledger/credential/external/test_vectors.py",),
    "Open Badges 3.0": (
        "tests/ledger/credential/dataintegrity/test_vectors.py",
        "tests/ledger/credential/external/test_vectors.py",
        "tests/ledger/credential/test_baking.py",
    ),
    "Open Badges 2.0": ("tests/ledger/credential/external/test_vectors.py",),
    "Comprehensive Learner Record 2.0": ("tests/ledger/credential/external/test_vectors.py",),
    "Blockcerts v2 and v3, offline": ("tests/ledger/credential/external/test_blockcerts.py",),
    "CASE 1.0 and 1.1": ("tests/ledger/mastery/test_case_packages.py",),
    "What we issue, by the published schemas": (
        "tests/ledger/credential/test_copy.py",
        "tests/ledger/credential/test_clr.py",
        "tests/ledger/mastery/test_case_packages.py",
        "tests/node/registrar/test_filecopies.py",
    ),
    "did:key": ("tests/ledger/log/test_didkey.py",),
    "Bitstring Status List 1.0": ("tests/ledger/credential/plainlist/test_bitstring.py",),
    "Token Status List": ("tests/ledger/credential/plainlist/test_token.py",),
    "SD-JWT (RFC 9901) and SD-JWT VC": (
        "tests/ledger/credential/test_sdjwt.py",
        "tests/ledger/credential/external/test_vectors.py",
    ),
    "Transparency logs (RFC 6962, C2SP)": (
        "tests/ledger/log/test_merkle.py",
        "tests/ledger/log/test_merkle_subtrees.py",
        "tests/ledger/log/test_note.py",
        "tests/ledger/log/test_checkpoint.py",
        "tests/ledger/log/test_tiles.py",
        "tests/ledger/log/test_proof.py",
        "tests/ledger/log/test_witness_policy.py",
        "tests/node/web/test_witness.py",
    ),
    "Software of others": (
        "tests/interop/test_npm_verifiers.py",
        "tests/interop/test_sd_jwt.py",
        "tests/interop/test_openvc.py",
        "tests/interop/test_node_copies.py",
        "tests/interop/test_countersigned.py",
    ),
}
"""Suites in the order of the page, and the test modules that go through their vectors."""

_HEAD = """# Conformance

Written by `make conformance`, never by hand; each test compares its own counts with this page, so that the page is
current or the tests fail. "Accepted" and "refused" mean: as the vectors say it has to be. "Could not check" is the third
answer, with its reason; it is never folded into another. Vectors of others are read from `../shared/vectors` beside the
project and are no part of it; where they are absent these tests are skipped. The last suite is other people's software,
pinned in `tests/interop/` and installed by `make interop`: "accepted" counts what passes between them and us, "refused"
what was changed on the way.
"""
_TABLE = "| vectors | files | accepted | refused | could not check |\n| --- | --- | --- | --- | --- |\n"


@dataclass(frozen=True, slots=True)
class Row:
    """What came out of one part of a suite."""

    part: str
    files: int
    accepted: int
    refused: int
    unchecked: Mapping[str, int]

    def encode(self) -> str:
        """As a line of the page."""
        doubts = "; ".join(f"{count}: {reason}" for reason, count in self.unchecked.items())
        return f"| {self.part} | {self.files} | {self.accepted} | {self.refused} | {doubts or 0} |"


class Recorder:
    """Collects rows for a new page; there is one per run with `--conformance`."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.rows: dict[str, dict[str, Row]] = {}
        self.skipped: list[str] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what was skipped: a page without it would be no page."""
        if report.skipped:
            self.skipped.append(report.nodeid)

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the page, if every vector was there and came out right."""
        if exitstatus or self.skipped:
            names = ", ".join(self.skipped[:3])
            print(
                f"\n{PAGE}: left as it was: {len(self.skipped)} tests were skipped or failed {names}", file=sys.stderr
            )
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            return
        PAGE.write_text(encode_page(self.rows), encoding="utf-8")


_recorder: Recorder | None = None


def start(config: pytest.Config) -> None:
    """Collect instead of comparing, from now on."""
    global _recorder
    _recorder = Recorder()
    config.pluginmanager.register(_recorder, "conformance")


def record(
    suite: str,
    part: str,
    files: Iterable[str] | int,
    *,
    accepted: int = 0,
    refused: int = 0,
    unchecked: Mapping[str, int] | None = None,
) -> None:
    """Say what came out of vectors, after all of them came out as they have to.

    Args:
        suite: one of `SUITES`.
        part: which vectors, in a few words.
        files: paths below `../shared` whose files they are, folders whole; or a number, where they are no files.
        accepted: how many were good, and had to be.
        refused: how many were refused, and had to be.
        unchecked: how many could be told neither way, by reason.
    """
    assert suite in SUITES, f"put {suite!r} into the table of tests/conformance.py"
    count = files if isinstance(files, int) else sum(map(_count_files, files))
    row = Row(part, count, accepted, refused, dict(unchecked or {}))
    if _recorder is not None:
        _recorder.rows.setdefault(suite, {})[part] = row
        return
    section = _section(suite)
    assert row.encode() in section, f"docs/conformance.md is not current ({suite}: {row.encode()}): make conformance"


def encode_page(rows: Mapping[str, Mapping[str, Row]]) -> str:
    """The whole page."""
    parts = [_HEAD]
    for suite, modules in SUITES.items():
        lines = "".join(f"{row.encode()}\n" for _, row in sorted(rows.get(suite, {}).items()))
        tests = ", ".join(f"`{module}`" for module in modules)
        parts.append(f"\n## {suite}\n\n{_TABLE}{lines}\nTests: {tests}\n")
    return "".join(parts)


def _section(suite: str) -> str:
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return text.partition(f"\n## {suite}\n")[2].partition("\n## ")[0]


def _count_files(relative: str) -> int:
    path = SHARED / relative
    return sum(1 for one in path.rglob("*") if one.is_file()) if path.is_dir() else 1


def main() -> int:
    """Run every module of the table and write the page."""
    modules = dict.fromkeys(module for modules in SUITES.values() for module in modules)
    return int(pytest.main([*modules, "--conformance", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]))


if __name__ == "__main__":
    sys.exit(main())
