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
    none = "" if lane.state else "none on record"
    panel.texts.append(Text(0, top + 8, lane.title, bold=True))
    panel.texts.append(
        Text(axis.layout.room(lane.title) * 1.05 + 8, top + 8, lane.state or (none if lane.empty else ""), "quiet")
    )
    if lane.empty:
        return top + NAME
    top += NAME
    for bars in _tracks(lane.bars):
        for bar in bars:
            _bar(panel, bar, course, axis, top)
        top += TRACK
    if lane.doses:
        _doses(panel, lane.doses, axis, top)
        top += TRACK
    for windows in _tracks(lane.windows):
        for window in windows:
            _window(panel, window, course, axis, top, alone=len(lane.windows) == 1)
        top += WINDOW
    return top + GAP


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


def _bar(panel: Panel, bar: Bar, course: Timeline, axis: Axis, top: int) -> None:
    low, high = top + TRACK - 4, top
    tip = ", ".join(
        filter(None, (bar.text, bar.dose, f"{bar.since} to {bar.until or '?'}", _standing(bar), bar.remark))
    )
    coming = bar.standing in ("planned", "ordered")
    role = "quiet" if bar.standing == "for another disease" else "drug"
    if bar.sure is None or bar.sure != (bar.first, bar.last):
        panel.rects.append(
            Rect(bar.first, bar.last, low, high, role, f"{tip}: dates not known exactly", 0.06, dashed=True)
        )
    if bar.sure:
        opacity = 0.0 if coming or bar.standing == "on hold" else 0.28
        panel.rects.append(
            Rect(*bar.sure, low, high, role, tip, opacity, outline=2 if bar.standing == "ordered" else 1, dashed=coming)
        )
    if bar.open:
        panel.points.append(Point(axis.clipped(bar.last), (low + high) / 2, role, "triangle-right", tip, size=50))
    label = ", ".join(filter(None, (bar.dose, _standing(bar))))
    x, room = axis.px(bar.first) + 4, axis.layout.room(label)
    if x + room < max(axis.px(bar.last), x + 1):
        panel.texts.append(Text(x, (low + high) / 2, label))
    elif axis.px(bar.last) + room + 10 < axis.layout.plot and (bar.last >= course.today or coming):
        panel.texts.append(Text(axis.px(bar.last) + 8, (low + high) / 2, label))


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
    end = -100.0
    groups = [list(group) for _, group in groupby(doses, key=lambda dose: (dose.dose, _standing(dose)))]
    for group, following in zip(groups, (*groups[1:], None), strict=True):
        label = ", ".join(filter(None, (group[0].dose, _standing(group[0]))))
        if len(group) > 1:
            label = f"{len(group)} × {label}" if label else f"{len(group)} ×"
        x = axis.px(group[-1].last + timedelta(days=1)) + 8
        room = axis.layout.room(label)
        until = axis.px(following[0].first) - 5 if following else axis.layout.plot
        if label and x > end and x + room < until:
            panel.texts.append(Text(x, middle, label))
        elif label and (left := axis.px(group[0].first) - 8 - room) > end:
            panel.texts.append(Text(left, middle, label))
        end = axis.px(group[-1].last)


def _window(panel: Panel, window: Window, course: Timeline, axis: Axis, top: int, *, alone: bool) -> None:
    """From the first day of a trial to the day from which it may be judged; no bracket where there is no such day."""
    middle = top + 6
    begin, last = axis.px(window.first), window.judge_from or window.first
    if window.judge_from is None:
        label = f"trial from {said(window.first)}: {window.state}"
    else:
        verb = "judge" if window.judge_from > course.today else "judged"
        label = f"{verb} from {said(window.judge_from)}" + ("" if alone else f": {window.state}")
    tip = ". ".join(filter(None, (f"Trial from {said(window.first)}, {window.state}", label, window.given, window.gap)))
    panel.rules.append(Rule(window.first, last, middle, middle, "ink", tip))
    panel.rules.append(Rule(window.first, window.first, middle - 4, middle + 4, "ink", tip))
    panel.rules.append(Rule(last, last, middle - 4, middle + 4, "ink", tip, width=2))
    end, room = axis.px(last), axis.layout.room(label)
    if end - begin > room + 24:
        panel.texts.append(Text((begin + end) / 2, middle, label, "quiet", align="center"))
    elif end + room + 6 < axis.layout.plot:
        panel.texts.append(Text(end + 6, middle, label, "quiet"))
    else:
        panel.texts.append(Text(begin - 6, middle, label, "quiet", align="right"))
