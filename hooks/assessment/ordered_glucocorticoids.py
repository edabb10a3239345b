"""Glucocorticoids that are being ordered: from when on they count as taken (B3 "planned duration counts", B9 "gcd")."""

from datetime import date

import msgspec

from cds_service.fhir.dates import FhirDate, day
from hooks.chart.facts import Chart, DrugCourse
from hooks.chart.spans import shifted

DRUG = "glucocorticoid"


def begun(chart: Chart, today: date, *, ordered: bool) -> list[DrugCourse]:
    """The courses that count, those that are being ordered each as if it began today."""
    begun = [c for c in chart.courses_of(DRUG) if c.status not in ("planned", "draft")]
    return begun + [_moved(course, _ahead(course, today)) for course in _drafts(chart, today) if ordered]


def readings(chart: Chart, today: date) -> list[list[DrugCourse]]:
    """What is being ordered, in each of the ways in which it may count.

    First all orders together, as they follow each other, from today on: the steps of a taper are often orders of their
    own. Then each that begins only later, alone, as if it began today: it may be the higher one.
    """
    drafts = _drafts(chart, today)
    soonest = min((_ahead(course, today) for course in drafts), default=0)
    later = [course for course in drafts if _ahead(course, today) > soonest]
    return [[_moved(c, soonest) for c in drafts], *([_moved(c, _ahead(c, today))] for c in later)]


def _drafts(chart: Chart, today: date) -> list[DrugCourse]:
    """Orders of the request; one that does not say when is for today."""
    drafts = (course for course in chart.courses_of(DRUG) if course.status == "draft")
    return [course if course.start else msgspec.structs.replace(course, start=day(today)) for course in drafts]


def _ahead(course: DrugCourse, today: date) -> int:
    """In how many days an order is for; 0 for today and what is past."""
    return max((course.start.earliest - today).days, 0) if course.start else 0


def _moved(course: DrugCourse, days: int) -> DrugCourse:
    """An order so many days earlier: what counts is its dose, and how long it is for."""
    if not days:
        return course

    def moved(when: FhirDate | None) -> FhirDate | None:
        return when and FhirDate(shifted(when.earliest, -days), shifted(when.latest, -days))

    steps = tuple(
        msgspec.structs.replace(
            step, start=moved(step.start), end=moved(step.end), dates=tuple(d for on in step.dates if (d := moved(on)))
        )
        for step in course.steps
    )
    return msgspec.structs.replace(course, start=moved(course.start), end=moved(course.end), steps=steps)
