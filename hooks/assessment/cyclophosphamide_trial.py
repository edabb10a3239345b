"""Trials of cyclophosphamide (B0 row CYC, B9), its dose table (B2) and the lifetime dose."""

from datetime import date
from functools import partial
from math import inf

import msgspec

from cds_service.fhir.dates import FhirDate, day, whole_years
from hooks.assessment.body import Body, body_at, body_for_dose
from hooks.assessment.labs import usable
from hooks.assessment.trials import Trial, courses_of, day_to_judge, infusions_of, segments, undated_trial
from hooks.chart.facts import Chart, Dosing, DrugCourse, Infusion
from hooks.knowledge.thresholds import Threshold, Thresholds


class Pulse(msgspec.Struct, frozen=True):
    """One IV pulse in mg and mg/kg, None where it cannot be known; `full`: a full dose, None where that is unknown."""

    infusion: Infusion
    on: date
    mg: float | None
    mg_kg: float | None
    full: bool | None
    problem: str = ""
    note: str = ""


def table_dose(age: int, creatinine: float, egfr_low: bool, thresholds: Thresholds) -> Threshold:
    """The EUVAS/CYCLOPS dose in mg/kg for an age in years and a creatinine in µmol/L (B2).

    The renal column and the reduction for a low eGFR are one reduction, applied once.
    """
    t = thresholds.cyclophosphamide
    renal = creatinine > t.creatinine_split.value or egfr_low
    if age < t.age_low.value:
        return t.dose_lt60_renal if renal else t.dose_lt60
    if age <= t.age_high.value:
        return t.dose_60to70_renal if renal else t.dose_60to70
    return t.dose_gt70_renal if renal else t.dose_gt70


def pulse(chart: Chart, infusion: Infusion, thresholds: Thresholds) -> Pulse:
    """A dated pulse, measured. Full: the limit per kg, the table's dose where that is lower, or the cap."""
    assert infusion.when is not None
    on = infusion.when.earliest
    if not infusion.when.exact:
        return Pulse(infusion, on, None, None, None, f"only known as {infusion.when}")
    if infusion.amount is None:
        return Pulse(infusion, on, None, None, None, infusion.problem or "dose not on record")
    body = body_for_dose(chart, infusion.when, thresholds)
    mg = _mg(infusion, body)
    mg_kg = infusion.amount if infusion.basis == "mg/kg" else mg / body.kg if mg is not None and body.kg else None
    t = thresholds.cyclophosphamide
    if mg is not None and mg >= t.cap_mg.value:
        return Pulse(infusion, on, mg, mg_kg, True)
    if mg_kg is None:
        return Pulse(infusion, on, mg, None, None, "no body weight near that date")
    needed = min(t.pulse_mg_kg.value, _table_dose_then(chart, infusion.when, thresholds))
    return Pulse(infusion, on, mg, mg_kg, mg_kg >= needed - 1e-9, note=body.note)


def _table_dose_then(chart: Chart, when: FhirDate, thresholds: Thresholds) -> float:
    """The table's dose in mg/kg at the time of a pulse; infinite where age or creatinine is not known."""
    born = chart.person.born
    days = thresholds.gates.creatinine_days.value
    known = [r for r in usable(chart, "creatinine") if r.when and abs((r.when.earliest - when.earliest).days) <= days]
    if born is None or not known or known[0].value is None:
        return inf
    return table_dose(whole_years(born, when.earliest)[0], known[0].value, False, thresholds).value


def _mg(infusion: Infusion, body: Body) -> float | None:
    assert infusion.amount is not None
    if infusion.basis == "mg":
        return infusion.amount
    factor = body.kg if infusion.basis == "mg/kg" else body.bsa
    return infusion.amount * factor if factor else None


def _is_oral(course: DrugCourse) -> bool:
    return any(step.mg_per_day is not None and step.daily for step in course.steps)


def cyclophosphamide_trials(chart: Chart, thresholds: Thresholds, today: date) -> tuple[Trial, ...]:
    """All cyclophosphamide trials, IV and oral; everything undated is one trial of unknown worth."""
    given = infusions_of(chart, "cyclophosphamide")
    dated = tuple(i for i in given if i.when)
    gap = thresholds.cyclophosphamide.trial_gap_days.value
    trials = [
        _iv_trial([pulse(chart, i, thresholds) for i in segment], thresholds, today)
        for segment in segments(dated, lambda _, previous, this: (this - previous).days > gap)
    ]
    seen = {i.course for i in given}
    rest = [c for c in courses_of(chart, "cyclophosphamide") if c.source not in seen]
    oral = [c for c in rest if _is_oral(c) and c.start]
    trials += [_oral_trial(chart, course, thresholds, today) for course in oral]
    bare = tuple(c for c in rest if c not in oral)
    kg = body_at(chart, day(today), inf).kg
    least = thresholds.cyclophosphamide.pulse_mg_kg.value * kg if kg else None
    unknown = undated_trial(chart, [i for i in given if not i.when], bare, "cyclophosphamide", least)
    return (*trials, unknown) if unknown else tuple(trials)


