"""A case: one learner as of one date, with the rows that can count, sorted and indexed once.

Everything that depends on neither rule nor diploma is settled here, so that one learner is judged under many rules at
little cost; learners are evaluated one after the other and share nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from ledger.mastery import crosswalks, status_events
from ledger.mastery.admission import exclusion_of
from ledger.mastery.assessors import Assessor
from ledger.mastery.crosswalks import Match
from ledger.mastery.dataset import Dataset, Rows
from ledger.mastery.evidence import Evidence
from ledger.mastery.experiences import Experience
from ledger.mastery.holdings import Holding
from ledger.mastery.judgment import Judgment
from ledger.mastery.signoffs import Signoff
from ledger.mastery.waivers import Waiver


class Case:
    """What counts for one learner on the `asOf` date of a data set; changes only by remembering judgments."""

    __slots__ = ("_matches", "_signoffs", "as_of", "dataset", "evidence", "judged", "learner", "rows")

    def __init__(self, dataset: Dataset, learner: str) -> None:
        """Gather the rows of a learner, by id; one without any row is a case too."""
        self.dataset = dataset
        self.learner = learner
        self.as_of: date = dataset.as_of
        self.rows: Rows = dataset.rows_of(learner)
        self.evidence = self._gather_evidence()
        self._signoffs = self._gather_signoffs()
        self._matches: dict[str, tuple[Match, ...]] = {}
        # Children are judged by several rules and tests: item, rule and code give one answer, found once.
        self.judged: dict[tuple[str, str, str], Judgment] = {}

    def signoffs_of(self, subject: str) -> Sequence[Signoff]:
        """Sign-offs on a subject that could count, the latest last: not void, by somebody active on that day."""
        return self._signoffs.get(subject, ())

    def find_signoff(self, subject: str, roles: Sequence[str], judges: frozenset[str] = frozenset()) -> Signoff | None:
        """The latest sign-off by one of the roles and by none of the judges (README section 6)."""
        for signoff in reversed(self.signoffs_of(subject)):
            signer = self.dataset.assessors[signoff.signer]
            if signoff.signer not in judges and not signer.roles.isdisjoint(roles):
                return signoff
        return None

    def matches_of(self, item: str) -> tuple[Match, ...]:
        """Usable crosswalks to an item that the learner's transfers match, in the order of their file."""
        if item not in self._matches:
            standing = self.dataset.standing
            sound = [t for t in self.rows.transfers if not standing.is_void(status_events.TRANSFER, t.id)]
            found = (crosswalks.match(c, sound, self.as_of) for c in self.dataset.crosswalks.get(item, ()) if sound)
            self._matches[item] = tuple(one for one in found if one is not None)
        return self._matches[item]

    def experiences_of(self, kind: str) -> list[Experience]:
        """Experiences of a type that count (README section 8)."""
        standing = self.dataset.standing
        return [
            one
            for one in self.rows.experiences
            if one.type == kind
            and one.ended_on is not None
            and one.ended_on <= self.as_of
            and not standing.is_void(status_events.EXPERIENCE, one.id)
            and one.verified_by != self.learner
            and self._is_active(one.verified_by, one.ended_on)
        ]

    def holdings(self) -> list[Holding]:
        """Credentials the learner holds that are valid and not void."""
        standing = self.dataset.standing
        return [
            one
            for one in self.rows.holdings
            if one.is_valid(self.as_of) and not standing.is_void(status_events.CREDENTIAL, one.id)
        ]

    def waivers_of(self, diploma: str, requirement: str) -> list[Waiver]:
        """Waivers of a requirement that are in force, by somebody who held that role on that day."""
        standing = self.dataset.standing
        return [
            one
            for one in self.rows.waivers
            if (one.diploma, one.requirement) == (diploma, requirement)
            and one.is_in_force(self.as_of)
            and not standing.is_void(status_events.WAIVER, one.id)
            and self._is_active(one.granted_by, one.granted_on)
            and one.authority_role in self.dataset.assessors[one.granted_by].roles
        ]

    def assessor_of(self, row: Evidence) -> Assessor:
        """Who judged a row that can count."""
        return self.dataset.assessors[row.assessor]

    def _is_active(self, assessor: str, day: date) -> bool:
        known = self.dataset.assessors.get(assessor)
        return known is not None and known.is_active(day)

    def _gather_evidence(self) -> Mapping[str, Sequence[Evidence]]:
        """Rows that pass what no rule changes, by item, the latest last."""
        found: dict[str, list[Evidence]] = {}
        standing, assessors = self.dataset.standing, self.dataset.assessors
        for row in self.rows.evidence:
            if exclusion_of(row, self.as_of, standing, assessors) is None:
                found.setdefault(row.item, []).append(row)
        for rows in found.values():
            rows.sort(key=lambda row: row.order)
        return found

    def _gather_signoffs(self) -> Mapping[str, Sequence[Signoff]]:
        found: dict[str, list[Signoff]] = {}
        standing = self.dataset.standing
        for row in self.rows.signoffs:
            is_void = standing.is_void(status_events.SIGNOFF, row.id)
            if row.signed_on <= self.as_of and not is_void and self._is_active(row.signer, row.signed_on):
                found.setdefault(row.subject, []).append(row)
        for rows in found.values():
            rows.sort(key=lambda row: row.order)
        return found
