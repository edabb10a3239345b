"""The course of a disease as panels: CK, strength, treatments, glucocorticoid, and where rules judge."""

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from cds_service.charts.axis import Axis, Layout, said
from cds_service.charts.lanes import treatment
from cds_service.charts.panels import Panel, Point, Rect, Rule, Text
from hooks.timeline import Timeline
from hooks.timeline.model import CkPoint, Level, Mark

HEADROOM = 0.3
"""Above the highest CK, as a share of the rest: for its number, and for the name of today."""
MANY = 60
"""More points than this are drawn small."""
_SHAPES = {"": "circle", ">": "triangle-up", ">=": "triangle-up", "<": "triangle-down", "<=": "triangle-down"}


def panels(course: Timeline, axis: Axis) -> Iterator[Panel]:
    """All panels, from top to bottom. Panels of what is not on record say so."""
    first = _ck(course, axis)
    first.texts.append(msgspec.structs.replace(_today(course, axis), y=first.y[1]))
    yield first
    yield _strength(course, axis)
    yield treatment(course, axis)
    if course.glucocorticoid:
        yield _glucocorticoid(course, axis)
    if course.marks:
        yield _marks(course, axis)
    yield from _key(course, axis)


def _today(course: Timeline, axis: Axis) -> Text:
    """The name of the line of today, at the top of a panel."""
    text = f"today, {said(course.today)}"
    x = axis.px(course.today)
    right = x + axis.layout.room(text) + 6 < axis.layout.plot
    return Text(x + 5 if right else x - 5, 0, text, align="left" if right else "right", dy=8)


def _none(title: str) -> Panel:
    return Panel(title=title, height=16, y=(0, 1), plain=True, texts=[])


def _ck(course: Timeline, axis: Axis) -> Panel:
    points = [point for point in course.ck if point.value > 0]
    if not points:
        return _none("Creatine kinase: no result that can be used")
    values = [point.value for point in points]
    low, top = min(*values, *(limit.uln for limit in course.limits)) / 1.7, max(*values, course.limits[-1].uln * 2)
    high = top * (top / low) ** HEADROOM
    rects, rules = [], []
    for limit, following in zip(course.limits, (*course.limits[1:], None), strict=True):
        first = axis.first if limit is course.limits[0] else limit.since
        last = following.since if following else axis.last
        whose = "of the laboratory" if limit.own else "by default, as the result has none"
        tip = f"Upper limit of normal {limit.uln:g} U/L, {whose}"
        rects.append(Rect(first, last, low, limit.uln, "normal", tip, opacity=0.16, outline=0))
        rules.append(Rule(first, last, limit.uln, limit.uln, "normal", tip))
    baselines = {window.ck.source: window.ck for lane in course.lanes for window in lane.windows if window.ck}
    size = 14 if len(points) > MANY else 42
    return Panel(
        title="Creatine kinase, U/L (log scale)",
        height=170,
        y=(low, high),
        log=True,
        ticks=_log_ticks(low, high),
        format=",.0f",
        rects=rects,
        rules=rules,
        line=tuple((point.on, point.value) for point in points),
        line_role="ck",
        points=[
            *(Point(p.on, p.value, "ck", _SHAPES[p.comparator], _ck_tip(p), size=size) for p in points),
            *(Point(p.on, p.value, "ink", "diamond", filled=False, size=190) for p in baselines.values()),
        ],
        texts=[
            *_limits(course, axis),
            *_labels(
                [(axis.px(p.on), p.value, f"{p.comparator}{p.value:,.0f}") for p in _telling(points, course.marks)],
                axis.layout,
            ),
        ],
    )


def _limits(course: Timeline, axis: Axis) -> Iterator[Text]:
    """The limits as texts, as far as they have room."""
    end, said_last = 0.0, 0.0
    for limit in course.limits:
        x = 4.0 if limit is course.limits[0] else axis.px(limit.since) + 4
        text = f"normal up to {limit.uln:g}"
        if limit.uln != said_last and x >= end and x + axis.layout.room(text) < axis.layout.plot:
            yield Text(x, limit.uln, text, "quiet", dy=8)
            said_last, end = limit.uln, x + axis.layout.room(text)


