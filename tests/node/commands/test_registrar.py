"""A registrar at another computer: real processes, from the invitation to the trail."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.log.keyfile import LEAST_COST
from node import main
from node.config import change_config
from node.keystore import create_key_file
from tests.node.commands.cli import PASSPHRASE, Said, Shell, running
from tests.node.commands.test_daily_work import DIPLOMA, EXAMPLES, REPOSITORY, csv_of
from tests.node.school import ROOT, make_draw


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running school that lets registrars in, where revoking needs two people."""
    folder = tmp_path_factory.mktemp("remote")
    create_key_file(folder / "root.key", PASSPHRASE, make_draw("root"), cost=LEAST_COST, key=ROOT)
    directory = folder / "granite"
    ports = ("--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0")
    init = ["init", str(directory), "--name", "Granite Hollow High", "--kind", "school", "--origin", "g.example/log"]
    assert main.run([*init, "--root-key", str(folder / "root.key"), "--batch-interval", "0", *ports]) == 0
    file = directory / "node.toml"
    file.write_text(change_config(file.read_text(), registrar_listen="127.0.0.1:0", four_eyes=("revoke",)))
    with running(directory, folder / "state"):
        assert main.run(["publish", str(directory), str(EXAMPLES / "achievements" / "granite-hollow.json")]) == 0
        yield directory


class Elsewhere:
    """Another computer: processes with a home of their own, which know nothing of the node's directory."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.address = ""
        home.mkdir()

    def __call__(self, *words: str | Path, remote: bool = True) -> Said:
        place = ["--registrar", self.address] if remote else []
        run = subprocess.run(
            [sys.executable, "-m", "node.main", *map(str, words), *place],
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Said(run.returncode, run.stdout, run.stderr)

    def good(self, *words: str | Path, remote: bool = True) -> str:
        said = self(*words, remote=remote)
        assert said.code == 0, said
        assert said.err.splitlines()[-1].startswith("next: ")
        return said.out

    def accept(self, shell: Shell, school: Path, *roles: str, name: str = "Ana Ruiz") -> str:
        """Be invited and accept; returns the person's id."""
        file = self.home / "invitation"
        chosen = [word for role in roles for word in ("--role", role)]
        made = json.loads(shell.good("registrar", "invite", school, "--name", name, *chosen, "-o", file, "--json"))
        assert file.stat().st_mode & 0o777 == 0o600
        accepted = json.loads(self.good("registrar", "accept", file, "--json", remote=False))
        assert accepted["authority"] == made["authority"]
        assert accepted["person"] == made["person"]
        self.address = accepted["address"]
        person: str = made["person"]
        return person


