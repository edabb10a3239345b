"""How much methotrexate a week brings, and on how many occasions: is it weekly, as it must be? (S9-MTX-DAILY, A5)"""

from bisect import bisect_right
from datetime import date
from math import ceil

import msgspec

from cds_service.fhir.dates import day
from hooks.assessment.glucocorticoids import dose_mg
from hooks.chart.facts import Chart, Dosing, DrugCourse
from hooks.chart.spans import shifted
from hooks.knowledge.thresholds import Thresholds
from hooks.reasoning import Truth

_SIX_DAYS = 6
_TOLERANCE = 1e-6


class Weekly(msgspec.Struct, frozen=True, kw_only=True):
    """A week on one regimen. `doses`: occasions in it; `mg`: the most it brings (A5: the upper end for safety).

    None where it cannot be told. `one_day`: all of them lie within a day, as with one dose that is split. `more`:
    something of unknown dose is, or may be, taken beside it.
    """

    doses: float | None
    mg: float | None
    one_day: bool
    more: bool = False
    problem: str = ""

    def too_often(self, thresholds: Thresholds) -> Truth:
        """Whether it is taken on more occasions than one weekly dose may be split into."""
        if self.doses is None:
            return None
        return not self.one_day and self.doses > _most(thresholds)

    def too_much(self, thresholds: Thresholds) -> Truth:
        """Whether it is more than the hard limit of a week."""
        if self.mg is None:
            return None
        if self.mg > thresholds.methotrexate.hard_max_mg_week.value + _TOLERANCE:
            return True
        return None if self.more else False


def weeks(chart: Chart, course: DrugCourse, thresholds: Thresholds, today: date) -> tuple[Weekly, ...]:
    """A week on each step of a course that is not over; what is taken at the same time is added up."""
    steps = [step for step in course.steps if step.end is None or step.end.latest >= today]
    if not steps:
        return (Weekly(doses=None, mg=None, one_day=False, problem="no dose is recorded"),)
    single = [_week(chart, course, step, thresholds, today) for step in steps]
    return tuple(
        _with_others(
            own, [o for other, o in zip(steps, single, strict=True) if o is not own and _together(step, other)]
        )
        for step, own in zip(steps, single, strict=True)
    )


def within_a_day(course: DrugCourse, step: Dosing) -> bool:
    """Whether all doses lie within a day: one dose that is split, such as 7.5 mg every 12 hours, three times."""
    if step.dates:
        return (step.dates[-1].latest - step.dates[0].earliest).days <= 1
    if step.count is not None and step.per_day:
        return (step.count - 1) / step.per_day <= 1 + _TOLERANCE
    start, end = step.start or course.start, step.end or course.end
    return start is not None and end is not None and start.earliest >= end.latest


def occasions(course: DrugCourse, step: Dosing) -> float | None:
    """How often it is taken in a week in which it is taken; None where that is not stated, or as needed."""
    if step.as_needed or step.total:
        return None
    if step.dates:
        days = sorted(when.earliest for when in step.dates)
        return float(max(bisect_right(days, shifted(on, _SIX_DAYS)) - first for first, on in enumerate(days)))
    if step.per_day is None:
        return 1.0 if step.count == 1 else None
    if within_a_day(course, step):
        return float(step.count or ceil(step.per_day - _TOLERANCE))
    rate = max(1.0, 7 * step.per_day)
    return min(rate, step.count) if step.count else rate


def written_daily(course: DrugCourse, step: Dosing, thresholds: Thresholds) -> bool:
    """Whether it is known to be taken on more occasions in a week than one weekly dose may be split into."""
    often = occasions(course, step)
    return often is not None and not within_a_day(course, step) and often > _most(thresholds)


def _most(thresholds: Thresholds) -> float:
    return thresholds.methotrexate.split_doses.value + _TOLERANCE


def _week(chart: Chart, course: DrugCourse, step: Dosing, thresholds: Thresholds, today: date) -> Weekly:
    doses = occasions(course, step)
    mg = dose_mg(chart, step.high, step, course.start or day(today), thresholds) if step.high is not None else None
    problem = step.problem
    if not problem and doses is None:
        problem = "it is taken as needed" if step.as_needed else "how often it is taken is not stated"
    if not problem and mg is None:
        problem = "the dose is not known in mg"
    known = None if mg is None or doses is None else round(mg * doses, 6)
    return Weekly(doses=doses, mg=known, one_day=within_a_day(course, step), problem=problem)


def _together(step: Dosing, other: Dosing) -> bool:
    """Whether two steps are, or may be, taken at the same time."""
    return not (_over(step, other) or _over(other, step))


def _over(step: Dosing, other: Dosing) -> bool:
    return step.end is not None and other.start is not None and step.end.latest < other.start.earliest


def _with_others(own: Weekly, others: list[Weekly]) -> Weekly:
    """What is taken at the same time, added; occasions only of what has a dose, as other steps may begin later."""
    if not others:
        return own
    amounts = [week.mg for week in (own, *others)]
    known = [mg for mg in amounts if mg is not None]
    more = sum(week.doses or 0.0 for week in others if week.mg is not None)
    return Weekly(
        doses=None if own.doses is None else own.doses + more,
        mg=sum(known) if known else None,
        more=len(known) < len(amounts),
        one_day=own.one_day and not more,
        problem=next((week.problem for week in (own, *others) if week.problem), ""),
    )
