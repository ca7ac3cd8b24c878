"""`cairn-node evaluate`: files as expected to the byte, or nothing and every reason why."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from ledger.errors import CairnError, MalformedError
from node import terminal
from node.commands.evaluate import command
from node.registrar.csvfile import parse_award_file
from tests.shared import shared_path

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "examples" / "sample"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


class Runner:
    """Runs the command in the test's own process, as `cairn-node` does."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str | Path) -> Said:
        self._capsys.readouterr()
        try:
            code = command.main(args=[str(word) for word in words], standalone_mode=False)
        except CairnError as error:
            code = terminal.fail(error)
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the sample that a test may break."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "sample", copy_function=shutil.copyfile))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("where", ["examples", "shared"])
def test_both_files_byte_for_byte(run: Runner, tmp_path: Path, where: str) -> None:
    """Results and sharing are what the data set expects."""
    data = SAMPLE if where == "examples" else shared_path("data")
    out, sharing = tmp_path / "results.csv", tmp_path / "sharing.csv"
    said = run(data, "--out", out, "--sharing", sharing)
    assert said.code == 0
    assert out.read_bytes() == (data / "expected_results.csv").read_bytes()
    assert sharing.read_bytes() == (data / "expected_sharing.csv").read_bytes()
    assert said.out.splitlines() == [f"written: {out}", f"written: {sharing}"]
    assert "30 learners: 13 awarded, 14 not yet, 3 pending" in said.err
    assert said.err.splitlines()[-1].startswith("next: ")


