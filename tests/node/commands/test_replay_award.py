"""`cairn-node replay-award`: yes, or the first row that differs."""

import json
import shutil
from pathlib import Path

import pytest

from ledger.credential.evaluation import encode_claim
from ledger.errors import CairnError
from node import terminal
from node.commands import evaluate, replay_award
from node.registrar.csvfile import parse_award_file

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample"
SALT = bytes(range(16))


class Runner:
    """Runs either command in the test's own process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def evaluate(self, *words: str | Path) -> int:
        return int(evaluate.command.main(args=[str(word) for word in words], standalone_mode=False))

    def __call__(self, *words: str | Path) -> tuple[int, str, str]:
        self._capsys.readouterr()
        try:
            code = replay_award.command.main(args=[str(word) for word in words], standalone_mode=False)
        except CairnError as error:
            code = terminal.fail(error)
        said = self._capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)


@pytest.fixture
def award(run: Runner, tmp_path: Path) -> list[str]:
    """The day of the award: the options, with what L27 could read off a copy."""
    (tmp_path / "awards").mkdir()
    (tmp_path / "kept").mkdir()
    assert run.evaluate(SAMPLE, "--awards", tmp_path / "awards", "--transcripts", tmp_path / "kept") == 0
    rows = parse_award_file((tmp_path / "awards" / "confluence.csv").read_bytes()).rows
    record = next(row.evaluation for row in rows if row.learner_id == "L27")
    assert record is not None
    claim = encode_claim(record, SALT)
    return ["--learner", "L27", "--digest", str(claim["digest"]), "--salt", str(claim["salt"])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "sample", copy_function=shutil.copyfile))


def test_the_same_inputs_agree(run: Runner, award: list[str], tmp_path: Path) -> None:
    code, out, _ = run(SAMPLE, *award)
    assert (code, out) == (0, "L27, confluence, as of 2026-06-15: the digest agrees\n")
    code, out, _ = run(SAMPLE, *award, "--transcripts", tmp_path / "kept", "--json")
    assert (code, json.loads(out)) == (0, {"agrees": True, "difference": "", "transcript_agrees": True})


def test_what_is_kept_is_private(award: list[str], tmp_path: Path) -> None:
    """Readable by its owner alone, and without name or date of birth even so."""
    for path in (tmp_path / "kept").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    lines = (tmp_path / "kept" / "confluence.jsonl").read_text().splitlines()
    assert [json.loads(line)["learner"] for line in lines] == ["L21", "L22", "L23", "L27", "L29"]
    roster = (SAMPLE / "roster.csv").read_text().splitlines()[1:]
    assert not any(row.split(",")[1] in line or row.split(",")[2] in line for row in roster for line in lines)


def test_a_changed_row_is_named(run: Runner, award: list[str], tmp_path: Path, folder: Path) -> None:
    """With the transcript of the day: which row, which cell, what it was and is."""
    evidence = (folder / "evidence.csv").read_text().splitlines()
    (folder / "evidence.csv").write_text("\n".join(line for line in evidence if ",L27," not in line) + "\n")
    code, out, _ = run(folder, *award, "--transcripts", tmp_path / "kept")
    assert code == 1
    assert "not this digest\nfirst difference: result row " in out
    code, out, err = run(folder, *award)
    assert code == 1 and "first difference" not in out and "--transcripts DIR" in err


def test_a_changed_rule_is_named(run: Runner, award: list[str], tmp_path: Path, folder: Path) -> None:
    """Though every row comes out the same."""
    rules = json.loads((folder / "rules.json").read_text())
    for rule in rules["rules"]:
        rule["note"] = "read differently"
    (folder / "rules.json").write_text(json.dumps(rules))
    code, out, _ = run(folder, *award, "--transcripts", tmp_path / "kept")
    assert code == 1 and "first difference: rule CF-CORE 1 has changed" in out


def test_another_salt_is_another_award(run: Runner, award: list[str], tmp_path: Path) -> None:
    other = [*award[:-1], "A" * 22]
    code, _, err = run(SAMPLE, *other, "--transcripts", tmp_path / "kept")
    assert code == 1 and "another award, or another salt" in err
    (tmp_path / "kept" / "confluence.jsonl").write_bytes(b"")
    code, _, err = run(SAMPLE, *other, "--transcripts", tmp_path / "kept")
    assert code == 1 and "holds no transcript of L27 for confluence" in err


@pytest.mark.parametrize(
    ("position", "text", "reason"),
    [
        (1, "L99", "nobody on the roster"),
        (3, "short", "copy both from the field evaluation"),
        (5, "A" * 21, "copy both from the field evaluation"),
    ],
)
def test_what_cannot_be_read(run: Runner, award: list[str], position: int, text: str, reason: str) -> None:
    award[position] = text
    code, _, err = run(SAMPLE, *award)
    assert code == 2 and reason in err


def test_a_diploma_nobody_defined(run: Runner, award: list[str]) -> None:
    code, _, err = run(SAMPLE, *award, "--diploma", "nothing")
    assert code == 2 and "--diploma is one of granite-hollow, lantern, confluence" in err


def test_a_broken_data_set(run: Runner, award: list[str], folder: Path) -> None:
    (folder / "rules.json").unlink()
    code, _, err = run(folder, *award)
    assert code == 2 and "rules.json: the file is not there" in err


@pytest.mark.parametrize("data", [b"{}\n", b"nonsense\n", b'{"learner":"L27","transcript":{}}\n'])
def test_a_broken_transcript(run: Runner, award: list[str], tmp_path: Path, data: bytes) -> None:
    (tmp_path / "kept" / "confluence.jsonl").write_bytes(data)
    code, _, _ = run(SAMPLE, *award, "--transcripts", tmp_path / "kept")
    assert code == 2
