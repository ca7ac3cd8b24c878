"""A picture of one log over time, as inline SVG with a text alternative: entries by the times of its anchored heads."""

from collections.abc import Sequence
from html import escape

from wallet_cli.audit_report import AuditedLog, DatedHead, at_second
from wallet_cli.terminal import count

WIDTH, HEIGHT = 720, 160
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 12, 12, 28


def draw_timeline(log: AuditedLog, marks: Sequence[int]) -> str:
    """Give an `<svg>` element, or a sentence where no head of the log has a time.

    Args:
        log: with its dated heads.
        marks: entries that findings are about.
    """
    if not log.heads:
        return "<p>No head of this log has been anchored with a quorum yet, so nothing in it has a time.</p>"
    place = _Place(log)
    points = [place.point(head.seconds, head.size) for head in log.heads]
    steps = [f"{points[0][0]},{place.y(0)}"]
    for before, (x, y) in zip([(points[0][0], place.y(0)), *points], points, strict=False):
        steps += [f"{x},{before[1]}", f"{x},{y}"]
    dots = "".join(f'<circle class="mark" cx="{x}" cy="{y}" r="5"/>' for x, y in map(place.mark, marks))
    first, last = log.heads[0], log.heads[-1]
    title = f"Size of the log of {escape(log.name)} over time"
    words = escape(_in_words(log, marks))
    return (
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}. {words}">'
        f"<title>{title}</title><desc>{words}</desc>"
        f'<path class="axis" d="M{_LEFT},{_TOP} V{HEIGHT - _BOTTOM} H{WIDTH - _RIGHT}"/>'
        f'<polyline class="size" points="{" ".join(steps)}"/>{dots}'
        f'<text x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{place.largest}</text>'
        f'<text x="{_LEFT - 6}" y="{HEIGHT - _BOTTOM}" text-anchor="end">0</text>'
        f'<text x="{_LEFT}" y="{HEIGHT - 8}">{at_second(first.seconds)}</text>'
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{at_second(last.seconds)}</text></svg>'
    )


def _in_words(log: AuditedLog, marks: Sequence[int]) -> str:
    first, last = log.heads[0], log.heads[-1]
    size = count(first.size, "entry", "entries")
    grown = f"{size} by {at_second(first.seconds)}, {last.size} by {at_second(last.seconds)}."
    if not marks:
        return f"{grown} No finding is about an entry."
    return f"{grown} Findings are about entries {', '.join(str(mark) for mark in sorted(set(marks)))}."


class _Place:
    """Where times and sizes stand in the picture."""

    def __init__(self, log: AuditedLog) -> None:
        self._heads: tuple[DatedHead, ...] = log.heads
        self.largest = max(log.size, 1)
        self._start = log.heads[0].seconds
        self._span = max(log.heads[-1].seconds - self._start, 1)

    def point(self, seconds: int, size: int) -> tuple[int, int]:
        x = _LEFT + (WIDTH - _LEFT - _RIGHT) * (seconds - self._start) // self._span
        return x, self.y(size)

    def y(self, size: int) -> int:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(size, self.largest) // self.largest

    def mark(self, index: int) -> tuple[int, int]:
        """An entry stands at the first time by which it was known."""
        known = next((head for head in self._heads if head.size > index), self._heads[-1])
        return self.point(known.seconds, index + 1)
