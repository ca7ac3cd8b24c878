"""Tests of node.client.contexts and `cairn contexts`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.credential.jsonld.context import MissingContextError
from ledger.credential.jsonld.library import file_name
from ledger.credential.jsonld.pins import PINS
from ledger.errors import MalformedError, ProofError
from node.client.contexts import FOLDER_NAME, describe_folder, fill_folder, open_library
from tests.shared import shared_path
from wallet_cli.main import cairn

CREDENTIALS = "https://www.w3.org/ns/credentials/v2"


@pytest.fixture
def source() -> Path:
    return shared_path("vectors/formats/contexts")


def test_a_folder_is_filled_from_copies_of_any_name(source: Path, tmp_path: Path) -> None:
    """Written differently, deep inside, under another name: the content counts."""
    deep = tmp_path / "packages" / "a" / "b"
    deep.mkdir(parents=True)
    value = json.loads((source / "credentials-v2.json").read_bytes())
    (deep / "whatever.jsonld").write_text(json.dumps(value, indent=4))
    (deep / "package.json").write_text('{"name": "no context"}')
    (deep / "broken.json").write_text("{")
    filled = fill_folder(tmp_path / "packages", tmp_path)
    assert (filled.added, filled.held) == ((CREDENTIALS,), (CREDENTIALS,))
    assert set(filled.missing) == set(PINS) - {CREDENTIALS}
    library = open_library(tmp_path)
    assert library.urls == {CREDENTIALS}
    assert library.lookup(CREDENTIALS) == value["@context"]
    assert fill_folder(tmp_path / "packages", tmp_path).added == ()


def test_everything_shared_is_found(source: Path, tmp_path: Path) -> None:
    """All pins; one content that stands behind two URLs is kept for both."""
    assert set(fill_folder(source, tmp_path).added) == set(PINS)
    assert describe_folder(tmp_path).missing == ()


def test_a_changed_file_counts_for_nothing_and_is_replaced(source: Path, tmp_path: Path) -> None:
    """It is missing in the list, refused where it is needed, and written anew."""
    fill_folder(source, tmp_path)
    path = tmp_path / FOLDER_NAME / file_name(CREDENTIALS)
    path.write_bytes(path.read_bytes().replace(b"credentials#", b"credentialz#"))
    assert describe_folder(tmp_path).missing == (CREDENTIALS,)
    with pytest.raises(ProofError, match="its SHA-256 is"):
        open_library(tmp_path).lookup(CREDENTIALS)
    assert fill_folder(source, tmp_path).added == (CREDENTIALS,)


def test_nothing_found_and_nothing_held(tmp_path: Path) -> None:
    """An error with what to do; an empty library says could not check."""
    with pytest.raises(MalformedError, match="is a context that is known here"):
        fill_folder(tmp_path, tmp_path)
    with pytest.raises(MissingContextError):
        open_library(tmp_path).lookup(CREDENTIALS)
    with pytest.raises(MissingContextError):
        open_library(tmp_path).lookup("../../etc/passwd")


def test_the_command(source: Path, tmp_path: Path) -> None:
    """It lists, fills, and says what it did to programs too."""
    vault = ["--vault", str(tmp_path / "vault")]
    before = CliRunner().invoke(cairn, ["contexts", "--json", *vault], standalone_mode=False)
    assert json.loads(before.stdout) == {"added": [], "held": [], "missing": list(PINS)}
    filled = CliRunner().invoke(cairn, ["contexts", "--from", str(source), *vault], standalone_mode=False)
    assert filled.return_value == 0
    assert f"held     (new) {CREDENTIALS}" in filled.stdout
    assert f"{len(PINS)} contexts held, 0 missing" in filled.stderr