def _ck_tip(point: CkPoint) -> str:
    return f"CK {point}, {point.x_uln:.1f} × ULN ({point.uln:g}), {said(point.on)}"


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    steps = (1, 2, 5) if high / low < 150 else (1,)
    return tuple(n * 10.0**k for k in range(-1, 8) for n in steps if low <= n * 10.0**k <= high)


def _telling(points: list[CkPoint], marks: tuple[Mark, ...]) -> list[CkPoint]:
    """Those worth a number: the last, the first, the highest, and what a rise is judged by; most worth first."""
    judged = {mark.on for mark in marks if mark.kind == "relapse"}
    highest = max(points, key=lambda point: point.value)
    return list(dict.fromkeys((points[-1], highest, points[0], *(p for p in points if p.on in judged))))


def _labels(wanted: Iterable[tuple[float, float, str]], layout: Layout) -> Iterator[Text]:
    """Numbers above their points, without those that would lie over an earlier one."""
    taken: list[tuple[float, float]] = []
    for x, y, text in wanted:
        half = layout.room(text) / 2
        middle = min(max(x, half), layout.plot - half)
        if all(middle + half < left or middle - half > right for left, right in taken):
            taken.append((middle - half, middle + half))
            yield Text(middle, y, text, align="center", dy=-12)


def _strength(course: Timeline, axis: Axis) -> Panel:
    if not course.strength:
        return _none("MMT-8: no score that can be used")
    least = min(course.weak_at, *(point.share for point in course.strength))
    low = max(0.0, int((least - 0.1) * 10) / 10)
    baselines = {w.strength.source: w.strength for lane in course.lanes for w in lane.windows if w.strength}
    ticks = tuple(n / 100 for n in range(round(low * 100), 101, 10 if low > 0.45 else 20))
    points = course.strength
    telling = dict.fromkeys((points[-1], points[0], min(points, key=lambda point: point.share)))
    return Panel(
        title="Strength: MMT-8, share of full strength",
        height=110,
        y=(low, 1.06),
        ticks=ticks,
        format=".0%",
        rules=[
            Rule(axis.first, axis.last, course.weak_at, course.weak_at, "quiet", "Weak at or below", dashed=True),
        ],
        line=tuple((point.on, point.share) for point in points),
        line_role="strength",
        points=[
            *(
                Point(
                    p.on,
                    p.share,
                    "strength",
                    "square",
                    f"MMT-8 {p.score}, {p.share:.0%}, {said(p.on)}",
                    size=14 if len(points) > MANY else 42,
                )
                for p in points
            ),
            *(Point(p.on, p.share, "ink", "diamond", filled=False, size=190) for p in baselines.values()),
        ],
        texts=[
            Text(4, course.weak_at, f"weak at or below {100 * course.weak_at:.0f} %", "quiet", dy=8),
            *_labels([(axis.px(p.on), p.share, p.score) for p in telling], axis.layout),
        ],
    )


def _glucocorticoid(course: Timeline, axis: Axis) -> Panel:
    levels = [level for level in course.glucocorticoid if level.last >= axis.first and level.first <= axis.last]
    usual = [level.mg for level in levels if level.mg is not None and level.mg < course.pulse_mg]
    top = max(*usual, course.prophylaxis_mg * 1.25, 1) * 1.3
    rects = [_level(level, top) for level in levels]
    wanted = [
        (axis.px(level.first) + 2, min(level.mg, top * 0.8), f"{level.mg:g}")
        for level in levels
        if level.certain and level.mg is not None
    ]
    texts, end = [], -100.0
    for x, y, text in wanted:
        if x > end:
            texts.append(Text(x, y, text, dy=-8))
            end = x + axis.layout.room(text) + 3
    if any(level.mg is None for level in levels):
        first = next(level for level in levels if level.mg is None)
        at = min(axis.px(first.first) + 3, axis.layout.plot - axis.layout.room("dose not known"))
        texts.append(Text(at, top * 0.93, "dose not known", "quiet"))
    limit = _limit(course)
    step = 10 if top < 60 else 20 if top < 120 else 50
    return Panel(
        title="Glucocorticoid, mg/day as prednisone",
        height=100,
        y=(0, top),
        ticks=tuple(float(n) for n in range(0, int(top) + 1, step)),
        format=".0f",
        rects=rects,
        rules=[Rule(axis.first, axis.last, course.prophylaxis_mg, course.prophylaxis_mg, "quiet", limit, dashed=True)],
        texts=texts,
    )


