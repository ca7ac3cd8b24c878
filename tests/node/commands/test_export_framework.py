"""`cairn-node export-framework`: what it writes, and what it will not overwrite."""

import json
from pathlib import Path

import pytest

from node.main import run
from tests.ledger.mastery.sample import SAMPLE


def test_a_framework_is_written_for_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sample becomes a CASE 1.1 package; a file that is there stays."""
    out = tmp_path / "case.json"
    arguments = ["export-framework", str(SAMPLE / "framework.json"), "-o", str(out)]
    assert run(arguments) == 0
    assert "60 items" in capsys.readouterr().out
    assert json.loads(out.read_bytes())["CFDocument"]["caseVersion"] == "1.1"
    assert run(arguments) == 2
    assert "exists already" in capsys.readouterr().err
    out.write_text("{}")
    assert run(["export-framework", str(out), "-o", str(tmp_path / "other.json")]) != 0
    assert "CFItems is missing" in capsys.readouterr().err
