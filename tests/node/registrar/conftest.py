"""The registrar's database as tests get it: a file, and where asked for a real PostgreSQL server as well."""

import hashlib
from pathlib import Path

import pytest

from tests.node.registrar import desks
from tests.postgres import Server


@pytest.fixture(params=["sqlite", "postgresql"])
def each_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test on SQLite and on PostgreSQL; each of its directories has a database of its own."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")

        def place(directory: Path) -> str:
            return server.create(f"t{hashlib.sha256(str(directory).encode()).hexdigest()[:20]}")

        monkeypatch.setattr(desks, "place_in", place)
