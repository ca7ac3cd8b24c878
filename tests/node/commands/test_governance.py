"""trust export, join, member propose, key, peer and sign, with no node running."""

import json
from pathlib import Path

import pytest

from ledger import canonical
from ledger.log.keyfile import LEAST_COST
from ledger.log.policy import QuorumRule, parse_trust_root
from node.keystore import create_key_file
from tests.node.commands.cli import PASSPHRASE, Shell
from tests.node.school import make_draw


@pytest.fixture
def founded(shell: Shell, tmp_path: Path) -> tuple[Path, Path]:
    """A network and a school that has asked it for membership (school.request)."""
    network = shell.found("network", "network", "--grpc", "network.example:443", threshold=2)
    school = shell.found("school")
    shell.good("trust", "export", network, "--quorum", "none", "-o", tmp_path / "trust.json")
    shell.good("join", school, "--trust", tmp_path / "trust.json", "-o", tmp_path / "school.request")
    return network, school


def test_a_founding_trust_root_has_no_quorum(shell: Shell, tmp_path: Path) -> None:
    """Without witnesses only `quorum none` can be exported, and it is said what that means."""
    network = shell.found("network", "network")
    refused = shell("trust", "export", network, "-o", tmp_path / "t.json")
    assert refused.code == 1
    assert "no witness is in force yet" in refused.err
    shell.good("trust", "export", network, "--quorum", "none", "-o", tmp_path / "t.json")
    trust = parse_trust_root((tmp_path / "t.json").read_bytes())
    assert (trust.quorum, trust.head_size, trust.witnesses) == (QuorumRule.NONE, 1, ())
    assert shell("trust", "export", network, "--quorum", "none", "-o", tmp_path / "t.json").code == 2


def test_a_school_exports_no_trust_root_of_its_own(shell: Shell, tmp_path: Path) -> None:
    """Before it joined there is nothing to export."""
    said = shell("trust", "export", shell.found("school"), "-o", tmp_path / "t.json")
    assert (said.code, "this node belongs to no network" in said.err) == (1, True)


def test_join_keeps_the_trust_root(shell: Shell, founded: tuple[Path, Path], tmp_path: Path) -> None:
    """The node follows the network from then on; asking again changes nothing older."""
    _, school = founded
    (kept,) = (school / "networks").glob("*.json")
    assert kept.read_bytes() == (tmp_path / "trust.json").read_bytes()
    assert json.loads(shell.good("peer", "list", school, "--json")) == [
        {"address": "network.example:443", "because": "trust root of Network"}
    ]
    # Whoever follows one network need not name it again.
    again = shell("join", school, "-o", tmp_path / "again.request")
    assert again.code == 0 and "asks to become a member of Network" in again.out
    asked_twice = shell("join", school, "--trust", tmp_path / "trust.json", "-o", tmp_path / "school.request")
    assert (asked_twice.code, "exists already" in asked_twice.err) == (2, True)


def test_a_school_must_say_which_network(shell: Shell, tmp_path: Path) -> None:
    """Only a network asks itself."""
    said = shell("join", shell.found("school"), "-o", tmp_path / "r")
    assert (said.code, "which network?" in said.err) == (2, True)
    shell.good("join", shell.found("network", "network"), "-o", tmp_path / "r")


def test_a_proposal_goes_from_signer_to_signer(shell: Shell, founded: tuple[Path, Path], tmp_path: Path) -> None:
    """Each signer reads the words; two of three suffice; without a running node it cannot be submitted."""
    network, _ = founded
    proposal = tmp_path / "admit.proposal"
    said = shell.good(
        "member", "propose", network, "--admit", tmp_path / "school.request", "--rights", "granite-hollow", "lantern",
        "--type", "Course", "-o", proposal,
    )  # fmt: skip
    assert "may issue achievement lantern" in said
    keys = shell.governor_keys()
    first = json.loads(shell.good("sign", proposal, "--key", keys[0], *shell.secret, "--yes", "--json"))
    assert (first["signatures"], first["missing"]) == (1, 1)
    assert "may issue achievements of type Course" in first["words"]
    early = shell("submit", network, proposal)
    assert (early.code, "1 have signed, 1 more must" in early.err) == (1, True)
    assert "0 more needed" in shell.good("sign", proposal, "--key", keys[2], *shell.secret, "--yes")
    stopped = shell("submit", network, proposal)
    assert (stopped.code, "no node runs here" in stopped.err) == (3, True)


def test_nobody_signs_unasked(shell: Shell, founded: tuple[Path, Path], tmp_path: Path) -> None:
    """Without a terminal the answer must be given in advance, and a stranger's key is refused."""
    network, _ = founded
    proposal = tmp_path / "p"
    shell.good("member", "propose", network, "--admit", tmp_path / "school.request", "--rights", "*", "-o", proposal)
    before = proposal.read_bytes()
    said = shell("sign", proposal, "--key", shell.governor_keys()[0], *shell.secret)
    assert (said.code, "add --yes after reading" in said.err) == (2, True)
    create_key_file(tmp_path / "stranger.key", PASSPHRASE, make_draw("stranger"), cost=LEAST_COST)
    said = shell("sign", proposal, "--key", tmp_path / "stranger.key", *shell.secret, "--yes")
    assert (said.code, "none of the 3 that may sign" in said.err) == (1, True)
    assert proposal.read_bytes() == before


