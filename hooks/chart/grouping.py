"""Many resources, one course: administrations, renewals, and one drug told of by several resource types (A4, A5)."""

from collections.abc import Iterable
from math import inf

import msgspec

from cds_service.fhir.dates import FhirDate
from hooks.chart.facts import CourseStatus, Dosing, DrugCourse
from hooks.chart.infused import is_infused
from hooks.chart.spans import Span, known_dose, same_dose, span, undated_together
from hooks.knowledge.thresholds import Reading

_STATUS: tuple[CourseStatus, ...] = ("active", "on-hold", "stopped", "completed", "unknown", "planned", "draft")
"""Of several statuses told of one course, the first of these counts."""

_KINDS = ("MedicationStatement", "MedicationAdministration", "MedicationRequest", "Procedure")


def grouped(courses: list[DrugCourse], reading: Reading) -> list[DrugCourse]:
    """The courses of one patient, each once, in order of their start."""
    result: list[DrugCourse] = []
    for of_one in _by_drug(courses).values():
        planned = [c for c in of_one if c.status == "planned"]
        begun = _once([c for c in of_one if c.status != "planned"])
        given = _administered([c for c in begun if c.kind == "MedicationAdministration"], reading)
        others = [c for c in begun if c.kind != "MedicationAdministration"]
        others = _renewed(others, reading.renewal_gap_days.value)
        merged = _merged([*given, *others], reading.same_course_days.value)
        result += _given_as_ordered(merged, reading) + _merged(planned, reading.same_course_days.value)
    return sorted(result, key=lambda c: (c.start is None, c.start.earliest.toordinal() if c.start else 0, c.source))


def _by_drug(courses: Iterable[DrugCourse]) -> dict[tuple[str, str, bool], list[DrugCourse]]:
    """Courses of one substance together; those for another disease apart."""
    found: dict[tuple[str, str, bool], list[DrugCourse]] = {}
    for course in courses:
        found.setdefault((course.drug, course.ingredient, bool(course.other_indication)), []).append(course)
    return found


def _once(courses: list[DrugCourse]) -> list[DrugCourse]:
    """Without resources that came twice."""
    return list({course.source: course for course in courses}.values())


def _administered(given: list[DrugCourse], reading: Reading) -> list[DrugCourse]:
    """Administrations at most some days apart are one course (A5)."""
    undated = [course for course in given if course.start is None]
    dated = sorted((c for c in given if c.start), key=_moment)
    runs: list[list[DrugCourse]] = []
    for course in dated:
        last = span(runs[-1][-1]) if runs else None
        this = span(course)
        assert this is not None
        if last and this[0] - last[1] <= reading.administration_gap_days.value:
            if not _twin(course, runs[-1]):
                runs[-1].append(course)
        else:
            runs.append([course])
    return [*(_one_run(run) for run in runs), *undated]


def _moment(course: DrugCourse) -> float:
    assert course.start is not None
    return course.start.earliest.toordinal() * 86400 + course.start.moment % 86400


def _twin(course: DrugCourse, run: list[DrugCourse]) -> bool:
    """Whether one administration, known to the minute, is recorded a second time."""
    assert course.start is not None
    if not course.start.moment % 86400:
        return False
    return any(other.start == course.start and other.steps == course.steps for other in run)


def _one_run(run: list[DrugCourse]) -> DrugCourse:
    first, last = run[0], run[-1]
    if len(run) == 1:
        return first
    return msgspec.structs.replace(
        first,
        end=last.end or last.start,
        steps=_steps_of(run),
        status=_strongest(run),
        sources=tuple(c.source for c in run),
    )


def _steps_of(run: list[DrugCourse]) -> tuple[Dosing, ...]:
    """One step for each dose that was given, with its days; and how often a day over the time of the course."""
    days = (run[-1].start.earliest - run[0].start.earliest).days + 1 if run[0].start and run[-1].start else 1
    by_dose: dict[tuple[float | None, str, str], list[DrugCourse]] = {}
    for course in run:
        step = course.steps[0] if course.steps else Dosing(problem="no dose is recorded")
        by_dose.setdefault((step.low, step.basis, step.problem), []).append(course)
    steps = []
    for courses in by_dose.values():
        step = courses[0].steps[0] if courses[0].steps else Dosing(problem="no dose is recorded")
        dates = tuple(c.start for c in courses if c.start)
        steps.append(
            msgspec.structs.replace(
                step, count=len(courses), dates=dates, per_day=len(courses) / days if len(courses) > 1 else None
            )
        )
    return tuple(steps)


def _renewed(courses: list[DrugCourse], gap_days: float) -> list[DrugCourse]:
    """Orders without an end that follow each other with one dose are one course; the last one's status holds."""
    orders: list[DrugCourse] = []
    apart: list[DrugCourse] = []
    for course in courses:
        renewable = course.kind == "MedicationRequest" and course.end is None and not is_infused(course)
        (orders if renewable and course.start and course.start.exact else apart).append(course)
    chains: list[list[DrugCourse]] = []
    for order in sorted(orders, key=lambda c: (_moment(c), c.source)):
        chain = next((chain for chain in reversed(chains) if _renews(order, chain[-1], orders, gap_days)), None)
        if chain is None:
            chains.append([order])
        else:
            chain.append(order)
    return [*apart, *(_one_chain(chain) for chain in chains)]


