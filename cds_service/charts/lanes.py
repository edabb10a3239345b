"""The lanes of treatments: bars, single marks, and the windows of trials below them."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import TypeVar

from cds_service.charts.axis import Axis, said
from cds_service.charts.panels import Panel, Point, Rect, Rule, Text
from hooks.timeline import Timeline
from hooks.timeline.model import Bar, Dose, Lane, Window

NAME, TRACK, WINDOW, GAP = 19, 17, 19, 8
"""Heights in px: of a lane's name, of a row of bars or doses, of a row of windows, and between lanes."""
Drawn = TypeVar("Drawn", Bar, Window)
THIN = 5
"""A dose is drawn at least this wide."""


def treatment(course: Timeline, axis: Axis) -> Panel:
    """The panel of all lanes."""
    panel = Panel(title="Treatment", height=0, y=(0, 0), rects=[], rules=[], points=[], texts=[])
    top = 0
    for n, lane in enumerate(course.lanes):
        if n:
            panel.rules.append(Rule(axis.first, axis.last, top, top, "grid"))
        top = _lane(panel, lane, course, axis, top + 4)
    panel.height, panel.y = top, (top, 0)
    return panel


def _lane(panel: Panel, lane: Lane, course: Timeline, axis: Axis, top: int) -> int:
    """Draw a lane from `top` down; the height at which it ends."""
    x = axis.layout.room(lane.title) * 1.2 + 9
    panel.texts.append(Text(0, top + 8, lane.title, bold=True))
    panel.texts.append(Text(x, top + 8, axis.layout.cut(lane.state, axis.layout.plot - x), "quiet"))
    if lane.empty:
        return top + NAME
    top += NAME
    for bars in _tracks(lane.bars):
        taken = 0.0
        for bar, following in zip(bars, (*bars[1:], None), strict=True):
            taken = _bar(panel, bar, axis, top, free=(taken, _begin(following, axis)))
        top += TRACK
    if lane.doses:
        _doses(panel, lane.doses, axis, top)
        top += TRACK
    for windows in _tracks(lane.windows):
        taken = 0.0
        for window, next_window in zip(windows, (*windows[1:], None), strict=True):
            free = taken, _begin(next_window, axis)
            taken = _window(panel, window, course.today, axis, top, free=free)
        top += WINDOW
    return top + GAP


def _begin(drawn: Bar | Window | None, axis: Axis) -> float:
    return axis.px(drawn.first) if drawn else axis.layout.plot


def _end(drawn: Bar | Window) -> date:
    return drawn.last if isinstance(drawn, Bar) else drawn.judge_from or drawn.first


def _tracks(drawn: Sequence[Drawn]) -> list[list[Drawn]]:
    """As few rows as keep things apart that overlap."""
    rows: list[list[Drawn]] = []
    for one in drawn:
        row = next((row for row in rows if _end(row[-1]) < one.first), None)
        if row is None:
            rows.append([one])
        else:
            row.append(one)
    return rows


def _bar(panel: Panel, bar: Bar, axis: Axis, top: int, free: tuple[float, float]) -> float:
    """A bar, dashed where it is not certain. `free`: px, where its label may be. Returns where bar and label end."""
    low, high = top + TRACK - 4, top
    middle = (low + high) / 2
    when = f"{bar.since} to {bar.until or '?'}"
    tip = ", ".join(filter(None, (bar.text, bar.dose, when, _standing(bar), bar.remark)))
    coming = bar.standing in ("planned", "ordered")
    role = "quiet" if bar.standing == "for another disease" else "drug"
    if coming and bar.first == bar.last:
        shape = "diamond" if bar.standing == "ordered" else "circle"
        panel.points.append(Point(axis.clipped(bar.first), middle, role, shape, tip, filled=False, size=64))
    elif bar.sure != (bar.first, bar.last):
        vague = f"{tip}: dates not known exactly"
        panel.rects.append(Rect(bar.first, bar.last, low, high, role, vague, 0.06, dashed=True))
    if bar.sure and not (coming and bar.first == bar.last):
        opacity = 0.0 if coming or bar.standing == "on hold" else 0.28
        panel.rects.append(Rect(*bar.sure, low, high, role, tip, opacity, dashed=coming))
    if bar.open:
        panel.points.append(Point(axis.clipped(bar.last), middle, role, "triangle-right", tip, size=50))
    lost = bar.remark if bar.first == bar.last else ""
    label = ", ".join(filter(None, (bar.dose, _standing(bar), lost)))
    begin, end, room = axis.px(bar.first), axis.px(bar.last), axis.layout.room(label)
    if begin + 4 + room < end:
        panel.texts.append(Text(begin + 4, middle, label))
    elif end + 9 + room < free[1]:
        panel.texts.append(Text(end + 9, middle, label))
        return end + 9 + room
    elif begin - 9 - room > free[0] and bar.first == bar.last:
        panel.texts.append(Text(begin - 9, middle, label, align="right"))
    return end


