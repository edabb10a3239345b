"""Since when a reason for Pneumocystis prophylaxis holds (B3): the same judgement, asked of the days before."""

from collections.abc import Iterator
from datetime import date
from itertools import islice

import msgspec

from cds_service.fhir.dates import FhirDate
from hooks.assessment import Assessment
from hooks.assessment.immunosuppression import IMMUNOSUPPRESSANTS, assess_immunosuppression
from hooks.assessment.pjp import TriggerId, assess_pjp
from hooks.chart.facts import Chart, DrugCourse
from hooks.chart.spans import shifted
from hooks.knowledge.thresholds import Thresholds

MOST_DAYS = 60
"""So many days are asked at most."""


def since(a: Assessment, triggers: frozenset[TriggerId]) -> dict[TriggerId, date | None]:
    """By trigger that holds today, the first day of those up to today on which it held without a break.

    By the record as it is today: a course that is over by now was running on the days before its end. What holds only
    through an order of the request holds since today. None: it cannot be told, as it holds on days of which nothing is
    on record (an undated course), or for too long.
    """
    found: dict[TriggerId, date | None] = dict.fromkeys(triggers, a.today)
    recorded = msgspec.structs.replace(a.chart, courses=tuple(c for c in a.chart.courses if c.status != "draft"))
    still, day = set(triggers), a.today
    for day in islice(sorted(_turns(a), reverse=True), MOST_DAYS):
        still &= _holding(recorded, a.knowledge.thresholds, day)
        if not still:
            return found
        found |= dict.fromkeys(still, day)
    return found | dict.fromkeys(still & _holding(recorded, a.knowledge.thresholds, shifted(day, -1)))


def _holding(recorded: Chart, thresholds: Thresholds, day: date) -> set[TriggerId]:
    chart = msgspec.structs.replace(recorded, courses=tuple(_as_on(course, day) for course in recorded.courses))
    taken = assess_immunosuppression(chart, thresholds, day)
    risk = assess_pjp(chart, taken, thresholds, day, drugs_checked=True)
    return {trigger.id for trigger in risk.triggers if trigger.holds}


def _as_on(course: DrugCourse, day: date) -> DrugCourse:
    """A course that is over by now, as it was on a day on which it certainly ran: nobody knew the end yet."""
    over = course.status in ("completed", "stopped")
    if not over or not course.start or course.start.latest > day or not (end := _end(course)) or end.earliest < day:
        return course
    begun = tuple(step for step in course.steps if not step.start or step.start.latest <= day)
    steps = tuple(msgspec.structs.replace(s, end=None) if s.end and s.end.latest >= day else s for s in begun)
    return msgspec.structs.replace(course, status="active", end=None, steps=steps)


def _end(course: DrugCourse) -> FhirDate | None:
    ends = [step.end for step in course.steps]
    return course.end or (max(filter(None, ends), key=lambda end: end.latest) if ends and all(ends) else None)


def _turns(a: Assessment) -> set[date]:
    """The days up to today on which an answer may change."""
    turns = (*_courses(a), *_infusions(a), *_doses(a), *_findings(a))
    return {day for day in turns if day <= a.today}


def _courses(a: Assessment) -> Iterator[date]:
    for drug in (*IMMUNOSUPPRESSANTS, "rituximab", "cyclophosphamide", "glucocorticoid"):
        for course in a.chart.courses_of(drug):
            starts = [course.start, *(step.start for step in course.steps)]
            ends = [course.end, *(step.end for step in course.steps)]
            yield from (day for start in starts if start for day in (start.earliest, start.latest))
            yield from (shifted(end.latest, 1) for end in ends if end)


def _infusions(a: Assessment) -> Iterator[date]:
    t = a.knowledge.thresholds.pjp
    for drug, days in (("rituximab", t.rtx_days), ("cyclophosphamide", t.cyc_days)):
        for infusion in a.chart.infusions_of(drug):
            if infusion.when:
                yield from (infusion.when.latest, shifted(infusion.when.latest, days.value + 1))


def _doses(a: Assessment) -> Iterator[date]:
    t = a.knowledge.thresholds.pjp
    exposure = a.immunosuppression.glucocorticoids
    for first, last, _ in (*exposure.spans, *exposure.possible):
        if first > date.min:
            yield from (first, shifted(last, 1))
            yield from (shifted(first, days.value - 1) for days in (t.gc_days, t.gc_mid_days))


def _findings(a: Assessment) -> Iterator[date]:
    fresh = a.knowledge.thresholds.reading.lab_fresh_days.value
    for result in a.chart.labs.get("lymphocytes", ()):
        if result.when:
            yield from (result.when.latest, shifted(result.when.latest, fresh + 1))
    yield from (d.since.latest for d in a.chart.diagnoses if d.since and "pneumocystosis" in d.concepts)