def _renews(order: DrugCourse, last: DrugCourse, orders: list[DrugCourse], gap_days: float) -> bool:
    assert order.start is not None
    assert last.start is not None
    if last.intolerance or last.failure or not _equal_dose(order, last):
        return False
    first, second = last.start.earliest, order.start.earliest
    if (second - first).days > gap_days:
        return False
    return not any(o.start and first < o.start.earliest < second and not _equal_dose(o, order) for o in orders)


def _equal_dose(one: DrugCourse, other: DrugCourse) -> bool:
    return known_dose(one) == known_dose(other) and same_dose(one, other)


def _one_chain(chain: list[DrugCourse]) -> DrugCourse:
    last = chain[-1]
    return msgspec.structs.replace(last, start=chain[0].start, sources=tuple(c.source for c in reversed(chain)))


_ALWAYS = (-inf, inf)


def _merged(courses: list[DrugCourse], slack_days: float) -> list[DrugCourse]:
    """Courses of the same dose that overlap are one; only two runs of administrations are always two."""
    if len(courses) < 2:
        return list(courses)
    result: list[DrugCourse] = []
    spans: list[Span | None] = []
    for course in sorted(courses, key=_leading):
        own = span(course)
        first, last = (own[0] - slack_days, own[1] + slack_days) if own else _ALWAYS
        for place, its in enumerate(spans):
            if its and (first > its[1] or its[0] > last):
                continue
            other = result[place]
            if not (own and its) and not undated_together(course, other):
                continue
            runs = course.kind == other.kind == "MedicationAdministration"
            if not runs and same_dose(course, other):
                result[place] = joined(other, course)
                spans[place] = span(result[place])
                break
        else:
            result.append(course)
            spans.append(own)
    return result


def _leading(course: DrugCourse) -> tuple[bool, int, str]:
    return not known_dose(course), _KINDS.index(course.kind), course.source


def joined(lead: DrugCourse, other: DrugCourse) -> DrugCourse:
    """One course from two tellings: the leading one's dose, the earlier start, everything that was documented."""
    both = (lead, other)
    status = lead.status if lead.status == other.status else _strongest(both)
    open_ended = (lead.end is None and lead.status == status) or (other.end is None and other.status == status)
    doubts = [c.doubt for c in both if c.doubt]
    if status == "active" and open_ended:
        ended = next((c for c in both if c.status in ("stopped", "completed") and c.end), None)
        running = other if ended is lead else lead
        if ended and ended.end and (running.start is None or running.start.earliest <= ended.end.latest):
            doubts.append(f"{running.source} says active, {ended.source} says {ended.status}")
    return msgspec.structs.replace(
        lead,
        status=status,
        start=_first(lead.start, other.start),
        end=None if open_ended else _last(lead.end, other.end),
        route=lead.route or other.route,
        intolerance=lead.intolerance or other.intolerance,
        failure=lead.failure or other.failure,
        low_confidence=lead.low_confidence and other.low_confidence,
        known_by=lead.known_by or other.known_by,
        sources=tuple(dict.fromkeys((*lead.sources, *other.sources))),
        doubt="; ".join(dict.fromkeys(doubts)) if doubts else "",
    )


def _first(one: FhirDate | None, other: FhirDate | None) -> FhirDate | None:
    """The earlier date; of two that begin on one day the exact one."""
    if one is None or other is None:
        return one or other
    return other if (other.earliest, not other.exact) < (one.earliest, not one.exact) else one


def _last(one: FhirDate | None, other: FhirDate | None) -> FhirDate | None:
    """The later date."""
    if one is None or other is None:
        return one or other
    return other if other.latest > one.latest else one


def _strongest(courses: Iterable[DrugCourse]) -> CourseStatus:
    return min((course.status for course in courses), key=_STATUS.index)


def _given_as_ordered(courses: list[DrugCourse], reading: Reading) -> list[DrugCourse]:
    """Where infusions are documented one by one, the order or statement behind them adds none of its own."""
    given = [c for c in courses if c.kind == "MedicationAdministration" and c.start and is_infused(c)]
    if not given:
        return courses
    result = [c for c in courses if c.kind == "MedicationAdministration"]
    for course in courses:
        if course.kind == "MedicationAdministration":
            continue
        if not is_infused(course):
            result.append(course)
            continue
        place = next((i for i, c in enumerate(result) if c in given and _carries_out(c, course, reading)), None)
        if place is None:
            result.append(course)
        else:
            run = result[place]
            told = joined(run, course)
            result[place] = msgspec.structs.replace(told, start=run.start, end=run.end, status=run.status)
            given = [result[place] if c is run else c for c in given]
    return result


def _carries_out(run: DrugCourse, course: DrugCourse, reading: Reading) -> bool:
    """Whether a run of administrations lies within what a course says was ordered or given."""
    covered, of_run = span(course), span(run)
    if covered is None or of_run is None:
        return False
    slack = reading.same_course_days.value
    rates = [step.per_day for step in course.steps if step.per_day]
    untimed = reading.renewal_gap_days.value if course.kind == "MedicationRequest" else slack
    later = max(slack, 1 / min(rates)) if rates else untimed
    return covered[0] - slack <= of_run[0] <= covered[1] + later
