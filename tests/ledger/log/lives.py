"""A log that has seen everything: every kind of entry, void ones, rotation, new roots, a compromise and its repair."""

from dataclasses import replace
from typing import Any

from ledger.log.charter import BatchPolicy, Role, Roots
from ledger.log.keys import SigningKey
from ledger.log.records import CloseDocument, DocumentName, EvidenceEntry
from tests.ledger.log.samples import (
    SAMPLES,
    add,
    amend,
    describe_body,
    fresh_key,
    replace_roots,
    restate,
    roots,
    rotate,
    say,
)
from tests.simulator import SimulatedLog, found_network, seeded


def operate(log: SimulatedLog) -> SigningKey:
    return log.role_signers[Role.OPERATE]


def evidence(log: SimulatedLog, /, **change: Any) -> EvidenceEntry:
    values = {**log.header(), "reference": describe_body("evidence", [b"e"]), **change}
    return EvidenceEntry(**values)


def whole_life() -> SimulatedLog:
    """A network's log with every kind of entry, void ones, rotation, new roots, a compromise and its repair."""
    network, members = found_network("granite", "lantern", "tidewater")
    network.publish("framework", 1)
    network.cut([seeded("copy")], others=[log.note or b"" for log in members])
    new = fresh_key(network, "operate")
    network.compromise(operate(network), network.size - 2)
    add(network, new)
    restate(network, network.size - 3, new)
    network.append(evidence(network), [new], [b"e"])
    rotate(network, fresh_key(network, "log"))
    amend(network, url="https://new.example", batch=BatchPolicy(0, 0, 8))
    amend(network, until=1, name="too late")
    keep = Roots(tuple(key.public for key in network.root_signers[:2]), 2)
    replace_roots(network, keep, roots(network))
    say(network, CloseDocument, [network.role_signers[Role.DEFINE]], name=DocumentName("framework", 1))
    unknown: Any = SAMPLES["unknown kind"]
    network.append(replace(unknown, log=network.log_id), [new])
    network.sign(members)
    network.anchor([log.sign([network]) for log in members])
    return network
