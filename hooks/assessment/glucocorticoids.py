"""Systemic glucocorticoids over time, in prednisone equivalents (A4, A5, B3, B9 "gcd").

Two readings are kept side by side: what is certain, and what is possible where a dose or a date is missing or vague. A
question that both answer alike is answered; else it is Unknown.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil, inf

import msgspec

from cds_service.fhir.dates import FhirDate, day
from hooks.assessment.body import body_for_dose
from hooks.assessment.ordered_glucocorticoids import DRUG, readings
from hooks.chart.facts import Chart, Dosing, DrugCourse
from hooks.chart.spans import shifted
from hooks.knowledge.thresholds import Thresholds
from hooks.reasoning import Truth

Span = tuple[date, date, float]
"""First day, last day, mg a day."""
Doses = tuple[tuple[Span, ...], tuple[Span, ...]]
_ONE = timedelta(days=1)
TOLERANCE = 1e-9


class Glucocorticoids(msgspec.Struct, frozen=True, kw_only=True):
    """Exposure in prednisone equivalents; ranges count with their upper end (A5), a stated future end is kept (B9).

    `active`: a systemic course is active; `regular`: and taken regularly, neither as needed nor as a single dose.
    `spans`: doses that are certain; `possible`: the most that the record allows, infinite where a dose is unknown.
    `known_mg`, `possible_mg`: the same, today. `undated`: active courses without a start. `sources`: all active ones.
    """

    active: bool
    regular: bool
    spans: tuple[Span, ...]
    possible: tuple[Span, ...]
    known_mg: float
    possible_mg: float
    undated: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    alone: tuple[Doses, ...] = ()
    """Spans, certain and possible, should one of the orders of the request begin today (`readings`)."""

    @property
    def mg_per_day(self) -> float | None:
        """The dose today; None while a part of it is unknown."""
        return self.known_mg if self.possible_mg <= self.known_mg + TOLERANCE else None

    def at_least(self, mg: float) -> Truth:
        """Whether today's dose is `mg` or more."""
        return _compare(self.known_mg, self.possible_mg, mg)

    def lasted(self, mg: float, days: float, today: date, bridge: float) -> Truth:
        """Whether `mg` or more is taken for `days` or more (see `days_at_least`)."""
        possible = max(_run(spans, mg, today, bridge) for spans in (self.possible, *(most for _, most in self.alone)))
        return _compare(self.days_at_least(mg, today, bridge), possible, days)

    def days_at_least(self, mg: float, today: date, bridge: float) -> int:
        """Consecutive days at `mg` or more around today that are certain (B9 gcd).

        Days so far, and those planned with a stated end; gaps of up to `bridge` days are bridged.
        """
        return max(_run(spans, mg, today, bridge) for spans in (self.spans, *(known for known, _ in self.alone)))


def is_active(course: DrugCourse, today: date) -> bool:
    """B9 "Active" for home drugs: status active, begun, not ended, and not ended by an order of this request."""
    if course.status != "active" or course.superseded or (course.start and course.start.earliest > today):
        return False
    return course.end is None or course.end.latest >= today


def runs(course: DrugCourse, today: date) -> bool:
    """Whether a course is taken, or is being ordered for now."""
    if course.status == "draft":
        return course.end is None or course.end.latest >= today
    return is_active(course, today)


def _compare(certain: float, possible: float, limit: float) -> Truth:
    if certain >= limit - TOLERANCE:
        return True
    return None if possible >= limit - TOLERANCE else False


def _run(spans: tuple[Span, ...], mg: float, today: date, bridge: float) -> int:
    high = [(first, last) for first, last, dose in spans if dose >= mg - TOLERANCE]
    now = next((i for i, (first, last) in enumerate(high) if first <= today <= last), None)
    if now is None:
        return 0
    begin = end = now
    while begin > 0 and (high[begin][0] - high[begin - 1][1]).days - 1 <= bridge:
        begin -= 1
    while end + 1 < len(high) and (high[end + 1][0] - high[end][1]).days - 1 <= bridge:
        end += 1
    return (high[end][1] - high[begin][0]).days + 1


class _Piece(msgspec.Struct, frozen=True):
    """A constant daily dose between two days, as one resource type tells it."""

    first: date
    last: date
    mg: float
    ingredient: str
    kind: str


