"""`cairn export` as it is typed: exact bytes, pictures, records; refresh finds where files stand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.credential.badge import commit_text
from ledger.credential.baking import unbake
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.log.didkey import encode_did_key
from ledger.log.keys import SigningKey
from node.client.contexts import fill_folder
from tests.ledger.credential.badges import SCHOOL_DID, STRANGER_DID, badge, signed
from tests.ledger.credential.external.test_traps import png
from tests.shared import shared_path
from tests.wallet_cli.minting import Mint
from tests.wallet_cli.test_commands import Desk
from tests.wallet_cli.world import CHEAP, PASSPHRASE, TX_CODE, World, background, write_trust
from wallet_cli.clock import system_clock
from wallet_cli.forms import Form
from wallet_cli.vault import Vault


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    with background() as servers:
        (tmp_path / "home").mkdir()
        Vault.create(tmp_path / "home" / "vault", PASSPHRASE, cost=CHEAP)
        yield Desk(tmp_path, servers, World(system_clock()), capsys)


def follow(desk: Desk) -> None:
    trust = write_trust(desk.world, desk.folder / "trust.json")
    desk.ok("sync", "--trust", str(trust), "--node", desk.serve_ledger())


def claim(desk: Desk, form: Form, offered: str = "granite/1") -> str:
    """Claim a file and give its text as the school made it."""
    mint = Mint(desk.world, form)
    server = desk.servers.start(mint.serve(offered).serve())
    desk.ok("receive", server.offer, "--tx-code", TX_CODE, "--form", form.value)
    return mint.made[-1]


def keep(desk: Desk, document: Any, name: str) -> str:
    """Receive a file of others; gives its id."""
    path = desk.folder / name
    path.write_text(json.dumps(document) if isinstance(document, dict) else document)
    (row,) = desk.json("receive", str(path), "--issuer", SCHOOL_DID)
    return str(row["id"])


def contexts(desk: Desk) -> None:
    fill_folder(shared_path("vectors/formats/contexts"), desk.folder / "home")


def report(desk: Desk, path: Path, *options: str) -> tuple[int, Any]:
    code, out, err = desk.run("verify", str(path), *options, "--json")
    assert out, err
    return code, json.loads(out)["files"][0]


@pytest.mark.parametrize("form", [Form.OPEN_BADGE, Form.JWS])
def test_from_the_claim_link_to_another_verifier(desk: Desk, form: Form) -> None:
    """Claimed, found by refresh among everybody's, written with its receipts, and verified by them alone."""
    follow(desk)
    text = claim(desk, form)
    assert "not found there yet" in desk.ok("list")
    desk.world.cut(commit_text(text))
    found = desk.json("refresh", "--node", desk.serve_ledger())
    assert (found["found"], [row["state"] for row in found["files"]]) == (1, ["a file of this ledger, Valid now"])
    assert desk.json("refresh")["found"] == 0
    out = desk.folder / f"maya{form.suffix}"
    code, written, said = desk.run("export", "x1", "-o", str(out))
    assert code == 0
    assert "says, to everybody who has it" in said and "Zoë Sample" in said and "nothing of it can be hidden" in said
    assert f"its receipts: {desk.folder / 'maya.receipts.json'}" in written
    kept = Vault.open(desk.folder / "home" / "vault", PASSPHRASE).contents.imports[0]
    assert out.read_bytes() == kept.data
    assert (json.loads(out.read_text()) == json.loads(text)) if form is Form.OPEN_BADGE else out.read_text() == text
    code, judged = report(desk, out)
    assert (code, judged["credentials"][0]["code"]) == (0, "VALID")


def test_a_file_without_receipts_says_what_brings_them(desk: Desk) -> None:
    """A light replica holds no batches: `sync --history` does it, and a file waits for its issuer's cut, not its holder."""
    follow(desk)
    text = claim(desk, Form.JWS)
    path = desk.folder / "alone.jws"
    path.write_text(text)
    _, judged = report(desk, path)
    (step,) = (one for one in judged["credentials"][0]["steps"] if one["number"] == 6)
    assert "cairn sync --history" in step["remedy"] and "--receipts" in step["remedy"]
    desk.ok("sync", "--history")
    _, judged = report(desk, path)
    (step,) = (one for one in judged["credentials"][0]["steps"] if one["number"] == 6)
    assert "next cut" in step["remedy"] and "cairn refresh" not in step["remedy"]
    desk.world.cut(commit_text(text))
    desk.ok("sync", "--history", "--node", desk.serve_ledger())
    assert report(desk, path)[0] == 0


