"""`cairn verify` over real credentials and a replica on disk: verdicts, batches, and not one connection."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.credential.report import Answer, Code
from ledger.credential.verify import Question
from ledger.log.identity import encode_log_id
from tests.simulator import NOW
from tests.wallet_cli.shown import AUDIENCE, DAY, NONCE, show, write_replica
from tests.wallet_cli.world import World, write_trust
from wallet_cli import verify
from wallet_cli.main import run
from wallet_cli.replica import Replica
from wallet_cli.replica_key import obtain_key

ROOT = Path(__file__).resolve().parents[2]


class Desk:
    """An admissions officer's computer: one shown file, a replica, a trust root."""

    def __init__(self, folder: Path) -> None:
        self.world = World()
        self.data = show(self.world)
        self.folder = folder
        self.file = folder / "record.cairn"
        self.file.write_bytes(self.data)
        self.key = obtain_key(folder)
        self.replica = write_replica(self.world, folder / "replica", self.key)
        self.trust = write_trust(self.world, folder / "trust.json")

    def judge(self, data: bytes | None = None, **options: str | int | None) -> tuple[Code, dict[int, Answer]]:
        report = verify.verify_file(
            self.data if data is None else data,
            Replica(self.replica, self.key),
            self.world.trust,
            options.get("audience", AUDIENCE),  # type: ignore[arg-type]  # each test passes the right type
            options.get("nonce", NONCE),  # type: ignore[arg-type]
            options.get("now", NOW + DAY),  # type: ignore[arg-type]
        )
        (credential,) = report.credentials
        return credential.code, {step.number: step.answer for step in credential.steps}

    def command(self, *arguments: str) -> list[str]:
        vault = ["--vault", str(self.folder / "vault")]
        return ["verify", *arguments, "--trust", str(self.trust), "--replica", str(self.replica), *vault]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: NOW + DAY)
    return Desk(tmp_path)


@pytest.fixture
def unplugged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any socket is an error."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "socketpair", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)


def test_a_good_file_is_valid_without_a_network(desk: Desk, unplugged: None) -> None:
    """Every step from 1 to 11 is answered yes, from the replica alone."""
    code, answers = desk.judge()
    assert code is Code.VALID
    assert {answers[number] for number in range(1, 12)} == {Answer.YES}


def test_revoked_after_a_sync(desk: Desk) -> None:
    """The replica of before still says valid; after a sync it says revoked."""
    assert desk.judge()[0] is Code.VALID
    desk.world.statuses[desk.world.slots - 1] = 1
    desk.world.cut()
    write_replica(desk.world, desk.replica, desk.key)
    assert desk.judge()[0] is Code.REVOKED


def test_one_flipped_byte(desk: Desk) -> None:
    """A changed signature is found at its step, and nothing else is believed."""
    position = desk.data.index(b".", desk.data.index(b'"sd_jwt":"') + 500) + 20
    changed = bytes([desk.data[position] ^ 1])
    code, answers = desk.judge(desk.data[:position] + changed + desk.data[position + 1 :])
    assert code in (Code.BAD_SIGNATURE, Code.MALFORMED)
    assert Answer.YES not in {answers.get(number) for number in range(3, 12)}


@pytest.mark.parametrize(("option", "value"), [("audience", "Somebody Else"), ("nonce", "n-other")])
def test_made_for_somebody_else(desk: Desk, option: str, value: str) -> None:
    """The audience and the nonce asked for are demanded."""
    code, answers = desk.judge(**{option: value})
    assert (code, answers[4]) == (Code.NOT_BOUND, Answer.NO)


def test_an_old_replica_is_stale(desk: Desk) -> None:
    """Beyond the trust root's bound on age nothing better than stale is said."""
    assert desk.judge(now=NOW + 5 * DAY)[0] is Code.STALE


def test_a_removed_page_cannot_be_checked(desk: Desk) -> None:
    """Without the newest page the status is not known, and that is what is said."""
    school = desk.replica / encode_log_id(desk.world.school.log_id)
    page = max(int(path.name) for path in (school / "body").iterdir())
    (school / "body" / str(page)).unlink()
    code, answers = desk.judge()
    assert (code, answers[11]) == (Code.INCOMPLETE, Answer.COULD_NOT_CHECK)