class _Told(msgspec.Struct, frozen=True):
    """What one course says: pieces that are certain, and pieces that are possible."""

    certain: tuple[_Piece, ...]
    possible: tuple[_Piece, ...]
    regular: bool


def assess_glucocorticoids(
    chart: Chart, thresholds: Thresholds, today: date, *, ordered: bool = False
) -> Glucocorticoids:
    """Dose over time. `ordered`: what is being ordered counts as `readings` says.

    Where several resource types tell of one ingredient, the highest counts, not the sum: they tell of one intake. So do
    an order that is being written and what is on record. What such an order replaces was taken until yesterday.
    """
    plan, *others = readings(chart, today) if ordered else ([],)
    courses = [c for c in chart.courses_of(DRUG) if c.status not in ("planned", "draft")] + plan
    told = [_told(chart, course, thresholds, today) for course in courses]
    active = [(c, t) for c, t in zip(courses, told, strict=True) if runs(c, today)]
    spans, possible = _doses(told)
    recorded = told[: len(courses) - len(plan)]
    alone = [_doses([*recorded, *(_told(chart, course, thresholds, today) for course in one)]) for one in others]
    return Glucocorticoids(
        active=bool(active),
        regular=any(t.regular for _, t in active),
        spans=spans,
        possible=possible,
        known_mg=max(_on(known, today) for known, _ in ((spans, possible), *alone)),
        possible_mg=max(_on(most, today) for _, most in ((spans, possible), *alone)),
        alone=tuple(alone),
        undated=tuple(
            c.source for c, t in active if t.regular and c.start is None and not any(s.start for s in c.steps)
        ),
        sources=tuple(c.source for c, _ in active),
    )


def _doses(told: list[_Told]) -> Doses:
    """What is certain, and what is possible."""
    return _sum(piece for one in told for piece in one.certain), _sum(piece for one in told for piece in one.possible)


def _on(spans: tuple[Span, ...], today: date) -> float:
    return next((mg for first, last, mg in spans if first <= today <= last), 0.0)


def is_regular(step: Dosing) -> bool:
    """Neither as needed, nor a total, nor a stated number of single doses (B9)."""
    single = step.per_day is None and (step.count is not None or bool(step.dates))
    return not (step.as_needed or step.total or single)


def _told(chart: Chart, course: DrugCourse, thresholds: Thresholds, today: date) -> _Told:
    if course.superseded and course.status == "active":
        return _until(today - _ONE, chart, course, thresholds)
    running = runs(course, today)
    kind = "draft" if course.status == "draft" else course.kind
    steps = [s for s in course.steps or (Dosing(problem="no dose on record"),) if is_regular(s)]
    certain: list[_Piece] = []
    possible: list[_Piece] = []
    for step in steps:
        mg = _equivalent(chart, course, step, thresholds, today)
        for first, last, is_certain in _places(course, step, thresholds, today, running=running):
            if is_certain and mg is not None:
                certain.append(_Piece(first, last, mg, course.ingredient, kind))
            elif not is_certain:
                possible.append(_Piece(first, last, inf if mg is None else mg, course.ingredient, kind))
    ahead = course.start is not None and course.start.earliest > today
    if running and steps and not ahead and not any(p.first <= today <= p.last for p in possible):
        # The written regimen is over, or not yet begun, but the course goes on: at a dose that nobody wrote down.
        since = max((p.last for p in possible if p.last < today), default=today - _ONE) + _ONE
        possible.append(_Piece(since, today, inf, course.ingredient, kind))
    return _Told(tuple(certain), tuple(possible), bool(steps))


def _until(last: date, chart: Chart, course: DrugCourse, thresholds: Thresholds) -> _Told:
    """What a course that an order of this request replaces or ends said until that day."""

    def cut(pieces: tuple[_Piece, ...]) -> tuple[_Piece, ...]:
        return tuple(
            msgspec.structs.replace(piece, last=min(piece.last, last)) for piece in pieces if piece.first <= last
        )

    told = _told(chart, msgspec.structs.replace(course, superseded=False), thresholds, last)
    return _Told(cut(told.certain), cut(told.possible), told.regular)


def _equivalent(chart: Chart, course: DrugCourse, step: Dosing, thresholds: Thresholds, today: date) -> float | None:
    """Prednisone equivalent in mg a day, upper end; None when unknown."""
    factor = getattr(thresholds.glucocorticoid, course.ingredient, None)
    if factor is None or step.high is None or not step.per_day:
        return None
    mg = dose_mg(chart, step.high, step, step.start or course.start or day(today), thresholds)
    return None if mg is None else mg * step.per_day * float(factor.value)