def _limit(course: Timeline) -> str:
    return f"dashed, {course.prophylaxis_mg:g} mg/day: high dose for PJP prophylaxis"


def _level(level: Level, top: float) -> Rect:
    dose = f"{level.mg:g} mg/day" if level.mg is not None else "dose not known"
    tip = f"{dose}, {said(level.first)} to {said(level.last)}" + ("" if level.certain else ", possible, not certain")
    high = top if level.mg is None else min(level.mg, top)
    return Rect(
        level.first, level.last, 0, high, "steroid", tip, 0.35 if level.certain else 0.07, dashed=not level.certain
    )


_MARKS = {"relapse": "triangle-up", "reduction": "triangle-down", "pjp": "diamond"}


def _marks(course: Timeline, axis: Axis) -> Panel:
    """A row for each: what it is, and below that its days."""
    row, texts, points, rules = 34, [], [], []
    for n, ((label, on, until), group) in enumerate(groupby(course.marks, key=lambda m: (m.label, m.on, m.until))):
        marks = list(group)
        top = n * row
        detail = "; ".join(mark.detail for mark in marks)
        texts.append(Text(0, top + 9, axis.layout.cut(f"{label}: {detail}", axis.layout.plot), bold=False))
        last = until or on
        tip = f"{label}: {detail}"
        rules.append(Rule(on, last, top + 24, top + 24, "mark", tip, width=2))
        points.append(
            Point(last if marks[0].kind == "relapse" else on, top + 24, "mark", _MARKS[marks[0].kind], tip, size=70)
        )
    return Panel(
        title="Where rules judge",
        height=row * len(points),
        y=(row * len(points), 0),
        texts=texts,
        points=points,
        rules=rules,
    )


def _key(course: Timeline, axis: Axis) -> Iterator[Panel]:
    """What the symbols mean, as far as they occur."""
    bars = [bar for lane in course.lanes for bar in lane.bars]
    doses = [dose for lane in course.lanes for dose in lane.doses]
    windows = [window for lane in course.lanes for window in lane.windows]
    standings = {one.standing for one in bars} | {one.standing for one in doses}
    vague = any(not dose.exact for dose in doses) or any(bar.sure != (bar.first, bar.last) for bar in bars)
    unsure = vague or any(not level.certain for level in course.glucocorticoid)
    entries = [
        ("diamond", False, "ink", "value before a trial (baseline)", any(w.ck or w.strength for w in windows)),
        ("stroke", False, "ink", "trial, to the day from which it may be judged", bool(windows)),
        ("stroke", False, "quiet", _limit(course), bool(course.glucocorticoid)),
        ("circle", False, "drug", "planned", "planned" in standings),
        ("diamond", False, "drug", "being ordered", "ordered" in standings),
        ("square", True, "quiet", "for another disease", "for another disease" in standings),
        ("square", False, "quiet", "dashed: not certain", unsure),
        ("triangle-up", True, "ck", "more than the number", any(p.comparator.startswith(">") for p in course.ck)),
        ("triangle-down", True, "ck", "less than the number", any(p.comparator.startswith("<") for p in course.ck)),
    ]
    x, row = 6.0, 0
    points: list[Point] = []
    texts: list[Text] = []
    for shape, filled, role, text, occurs in entries:
        if not occurs:
            continue
        room = axis.layout.room(text) + 30
        if texts and x + room > axis.layout.plot:
            x, row = 6.0, row + 18
        points.append(Point(x, row + 8, role, shape, filled=filled, size=60))
        texts.append(Text(x + 12, row + 8, text, "quiet"))
        x += room
    if texts:
        yield Panel(title="", height=row + 18, y=(row + 18, 0), plain=True, points=points, texts=texts)
