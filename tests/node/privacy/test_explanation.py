"""What `explain-privacy` says follows from the log and the settings, and nothing stands there that is not so."""

import dataclasses
import json
from pathlib import Path

import pytest

from ledger.log.identity import encode_log_id
from ledger.log.records import DocumentName
from node.client.held import read_held
from node.config import NodeConfig
from node.keystore import KeyRole
from node.privacy import onledger
from node.privacy.audiences import list_audiences
from node.privacy.limits import LimitCode, list_limits
from node.privacy.subject import Subject, make_subject
from tests.node.commands.cli import Shell, running
from tests.node.registrar.desks import Bench
from tests.node.registrar.thefts import steal
from tests.privacy.small_school import BATCH, DAY_MS, SLOTS, award, live, small_school

CONFIG = NodeConfig(name="Granite", http_url="https://granite.example")
ROOT = Path(__file__).resolve().parents[3]


def explain(bench: Bench, config: NodeConfig = CONFIG) -> Subject:
    return make_subject(read_held(bench.log), (), config, bench.clock.now)


def codes(subject: Subject, *, weak: bool = False) -> set[LimitCode]:
    return {limit.code for limit in list_limits(subject) if limit.is_weakness or not weak}


def words(subject: Subject) -> str:
    facts = [fact.words for fact in onledger.list_facts(subject)]
    audiences = [f"{one.who}: {one.sees}; {one.not_seen}" for one in list_audiences(subject)]
    return "\n".join([*facts, *audiences, *(limit.words for limit in list_limits(subject))])


async def test_numbers_are_those_of_the_log(tmp_path: Path) -> None:
    async with small_school(tmp_path) as bench:
        await live(bench, 3)
        subject = explain(bench)
    told = words(subject)
    for expected in (
        f"{BATCH} values of 32 random-looking bytes",
        f"{SLOTS:,} bytes in 1 list",
        "every day, counted from 02:30 UTC",
        "3 cuts so far",
        "3 pages so far",
        "1 document, word for word: granite-hollow/1",
        f"more than {BATCH} copies for one cut wait",
        "there were at most 32 learners",
        encode_log_id(bench.log.state.log_id),
    ):
        assert expected in told, expected
    assert codes(subject, weak=True) == set()
    assert not codes(subject) & {LimitCode.EXTRA_LIST, LimitCode.THEFT}


async def test_a_silent_school_and_a_busy_one_get_the_same_explanation(tmp_path: Path) -> None:
    """It reads nothing private, so it can be shown to anybody."""
    told = []
    for awards in (0, 6):
        (tmp_path / str(awards)).mkdir()
        async with small_school(tmp_path / str(awards)) as bench:
            if awards:
                await award(bench, [f"E{n}" for n in range(awards)])
            await live(bench, 1)
            told.append(words(explain(bench)).replace(encode_log_id(bench.log.state.log_id), "LOG"))
    assert told[0] == told[1]


WEAK: dict[LimitCode, dict[str, object]] = {
    LimitCode.PLAIN_HTTP: {"http_url": "http://granite.example"},
    LimitCode.METRICS_ON_A_PORT: {"metrics_listen": "0.0.0.0:9100"},
}


@pytest.mark.parametrize("code", WEAK, ids=lambda code: code.value)
async def test_each_weakness_of_a_setting_is_told(tmp_path: Path, code: LimitCode) -> None:
    async with small_school(tmp_path) as bench:
        assert codes(explain(bench), weak=True) == set()
        weak = dataclasses.replace(CONFIG, **WEAK[code])  # type: ignore[arg-type]  # real fields
        assert codes(explain(bench, weak), weak=True) == {code}


async def test_cuts_on_command_and_telling_ids_are_weaknesses(tmp_path: Path) -> None:
    async with small_school(tmp_path, interval_ms=0) as bench:
        assert codes(explain(bench), weak=True) == {LimitCode.CUTS_ON_COMMAND}
        subject = explain(bench)
        record = next(iter(subject.own.documents.values()))
        subject.own.documents[DocumentName("autism-unit", 1)] = record
        assert codes(subject, weak=True) == {LimitCode.CUTS_ON_COMMAND, LimitCode.PUBLIC_TEXT}


async def test_a_list_of_a_year_is_expected_and_another_is_told(tmp_path: Path) -> None:
    async with small_school(tmp_path) as bench:
        await live(bench, 1)
        bench.clock.advance(330 * DAY_MS)
        await live(bench, 1)
        subject = explain(bench)
        assert subject.own_lists == (0, 1) and subject.opening_days == 1
        assert LimitCode.EXTRA_LIST not in codes(subject)
        subject.own.lists[bench.log.state.log_id, 2] = SLOTS
        assert LimitCode.EXTRA_LIST in codes(subject)


async def test_a_theft_is_told_and_audiences_are_those_of_the_settings(tmp_path: Path) -> None:
    async with small_school(tmp_path) as bench:
        await live(bench, 1)
        plain = words(explain(bench))
        await steal(bench, KeyRole.ISSUE, bench.log.size)
        assert LimitCode.THEFT in codes(explain(bench))
        more = dataclasses.replace(
            CONFIG,
            metrics_listen="127.0.0.1:9100",
            otlp_endpoint="https://collector.example",
            registrar_listen="0.0.0.0:8472",
            registrar_database="postgresql+psycopg://u@h/d",
        )
        told = words(explain(bench, more))
    assert "on the Unix socket of the private listener" in plain and "registrar.db" in plain
    for expected in ("at 127.0.0.1:9100", "the collector at https://collector.example", "0.0.0.0:8472", "PostgreSQL"):
        assert expected in told and expected not in plain


def test_the_command_asks_a_stopped_node_and_a_running_one_alike(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shell = Shell(capsys, tmp_path)
    directory = shell.found("granite", "school", "--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0")
    stopped = shell("explain-privacy", directory)
    assert stopped.code == 1, "cuts on command"
    assert "What this node gives away and need not:" in stopped.out and "--batch-interval 0" in stopped.out
    assert max(map(len, stopped.out.splitlines())) <= 100
    assert stopped.err.splitlines()[-1].startswith("next: cure what is said above")
    with running(directory, tmp_path / "state"):
        told = json.loads(shell("explain-privacy", directory, "--json").out)
    assert [one["code"] for one in told["limits"] if one["weakness"]] == ["cuts-on-command"]
    assert told["batch"] == {"interval_ms": 0, "minute": 150, "size": 256} and told["most_learners"] == 256
    assert shell("explain-privacy", tmp_path / "nowhere").code == 2


def test_every_limit_is_explained_in_the_docs() -> None:
    page = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    assert [code.value for code in LimitCode if f"| `{code.value}` |" not in page] == []


def test_every_leak_has_its_row_and_its_test() -> None:
    """The table names a file for each of the seventeen, and each file has a test and a control."""
    page = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    folder = ROOT / "tests" / "privacy"
    for number in range(1, 18):
        (row,) = [line for line in page.splitlines() if line.startswith(f"| K{number} ")]
        (file,) = folder.glob(f"test_k{number:02d}_*.py")
        assert f"`{file.name}`" in row
        text = file.read_text(encoding="utf-8")
        assert f"def test_k{number:02d}_" in text and "ontrol" in text
