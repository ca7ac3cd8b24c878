"""Evidence that stands on logs: whoever holds the log holds what it reports, within bounds."""

import pytest

from ledger.log.audit import audit_network, look
from ledger.log.body import describe_body
from ledger.log.charter import Role
from ledger.log.finding import Rule, Severity
from ledger.log.network import Network
from ledger.log.records import EvidenceEntry
from ledger.log.reports import MAX_REPORT_BYTES, MAX_REPORTS, origin_of, read_reports
from tests.ledger.log.networks import World, evidence, forked
from tests.simulator import SimulatedLog


def report(log: SimulatedLog, pieces: list[bytes]) -> None:
    """An `evidence` entry on this log."""
    statement = EvidenceEntry(**log.header(), reference=describe_body("evidence", pieces))  # type: ignore[arg-type]
    log.append(statement, [log.role_signers[Role.OPERATE]], pieces)


def beset() -> tuple[World, bytes]:
    """Granite forked with two quorums, and nobody has the evidence but on the ledger."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    return world, evidence(world.granite, other, 4)


@pytest.mark.parametrize("reporter", ["network", "granite"])
def test_what_the_network_or_the_log_itself_reports_counts(reporter: str) -> None:
    world, piece = beset()
    report(getattr(world, reporter), [b"nothing", piece])
    fork = world.look().fork_of(world.granite.log_id)
    assert fork is not None and fork.is_open and fork.size == 4


def test_what_others_report_counts_where_they_are_read() -> None:
    world, piece = beset()
    report(world.lantern, [piece])
    assert world.look().fork_of(world.granite.log_id) is None
    network = Network(world.trust, world.ledger, [world.lantern.log_id])
    assert network.fork_of(world.granite.log_id) is not None


def test_a_report_that_arrives_later_is_seen() -> None:
    world, piece = beset()
    network = world.look()
    assert network.fork_of(world.granite.log_id) is None
    report(world.network, [piece])
    network.forget(world.network.log_id)
    assert network.fork_of(world.granite.log_id) is not None


def test_a_report_by_a_stolen_key_has_no_effect() -> None:
    world, piece = beset()
    report(world.lantern, [piece])
    assert list(read_reports(world.lantern)) == [piece]
    world.lantern.compromise(world.lantern.role_signers[Role.OPERATE], 1)
    assert list(read_reports(world.lantern)) == []


def test_a_body_that_is_not_held_or_no_body_reports_nothing() -> None:
    world, piece = beset()
    report(world.lantern, [piece])
    world.lantern.bodies[-1] = None
    assert list(read_reports(world.lantern)) == []
    world.lantern.bodies[-1] = b"\xff"
    assert list(read_reports(world.lantern)) == []


def test_a_log_can_make_its_readers_look_at_so_much_and_no_more() -> None:
    world, piece = beset()
    report(world.lantern, [bytes(MAX_REPORT_BYTES)])
    report(world.lantern, [b"junk"] * (MAX_REPORTS - 1))
    report(world.lantern, [piece, b"one too many"])
    pieces = list(read_reports(world.lantern))
    assert len(pieces) == MAX_REPORTS and pieces[-1] == piece


def test_single_entries_can_be_read() -> None:
    world, piece = beset()
    report(world.lantern, [b"one"])
    report(world.lantern, [piece])
    assert list(read_reports(world.lantern, world.lantern.state.evidence[1:])) == [piece]


def test_evidence_names_the_log_it_is_about() -> None:
    _, piece = beset()
    assert origin_of(piece) == "granite.example/log"
    assert origin_of(b"junk") is None


def test_the_audit_tells_what_a_log_reports_and_proves_nothing() -> None:
    """True evidence is no fault of the reporter; what cannot be judged, since that log is not held, is not told."""
    world, piece = beset()
    stranger = evidence(SimulatedLog("stranger"), SimulatedLog("stranger"), None)
    agreeing = evidence(world.lantern, world.lantern, None)
    report(world.tidewater, [piece, b"nothing", stranger, agreeing])
    told = [
        item for item in audit_network(world.look()) if item.rule is Rule.FORK and item.log == world.tidewater.log_id
    ]
    index = world.tidewater.size - 1
    assert {(item.index, item.severity) for item in told} == {(index, Severity.NOTICE)}
    assert [item.text.split(":")[0] for item in told] == [
        f"item {number} of the evidence it reports proves nothing" for number in (1, 3)
    ]
    assert "both have root" in told[1].text and told[0].evidence.startswith(f"entry {index}, leaf hash ")


def test_evidence_under_a_key_that_is_not_known_yet_is_looked_at_again() -> None:
    world, piece = beset()
    report(world.tidewater, [piece])
    view = world.ledger.log(world.granite.log_id)
    assert view is not None
    world.ledger.logs[world.granite.log_id] = impostor = SimulatedLog("granite", seed="another key")
    looked, later = look(world.look(), world.tidewater.log_id, world.tidewater)
    assert impostor.log_id != world.granite.log_id
    assert looked.size == world.tidewater.size - 1
    assert ["not signed by a log key" in item.text for item in later if item.rule is Rule.FORK] == [True]
