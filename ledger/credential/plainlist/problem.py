"""Why a status list says nothing about a credential (Bitstring Status List 1.0 §3.5).

None of these is ever an answer about the credential: it may be good or revoked, the list does not tell. A list that has
expired is such a case too, whatever its bits are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from ledger.errors import CairnError


class StatusProblem(StrEnum):
    """The kinds of failure, by the names the W3C text gives them; used for token lists too."""

    RETRIEVAL = "STATUS_RETRIEVAL_ERROR"
    """The list is not held."""
    VERIFICATION = "STATUS_VERIFICATION_ERROR"
    """It is not signed by the party it has to be, is not valid now, or is another list than the credential names."""
    LENGTH = "STATUS_LIST_LENGTH_ERROR"
    """It has fewer places than hide a person."""
    RANGE = "RANGE_ERROR"
    """It has no such place."""
    MALFORMED = "MALFORMED_VALUE_ERROR"
    """A value in it, or in what points to it, cannot be read."""


class StatusListError(CairnError):
    """A status list says nothing about a credential; `problem` says which kind of failure it is."""

    def __init__(self, problem: StatusProblem, message: str, *, hint: str = "") -> None:
        """Keep the kind beside message and hint."""
        super().__init__(message, hint=hint)
        self.problem = problem


@contextmanager
def as_problem(problem: StatusProblem) -> Iterator[None]:
    """Turn every error about outside data into a `StatusListError` of this kind; one that is such already stays."""
    try:
        yield
    except StatusListError:
        raise
    except CairnError as error:
        raise StatusListError(problem, str(error), hint=error.hint) from error
