"""`cairn audit`, `keygen`, `verify-attestation` as they are typed: files written, exit codes, and what is refused."""

import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ledger import base64url, canonical
from ledger.credential.report import Code
from ledger.credential.status import encode_page, list_key, slot_key
from ledger.log.attestation import parse_attestation
from ledger.log.charter import Role
from ledger.log.identity import encode_log_id
from ledger.log.keyfile import LEAST_COST
from tests.node.web.served import serve_logs
from tests.simulator import SLOTS
from tests.wallet_cli.shown import show, write_replica
from tests.wallet_cli.world import LIST_ROOT, Background, World, background, write_trust
from wallet_cli import attestation_key
from wallet_cli.main import run

PASSPHRASE = "four small grey owls"


class Office:
    """An auditor's folder: trust root, passphrase, and somewhere to keep things."""

    def __init__(self, folder: Path) -> None:
        self.world = World()
        self.world.cut()
        self.folder = folder
        self.trust = write_trust(self.world, folder / "trust.json")
        self.dump = write_replica(self.world, folder / "replica")
        self.passphrase = folder / "passphrase"
        self.passphrase.write_text(PASSPHRASE)

    def run(self, command: str, *arguments: object) -> int:
        options = ["--trust", self.trust, "--vault", self.folder / "home" / "vault"] if command == "audit" else []
        return run([command, *map(str, [*options, *arguments])])

    def key(self) -> Path:
        path = self.folder / "office.key"
        if not path.exists():
            attestation_key.create_key(path, PASSPHRASE, cost=LEAST_COST)
        return path

    def attest(self, *arguments: object) -> int:
        signing = ["--key", self.key(), "--by", "Audit Office", "--passphrase-file", self.passphrase]
        return self.run("audit", "--dump", self.dump, "--attest", self.folder / "signed", *signing, *arguments)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


class Outline(HTMLParser):
    """The tags of a page, and whether they nest."""

    VOID = ("meta", "circle", "path", "polyline")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone(office: Office) -> None:
    """No script, nothing fetched; headings, captions, header cells, a picture with words; foreign text is escaped."""
    office.world.school.publish("<script>alert(1)</script>")
    office.world.school.issue(key=office.world.school.role_signers[Role.DEFINE])
    office.world.cut()
    office.world.trust = replace(office.world.trust, name="A<b>")
    office.trust = write_trust(office.world, office.folder / "trust.json")
    write_replica(office.world, office.dump)
    page, values = office.folder / "june.html", office.folder / "june.json"
    assert office.run("audit", "--dump", office.dump, "--report", page, "--report", values) == 1
    text = page.read_text()
    outline = Outline(text)
    assert outline.seen.count("h1") == 1 and outline.seen.count("svg") == 3
    assert outline.seen.count("caption") == outline.seen.count("table") >= 2
    assert not {"script", "link", "img", "iframe", "b"} & set(outline.seen)
    assert not {"src", "onload", "onclick"} & set(outline.attributes)
    assert "Audit of A&lt;b&gt;" in text and 'role="img"' in text and 'scope="row"' in text
    assert "Findings are about entries" in text and "issue entry is void" in text
    report = json.loads(values.read_text())
    (void,) = [finding for finding in report["findings"] if finding["severity"] == "void"]
    assert (void["rule"], "leaf hash" in void["evidence"]) == ("effect", True)
    assert [log["heads"] != [] for log in report["logs"]] == [True, True, True]


