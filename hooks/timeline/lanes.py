"""Treatments as lanes: courses as bars, infusions and sessions as single marks, trials as windows."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TypeVar

from hooks.assessment import Assessment
from hooks.assessment.glucocorticoids import is_regular
from hooks.assessment.immunosuppression import IMMUNOSUPPRESSANTS
from hooks.assessment.ivig_trial import measure
from hooks.assessment.trials import ClassTrials, JudgedTrial
from hooks.chart.facts import CourseStatus, Dosing, DrugCourse, Infusion, Session
from hooks.rules.base import MEDICATION_SOURCES
from hooks.rules.escalation import IN_WORDS, NAMES
from hooks.timeline.measures import ck_point, strength_point
from hooks.timeline.model import Bar, Dose, Lane, Standing, Window

Drawn = TypeVar("Drawn", Bar, Dose)

ALWAYS = ("ivig", "rituximab", "methotrexate", "cyclophosphamide", "mycophenolate")
"""Lanes that are there even if empty: that a drug is not on record is worth seeing."""
NONE, UNDATED = "none on record", "on record, without a date"
NOT_ALL_READ = "none found, but not all medication records were read"
IF_PRESENT = (*(drug for drug in IMMUNOSUPPRESSANTS if drug not in ALWAYS), "scig")
GLUCOCORTICOID, EXCHANGE = "glucocorticoid", "plasma-exchange"
TITLES = NAMES | {GLUCOCORTICOID: "Glucocorticoid: single doses and orders"}


def lanes(a: Assessment) -> tuple[Lane, ...]:
    """All lanes, in the order in which they are read."""
    found = [_lane(a, drug) for drug in ALWAYS]
    found += [lane for drug in IF_PRESENT if not (lane := _lane(a, drug)).empty]
    found += [lane for lane in (_exchange(a), _single_glucocorticoid(a)) if not lane.empty]
    return tuple(found)


def title_of(a: Assessment, drug: str) -> str:
    """The name of a lane."""
    return TITLES.get(drug) or a.knowledge.value_sets[drug].title


def _lane(a: Assessment, drug: str) -> Lane:
    trials = {one.drug: one for one in (*a.three, a.cyclophosphamide)}.get(drug)
    drawn = {i.course for i in a.chart.infusions_of(drug) if i.when}
    courses = [course for course in a.chart.courses_of(drug) if course.source not in drawn]
    return Lane(
        drug,
        title_of(a, drug),
        _state(a, drug, trials),
        bars=_in_order(bar for course in courses for bar in bars(course, a.today)),
        doses=_in_order(_infused(a, i) for i in a.chart.infusions_of(drug) if i.when),
        windows=_windows(a, trials) if trials else (),
    )


def _state(a: Assessment, drug: str, trials: ClassTrials | None) -> str:
    """Where the trial stands, or what an empty lane means: what a record does not have may have been given."""
    if trials and trials.state != "NOT_EXPOSED":
        return IN_WORDS[trials.state]
    courses = a.chart.courses_of(drug)
    if not courses:
        return NOT_ALL_READ if a.unchecked(*MEDICATION_SOURCES) else NONE
    return "" if any(bar for course in courses for bar in bars(course, a.today)) else UNDATED


def _exchange(a: Assessment) -> Lane:
    doses = _in_order(_session(session) for session in a.chart.sessions if session.when)
    return Lane(EXCHANGE, title_of(a, EXCHANGE), "", doses=doses)


def _single_glucocorticoid(a: Assessment) -> Lane:
    """What the steps of the daily dose do not hold: pulses and single doses, and what is planned or being ordered."""
    courses = a.chart.courses_of(GLUCOCORTICOID)
    coming = [c for c in courses if c.status in ("planned", "draft")]
    return Lane(
        GLUCOCORTICOID,
        title_of(a, GLUCOCORTICOID),
        "",
        bars=_in_order(bar for course in coming for bar in bars(course, a.today)),
        doses=_in_order(dose for course in courses if course not in coming for dose in _single_doses(course)),
    )


def _in_order(drawn: Iterator[Drawn]) -> tuple[Drawn, ...]:
    return tuple(sorted(drawn, key=lambda one: (one.first, one.last)))


def _standing(status: CourseStatus, other_indication: str) -> Standing:
    if other_indication:
        return "for another disease"
    return {"draft": "ordered", "planned": "planned", "on-hold": "on hold"}.get(status, "given")  # type: ignore[return-value]


def bars(course: DrugCourse, today: date) -> Iterator[Bar]:
    """The steps of a course that have a place in time."""
    for step in course.steps or (Dosing(),):
        bar = _bar(course, step, today)
        if bar:
            yield bar


def _bar(course: DrugCourse, step: Dosing, today: date) -> Bar | None:
    start, end = step.start or course.start, step.end or course.end
    if start is None:
        return None
    standing = _standing(course.status, course.other_indication)
    runs = course.status == "active" and (end is None or end.latest.year == date.max.year)
    if runs:
        until = today - timedelta(days=course.superseded)
        sure_last = last = max(until, start.latest)
    elif end:
        sure_last, last = end.earliest, max(end.latest, start.latest)
    else:
        sure_last = last = start.latest
    lost = "" if end or runs or standing in ("planned", "ordered") else "end not on record"
    remarks = (course.failure, course.intolerance, course.other_indication, course.doubt, lost)
    return Bar(
        first=start.earliest,
        last=last,
        sure=(start.latest, sure_last) if start.latest <= sure_last else None,
        standing=standing,
        dose=str(step),
        text=course.text,
        since=str(start),
        until="goes on" if runs else str(end or ""),
        open=runs,
        remark="; ".join(filter(None, remarks)),
        source=course.source,
    )


def _infused(a: Assessment, infusion: Infusion) -> Dose:
    assert infusion.when is not None
    dose = str(infusion)
    if infusion.drug == "ivig":
        per_kg = measure(a.chart, infusion, a.knowledge.thresholds).g_per_kg
        dose += f" ({per_kg:.1f} g/kg)" if per_kg is not None else ""
    return Dose(
        first=infusion.when.earliest,
        last=infusion.when.latest + timedelta(days=infusion.days - 1),
        exact=infusion.when.exact,
        standing=_standing(infusion.status, infusion.other_indication),
        dose=dose,
        when=f"{infusion.when}, over {infusion.days} days" if infusion.days > 1 else str(infusion.when),
        remark="; ".join(filter(None, (infusion.problem, infusion.other_indication))),
        source=infusion.source,
    )


def _session(session: Session) -> Dose:
    assert session.when is not None
    standing: Standing = "ordered" if session.draft else "given" if session.performed else "planned"
    when = session.when
    return Dose(when.earliest, when.latest, when.exact, standing, "", str(when), "", session.source)


def _single_doses(course: DrugCourse) -> Iterator[Dose]:
    for step in course.steps:
        if is_regular(step) or step.as_needed:
            continue
        days = step.dates or tuple(filter(None, (step.start or course.start,)))
        for when in days:
            standing = _standing(course.status, course.other_indication)
            dose = f"{course.ingredient} {step}"
            yield Dose(when.earliest, when.latest, when.exact, standing, dose, str(when), "", course.source)


def _windows(a: Assessment, trials: ClassTrials) -> tuple[Window, ...]:
    return tuple(_window(a, trials.drug, judged) for judged in trials.trials if judged.trial.start)


def _window(a: Assessment, drug: str, judged: JudgedTrial) -> Window:
    assert judged.trial.start is not None
    assert judged.response is not None
    base = judged.response.baseline
    return Window(
        drug=drug,
        first=judged.trial.start.earliest,
        judge_from=judged.trial.judge_from,
        state=IN_WORDS[judged.state],
        given=judged.trial.given,
        gap=judged.gap,
        strength=strength_point(base.score) if base.score else None,
        ck=ck_point(base.ck, a.knowledge.thresholds) if base.ck else None,
    )
