"""The learner's commands as they are typed, against real servers, real replicas and real files."""

import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ledger.credential.commitment import commit
from ledger.credential.report import Verdict
from ledger.credential.verify import Question, verify_file
from ledger.log.keys import PublicKey
from ledger.log.network import Network
from ledger.log.policy import encode_trust_root
from tests.node.web.served import serve_logs
from tests.wallet_cli.world import PASSPHRASE, TX_CODE, Background, IssuerServer, World, background, write_trust
from wallet_cli.clock import system_clock
from wallet_cli.main import COMMANDS, run
from wallet_cli.replica import Replica


@dataclass
class Desk:
    """A learner at a computer: commands run with the vault in `folder`, servers answer in the background."""

    folder: Path
    servers: Background
    world: World
    capture: pytest.CaptureFixture[str]
    stores: int = 0

    def run(self, *arguments: str) -> tuple[int, str, str]:
        command, *rest = arguments
        secret = (
            ["--passphrase-file", str(self.folder / "passphrase")] if command not in ("sync", "trust", "verify") else []
        )
        code = run([command, "--vault", str(self.folder / "home" / "vault"), *secret, *rest])
        captured = self.capture.readouterr()
        return code, captured.out, captured.err

    def ok(self, *arguments: str) -> str:
        code, out, err = self.run(*arguments)
        assert code == 0, err
        assert "next: cairn" in err or "next: send" in err
        return out

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "--json"))

    def serve_ledger(self) -> str:
        """A node that holds the logs as they are now."""
        self.stores += 1
        logs = [self.world.network, self.world.school, self.world.other]
        return str(self.servers.start(serve_logs(self.folder / f"store{self.stores}", logs)))

    def serve_issuer(self, mint: Callable[[PublicKey], str] | None = None) -> IssuerServer:
        server = self.servers.start(IssuerServer(mint or self.world.mint).serve())
        assert isinstance(server, IssuerServer)
        return server


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    with background() as servers:
        yield Desk(tmp_path, servers, World(system_clock()), capsys)


def test_a_first_day(desk: Desk) -> None:
    """Make a vault, follow the ledger, claim, refresh, show a part, and the receiver's checks agree."""
    trust = write_trust(desk.world, desk.folder / "confluence.trust.json")
    minted: list[str] = []

    def mint(key: PublicKey) -> str:
        minted.append(desk.world.mint(key))
        return minted[-1]

    desk.ok("init")
    assert stat.S_IMODE((desk.folder / "home").stat().st_mode) == 0o700
    desk.ok("sync", "--trust", str(trust), "--node", desk.serve_ledger())
    received = desk.ok("receive", desk.serve_issuer(mint).offer, "--tx-code", TX_CODE, "--copies", "1")
    assert "c1  Lantern Mastery Record, issued by Granite" in received
    assert "waiting for the ledger" in received

    desk.world.cut(commit(minted[0].partition("~")[0]))
    (row,) = desk.json("list")
    assert (row["id"], row["on_ledger"]) == ("c1", False)
    assert desk.json("refresh", "--node", desk.serve_ledger())["found"] == 1
    (row,) = desk.json("list")
    assert (row["on_ledger"], row["status"]) == (True, "valid")
    fields = desk.json("show", "c1")["fields"]
    assert fields["name"] == "Zoë Sample"
    assert "result.R1" in desk.ok("show", "c1")

    output = desk.folder / "record.cairn"
    code, out, err = desk.run(
        *("present", "--to", "Tidewater", "--credential", "c1", "--disclose", "name", "result.R1"),
        *("--nonce", "n-1", "-o", str(output), "--yes"),
    )
    assert code == 0, err
    assert "shown:  name = Zoë Sample" in err and "Zoë" not in out
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    code, out, err = desk.run("verify", str(output), "--audience", "Tidewater", "--nonce", "n-1")
    assert code == 0 and "Valid now" in out, out + err
    network = Network(desk.world.trust, Replica(desk.folder / "home" / "replica"))
    question = Question(now=system_clock(), audience="Tidewater", nonce="n-1")
    report = verify_file(output.read_bytes(), network, question)
    assert report.verdict is Verdict.VALID, "\n".join(report.to_lines())
    assert "2008-02-29" not in output.read_text()
    (shown,) = desk.json("history")
    assert (shown["audience"], shown["shown"]) == ("Tidewater", [{"credential": "c1", "fields": ["name", "result.R1"]}])