def dose_mg(chart: Chart, amount: float, step: Dosing, when: FhirDate, thresholds: Thresholds) -> float | None:
    """An amount of a step in mg: per kg or m² with the body of that time (A5); None without it."""
    if step.basis == "mg":
        return amount
    body = body_for_dose(chart, when, thresholds)
    size = body.kg if step.basis == "mg/kg" else body.bsa
    return amount * size if size else None


def _places(
    course: DrugCourse, step: Dosing, thresholds: Thresholds, today: date, *, running: bool
) -> Iterator[tuple[date, date, bool]]:
    """First and last day of a step: the most where it may lie, and (third member True) where it certainly lies.

    What is over lies before today; where its end is not written, it may have lasted as long as an order does.
    """
    start, end = step.start or course.start, end_of(course, step)
    if start is None and not running:
        return  # over, nobody knows when: it says nothing of the days up to today
    first = start.earliest if start else date.min
    renewal = thresholds.reading.renewal_gap_days.value
    last = end.latest if end else today if running or start is None else shifted(start.latest, renewal)
    last = last if running else min(last, today - _ONE)
    if first <= last:
        yield first, last, False
    sure_first = _certainlybegun(course, start, today, running=running)
    sure_last = end.earliest if end else today if running else sure_first
    sure_last = sure_last if running else min(sure_last, today - _ONE)
    if sure_first <= sure_last:
        yield sure_first, sure_last, True


def _certainlybegun(course: DrugCourse, start: FhirDate | None, today: date, *, running: bool) -> date:
    """The day by which a step has certainly begun. What is active and known by a day was taken by then (A4)."""
    if start is None:
        known = course.known_by
        return min(known.latest, today) if known else today
    if running and len(course.steps) == 1 and start.earliest <= today:
        return min(start.latest, today)
    return start.latest


def end_of(course: DrugCourse, step: Dosing) -> FhirDate | None:
    """The end of a step, stated or counted; none for one in the last year of the calendar, which means an open end."""
    end = step.end or _counted_end(course, step) or course.end
    return None if end and end.latest.year == date.max.year else end


def _counted_end(course: DrugCourse, step: Dosing) -> FhirDate | None:
    """The end that a stated number of doses gives."""
    start = step.start or course.start
    if step.count is None or not step.per_day or start is None or not start.exact:
        return None
    return day(shifted(start.earliest, max(ceil(step.count / step.per_day), 1) - 1))


class _Level:
    """What one resource type tells of one ingredient on one day. Exact, so that pieces come and go without a trace."""

    def __init__(self) -> None:
        self.pieces = 0
        self.unknown = 0
        self.mg = Fraction()

    def change(self, mg: float, sign: int) -> None:
        self.pieces += sign
        if mg == inf:
            self.unknown += sign
        else:
            self.mg += sign * Fraction(mg)


_Levels = dict[str, dict[str, _Level]]
"""By ingredient and resource type."""


def _sum(pieces: Iterable[_Piece]) -> tuple[Span, ...]:
    """The total of overlapping pieces, piece by piece constant, in order of time."""
    changes: dict[date, list[tuple[_Piece, int]]] = {}
    for piece in pieces:
        changes.setdefault(piece.first, []).append((piece, 1))
        changes.setdefault(piece.last + _ONE, []).append((piece, -1))
    levels: _Levels = {}
    spans: list[Span] = []
    for first, following in pairwise(sorted(changes)):
        for piece, sign in changes[first]:
            levels.setdefault(piece.ingredient, {}).setdefault(piece.kind, _Level()).change(piece.mg, sign)
        total = _total(levels)
        if total and spans and spans[-1][2] == total and spans[-1][1] + _ONE == first:
            spans[-1] = (spans[-1][0], following - _ONE, total)
        elif total:
            spans.append((first, following - _ONE, total))
    return tuple(spans)


def _total(levels: _Levels) -> float:
    """One day's dose: of each ingredient what the resource type tells that knows most; unknown where none knows it."""
    total = 0.0
    for by_kind in levels.values():
        told = [level for level in by_kind.values() if level.pieces]
        if told:
            total += max((float(level.mg) for level in told if not level.unknown), default=inf)
    return total
