"""A data set: everything an evaluation depends on, read from the bytes of its files and indexed by learner.

Reading is all or nothing: `parse_dataset` raises one error that holds every problem of every file. What can be read but
names something that is not there (an unknown assessor, a learner who has left) simply does not count, as the rules say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, TypeVar

from ledger.mastery.assessors import Assessor, parse_assessors
from ledger.mastery.crosswalks import Crosswalk, Transfer, parse_crosswalks, parse_transfers
from ledger.mastery.definition import Surroundings, parse_requirement_set
from ledger.mastery.evidence import Evidence, parse_evidence
from ledger.mastery.experiences import Experience, parse_experiences
from ledger.mastery.framework import Framework, parse_framework
from ledger.mastery.holdings import Holding, parse_holdings
from ledger.mastery.manifest import MANIFEST, Manifest, parse_manifest
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.requirements import RequirementSet
from ledger.mastery.roster import Learner, parse_roster
from ledger.mastery.rules import Rule, parse_rules
from ledger.mastery.scales import Scales, parse_scales
from ledger.mastery.signoffs import Signoff, parse_signoffs
from ledger.mastery.status_events import Standing, parse_status_events, stand_on
from ledger.mastery.waivers import Waiver, parse_waivers


class _OfLearner(Protocol):
    @property
    def learner(self) -> str: ...


Row = TypeVar("Row", bound=_OfLearner)


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows about one learner, in the order of the files, whether they count or not."""

    evidence: Sequence[Evidence] = ()
    signoffs: Sequence[Signoff] = ()
    experiences: Sequence[Experience] = ()
    holdings: Sequence[Holding] = ()
    waivers: Sequence[Waiver] = ()
    transfers: Sequence[Transfer] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dataset:
    """Definitions, people and rows as of one date."""

    name: str
    as_of: date
    framework: Framework
    scales: Scales
    rules: Mapping[str, Rule]
    requirement_sets: Mapping[str, RequirementSet]
    crosswalks: Mapping[str, tuple[Crosswalk, ...]]
    """Those that lead to this framework, by the item they lead to, in the order of the file."""
    learners: tuple[Learner, ...]
    assessors: Mapping[str, Assessor]
    standing: Standing
    rows: Mapping[str, Rows] = field(repr=False)
    """By learner; no entry for a learner without any row."""

    def rows_of(self, learner: str) -> Rows:
        """All rows about a learner."""
        return self.rows.get(learner, Rows())

    def learner(self, learner: str) -> Learner | None:
        """The learner with this id; None if nobody on the roster has it."""
        return next((known for known in self.learners if known.id == learner), None)


def parse_dataset(files: Mapping[str, bytes], problems: ProblemCollector | None = None) -> Dataset:
    """Read a data set.

    Args:
        files: the bytes of `dataset.json` and of every file it names, by path relative to its folder.
        problems: where remarks are wanted too, the collector to report to.

    Raises:
        DataSetError: anything is wrong, with all of it.
    """
    problems = problems if problems is not None else ProblemCollector()
    manifest = read_manifest(files, problems)
    reader = _Reader(manifest, files, problems)
    dataset = reader.read()
    problems.refuse()
    assert dataset is not None, "what could not be read was reported"
    return dataset


def read_manifest(files: Mapping[str, bytes], problems: ProblemCollector) -> Manifest:
    """Read the manifest alone, which says what else there is to read.

    Raises:
        DataSetError: it is not there, or it cannot be read.
    """
    data = files.get(MANIFEST)
    manifest = parse_manifest(data, problems) if data is not None else None
    if data is None:
        problems.add(MANIFEST, 0, 0, "the file is not there")
    problems.refuse()
    assert manifest is not None, "what could not be read was reported"
    return manifest


