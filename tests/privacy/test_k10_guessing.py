"""K10, guessing low-entropy content: a roster has seven names, a date of birth 7,000 values; whoever has a digest tries all.

Answer: every digest in a copy has a salt of 128 random bits of its own, never derived from data, and decoys look the same;
the node draws them from the operating system.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ledger import base64url
from ledger.credential import openbadge
from ledger.credential.disclosure import SALT_BYTES, encode_disclosure
from ledger.credential.strict_json import JSONObject
from node.clock import system_draw
from tests.node.registrar.desks import Dice
from tests.privacy.small_school import LeakyDice, award, kept_copies, name_of, roster_of, small_school

POOR_BITS = 12


def hidden_value(learner: str) -> JSONObject:
    """What a classmate tries: somebody on the roster, as the name would stand in the copy."""
    kind = openbadge.IDENTITY_TYPES["name"]
    return {"type": "IdentityObject", "hashed": False, "identityHash": name_of(learner), "identityType": kind}


def salts_to_try(learner: str, payload: dict[str, object], poor_bits: int) -> Iterator[bytes]:
    """Salts that a careless program would take: none, counters, and whatever could be derived from what is known."""
    yield from (number.to_bytes(SALT_BYTES, "big") for number in range(1 << poor_bits))
    cairn = payload["status"]["cairn"]  # type: ignore[index,call-overload]
    known = [learner, name_of(learner), str(payload["ld"]["id"]), str(cairn["slot"]), cairn["k"]]  # type: ignore[index,call-overload]
    for text in known:
        for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5):
            yield digest(text.encode()).digest()[:SALT_BYTES]


def guess(credential: str, learners: Iterable[str]) -> set[str]:
    """Learners for whom some hidden value was found behind a digest of the copy."""
    payload = json.loads(base64url.decode(credential.split(".")[1]))
    digests = set(_digests(payload))
    found = set()
    for learner in learners:
        for salt in salts_to_try(learner, payload, POOR_BITS):
            text = encode_disclosure(salt, None, hidden_value(learner))
            if base64url.encode(hashlib.sha256(text.encode()).digest()) in digests:
                found.add(learner)
    return found


def _digests(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "...":
                yield str(member)
            elif name == "_sd":
                yield from map(str, member)
            else:
                yield from _digests(member)
    elif isinstance(value, list):
        for member in value:
            yield from _digests(member)


async def guess_from_school(tmp_path: Path, dice: Dice | None) -> set[str]:
    async with small_school(tmp_path, dice=dice) as bench:
        await award(bench, roster_of(0)[3:4])
        (copy,) = await kept_copies(bench)
    return guess(copy.credential.partition("~")[0], roster_of(0))


async def test_k10_nothing_is_found_by_trying(tmp_path: Path) -> None:
    assert await guess_from_school(tmp_path, None) == set()


async def test_k10_planted_poor_salts_are_found_by_trying(tmp_path: Path) -> None:
    """Control: salts with twelve random bits, and the right value stands behind its digest."""
    fair = Dice("poor")

    def poor(length: int) -> bytes:
        return (int.from_bytes(fair(2), "big") >> 16 - POOR_BITS).to_bytes(length, "big")

    assert await guess_from_school(tmp_path, LeakyDice("planted", SALT_BYTES, poor)) == {roster_of(0)[3]}


def test_k10_the_node_draws_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SALT_BYTES * 8 >= 128
    monkeypatch.setattr(os, "urandom", lambda length: b"\x2a" * length)
    assert system_draw(SALT_BYTES) == b"\x2a" * SALT_BYTES
