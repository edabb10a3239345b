"""Pulses of methylprednisolone: given lately, or being ordered (B3 P4, B1 R4-RAPID)."""

from datetime import date

from cds_service.fhir.dates import FhirDate, day, within
from hooks.assessment.glucocorticoids import TOLERANCE, dose_mg, end_of, runs
from hooks.assessment.ordered_glucocorticoids import DRUG, begun
from hooks.chart.facts import Chart, Dosing, DrugCourse
from hooks.knowledge.thresholds import Thresholds
from hooks.reasoning import Truth, all_true, any_true


def methylprednisolone_pulse(chart: Chart, thresholds: Thresholds, today: date, *, ordered: bool = False) -> Truth:
    """Whether methylprednisolone was given as a pulse recently (B3); None when dose or date does not tell.

    `ordered`: one that is being ordered counts.
    """
    return any_true(
        all_true((_given_recently(course, step, thresholds, today), _is_pulse(chart, course, step, thresholds, today)))
        for course in begun(chart, today, ordered=ordered)
        if course.ingredient == "methylprednisolone"
        for step in course.steps or (Dosing(problem="no dose on record"),)
    )


def pulse_ordered(chart: Chart, thresholds: Thresholds, today: date) -> tuple[Truth, tuple[DrugCourse, ...]]:
    """Whether an intravenous methylprednisolone pulse is being ordered, and the orders that are, or may be, one."""
    drafts = [c for c in chart.courses_of(DRUG) if c.status == "draft" and c.ingredient == "methylprednisolone"]
    asked = [
        (course, any_true(_is_pulse(chart, course, step, thresholds, today) for step in course.steps or (Dosing(),)))
        for course in drafts
        if course.route in ("", "injected", "intravenous")
    ]
    return any_true(truth for _, truth in asked), tuple(course for course, truth in asked if truth is not False)


def _is_pulse(chart: Chart, course: DrugCourse, step: Dosing, thresholds: Thresholds, today: date) -> Truth:
    """Whether one administration, or all of one day, reach the size of a pulse."""
    start, end = step.start or course.start, step.end or course.end
    if step.high is None:
        return None
    amount = dose_mg(chart, step.high, step, start or day(today), thresholds)
    if amount is None:
        return None
    days = (end.latest - start.earliest).days + 1 if step.total and start and end else step.over_days
    return amount / max(days, 1) * max(step.per_day or 1.0, 1.0) >= thresholds.pjp.pulse_mg.value - TOLERANCE


def _given_recently(course: DrugCourse, step: Dosing, thresholds: Thresholds, today: date) -> Truth:
    """Whether a dose of a step lies within the pulse window."""
    days = int(thresholds.pjp.pulse_days.value)
    if step.dates:
        return any_true(within(when, days, today) for when in step.dates)
    start, end = step.start or course.start, end_of(course, step)
    if start and start.earliest > today:
        return False
    if end is None and step.per_day:
        return True if runs(course, today) or within(start, days, today) else None
    last = end or start
    return within(FhirDate(min(last.earliest, today), min(last.latest, today)), days, today) if last else None
