"""Times and codes that somebody else signed: read out in words whatever they are, never a traceback."""

import pytest

from ledger.canonical import JSONObject
from ledger.log.attestation import Attestation, AttestationKind, attested_trust, parse_attestation, sign_attestation
from ledger.log.forkfile import encode_fork_file, make_fork_file
from ledger.log.keys import SigningKey
from tests.ledger.log.networks import World, evidence, forked
from wallet_cli.attest import describe_attestation
from wallet_cli.evidence import judge_evidence
from wallet_cli.evidence_words import to_lines

LAST = 2**53 - 1


@pytest.mark.parametrize(
    ("at", "as_of"),
    [
        (LAST, {}),
        (1, {"at": LAST, "known_now": {"code": []}, "known_then": {"code": {}}}),
        (1, {"at": -LAST}),
        (1, {"at": True, "known_now": 1}),
    ],
)
def test_an_attestation_with_any_times_and_codes(at: int, as_of: JSONObject) -> None:
    result: JSONObject = {"credentials": [{"as_of": as_of}]}
    made = Attestation(
        at=at,
        by="Tidewater",
        kind=AttestationKind.VERIFICATION,
        trust=attested_trust(World().trust),
        heads=(),
        result=result,
    )
    lines = describe_attestation(parse_attestation(sign_attestation(made, SigningKey(bytes(32)))))
    assert ("after the year 9999" in "\n".join(lines)) == (LAST in (at, as_of.get("at")))


def test_a_witness_that_signs_in_a_year_no_calendar_has() -> None:
    """One hostile witness must not keep proof of a fork from being read out."""
    world = World()
    other = forked(world, [world.network, world.lantern], [world.network, world.lantern])
    other.sign([world.network, world.lantern], 2**62)
    file = encode_fork_file(make_fork_file(world.granite, [evidence(world.granite, other, 4)]))
    lines = "\n".join(to_lines(judge_evidence(file, world.trust, world.look())))
    assert "cosigned by lantern.example/witness, after the year 9999" in lines