def test_an_altered_proposal_is_not_signed(shell: Shell, founded: tuple[Path, Path], tmp_path: Path) -> None:
    """Words that do not follow from the bytes are refused before anything is shown as true."""
    network, _ = founded
    proposal = tmp_path / "p"
    shell.good("member", "propose", network, "--admit", tmp_path / "school.request", "--rights", "*", "-o", proposal)
    value = canonical.parse(proposal.read_bytes().rstrip(b"\n"), max_bytes=10**6)
    value["words"] = ["admit a member", "may issue nothing"]
    proposal.write_bytes(canonical.encode(value))
    said = shell("sign", proposal, "--key", shell.governor_keys()[0], *shell.secret, "--yes")
    assert (said.code, said.out) == (1, "")
    assert "its words are not what its statement says" in said.err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "say one of --admit"),
        (("--admit", "r", "--remove", "School"), "say one of --admit"),
        (("--suspend", "School", "--rights", "*"), "--suspend takes no rights"),
        (("--amend", "School"), "--amend needs the complete new rights"),
        (("--suspend", "Nobody"), "no member is called that"),
        (("--admit", "missing.request", "--rights", "*"), "no such file"),
    ],
)
def test_member_propose_says_what_is_missing(shell: Shell, tmp_path: Path, words: tuple[str, ...], error: str) -> None:
    """Nothing is written when the command makes no sense."""
    said = shell("member", "propose", shell.found("network", "network"), *words, "-o", tmp_path / "p")
    assert said.code in (1, 2)
    assert error in said.err
    assert not (tmp_path / "p").exists()


def test_keys_are_listed_and_proposed(shell: Shell, tmp_path: Path) -> None:
    """A new key is made once, however often it is proposed; roots are never here."""
    school = shell.found("school")
    listed = json.loads(shell.good("key", "list", school, "--json"))
    roles = ["operate", "issue", "register", "define", "issue", "register", "log", "witness", *["root"] * 3]
    assert [row["role"] for row in listed] == roles
    assert [row["algorithm"] for row in listed] == ["ed25519"] * 4 + ["p256"] * 2 + ["ed25519"] * 5
    assert [row["here"] for row in listed] == [True] * 8 + [False] * 3
    shell.good("key", "add", school, "--role", "issue", "-o", tmp_path / "one")
    shell.good("key", "add", school, "--role", "issue", "-o", tmp_path / "two")
    shell.good("key", "add", school, "--role", "issue", "--p256", "-o", tmp_path / "p256")
    assert shell("key", "add", school, "--role", "operate", "--p256", "-o", tmp_path / "none").code == 2
    names = ["issue-2.key", "issue.key", "issue_p256-2.key", "issue_p256.key"]
    assert sorted(path.name for path in (school / "keys").glob("issue*")) == names
    issue = listed[1]["id"]
    assert "take a key out of force" in shell.good("key", "retire", school, issue[:8], "-o", tmp_path / "three")
    said = shell.good("key", "compromise", school, issue, "--since", "0", "-o", tmp_path / "four")
    assert "void from entry 0 on" in said
    shell.good("key", "rotate", school, "-o", tmp_path / "five")
    roots = ("--root-key", *shell.governor_keys()[:2], "--threshold", "2")
    assert "2 of these 2 decide" in shell.good("key", "replace-roots", school, *roots, "-o", tmp_path / "six")
    unknown = shell("key", "retire", school, "AAAAAAAA", "-o", tmp_path / "seven")
    assert (unknown.code, "no key of this log has that id" in unknown.err) == (1, True)


def test_peers_stand_in_node_toml(shell: Shell) -> None:
    """Adding twice is once; comments of the file stay; what is not there cannot be removed."""
    school = shell.found("school")
    comments = [line for line in (school / "node.toml").read_text().splitlines() if line.startswith("#")]
    for _ in range(2):
        shell.good("peer", "add", school, "ledger.example:8471")
    assert json.loads(shell.good("peer", "list", school, "--json")) == [
        {"address": "ledger.example:8471", "because": "node.toml names it"}
    ]
    shell.good("peer", "remove", school, "ledger.example:8471")
    assert shell("peer", "remove", school, "ledger.example:8471").code == 1
    assert shell("peer", "add", school, "no port").code == 2
    assert [line for line in (school / "node.toml").read_text().splitlines() if line.startswith("#")] == comments


def test_status_of_a_node_that_does_not_run(shell: Shell) -> None:
    """It says so, with the size of the log, and exits with 3."""
    said = shell("status", shell.found("school"))
    assert said.code == 3
    assert "School is not running" in said.out
