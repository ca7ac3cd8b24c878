"""A hostile member: has a full replica, the roster of a small school and time, and guesses what happened on each day.

It measures everything it can think of in every cut, learns from days of which somebody told it the truth which single
measure, split where, tells best, and guesses the other days by that. What it knows nothing about it guesses from the roster
alone. Whether it does better than that is judged by the binomial distribution: under the hypothesis that the ledger
tells nothing, each guess of an unknown fair coin is right with probability 1/2, whatever the measures are.
"""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import comb

from ledger.credential.commitment import COMMITMENT_CONTEXT
from tests.node.registrar.desks import DIPLOMA
from tests.privacy.member import SeenCut
from tests.privacy.randomness import xor
from tests.privacy.small_school import name_of

ERROR = 0.0001
"""How often an attacker who knows nothing would seem to know something, for each question asked."""

Measures = dict[str, float]


def measure(cuts: Sequence[SeenCut]) -> list[Measures]:
    """What stands out in each cut, beside the one before it and beside all before."""
    seen: set[bytes] = set()
    found = []
    for position, cut in enumerate(cuts):
        before = cuts[position - 1] if position else cut
        found.append(_measure(cut, before, seen))
        seen.update(cut.commitments)
    return found


def _measure(cut: SeenCut, before: SeenCut, seen: set[bytes]) -> Measures:
    items, page = cut.commitments, cut.page
    stream = b"".join(items)
    difference = xor(page, before.page) if len(page) == len(before.page) else page
    measures = {
        "entries": len(cut.kinds),
        "bytes": sum(cut.lengths),
        "instant": cut.at % 86_400_000,
        "since the cut before": cut.at - before.at,
        "items": len(items),
        "items seen before": sum(item in seen for item in items) + len(items) - len(set(items)),
        "batch, compressed": len(zlib.compress(stream)),
        "batch, bits": int.from_bytes(stream, "big").bit_count(),
        "batch, different bytes": len(set(stream)),
        "batch, zero bytes": stream.count(0),
        "batch, longest run of zeros": max(map(len, bytes(map(bool, stream)).split(b"\x01")), default=0),
        "batch, ascents": sum(a < b for a, b in pairwise(items)),
        "batch, bits of the first items": int.from_bytes(b"".join(items[:6]), "big").bit_count(),
        "batch, bits of the last items": int.from_bytes(b"".join(items[-6:]), "big").bit_count(),
        "page, bits": int.from_bytes(page, "big").bit_count(),
        "page, compressed": len(zlib.compress(page)),
        "page, different bytes": len(set(page)),
        "page, same as before": difference.count(0),
        "page, small changes": sum(difference.count(value) for value in (1, 2, 3)),
        "page, bits changed": int.from_bytes(difference, "big").bit_count(),
        "ids, bits": sum(int.from_bytes(one, "big").bit_count() for one in cut.statement_ids),
    }
    return {name: float(value) for name, value in measures.items()}


@dataclass(frozen=True)
class Rule:
    """Guess yes where a measure is above (or not above) a value."""

    name: str
    split: float
    is_above: bool

    def guess(self, measures: Measures) -> bool:
        return (measures[self.name] > self.split) == self.is_above


def learn(days: Sequence[Measures], truth: Sequence[bool]) -> Rule:
    """The rule that is right on most of the days whose truth is known."""
    best, most = Rule("entries", 0.0, True), -1
    for name in days[0]:
        values = sorted({day[name] for day in days})
        for split in [values[0] - 1, *values]:
            right = sum((day[name] > split) == yes for day, yes in zip(days, truth, strict=True))
            for is_above, score in ((True, right), (False, len(days) - right)):
                if score > most:
                    best, most = Rule(name, split, is_above), score
    return best


@dataclass(frozen=True)
class Outcome:
    """How a series of guesses ended: right ones of all, and how likely that many are by chance alone."""

    rule: str
    right: int
    guesses: int
    chance: float

    @property
    def knows_something(self) -> bool:
        return self.chance < ERROR


def attack(cuts: Sequence[SeenCut], truth: Sequence[bool | None]) -> Outcome:
    """Learn from the first half of the days and guess the second; days without a truth are looked at, not guessed."""
    asked = [(day, yes) for day, yes in zip(measure(cuts), truth, strict=True) if yes is not None]
    known, asked = asked[: len(asked) // 2], asked[len(asked) // 2 :]
    rule = learn([day for day, _ in known], [yes for _, yes in known])
    right = sum(rule.guess(day) == yes for day, yes in asked)
    return Outcome(rule.name, right, len(asked), at_least(right, len(asked), 0.5))


def find_missing(cuts: Sequence[SeenCut], rosters: Sequence[Sequence[str]], missing: Sequence[int]) -> Outcome:
    """Guess for each day which of the candidates is not in the batch: by trying what their commitments could be.

    Where the roster finds nobody, or several are not found, the guess is the first of them: as good as any.
    """
    right = 0
    for cut, roster, truth in zip(cuts, rosters, missing, strict=True):
        batch = set(cut.commitments)
        absent = [n for n, learner in enumerate(roster) if not batch & set(candidates(learner))]
        right += (absent[0] if absent else 0) == truth
    return Outcome("roster", right, len(cuts), at_least(right, len(cuts), 1 / len(rosters[0])))


def candidates(learner: str) -> Iterable[bytes]:
    """What the commitment of a learner on the roster could be, if anything were derived from data."""
    name, born = name_of(learner), "2008-02-11"
    texts = [
        *(learner, name, f"{learner}{DIPLOMA}", f"{learner}|{DIPLOMA}|1", f"{learner},{name}"),
        *(f"{learner},{name},2026-06-15", f"{name},{born}", f"{learner}|{name}|{born}|{DIPLOMA}"),
    ]
    for text in texts:
        yield hashlib.sha256(text.encode()).digest()
        yield hashlib.sha256(COMMITMENT_CONTEXT + text.encode()).digest()


def at_least(right: int, guesses: int, chance: float) -> float:
    """How likely so many right guesses, or more, are where each is right with this chance."""
    return sum(comb(guesses, n) * chance**n * (1 - chance) ** (guesses - n) for n in range(right, guesses + 1))
