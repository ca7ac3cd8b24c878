"""Our own badges on the command line: verified, kept and shown by the ledger held here, receipts beside them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.credential import badge, status
from ledger.credential.badge import BadgeTerms, Issuer
from ledger.credential.commitment import commit
from ledger.credential.copy import IssuerProfile
from ledger.credential.countersigning import Countersigner, countersign
from ledger.credential.dataintegrity.issuer_document import did_web_of, method_url
from ledger.credential.status import Status, StatusReference
from ledger.credential.strict_json import JSONObject
from ledger.log.body import parse_body
from ledger.log.charter import Role
from ledger.log.identity import short_log_id
from ledger.log.keys import SigningKey
from ledger.log.merkle import prove_item
from ledger.log.receipt import Receipt, encode_receipt
from tests.ledger.credential import badges
from tests.ledger.credential.award import CONTENT
from tests.simulator import NOW
from tests.wallet_cli.shown import DAY, write_replica
from tests.wallet_cli.world import CHEAP, LIST_ROOT, PASSPHRASE, World, write_trust
from wallet_cli import remembered
from wallet_cli.main import run
from wallet_cli.reading import PLAIN_LIST_NOTE
from wallet_cli.remembered import Remembered
from wallet_cli.replica_key import obtain_key
from wallet_cli.vault import Vault

SLOT = 77


class Desk:
    """A vault, a light replica, and a badge as a token with its receipts beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.world = folder, World()
        self.file, self.receipts = folder / "maya.jws", folder / "maya.receipts.json"
        text = self.make()
        self.file.write_text(text)
        commitment = badge.commit_text(text)
        index = self.world.cut(commitment)
        items = parse_body("issue", self.world.school.bodies[index] or b"")
        place = items.index(commitment)
        receipt = Receipt(self.world.school.log_id, index, place, prove_item(items, place))
        self.receipts.write_text(json.dumps([encode_receipt(receipt)]))
        Vault.create(folder / "vault", PASSPHRASE, cost=CHEAP)
        (folder / "pass").write_text(PASSPHRASE)
        trust = write_trust(self.world, folder / "trust.json")
        self.sync()
        remembered.save(folder, Remembered(trust=trust, replica=folder / "replica"))
        self.place = ["--vault", str(folder / "vault")]
        self.vault = [*self.place, "--passphrase-file", str(folder / "pass")]

    def make(self) -> str:
        document, did, key = self.unsigned()
        return badge.sign_compact(document, key_url=method_url(did, key.public), algorithm="EdDSA", sign=key.sign)

    def unsigned(self) -> tuple[JSONObject, str, SigningKey]:
        key, issuer = self.world.school.role_signers[Role.REGISTER], self.world.issuer
        did, list_key = did_web_of(issuer), status.list_key(LIST_ROOT, 0)
        terms = BadgeTerms(
            copy_id="00000000-0000-4000-8000-000000000077",
            subject_id="urn:uuid:00000000-0000-4000-8000-000000000001",
            issued_at=NOW // 1000,
            status=StatusReference(self.world.school.log_id, 0, SLOT, status.slot_key(list_key, SLOT)),
        )
        content = replace(CONTENT, issuer=IssuerProfile(did, "Granite", "https://granite.example"))
        return badge.make_badge(content, terms), did, key

    def sync(self) -> None:
        write_replica(self.world, self.folder / "replica", obtain_key(self.folder))

    def revoke(self) -> None:
        self.world.statuses[SLOT] = Status.REVOKED
        self.world.cut()
        self.sync()


class Countersigned(Desk):
    """The badge as a file with embedded proofs, which the network has countersigned since."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        network = self.world.network
        key = network.role_signers[Role.ISSUE]
        did = did_web_of(self.world.issuer.rpartition("/")[0] + f"/{short_log_id(network.log_id)}")
        keys = Issuer(method=method_url(did, key.public), sign=key.sign, library=badges.library())
        signed = countersign(json.loads(self.file.read_text()), Countersigner(did=did, keys=keys, now=NOW))
        self.file.write_text(json.dumps(signed))

    def make(self) -> str:
        document, did, key = self.unsigned()
        issuer = Issuer(method=method_url(did, key.public), sign=key.sign, library=badges.library())
        return json.dumps(badge.sign_document(document, issuer))


@pytest.fixture
def countersigned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Countersigned:
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: NOW + DAY)
    return Countersigned(tmp_path)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: NOW + DAY)
    return Desk(tmp_path)


def test_verified_with_the_receipts_beside_it(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A light replica has no batches to search: beside it, or by name, or `Cannot tell yet`; a folder passes over them."""
    assert run(["verify", str(desk.file), *desk.place]) == 0
    out = capsys.readouterr().out
    assert "Valid now (VALID)" in out and "not bound to a person" in out and "external" not in out
    moved = desk.receipts.rename(desk.folder / "elsewhere.json")
    assert run(["verify", str(desk.file), *desk.place]) == 3
    assert "NO_RECEIPT" in capsys.readouterr().out
    assert run(["verify", str(desk.file), "--receipts", str(moved), *desk.place]) == 0
    shelf = desk.folder / "shelf"
    shelf.mkdir()
    desk.file.rename(shelf / "a.jws")
    moved.rename(shelf / "a.receipts.json")
    assert run(["verify", str(shelf), *desk.place]) == 0
    assert "1 valid" in capsys.readouterr().out.lower()


