"""`cairn verify --as-of`: two answers, exit code by the one that was asked for, and what a light replica lacks."""

import json
import socket
from pathlib import Path

import pytest

from ledger.credential.status import Status
from ledger.log.attestation import parse_attestation
from ledger.log.identity import encode_log_id
from tests.simulator import NOW
from tests.wallet_cli.shown import AUDIENCE, DAY, NONCE, show, write_replica
from tests.wallet_cli.world import World, write_trust
from wallet_cli.main import run
from wallet_cli.replica_key import obtain_key

ON_DAY_1 = "2026-06-10T12:00:00Z"
"""Some hours after everything of the second day, and before that of the third."""


class Desk:
    """One file, shown on the second day; suspended on the third, reinstated on the fourth, revoked on the fifth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World()
        self.world.now += DAY
        self.file = folder / "record.cairn"
        self.file.write_bytes(show(self.world))
        self.index = self.world.school.size - 1
        for value in (Status.SUSPENDED, Status.VALID, Status.REVOKED):
            self.world.now += DAY
            self.world.statuses = {0: value}
            self.world.cut()
        self.replica = write_replica(self.world, folder / "replica", obtain_key(folder))
        self.trust = write_trust(self.world, folder / "trust.json")

    def command(self, *arguments: str) -> list[str]:
        places = ["--trust", str(self.trust), "--replica", str(self.replica), "--vault", str(self.folder / "vault")]
        return ["verify", str(self.file), *arguments, *places]

    def page(self, index: int) -> Path:
        return self.replica / encode_log_id(self.world.school.log_id) / "body" / str(index)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: NOW + 4 * DAY + 3_600_000)

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a socket was opened")

    made = Desk(tmp_path)
    monkeypatch.setattr(socket, "socket", refuse)
    return made


@pytest.mark.parametrize(
    ("date", "code", "then", "exit_code"),
    [
        (ON_DAY_1, "VALID", "Valid then", 0),
        ("2026-06-10", "VALID", "Valid then", 0),
        ("2026-06-11", "SUSPENDED", "No longer valid then", 1),
        ("2026-06-12", "VALID", "Valid then", 0),
        ("2026-06-13", "REVOKED", "No longer valid then", 1),
        ("2026-06-09T12:00:00Z", "NOT_YET_VALID", "Not valid yet then", 1),
        ("2026-06-08", "NO_QUORUM", "Cannot tell", 3),
    ],
)
def test_what_was_known_decides(
    desk: Desk, date: str, code: str, then: str, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Today it is revoked in every row."""
    assert run(desk.command("--as-of", date)) == exit_code
    shown = capsys.readouterr().out.splitlines()
    (answer,) = (line for line in shown if line.startswith("As known on"))
    assert answer.endswith(f"UTC: {then} ({code})")
    assert "Today: Was valid, not now (REVOKED)" in shown


def test_json_tells_both_and_what_changed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(desk.command("--as-of", ON_DAY_1, "--json")) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["exit_code"], value["counts"]) == (0, {"Valid then": 1})
    (report,) = value["files"]
    (credential,) = report["credentials"]
    assert (report["verdict"], credential["code"], credential["exit_code"]) == ("Was valid, not now", "REVOKED", 0)
    as_of = credential["as_of"]
    assert as_of["at"] == 1_781_092_800_000
    assert [as_of[name]["code"] for name in ("known_then", "known_now")] == ["VALID", "VALID"]
    (change,) = as_of["changes"]
    assert (change["step"], change["log"], change["reaches_back"]) == (11, "Granite", False)
    assert change["index"] > desk.index


def test_without_a_date_the_member_is_there_and_empty(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(desk.command("--json")) == 1
    assert json.loads(capsys.readouterr().out)["files"][0]["credentials"][0]["as_of"] is None


def test_a_batch_says_both_in_a_line(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*desk.command("--as-of", ON_DAY_1), str(desk.file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{desk.file}: Valid then (VALID); today: Was valid, not now (REVOKED), ")
    assert lines[2] == "2 Valid then"


def test_a_light_replica_needs_history(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.page(desk.index).unlink()
    assert run(desk.command("--as-of", ON_DAY_1)) == 3
    captured = capsys.readouterr()
    assert f"needs history: the status page of entry {desk.index} of the log of Granite" in captured.out
    assert "What to do: run `cairn sync --history`" in captured.out
    assert "next: cairn sync --history" in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as-of", "then"], "no day and no instant"),
        (["--as-of", "2026-06-14"], "is still to come"),
        (["--as-of", "2026-06-10", "--no-replica"], "goes with none of"),
    ],
)
def test_a_question_that_is_none(
    desk: Desk, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = desk.command(*arguments)
    if "--no-replica" in arguments:
        at = command.index("--replica")
        del command[at : at + 2]
    assert run(command) == 2
    assert message in capsys.readouterr().err


def test_a_file_for_somebody_else_is_no_good_on_any_day(desk: Desk) -> None:
    assert run(desk.command("--as-of", ON_DAY_1, "--audience", AUDIENCE, "--nonce", NONCE)) == 0
    assert run(desk.command("--as-of", ON_DAY_1, "--audience", "Somebody else")) == 1


def test_an_attestation_says_what_was_asked(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    words, key, out = desk.folder / "words", desk.folder / "key", desk.folder / "out.json"
    words.write_text("four small grey owls\n")
    secret = ["--passphrase-file", str(words)]
    assert run(["keygen", str(key), *secret]) == 0
    asked = ["--as-of", ON_DAY_1, "--attest", str(out), "--key", str(key), "--by", "Tidewater", *secret]
    assert run(desk.command(*asked)) == 0
    attestation = parse_attestation(out.read_bytes().strip()).attestation
    (credential,) = attestation.result["credentials"]  # type: ignore[misc,union-attr]  # JSON
    assert credential["as_of"]["at"] == 1_781_092_800_000  # type: ignore[call-overload,index]
    assert credential["as_of"]["known_then"]["code"] == "VALID"  # type: ignore[call-overload,index]
    capsys.readouterr()
    assert run(["verify-attestation", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "as known on 2026-06-10 12:00:00 UTC: Valid then (VALID)" in shown
    assert "Was valid, not now (REVOKED)" in shown
