"""Status events: what was later voided or corrected (README section 1).

`void` makes its target count as never made. `supersede` kills a piece of evidence in favour of another, but only while
that other one is itself recorded and not void: if the replacement is voided the original counts again. A replacement
that is later replaced stays dead, so only the end of a chain counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from ledger.mastery.days import parse_day
from ledger.mastery.evidence import Evidence
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.table import Column, choice, parse_optional_text, parse_table, parse_text

EVIDENCE = "evidence"
SIGNOFF = "signoff"
CREDENTIAL = "credential"
WAIVER = "waiver"
TRANSFER = "transfer"
EXPERIENCE = "experience"

VOID = "void"
SUPERSEDE = "supersede"


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """One event. `by` names the replacing evidence of a `supersede`."""

    id: str
    target_kind: str
    target: str
    event: str
    by: str
    effective_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """What does not count on a day, for the whole data set."""

    void: Mapping[str, frozenset[str]]
    """Ids by kind of target."""
    superseded: Mapping[str, str]
    """Id of a dead piece of evidence: id of the one that counts in its place."""

    def is_void(self, kind: str, target: str) -> bool:
        """Whether the row was voided."""
        return target in self.void.get(kind, frozenset())


COLUMNS = (
    Column("event_id", parse_text),
    Column("target_kind", choice(EVIDENCE, SIGNOFF, CREDENTIAL, WAIVER, TRANSFER, EXPERIENCE)),
    Column("target_id", parse_text),
    Column("event", choice(VOID, SUPERSEDE)),
    Column("by_ref", parse_optional_text),
    Column("effective_on", parse_day),
)


def parse_status_events(file: str, data: bytes, problems: ProblemCollector) -> list[StatusEvent]:
    """Read `status_events.csv`, in its order."""
    table = parse_table(file, data, COLUMNS, problems)
    if table is None:
        return []
    events: list[StatusEvent] = []
    for place, event in table.read(COLUMNS, StatusEvent):
        if event.event == SUPERSEDE and event.target_kind != EVIDENCE:
            table.complain(place, "event", f"only evidence is superseded, a {event.target_kind} is voided")
        if event.event == SUPERSEDE and not event.by:
            table.complain(place, "by_ref", "a supersede names its replacement")
        events.append(event)
    return events


def stand_on(as_of: date, events: Iterable[StatusEvent], recorded: Mapping[str, Evidence]) -> Standing:
    """What the events of up to `as_of` leave standing; `recorded` finds the evidence that `by` names."""
    effective = sorted((e for e in events if e.effective_on <= as_of), key=lambda e: (e.effective_on, e.id))
    void: dict[str, set[str]] = {}
    for event in effective:
        if event.event == VOID:
            void.setdefault(event.target_kind, set()).add(event.target)
    gone = void.get(EVIDENCE, set())
    superseded: dict[str, str] = {}
    for event in effective:
        replacement = recorded.get(event.by)
        is_there = replacement is not None and replacement.recorded_on <= as_of and event.by not in gone
        if event.event == SUPERSEDE and is_there:
            superseded[event.target] = event.by
    return Standing({kind: frozenset(ids) for kind, ids in void.items()}, superseded)