def test_from_the_invitation_to_the_trail(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Invite, accept, issue, offer, revoke with a second person, trail, remove: the same commands, elsewhere."""
    ana = Elsewhere(tmp_path / "ana")
    person = ana.accept(shell, school, "registrar")
    again = ana("registrar", "accept", ana.home / "invitation", remote=False)
    assert again.code == 1 and "has a certificate for" in again.err
    file = csv_of(ana.home / "june.csv", "R1", "R2")
    said = ana.good("issue", "--csv", file, "--achievement", DIPLOMA)
    assert "awarded: 2" in said
    listed = json.loads(ana.good("awards", "--learner", "R1", "--json"))
    award = listed[0]["id"]
    assert "2 copies went on the ledger" in ana.good("cut")
    status = ana("status")
    assert status.code == 1 and "Granite Hollow High is running" in status.out
    assert json.loads(ana("status", "--json").out)["head"] is None
    assert "1 page" in ana.good("offer", award, "--sheet", ana.home / "claims.html")
    published = ana("publish", EXAMPLES / "achievements" / "granite-hollow.json")
    assert published.code == 1
    assert (
        f"person {person} (registrar) may not publish documents; roles that may: publisher, operator" in published.err
    )

    waiting = ana("revoke", award, "--yes", "--reason", "issued to the wrong person")
    assert waiting.code == 3 and waiting.err.splitlines()[-1].startswith("next: another person")
    proposal = json.loads(ana("revoke", award, "--yes", "--reason", "issued to the wrong person", "--json").out)[
        "proposal"
    ]
    assert proposal in waiting.out
    assert proposal in shell.good("registrar", "proposals", school)
    assert "reason: issued to the wrong person" in shell.good("registrar", "show", school, proposal)
    own = ana("registrar", "approve", proposal)
    assert own.code == 1 and "may not approve" in own.err
    assert "changed: 1" in shell.good("registrar", "approve", school, proposal)
    assert json.loads(ana.good("awards", "--learner", "R1", "--json"))[0]["status"] == "revoked"
    assert proposal not in shell.good("registrar", "proposals", school)
    assert "approved by uid:" in shell.good("registrar", "proposals", school, "--all")

    rows = json.loads(shell.good("registrar", "trail", school, "--json"))["rows"]
    theirs = [(row["call"], row["outcome"], row["awards"]) for row in rows if row["who"] == person]
    assert ("Registrar.Issue", "done", 2) in theirs
    assert ("Registrar.Publish", "refused", 0) in theirs
    assert ("Registrar.Decide", "proposed", 0) in theirs
    assert ("Registrar.Decide", "tried", 0) in theirs
    (approved,) = [row for row in rows if row["call"] == "People.Approve" and row["outcome"] == "done"]
    assert approved["award_ids"] == [award]
    assert "newest: row" in shell.good("registrar", "trail", school, "--since", "2020-01-01")
    assert "nothing was done" in shell.good("registrar", "trail", school, "--since", "2199-01-01")

    assert "let in" in shell.good("registrar", "list", school)
    assert f"removed: person {person}" in shell.good("registrar", "remove", school, person)
    refused = ana("awards")
    assert refused.code == 1
    assert f"person {person}: was removed from this node" in refused.err
    assert "removed" in shell.good("registrar", "list", school)
    log = school.with_name(f"{school.name}.log").read_text()
    assert f"person={person} reason=removed" in log
    assert "Ruiz" not in log and "Name R1" not in log


def test_an_operator_elsewhere_lets_people_in(shell: Shell, school: Path, tmp_path: Path) -> None:
    """With the role, everything about people works from another computer too."""
    chief, bo = Elsewhere(tmp_path / "chief"), Elsewhere(tmp_path / "bo")
    chief.accept(shell, school, "operator", name="Cy")
    file = bo.home / "invitation"
    invite = ("registrar", "invite", "--name", "Bo Marsh", "--role", "reader", "--role", "approver", "-o", file)
    assert "approver, reader" in chief.good(*invite)
    assert "exists already" in chief(*invite).err
    made = bo.good("registrar", "accept", file, "--to", bo.home / "certs", "--json", remote=False)
    bo.address = json.loads(made)["address"]
    elsewhere = bo("awards")
    assert elsewhere.code == 1 and "has no certificate for it" in elsewhere.err
    bo.good("awards", "--certificates", bo.home / "certs")
    bo.good("registrar", "trail", "--certificates", bo.home / "certs")
    assert bo("registrar", "list", "--certificates", bo.home / "certs").code == 1
    people = json.loads(chief.good("registrar", "list", "--json"))
    assert [one["roles"] for one in people if one["name"] == "Bo Marsh"] == [["approver", "reader"]]


def test_a_proposal_is_rejected(shell: Shell, school: Path, tmp_path: Path) -> None:
    ana = Elsewhere(tmp_path / "ana")
    ana.accept(shell, school, "registrar")
    ana.good("issue", "--csv", csv_of(ana.home / "x.csv", "J1"), "--achievement", DIPLOMA)
    award = json.loads(ana.good("awards", "--learner", "J1", "--json"))[0]["id"]
    proposal = json.loads(ana("revoke", award, "--yes", "--json").out)["proposal"]
    assert json.loads(shell.good("registrar", "show", school, proposal, "--json"))["state"] == "waiting"
    assert "rejected: proposal" in shell.good("registrar", "reject", school, proposal)
    said = shell("registrar", "approve", school, proposal)
    assert said.code == 1 and "was rejected before" in said.err
    assert json.loads(ana.good("awards", "--learner", "J1", "--json"))[0]["status"] == "valid"


def test_a_trail_that_was_changed_is_found(shell: Shell, school: Path) -> None:
    """Exit code 1, and the row is named. Run last: the trail stays broken."""
    import sqlite3

    with sqlite3.connect(school / "registrar.db") as database:
        database.execute("UPDATE trail SET who = 'nobody' WHERE number = 2")
    said = shell("registrar", "trail", school)
    assert said.code == 1
    assert "row 2 does not follow from the one before it" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("awards",), "missing argument 'DIR'"),
        (("awards", "DIR", "--certificates", "x"), "--certificates belongs to --registrar"),
        (("awards", "DIR", "--registrar", "127.0.0.1:1"), "unexpected extra argument (DIR)"),
        (("registrar", "invite", "DIR", "--name", "A", "--role", "king", "-o", "x"), "'king' is not one of"),
        (("registrar", "trail", "DIR", "--since", "yesterday"), "'yesterday' does not match the format"),
    ],
)
def test_what_cannot_be_meant_is_told(shell: Shell, words: tuple[str, ...], said: str) -> None:
    answer = shell(*words)
    assert answer.code == 2
    assert said in answer.err


def test_an_invitation_that_is_none_is_told(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"format": "something"}')
    said = shell("registrar", "accept", tmp_path / "x", "--to", tmp_path)
    assert said.code == 2 and "not a file of the format" in said.err
    assert shell("registrar", "accept", tmp_path / "gone").code == 2
