"""Badges of others on the command line: verified without a ledger, kept as they are, listed, shown and written out."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.credential.baking import bake
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.verify_either import is_foreign
from ledger.log.keys import SigningKey
from tests.ledger.credential.badges import SCHOOL, SCHOOL_DID, badge, signed
from tests.ledger.credential.external.test_traps import jws, png, svg
from tests.wallet_cli.world import CHEAP, PASSPHRASE, World
from wallet_cli.holdings import encode_contents, parse_contents
from wallet_cli.main import run
from wallet_cli.vault import Vault

BADGE = signed(Cryptosuite.EDDSA_JCS_2022)


@pytest.fixture
def desk(tmp_path: Path) -> list[str]:
    """The options of a vault in a fresh folder."""
    Vault.create(tmp_path / "vault", PASSPHRASE, cost=CHEAP)
    (tmp_path / "pass").write_text(PASSPHRASE)
    return ["--vault", str(tmp_path / "vault"), "--passphrase-file", str(tmp_path / "pass")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "badge.json"
    path.write_text(json.dumps(BADGE))
    return path


def test_verify_needs_no_ledger(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No trust root, no replica: the badge is judged by itself, and is valid once its issuer is named."""
    place = ["--vault", str(tmp_path / "none" / "vault")]
    assert run(["verify", str(file), *place]) == 3
    out, err = capsys.readouterr()
    assert "Cannot tell yet (UNKNOWN_ISSUER)" in out and "--issuer ID" in out
    assert "what you know of the issuer" in err and "cairn sync" not in err
    assert run(["verify", str(file), "--issuer", SCHOOL_DID, *place]) == 0
    assert "Valid now (VALID)" in capsys.readouterr().out
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(BADGE | {"name": "Algebra III"}))
    assert run(["verify", str(changed), "--issuer", SCHOOL_DID, "--json", *place]) == 1
    assert json.loads(capsys.readouterr().out)["files"][0]["credentials"][0]["code"] == "BAD_SIGNATURE"


def test_a_key_set_is_given_with_its_owner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A JWK set does not say whose it is: the command asks, and takes ID=FILE."""
    document: dict[str, Any] = badge()
    document["issuer"] = {"id": "https://granite.example", "type": ["Profile"]}
    token, keys = tmp_path / "badge.jwt", tmp_path / "keys.json"
    token.write_text(jws(document))
    keys.write_text(json.dumps({"keys": [public_key_to_jwk(SCHOOL.public)]}))
    place = ["--vault", str(tmp_path / "vault")]
    assert run(["verify", str(token), "--issuer-document", f"https://granite.example={keys}", *place]) == 0
    assert run(["verify", str(token), "--issuer-document", str(keys), *place]) == 2
    assert "--issuer-document ISSUER_ID=FILE" in capsys.readouterr().err
    assert run(["verify", str(token), "--issuer-document", str(tmp_path / "gone"), *place]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_received_as_it_is(desk: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An image is kept to the byte with what was said of its issuer; list and show judge it; -o writes it out."""
    path, out = tmp_path / "badge.png", tmp_path / "out.png"
    path.write_bytes(bake(png(), jws(badge())))
    assert run(["receive", str(path), "--issuer", SCHOOL_DID, *desk]) == 0
    assert "external, Valid now" in capsys.readouterr().out
    assert run(["receive", str(path), *desk]) == 2
    assert "in the vault already" in capsys.readouterr().err
    assert run(["list", "--json", *desk]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["id"], row["external"], row["state"]) == ("x1", True, "external, Valid now")
    assert run(["show", "x1", *desk]) == 0
    shown = capsys.readouterr().out
    assert "carried by a PNG image" in shown and "[external] achievement.name: Algebra II" in shown
    assert run(["show", "x1", "-o", str(out), *desk]) == 0
    assert out.read_bytes() == path.read_bytes()
    assert run(["show", "x1", "-o", str(out), *desk]) == 2
    assert run(["present", "--to", "A", "--credential", "x1", "-o", str(tmp_path / "p"), *desk]) == 2
    assert "cairn export x1 -o FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (json.dumps(BADGE | {"name": "Other"}), 1, "does not cover this document"),
        (
            json.dumps({"@context": ["https://www.w3.org/ns/credentials/v2"], "type": "VerifiableCredential"}),
            2,
            "issuer",
        ),
    ],
)
def test_what_is_not_kept(
    desk: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, code: int, words: str
) -> None:
    """A bad signature and an unreadable file leave the vault as it was."""
    path = tmp_path / "badge.json"
    path.write_text(content)
    assert run(["receive", str(path), *desk]) == code
    err = capsys.readouterr().err
    assert words in err and "nothing was kept" in err
    assert Vault.open(tmp_path / "vault", PASSPHRASE).contents.imports == ()


def test_a_vault_without_imports_is_what_an_older_cairn_reads(desk: list[str], tmp_path: Path, file: Path) -> None:
    """The member is there only with something in it, and is read back as it was."""
    vault = Vault.open(tmp_path / "vault", PASSPHRASE)
    assert b"imports" not in encode_contents(vault.contents)
    assert run(["receive", str(file), *desk]) == 0
    contents = Vault.open(tmp_path / "vault", PASSPHRASE).contents
    assert parse_contents(encode_contents(contents)) == contents
    assert contents.imports[0].data == file.read_bytes()


def test_own_credentials_go_their_own_way() -> None:
    """A copy of this ledger is never judged as somebody else's, with a status slot or by its issuer's id."""
    world = World()
    minted = world.mint(SigningKey(b"k" * 32).public).encode()
    assert not is_foreign(minted, lambda _: False)
    plain = jws({"iss": world.issuer, "vct": "x"}).encode() + b"~"
    network = world.held.network
    assert not is_foreign(plain, lambda issuer: network.owner_of(issuer) is not None)
    assert is_foreign(plain, lambda _: False)
    assert not is_foreign(b'{"credentials":[],"v":1}', lambda _: False)
    for data in (b"", b"{", b"a~b", b"not a credential"):
        assert not is_foreign(data, lambda _: False)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_mark_of_byte_order_changes_nothing(desk: list[str], tmp_path: Path, end: bytes) -> None:
    """Files that were opened and saved in an editor are read, whatever stands in them."""
    mark = b"\xef\xbb\xbf"
    inside = f'<openbadges:credential verify="{jws(badge())}"/><!-- ~ -->'
    texts = {
        "badge.json": json.dumps(BADGE | {"name": "Algebra ~"}, indent=2).replace("\n", "\r\n").encode(),
        "badge.svg": svg(inside),
        "badge.jwt": jws(badge()).encode(),
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(mark + text + end)
        code = run(["verify", str(tmp_path / name), "--issuer", SCHOOL_DID, *desk])
        # The name was changed after it was signed: read, and not believed.
        assert code == (1 if name == "badge.json" else 0), name
    assert run(["receive", str(tmp_path / "badge.svg"), *desk]) == 0


@pytest.mark.parametrize("depth", [100, 300, 1_000, 5_000])
def test_a_file_of_any_depth_is_answered(
    desk: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], depth: int
) -> None:
    """No traceback, whichever parser comes to its limit first."""
    path = tmp_path / "deep.json"
    path.write_text('{"@context":' + "[" * depth + "]" * depth + "}")
    assert run(["verify", str(path), *desk]) == 2
    assert "Traceback" not in capsys.readouterr().err