def test_receipts_of_a_received_file_are_found_too(desk: Desk) -> None:
    """One that the registrar handed out, made out to nobody."""
    follow(desk)
    text = Mint(desk.world, Form.JWS).make("urn:uuid:00000000-0000-4000-8000-000000000001")
    desk.world.cut(commit_text(text))
    path = desk.folder / "maya.jws"
    path.write_text(text)
    desk.ok("receive", str(path))
    assert desk.json("refresh", "--node", desk.serve_ledger())["found"] == 1


def test_in_a_picture(desk: Desk) -> None:
    """Baked into a copy of the picture, the same text inside; one with a badge already is refused."""
    name, picture, out = (
        keep(desk, signed(Cryptosuite.EDDSA_JCS_2022), "badge.json"),
        desk.folder / "p.png",
        desk.folder / "o.png",
    )
    picture.write_bytes(png())
    written = desk.json("export", name, "--picture", str(picture), "-o", str(out))
    assert written["receipts"] is None and "in a picture" in written["form"]
    baked = unbake(out.read_bytes())
    assert baked is not None and baked.text == (desk.folder / "badge.json").read_text()
    code, _, err = desk.run("export", name, "--picture", str(out), "-o", str(desk.folder / "again.png"))
    assert code == 2 and "has a badge inside already" in err


