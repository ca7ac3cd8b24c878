"""Countersignatures: proofs that others make over an issuer's own, as a network does for a school (VC Data Integrity §2.1.2).

One never makes a credential better than its issuer's proofs do: it says that somebody else saw these proofs and stands by
them. One that failed has refused the credential before anything here is asked; what is left is good, or could not be
checked, and is told in words either way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.credential.report import Answer, escape_text
from ledger.credential.timestamp import format_timestamp

if TYPE_CHECKING:
    # Whoever reads reports back needs no JSON-LD.
    from ledger.credential.dataintegrity.judgement import ProofAnswer, ProofsJudgement

NameOf = Callable[[str], str | None]
"""The name of whoever a DID is of; None where that is not known."""

_NAMELESS = "nothing held here says whose key this is"
_DAY_LENGTH = len("2026-01-01")


@dataclass(frozen=True, slots=True)
class Countersignature:
    """One countersignature, whatever number of proofs say it.

    Attributes:
        by: who made it, by name, else by DID.
        id: their DID.
        at: Unix ms, as they say themselves; None where they say nothing.
        answer: yes, or could not check.
        reason, hint: why it could not be checked, and what to do.
    """

    by: str
    id: str
    at: int | None
    answer: Answer
    reason: str = ""
    hint: str = ""

    def to_line(self) -> str:
        """It for people."""
        if self.answer is Answer.YES:
            return f"countersigned by {self.by}" + (f" on {self.day}" if self.day else "")
        what = f"a countersignature in the name of {self.by}" + (f" of {self.day}" if self.day else "")
        return f"{what} could not be checked: {self.reason}" + (f" ({self.hint})" if self.hint else "")

    @property
    def day(self) -> str:
        """The day of `at` in UTC; "" where it is not known."""
        return "" if self.at is None else format_timestamp(self.at)[:_DAY_LENGTH]

    def to_json(self) -> dict[str, object]:
        """It for machines, text escaped; `on` is the day of `at` in UTC."""
        return {
            "answer": self.answer.value,
            "at": self.at,
            "by": escape_text(self.by),
            "id": escape_text(self.id),
            "on": self.day or None,
            "reason": escape_text(self.reason),
            "remedy": escape_text(self.hint),
        }


def countersignatures_of(judgement: "ProofsJudgement", issuer: str, name_of: NameOf) -> tuple[Countersignature, ...]:
    """The countersignatures of a document whose proofs were not refused, each once, in order.

    Args:
        judgement: of its proofs.
        issuer: whose document it is: what it signs over its own proofs is no countersignature.
        name_of: names their makers.
    """
    found: dict[tuple[str, str], Countersignature] = {}
    for one in judgement.proofs:
        made = _read(one, issuer, name_of)
        if made is None:
            continue
        key = (made.id, made.day)
        # Of two proofs, one for each kind of reader, a good one is enough to know.
        if key not in found or found[key].answer is not Answer.YES:
            found[key] = made
    return tuple(found.values())


def _read(one: "ProofAnswer", issuer: str, name_of: NameOf) -> Countersignature | None:
    proof = one.proof
    if proof is None or not proof.previous:
        return None
    owner = one.controller or proof.method.partition("#")[0]
    if owner == issuer:
        return None
    name = name_of(owner)
    if one.answer is Answer.YES and name is None:
        return Countersignature(owner, owner, proof.created, Answer.COULD_NOT_CHECK, _NAMELESS)
    is_good = one.answer is Answer.YES
    reason, hint = ("", "") if is_good else (one.reason, one.hint)
    return Countersignature(name or owner, owner, proof.created, one.answer, reason, hint)
