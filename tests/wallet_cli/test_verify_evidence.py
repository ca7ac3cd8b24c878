"""`cairn verify-evidence`: what a regulator types, with nothing but a file, with a trust root, with a replica."""

import json
from pathlib import Path

import pytest

from ledger.log.evidence import ForkEvidence, encode_fork, parse_fork
from ledger.log.forkfile import encode_fork_file, make_fork_file, parse_fork_file
from ledger.log.governance import MemberOp
from ledger.log.note import encode_note, parse_note
from ledger.log.policy import encode_trust_root
from tests.ledger.log.networks import World, evidence, forked, taken_over
from tests.ledger.log.samples import fresh_key, rotate
from tests.wallet_cli.shown import write_logs
from wallet_cli.main import run
from wallet_cli.replica_writer import ReplicaWriter


class Regulator:
    """Somebody with a folder and, at first, one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World()
        world = self.world
        self.other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
        self.piece = evidence(world.granite, self.other, 4)
        self.file = folder / "granite.fork"
        self.file.write_bytes(encode_fork_file(make_fork_file(world.granite, [self.piece])))

    def trust(self) -> Path:
        path = self.folder / "trust.json"
        path.write_bytes(encode_trust_root(self.world.trust))
        return path

    def replica(self) -> Path:
        world = self.world
        world.network.sign([world.granite, world.lantern, world.tidewater])
        return write_logs(self.folder / "replica", world.everybody())

    def judge(self, file: Path | None = None, *options: object) -> int:
        home = ["--vault", self.folder / "home" / "vault"]
        return run(["verify-evidence", *map(str, [file or self.file, *home, *options])])

    def write(self, data: bytes) -> Path:
        path = self.folder / "given"
        path.write_bytes(data)
        return path


@pytest.fixture
def regulator(tmp_path: Path) -> Regulator:
    return Regulator(tmp_path)


def test_the_file_alone_is_enough(regulator: Regulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert regulator.judge() == 0
    text = capsys.readouterr().out
    assert "Proven: two histories of the log of Granite (granite.example/log) were signed" in text
    assert "the log's own charter" in text
    assert "share the first 4 entries: that is proven here" in text
    assert "lantern.example/witness, tidewater.example/witness" in text
    assert "nothing tells when" in text and "not known here; a replica tells" in text
    assert "who did it" in text


def test_a_trust_root_tells_which_cosignatures_are_real(
    regulator: Regulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regulator.judge(None, "--trust", regulator.trust()) == 0
    text = capsys.readouterr().out
    assert text.count("cosigned by lantern.example/witness, 2026-06-09") == 2
    assert text.count("2 independent cosignatures, 2 needed: enough to count") == 2
    assert "Recorded below entry 4: they stay good" in text and "FORKED_LOG" in text


def test_a_replica_tells_what_the_network_decided(regulator: Regulator, capsys: pytest.CaptureFixture[str]) -> None:
    world = regulator.world
    decision = world.network.member(world.granite, MemberOp.AMEND)
    options = ("--trust", regulator.trust(), "--replica", regulator.replica(), "--json")
    assert regulator.judge(None, *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["proven"], told["network"], told["is_member"]) == (True, "Confluence", True)
    (fork,) = told["forks"]
    assert (fork["begins"], fork["common"], fork["alarm_only"], fork["decided_by"]) == (4, 4, False, decision.index)
    assert regulator.judge(None, *options[:-1]) == 0
    assert f"The network has decided, in entry {decision.index}" in capsys.readouterr().out


def test_where_it_begins_without_proof_is_what_was_anchored(
    regulator: Regulator, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = parse_fork(regulator.piece)
    file = regulator.write(encode_fork(ForkEvidence(bare.first, bare.second)))
    options = ("--trust", regulator.trust(), "--replica", regulator.replica())
    assert regulator.judge(file, *options) == 0
    text = capsys.readouterr().out
    assert "taken as shared are the first 1 entry, recorded by the network before. From entry 1 on" in text
    assert "a key that the log held here names as its own" in text


def test_a_branch_with_too_few_cosignatures_is_an_alarm(
    regulator: Regulator, capsys: pytest.CaptureFixture[str]
) -> None:
    piece = parse_fork(regulator.piece)
    note = parse_note(piece.second)
    weak = encode_note(note.text, note.signatures[:1])
    evidence = encode_fork(ForkEvidence(piece.first, weak, None, piece.common))
    file = regulator.write(encode_fork_file(make_fork_file(regulator.world.granite, [evidence])))
    assert regulator.judge(file, "--trust", regulator.trust()) == 0
    text = capsys.readouterr().out
    assert "0 independent cosignatures, 2 needed: too few to count" in text
    assert "no credential changes" in text
    assert "The institution should replace it" in text
    # The trust root may be from before the witnesses that make it count: what it says is told as what it is.
    assert "by the witnesses your trust root names" in text
    assert regulator.judge(file, "--trust", regulator.trust(), "--replica", regulator.replica()) == 0
    assert "by the witnesses your trust root names" not in capsys.readouterr().out


def test_an_alarm_about_a_key_that_was_replaced_since_asks_for_nothing_more(
    regulator: Regulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a log was taken away from its host: the old host's key went on signing."""
    world = World()
    host, _ = taken_over(world, [world.network, world.lantern])
    file = regulator.write(encode_fork_file(make_fork_file(world.granite, [evidence(world.granite, host, 4)])))
    assert regulator.judge(file, "--trust", regulator.trust()) == 0
    text = capsys.readouterr().out
    assert "From entry 4 on they differ." in text and "in doubt" not in text
    assert "root keys have replaced" in text and "should replace it" not in text


