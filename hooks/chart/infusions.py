"""Courses of infused drugs → single infusions: each IVIG block, rituximab infusion and cyclophosphamide pulse."""

from collections.abc import Iterable
from datetime import date

import msgspec

from cds_service.fhir.dates import FhirDate, day
from hooks.chart.facts import CourseStatus, Dosing, DrugCourse, Infusion
from hooks.chart.infused import is_infused
from hooks.chart.spans import MOST_DOSES, shifted
from hooks.knowledge.thresholds import Reading

_UNCOUNTED = "how many infusions were given, and when, is not recorded"
_UNKNOWN = Dosing(problem="no dose is recorded")


class _Given(msgspec.Struct, frozen=True, gc=False):
    """One administration, before blocks are made of them."""

    on: FhirDate
    last: date
    step: Dosing


def infusions(courses: Iterable[DrugCourse], reading: Reading, today: date) -> tuple[Infusion, ...]:
    """All infusions on record, in order of time; undated ones last. What lies after `today` is planned."""
    found: list[Infusion] = []
    for course in courses:
        if is_infused(course):
            found += _of_course(course, reading, today)
    return tuple(sorted(found, key=lambda i: (i.when is None, i.when.earliest.toordinal() if i.when else 0, i.source)))


def _of_course(course: DrugCourse, reading: Reading, today: date) -> list[Infusion]:
    given: list[_Given] = []
    for step in course.steps or (_UNKNOWN,):
        some = _administrations(course, step, today)
        if some is None:
            return [_uncounted(course, step, today)]
        given += some
    gap = reading.administration_gap_days.value if course.drug == "ivig" else 0
    blocks: list[list[_Given]] = []
    for one in sorted(given, key=lambda g: g.on.earliest):
        last = blocks[-1][-1] if blocks else None
        if last and one.on.exact and last.on.exact and (one.on.earliest - last.last).days <= gap:
            blocks[-1].append(one)
        else:
            blocks.append([one])
    return [_block(course, block, today) for block in blocks]


def _days(course: DrugCourse) -> int:
    """How many days the course covers, as far as both ends are known."""
    if course.start and course.end and course.start.exact and course.end.exact:
        return max(1, (course.end.earliest - course.start.earliest).days + 1)
    return 1


def _administrations(course: DrugCourse, step: Dosing, today: date) -> list[_Given] | None:
    """The days on which a step was given; None where they cannot be told."""
    start, end = step.start or course.start, step.end or course.end
    if step.dates:
        return [_Given(on, on.latest, step) for on in step.dates]
    if start is None or step.as_needed:
        return None
    if step.total or step.count == 1 or _one_dose(course, step):
        days = 1 if course.kind == "MedicationRequest" else _days(course)
        return [_Given(start, shifted(start.earliest, max(days, step.over_days) - 1), step)]
    if not start.exact:
        return None
    if step.per_day is None:
        return _within(course, step, start, end)
    return _regular(course, step, start, end, today)


def _one_dose(course: DrugCourse, step: Dosing) -> bool:
    """Whether a course without timing is one administration: one that was recorded, or an order that was completed."""
    if course.kind in ("MedicationAdministration", "Procedure"):
        return step.count is None
    untimed = step.per_day is None and step.count is None
    return untimed and course.kind == "MedicationRequest" and course.status == "completed"


def _within(course: DrugCourse, step: Dosing, start: FhirDate, end: FhirDate | None) -> list[_Given] | None:
    """So many doses in a period: one a day when it has as many days; at both ends when there are two."""
    days = _days(course)
    if step.count == days <= MOST_DOSES:
        return [_Given(on := day(shifted(start.earliest, k)), on.latest, step) for k in range(days)]
    if step.count == 2 and end and end.exact:
        return [_Given(on, on.latest, step) for on in (start, end)]
    return None


def _regular(
    course: DrugCourse, step: Dosing, start: FhirDate, end: FhirDate | None, today: date
) -> list[_Given] | None:
    """At a rate, until the end, the number of doses, or today; None for a course that is over at an unknown time."""
    assert step.per_day is not None
    running = course.status in ("active", "on-hold")
    if end is None and not running and not (step.count and course.status == "completed"):
        return None
    until = end.latest if end else date.max if step.count else today
    until = until if running else min(until, today)
    given: list[_Given] = []
    for k in range(min(step.count or MOST_DOSES, MOST_DOSES)):
        on = shifted(start.earliest, k / step.per_day + 1e-6)
        if on > until:
            break
        given.append(_Given(day(on), shifted(on, step.over_days - 1), step))
    return given if len(given) < MOST_DOSES else None


def _uncounted(course: DrugCourse, step: Dosing, today: date) -> Infusion:
    """One entry that stands for all that cannot be counted."""
    if course.start is None:
        return _infusion(course, _Block(None, 1, step.low if step.count in (None, 1) else None, step), today)
    step = msgspec.structs.replace(step, problem=step.problem or _UNCOUNTED)
    return _infusion(course, _Block(course.start if course.status == "planned" else None, 1, None, step), today)


class _Block(msgspec.Struct, frozen=True, gc=False):
    """Administrations that belong together: first day, number of days, total amount, and the dosing they come from."""

    when: FhirDate | None
    days: int
    amount: float | None
    step: Dosing


def _block(course: DrugCourse, block: list[_Given], today: date) -> Infusion:
    first = block[0]
    if len(block) == 1:
        days = (first.last - first.on.earliest).days + 1 if first.on.exact else 1
        return _infusion(course, _Block(first.on, days, first.step.low, first.step), today)
    known = [one.step.low for one in block if one.step.low is not None]
    one_basis = len({one.step.basis for one in block}) == 1
    total = sum(known) if len(known) == len(block) and one_basis else None
    days = max((one.last - first.on.earliest).days + 1 for one in block) if first.on.exact else 1
    step = next((one.step for one in block if one.step.problem), first.step)
    if not one_basis:
        step = msgspec.structs.replace(step, problem=step.problem or "doses in different units")
    return _infusion(course, _Block(first.on, days, total, step), today)


def _infusion(course: DrugCourse, block: _Block, today: date) -> Infusion:
    later: CourseStatus = "planned"
    problem = block.step.problem or ("" if block.when else "no date is recorded")
    return Infusion(
        source=course.source,
        drug=course.drug,
        when=block.when,
        days=block.days,
        amount=block.amount,
        basis=block.step.basis,
        status=later if block.when and block.when.earliest > today else course.status,
        from_text=block.step.from_text,
        assumed_total=block.step.total,
        problem=problem,
        other_indication=course.other_indication,
        course="" if course.kind == "Procedure" else course.source,
    )
