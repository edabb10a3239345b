"""How long a course lasts, and which courses are the same (A4)."""

from datetime import date

from cds_service.fhir.dates import FhirDate, day
from hooks.chart.facts import Dosing, DrugCourse

MOST_DOSES = 1000
"""More administrations than this are not expanded: nothing here is given that often."""


def shifted(when: date, days: float) -> date:
    """The day so many days later, or the end of the calendar (`9999-12-31` is a date in real records)."""
    most = date.max.toordinal()
    ordinal = when.toordinal() + int(min(max(days, -most), most))
    return date.fromordinal(min(max(ordinal, date.min.toordinal()), most))


def last_dose(steps: tuple[Dosing, ...], start: FhirDate | None) -> FhirDate | None:
    """The day of the last dose of a course from `start`, where the doses say it: the last of every step, or None."""
    ends = [_end_of(step, step.start or start) for step in steps]
    known = [end for end in ends if end]
    return max(known) if known and len(known) == len(ends) else None


def _end_of(step: Dosing, start: FhirDate | None) -> FhirDate | None:
    if step.end:
        return step.end
    if step.dates:
        return step.dates[-1]
    if step.count and step.per_day and start and start.exact and step.count <= MOST_DOSES:
        return day(shifted(start.earliest, (step.count - 1) / step.per_day + 1e-9))
    return None


Span = tuple[int, int]
"""First and last day, as ordinals."""

_FOR_EVER = date.max.toordinal()


def span(course: DrugCourse) -> Span | None:
    """The days that a course may cover; None without a start.

    Open-ended courses last for ever; those that ended, who knows when, count with their start.
    """
    start, end = course.start, course.end
    if start is None:
        return None
    last = start.latest.toordinal()
    first = last if start.earliest is start.latest else start.earliest.toordinal()
    if end:
        return first, max(end.latest.toordinal(), last)
    return first, _FOR_EVER if course.status in ("active", "on-hold") else last


def undated_together(one: DrugCourse, other: DrugCourse) -> bool:
    """Whether two courses, at least one of them without a start, may be at one time: both active, or alike in all."""
    if one.start is None and other.start is None:
        return one.status == other.status
    return one.status == other.status == "active"


def known_dose(course: DrugCourse) -> bool:
    """Whether the amount of every step is known."""
    steps = course.steps
    if len(steps) == 1:
        return steps[0].low is not None
    return bool(steps) and all(step.low is not None for step in steps)


def same_dose(one: DrugCourse, other: DrugCourse) -> bool:
    """Whether nothing speaks against one dose: equal steps, equal totals, or one of them unknown."""
    if one.steps == other.steps or not (known_dose(one) and known_dose(other)):
        return True
    if [_dose(step) for step in one.steps] == [_dose(step) for step in other.steps]:
        return True
    mine, theirs = total(one), total(other)
    return mine is not None and mine == theirs


def _dose(step: Dosing) -> tuple[object, ...]:
    rate = round(step.per_day, 4) if step.per_day else None
    return round(step.low or 0, 2), step.basis, rate, step.as_needed


def total(course: DrugCourse) -> tuple[float, str] | None:
    """Amount and basis of a whole course, where its doses can be counted."""
    amount = 0.0
    for step in course.steps:
        count = 1 if step.total else len(step.dates) or step.count
        if step.low is None or not count:
            return None
        amount += step.low * count
    return (round(amount, 2), course.steps[0].basis) if course.steps else None