def test_another_process_in_another_place_gives_the_same_file(tmp_path: Path) -> None:
    """Working folder, locale, time zone and hash seed of a process do not reach the file."""
    code = "import sys; from node.commands.evaluate import command; command.main(sys.argv[1:])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "9"}
    subprocess.run(
        [sys.executable, "-c", code, str(SAMPLE), "--out", "here.csv"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert (tmp_path / "here.csv").read_bytes() == (SAMPLE / "expected_results.csv").read_bytes()


def test_without_a_file_it_tells_the_outcomes(run: Runner) -> None:
    """One line for each learner, on stdout."""
    said = run(SAMPLE)
    lines = said.out.splitlines()
    assert len(lines) == 31
    assert lines[5].split() == ["L05", "granite-hollow", "PENDING", "Pending:", "R1."]
    assert "remark: rule CF-QUIZ: a machine alone can satisfy it" in said.err


def test_json_has_a_stable_shape(run: Runner) -> None:
    """Every row, with its reasons, for tools."""
    value: dict[str, Any] = json.loads(run(SAMPLE, "--json", "--learner", "L29").out)
    (learner,) = value["learners"]
    assert (value["as_of"], learner["diploma"], learner["outcome"]) == ("2026-06-15", "confluence", "AWARDED")
    assert learner["results"][6] == {
        "kind": "item", "target": "IS.1", "rule_or_op": "CF-CORE", "outcome": "MASTERED", "value": "3.00",
        "threshold": "3.00", "reason_code": "MASTERED_BY_TRANSFER",
        "reason_text": "IS.1 mastered by transfer: TW-SCI-2 level 3.00 via XW-1.",
    }  # fmt: skip
    assert value["sharing"] == [{"age": 18, "learner_id": "L29", "may_share": True, "reason": "OK_ADULT"}]


def test_one_learner_alone(run: Runner, tmp_path: Path) -> None:
    """`--learner` leaves the others out of everything."""
    out = tmp_path / "one.csv"
    assert run(SAMPLE, "--learner", "L05", "--out", out).code == 0
    expected = (SAMPLE / "expected_results.csv").read_text().splitlines(keepends=True)
    assert out.read_text() == "".join(expected[:1] + [line for line in expected if line.startswith("L05,")])


def test_a_story_in_plain_words(run: Runner) -> None:
    """`--explain` tells what is missing, without name or date of birth."""
    said = run(SAMPLE, "--learner", "L06", "--explain")
    assert "R6: the nearest pathway: community_project 1 of 1, 24 h of 30 h" in said.out
    assert "Tanglebrook" not in said.out + said.err and "2008-09-02" not in said.out + said.err
    story = json.loads(run(SAMPLE, "--learner", "L06", "--explain", "--json").out)["learners"][0]["explanation"]
    assert "\n".join(story) + "\n" == said.out


def test_a_broken_folder_is_refused_with_every_reason(run: Runner, folder: Path, tmp_path: Path) -> None:
    """File, line, column and reason of all problems, exit code 2, and no file."""
    replace(folder / "evidence.csv", "2024-10-08", "2024-13-08")
    replace(folder / "rules.json", '"threshold": "3.00"', '"threshold": "high"')
    (folder / "waivers.csv").unlink()
    out = tmp_path / "results.csv"
    said = run(folder, "--out", out)
    assert (said.code, said.out, out.exists()) == (2, "", False)
    assert said.err.splitlines() == [
        "cairn-node: error: evidence.csv: line 2, column 47: observed_on: 2024-13-08 is not a day of the calendar",
        "cairn-node: error: rules.json: line 9, column 17: threshold: is not a decimal",
        "cairn-node: error: waivers.csv: the file is not there",
        "cairn-node: hint: repair 3 problems; nothing was written",
    ]
    problems = json.loads(run(folder, "--json").out)["problems"]
    assert [(p["file"], p["line"], p["column"]) for p in problems] == [
        ("evidence.csv", 2, 47),
        ("rules.json", 9, 17),
        ("waivers.csv", 0, 0),
    ]


def test_a_folder_without_a_manifest_is_refused(run: Runner, tmp_path: Path) -> None:
    """Any folder may be named; one that is no data set says so."""
    said = run(tmp_path)
    assert (said.code, said.err.splitlines()[0]) == (2, "cairn-node: error: dataset.json: the file is not there")


def test_a_learner_nobody_knows(run: Runner) -> None:
    """An id that is not on the roster is unreadable input."""
    said = run(SAMPLE, "--learner", "L99")
    assert said.code == 2 and "L99: nobody on the roster has this id" in said.err


def test_a_story_needs_a_learner(run: Runner) -> None:
    """`--explain` alone does not pour out everybody's."""
    with pytest.raises(click.UsageError, match="name one with --learner"):
        run(SAMPLE, "--explain")


def test_nothing_is_overwritten_unasked(run: Runner, tmp_path: Path) -> None:
    """Another file stays as it is, and then neither file is written; the same result over itself is no change."""
    out, sharing = tmp_path / "results.csv", tmp_path / "sharing.csv"
    sharing.write_text("mine")
    said = run(SAMPLE, "--out", out, "--sharing", sharing)
    assert said.code == 2 and "exists already" in said.err
    assert (out.exists(), sharing.read_text()) == (False, "mine")
    assert run(SAMPLE, "--out", out, "--sharing", sharing, "--force").code == 0
    before = out.stat()
    assert run(SAMPLE, "--out", out, "--sharing", sharing).code == 0
    assert (out.stat().st_ino, out.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_folder_that_does_not_exist_is_told_before_the_work(run: Runner, tmp_path: Path) -> None:
    """The output's folder is looked for first."""
    said = run(SAMPLE, "--out", tmp_path / "no" / "results.csv")
    assert said.code == 2 and "its folder does not exist" in said.err


def test_two_names_for_two_files(run: Runner, tmp_path: Path) -> None:
    """One file cannot hold both."""
    said = run(SAMPLE, "--out", tmp_path / "x.csv", "--sharing", tmp_path / "x.csv")
    assert said.code == terminal.exit_code(MalformedError("")) and "name two files" in said.err


def test_award_lists_are_those_of_the_examples(run: Runner, tmp_path: Path) -> None:
    """`--awards` writes one list for each diploma, readable by its owner alone, and tells no name."""
    said = run(SAMPLE, "--awards", tmp_path)
    assert said.code == 0
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    names = [f"{name}.csv" for name in ("confluence", "granite-hollow", "lantern")]
    assert written == {name: (ROOT / "examples" / "awards" / name).read_bytes() for name in names}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert "Quillfeather" not in said.out + said.err
    assert run(SAMPLE, "--awards", tmp_path).code == 0


def test_folders_for_award_lists_are_made_for_this_account_alone(run: Runner, tmp_path: Path) -> None:
    """Names of learners go in, whatever the account's usual rights are."""
    assert run(SAMPLE, "--awards", tmp_path / "new", "--transcripts", tmp_path / "kept").code == 0
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o700}


def test_award_lists_can_be_issued_from(run: Runner, tmp_path: Path) -> None:
    """The registrar's own reader takes every row, quoted names included."""
    folder = Path(shutil.copytree(SAMPLE, tmp_path / "sample", copy_function=shutil.copyfile))
    replace(folder / "roster.csv", "Pebble Quillfeather", '"Quillfeather, ""Pebble"""')
    assert run(folder, "--awards", tmp_path).code == 0
    file = parse_award_file((tmp_path / "granite-hollow.csv").read_bytes())
    assert (len(file.rows), file.problems, file.rows[0].name) == (5, (), 'Quillfeather, "Pebble"')


def test_award_lists_of_one_learner_and_of_nobody(run: Runner, tmp_path: Path) -> None:
    """A list nobody is on is a header, so that none of an earlier day stays behind."""
    assert run(SAMPLE, "--awards", tmp_path, "--learner", "L12").code == 0
    assert len((tmp_path / "lantern.csv").read_text().splitlines()) == 2
    assert (tmp_path / "confluence.csv").read_text().startswith("learner_id,name,")
    assert len((tmp_path / "confluence.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("fictional_name", "called", "roster.csv: line 1, column 1: the header has no column name"),
        ("Pebble Quillfeather", "", "roster.csv: line 2, column 5: fictional_name: is empty"),
    ],
)
def test_an_award_list_needs_names(run: Runner, folder: Path, tmp_path: Path, old: str, new: str, reason: str) -> None:
    """Without them nothing is written, not even the results; without `--awards` nobody misses them."""
    replace(folder / "roster.csv", old, new)
    out = tmp_path / "results.csv"
    said = run(folder, "--awards", tmp_path, "--out", out)
    assert (said.code, out.exists(), (tmp_path / "lantern.csv").exists()) == (2, False, False)
    assert reason in said.err
    assert run(folder).code == 0


def test_an_award_list_never_lands_outside_its_folder(run: Runner, folder: Path, tmp_path: Path) -> None:
    """A diploma's id becomes a file name only if it is a plain one."""
    replace(folder / "requirements" / "lantern.json", '"id": "lantern"', '"id": "../lantern"')
    replace(folder / "roster.csv", ",lantern,", ",../lantern,")
    (folder / "roster.csv").write_text((folder / "roster.csv").read_text().replace(",lantern,", ",../lantern,"))
    (folder / "waivers.csv").write_text((folder / "waivers.csv").read_text().replace(",lantern,", ",../lantern,"))
    said = run(folder, "--awards", tmp_path)
    assert said.code == 2 and "cannot be the name of a file" in said.err
