"""Trials of intravenous immunoglobulin (B0 row IVIG, B9)."""

from bisect import bisect_left
from datetime import date, timedelta
from functools import partial
from math import inf

import msgspec

from cds_service.fhir.dates import day
from hooks.assessment.body import body_at, body_for_dose
from hooks.assessment.trials import Trial, courses_of, day_to_judge, infusions_of, segments, undated_trial
from hooks.chart.facts import Chart, Infusion
from hooks.knowledge.thresholds import Thresholds


class IvigCourse(msgspec.Struct, frozen=True):
    """One block of infusions. `g_per_kg` by actual weight; `counted` by adjusted weight in obesity (B0)."""

    infusion: Infusion
    on: date
    g_per_kg: float | None
    counted: float | None
    problem: str = ""
    note: str = ""


def measure(chart: Chart, infusion: Infusion, thresholds: Thresholds) -> IvigCourse:
    """The dose of a dated IVIG block in g/kg; None with the problem where dose or weight is missing."""
    assert infusion.when is not None
    body = body_for_dose(chart, infusion.when, thresholds)
    on = infusion.when.earliest
    if not infusion.when.exact:
        return IvigCourse(infusion, on, None, None, f"only known as {infusion.when}")
    if infusion.amount is None:
        return IvigCourse(infusion, on, None, None, infusion.problem or "dose not on record")
    if infusion.basis == "mg/kg":
        given = infusion.amount / 1000
        adjusted, kg = body.adjusted_kg(thresholds), body.kg
        return IvigCourse(infusion, on, given, given * kg / adjusted if adjusted and kg else given)
    if infusion.basis == "mg/m2" or not body.kg:
        return IvigCourse(infusion, on, None, None, "no body weight near that date")
    grams = infusion.amount / 1000
    counted = grams / (body.adjusted_kg(thresholds) or body.kg)
    return IvigCourse(infusion, on, grams / body.kg, counted, note=body.note)


def ivig_trials(chart: Chart, thresholds: Thresholds, today: date) -> tuple[Trial, ...]:
    """All IVIG trials on record, in order of time; everything undated is one trial of unknown worth."""
    given = infusions_of(chart, "ivig")
    dated = tuple(i for i in given if i.when)
    gap = thresholds.ivig.trial_gap_days.value
    trials = [
        _trial([measure(chart, i, thresholds) for i in segment], thresholds, today)
        for segment in segments(dated, lambda _, previous, this: (this - previous).days > gap)
    ]
    seen = {i.course for i in given}
    bare = tuple(c for c in courses_of(chart, "ivig") if c.source not in seen)
    kg = body_at(chart, day(today), inf).kg
    least = thresholds.ivig.g_per_kg.value * (1 - thresholds.ivig.tolerance.value) * kg * 1000 if kg else None
    unknown = undated_trial(chart, [i for i in given if not i.when], bare, "IVIG", least)
    return (*trials, unknown) if unknown else tuple(trials)


def _good(course: IvigCourse, thresholds: Thresholds) -> bool:
    t = thresholds.ivig
    enough = t.g_per_kg.value * (1 - t.tolerance.value) - 1e-9
    return course.counted is not None and course.counted >= enough and course.infusion.days <= t.max_days.value


def _longest_run(courses: list[IvigCourse], thresholds: Thresholds) -> int:
    """The most good courses in a row whose starts lie 3 to 6 weeks apart."""
    t, best, run = thresholds.ivig, 0, 0
    previous: IvigCourse | None = None
    for course in courses:
        if not _good(course, thresholds):
            previous, run = None, 0
            continue
        spaced = previous is not None and t.gap_days_min.value <= (course.on - previous.on).days <= t.gap_days_max.value
        run = run + 1 if spaced else 1
        best, previous = max(best, run), course
    return best


def _most_in_window(courses: list[IvigCourse], thresholds: Thresholds) -> float:
    """The highest sum of g/kg in any window of the alternative criterion; courses come in order of time."""
    window = timedelta(weeks=thresholds.ivig.alt_weeks.value)
    days, doses = [c.on for c in courses], [c.counted or 0.0 for c in courses]
    return max(sum(doses[first : bisect_left(days, day + window)]) for first, day in enumerate(days))


def _trial(courses: list[IvigCourse], thresholds: Thresholds, today: date) -> Trial:
    t = thresholds.ivig
    first, last = courses[0], courses[-1]
    run = _longest_run(courses, thresholds)
    enough = run >= t.courses.value or _most_in_window(courses, thresholds) >= t.alt_g_per_kg.value - 1e-9
    judge_from = day_to_judge(first.on, t.min_weeks)
    problems = [c.problem for c in courses if c.problem]
    doses = ", ".join(dict.fromkeys(f"{c.g_per_kg:.1f}" if c.g_per_kg is not None else "?" for c in courses))
    n = len(courses)
    given = f"{n} course{'s' * (n != 1)} of {doses} g/kg from {first.on}" + (f" to {last.on}" if n > 1 else "")
    notes = [c.note for c in courses if c.note]
    given += f" ({notes[0]})" if notes else ""
    running = (today - last.on).days <= t.active_days.value
    sources = frozenset(c.infusion.course or c.infusion.source for c in courses)
    needed = f"{t.g_per_kg.value:.1f} g/kg"
    trial = partial(Trial, start=first.infusion.when, given=given, courses=sources, running=running)
    if enough and today >= judge_from:
        return trial(base="ADEQUATE", judge_from=judge_from)
    if enough:
        gap = f"first infusion {(today - first.on).days // 7} weeks ago: judge at {t.min_weeks.value:g} weeks or later"
        return trial(base="TOO_EARLY", gap=gap, judge_from=judge_from)
    if problems:
        gap = "; ".join(dict.fromkeys(problems))
        return trial(base="EXPOSED_UNKNOWN", gap=gap)
    good = sum(_good(c, thresholds) for c in courses)
    on_track = today - first.on <= timedelta(weeks=t.on_track_weeks.value) and good == n
    gap = (
        f"{good} of at least {t.courses.value:g} courses of {needed} over up to {t.max_days.value:g} days, "
        f"{t.gap_days_min.value / 7:g} to {t.gap_days_max.value / 7:g} weeks apart"
    )
    if not on_track:
        worst = min(c.counted or 0.0 for c in courses)
        if good < n and worst < t.g_per_kg.value:
            gap = f"{worst:.1f} of {needed}; {gap}"
        return trial(base="UNDERDOSED", gap=gap)
    return trial(base="TOO_EARLY", gap=gap, judge_from=judge_from)
