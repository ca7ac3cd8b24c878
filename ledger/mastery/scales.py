"""Scales: which values a judgment can have, and what they are worth on another scale.

A conversion is `identity`, `cuts` (the level of the highest cut not above the value) or `table` (the listed level).
Conversions never chain. A scale converts to itself without being told to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ledger.errors import MalformedError
from ledger.mastery.exact import parse_decimal
from ledger.mastery.jsontext import Node, parse_document
from ledger.mastery.problems import ProblemCollector

_KINDS = ("identity", "cuts", "table")


@dataclass(frozen=True, slots=True)
class Scale:
    """One scale: values in rising order, or the ends of a range; where both are absent any decimal is on it."""

    id: str
    values: tuple[str, ...]
    minimum: Fraction | None
    maximum: Fraction | None

    def rank(self, level: str) -> Fraction | None:
        """A number that orders the levels of this scale; None for what is not on it."""
        if level in self.values:
            return Fraction(self.values.index(level))
        value = _number(level)
        if value is None or not self.values:
            return value
        same = [rank for rank, listed in enumerate(self.values) if _number(listed) == value]
        return Fraction(same[0]) if same else None

    def has(self, value: str) -> bool:
        """Whether a value is one of this scale; `3.0` is the listed `3`."""
        number = _number(value)
        if self.values:
            return self.rank(value) is not None
        is_above = number is not None and (self.minimum is None or number >= self.minimum)
        return is_above and number is not None and (self.maximum is None or number <= self.maximum)

    @property
    def bounds(self) -> tuple[Fraction | None, Fraction | None]:
        """The lowest and the highest value as numbers; None for an end that is open or no number."""
        if not self.values:
            return self.minimum, self.maximum
        numbers = [_number(value) for value in self.values]
        known = [number for number in numbers if number is not None]
        return (min(known), max(known)) if len(known) == len(numbers) else (None, None)


@dataclass(frozen=True, slots=True)
class Conversion:
    """How values of one scale become levels of another."""

    kind: str
    cuts: tuple[tuple[Fraction, Fraction], ...]
    """Rising: from this value on, that level."""
    table: Mapping[str, Fraction]

    def convert(self, value: str) -> Fraction | None:
        """The level, or None where this conversion gives none."""
        if self.kind == "table":
            return self.table.get(value)
        number = _number(value)
        if self.kind == "identity" or number is None:
            return number
        reached = [level for least, level in self.cuts if least <= number]
        return reached[-1] if reached else None


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """All scales and conversions of a data set."""

    scales: Mapping[str, Scale]
    conversions: Mapping[tuple[str, str], Conversion]
    # The same few hundred values come in a million rows; a remembered answer changes nothing but the time.
    _known: dict[tuple[str, str, str], Fraction | None] = field(default_factory=dict, repr=False)

    def convert(self, scale: str, value: str, to: str) -> Fraction | None:
        """The level of a value on another scale; None where it has none, which makes a row inadmissible."""
        key = scale, value, to
        if key not in self._known:
            conversion = self.conversions.get((scale, to))
            if conversion is None and scale == to and scale in self.scales:
                conversion = Conversion("identity", (), {})
            self._known[key] = conversion.convert(value) if conversion is not None else None
        return self._known[key]

    def is_readable(self, scale: str, value: str) -> bool:
        """Whether a value can stand in a row: it is on its scale, or only ever looked up in tables.

        An unknown scale converts to nothing and a value no table lists has no level: such rows do not count, and are no
        fault of the file. A number that is off its scale is a slip of the pen.
        """
        known = self.scales.get(scale)
        if known is None or known.has(value):
            return True
        kinds = {conversion.kind for (start, _), conversion in self.conversions.items() if start == scale}
        return kinds == {"table"}


def parse_scales(file: str, data: bytes, problems: ProblemCollector) -> Scales | None:
    """Read scales and conversions; None where the file is no JSON object."""
    root = parse_document(file, data, problems)
    if root is None:
        return None
    scales: dict[str, Scale] = {}
    for node in root.nodes("scales", minimum=1):
        least, most = node.optional_decimal("min"), node.optional_decimal("max")
        scale = Scale(
            id=node.text("id"),
            values=node.texts("values"),
            minimum=least.value if least else None,
            maximum=most.value if most else None,
        )
        if scale.id in scales:
            node.complain(f"scale {scale.id} stands twice", "id")
        node.finish()
        scales[scale.id] = scale
    conversions: dict[tuple[str, str], Conversion] = {}
    for node in root.nodes("conversions"):
        ends = node.text("from"), node.text("to")
        if ends in conversions:
            node.complain(f"the conversion from {ends[0]} to {ends[1]} stands twice", "from")
        for name, end in zip(("from", "to"), ends, strict=True):
            if end and end not in scales:
                node.complain(f"scale {end} is not among the scales", name)
        conversions[ends] = _read_conversion(node)
    root.finish()
    return Scales(scales, conversions)


def _read_conversion(node: Node) -> Conversion:
    kind = node.choice("kind", _KINDS)
    cuts: list[tuple[Fraction, Fraction]] = []
    table: dict[str, Fraction] = {}
    if kind == "cuts":
        for cut in node.nodes("cuts", minimum=1):
            cuts.append((cut.decimal("atLeast").value, cut.decimal("level").value))
            cut.finish()
    if kind == "table":
        table = node.mapping("table", parse_decimal)
    node.finish()
    return Conversion(kind, tuple(sorted(cuts)), table)


def _number(text: str) -> Fraction | None:
    try:
        return parse_decimal(text)
    except MalformedError:
        return None