def test_a_revocation_is_told_by_refresh(desk: Desk) -> None:
    trust = write_trust(desk.world, desk.folder / "trust.json")
    desk.ok("init")
    desk.ok("sync", "--trust", str(trust), "--node", desk.serve_ledger())
    desk.ok("receive", desk.serve_issuer().offer, "--tx-code", TX_CODE)
    desk.world.statuses[0] = 1
    desk.world.cut()
    assert "revoked" in desk.ok("refresh", "--node", desk.serve_ledger())


def test_without_a_ledger_a_credential_is_kept_and_said_to_be_unchecked(desk: Desk) -> None:
    desk.ok("init")
    out = desk.ok("receive", desk.serve_issuer().offer, "--tx-code", TX_CODE)
    assert "were not checked" in out
    code, _, err = desk.run("refresh")
    assert code == 1 and "no ledger is held here" in err and "cairn sync" in err


def test_the_default_answer_shows_nothing(desk: Desk) -> None:
    desk.ok("init")
    desk.ok("receive", desk.serve_issuer().offer, "--tx-code", TX_CODE)
    output = desk.folder / "x.cairn"
    code, _, err = desk.run("present", "--to", "T", "--credential", "c1", "--disclose", "name", "-o", str(output))
    assert code == 2 and "add --yes" in err
    assert not output.exists()
    assert desk.json("history") == []


def test_foreign_text_does_not_reach_the_terminal_raw(desk: Desk) -> None:
    desk.ok("init")
    _, _, err = desk.run("receive", desk.serve_issuer().offer, "--tx-code", TX_CODE)
    assert "Granite \\x1b[31mHigh" in err and "\x1b" not in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["list"], 2, "there is no vault"),
        (["show", "c1"], 2, "there is no vault"),
        (["receive", "/nowhere.sdjwt"], 2, "/nowhere.sdjwt: no such file"),
        (["receive", "openid-credential-offer://?x=1"], 2, "exactly one of"),
        (["receive", "http://school.example/offer"], 2, "there is no vault"),
        (["present", "--to", "T", "--disclose", "name", "-o", "x"], 2, "before any --credential"),
        (["present", "--credential", "c1", "-o", "x"], 2, "missing option '--to'"),
        (["list", "--nope"], 2, "no such option"),
    ],
)
def test_mistakes_are_told_in_words(desk: Desk, arguments: list[str], code: int, words: str) -> None:
    found, out, err = desk.run(*arguments)
    assert (found, out) == (code, "")
    assert words in err and err.startswith("cairn: error: ") and "Traceback" not in err


def test_a_wrong_passphrase_is_told_in_words(desk: Desk) -> None:
    desk.ok("init")
    (desk.folder / "passphrase").write_text("not these words\n")
    code, _, err = desk.run("list")
    assert code == 2 and "the passphrase does not open" in err and "cairn: hint: check capitals" in err


def test_an_unencrypted_link_is_not_followed(desk: Desk) -> None:
    desk.ok("init")
    code, _, err = desk.run("receive", "http://school.example/offer")
    assert code == 2 and "is not encrypted" in err


def test_options_may_stand_before_the_command(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.ok("init")
    shared = ["--vault", str(desk.folder / "home" / "vault"), "--passphrase-file", str(desk.folder / "passphrase")]
    assert run([*shared, "list", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize("name", ["init", "receive", "refresh", "list", "show", "present", "history"])
def test_every_help_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"Example:  cairn {name}" in capsys.readouterr().out


def test_the_first_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)


def test_a_remembered_trust_root_is_enough_to_check_a_claim(desk: Desk) -> None:
    """`cairn trust` without `cairn sync`: the first claim fetches the ledger itself."""
    trust = replace(desk.world.trust, http=(desk.serve_ledger(),))
    path = desk.folder / "trust.json"
    path.write_bytes(encode_trust_root(trust))
    desk.ok("init")
    desk.ok("trust", str(path), "--yes")
    out = desk.ok("receive", desk.serve_issuer().offer, "--tx-code", TX_CODE)
    assert "issuer, signature and status checked" in out


def test_an_unreachable_node_is_told_and_what_is_held_is_used(desk: Desk) -> None:
    trust = write_trust(desk.world, desk.folder / "trust.json")
    desk.ok("init")
    desk.ok("sync", "--trust", str(trust), "--node", desk.serve_ledger())
    code, _, err = desk.run("refresh", "--node", "http://127.0.0.1:1")
    assert code == 0, err
    assert "could not be brought up to date" in err
