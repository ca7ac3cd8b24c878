"""What is wrong with a data set, all of it at once: a registrar repairs a file in one go, not row by row.

A problem names file, line, column and reason. Readers report to a `ProblemCollector` and go on with a harmless value;
whoever asked them refuses the whole data set at the end if anything was reported. Remarks are about definitions that
can be read and evaluated but probably do not say what was meant; they never refuse anything.
"""

from dataclasses import dataclass

from ledger.errors import MalformedError


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that cannot be read. `line` and `column` count from 1; 0 means the file as a whole."""

    file: str
    line: int
    column: int
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}: line {self.line}, column {self.column}" if self.line else self.file
        return f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ProblemList:
    """Every problem of a data set, in the order of files, lines and columns, each once."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class DataSetError(MalformedError):
    """The data set cannot be read; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: ProblemList, *, hint: str = "") -> None:
        """Keep all problems; the message is one line for each."""
        super().__init__(str(problems), hint=hint)
        self.problems = problems


class ProblemCollector:
    """Where readers report problems and remarks while they go on reading."""

    __slots__ = ("_problems", "_remarks")

    def __init__(self) -> None:
        """Start with nothing to report."""
        self._problems: list[Problem] = []
        self._remarks: list[Problem] = []

    def __len__(self) -> int:
        return len(self._problems)

    def add(self, file: str, line: int, column: int, reason: str) -> None:
        """Report one problem."""
        self._problems.append(Problem(file, line, column, reason))

    def remark(self, file: str, line: int, column: int, reason: str) -> None:
        """Report something that can be evaluated but is probably a mistake."""
        self._remarks.append(Problem(file, line, column, reason))

    @property
    def remarks(self) -> tuple[Problem, ...]:
        """The remarks so far, sorted, each once."""
        return tuple(sorted(set(self._remarks)))

    def refuse(self) -> None:
        """Raise what was reported, if anything was.

        Raises:
            DataSetError: with every problem.
        """
        if self._problems:
            raise DataSetError(
                ProblemList(tuple(sorted(set(self._problems)))), hint="repair all of these and try again"
            )
