"""Crosswalks: what another network's credential is worth here (README section 7).

Directed, never symmetric, never chained: a transfer matches only a crosswalk that names its own framework and leads to
this one. `grant` may make an item mastered; `evidence` adds one row to a rule.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from ledger.mastery.days import is_recent, is_within, parse_day
from ledger.mastery.exact import parse_decimal
from ledger.mastery.framework import Framework
from ledger.mastery.jsontext import Node, parse_document
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.scales import Scales
from ledger.mastery.table import Column, parse_shared_text, parse_table, parse_text

GRANT = "grant"
EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosswalk:
    """One agreement about one of our items."""

    id: str
    version: str
    from_framework: str
    from_items: tuple[str, ...]
    to_framework: str
    to_item: str
    effect: str
    source_type: str
    """Of effect `evidence`: the source the level enters; empty for `grant`."""
    scale: str
    min_level: str
    """Of effect `grant`: the least level of the transfer itself; empty for none."""
    level_map: Mapping[str, Fraction]
    trusted_issuers: frozenset[str]
    max_age_days: int | None
    valid_from: date | None
    valid_until: date | None

    def is_usable(self, as_of: date) -> bool:
        """Whether the agreement is in force; a withdrawn one is not used for new evaluations."""
        return is_within(as_of, self.valid_from, self.valid_until)

    def names(self, transfer: "Transfer") -> bool:
        """Whether the agreement speaks about a transfer at all, be it usable or not."""
        return transfer.from_framework == self.from_framework and transfer.from_item in self.from_items

    def accepts(self, transfer: "Transfer", as_of: date) -> bool:
        """Whether a transfer matches one of the items the agreement starts from."""
        return (
            self.names(transfer)
            and transfer.scale == self.scale
            and transfer.level in self.level_map
            and transfer.issuer in self.trusted_issuers
            and transfer.issued_on <= as_of
            and is_recent(transfer.issued_on, as_of, self.max_age_days)
        )


@dataclass(frozen=True, slots=True)
class Transfer:
    """A credential from another network, as a learner brought it."""

    id: str
    learner: str
    from_framework: str
    from_item: str
    scale: str
    level: str
    issuer: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class Match:
    """A crosswalk all of whose items are matched, and the transfer chosen for each."""

    crosswalk: Crosswalk
    transfers: tuple[Transfer, ...]

    @property
    def level(self) -> Fraction:
        """The lowest mapped level: the parts are worth what the weakest is."""
        return min(self.crosswalk.level_map[transfer.level] for transfer in self.transfers)

    @property
    def dated(self) -> date:
        """The latest day on which one of the transfers was issued."""
        return max(transfer.issued_on for transfer in self.transfers)

    def is_granted(self, scales: Scales) -> bool:
        """Whether the crosswalk grants: every transfer's own level reaches the least one asked for."""
        if self.crosswalk.effect != GRANT:
            return False
        if not self.crosswalk.min_level:
            return True
        scale = scales.scales[self.crosswalk.scale]
        least = scale.rank(self.crosswalk.min_level)
        ranks = [scale.rank(transfer.level) for transfer in self.transfers]
        return least is not None and all(rank is not None and rank >= least for rank in ranks)


def match(crosswalk: Crosswalk, transfers: Iterable[Transfer], as_of: date) -> Match | None:
    """The match of a usable crosswalk with a learner's transfers that are not void; None where an item is unmatched."""
    if not crosswalk.is_usable(as_of):
        return None
    accepted = [transfer for transfer in transfers if crosswalk.accepts(transfer, as_of)]
    chosen: list[Transfer] = []
    for item in crosswalk.from_items:
        candidates = [transfer for transfer in accepted if transfer.from_item == item]
        if not candidates:
            return None
        # Highest mapped level, then the latest, then the highest id.
        chosen.append(max(candidates, key=lambda t: (crosswalk.level_map[t.level], t.issued_on, t.id)))
    return Match(crosswalk, tuple(chosen))


COLUMNS = (
    Column("transfer_id", parse_text),
    Column("learner_id", parse_shared_text),
    Column("from_framework", parse_shared_text),
    Column("from_item", parse_shared_text),
    Column("scale", parse_shared_text),
    Column("level", parse_shared_text),
    Column("issuer_id", parse_shared_text),
    Column("issued_on", parse_day),
)


def parse_transfers(file: str, data: bytes, problems: ProblemCollector) -> list[Transfer]:
    """Read `transfers.csv`, in its order."""
    table = parse_table(file, data, COLUMNS, problems)
    return [row for _, row in table.read(COLUMNS, Transfer)] if table is not None else []


def parse_crosswalks(
    file: str,
    data: bytes,
    names: frozenset[str],
    framework: Framework | None,
    scales: Scales | None,
    problems: ProblemCollector,
) -> list[Crosswalk]:
    """Read `crosswalks.json`, in its order, which decides between two that grant the same item.

    Args:
        file: what problems call it.
        data: its bytes.
        names: what this framework is called; what leads to it must lead to one of its items.
        framework: None where it could not be read.
        scales: None where they could not be read.
        problems: where faults are reported.
    """
    root = parse_document(file, data, problems)
    if root is None:
        return []
    crosswalks: list[Crosswalk] = []
    for node in root.nodes("crosswalks"):
        crosswalk = _read_crosswalk(node)
        if crosswalk.id in {known.id for known in crosswalks}:
            node.complain(f"crosswalk {crosswalk.id} stands twice", "id")
        if scales is not None and crosswalk.scale and crosswalk.scale not in scales.scales:
            node.complain(f"scale {crosswalk.scale} is not among the scales", "scale")
        if framework is not None and crosswalk.to_framework in names:
            if crosswalk.to_item not in framework.items:
                node.complain(f"item {crosswalk.to_item} is not in the framework", "toItem")
            elif framework.items[crosswalk.to_item].why_not_judged:
                reason = framework.items[crosswalk.to_item].why_not_judged
                node.complain(f"item {crosswalk.to_item} {reason}", "toItem")
        crosswalks.append(crosswalk)
    root.finish()
    return crosswalks


def _read_crosswalk(node: Node) -> Crosswalk:
    effect = node.choice("effect", (GRANT, EVIDENCE))
    crosswalk = Crosswalk(
        id=node.text("id"),
        version=node.label("version"),
        from_framework=node.text("fromFramework"),
        from_items=node.texts("fromItems", minimum=1),
        to_framework=node.text("toFramework"),
        to_item=node.text("toItem"),
        effect=effect,
        source_type=node.text("sourceType") if effect == EVIDENCE else node.optional_text("sourceType"),
        scale=node.text("scale"),
        min_level=node.label("minLevel"),
        level_map=node.mapping("levelMap", parse_decimal),
        trusted_issuers=frozenset(node.texts("trustedIssuers")),
        max_age_days=node.optional_whole("maxAgeDays"),
        valid_from=node.optional_day("validFrom"),
        valid_until=node.optional_day("validUntil"),
    )
    if effect == GRANT and node.has("associationType") and node.text("associationType") == "isRelatedTo":
        node.remark(f"crosswalk {crosswalk.id}: isRelatedTo is evidence only, and this one grants", "effect")
    node.finish("associationType")
    return crosswalk