class _Reader:
    """Reads the files in the order in which they lean on each other, and goes on where one of them is broken."""

    def __init__(self, manifest: Manifest, files: Mapping[str, bytes], problems: ProblemCollector) -> None:
        self._manifest = manifest
        self._files = files
        self._problems = problems

    def read(self) -> Dataset | None:
        problems = self._problems
        framework = parse_framework(*found, problems) if (found := self._get("framework")) else None
        scales = parse_scales(*found, problems) if (found := self._get("scales")) else None
        rules = parse_rules(*found, scales, problems) if (found := self._get("rules")) else {}
        sets = self._read_requirement_sets(Surroundings(framework, rules or None))
        crosswalks = self._read_crosswalks(framework, scales, sets)
        assessors = parse_assessors(*found, problems) if (found := self._get("assessors")) else {}
        diplomas = frozenset(sets) if len(sets) == len(self._manifest.requirements) else None
        learners = parse_roster(*found, diplomas, problems) if (found := self._get("roster")) else []
        evidence = parse_evidence(*found, scales, problems) if (found := self._get("evidence")) else []
        events = parse_status_events(*found, problems) if (found := self._get("statusEvents")) else []
        rows = self._read_rows(evidence)
        if framework is None or scales is None:
            return None
        replacing = {event.by for event in events}
        recorded = {row.id: row for row in evidence if row.id in replacing}
        return Dataset(
            name=self._manifest.name,
            as_of=self._manifest.as_of,
            framework=framework,
            scales=scales,
            rules=rules,
            requirement_sets=sets,
            crosswalks=crosswalks,
            learners=tuple(learners),
            assessors=assessors,
            standing=stand_on(self._manifest.as_of, events, recorded),
            rows=rows,
        )

    def _get(self, name: str) -> tuple[str, bytes] | None:
        return self._get_path(self._manifest.files[name]) if name in self._manifest.files else None

    def _get_path(self, path: str) -> tuple[str, bytes] | None:
        if path in self._files:
            return path, self._files[path]
        self._problems.add(path, 0, 0, "the file is not there")
        return None

    def _read_requirement_sets(self, surroundings: Surroundings) -> dict[str, RequirementSet]:
        sets: dict[str, RequirementSet] = {}
        for path in self._manifest.requirements:
            found = self._get_path(path)
            read = parse_requirement_set(*found, surroundings, self._problems) if found else None
            if read is not None and read.id in sets:
                self._problems.add(path, 1, 1, f"requirement set {read.id} stands in another file too")
            elif read is not None:
                sets[read.id] = read
        return sets

    def _read_crosswalks(
        self, framework: Framework | None, scales: Scales | None, sets: Mapping[str, RequirementSet]
    ) -> dict[str, tuple[Crosswalk, ...]]:
        found = self._get("crosswalks")
        if found is None:
            return {}
        # Requirement sets say "stonepath 1.0": what they call the framework is a name of it too.
        called = {name for one in sets.values() for name in (one.framework, one.framework.rpartition(" ")[0])}
        names = (framework.names if framework is not None else frozenset()) | (called - {""})
        by_item: dict[str, tuple[Crosswalk, ...]] = {}
        for crosswalk in parse_crosswalks(*found, names, framework, scales, self._problems):
            if crosswalk.to_framework in names:
                by_item[crosswalk.to_item] = (*by_item.get(crosswalk.to_item, ()), crosswalk)
        return by_item

    def _read_rows(self, evidence: Sequence[Evidence]) -> dict[str, Rows]:
        problems = self._problems
        signoffs = parse_signoffs(*found, problems) if (found := self._get("signoffs")) else []
        experiences = parse_experiences(*found, problems) if (found := self._get("experiences")) else []
        holdings = parse_holdings(*found, problems) if (found := self._get("credentials")) else []
        waivers = parse_waivers(*found, problems) if (found := self._get("waivers")) else []
        transfers = parse_transfers(*found, problems) if (found := self._get("transfers")) else []
        kinds = (
            _by_learner(evidence),
            _by_learner(signoffs),
            _by_learner(experiences),
            _by_learner(holdings),
            _by_learner(waivers),
            _by_learner(transfers),
        )
        learners = dict.fromkeys(learner for kind in kinds for learner in kind)
        e, s, x, h, w, t = kinds
        return {
            one: Rows(e.get(one, ()), s.get(one, ()), x.get(one, ()), h.get(one, ()), w.get(one, ()), t.get(one, ()))
            for one in learners
        }


def _by_learner(rows: Sequence[Row]) -> dict[str, Sequence[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.learner, []).append(row)
    return dict(found)
