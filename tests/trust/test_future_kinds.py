"""Entries of a kind that only a newer version knows: whose they must be to make a verifier wait for it."""

from dataclasses import replace

import pytest

from ledger.log.charter import Role
from ledger.log.statement import Statement
from tests.ledger.log.samples import SAMPLES, void
from tests.simulator import SimulatedLog


def future(log: SimulatedLog) -> Statement:
    return replace(SAMPLES["unknown kind"], log=log.log_id)


@pytest.mark.parametrize("thief", ["log", Role.ISSUE, Role.REGISTER])
def test_a_future_kind_by_a_key_that_decides_nothing_is_void(thief: str) -> None:
    """Else a thief of the log key could make every verifier wait for a newer version, for good."""
    log = SimulatedLog("granite")
    signer = log.log_signer if thief == "log" else log.role_signers[Role(thief)]
    entry = log.append(future(log), [signer])
    assert "signed neither by one operate or define key in force nor by enough root keys" in (void(log, entry) or "")
    assert log.state.unknown is None


def test_a_future_kind_by_a_stolen_key_ends_with_the_compromise() -> None:
    """Until then a newer version might understand it; root keys may say what they like."""
    log = SimulatedLog("granite")
    entry = log.append(future(log), [log.role_signers[Role.OPERATE]])
    log.compromise(log.role_signers[Role.OPERATE], entry.index)
    assert log.state.unknown is None
    by_roots = replace(future(log), id=bytes(16))
    assert log.state.unknown is None
    entry = log.append(by_roots, log.roots_needed)
    assert log.state.unknown == entry.index