def test_revoked_and_altered(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdicts of the list, with their exit codes."""
    desk.revoke()
    assert run(["verify", str(desk.file), *desk.place]) == 1
    assert "Was valid, not now (REVOKED)" in capsys.readouterr().out
    text = desk.file.read_text()
    desk.file.write_text(text[:-8] + ("A" * 8))
    assert run(["verify", str(desk.file), *desk.place]) == 1
    assert "Not authentic (BAD_SIGNATURE)" in capsys.readouterr().out


def test_received_shown_and_given_on(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Kept with its receipts, told what public lists mean, judged anew when shown, written out with both."""
    assert run(["receive", str(desk.file), *desk.vault]) == 0
    out = capsys.readouterr().out
    assert "a file of this ledger, Valid now" in out and PLAIN_LIST_NOTE in out
    assert run(["show", "x1", *desk.vault]) == 0
    assert PLAIN_LIST_NOTE in capsys.readouterr().out
    given = desk.folder / "out" / "copy.jws"
    given.parent.mkdir()
    assert run(["show", "x1", "-o", str(given), *desk.vault]) == 0
    assert run(["verify", str(given), *desk.place]) == 0
    desk.revoke()
    capsys.readouterr()
    assert run(["list", "--json", *desk.vault]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["external"], row["state"]) == (False, "a file of this ledger, Was valid, not now")


def test_what_is_revoked_is_not_kept(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """As with every other copy of this ledger, the slot has to read valid."""
    desk.revoke()
    assert run(["receive", str(desk.file), *desk.vault]) == 1
    err = capsys.readouterr().err
    assert "revoked" in err and "nothing was kept" in err
    assert Vault.open(desk.folder / "vault", PASSPHRASE).contents.imports == ()


def test_a_bare_sd_jwt_has_its_receipts_beside_it_too(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """What `cairn-node copy --form sd-jwt` writes; without them the report says what else helps."""
    text = desk.world.mint(None)
    commitment = commit(text.split("~", 1)[0])
    index = desk.world.cut(commitment)
    items = parse_body("issue", desk.world.school.bodies[index] or b"")
    place = items.index(commitment)
    desk.sync()
    (desk.folder / "ash.sd-jwt").write_text(text)
    assert run(["verify", str(desk.folder / "ash.sd-jwt"), *desk.place]) == 3
    out = capsys.readouterr().out
    assert "NO_RECEIPT" in out and "--receipts" in out
    receipt = encode_receipt(Receipt(desk.world.school.log_id, index, place, prove_item(items, place)))
    elsewhere = json.loads(desk.receipts.read_text())
    (desk.folder / "ash.receipts.json").write_text(json.dumps([*elsewhere, receipt]))
    assert run(["verify", str(desk.folder / "ash.sd-jwt"), *desk.place]) == 0
    assert "Valid now (VALID)" in capsys.readouterr().out


def test_a_countersigned_one_says_by_whom_and_when(
    countersigned: Countersigned, capsys: pytest.CaptureFixture[str]
) -> None:
    """In text and JSON, when verified, received and shown; its receipt is found and its status is read as before."""
    desk, words = countersigned, f"countersigned by {countersigned.world.network.state.name} on 2026-06-09"
    assert run(["verify", str(desk.file), *desk.place]) == 0
    assert f"  Note: {words}" in capsys.readouterr().out.splitlines()
    assert run(["verify", str(desk.file), "--json", *desk.place]) == 0
    (report,) = json.loads(capsys.readouterr().out)["files"][0]["credentials"]
    assert words in report["notes"]
    assert [(one["answer"], one["on"]) for one in report["countersignatures"]] == [("yes", "2026-06-09")]
    assert run(["receive", str(desk.file), *desk.vault]) == 0
    assert f"a file of this ledger, Valid now, {words};" in capsys.readouterr().out
    assert run(["list", *desk.vault]) == 0
    assert words in " ".join(capsys.readouterr().out.split())
    assert run(["show", "x1", *desk.vault]) == 0
    assert f"  Note: {words}" in capsys.readouterr().out.splitlines()
    desk.revoke()
    assert run(["verify", str(desk.file), *desk.place]) == 1
    assert "Was valid, not now (REVOKED)" in capsys.readouterr().out


def test_one_whose_countersignature_fails_is_refused(
    countersigned: Countersigned, capsys: pytest.CaptureFixture[str]
) -> None:
    """The school's own proofs do not make up for it, and nothing is kept."""
    document = json.loads(countersigned.file.read_text())
    document["proof"][3]["created"] = "2026-06-08T00:00:00Z"
    countersigned.file.write_text(json.dumps(document))
    assert run(["verify", str(countersigned.file), *countersigned.place]) == 1
    out = capsys.readouterr().out
    assert "Not authentic (BAD_SIGNATURE)" in out and "the countersignature with the key" in out
    assert run(["receive", str(countersigned.file), *countersigned.vault]) == 1
    assert "nothing was kept" in capsys.readouterr().err