def _iv_trial(pulses: list[Pulse], thresholds: Thresholds, today: date) -> Trial:
    t = thresholds.cyclophosphamide
    first, last, n = pulses[0], pulses[-1], len(pulses)
    full = sum(p.full is True for p in pulses)
    judge_from = day_to_judge(first.on, t.min_weeks)
    running = (today - last.on).days <= t.active_days.value
    doses = ", ".join(dict.fromkeys(f"{p.mg:g} mg" if p.mg is not None else "?" for p in pulses))
    given = f"{n} pulse{'s' * (n != 1)} of {doses} from {first.on}" + (f" to {last.on}" if n > 1 else "")
    note = next((p.note for p in pulses if p.note), "")
    given += f" ({note})" if note else ""
    sources = frozenset(p.infusion.course or p.infusion.source for p in pulses)
    start = first.infusion.when
    trial = partial(Trial, start=start, given=given, courses=sources, running=running)
    if full >= t.min_pulses.value and today >= judge_from:
        return trial(base="ADEQUATE", judge_from=judge_from)
    problems = list(dict.fromkeys(p.problem for p in pulses if p.problem))
    if problems:
        return trial(base="EXPOSED_UNKNOWN", gap="; ".join(problems))
    gap = (
        f"{full} of at least {t.min_pulses.value:g} pulses of {t.pulse_mg_kg.value:g} mg/kg or more, "
        f"{(today - first.on).days // 7} of {t.min_weeks.value:g} weeks"
    )
    if full == n and (running or full >= t.min_pulses.value):
        return trial(base="TOO_EARLY", gap=gap, judge_from=judge_from)
    return trial(base="UNDERDOSED", gap=gap)


def _oral_trial(chart: Chart, course: DrugCourse, thresholds: Thresholds, today: date) -> Trial:
    t = thresholds.cyclophosphamide
    assert course.start is not None
    step = next(s for s in course.steps if s.mg_per_day is not None and s.daily)
    daily = step.mg_per_day or 0.0
    body = body_for_dose(chart, course.start, thresholds)
    running = course.status == "active"
    given = f"{daily:g} mg/day by mouth from {course.start}"
    sources = frozenset({course.source})
    end = course.end.earliest if course.end else today if running else None
    trial = partial(Trial, start=course.start, given=given, courses=sources, running=running)
    if end is None or body.kg is None or not course.start.exact:
        gap = "no end date on record" if end is None else "no body weight, or no exact start, on record"
        return trial(base="EXPOSED_UNKNOWN", gap=gap)
    weeks = (min(end, today) - course.start.earliest).days / 7
    gap = f"{weeks:.0f} of {t.min_weeks.value:g} weeks at {t.oral_mg_kg_day_min.value:g} mg/kg/day or more"
    enough = daily / body.kg >= t.oral_mg_kg_day_min.value - 1e-9
    judge_from = day_to_judge(course.start.earliest, t.min_weeks)
    if enough and min(end, today) >= judge_from:
        return trial(base="ADEQUATE", judge_from=judge_from)
    if enough and running:
        return trial(base="TOO_EARLY", gap=gap, judge_from=judge_from)
    return trial(base="UNDERDOSED", gap=gap)


def _step_grams(course: DrugCourse, step: Dosing, today: date) -> float | None:
    """What one step of an oral course amounts to, at the most; None when that cannot be known."""
    start, end = step.start or course.start, step.end or course.end
    last = end.latest if end else today if course.status == "active" else None
    if start is None or last is None or step.mg_per_day_high is None:
        return None
    return step.mg_per_day_high * max((min(last, today) - start.earliest).days + 1, 0) / 1000


class LifetimeDose(msgspec.Struct, frozen=True):
    """Cyclophosphamide ever given, for any disease. `grams` is what is known of it; `complete` whether that is all."""

    grams: float
    complete: bool


def lifetime_dose(chart: Chart, thresholds: Thresholds, today: date) -> LifetimeDose:
    """Sum of all infusions and oral courses, oncology included (B4 S4-CYC-CUM). Unknown doses make it incomplete."""
    grams, complete = 0.0, True
    seen = set()
    for infusion in chart.infusions_of("cyclophosphamide"):
        if infusion.status in ("planned", "draft"):
            continue
        seen.add(infusion.course)
        body = body_for_dose(chart, infusion.when, thresholds) if infusion.when else Body(None, None, None)
        mg = _mg(infusion, body) if infusion.amount is not None else None
        complete = complete and mg is not None
        grams += (mg or 0.0) / 1000
    for course in chart.courses_of("cyclophosphamide"):
        if course.source in seen or course.status in ("planned", "draft"):
            continue
        known = [_step_grams(course, step, today) for step in course.steps]
        complete = complete and bool(known) and None not in known
        grams += sum(filter(None, known))
    return LifetimeDose(grams, complete)