def test_a_signed_audit_is_read_by_others(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """By the key, from the trust root; another key, another network and a changed byte are a no."""
    assert office.attest() == 0
    signed = office.folder / "signed"
    public = canonical.parse(office.key().read_bytes().rstrip(), max_bytes=4096)["public"]
    capsys.readouterr()
    assert office.run("verify-attestation", signed, "--trust", office.trust, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["key"] == public and shown["attestation"]["result"]["clean"] is True
    heads = {head["log"]: head["size"] for head in shown["attestation"]["heads"]}
    assert heads[encode_log_id(office.world.school.log_id)] == office.world.school.size
    assert office.run("verify-attestation", signed) == 0
    told = capsys.readouterr()
    signer = next(line.split()[-1] for line in told.out.splitlines() if line.startswith("signed by"))
    assert "result      clean" in told.out and "compare" in told.err
    assert office.run("verify-attestation", signed, "--signer", signer) == 0
    other = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
    assert office.run("verify-attestation", signed, "--signer", other) == 1
    signed.write_bytes(signed.read_bytes().replace(b"Audit Office", b"Audit 0ffice"))
    assert office.run("verify-attestation", signed) == 1
    signed.write_bytes(b"{}")
    assert office.run("verify-attestation", signed) == 2


def test_nothing_is_signed_by_half(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Key and name are both needed, before the long work; a key for something else opens nothing."""
    assert office.run("audit", "--dump", office.dump, "--attest", office.folder / "signed") == 2
    assert "needs --key FILE and --by NAME" in capsys.readouterr().err
    office.key().write_bytes(office.key().read_bytes().replace(b"attestation-key", b"root-key"))
    assert office.attest() == 2
    assert "expected cairn/attestation-key/v1" in capsys.readouterr().err
    assert not (office.folder / "signed").exists()


def test_keygen_makes_a_key_once(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """The public half is printed, the file is the owner's alone, and nothing is overwritten."""
    path = office.folder / "new.key"
    assert office.run("keygen", path, "--passphrase-file", office.passphrase) == 0
    assert capsys.readouterr().out.startswith("did:key:z6Mk")
    assert path.stat().st_mode & 0o777 == 0o600
    assert attestation_key.open_key(path, PASSPHRASE).public
    before = path.read_bytes()
    assert office.run("keygen", path, "--passphrase-file", office.passphrase) == 1
    assert path.read_bytes() == before


def write_keys(office: Office, **content: object) -> Path:
    path = office.folder / "lists.key"
    path.write_bytes(canonical.encode({"log": encode_log_id(office.world.school.log_id), **content}) + b"\n")  # type: ignore[dict-item]
    return path


def test_pages_are_looked_into_with_a_key(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """A school that takes a revocation back is found out, slot and entry named; the key itself is nowhere shown."""
    root = write_keys(office, list_root=base64url.encode(LIST_ROOT))
    office.world.statuses = {3: 1}
    office.world.cut()
    assert office.run("audit", "--dump", write_replica(office.world, office.dump), "--list-key", root) == 0
    office.world.statuses = {}
    office.world.cut()
    write_replica(office.world, office.dump)
    capsys.readouterr()
    # A light replica has the newest page alone; this one has both, which the test put there.
    for index, body in enumerate(office.world.school.bodies):
        if body is not None:
            (office.dump / encode_log_id(office.world.school.log_id) / "body" / str(index)).write_bytes(body)
    key = base64url.encode(list_key(LIST_ROOT, 0))
    one = write_keys(office, list_keys=[{"key": key, "number": 0}])
    assert office.run("audit", "--dump", office.dump, "--list-key", one) == 1
    told = capsys.readouterr()
    assert "1 slots of list 0 read revoked or replaced on an earlier page" in told.out and "slot 3" in told.out
    assert key not in told.out + told.err
    assert office.run("audit", "--dump", office.dump) == 0
    assert encode_page(list_key(LIST_ROOT, 0), SLOTS, {}, bytes(16))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"list_root":"AAAA","log":"secret"}'])
def test_a_file_of_list_keys_that_is_none(office: Office, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """It is refused without a word of what stands in it."""
    path = office.folder / "lists.key"
    path.write_bytes(content)
    assert office.run("audit", "--dump", office.dump, "--list-key", path) == 2
    told = capsys.readouterr().err
    assert "not a file of list keys" in told and "secret" not in told


@pytest.fixture
def servers() -> "object":
    with background() as servers:
        yield servers


def test_what_is_saved_can_be_audited_again(
    office: Office, servers: Background, capsys: pytest.CaptureFixture[str]
) -> None:
    """With every body; the node that serves badly is a remark, and the next one is asked."""
    world, save = office.world, office.folder / "saved"
    good = servers.start(serve_logs(office.folder / "good", [world.network, world.school, world.other]))
    poor = servers.start(serve_logs(office.folder / "poor", [world.network, world.school]))
    state = office.folder / "state"
    nodes = ["--node", poor, "--node", good]
    assert office.run("audit", *nodes, "--save", save, "--state", state, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [log["missing_bodies"] for log in report["logs"]] == [0, 0, 0] and report["lacking"] == []
    assert office.run("audit", "--dump", save, "--state", state, "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert [log["kept"] for log in again["logs"]] == [log["size"] for log in report["logs"]]
    assert office.run("audit", "--dump", save, "--node", good) == 2


def test_a_verification_is_signed_without_the_learner(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Codes, answers, heads and the hash of the file; no name, no achievement, nothing from the credential."""
    file, signed = office.folder / "record.cairn", office.folder / "signed"
    file.write_bytes(show(office.world))
    write_replica(office.world, office.dump)
    signing = ["--attest", signed, "--key", office.key(), "--by", "Admissions", "--passphrase-file", office.passphrase]
    places = ["--trust", office.trust, "--replica", office.dump, "--vault", office.folder / "home" / "vault"]
    code = office.run("verify", file, *places, *signing)
    assert office.run("verify", file, *places, *signing) == 2, "nothing is overwritten"
    capsys.readouterr()
    assert office.run("verify-attestation", signed) == 0
    assert "verification of Confluence" in capsys.readouterr().out
    said = parse_attestation(signed.read_bytes().rstrip()).attestation
    (credential,) = said.result["credentials"]  # type: ignore[misc]  # an array, as FORMAT has it
    assert credential["file"] == base64url.encode(hashlib.sha256(file.read_bytes()).digest())  # type: ignore[call-overload, index]
    assert (code, len(said.heads)) == (Code(credential["code"]).exit_code, 3)  # type: ignore[index, call-overload]
    assert set(credential) == {"code", "file", "steps", "verdict"}  # type: ignore[arg-type]
    assert office.world.school.state.name not in json.dumps(said.result)


def test_the_learners_data_stands_in_it_where_it_is_asked_for(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole report in words; never the slot key, which would open the slot's history to whoever reads it."""
    file, signed = office.folder / "record.cairn", office.folder / "signed"
    file.write_bytes(show(office.world))
    write_replica(office.world, office.dump)
    signing = ["--attest", signed, "--key", office.key(), "--by", "Admissions", "--passphrase-file", office.passphrase]
    places = ["--trust", office.trust, "--replica", office.dump, "--vault", office.folder / "home" / "vault"]
    assert office.run("verify", file, *places, "--attest-report") == 2
    office.run("verify", file, *places, *signing, "--attest-report")
    capsys.readouterr()
    assert office.run("verify-attestation", signed) == 0
    assert "issued by Granite" in capsys.readouterr().out
    key = list_key(LIST_ROOT, 0)
    keys = [slot_key(key, slot) for slot in range(SLOTS)]
    assert not any(base64url.encode(k).encode() in signed.read_bytes() for k in keys)


def test_the_heads_in_a_record_are_held_against_a_replica(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """On the ledger held: yes. Not held so far: undecided. Another history: no."""
    assert office.attest() == 0
    signed, places = office.folder / "signed", ["--vault", office.folder / "home" / "vault"]
    assert office.run("verify-attestation", signed, "--replica", office.dump, *places) == 0
    empty = office.folder / "empty"
    empty.mkdir()
    capsys.readouterr()
    assert office.run("verify-attestation", signed, "--replica", empty, *places) == 3
    assert "is not held here" in capsys.readouterr().err
    assert office.run("verify-attestation", signed, "--replica", office.folder / "nowhere", *places) == 2
    shorter = World()
    short = write_replica(shorter, office.folder / "short")
    assert office.run("verify-attestation", signed, "--replica", short, *places) == 3
    assert "were checked" in capsys.readouterr().err
    shorter.school.publish("another history")
    for _ in range(2):
        shorter.cut()
    other = write_replica(shorter, office.folder / "other")
    assert office.run("verify-attestation", signed, "--replica", other, *places) == 1
    assert "are others than those held here" in capsys.readouterr().err


def test_a_folder_without_the_network_decides_nothing(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to replay is not the same as something found."""
    empty = office.folder / "empty"
    empty.mkdir()
    assert office.run("audit", "--dump", empty) == 3
    assert "empty: the log of" in capsys.readouterr().err
