"""What a run of `cairn sync` did: each log, what was refused, which forks were proven, in words and as JSON."""

from dataclasses import dataclass

from ledger.log.identity import LogId, encode_log_id
from wallet_cli.terminal import count


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOutcome:
    """What a run did for one log.

    Attributes:
        log_id: the log.
        name: of the institution; as the network calls it where the log could not be had.
        before: entries held before the run.
        size: entries held now.
        problems: what was refused, or could not be had, and from whom.
        forks: new pieces of fork evidence.
        ruled: the network's entry that named another history than the one held before, which was taken instead.
    """

    log_id: LogId
    name: str
    before: int
    size: int
    problems: tuple[str, ...] = ()
    forks: int = 0
    ruled: int | None = None

    def to_json(self) -> dict[str, object]:
        """Give the outcome as plain values."""
        return {
            "before": self.before,
            "forks": self.forks,
            "log": encode_log_id(self.log_id),
            "name": self.name,
            "problems": list(self.problems),
            "ruled": self.ruled,
            "size": self.size,
        }


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a run did: the network's log first, then its members', and nodes that did not answer."""

    logs: tuple[LogOutcome, ...]
    unreachable: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Tell whether every log was had without anything refused."""
        return all(log.size and not log.problems and not log.forks for log in self.logs)

    def to_json(self) -> dict[str, object]:
        """Give the report as plain values."""
        return {
            "complete": self.is_complete,
            "logs": [log.to_json() for log in self.logs],
            "unreachable": list(self.unreachable),
        }

    def to_lines(self) -> list[str]:
        """Give the report in words; escaping is left to whoever prints."""
        lines = [f"no answer: {reason}" for reason in self.unreachable]
        for log in self.logs:
            news = f"{log.size - log.before} new" if log.size > log.before else "nothing new"
            if log.ruled is not None:
                news = "fetched anew"
            lines.append(f"{log.name}: {count(log.size, 'entry', 'entries')}, {news}")
            if log.ruled is not None:
                lines.append(f"  entry {log.ruled} of the network's log names another history than the one held here")
                lines.append(
                    f"  the {count(log.before, 'entry', 'entries')} held gave way to it; proof of both is kept"
                )
            lines += [f"  refused or missing: {problem}" for problem in log.problems]
            if log.forks:
                proofs = count(log.forks, "new proof", "new proofs")
                lines.append(f"  WARNING: {proofs} that two histories of this log were signed; kept (cairn evidence)")
        return lines
