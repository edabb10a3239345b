"""An order of cyclophosphamide against table and cap (B2 "checks on an existing order"), and what it adds up to.

What the order or the record does not say leaves the question open: nothing is assumed about a dose that is not there.
"""

from math import inf

import msgspec

from cds_service.fhir.dates import FhirDate
from hooks.assessment import Assessment
from hooks.assessment.body import Body, body_at
from hooks.assessment.cyclophosphamide_trial import table_dose
from hooks.assessment.labs import above, below, fresh, latest
from hooks.assessment.person import current
from hooks.assessment.use import use_of
from hooks.chart.facts import Dosing, DrugCourse
from hooks.reasoning import Truth

DRUG = "cyclophosphamide"


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """One step of an order: `mg` of a pulse, or of a day where it is taken `daily`; the highest where it is a range.

    `mg_kg`: the same per kg, also where the weight is not known. Both None when the order does not tell; `problem` says
    why.
    """

    course: DrugCourse
    daily: bool = False
    mg: float | None = None
    mg_kg: float | None = None
    problem: str = ""

    @property
    def known(self) -> bool:
        return self.mg is not None or self.mg_kg is not None


class Allowed(msgspec.Struct, frozen=True):
    """The highest dose by table, without cap: the least and the most it may be, as far as the record tells.

    `mg_kg_least`, `mg_kg_most` the same per kg.
    """

    least: float = 0.0
    most: float = inf
    mg_kg_least: float = 0.0
    mg_kg_most: float = inf


class Excess(msgspec.Struct, frozen=True):
    """How far above it an order is: `warning` above the cap or 10 % above the table, `critical` 25 % above (B2)."""

    ordered: Ordered
    warning: Truth
    critical: Truth


def asked_about(a: Assessment) -> tuple[DrugCourse, ...]:
    """The orders to judge: on the order hooks the drafts they ask about, else whatever is taken or planned (or may be).

    Not those for another disease, for which there are other tables.
    """
    use = use_of(a, DRUG)
    found = _drafts(a) or use.courses or use.unclear
    return tuple(course for course in found if not course.other_indication)


def _drafts(a: Assessment) -> tuple[DrugCourse, ...]:
    return tuple(course for course in use_of(a, DRUG).ordered if course.source in a.chart.leading)


def excesses(a: Assessment) -> tuple[Excess, ...]:
    """Every step of every order, judged."""
    return a.once(_excesses)


def _excesses(a: Assessment) -> tuple[Excess, ...]:
    return tuple(_judged(a, ordered) for course in asked_about(a) for ordered in _steps(a, course))


def no_dose(a: Assessment) -> Truth:
    """Whether kidney failure leaves no dose in the table: creatinine above 500 µmol/L, or dialysis (B2)."""
    if current(a.chart, "dialysis"):
        return True
    t = a.knowledge.thresholds
    creatinine = fresh(a.chart, "creatinine", t.reading.lab_fresh_days, a.today)
    if creatinine:
        return above(creatinine, t.cyclophosphamide.creatinine_stop.value)
    doubtful = latest(a.chart, "creatinine")
    if doubtful and above(doubtful, t.cyclophosphamide.creatinine_stop.value):
        return None
    measured = fresh(a.chart, "egfr", t.reading.lab_fresh_days, a.today)
    return None if current(a.chart, "ckd-severe") and not measured else False


def ordered_grams(a: Assessment) -> float | None:
    """What the orders being written add to the lifetime dose; None where one of them does not tell, 0 without any.

    Without a number of doses one pulse is counted.
    """
    amounts = [_in_all(a, course) for course in _drafts(a)]
    return None if None in amounts else sum(filter(None, amounts)) / 1000


def _in_all(a: Assessment, course: DrugCourse) -> float | None:
    """The mg of a whole order; None where dose or, if it is taken daily, number of days are unknown."""
    amounts = []
    for step, ordered in zip(course.steps, _steps(a, course), strict=False):
        if ordered.mg is None:
            return None
        times = step.count or (_days(course, step) if ordered.daily else 1)
        if times is None:
            return None
        amounts.append(ordered.mg * times)
    return sum(amounts) if amounts else None


