"""Where things are going: CK rising again, treatment cut down, response since treatment began (B1 R8, B9)."""

from bisect import bisect_right
from datetime import date, timedelta
from itertools import zip_longest

import msgspec

from cds_service.fhir.dates import within
from hooks.assessment.activity import TOLERANCE, Activity
from hooks.assessment.glucocorticoids import Glucocorticoids, assess_glucocorticoids
from hooks.assessment.immunosuppression import IMMUNOSUPPRESSANTS, INFUSED, active_courses
from hooks.assessment.labs import at_least, upper_limit, usable
from hooks.assessment.response import Response, baseline, partial_tis, strength_baseline
from hooks.chart.facts import Chart, DrugCourse, LabResult
from hooks.knowledge.thresholds import Threshold, Thresholds
from hooks.reasoning import Truth, all_true, any_true

IMNM_DRUGS = frozenset({*INFUSED, *IMMUNOSUPPRESSANTS, "glucocorticoid", "scig"})
Span = tuple[date, date, float]
_ONE_DAY = timedelta(days=1)


def begun(chart: Chart) -> tuple[DrugCourse, ...]:
    """Courses of IMNM drugs that were begun, for this disease."""
    return tuple(
        [
            c
            for c in chart.courses
            if c.drug in IMNM_DRUGS and c.status not in ("planned", "draft") and not c.other_indication
        ]
    )


def treated_before(chart: Chart, on: date) -> Truth:
    """Whether an IMNM drug was begun before the day `on`. An undated course that is over was; else it is open."""

    def earlier(course: DrugCourse) -> Truth:
        if course.start is None:
            return True if course.status in ("completed", "stopped") else None
        if course.start.latest < on:
            return True
        return False if course.start.earliest >= on else None

    return any_true(earlier(course) for course in begun(chart))


class CkRise(msgspec.Struct, frozen=True, kw_only=True):
    """Whether CK rose again as B1 R8-RELAPSE says.

    `tests`: those that were judged, newest first; `nadir`: what they rose from.
    """

    truth: Truth
    tests: tuple[LabResult, ...] = ()
    nadir: LabResult | None = None
    missing: str = ""


def ck_rise(chart: Chart, newest: LabResult | None, thresholds: Thresholds) -> CkRise:
    """Judge the newest CK alone, then with the test before it; each against the nadir of the year before (B9)."""
    t = thresholds.trajectory
    if newest is None or newest.when is None:
        return CkRise(truth=None, missing=f"a usable CK of the last {thresholds.ck.fresh_days.value:g} days")
    alone = _rise(chart, (newest,), t.relapse_single_x_nadir, thresholds)
    on = newest.when.earliest
    previous = next((r for r in usable(chart, "creatine-kinase") if r.when and r.when.earliest < on), None)
    if alone.truth or previous is None or alone.nadir is None:
        return alone
    both = _rise(chart, (newest, previous), t.relapse_x_nadir, thresholds)
    # Without a nadir before both there is nothing that both could have risen from.
    return alone if both.nadir is None or both.truth is False else both


def _rise(chart: Chart, tests: tuple[LabResult, ...], factor: Threshold, thresholds: Thresholds) -> CkRise:
    nadir = _nadir(chart, tests[-1], thresholds)
    if nadir is None or nadir.value is None:
        days = thresholds.trajectory.nadir_days.value
        return CkRise(truth=None, tests=tests, missing=f"a CK of the {days:g} days before, to compare with")
    t, low = thresholds.trajectory, nadir.value

    def risen(test: LabResult) -> Truth:
        uln = t.relapse_x_uln.value * upper_limit(test, thresholds.ck.uln_default)
        return at_least(test, max(uln, factor.value * low, low + t.relapse_rise.value) - TOLERANCE)

    truth = all_true(risen(test) for test in tests)
    return CkRise(truth=truth, tests=tests, nadir=nadir, missing="" if truth is not None else "an exact CK value")


def _nadir(chart: Chart, test: LabResult, thresholds: Thresholds) -> LabResult | None:
    """The lowest usable CK of the days before a test; one that is only known to be higher than its number is none."""
    assert test.when is not None
    results, days = chart.usable_labs["creatine-kinase"]
    on = -test.when.earliest.toordinal()
    first, end = bisect_right(days, on), bisect_right(days, on + thresholds.trajectory.nadir_days.value)
    before = [r for r in results[first:end] if not r.comparator.startswith(">")]
    return min(before, key=lambda r: r.value or 0.0, default=None)


class Reduction(msgspec.Struct, frozen=True):
    """Treatment cut down on a known day. `what`: for people, from the record."""

    what: str
    on: date
    source: str


class Reductions(msgspec.Struct, frozen=True):
    """All reductions of the last days; `doubt` says what keeps the glucocorticoid dose from being compared."""

    found: tuple[Reduction, ...]
    doubt: str = ""


def assess_reductions(chart: Chart, exposure: Glucocorticoids, thresholds: Thresholds, today: date) -> Reductions:
    """Glucocorticoid cut far enough, or an immunosuppressant stopped, in the days of B1 and by a known date (B9).

    `exposure`: the glucocorticoids of this chart.
    """
    cut, doubt = _glucocorticoid_cut(chart, exposure, thresholds, today)
    return Reductions((*cut, *_stopped(chart, thresholds, today)), doubt)


