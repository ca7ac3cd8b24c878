"""What `cairn-node key list` shows: every key of the institution, with how it stands."""

import os
from pathlib import Path

from ledger.log.keys import SigningKey
from node.keylist import describe_keys
from node.keystore import KeyRole
from tests.node.school import found_school
from tests.simulator import SimulatedLog


def test_a_log_key_is_rotated_away_by_the_entry_that_named_the_next(tmp_path: Path) -> None:
    log = SimulatedLog("granite")
    log.cut()
    keystore = found_school(tmp_path / "granite").keys
    log.rotate(SigningKey(b"\x31" * 32))
    rotated = log.size - 1
    states = [row.state for row in describe_keys(log.state, keystore) if row.role == "log"]
    assert states == [f"rotated away by entry {rotated}", f"in force, from entry {rotated}"]


def test_witness_keys_are_listed_although_no_log_of_their_own_names_them(tmp_path: Path) -> None:
    school = found_school(tmp_path / "granite")
    school.keys.add(KeyRole.WITNESS, os.urandom)
    rows = [row for row in describe_keys(school.log.state, school.keys) if row.role == "witness"]
    assert [row.state.split(";")[0] for row in rows] == ["older", "newest"]
    assert all(row.is_here for row in rows)