def test_nothing_is_overwritten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the file nor the receipts beside it, unless it is said; by default it has the name it came with, here."""
    follow(desk)
    text = claim(desk, Form.JWS)
    desk.world.cut(commit_text(text))
    desk.ok("refresh", "--node", desk.serve_ledger())
    monkeypatch.chdir(desk.folder)
    beside = desk.folder / "granite-1.receipts.json"
    beside.write_text("mine")
    code, _, err = desk.run("export", "x1")
    assert code == 2 and "exists already" in err and "--force" in err
    assert not (desk.folder / "granite-1.jws").exists()
    desk.ok("export", "x1", "--force")
    assert (desk.folder / "granite-1.jws").read_text() == text and beside.read_text() != "mine"
    assert desk.run("export", "x1")[0] == 2
    code, _, err = desk.run("export", "x1", "-o", str(desk.folder / "no" / "where.jws"))
    assert code == 2 and "no such folder" in err


def test_an_sd_jwt_leaves_whole_and_says_what_that_means(desk: Desk) -> None:
    desk.ok("receive", desk.serve_issuer().offer, "--tx-code", TX_CODE)
    out = desk.folder / "c1.sdjwt"
    code, _, err = desk.run("export", "c1", "-o", str(out))
    assert code == 0 and "bound to a key that stays in this vault" in err and "date_of_birth: 2008-02-29" in err
    contents = Vault.open(desk.folder / "home" / "vault", PASSPHRASE).contents
    assert out.read_text() == contents.holding("c1").copies[0].sd_jwt


def test_a_record_of_what_the_learner_holds(desk: Desk) -> None:
    """Of badges made out to two keys of the vault and one to nobody: signed by both, each part judged by itself."""
    follow(desk)
    contexts(desk)
    texts = [claim(desk, Form.OPEN_BADGE), claim(desk, Form.OPEN_BADGE, "granite/2")]
    desk.world.cut(*map(commit_text, texts))
    desk.ok("refresh", "--node", desk.serve_ledger())
    other = keep(desk, signed(Cryptosuite.EDDSA_JCS_2022), "badge.json")
    out = desk.folder / "record.json"
    code, _, err = desk.run(
        "export", "--clr", "x1", "x2", other, "--association", f"{other} isPartOf x1", "-o", str(out)
    )
    assert code == 0, err
    assert f"{other}: it is made out to no key" in err
    document = json.loads(out.read_text())
    contents = Vault.open(desk.folder / "home" / "vault", PASSPHRASE).contents
    dids = [encode_did_key(SigningKey(one.seed).public) for one in contents.imports if one.seed is not None]
    assert (document["partial"], document["issuer"]["id"], document["credentialSubject"]["id"]) == (
        True,
        dids[0],
        dids[0],
    )
    assert [one["associationType"] for one in document["credentialSubject"]["association"]] == ["isPartOf"]
    assert len(document["proof"]) == 3 and document["proof"][2]["verificationMethod"].startswith(dids[1])

    code, judged = report(desk, out, "--issuer", SCHOOL_DID)
    outer, *parts = judged["credentials"]
    assert code == 0, outer
    assert [one["code"] for one in judged["credentials"]] == ["VALID"] * 4
    assert any("assembled by the learner" in note for note in outer["notes"])
    assert outer["issuer"] == f"the learner ({dids[0]})"
    assert {line["claim_class"] for line in outer["shown"]} == {"self-asserted"}
    bound = [next(step for step in part["steps"] if step["number"] == 4) for part in parts]
    assert [step["answer"] for step in bound] == ["yes", "yes", "not_applicable"]

    out.write_text(out.read_text().replace("Algebra II", "Algebra IV", 1))
    code, judged = report(desk, out, "--issuer", SCHOOL_DID)
    assert (code, [one["code"] for one in judged["credentials"]]) == (1, ["BAD_SIGNATURE"])


@pytest.mark.parametrize(
    ("change", "words", "code"),
    [
        (lambda one: one["credentialSubject"].update(id=STRANGER_DID), "no key of this vault", 1),
        (lambda one: one.update(validUntil="2025-12-31T00:00:00Z"), "was valid, not now", 1),
        (lambda one: one["credentialSubject"]["achievement"].update(id="urn:a:b"), "association", 1),
    ],
)
def test_what_does_not_go_into_a_record(desk: Desk, change: Any, words: str, code: int) -> None:
    contexts(desk)
    document: Any = badge()
    change(document)
    name = keep(desk, signed(Cryptosuite.EDDSA_JCS_2022, document), "badge.json")
    out = desk.folder / "record.json"
    found, _, err = desk.run("export", "--clr", name, "--association", f"{name} isPartOf c9", "-o", str(out))
    assert (found, out.exists()) == (code, False)
    assert words in err.lower()


def test_a_jws_does_not_go_into_a_record(desk: Desk) -> None:
    """The schema of records knows no enveloped credentials."""
    claim(desk, Form.JWS)
    code, _, err = desk.run("export", "--clr", "x1", "-o", str(desk.folder / "r.json"))
    assert code == 2 and "does not go into a record" in err and "--form open-badge" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x9"], "there is no credential 'x9'"),
        (["--clr", "c1", "-o", "r.json"], "a record holds badges"),
        (["--clr", "c1"], "--clr needs -o FILE"),
        (["c1", "c2"], "one ID at a time"),
        (["c1", "--association", "a isPartOf b"], "one ID at a time"),
        (["--clr", "c1", "-o", "r", "--association", "a isPartOf"], "is not 'ID TYPE ID'"),
        (["c1", "--picture", "p.png"], "no place in a picture"),
    ],
)
def test_mistakes_are_told_in_words(desk: Desk, arguments: list[str], words: str) -> None:
    desk.ok("receive", desk.serve_issuer().offer, "--tx-code", TX_CODE)
    code, _, err = desk.run("export", *arguments)
    assert code == 2 and words in err


def test_without_contexts_a_record_says_how_to_get_them(desk: Desk) -> None:
    name = keep(desk, signed(Cryptosuite.EDDSA_JCS_2022), "badge.json")
    code, _, err = desk.run("export", "--clr", name, "-o", str(desk.folder / "r.json"))
    assert code == 1 and "cairn contexts --from" in err


def test_a_form_is_for_offers(desk: Desk) -> None:
    path = desk.folder / "badge.json"
    path.write_text(json.dumps(signed(Cryptosuite.EDDSA_JCS_2022)))
    code, _, err = desk.run("receive", str(path), "--form", "jws")
    assert code == 2 and "--form is for offers" in err
