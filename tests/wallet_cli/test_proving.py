"""Proofs and policies as files: made from a replica, checked without one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.log.identity import encode_log_id
from ledger.log.policy import encode_trust_root
from ledger.log.witness_policy import parse_witness_policy
from tests.wallet_cli.shown import write_replica
from tests.wallet_cli.world import World
from wallet_cli.main import run


class Desk:
    """A folder with a trust root that names witnesses, a replica, and a proof of one entry of the network's log."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.world = World()
        self.world.cut()
        self.trust = replace(self.world.trust, witnesses=self.world.network.state.members.witness_sets[-1].witnesses)
        self.file("trust.json").write_bytes(encode_trust_root(self.trust))
        write_replica(self.world, self.file("replica"))

    def file(self, name: str) -> Path:
        return self.folder / name

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = run([word.replace("@", f"{self.folder}/") for word in words])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def prove(self, *words: str) -> tuple[int, str, str]:
        return self("prove", *words, "--trust", "@trust.json", "--replica", "@replica", "--vault", "@vault")

    def policy(self) -> None:
        assert self("trust", "@trust.json", "--policy", "@x.policy", "--vault", "@vault")[0] == 0


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


CHECK = ("verify-proof", "@a.tlog-proof", "--data", "@a.entry", "--policy", "@x.policy")


def test_a_policy_is_written_beside_the_explanation(desk: Desk) -> None:
    code, out, _ = desk("trust", "@trust.json", "--policy", "@x.policy", "--vault", "@vault")
    assert code == 0
    assert "fingerprint" in out
    policy = parse_witness_policy(desk.file("x.policy").read_bytes())
    assert [log.key.name for log in policy.logs] == [desk.trust.origin]
    assert {witness.key for witness in policy.witnesses} == {
        item.key for item in desk.trust.witnesses if item.log != desk.trust.network
    }
    code, _, err = desk("trust", "@trust.json", "--policy", "@x.policy", "--vault", "@vault")
    assert code == 2
    assert "exists already" in err


def test_a_trust_root_without_witnesses_has_no_policy(desk: Desk) -> None:
    desk.file("bare.json").write_bytes(encode_trust_root(replace(desk.trust, witnesses=())))
    code, _, err = desk("trust", "@bare.json", "--policy", "@x.policy", "--vault", "@vault")
    assert code == 1
    assert "no independent witness" in err
    assert not desk.file("x.policy").exists()


@pytest.mark.parametrize("index", ["0", "3"])
def test_a_proof_is_made_and_holds(desk: Desk, index: str) -> None:
    code, out, err = desk.prove(index, "-o", "@a")
    assert code == 0, err
    assert "a.entry" in out and "a.tlog-proof" in out
    assert desk.file("a.entry").read_bytes() == desk.world.network.entries[int(index)]
    desk.policy()
    code, out, _ = desk(*CHECK)
    assert code == 0
    assert out.startswith(
        f"yes: entry {index} of the {desk.world.network.size} of confluence.example/log, seen by w1, w2"
    )
    code, out, _ = desk(*CHECK[:4], "--trust", "@trust.json", "--json", "--vault", "@vault")
    assert (code, json.loads(out)["index"]) == (0, int(index))


def test_what_does_not_hold_is_a_no(desk: Desk) -> None:
    desk.prove("2", "-o", "@a")
    desk.policy()
    good = desk.file("a.entry").read_bytes()
    desk.file("a.entry").write_bytes(desk.world.network.entries[1])
    code, _, err = desk(*CHECK)
    assert code == 1
    assert "leads to root" in err
    desk.file("a.entry").write_bytes(good)
    strict = desk.file("x.policy").read_text().replace("group majority 2", "group majority 1")
    (line,) = [line for line in strict.splitlines() if line.startswith("log ")]
    desk.file("x.policy").write_text(strict.replace(line + "\n", ""))
    code, _, err = desk(*CHECK)
    assert code == 1
    assert "is not one of its 0 logs" in err


def test_a_members_log_is_not_judged_by_the_trust_root(desk: Desk) -> None:
    code, _, err = desk.prove("0", "--log", encode_log_id(desk.world.school.log_id), "-o", "@a")
    assert code == 0, err
    code, _, err = desk(*CHECK[:4], "--trust", "@trust.json", "--vault", "@vault")
    assert code == 1
    assert "granite.example/log is not one of its 1 logs" in err


def test_what_cannot_be_read_or_proven(desk: Desk) -> None:
    assert desk.prove("9999", "-o", "@a")[0] == 1
    assert desk.prove("0", "--log", encode_log_id(type(desk.trust.network)(bytes(32))), "-o", "@a")[0] == 1
    assert desk.prove("0", "-o", "@a")[0] == 0
    code, _, err = desk.prove("0", "-o", "@a")
    assert code == 2
    assert "exists already" in err
    desk.policy()
    desk.file("b.tlog-proof").write_bytes(b"nonsense")
    assert desk("verify-proof", "@b.tlog-proof", *CHECK[2:])[0] == 2
    assert desk(*CHECK[:2], "--data", "@gone", *CHECK[4:])[0] == 2
    assert desk(*CHECK[:4], "--policy", "@a.entry")[0] == 2
    assert desk(*CHECK, "--trust", "@trust.json")[0] == 2