def test_a_file_that_was_cut_off_is_named_with_what_to_do(
    regulator: Regulator, capsys: pytest.CaptureFixture[str]
) -> None:
    file = regulator.write(regulator.file.read_bytes()[:900])
    assert regulator.judge(file) == 2
    error = capsys.readouterr().err
    assert f"{file}: " in error and "ask whoever gave it to you" in error


def test_a_bare_piece_needs_to_know_the_key(regulator: Regulator, capsys: pytest.CaptureFixture[str]) -> None:
    file = regulator.write(regulator.piece)
    assert regulator.judge(file) == 3
    assert regulator.judge(file, "--trust", regulator.trust()) == 3
    error = capsys.readouterr().err
    assert "nothing here says which key signs for granite.example/log" in error and "cairn-node evidence" in error


def test_a_trust_root_knows_the_key_of_its_network(regulator: Regulator, capsys: pytest.CaptureFixture[str]) -> None:
    network = regulator.world.network
    other = network.copy()
    network.publish("one")
    other.publish("two")
    file = regulator.write(evidence(network, other, network.size - 1) + b"\n")
    trust = regulator.trust()
    assert regulator.judge(file, "--trust", trust) == 0
    assert "the key that your trust root names" in capsys.readouterr().out
    rotate(network, fresh_key(network, "later"))
    late = network.copy()
    network.publish("three")
    late.publish("four")
    later = regulator.write(evidence(network, late, None))
    assert regulator.judge(later, "--trust", trust) == 3
    assert "may have changed since" in capsys.readouterr().err


def test_what_proves_nothing_is_a_true_no(regulator: Regulator, capsys: pytest.CaptureFixture[str]) -> None:
    piece = parse_fork(regulator.piece)
    file = parse_fork_file(regulator.file.read_bytes())
    same = type(file)(file.charter, file.keys, (ForkEvidence(piece.first, piece.first),))
    assert regulator.judge(regulator.write(encode_fork_file(same))) == 1
    assert "Not proven" in capsys.readouterr().out
    assert regulator.judge(regulator.write(encode_fork_file(same)), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["proven"] is False and "one history contradicts nothing" in told["reason"]


@pytest.mark.parametrize("data", [b"", b"hello", b"{}", b'{"format":"cairn/fork-file/v2"}', b"[1]"])
def test_what_cannot_be_read(regulator: Regulator, data: bytes) -> None:
    assert regulator.judge(regulator.write(data)) == 2


def test_a_replica_that_is_named_must_be_there(regulator: Regulator) -> None:
    assert regulator.judge(None, "--trust", regulator.trust(), "--replica", regulator.folder / "nowhere") == 3


def test_names_from_a_log_cannot_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    regulator = Regulator(tmp_path)
    regulator.world.granite.state.name = "evil\x1b[2J"
    from wallet_cli.evidence import judge_evidence
    from wallet_cli.evidence_words import to_lines
    from wallet_cli.terminal import escape

    finding = judge_evidence(regulator.piece, regulator.world.trust, regulator.world.look())
    assert "\x1b" not in "".join(escape(line) for line in to_lines(finding))


def test_a_replica_hands_on_what_it_holds(regulator: Regulator, capsys: pytest.CaptureFixture[str]) -> None:
    """What was fetched with the logs, as a file that stands alone."""
    replica, output = regulator.replica(), regulator.folder / "out.fork"
    home = ["--vault", str(regulator.folder / "home" / "vault"), "--trust", str(regulator.trust())]
    base = ["evidence", *home, "--replica", str(replica)]
    assert run(base) == 1
    assert "no proof of two histories is held here" in capsys.readouterr().out
    with ReplicaWriter(replica) as writer:
        writer.add_evidence(regulator.world.granite.log_id, regulator.piece)
    assert run(base) == 0
    assert "Granite (granite.example/log): two histories were signed; they share the first 4" in capsys.readouterr().out
    assert run([*base, "--log", "Lantern"]) == 1
    assert run([*base, "-o", str(output)]) == 0
    assert regulator.judge(output) == 0
    assert run([*base, "-o", str(output)]) == 2
    assert run([*base, "-o", str(output), "--force", "--json"]) == 0
