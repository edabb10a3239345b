"""Is prophylaxis against Pneumocystis running already, and since when? (B3 "Already covered", B9 "Active")"""

from collections.abc import Iterable
from datetime import date

import msgspec

from cds_service.fhir.dates import months_before, within
from hooks.assessment.glucocorticoids import is_active
from hooks.chart.facts import Chart, Dosing, DrugCourse
from hooks.knowledge.thresholds import Pjp
from hooks.reasoning import Truth, any_true


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """Whether prophylaxis is running. `course` runs, or is being ordered without a clash.

    `taken`: what has been taken so far, even if an order of this request replaces it. `doubtful`: courses of which it
    cannot be told, with the reason. `held`: prophylaxis that is on hold, which does not cover (B9).
    """

    course: DrugCourse | None = None
    taken: DrugCourse | None = None
    doubtful: tuple[tuple[DrugCourse, str], ...] = ()
    held: DrugCourse | None = None


def assess_cover(chart: Chart, t: Pjp, today: date, clashing: frozenset[str] = frozenset()) -> Cover:
    """B3 "Already covered". `clashing`: sources of orders that clash, and so do not cover."""
    doubtful: list[tuple[DrugCourse, str]] = []
    covering: list[DrugCourse] = []
    for drug in PROPHYLAXIS:
        for course in chart.courses_of(drug):
            truth, because = _covers(course, t, today)
            if course.source in clashing:
                continue
            if truth:
                covering.append(course)
            elif truth is None and not course.superseded:
                doubtful.append((course, because))
    return Cover(
        course=_first(course for course in covering if not course.superseded),
        taken=_first(course for course in covering if course.status != "draft"),
        doubtful=tuple(doubtful),
        held=next((c for c in chart.courses if c.drug in PROPHYLAXIS and c.status == "on-hold"), None),
    )


def _first(courses: Iterable[DrugCourse]) -> DrugCourse | None:
    return min(courses, key=lambda c: c.start.earliest if c.start else date.max, default=None)


def _covers(course: DrugCourse, t: Pjp, today: date) -> tuple[Truth, str]:
    """Whether a course protects, or would if an order of this request did not end it; None with the reason against."""
    if course.drug == "pentamidine":
        return (False, "") if course.status in ("planned", "on-hold") else _inhaled_lately(course, t, today)
    if course.status != "draft" and not is_active(msgspec.structs.replace(course, superseded=False), today):
        return False, ""
    if is_treatment(course, t):
        return None, f"a course of up to {t.treatment_days} twice a day or more is treatment"
    if course.drug == "tmp-smx" and _too_seldom(course, today):
        return None, "it is taken as needed, or less than twice a week"
    return True, ""


PROPHYLAXIS = ("tmp-smx", "atovaquone", "dapsone", "pentamidine")


def is_treatment(course: DrugCourse, t: Pjp) -> bool:
    """Whether TMP-SMX is a short course twice a day or more: treatment, not prophylaxis (A4 trap, B3)."""
    if course.drug != "tmp-smx":
        return False
    often = [step for step in course.steps if step.per_day is not None and step.per_day >= _TWICE]
    return bool(often) and len(often) == len(course.steps) and all(_short(course, step, t) for step in often)


_TWICE = 2 - 1e-6


_TWICE_A_WEEK = 2 / 7 - 1e-6


def _too_seldom(course: DrugCourse, today: date) -> bool:
    """Whether what is taken now is taken as needed, or less than twice a week."""
    now = [
        step
        for step in course.steps
        if not (step.start and step.start.earliest > today) and not (step.end and step.end.latest < today)
    ]
    rates = [step.per_day for step in now or course.steps if not step.as_needed]
    known = [rate for rate in rates if rate is not None]
    return bool(course.steps) and len(known) == len(rates) and sum(known) < _TWICE_A_WEEK


def _short(course: DrugCourse, step: Dosing, t: Pjp) -> bool:
    """Whether a step is known to last no longer than a treatment."""
    if step.count is not None and step.per_day:
        return step.count / step.per_day <= t.treatment_days.value
    start, end = step.start or course.start, step.end or course.end
    if start is None or end is None:
        return False
    return (end.latest - start.earliest).days + 1 <= t.treatment_days.value


def _inhaled_lately(course: DrugCourse, t: Pjp, today: date) -> tuple[Truth, str]:
    """Whether pentamidine was inhaled within the limit; None with the reason where that cannot be told."""
    days = int(t.pentamidine_days.value)
    if course.route not in ("inhaled", ""):
        return False, ""
    if course.status == "draft" and course.route:
        return True, ""
    dates = [when for step in course.steps for when in step.dates]
    lately = any_true(within(when, days, today) for when in dates or (course.end or course.start,))
    if is_active(course, today) and any(step.per_day for step in course.steps):
        lately = True  # taken regularly, and still going on
    elif is_active(course, today):
        lately = lately or None
    if lately is False:
        return False, ""
    if not course.route:
        return None, "pentamidine, but it is not said that it was inhaled"
    return lately, "inhaled pentamidine, but the day of the last dose is not on record"


def running_since(course: DrugCourse, months: float, today: date) -> Truth:
    """Whether a course began `months` ago or earlier; None where the record leaves it open."""
    began = course.start or course.known_by
    if began is None:
        return None
    ago = months_before(today, int(months))
    if began.latest <= ago:
        return True
    return None if began.earliest <= ago or course.start is None else False
