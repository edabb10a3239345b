"""Trials of rituximab (B0 row RTX, B9)."""

from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from math import inf

import msgspec

from cds_service.fhir.dates import day
from hooks.assessment.activity import usable_scores, worse_than
from hooks.assessment.body import body_at, body_for_dose
from hooks.assessment.response import strength_baseline
from hooks.assessment.trials import Trial, courses_of, day_to_judge, infusions_of, segments, undated_trial
from hooks.chart.facts import Chart, Infusion
from hooks.knowledge.thresholds import Thresholds


class RituximabDose(msgspec.Struct, frozen=True):
    """One infusion in mg and in mg/m², each None where it cannot be known."""

    infusion: Infusion
    on: date
    mg: float | None
    mg_m2: float | None
    problem: str = ""
    note: str = ""


def measure(chart: Chart, infusion: Infusion, thresholds: Thresholds) -> RituximabDose:
    """The dose of a dated rituximab infusion."""
    assert infusion.when is not None
    on = infusion.when.earliest
    if not infusion.when.exact:
        return RituximabDose(infusion, on, None, None, f"only known as {infusion.when}")
    if infusion.amount is None:
        return RituximabDose(infusion, on, None, None, infusion.problem or "dose not on record")
    body = body_for_dose(chart, infusion.when, thresholds)
    if infusion.basis == "mg/m2":
        mg = infusion.amount * body.bsa if body.bsa else None
        problem = "" if mg else "no weight and height near that date"
        return RituximabDose(infusion, on, mg, infusion.amount, problem, body.note)
    if infusion.basis == "mg/kg":
        mg = infusion.amount * body.kg if body.kg else None
        problem = "" if mg else "no body weight near that date"
        return RituximabDose(infusion, on, mg, mg / body.bsa if mg and body.bsa else None, problem, body.note)
    return RituximabDose(infusion, on, infusion.amount, infusion.amount / body.bsa if body.bsa else None)


def rituximab_trials(chart: Chart, thresholds: Thresholds, today: date) -> tuple[Trial, ...]:
    """All rituximab trials: each pair or series is one; everything undated is one trial of unknown worth."""
    given = infusions_of(chart, "rituximab")
    dated = tuple(i for i in given if i.when)
    span = thresholds.rituximab.on_track_days.value
    trials = [
        _trial(chart, [measure(chart, i, thresholds) for i in segment], thresholds, today)
        for segment in segments(dated, lambda first, _, this: (this - first).days > span)
    ]
    seen = {i.course for i in given}
    bare = tuple(c for c in courses_of(chart, "rituximab") if c.source not in seen)
    bsa = body_at(chart, day(today), inf).bsa
    t = thresholds.rituximab
    least = t.mg_m2.value * (1 - t.tolerance.value) * bsa if bsa else None
    unknown = undated_trial(chart, [i for i in given if not i.when], bare, "rituximab", least)
    return (*trials, unknown) if unknown else tuple(trials)


def _enough(doses: list[RituximabDose], thresholds: Thresholds) -> bool:
    t = thresholds.rituximab
    tolerance = 1 - t.tolerance.value
    fixed = [d.on for d in doses if d.mg is not None and d.mg >= t.fixed_mg.value * tolerance - 1e-6]
    if any(t.gap_days_min.value <= (b - a).days <= t.gap_days_max.value for a in fixed for b in fixed):
        return True
    weekly = [d.on for d in doses if d.mg_m2 is not None and d.mg_m2 >= t.mg_m2.value * tolerance - 1e-6]
    run = 1
    for previous, this in pairwise(weekly):
        spaced = t.weekly_gap_days_min.value <= (this - previous).days <= t.weekly_gap_days_max.value
        run = run + 1 if spaced else 1
        if run >= t.weekly_n.value:
            return True
    return sum(d.mg or 0.0 for d in doses) >= t.alt_mg.value


def _objectively_worse(chart: Chart, start: date, thresholds: Thresholds) -> bool:
    """Whether the newest strength is worse than at the start of rituximab: no need to wait longer then (B0)."""
    base, _ = strength_baseline(chart, start, thresholds)
    scores = usable_scores(chart)
    if base is None or base.fraction is None or not scores or scores[0].fraction is None:
        return False
    return scores[0] is not base and worse_than(base.fraction, scores[0].fraction, thresholds)


def _trial(chart: Chart, doses: list[RituximabDose], thresholds: Thresholds, today: date) -> Trial:
    t = thresholds.rituximab
    first = doses[0]
    n = len(doses)
    shown = ", ".join(
        dict.fromkeys(
            f"{d.infusion.amount:g} {d.infusion.basis.replace('m2', 'm²')}" if d.infusion.amount is not None else "?"
            for d in doses
        )
    )
    note = next((d.note for d in doses if d.note), "")
    given = f"{n} infusion{'s' * (n != 1)} of {shown} from {first.on}" + (f" ({note})" if note else "")
    trial = partial(
        Trial,
        start=first.infusion.when,
        given=given,
        courses=frozenset(d.infusion.course or d.infusion.source for d in doses),
        running=(today - doses[-1].on).days <= t.recent_days.value,
    )
    problems = [d.problem for d in doses if d.problem]
    if _enough(doses, thresholds):
        weeks = t.worse_weeks if _objectively_worse(chart, first.on, thresholds) else t.min_weeks
        judge_from = min(day_to_judge(first.on, weeks), day_to_judge(first.on, t.min_weeks))
        if today >= judge_from:
            return trial(base="ADEQUATE", judge_from=judge_from)
        gap = f"first infusion {(today - first.on).days // 7} weeks ago: judge at {t.min_weeks.value:g} weeks or later"
        return trial(base="TOO_EARLY", gap=gap, judge_from=judge_from)
    if problems:
        gap = "; ".join(dict.fromkeys(problems))
        return trial(base="EXPOSED_UNKNOWN", gap=gap)
    gap = (
        f"{t.fixed_mg.value:g} mg × {t.fixed_n.value:g} two weeks apart, "
        f"or {t.mg_m2.value:g} mg/m² weekly × {t.weekly_n.value:g}"
    )
    if today - first.on <= timedelta(days=t.on_track_days.value):
        judge_from = day_to_judge(first.on, t.min_weeks)
        return trial(base="TOO_EARLY", gap=f"series not finished ({gap})", judge_from=judge_from)
    return trial(base="UNDERDOSED", gap=f"needed {gap}")
