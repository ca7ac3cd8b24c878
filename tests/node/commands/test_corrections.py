"""Putting right at a real node: selections, previews and questions, keys that follow each other, repair after a theft."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.log.keyfile import LEAST_COST
from node import main
from node.keystore import create_key_file
from tests.node.commands.cli import PASSPHRASE, Said, Shell, running
from tests.node.commands.test_daily_work import DIPLOMA, EXAMPLES, csv_of
from tests.node.school import ROOT, make_draw


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running school with one root key, `root.key`, and the diploma published."""
    folder = tmp_path_factory.mktemp("correcting")
    create_key_file(folder / "root.key", PASSPHRASE, make_draw("root"), cost=LEAST_COST, key=ROOT)
    directory = folder / "granite"
    ports = ("--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0")
    init = ["init", str(directory), "--name", "Granite Hollow High", "--kind", "school", "--origin", "g.example/log"]
    assert main.run([*init, "--root-key", str(folder / "root.key"), "--batch-interval", "0", *ports]) == 0
    with running(directory, folder / "state"):
        assert main.run(["publish", str(directory), str(EXAMPLES / "achievements" / "granite-hollow.json")]) == 0
        yield directory


@pytest.fixture
def issued(shell: Shell, school: Path, tmp_path: Path, request: pytest.FixtureRequest) -> list[str]:
    """Three awards of this test's own."""
    # Learners of each test begin with another letter.
    letter = f"{request.node.name[5:]}-"
    file = csv_of(tmp_path / "issued.csv", *(f"{letter}{number}" for number in range(3)))
    report = json.loads(shell.good("issue", school, "--csv", file, "--achievement", DIPLOMA, "--json"))
    return list(report["issued"])


def states(shell: Shell, school: Path, awards: list[str]) -> list[str]:
    rows = {row["id"]: row["status"] for row in json.loads(shell.good("awards", school, "--json"))}
    return [rows[award] for award in awards]


def test_a_preview_counts_and_changes_nothing(shell: Shell, school: Path, issued: list[str]) -> None:
    """In words and as JSON: how many, of what, what verifiers read, and what can not be undone."""
    said = shell.good("revoke", school, *issued, "--dry-run")
    assert "to be revoked: 3 awards of 3 learners" in said
    assert f"  3  {DIPLOMA}/1" in said
    assert "copies: 3 of ours, 0 in wallets; 3 not on the ledger yet" in said
    assert "verifiers read Was valid, not now (REVOKED), from the next cut on" in said
    assert "this cannot be undone" in said
    told = json.loads(shell.good("suspend", school, *issued, "--dry-run", "--json"))
    assert (sorted(told["changed"]), told["dry_run"], told["learners"]) == (sorted(issued), True, 3)
    assert states(shell, school, issued) == ["valid"] * 3


def test_without_an_answer_nothing_happens(shell: Shell, school: Path, issued: list[str]) -> None:
    """Where nobody can be asked, `--yes` has to be said."""
    said = shell("revoke", school, *issued)
    assert (said.code, "nothing was changed" in said.err, said.out) == (2, True, "")
    assert "to be revoked: 3 awards" in said.err
    assert states(shell, school, issued) == ["valid"] * 3


