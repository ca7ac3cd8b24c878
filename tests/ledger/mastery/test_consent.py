"""Sharing consent, as a whole table."""

from datetime import date

import pytest

from ledger.mastery.consent import decide_sharing
from ledger.mastery.roster import Learner

DAY = date(2026, 6, 15)
ADULT, MINOR = date(2008, 6, 15), date(2008, 6, 16)


@pytest.mark.parametrize(
    ("born", "learner", "guardian", "reason", "may_share"),
    [
        (ADULT, "yes", "", "OK_ADULT", True),
        (ADULT, "yes", "no", "OK_ADULT", True),
        (ADULT, "no", "yes", "NO_LEARNER_CONSENT", False),
        (ADULT, "", "yes", "NO_LEARNER_CONSENT", False),
        (MINOR, "yes", "yes", "OK_MINOR_WITH_GUARDIAN", True),
        (MINOR, "yes", "no", "NO_GUARDIAN_CONSENT", False),
        (MINOR, "yes", "", "NO_GUARDIAN_CONSENT", False),
        (MINOR, "no", "yes", "NO_LEARNER_CONSENT", False),
        (MINOR, "", "yes", "NO_LEARNER_CONSENT", False),
        (MINOR, "no", "no", "NO_GUARDIAN_CONSENT", False),
    ],
)
def test_who_may_share(born: date, learner: str, guardian: str, reason: str, may_share: bool) -> None:
    """Only a written yes is consent; the guardian of a minor is asked first."""
    decision = decide_sharing(Learner("L1", born, "D", learner, guardian), DAY)
    assert (decision.reason.value, decision.may_share) == (reason, may_share)
    assert decision.cells() == ("L1", str(decision.age), "yes" if may_share else "no", reason)
