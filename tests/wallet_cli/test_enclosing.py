"""Proofs enclosed in a presentation: for a receiver with no ledger or an old one; and what is said where there are none."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.credential.presentation import parse_presentation
from ledger.credential.report import Answer, Code
from ledger.credential.verify import Question, verify_file
from ledger.credential.verify_standalone import verify_file_alone
from ledger.errors import PolicyError
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from tests.simulator import NOW, SimulatedLedger
from tests.wallet_cli.shown import AUDIENCE, DAY, NONCE, show, write_replica
from tests.wallet_cli.test_present import copy_on_ledger
from tests.wallet_cli.world import World, write_trust
from wallet_cli import present
from wallet_cli.choice import Choice
from wallet_cli.held import HeldLedger
from wallet_cli.holdings import Contents, Copy
from wallet_cli.main import run


def make(copy: Copy, held: HeldLedger | None) -> tuple[bytes, list[str]]:
    request = present.make_request(AUDIENCE, NONCE, "", 30, (), now=NOW)
    contents = Contents().with_holding((copy,))
    selected = present.select(contents, [Choice("c1", ("name",))], request.audience, request.created)
    enclosed = present.enclose_proofs(selected, held)
    return present.build(enclosed, request), list(present.explain(enclosed, request))


def pinned(world: World) -> TrustRoot:
    return replace(world.trust, witnesses=world.network.state.members.witness_sets[-1].witnesses)


def test_a_receiver_with_a_trust_root_alone_checks_seven_steps() -> None:
    world = World()
    data, words = make(copy_on_ledger(world, 1), world.held)
    question = Question(now=NOW + 60_000, audience=AUDIENCE, nonce=NONCE)
    (report,) = verify_file_alone(data, pinned(world), question).credentials
    assert [step.answer for step in report.steps[:7]] == [Answer.YES] * 7
    assert report.code is Code.INCOMPLETE
    assert any("proof:  enclosed: its place on the ledger, as 2 witnesses had seen it by" in line for line in words)
    assert any("proof:  enclosed: its status, as 2 witnesses" in line for line in words)
    assert len(data) < 16_000


def test_a_receiver_with_an_old_replica_reads_the_newer_status() -> None:
    world = World()
    copy = copy_on_ledger(world, 1)
    old = [log.copy() for log in (world.network, world.school, world.other)]
    for log in old:
        log.state = log.state.copy()
    world.statuses[0] = 1
    world.cut()
    data, _ = make(copy, world.held)
    question = Question(now=NOW + 60_000, audience=AUDIENCE, nonce=NONCE)
    (report,) = verify_file(data, Network(world.trust, SimulatedLedger(*old)), question).credentials
    assert report.code is Code.REVOKED
    assert "which the file brings" in report.steps[10].detail


def test_nothing_is_held() -> None:
    with pytest.raises(PolicyError, match="no ledger is held here") as caught:
        make(copy_on_ledger(World(), 1), None)
    assert "cairn sync" in caught.value.hint


def test_a_copy_that_waits_has_nothing_to_prove() -> None:
    world = World()
    waiting = replace(copy_on_ledger(world, 1), receipt=None)
    data, words = make(waiting, world.held)
    (credential,) = parse_presentation(data).credentials
    assert (credential.proof, credential.status) == (None, None)
    assert any("not on the ledger yet, so no proof" in line for line in words)


def test_a_replica_that_is_behind_says_so() -> None:
    """The batch is above what is held: the file is made without that proof, and the learner is told what to do."""
    world = World()
    held = world.held
    data, words = make(copy_on_ledger(world, 1), held)
    (credential,) = parse_presentation(data).credentials
    assert credential.proof is None
    assert any("no proof of its place can be enclosed" in line and "cairn sync" in line for line in words)


def test_a_log_that_does_not_end_with_a_page_encloses_no_status() -> None:
    world = World()
    copy = copy_on_ledger(world, 1)
    world.school.anchor()
    world.school.sign([world.network, world.other])
    data, words = make(copy, world.held)
    (credential,) = parse_presentation(data).credentials
    assert credential.proof is not None
    assert credential.status is None
    assert any("does not end with a status page" in line for line in words)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A receiver's computer with a trust root and no replica."""
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: NOW + DAY)
    world = World()
    world.trust = pinned(world)
    (tmp_path / "enclosed.cairn").write_bytes(make(copy_on_ledger(world, 1), world.held)[0])
    (tmp_path / "bare.cairn").write_bytes(show(world))
    write_trust(world, tmp_path / "trust.json")
    write_replica(world, tmp_path / "elsewhere")
    return tmp_path


def verify(desk: Path, *words: str) -> list[str]:
    asked = ["--audience", AUDIENCE, "--nonce", NONCE, "--trust", str(desk / "trust.json")]
    return ["verify", *words, *asked, "--vault", str(desk / "vault")]


def test_the_command_judges_without_a_replica(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verify(desk, str(desk / "enclosed.cairn"), "--no-replica", "--json")) == 3
    (file,) = json.loads(capsys.readouterr().out)["files"]
    steps = {step["number"]: step["answer"] for step in file["credentials"][0]["steps"]}
    assert {steps[number] for number in range(1, 8)} == {"yes"}
    assert {steps[number] for number in range(8, 12)} == {"could_not_check"}


def test_a_bare_file_is_told_what_it_lacks(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verify(desk, str(desk / "bare.cairn"), "--no-replica")) == 3
    assert "cairn present --offline" in capsys.readouterr().out


def test_without_the_option_a_missing_replica_is_an_error_that_names_it(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(verify(desk, str(desk / "enclosed.cairn"))) == 3
    assert "--no-replica" in capsys.readouterr().err


@pytest.mark.parametrize("other", [("--replica", "elsewhere"), ("--node", "http://127.0.0.1:1"), ("--attest", "x")])
def test_it_goes_with_no_replica(desk: Path, other: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verify(desk, str(desk / "enclosed.cairn"), "--no-replica", *other)) == 2
    assert "goes with none of" in capsys.readouterr().err