def test_a_list_decides_all_or_none(shell: Shell, school: Path, issued: list[str], tmp_path: Path) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text("award,why\n" + "".join(f"{award},x\n" for award in issued[:2]))
    assert "revoked: 2 awards" in shell.good("revoke", school, "--list", file, "--yes", "--reason", "a mistake")
    file.write_text("\n".join(issued))
    said = shell("suspend", school, "--list", file, "--yes")
    assert (said.code, "cannot become suspended; nothing was changed" in said.err) == (1, True)
    assert states(shell, school, issued) == ["revoked", "revoked", "valid"]
    said = shell("revoke", school, "--list", tmp_path / "absent", "--yes")
    assert said.code == 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "which awards?"),
        (("--learner", "nobody"), 1, ""),
        (("--issued-since", "tomorrow"), 2, "is not a day"),
        (("--key", "nothing-like-it"), 1, "no key of this log has that id"),
    ],
)
def test_a_selection_has_to_say_something(
    shell: Shell, school: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    said = shell("suspend", school, *words, "--yes")
    assert (said.code, message in said.err) == (code, True)


def test_a_name_is_put_right_everywhere(shell: Shell, school: Path, issued: list[str], tmp_path: Path) -> None:
    """`--set` for a learner; wrong columns and values are told without repeating them."""
    learner = next(
        row["learner_id"] for row in json.loads(shell.good("awards", school, "--json")) if row["id"] == issued[0]
    )
    said = shell.good("replace", school, "--learner", learner, "--set", "name=Fern Underwood", "--yes")
    assert "replaced: 1 award" in said and "from the next cut on" in said
    rows = json.loads(shell.good("awards", school, "--learner", learner, "--json"))
    assert sorted((row["status"], row["name"]) for row in rows)[1] == ("valid", "Fern Underwood")
    for wrong, expected, message in (
        (("--set", "shoe=41"), 2, "nothing that can be corrected"),
        (("--set", "awarded_on=soon"), 1, "awarded_on: not a date"),
        ((), 2, "what shall they say?"),
        (("--set", "name"), 2, "COLUMN=VALUE"),
    ):
        refused = shell("replace", school, issued[1], *wrong, "--yes")
        assert (refused.code, message in refused.err) == (expected, True), refused


def test_a_file_of_corrections_awards_nobody_new(shell: Shell, school: Path, issued: list[str], tmp_path: Path) -> None:
    file = tmp_path / "issued.csv"
    file.write_text(file.read_text().replace("Name ", "Right "))
    tried = shell("replace", school, *issued, "--csv", file, "--dry-run")
    assert (tried.code, "would be replaced: 3" in tried.out) == (0, True)
    new = csv_of(tmp_path / "more.csv", "somebody-new")
    refused = shell("replace", school, issued[0], "--csv", new, "--yes")
    assert (refused.code, "would be new awards" in refused.err) == (1, True)
    assert "replaced: 3" in shell.good("replace", school, *issued, "--csv", file, "--yes")
    assert states(shell, school, issued) == ["replaced"] * 3


def governed(shell: Shell, school: Path, files: list[Path]) -> Said:
    """Sign several proposals in one go, and submit them in order."""
    shell.good("sign", *files, "--key", school.parent / "root.key", *shell.secret, "--yes")
    return shell("submit", school, *files)


def key_in_force(shell: Shell, school: Path, role: str) -> str:
    listed = json.loads(shell.good("key", "list", school, "--json"))
    here = [row for row in listed if row["role"] == role and row["state"].startswith("in force")]
    (found,) = [row["id"] for row in here if row["algorithm"] == "ed25519"]
    return str(found)


@pytest.mark.parametrize("role", ["issue", "register", "operate", "define"])
def test_a_key_follows_another(shell: Shell, school: Path, tmp_path: Path, role: str) -> None:
    """Two proposals, one ceremony; the wrong order is refused; the node is never without a key."""
    old = key_in_force(shell, school, role)
    first, second = tmp_path / "rotate.proposal", tmp_path / "rotate.retire.proposal"
    said = json.loads(shell.good("key", "rotate", school, "--role", role, "-o", first, "--json"))
    assert [row["file"] for row in said] == [str(first), str(second)]
    shell.good("sign", first, second, "--key", school.parent / "root.key", *shell.secret, "--yes")
    refused = shell("submit", school, second)
    assert (refused.code, "is not in force yet" in refused.err) == (1, True)
    done = shell("submit", school, first, second)
    assert (done.code, done.out.count("on the ledger: entry")) == (0, 2), done
    assert key_in_force(shell, school, role) != old
    shell.good("cut", school)


def test_the_log_key_rotates_by_one_statement(shell: Shell, school: Path, tmp_path: Path) -> None:
    impact = shell.good("key", "impact", school, key_in_force(shell, school, "log"))
    assert "is the log key" in impact and "hits nothing" in impact
    said = json.loads(shell.good("key", "rotate", school, "-o", tmp_path / "log.proposal", "--json"))
    assert said["file"] == str(tmp_path / "log.proposal")
    refused = shell("key", "rotate", school, "--key", "abcdefgh", "-o", tmp_path / "x.proposal")
    assert (refused.code, "there is one log key" in refused.err) == (2, True)


def test_a_stolen_credential_key(shell: Shell, school: Path, issued: list[str], tmp_path: Path) -> None:
    """What would be hit is told before; each step names the next, down to the learners' refresh."""
    shell.good("cut", school)
    key = key_in_force(shell, school, "register")
    told = json.loads(shell.good("key", "impact", school, key, "--json"))
    assert told["hit"]["awards"] >= 3 and told["role"] == "register" and told["reissuable"] == 0
    words = shell.good("key", "impact", school, key, "--since", "1")
    assert "KEY_COMPROMISED" in words and "reissue makes new copies" in words
    early = shell("reissue", school, "--key", key, "--yes")
    assert (early.code, "was not declared stolen" in early.err) == (1, True)

    stolen = tmp_path / "stolen.proposal"
    shell.good("key", "compromise", school, key, "--since", "1", "-o", stolen)
    done = governed(shell, school, [tmp_path / "stolen.add.proposal", stolen])
    assert done.err.splitlines()[-1] == f"next: cairn-node reissue {school} --key {key}"
    assert "would be made anew" in shell.good("reissue", school, "--key", key, "--dry-run")
    waiting = shell("reissue", school, "--key", key)
    assert (waiting.code, "add --yes" in waiting.err) == (2, True)
    said = shell("reissue", school, "--key", key, "--yes")
    assert said.code == 0 and "cairn refresh" in said.err.splitlines()[-1]
    shell.good("cut", school)
    assert "nothing to make anew" in shell.good("reissue", school, "--key", key, "--yes")
    assert set(states(shell, school, issued)) == {"valid"}


def test_a_stolen_operate_key(shell: Shell, school: Path, issued: list[str], tmp_path: Path) -> None:
    """No cut before our own entries are stated again; then everything goes on."""
    shell.good("cut", school)
    key = key_in_force(shell, school, "operate")
    told = shell.good("key", "impact", school, key)
    assert "issue, " in told and "of ours, 0 that this node did not make" in told
    stolen = tmp_path / "stolen.proposal"
    shell.good("key", "compromise", school, key, "--since", "2000-01-01", "-o", stolen)
    done = governed(shell, school, [tmp_path / "stolen.add.proposal", stolen])
    assert done.err.splitlines()[-1] == f"next: cairn-node restate {school}"
    refused = shell("cut", school)
    assert (refused.code, "cairn-node restate" in refused.err) == (1, True)
    assert "restate" in shell("status", school).out
    assert "would be stated again" in shell.good("restate", school, "--dry-run")
    said = json.loads(shell.good("restate", school, "--yes", "--json"))
    assert said["restated"] and said["unknown"] == []
    assert "nothing to state again" in shell.good("restate", school, "--yes")
    shell.good("cut", school)
