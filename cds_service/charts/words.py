"""The course in words: a summary of a sentence or two, and tables that say all that the picture shows."""

from collections.abc import Iterator
from datetime import date

from cds_service.charts.axis import said
from cds_service.facts import Table
from hooks.timeline import Timeline
from hooks.timeline.lanes import EXCHANGE
from hooks.timeline.model import CkPoint, Lane, StrengthPoint, Window

TITLE = "The course of the disease"
NOTHING = "No CK, MMT-8 or treatment on record that has a place in time, so there is no picture of the course."


def summary(course: Timeline) -> str:
    """What the picture shows, for those who do not see it."""
    if course.empty:
        return NOTHING
    return " ".join((*_ck(course), *_strength(course), *_treatments(course), *_glucocorticoid(course), *_marks(course)))


def _ck(course: Timeline) -> Iterator[str]:
    if not course.ck:
        yield "No CK that can be used."
        return
    first, last = course.ck[0], course.ck[-1]
    then = f"{_ck_said(first)} to " if len(course.ck) > 1 else ""
    yield f"CK {then}{_ck_said(last)}, {_count(len(course.ck), 'result')}."


def _ck_said(point: CkPoint) -> str:
    return f"{point} ({point.x_uln:.1f} × ULN, {said(point.on)})"


def _strength(course: Timeline) -> Iterator[str]:
    if not course.strength:
        yield "No MMT-8 that can be used."
        return
    first, last = course.strength[0], course.strength[-1]
    then = f"{_strength_said(first)} to " if len(course.strength) > 1 else ""
    yield f"MMT-8 {then}{_strength_said(last)}."


def _strength_said(point: StrengthPoint) -> str:
    return f"{point.score} ({point.share:.0%}, {said(point.on)})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _treatments(course: Timeline) -> Iterator[str]:
    empty: dict[str, list[str]] = {}
    for lane in course.lanes:
        if lane.empty:
            empty.setdefault(lane.state, []).append(lane.title)
    said_of = [_lane(lane) for lane in course.lanes if not lane.empty]
    said_of += [f"{', '.join(titles)}: {state}" for state, titles in empty.items()]
    yield f"Treatments: {'; '.join(said_of)}."


def _lane(lane: Lane) -> str:
    dose = "session" if lane.drug == EXCHANGE else "dose"
    given = [_count(len(lane.doses), dose)] if lane.doses else []
    given += [_count(len(lane.bars), "course")] if lane.bars else []
    return f"{lane.title}, {', '.join(given)}" + (f" ({lane.state})" if lane.state else "")


def _glucocorticoid(course: Timeline) -> Iterator[str]:
    now = [level for level in course.glucocorticoid if level.certain and level.first <= course.today <= level.last]
    if now:
        yield f"Glucocorticoid today {now[-1].mg:g} mg prednisone equivalent."
    elif any(level.first <= course.today <= level.last for level in course.glucocorticoid):
        yield "Glucocorticoid today possible; the record does not tell the dose."
    elif course.glucocorticoid:
        yield f"No glucocorticoid today; the last on record until {said(course.glucocorticoid[-1].last)}."
    else:
        yield "No daily glucocorticoid dose with a date."


def _marks(course: Timeline) -> Iterator[str]:
    for mark in course.marks:
        yield f"{mark.label} ({said(mark.on)}{f' to {said(mark.until)}' if mark.until else ''}): {mark.detail}."


def tables(course: Timeline) -> tuple[Table, ...]:
    """All that is in the picture, and what has no place in it."""
    return (
        Table(
            "Creatine kinase",
            ("Date", "CK", "Multiple of ULN", "ULN", "Source"),
            tuple(
                (
                    p.on.isoformat(),
                    str(p),
                    f"{p.x_uln:.1f}",
                    f"{p.uln:g} U/L" + ("" if p.own_limit else " (default: the result has none)"),
                    p.source,
                )
                for p in course.ck
            ),
        ),
        Table(
            "Strength (MMT-8)",
            ("Date", "MMT-8", "Share of full strength", "Source"),
            tuple((p.on.isoformat(), p.score, f"{p.share:.0%}", p.source) for p in course.strength),
        ),
        Table("Treatments", ("Treatment", "From", "To", "Dose", "State", "Remark", "Source"), tuple(_given(course))),
        Table(
            "Glucocorticoid, as prednisone",
            ("From", "To", "Dose a day", "Certain"),
            tuple(
                (
                    level.first.isoformat(),
                    level.last.isoformat(),
                    "not known" if level.mg is None else f"{level.mg:g} mg",
                    "yes" if level.certain else "possible, no more",
                )
                for level in course.glucocorticoid
            ),
        ),
        Table(
            "Trials",
            (
                "Treatment",
                "From",
                "May be judged from",
                "State",
                "Given",
                "What is missing",
                "Baseline MMT-8",
                "Baseline CK",
            ),
            tuple(_window(window, lane.title, course.today) for lane in course.lanes for window in lane.windows),
        ),
        Table(
            "Where rules judge",
            ("What", "From", "To", "Detail", "Source"),
            tuple(
                (m.label, m.on.isoformat(), m.until.isoformat() if m.until else "", m.detail, m.source)
                for m in course.marks
            ),
        ),
    )


def apart(course: Timeline) -> Table:
    """What is on record and not in the picture."""
    rows = [(one.what, one.said, one.when, one.reason, one.source) for one in course.unplaced]
    rows += [("Source", key, "", f"not looked at: {why}", "") for key, why in course.unchecked.items()]
    return Table("Not in the picture", ("What", "As recorded", "Date", "Why", "Source"), tuple(rows))


def _given(course: Timeline) -> Iterator[tuple[str, ...]]:
    for lane in course.lanes:
        for bar in lane.bars:
            yield lane.title, bar.since, bar.until, bar.dose, bar.standing, bar.remark, bar.source
        for dose in lane.doses:
            yield lane.title, dose.when, "", dose.dose, dose.standing, dose.remark, dose.source


def _window(window: Window, title: str, today: date) -> tuple[str, ...]:
    strength, ck = window.strength, window.ck
    return (
        title,
        window.first.isoformat(),
        window.judge_from.isoformat() if window.judge_from else "",
        window.state,
        window.given,
        window.gap,
        f"{strength.score}, {_age(strength.on, window.first, today)}" if strength else "none",
        f"{ck}, {_age(ck.on, window.first, today)}" if ck else "none",
    )


def _age(on: date, start: date, today: date) -> str:
    days = (start - on).days
    place = f"{_count(days, 'day')} before the start" if days >= 0 else f"{_count(-days, 'day')} after the start"
    return f"{on.isoformat()} ({place}, {_count((today - on).days, 'day')} ago)"
