"""Who is in the simulation, and what will happen to whom in which week: drawn from the seed before anything starts."""

from dataclasses import dataclass
from random import Random

NETWORK_A, NETWORK_B = "confluence", "highlands"
SCHOOLS_A, COLLEGES_A = ("granite", "lantern", "tidewater", "juniper"), ("ridgeway",)
SHARED = "harbor"
"""A school that is a member of both networks."""
SCHOOLS_B, COLLEGES_B = ("meadow", "summit", "cedar", "willow"), ("estuary", "northgate")
MEMBERS = {NETWORK_A: (*SCHOOLS_A, *COLLEGES_A, SHARED), NETWORK_B: (*SCHOOLS_B, *COLLEGES_B, SHARED)}
COLLEGES = frozenset((*COLLEGES_A, *COLLEGES_B))


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a run is."""

    weeks: int = 26
    awards: int = 1
    """Largest number of awards that one institution makes in a week."""
    batch: int = 16
    slots: int = 1024
    loss: float = 0.01
    """Share of calls between nodes that get no answer."""
    bystanders: int = 1
    """Members' replicas that a sample is verified on each week, beside the networks' own."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that begins at one institution in one week."""

    what: str
    who: str
    week: int


@dataclass(frozen=True, slots=True)
class Absence:
    """A node that is offline from one week to another, the second not included."""

    who: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is planned; the rest (awards, decisions, rotations, lost calls) is drawn as it goes."""

    faults: tuple[Fault, ...]
    absences: tuple[Absence, ...]
    witnesses: dict[str, tuple[str, ...]]
    """Members that witness, by network."""
    far_side: tuple[str, ...]
    """Witnesses that are cut off when the log forks with a quorum on both sides."""
    stolen_witness: str
    """Whose witness key signs on both sides."""
    successor: str

    def who(self, what: str) -> str:
        """Give whom a fault happens to."""
        return next(fault.who for fault in self.faults if fault.what == what)

    def week(self, what: str) -> int:
        """Give when a fault begins."""
        return next(fault.week for fault in self.faults if fault.what == what)


def make_plan(seed: int) -> Plan:
    """Draw a plan."""
    random = Random(f"plan/{seed}")
    at_a = list((*SCHOOLS_A, *COLLEGES_A))
    random.shuffle(at_a)
    closing = random.choice(SCHOOLS_B)
    successor = random.choice(COLLEGES_B)
    at_b = [name for name in (*SCHOOLS_B, *COLLEGES_B) if name not in (closing, successor)]
    random.shuffle(at_b)
    forking, bystanders = at_a[0], at_a[1:]
    faults = (
        Fault("fork with quorum", forking, random.randint(6, 14)),
        Fault("issue key stolen", at_a[1], random.randint(3, 18)),
        Fault("register key stolen", at_a[2], random.randint(3, 18)),
        Fault("operate key stolen", at_a[3], random.randint(3, 18)),
        Fault("log key stolen", at_a[4], random.randint(3, 18)),
        Fault("define and root key stolen", SHARED, random.randint(3, 18)),
        Fault("closure", closing, random.randint(5, 16)),
        Fault("fire", at_b[0], random.randint(3, 18)),
        Fault("hostile host", at_b[1], random.randint(4, 18)),
        Fault("suspension", at_b[2], random.randint(4, 15)),
    )
    weeks = {fault.what: fault.week for fault in faults}
    random.shuffle(bystanders)
    far_side = tuple(bystanders[:2])
    fork, fire = weeks["fork with quorum"], weeks["fire"]
    stays = {*far_side, at_a[4], at_a[3], at_a[2], at_a[1]}
    calm = {name: _calm_weeks(name, faults) for name in (*stays, at_b[3])}
    absences = [
        # While a log is forked, and while a machine is lost, everybody else is needed for a quorum.
        *_absence(random, bystanders[2], calm[bystanders[2]] - set(range(fork - 1, fork + 5)), longest=4),
        *_absence(random, at_b[3], calm[at_b[3]] - set(range(fire - 1, fire + 4)), longest=6),
    ]
    return Plan(
        faults=faults,
        absences=tuple(absences),
        witnesses={
            NETWORK_A: tuple(name for name in MEMBERS[NETWORK_A] if name != forking),
            NETWORK_B: tuple(name for name in MEMBERS[NETWORK_B] if name not in (closing, at_b[1])),
        },
        far_side=far_side,
        stolen_witness=bystanders[3],
        successor=successor,
    )


def _calm_weeks(name: str, faults: tuple[Fault, ...]) -> set[int]:
    """Weeks in which somebody may go offline: some way off the faults that happen to them."""
    own = [fault.week for fault in faults if fault.who == name]
    return {week for week in range(1, 24) if all(not begun - 1 <= week <= begun + 4 for begun in own)}


def _absence(random: Random, who: str, calm: set[int], *, longest: int) -> list[Absence]:
    """One absence of some weeks within calm ones, the longest that a few draws find."""
    best: Absence | None = None
    for _ in range(20):
        start = random.choice(sorted(calm))
        end = start
        while end in calm and end - start < longest:
            end += 1
        if best is None or end - start > best.end - best.start:
            best = Absence(who, start, end)
    return [] if best is None else [best]
