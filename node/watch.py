"""Looking at a node's findings now and then, and remembering since when each stands.

A finding that appears or goes is one line in the node's log. Since when each stands is kept in `DIR/findings.json`, which is
written only when a finding comes or goes, so that ages survive a restart; a file that is lost or damaged costs only the
ages. It holds codes, subjects (addresses, names of institutions, log ids) and times. Its own time of change is set at every
look: of a node that was killed it tells how long ago that was.
"""

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from node import durable
from node.client.finding import Finding, FindingCode
from node.clock import Clock, Draw
from node.tasks import Backoff, keep_doing

FILE_NAME = "findings.json"
INTERVAL_SECONDS = 60.0
FIRST_SECONDS = 10.0
MAX_FILE_BYTES = 1 << 20

_log = logging.getLogger(__name__)

Gather = Callable[[], Awaitable[Sequence[Finding]]]


class Watch:
    """Looks by itself every minute, and whenever somebody asks. Used from the event loop's thread alone.

    Args:
        gather: finds what there is now.
        path: the file of ages.
        clock: Unix milliseconds.
        draw: random bytes, for pauses.

    Attributes:
        newest: what the last look found; empty before the first.
    """

    def __init__(self, gather: Gather, path: Path, clock: Clock, draw: Draw) -> None:
        self._gather = gather
        self._path = path
        self._clock = clock
        self._draw = draw
        self._since = _read_ages(path)
        self.newest: tuple[Finding, ...] = ()
        # One look at a time: two would both tell the log of the same news.
        self._looking = asyncio.Lock()

    async def look(self) -> tuple[Finding, ...]:
        """What there is to look at now, each with the moment from which on it is known."""
        async with self._looking:
            found = tuple(await self._gather())
            now = self._clock()
            since = {finding.key: self._since.get(finding.key, now) for finding in found}
            self._tell(found, since)
            is_news, self._since = since != self._since, since
            await asyncio.to_thread(self._store if is_news else self._touch)
            self.newest = tuple(
                finding if finding.since is not None else replace(finding, since=since[finding.key])
                for finding in found
            )
            return self.newest

    async def run(self) -> None:
        """Look every minute, until cancelled; the first time when peers had a moment to answer after a start."""

        async def step() -> None:
            await self.look()
            await asyncio.sleep(INTERVAL_SECONDS)

        await asyncio.sleep(FIRST_SECONDS)
        await keep_doing("watch", step, Backoff(self._draw))

    def _tell(self, found: Sequence[Finding], since: dict[tuple[FindingCode, str], int]) -> None:
        for finding in found:
            if finding.key not in self._since:
                fields = {"code": finding.code.value, "severity": finding.severity.value, "subject": finding.subject}
                _log.warning("finding appeared", extra={**fields, "what": finding.what, "why": finding.why})
        for code, subject in self._since.keys() - since.keys():
            _log.info("finding is gone", extra={"code": code.value, "subject": subject})

    def _touch(self) -> None:
        try:
            os.utime(self._path)
        except FileNotFoundError:
            self._store()
        except OSError as error:
            _log.debug("time of the last look not stored", extra={"reason": error.strerror})

    def _store(self) -> None:
        rows = [
            {"code": code.value, "since": since, "subject": subject} for (code, subject), since in self._since.items()
        ]
        try:
            durable.replace_file(self._path, json.dumps(rows).encode() + b"\n", mode=0o640)
        except OSError as error:
            # A full disk is a finding itself; not being able to note its age must not end the node.
            _log.warning("ages of findings not stored", extra={"reason": error.strerror})


def last_look(directory: Path) -> int | None:
    """When the node of a directory last looked, Unix ms, at most a minute before it ended; None where nobody can tell."""
    try:
        return int((directory / FILE_NAME).stat().st_mtime * 1000)
    except OSError:
        return None


def _read_ages(path: Path) -> dict[tuple[FindingCode, str], int]:
    try:
        with path.open("rb") as file:
            rows = json.loads(file.read(MAX_FILE_BYTES))
        return {(FindingCode(row["code"]), str(row["subject"])): int(row["since"]) for row in rows}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