def test_a_batch_goes_on_past_a_bad_file(desk: Desk, tmp_path: Path) -> None:
    """Unreadable and missing files are reported, the others judged."""
    (tmp_path / "junk.cairn").write_bytes(b"\x00" * 1000)
    paths = [tmp_path / "gone.cairn", tmp_path / "junk.cairn", desk.file]
    network = verify.open_network(desk.world.trust, desk.replica)
    reports = list(verify.verify_files(paths, verify.judge_by(network, Question(now=NOW + DAY))))
    assert [report.codes for report in reports] == [(Code.MALFORMED,), (Code.MALFORMED,), (Code.VALID,)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("record.cairn",), 0),
        (("record.cairn", "record.cairn"), 0),
        (("junk.cairn",), 2),
        (("junk.cairn", "missing.cairn"), 2),
        (("record.cairn", "junk.cairn"), 3),
        (("record.cairn", "forged.cairn", "junk.cairn"), 1),
    ],
)
def test_exit_codes(desk: Desk, unplugged: None, files: tuple[str, ...], expected: int) -> None:
    """0 all valid, 1 any no, 2 nothing readable, else 3."""
    (desk.folder / "junk.cairn").write_bytes(b"junk")
    (desk.folder / "forged.cairn").write_bytes(desk.data.replace(b'"purpose":"admission"', b'"purpose":"permission"'))
    assert run(desk.command(*(str(desk.folder / name) for name in files))) == expected


def test_the_report_in_words(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict stands first; the sentence about truth stands once."""
    assert run(desk.command(str(desk.file), "--audience", AUDIENCE, "--nonce", NONCE)) == 0
    output = capsys.readouterr().out
    assert "Valid now (VALID)" in output
    assert output.count("Verification says nothing about whether the claims are true") == 1


def test_a_folder_stands_for_its_files(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each file, hidden ones left out, then the counts."""
    folder = desk.folder / "inbox"
    folder.mkdir()
    for name in ("b.cairn", "a.cairn", ".hidden"):
        (folder / name).write_bytes(desk.data)
    assert run(desk.command(str(folder))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == [str(folder / "a.cairn"), str(folder / "b.cairn")]
    assert lines[2] == "2 Valid now"


def test_json_has_one_shape(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """One file or many: an object with the reports, the counts and the exit code."""
    assert run(desk.command(str(desk.file), str(desk.folder / "gone"), "--json")) == 3
    value = json.loads(capsys.readouterr().out)
    assert (value["exit_code"], value["counts"]) == (3, {"Not readable": 1, "Valid now": 1})
    assert [report["verdict"] for report in value["files"]] == ["Valid now", "Not readable"]


def test_foreign_text_is_escaped(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A file's name cannot steer the terminal."""
    evil = desk.folder / "evil\x1b[31m.cairn"
    evil.write_bytes(b"junk")
    run(desk.command(str(evil), str(desk.file)))
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err


def test_without_a_replica(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is held: could not decide, and what to run."""
    arguments = desk.command(str(desk.file))
    arguments[arguments.index("--replica") + 1] = str(desk.folder / "nowhere")
    assert run(arguments) == 3
    assert "cairn sync" in capsys.readouterr().err


def test_without_a_trust_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is trusted yet: an error that says where a trust root comes from."""
    shown = tmp_path / "x.cairn"
    shown.write_bytes(b'{"credentials":[],"v":1}')
    assert run(["verify", str(shown), "--vault", str(tmp_path / "vault")]) == 2
    assert "cairn trust FILE" in capsys.readouterr().err


def test_a_damaged_replica_is_named(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged head file: could not decide, with the path."""
    head = desk.replica / encode_log_id(desk.world.network.log_id) / "head"
    head.write_bytes(head.read_bytes()[:-1])
    assert run(desk.command(str(desk.file))) == 3
    assert str(head) in capsys.readouterr().err


def test_verify_loads_nothing_that_dials(desk: Desk) -> None:
    """A cold command imports neither aiohttp nor grpc nor asyncio, and works in a process without sockets."""
    script = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise SystemExit('a socket was opened')\n"
        "socket.socket.connect = socket.socket.bind = refuse\n"
        "import wallet_cli.clock\n"
        f"wallet_cli.clock.system_clock = lambda: {NOW + DAY}\n"
        "from wallet_cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "loaded = {'aiohttp', 'grpc', 'asyncio', 'sqlalchemy', 'plyvel', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else code)\n"
    )
    run_ = subprocess.run(
        [sys.executable, "-c", script, *desk.command(str(desk.file))],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert run_.returncode == 0, run_.stderr