def _standing(drawn: Bar | Dose) -> str:
    return "" if drawn.standing == "given" else drawn.standing


def _doses(panel: Panel, doses: tuple[Dose, ...], axis: Axis, top: int) -> None:
    low, high, middle = top + TRACK - 4, top, top + TRACK / 2 - 2
    for dose in doses:
        tip = ", ".join(filter(None, (dose.when, dose.dose, _standing(dose), dose.remark)))
        role = "quiet" if dose.standing == "for another disease" else "drug"
        given = dose.standing not in ("planned", "ordered")
        if not dose.exact:
            panel.rects.append(Rect(dose.first, dose.last, low, high, role, f"{tip}: day not known", 0.06, dashed=True))
        elif given and axis.px(dose.last) - axis.px(dose.first) >= THIN:
            panel.rects.append(Rect(dose.first, dose.last, low, high, role, tip, 0.75))
        else:
            shape = "diamond" if dose.standing == "ordered" else "circle"
            panel.points.append(Point(axis.clipped(dose.first), middle, role, shape, tip, filled=given, size=64))
    taken = 0.0
    groups = [list(group) for _, group in groupby(doses, key=lambda dose: (dose.dose, _standing(dose)))]
    for group, following in zip(groups, (*groups[1:], None), strict=True):
        label = ", ".join(filter(None, (group[0].dose, _standing(group[0]))))
        if len(group) > 1:
            label = f"{len(group)} × {label}" if label else f"{len(group)} ×"
        x = axis.px(group[-1].last + timedelta(days=1)) + 8
        room = axis.layout.room(label)
        until = axis.px(following[0].first) - 5 if following else axis.layout.plot
        end = axis.px(group[-1].last)
        if label and x + room < until:
            panel.texts.append(Text(x, middle, label))
            end = x + room
        elif label and (left := axis.px(group[0].first) - 8 - room) > taken:
            panel.texts.append(Text(left, middle, label))
        taken = end


def _window(panel: Panel, window: Window, today: date, axis: Axis, top: int, *, free: tuple[float, float]) -> float:
    """From the first day of a trial to the day from which it may be judged; a stroke where there is no such day.

    `free`: px, where its label may be. Returns where window and label end.
    """
    middle = top + 6
    begin, last = axis.px(window.first), window.judge_from or window.first
    if window.judge_from is None:
        label = f"trial from {said(window.first)}"
    else:
        label = f"{'judge' if window.judge_from > today else 'judged'} from {said(window.judge_from)}"
    tip = ". ".join(filter(None, (f"Trial from {said(window.first)}, {window.state}", label, window.given, window.gap)))
    panel.rules.append(Rule(window.first, window.first, middle - 4, middle + 4, "ink", tip))
    panel.rules.append(Rule(last, last, middle - 4, middle + 4, "ink", tip, width=2))
    end, room = axis.px(last), axis.layout.room(label)
    if end - begin > room + 24:
        centre, half = (begin + end) / 2, room / 2
        panel.texts.append(Text(centre, middle, label, "quiet", align="center"))
        panel.rules.append(Rule(begin, centre - half, middle, middle, "ink", tip))
        panel.rules.append(Rule(centre + half, end, middle, middle, "ink", tip))
        return end
    panel.rules.append(Rule(begin, end, middle, middle, "ink", tip))
    if end + room + 6 < free[1]:
        panel.texts.append(Text(end + 6, middle, label, "quiet"))
        return end + 6 + room
    if begin - room - 6 > free[0]:
        panel.texts.append(Text(begin - 6, middle, label, "quiet", align="right"))
    return end