def _stopped(chart: Chart, thresholds: Thresholds, today: date) -> tuple[Reduction, ...]:
    days = thresholds.trajectory.taper_days.value
    found: dict[str, Reduction] = {}
    for course in begun(chart):
        oral = course.drug == "cyclophosphamide" and any(step.daily for step in course.steps)
        if not (oral or course.drug in IMMUNOSUPPRESSANTS) or _infused(course):
            continue
        barred = course.intolerance or course.failure or any(course.drug in x.concepts for x in chart.allergies)
        over = within(course.end, int(days), today) and not active_courses(chart, course.drug, today)
        if over and not barred and course.end:
            name = course.ingredient or course.drug
            found[course.drug] = Reduction(f"{name} stopped", course.end.earliest, course.source)
    return tuple(found.values())


def _infused(course: DrugCourse) -> bool:
    """An infusion course comes to its end; that is no taper (B9)."""
    return course.route in ("intravenous", "injected") or course.kind == "MedicationAdministration"


def _glucocorticoid_cut(
    chart: Chart, exposure: Glucocorticoids, thresholds: Thresholds, today: date
) -> tuple[tuple[Reduction, ...], str]:
    """The cut from the highest dose that was reduced within the window to today's dose, if it is large enough."""
    every = chart.courses_of("glucocorticoid")
    courses = tuple(c for c in every if not _pulse(c, thresholds))
    state = exposure
    if len(courses) < len(every):
        state = assess_glucocorticoids(msgspec.structs.replace(chart, courses=courses), thresholds, today)
    bridge = int(thresholds.pjp.bridge_days.value)
    spans = _without_overlaps(state.spans, bridge)
    window = today - timedelta(days=int(thresholds.trajectory.taper_days.value))
    falls = [
        (day, before)
        for day, before, after in _changes(spans, bridge, today)
        if window <= day <= today and after < before and not _forced(courses, day, bridge)
    ]
    dated = [(day, before, source) for day, before in falls if (source := _dated(courses, day))]
    highest = max((before for _, before, _ in dated), default=0.0)
    if not dated:
        return (), "the day on which a glucocorticoid dose was changed" if falls else ""
    now = next((mg for first, last, mg in reversed(spans) if first <= today <= last + timedelta(days=bridge)), 0.0)
    limit = (1 - thresholds.trajectory.taper_fraction.value) * highest + TOLERANCE
    if max(now, state.possible_mg) > limit:
        return (), "the present dose of a glucocorticoid" if now <= limit else ""
    day, _, source = dated[-1]
    what = f"glucocorticoid from {highest:g} to {now:g} mg/day (prednisone equivalent)"
    return (Reduction(what, day, source),), ""


def _pulse(course: DrugCourse, thresholds: Thresholds) -> bool:
    """Pulses are infusion courses, and their end is no taper."""
    limit = thresholds.pjp.pulse_mg.value
    return _infused(course) or any((step.mg_per_day_high or 0.0) >= limit for step in course.steps)


def _without_overlaps(spans: tuple[Span, ...], bridge: int) -> tuple[Span, ...]:
    """Without the short peaks that arise where one step ends after the next began."""
    return tuple(
        span
        for before, span, after in zip((None, *spans), spans, (*spans[1:], None), strict=False)
        if before is None
        or after is None
        or (span[1] - span[0]).days >= bridge
        or before[1] + _ONE_DAY != span[0]
        or span[1] + _ONE_DAY != after[0]
        or span[2] <= max(before[2], after[2])
    )


def _changes(spans: tuple[Span, ...], bridge: int, today: date) -> list[tuple[date, float, float]]:
    """(day, dose before, dose after) in order; short gaps are bridged (B9)."""
    found: list[tuple[date, float, float]] = []
    for span, following in zip_longest(spans, spans[1:]):
        _, last, mg = span
        if following is None:
            if (today - last).days > bridge:
                found.append((last + _ONE_DAY, mg, 0.0))
        elif (following[0] - last).days - 1 <= bridge:
            found.append((following[0], mg, following[2]))
        else:
            found.append((last + _ONE_DAY, mg, 0.0))
    return found


def _dated(courses: tuple[DrugCourse, ...], day: date) -> str:
    """The source of the step that begins on this day, or ended the day before, by an exact date; empty without one."""
    for course in courses:
        for step in course.steps:
            start, end = step.start or course.start, step.end or course.end
            begins = start is not None and start.exact and start.earliest == day
            if begins or (end is not None and end.exact and (day - end.latest).days == 1):
                return course.source
    return ""


def _forced(courses: tuple[DrugCourse, ...], day: date, bridge: int) -> bool:
    """Whether the dose fell because a course was stopped for intolerance or failure."""
    return any(
        (c.intolerance or c.failure) and c.end is not None and abs((c.end.latest - day).days + 1) <= bridge
        for c in courses
    )


def response_since_start(chart: Chart, activity: Activity, thresholds: Thresholds) -> Response | None:
    """The partial TIS now, from the earliest drug baseline on record (B9). None: no fresh MMT-8, or no baseline."""
    if activity.score is None or not chart.score_days:
        return None
    # What began long before the first score has no baseline.
    soonest = -chart.score_days[-1] - thresholds.baseline.after_days.value
    for start in sorted(
        {c.start.earliest for c in begun(chart) if c.start and c.start.earliest.toordinal() >= soonest}
    ):
        score, _ = strength_baseline(chart, start, thresholds)
        if score is not None and score is not activity.score:
            return partial_tis(baseline(chart, start, thresholds), activity.score, activity.ck, thresholds)
    return None
