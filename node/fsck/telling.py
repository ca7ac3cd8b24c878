"""Findings for people: what stands together is told together, and DIR is the directory they typed."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from node.fsck.finding import Finding

MAX_TOLD = 200
"""Groups of findings printed; `--json` has all of them."""


def tell(findings: Iterable[Finding], directory: str) -> Iterator[str]:
    """Give the lines about findings, damage first."""
    ordered = sorted(findings, key=lambda finding: not finding.is_damage)
    groups = _group(ordered)
    for first, last in groups[:MAX_TOLD]:
        upto = "" if last is first else f" to {last.index}"
        label = "damaged" if first.is_damage else "could not be decided"
        yield f"{label}: {first.part}: {first.place}{upto}"
        yield f"  what:  {first.what}"
        if first.means:
            yield f"  means: {first.means}"
        yield f"  do:    {first.remedy.replace('DIR', directory)}"
    if len(groups) > MAX_TOLD:
        yield f"and {len(groups) - MAX_TOLD} more; --json lists all"


def with_directory(finding: Finding, directory: str) -> Finding:
    """The finding with the directory that was typed in its remedy."""
    return replace(finding, remedy=finding.remedy.replace("DIR", directory))


def _group(findings: list[Finding]) -> list[tuple[Finding, Finding]]:
    """First and last of each run of rows of one class, one log and one problem whose indexes follow each other."""
    groups: list[tuple[Finding, Finding]] = []
    for finding in findings:
        if groups and _follows(groups[-1][1], finding):
            groups[-1] = groups[-1][0], finding
        else:
            groups.append((finding, finding))
    return groups


def _follows(last: Finding, this: Finding) -> bool:
    return (
        this.kind is not None
        and this.index is not None
        and last.index is not None
        and (last.log, last.kind, last.what) == (this.log, this.kind, this.what)
        and last.place.removesuffix(str(last.index)) == this.place.removesuffix(str(this.index))
        and this.index == last.index + 1
    )
