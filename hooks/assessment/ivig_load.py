"""How much IVIG falls into 28 days (S8-DOSE): what was given lately, what is still to come, and what is being ordered.

Blocks of infusions count on their first day, as everywhere. What was given counts as recorded; an order counts as it is
written, the upper end of a dose range, because this is about safety (A5). What is not said is unknown: then the sum is
a lower bound.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from math import ceil, inf

import msgspec

from cds_service.fhir.dates import FhirDate, day
from hooks.assessment import Assessment
from hooks.assessment.body import Body, body_for_dose
from hooks.assessment.use import use_of
from hooks.chart.facts import Dosing, DrugCourse, Infusion
from hooks.chart.spans import shifted
from hooks.reasoning import Truth, any_true

MG_PER_G = 1000


class Dose(msgspec.Struct, frozen=True, kw_only=True):
    """One block of IVIG in g/kg of actual weight: at `least` that much, and at `most` (infinite where unknown).

    `adjusted`: the same by adjusted weight where BMI is 30 or more. `state`: given, planned or being ordered.
    """

    on: date
    least: float
    most: float
    kg: float | None
    state: str
    source: str
    adjusted: float | None = None
    problem: str = ""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The most that falls into one window. `too_much`: Unknown where only what is not known could make it so."""

    too_much: Truth
    doses: tuple[Dose, ...] = ()
    problem: str = ""

    @property
    def g_per_kg(self) -> float:
        """The sum, as far as it is known."""
        return sum(dose.least for dose in self.doses)


def ivig_load(a: Assessment) -> Load:
    """The fullest window of those that touch today or the future."""
    return a.once(_ivig_load)


def _ivig_load(a: Assessment) -> Load:
    use = use_of(a, "ivig")
    to_come = {course.source for course in use.coming}
    recent = [dose for i in a.chart.infusions_of("ivig") if i.course not in to_come for dose in _infused(a, i)]
    ordered = [dose for course in use.coming for dose in _written(a, course)]
    alone = [list(_written(a, course)) for course in use.taken]
    loads = [_fullest(a, doses) for doses in ([*recent, *ordered], *alone)]
    fullest = max(loads, key=lambda load: load.g_per_kg)
    problems = dict.fromkeys(load.problem for load in loads if load.problem)
    return msgspec.structs.replace(
        fullest, too_much=any_true([load.too_much for load in loads]), problem="; ".join(problems)
    )


def _fullest(a: Assessment, doses: list[Dose]) -> Load:
    """The window with the largest known sum."""
    t = a.knowledge.thresholds.ivig_safety
    width, limit = ceil(t.window_days.value), t.max_g_per_kg.value + 1e-9
    by_day: dict[int, list[Dose]] = {}
    for dose in doses:
        by_day.setdefault(dose.on.toordinal(), []).append(dose)
    windows = [
        tuple(dose for on in range(first, first + width) for dose in by_day.get(on, ()))
        for first in by_day
        if a.today.toordinal() - first < width
    ]
    if not windows:
        return Load(too_much=False)
    fullest = max(windows, key=lambda window: sum(dose.least for dose in window))
    over: Truth = sum(dose.least for dose in fullest) > limit
    doubtful = [dose for window in windows if sum(dose.most for dose in window) > limit for dose in window]
    if not over and doubtful:
        over = None
    problem = next((dose.problem for dose in doubtful if dose.problem), "") if over is None else ""
    return Load(too_much=over, doses=fullest, problem=problem)


def _infused(a: Assessment, infusion: Infusion) -> Iterator[Dose]:
    """A block on record; one without a date only where its course still runs."""
    course = next((c for c in a.chart.courses_of("ivig") if c.source == infusion.course), None)
    if infusion.when is None:
        if course in use_of(a, "ivig").taken:
            yield _dose(a, _Block(day(a.today), None, "mg", "given", infusion.source), "date or dose of IVIG")
        return
    later = infusion.when.latest >= a.today
    if course and course.superseded and later:
        return
    ends = [step.high / step.low for step in course.steps if step.low and step.high] if course else []
    amount = infusion.amount * max(ends, default=1.0) if infusion.amount is not None else None
    state = "planned" if infusion.when.earliest > a.today else "given"
    yield _dose(a, _Block(infusion.when, amount, infusion.basis, state, infusion.source), infusion.problem)


def _written(a: Assessment, course: DrugCourse) -> Iterator[Dose]:
    """The doses of an order, as far ahead as two windows reach; of one that goes on, only those that are regular."""
    coming = course.status in ("draft", "planned")
    state = {"draft": "being ordered", "planned": "planned"}.get(course.status, "going on")
    start = course.start or day(a.today)
    for step in course.steps or (Dosing(problem="dose of the IVIG order"),):
        times = _times(a, course, step)
        if times is not None:
            for on, often in times.items():
                amount = step.high * often if step.high is not None else None
                yield _dose(a, _Block(on, amount, step.basis, state, course.source), step.problem)
        elif coming:
            block = _Block(step.start or start, step.high, step.basis, state, course.source)
            yield _dose(a, block, step.problem or "how often the IVIG order is to be given", once=False)


def _times(a: Assessment, course: DrugCourse, step: Dosing) -> Mapping[FhirDate, int] | None:
    """On which days a step is given, and how often on each; None where the order does not say."""
    if step.dates:
        return Counter(step.dates)
    begins = step.start or course.start
    if begins is None or step.as_needed or not begins.exact:
        return None
    if step.total or step.count == 1:
        return {begins: 1}
    if not step.per_day:
        return None
    end, reach = step.end or course.end, 2 * a.knowledge.thresholds.ivig_safety.window_days.value
    until = min(shifted(begins.earliest, reach - 1), end.latest if end else date.max)
    most = ceil(min(step.count or inf, reach * step.per_day + 1))
    first = begins.earliest.toordinal()
    days = Counter(first + int(k / step.per_day + 1e-6) for k in range(most))
    return {day(date.fromordinal(on)): often for on, often in days.items() if on <= until.toordinal()}


class _Block(msgspec.Struct, frozen=True):
    """One block before it is weighed: `amount` in `basis`."""

    when: FhirDate
    amount: float | None
    basis: str
    state: str
    source: str


def _dose(a: Assessment, block: _Block, problem: str, *, once: bool = True) -> Dose:
    """One block in g/kg. `once` False: it may be given more often. `problem`: what is unknown of it."""
    body = body_for_dose(a.chart, block.when, a.knowledge.thresholds)
    per_kg = _per_kg(block, body)
    if block.amount is not None and per_kg is None:
        problem = "body weight near the IVIG dose"
    elif not block.when.exact:
        problem = f"day of IVIG, only known as {block.when}"
    known = per_kg is not None and block.when.exact
    least = per_kg if per_kg is not None and known else 0.0
    adjusted = body.adjusted_kg(a.knowledge.thresholds)
    return Dose(
        on=block.when.latest,
        least=least,
        most=least if known and once else inf,
        kg=body.kg,
        adjusted=least * body.kg / adjusted if adjusted and body.kg else None,
        state=block.state,
        source=block.source,
        problem="" if known and once else problem or "dose of IVIG",
    )


def _per_kg(block: _Block, body: Body) -> float | None:
    """The amount in g/kg of actual weight; None where it or the size of the body is not known."""
    if block.amount is None:
        return None
    if block.basis == "mg/kg":
        return block.amount / MG_PER_G
    if block.basis == "mg/m2":
        return block.amount * body.bsa / body.kg / MG_PER_G if body.bsa and body.kg else None
    return block.amount / body.kg / MG_PER_G if body.kg else None
