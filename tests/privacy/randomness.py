"""Tests of randomness, each as a z-score: what random bytes give is within 5 in all but one of 1.7 million tries.

A year is looked at by about ten of them, so a fair generator fails with a probability below 0.00001. Seeds are fixed: a run
that passed passes again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from math import sqrt

LIMIT = 5.0


def worst(scores: Mapping[str, float]) -> tuple[str, float]:
    """The test that is farthest off, and how far."""
    name = max(scores, key=lambda one: abs(scores[one]))
    return name, abs(scores[name])


def look_at_pages(pages: Sequence[bytes]) -> dict[str, float]:
    """Every test of status pages: within each, slot by slot, and between all pairs of them."""
    stream = b"".join(pages)
    return {
        "byte frequencies": byte_frequencies(stream),
        "bits": monobit(stream),
        "neighbours": serial_correlation(stream),
        "slot frequencies": slot_frequencies(pages),
        "bits of the XOR of following pages": monobit(b"".join(xor(a, b) for a, b in pairwise(pages))),
        "equal bytes of any two pages": equal_bytes(pages),
    }


def look_at_items(items: Sequence[bytes]) -> dict[str, float]:
    """Every test of commitments and decoys: as bytes, and as values that must not meet again."""
    stream = b"".join(items)
    return {
        "byte frequencies": byte_frequencies(stream),
        "bits": monobit(stream),
        "neighbours": serial_correlation(stream),
        "place frequencies": slot_frequencies(items),
        "duplicates": float("inf") if len(set(items)) < len(items) else 0.0,
        "equal beginnings": equal_pairs(item[:2] for item in items),
        "equal ends": equal_pairs(item[-2:] for item in items),
        "order": ascents(items),
    }


def byte_frequencies(data: bytes) -> float:
    """Chi-square of the 256 byte values."""
    return _normal(_chi_square(data, len(data) / 256), 255)


def monobit(data: bytes) -> float:
    """Ones among the bits."""
    bits = len(data) * 8
    return (int.from_bytes(data, "big").bit_count() - bits / 2) / sqrt(bits / 4)


def serial_correlation(data: bytes) -> float:
    """Correlation of each byte with the next."""
    mean, variance = 127.5, (256**2 - 1) / 12
    total = sum((a - mean) * (b - mean) for a, b in pairwise(data))
    return total / (variance * sqrt(len(data) - 1))


def slot_frequencies(rows: Sequence[bytes]) -> float:
    """Chi-square of the byte values at each place, over all places."""
    expected = len(rows) / 256
    return _normal(sum(_chi_square(bytes(column), expected) for column in zip(*rows, strict=True)), 255 * len(rows[0]))


def equal_bytes(pages: Sequence[bytes]) -> float:
    """How often two pages agree in a slot; pairs of random pages are independent by twos, which is all this needs."""
    found = sum(xor(a, b).count(0) for a, b in combinations(pages, 2))
    tries = len(pages) * (len(pages) - 1) // 2 * len(pages[0])
    return (found - tries / 256) / sqrt(tries * 255 / 256**2)


def equal_pairs(values: Iterable[bytes]) -> float:
    """How many pairs of two-byte values are equal."""
    counts = Counter(values)
    total = counts.total()
    expected = total * (total - 1) / 2 / 65536
    return (sum(n * (n - 1) // 2 for n in counts.values()) - expected) / sqrt(expected)


def ascents(items: Sequence[bytes]) -> float:
    """How often an item is followed by a larger one."""
    found = sum(a < b for a, b in pairwise(items))
    steps = len(items) - 1
    return (found - steps / 2) / sqrt((steps + 2) / 12)


def xor(left: bytes, right: bytes) -> bytes:
    """Two pages of one length, one over the other."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def _chi_square(data: bytes, expected: float) -> float:
    counts = Counter(data)
    missing = 256 - len(counts)
    return sum((n - expected) ** 2 for n in counts.values()) / expected + missing * expected


def _normal(chi_square: float, freedom: int) -> float:
    # Wilson and Hilferty: the cube root of a chi-square is nearly normal.
    share = 2 / (9 * freedom)
    return ((chi_square / freedom) ** (1 / 3) - (1 - share)) / sqrt(share)
