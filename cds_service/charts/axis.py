"""The time axis that all panels share, and how much room a text takes."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec

from hooks.timeline import Timeline

_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240)
"""Months from one tick to the next."""
_WEEKS = (7, 14)
_SHORT_DAYS = 100
"""A course of fewer days has ticks by the week."""
_FURTHEST = 366
"""Days beyond today that are drawn at most: what is planned later stands in the table."""


class Layout(msgspec.Struct, frozen=True):
    """One of the two drawings: for a wide screen or paper, and for a narrow screen. Sizes in px."""

    name: str
    width: int
    left: int = 52
    right: int = 16
    font: int = 12

    @property
    def plot(self) -> int:
        """The width of the panels."""
        return self.width - self.left - self.right

    def room(self, text: str) -> float:
        """About how wide a text is."""
        return len(text) * self.font * 0.56

    def cut(self, text: str, room: float) -> str:
        """The text, or as much of it as has room."""
        most = int(room / (self.font * 0.5))
        return text if len(text) <= most else text[: most - 1].rstrip() + "…"


WIDE, NARROW = Layout("wide", 940), Layout("narrow", 400, left=46, right=10)


class Axis(msgspec.Struct, frozen=True):
    """Days to px, and the ticks."""

    first: date
    last: date
    layout: Layout

    @classmethod
    def of(cls, course: Timeline, layout: Layout) -> "Axis":
        """From the first day of the course to the last, and a little more."""
        days = list(_days(course))
        latest = course.today + timedelta(days=_FURTHEST)
        first, last = min(days), min(max(days), latest)
        margin = timedelta(days=max(10, round((last - first).days * 0.03)))
        return cls(_moved(first, -margin), _moved(last, margin), layout)

    def px(self, day: date) -> float:
        """Where a day is; days beyond the axis are at its ends."""
        share = (day - self.first).days / (self.last - self.first).days
        return round(min(max(share, 0.0), 1.0) * self.layout.plot, 1)

    def ms_at(self, px: float) -> float:
        """The time, in ms since 1970, at a place in px."""
        begin = ms(self.first)
        return begin + px / self.layout.plot * (ms(self.last) - begin)

    def clipped(self, day: date) -> date:
        """The day, or the end of the axis that it lies beyond."""
        return min(max(day, self.first), self.last)

    def ticks(self) -> tuple[list[int], str]:
        """The ticks, in ms since 1970, and the format of their labels."""
        most = max(self.layout.plot // 85, 2)
        if (self.last - self.first).days <= _SHORT_DAYS:
            for step in _WEEKS:
                weeks = [self.first + timedelta(days=n) for n in range(3, (self.last - self.first).days, step)]
                if len(weeks) <= most:
                    return [ms(day) for day in weeks], "%-d %b %Y"
        for step in _STEPS:
            months = list(_months(self.first, self.last, step))
            if len(months) <= most:
                break
        return [ms(day) for day in months], "%b %Y" if step % 12 else "%Y"


def ms(day: date) -> int:
    """A day as the chart library wants it: ms since 1970, UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def said(day: date) -> str:
    """`22 Nov 2026`."""
    return f"{day.day} {day:%b %Y}"


def _moved(day: date, by: timedelta) -> date:
    try:
        return day + by
    except OverflowError:
        return day


def _months(first: date, last: date, step: int) -> Iterator[date]:
    count = first.year * 12 + first.month
    count += -count % step
    while (day := date(count // 12, count % 12 + 1, 1)) <= last:
        yield day
        count += step


def _days(course: Timeline) -> Iterator[date]:
    yield course.today
    yield from (point.on for point in course.ck)
    yield from (point.on for point in course.strength)
    for lane in course.lanes:
        yield from (day for bar in lane.bars for day in (bar.first, bar.last))
        yield from (day for dose in lane.doses for day in (dose.first, dose.last))
        yield from (window.judge_from for window in lane.windows if window.judge_from)
    yield from (day for level in course.glucocorticoid for day in (level.first, level.last))
