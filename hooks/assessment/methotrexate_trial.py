"""Trials of methotrexate (B0 row MTX, B9): 15 mg a week and more, for 12 weeks."""

from datetime import date, timedelta
from functools import partial
from math import ceil

import msgspec

from cds_service.fhir.dates import FhirDate
from hooks.assessment.methotrexate_dosing import occasions, within_a_day, written_daily
from hooks.assessment.trials import Trial, courses_of
from hooks.chart.facts import Chart, Dosing, DrugCourse
from hooks.chart.spans import shifted
from hooks.knowledge.thresholds import Thresholds


class Stretch(msgspec.Struct, frozen=True):
    """A time on one weekly dose (mg, None: unknown), open-ended where `end` is None. `problem`: what is unknown."""

    course: DrugCourse
    start: FhirDate | None
    end: FhirDate | None
    weekly_mg: float | None
    ongoing: bool
    problem: str = ""
    daily: bool = False

    @property
    def known(self) -> bool:
        return not self.problem


def stretches(chart: Chart, thresholds: Thresholds, today: date) -> list[Stretch]:
    """Every step of every methotrexate course for this disease, in order of time, undated ones last."""
    found = [
        _stretch(course, step, thresholds)
        for course in courses_of(chart, "methotrexate")
        for step in course.steps or (Dosing(problem="no dose on record"),)
        if step.start is None or step.start.earliest <= today
    ]
    return sorted(found, key=lambda s: s.start.earliest if s.start else date.max)


def _stretch(course: DrugCourse, step: Dosing, thresholds: Thresholds) -> Stretch:
    start, end = step.start or course.start, step.end or course.end
    ongoing = course.status == "active"
    weekly = _weekly_mg(course, step)
    problem, daily = "", written_daily(course, step, thresholds)
    if daily:
        problem, weekly = "written as taken every day: check that it is weekly", None
    elif weekly is None:
        problem = step.problem or "no weekly dose on record"
    elif weekly > thresholds.methotrexate.hard_max_mg_week.value:
        problem = (
            f"{weekly:g} mg a week is more than {thresholds.methotrexate.hard_max_mg_week.value:g}: check the dose"
        )
    elif start is None:
        problem = "no start date on record"
    elif end is None and not ongoing:
        problem = "no end date on record"
    return Stretch(course, start, end, weekly, ongoing and end is None, problem, daily)


def _weekly_mg(course: DrugCourse, step: Dosing) -> float | None:
    """The least a week brings in mg; one dose that is split over a day is taken once a week."""
    if step.mg_per_day is None or not step.per_day:
        return None
    split = occasions(course, step) if within_a_day(course, step) else None
    return round(step.mg_per_day * (split / step.per_day if split else 7), 6)


def methotrexate_trials(chart: Chart, thresholds: Thresholds, today: date) -> tuple[Trial, ...]:
    """Trials of methotrexate: stretches that follow each other closely are one trial."""
    trials: list[list[Stretch]] = []
    gap = timedelta(days=thresholds.reading.renewal_gap_days.value)
    until = date.min
    for stretch in stretches(chart, thresholds, today):
        begins = stretch.start.earliest if stretch.start else date.max
        if not trials or begins - until > gap:
            trials.append([])
        trials[-1].append(stretch)
        until = max(until, stretch.end.latest if stretch.end else today)
    return tuple(_trial(trial, thresholds, today) for trial in trials)


Run = tuple[date, date]
"""First and last day without a break."""


def _runs(spans: list[Run], bridge: timedelta) -> list[Run]:
    """Spans joined, in order of time; overlaps count once, short gaps are bridged."""
    runs: list[Run] = []
    for first, last in sorted(spans):
        if last < first:
            continue
        if runs and first - runs[-1][1] <= bridge:
            runs[-1] = runs[-1][0], max(runs[-1][1], last)
        else:
            runs.append((first, last))
    return runs


def _longest(runs: list[Run]) -> int:
    """Days of the longest run, both ends included."""
    return max(((last - first).days + 1 for first, last in runs), default=0)


def _full_doses(full: list[Stretch], today: date, bridge: timedelta) -> tuple[list[Run], list[Run]]:
    """The shortest and longest runs, up to today, that known stretches allow."""
    narrow, wide = [], []
    for stretch in full:
        assert stretch.start is not None
        last = stretch.end or FhirDate(today, today)
        narrow.append((stretch.start.latest, min(last.earliest, today)))
        wide.append((stretch.start.earliest, min(last.latest, today)))
    return _runs(narrow, bridge), _runs(wide, bridge)


def _judge_from(runs: list[Run], needed: float, today: date, *, ongoing: bool) -> date | None:
    """The day on which the first run that lasts long enough, or that goes on, has lasted so long."""
    for first, last in runs:
        enough = shifted(first, ceil(needed) - 1)
        if enough <= last or (ongoing and last >= today):
            return enough
    return None


def _explained(stretch: Stretch, known: list[Stretch]) -> bool:
    """Whether an entry without a dose only tells again what a dosed one tells: undated, or at the same time."""
    if not known or stretch.known or stretch.weekly_mg is not None or stretch.daily:
        return False
    return stretch.start is None or any(
        (k.end is None or stretch.start.earliest <= k.end.latest)
        and (stretch.end is None or k.start is None or stretch.end.latest >= k.start.earliest)
        for k in known
    )


def _trial(trial: list[Stretch], thresholds: Thresholds, today: date) -> Trial:
    t = thresholds.methotrexate
    needed = t.min_weeks.value * 7
    full = [s for s in trial if s.known and s.weekly_mg is not None and s.weekly_mg >= t.min_mg_week.value]
    runs, longest = _full_doses(full, today, timedelta(days=t.bridge_days.value))
    fewest, most = _longest(runs), _longest(longest)
    doses = ", ".join(dict.fromkeys(f"{s.weekly_mg:g}" if s.weekly_mg is not None else "?" for s in trial))
    start = (full or trial)[0].start
    given = f"{doses} mg/week" + (f" from {trial[0].start}" if trial[0].start else "")
    running = any(s.ongoing for s in trial)
    trial_of = partial(
        Trial, start=start, given=given, courses=frozenset(s.course.source for s in trial), running=running
    )
    ongoing = any(s.ongoing for s in full)
    judge_from = _judge_from(runs, needed, today, ongoing=ongoing)
    if fewest >= needed:
        return trial_of(base="ADEQUATE", judge_from=judge_from)
    dosed = [s for s in trial if s.known]
    problems = list(dict.fromkeys(s.problem for s in trial if s.problem and not _explained(s, dosed)))
    if problems or most >= needed:
        gap = "; ".join(problems) or "the dates are too vague to tell how long"
        told = [s.weekly_mg for s in trial if s.weekly_mg is not None]
        too_small = bool(told) and max(told) < t.min_mg_week.value
        return trial_of(base="EXPOSED_UNKNOWN", gap=gap, too_small=too_small)
    weeks = f"{fewest // 7} of {t.min_weeks.value:g} weeks at {t.min_mg_week.value:g} mg/week or more"
    if ongoing:
        return trial_of(base="TOO_EARLY", gap=weeks, judge_from=judge_from)
    low = [s.weekly_mg for s in trial if s.weekly_mg is not None and s.weekly_mg < t.min_mg_week.value]
    gap = (
        f"below {t.min_mg_week.value:g}–{t.max_mg_week.value:g} mg/week; {weeks}" if low else f"stopped early: {weeks}"
    )
    return trial_of(base="UNDERDOSED", gap=gap)
