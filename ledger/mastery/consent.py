"""Sharing consent (README section 10): who may present a record on the `asOf` date, and why."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.mastery.days import age_on
from ledger.mastery.roster import Learner

ADULT_AGE = 18
HEADER = ("learner_id", "age_on_as_of", "may_share", "reason_code")


class ConsentReason(StrEnum):
    """Why a record may be shared, or may not."""

    OK_ADULT = "OK_ADULT"
    OK_MINOR_WITH_GUARDIAN = "OK_MINOR_WITH_GUARDIAN"
    NO_LEARNER_CONSENT = "NO_LEARNER_CONSENT"
    NO_GUARDIAN_CONSENT = "NO_GUARDIAN_CONSENT"


@dataclass(frozen=True, slots=True)
class Sharing:
    """The decision for one learner; it tells the age in whole years and never the date of birth."""

    learner: str
    age: int
    reason: ConsentReason

    @property
    def may_share(self) -> bool:
        """Whether the record may be presented."""
        return self.reason in (ConsentReason.OK_ADULT, ConsentReason.OK_MINOR_WITH_GUARDIAN)

    def cells(self) -> tuple[str, str, str, str]:
        """The row of the sharing file."""
        return self.learner, str(self.age), "yes" if self.may_share else "no", self.reason.value


def decide_sharing(learner: Learner, as_of: date) -> Sharing:
    """Decide for one learner. Only a written yes is consent, and a minor's guardian is asked first."""
    age = age_on(learner.born_on, as_of)
    agrees = learner.learner_consent == "yes"
    if age >= ADULT_AGE:
        reason = ConsentReason.OK_ADULT if agrees else ConsentReason.NO_LEARNER_CONSENT
    elif learner.guardian_consent != "yes":
        reason = ConsentReason.NO_GUARDIAN_CONSENT
    else:
        reason = ConsentReason.OK_MINOR_WITH_GUARDIAN if agrees else ConsentReason.NO_LEARNER_CONSENT
    return Sharing(learner.id, age, reason)
