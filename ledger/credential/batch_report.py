"""What verifying many files comes to: one report a file, counts, one exit code; and the JSON of a report, both ways."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ledger.credential.countersignature import Countersignature
from ledger.credential.report import (
    Answer,
    ClaimClass,
    Code,
    CredentialReport,
    RecordReport,
    ShownLine,
    Step,
    batch_exit_code,
    unreadable,
)
from ledger.errors import MalformedError

if TYPE_CHECKING:
    from ledger.credential.as_of_report import AnswerThen, AsOfReport, Change

MAX_REPORT_BYTES = 64 * 1024 * 1024
"""Largest report that is read back: of a file with 200 credentials that show 10,000 fields each."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found about one file; `name` is what whoever asked calls it."""

    name: str
    report: RecordReport
    digest: bytes = b""
    """SHA-256 of the file; empty where it could not be opened, or nobody asked."""

    @property
    def codes(self) -> tuple[Code, ...]:
        """The code of each credential in the file."""
        return tuple(credential.code for credential in self.report.credentials)

    def to_json(self) -> dict[str, object]:
        """Give the report as plain values, with the file's name."""
        return {"file": self.name, **self.report.to_json()}

    def to_line(self) -> str:
        """Give the report in one line; escaping is left to whoever prints."""
        titles = ", ".join(credential.title for credential in self.report.credentials if credential.title)
        line = f"{self.name}: {self.report.summary} ({_join(one.asked for one in self.report.credentials)})"
        if any(credential.as_of is not None for credential in self.report.credentials):
            line += f"; today: {self.report.verdict.text} ({_join(self.codes)})"
        return line + (f", {titles}" if titles else "")


class Tally:
    """What a batch comes to, without keeping its reports."""

    def __init__(self) -> None:
        """Start with no file."""
        self.counts: dict[str, int] = {}
        self._exit_codes: set[int] = set()

    def add(self, report: FileReport) -> None:
        """Count one file."""
        verdict = report.report.summary
        self.counts[verdict] = self.counts.get(verdict, 0) + 1
        self._exit_codes.add(report.report.exit_code)

    @property
    def exit_code(self) -> int:
        """0 all valid, 1 any no, 2 only if nothing could be read, else 3."""
        return batch_exit_code(self._exit_codes)

    def to_line(self) -> str:
        """Give the counts in words."""
        return ", ".join(f"{count} {verdict}" for verdict, count in sorted(self.counts.items()))


def _join(codes: Iterable[Code]) -> str:
    return ", ".join(dict.fromkeys(code.value for code in codes))


def report_unreadable(detail: str, remedy: str) -> RecordReport:
    """The report on a file that could not be had, or is none."""
    return RecordReport((unreadable(detail, remedy),))


def encode_report(report: RecordReport) -> bytes:
    """The JSON of a report on one line, names sorted; `parse_report` inverts it, but for what was escaped."""
    return json.dumps(report.to_json(), ensure_ascii=True, sort_keys=True).encode("ascii")


def parse_report(data: bytes) -> RecordReport:
    """Read a report that somebody trusted made, such as one's own node; verdict and exit codes follow from the codes.

    Raises:
        MalformedError: it is none, or of another version.
    """
    if len(data) > MAX_REPORT_BYTES:
        raise MalformedError(f"report: {len(data)} bytes, at most {MAX_REPORT_BYTES} are read")
    try:
        value = json.loads(data)
        return RecordReport(
            tuple(_credential(item) for item in value["credentials"]),
            tuple(_line(item) for item in value["shown"]),
            tuple(map(str, value["notes"])),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedError("report: not the JSON of a verification", hint="use the node's own version") from error


def _credential(value: dict[str, Any]) -> CredentialReport:  # JSON: whatever is not as expected raises where it is used
    return CredentialReport(
        steps=tuple(_step(item) for item in value["steps"]),
        code=Code(value["code"]),
        title=str(value["title"]),
        issuer=str(value["issuer"]),
        achievement=str(value["achievement"]),
        shown=tuple(_line(item) for item in value["shown"]),
        not_shown=tuple(map(str, value["not_shown"])),
        notes=tuple(map(str, value["notes"])),
        as_of=None if value["as_of"] is None else _as_of(value["as_of"]),
        countersignatures=tuple(_countersignature(item) for item in value["countersignatures"]),
    )


def _countersignature(value: dict[str, Any]) -> Countersignature:  # as above
    at = None if value["at"] is None else int(value["at"])
    reason, remedy = str(value["reason"]), str(value["remedy"])
    return Countersignature(str(value["by"]), str(value["id"]), at, Answer(value["answer"]), reason, remedy)


def _as_of(value: dict[str, Any]) -> "AsOfReport":  # as above
    # Imported where a report holds one: whoever verifies without a moment starts sooner.
    from ledger.credential.as_of_report import AsOfReport

    return AsOfReport(
        at=int(value["at"]),
        state=str(value["state"]),
        known_then=_answer(value["known_then"]),
        known_now=_answer(value["known_now"]),
        changes=tuple(_change(item) for item in value["changes"]),
        notes=tuple(map(str, value["notes"])),
    )


def _answer(value: dict[str, Any]) -> "AnswerThen":  # as above
    from ledger.credential.as_of_report import AnswerThen

    return AnswerThen(Code(value["code"]), tuple(_step(item) for item in value["steps"]))


def _change(value: dict[str, Any]) -> "Change":  # as above
    from ledger.credential.as_of_report import Change

    index, known_by = (None if value[name] is None else int(value[name]) for name in ("index", "known_by"))
    return Change(
        step=int(value["step"]),
        what=str(value["what"]),
        log=str(value["log"]),
        index=index,
        known_by=known_by,
        reaches_back=value["reaches_back"] is True,
    )


def _step(value: dict[str, str]) -> Step:
    lines = tuple(map(str, value["lines"]))
    return Step(
        int(value["number"]), str(value["name"]), Answer(value["answer"]), value["detail"], value["remedy"], lines
    )


def _line(value: dict[str, str]) -> ShownLine:
    return ShownLine(str(value["label"]), str(value["value"]), ClaimClass(value["claim_class"]))