def _days(course: DrugCourse, step: Dosing) -> int | None:
    start, end = step.start or course.start, step.end or course.end
    return (end.latest - start.earliest).days + 1 if start and end else None


def _steps(a: Assessment, course: DrugCourse) -> tuple[Ordered, ...]:
    body = body_at(a.chart, FhirDate(a.today, a.today), a.knowledge.thresholds.reading.dose_weight_days.value)
    if not course.steps:
        return (Ordered(course=course, problem="no dose is recorded"),)
    return tuple(_step(course, step, body) for step in course.steps)


def _step(course: DrugCourse, step: Dosing, body: Body) -> Ordered:
    if step.high is None:
        return Ordered(course=course, problem=step.problem or "no dose is recorded")
    daily = step.daily and step.count != 1 and not step.total and _days(course, step) != 1
    each = step.high * (step.per_day or 1.0) if daily else step.high
    size = {"mg": 1.0, "mg/kg": body.kg, "mg/m2": body.bsa}[step.basis]
    mg = each * size if size else None
    mg_kg = each if step.basis == "mg/kg" else mg / body.kg if mg is not None and body.kg else None
    problem = "" if mg is not None or mg_kg is not None else "no recent body weight and height on record"
    return Ordered(course=course, daily=daily, mg=mg, mg_kg=mg_kg, problem=problem)


def allowed(a: Assessment, *, daily: bool) -> Allowed:
    """The dose by table for a pulse, or the upper end of daily treatment."""
    t = a.knowledge.thresholds.cyclophosphamide
    body = body_at(a.chart, FhirDate(a.today, a.today), a.knowledge.thresholds.reading.dose_weight_days.value)
    if daily:
        least = most = t.oral_mg_kg_day_max.value
    elif a.person.adult and a.person.oldest is not None:
        least, most = _table(a, a.person.oldest)
    else:
        return Allowed()
    if body.kg is None:
        return Allowed(mg_kg_least=least, mg_kg_most=most)
    return Allowed(least * body.kg, most * body.kg, least, most)


def _table(a: Assessment, age: int) -> tuple[float, float]:
    """The least and the most mg/kg that the table may give, which differ where renal function is not known."""
    t = a.knowledge.thresholds
    creatinine = fresh(a.chart, "creatinine", t.reading.lab_fresh_days, a.today)
    egfr = fresh(a.chart, "egfr", t.reading.lab_fresh_days, a.today)
    low = below(egfr, t.cyclophosphamide.egfr_reduce.value) if egfr else None
    high = above(creatinine, t.cyclophosphamide.creatinine_split.value) if creatinine else None
    reduced = True if low or high else None if low is None and high is None else False
    columns = [table_dose(age, inf if renal else 0.0, False, t).value for renal in (True, False)]
    return columns[0] if reduced is not False else columns[1], columns[1] if reduced is not True else columns[0]


def _judged(a: Assessment, ordered: Ordered) -> Excess:
    t, limit = a.knowledge.thresholds.cyclophosphamide, allowed(a, daily=ordered.daily)
    margin, much = 1 + t.excess_warning.value, 1 + t.excess_critical.value
    cap = t.cap_mg.value
    if not ordered.known:
        return Excess(ordered, None, None)
    if ordered.mg is None:
        per_kg = ordered.mg_kg or 0.0
        over = {factor: True if _more(per_kg, limit.mg_kg_most * factor) else None for factor in (margin, much)}
        return Excess(ordered, over[margin], over[much])
    return Excess(
        ordered,
        _between(ordered.mg, min(limit.least * margin, cap), min(limit.most * margin, cap)),
        _between(ordered.mg, min(limit.least, cap) * much, min(limit.most, cap) * much),
    )


def _between(mg: float, least: float, most: float) -> Truth:
    """Whether a dose is above a limit of which only the least and the most it may be are known."""
    return True if _more(mg, most) else None if _more(mg, least) else False


def _more(one: float, other: float) -> bool:
    return one > other + 1e-6
