"""Infusions that are being ordered, on the days that the orders state: nothing is assumed where no day is stated.

An order that says only how long it is for is one block; one at intervals of more than a day, one infusion each.
"""

from collections.abc import Iterator
from datetime import date
from math import ceil

from cds_service.fhir.dates import FhirDate, day
from hooks.chart.facts import Chart, Dosing, DrugCourse, Infusion
from hooks.chart.spans import shifted

_MOST = 60
_LONGEST = 10
"""Days of a block: an order for longer than this does not say on which days it is given."""


def ordered_infusions(chart: Chart, drug: str) -> tuple[Infusion, ...]:
    """Infusions of the drafts; `when` is None where the order does not say."""
    return tuple(
        Infusion(
            source=course.source,
            drug=drug,
            when=when,
            days=days,
            amount=None,
            basis=step.basis,
            status="draft",
            course=course.source,
        )
        for course in chart.courses_of(drug)
        if course.status == "draft"
        for step in course.steps or (Dosing(start=course.start if course.kind == "Procedure" else None),)
        for when, days in _stated(course, step)
    )


def _stated(course: DrugCourse, step: Dosing) -> Iterator[tuple[FhirDate | None, int]]:
    """First day, and number of days, of each infusion or block."""
    if step.dates or step.start is None:
        for when in step.dates or (None,):
            yield when, step.over_days
    elif step.start.exact and step.per_day and step.per_day < 1:
        yield from _at_intervals(step, step.per_day, step.end or course.end)
    else:
        yield step.start, max(step.over_days, _block(step, step.start, step.end or course.end))


def _at_intervals(step: Dosing, per_day: float, end: FhirDate | None) -> Iterator[tuple[FhirDate, int]]:
    assert step.start is not None
    for number in range(min(step.count or _MOST, _MOST)):
        on = shifted(step.start.earliest, number / per_day + 1e-6)
        if number and (on == date.max or (end and on > end.latest)):
            return
        yield (day(on) if number else step.start), step.over_days


def _block(step: Dosing, start: FhirDate, end: FhirDate | None) -> int:
    if step.count and step.per_day:
        return min(ceil(step.count / step.per_day), _LONGEST)
    days = (end.earliest - start.latest).days + 1 if end and end.exact and start.exact else 1
    return days if 1 <= days <= _LONGEST else 1
