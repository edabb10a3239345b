"""S9-MTX-DAILY MethotrexateDaily: methotrexate written every day instead of every week, or too much of it (B4)."""

from hooks.assessment import Assessment
from hooks.assessment.methotrexate_dosing import Weekly, weeks
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Criterion, Truth, any_of, any_true
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, md, on, safety_scope, threshold_text
from hooks.rules.methotrexate import methotrexate, methotrexate_used
from hooks.rules.methotrexate_renal_function import severe
from hooks.rules.use import STATES
from hooks.suggestions.methotrexate import once_a_week

_WORDS = "the text says"
"""How the reading of a dosage begins to say that its words contradict its timing (A5: the timing stands)."""


def _weeks(a: Assessment, course: DrugCourse) -> tuple[Weekly, ...]:
    return a.once(_compute, course)


def _compute(a: Assessment, course: DrugCourse) -> tuple[Weekly, ...]:
    return weeks(a.chart, course, a.knowledge.thresholds, a.today)


def too_often(a: Assessment, course: DrugCourse) -> Truth:
    """Whether a course is written as taken every day, or more often than one weekly dose may be split."""
    truth = any_true(week.too_often(a.knowledge.thresholds) for week in _weeks(a, course))
    return None if truth is False and _WORDS in course.doubt else truth


def too_much(a: Assessment, course: DrugCourse) -> Truth:
    """Whether a course brings more in a week than the hard limit."""
    return any_true(week.too_much(a.knowledge.thresholds) for week in _weeks(a, course))


def _wrong(a: Assessment) -> Criterion:
    t = a.knowledge.thresholds.methotrexate
    courses = methotrexate(a).courses
    if not courses:
        return Criterion("methotrexate is written daily, or above the limit of a week", False)
    return any_of(
        "methotrexate is written daily, or above the limit of a week",
        *[
            Criterion(
                name,
                truth,
                value=f"{course.text or course.ingredient}: {_said(_weeks(a, course))}",
                when=str(course.start or ""),
                threshold=limit,
                source=course.source,
                missing=_missing(a, course) if truth is None else "",
            )
            for course in courses
            for name, truth, limit in (
                ("taken daily", too_often(a, course), threshold_text(t.split_doses, ">")),
                ("too much in a week", too_much(a, course), threshold_text(t.hard_max_mg_week, ">")),
            )
        ],
    )


def _missing(a: Assessment, course: DrugCourse) -> str:
    problem = next((week.problem for week in _weeks(a, course) if week.problem), course.doubt)
    return f"how methotrexate is taken ({problem})"


def _said(found: tuple[Weekly, ...]) -> str:
    """`up to 7 doses, 105 mg a week`, for people."""
    told = []
    for week in found:
        parts = [f"{week.doses:g} dose{'s' * (week.doses != 1)}"] if week.doses is not None else []
        parts += [f"{week.mg:g} mg"] if week.mg is not None else []
        told.append(f"{', '.join(parts) or 'not known'} a week" if parts else "not known")
    return "; ".join(dict.fromkeys(told))


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (*safety_scope(a, critical=True), methotrexate_used(a), _wrong(a))


def _card(a: Assessment) -> CardDraft:
    t, use = a.knowledge.thresholds.methotrexate, methotrexate(a)
    often = [course for course in use.courses if too_often(a, course)]
    much = [course for course in use.courses if too_much(a, course) and course not in often]
    if often:
        ask = "Methotrexate is written daily: it must be once a week"
        why = ["Methotrexate for this disease is taken once a week; taken daily it has killed patients."]
    else:
        ask = f"Methotrexate above {t.hard_max_mg_week.value:g} mg a week outside oncology: check the dose"
        why = [
            f"More than {t.hard_max_mg_week.value:g} mg a week is no dose for this disease: "
            "check amount, unit and interval."
        ]
    barred = _bars(a)
    corrections = [(c, once_a_week(a, c, t.hard_max_mg_week)) for c in often if c in use.ordered and not barred]
    suggestions = tuple(correction for _, correction in corrections if correction)
    if barred and use.ordered:
        why.append(f"No corrected order is offered: {barred}, so methotrexate is not to be given at all.")
    elif any(correction is None for _, correction in corrections) or (much and use.ordered):
        why.append("Write the order anew: it is not corrected here, because what was meant cannot be read from it.")
    if suggestions:
        why.append(
            "The corrected order changes the timing alone; the usual dose is "
            f"{t.min_mg_week.value:g}–{t.max_mg_week.value:g} mg once a week [{t.min_mg_week.mark}]: check it too."
        )
    if any(c in use.taken for c in (*often, *much)):
        why.append("Ask today how it is really taken, and correct the record or the treatment.")
    return CardDraft(
        indicator="critical",
        summary=ask,
        ask=ask,
        why=(*why, *_doubts((*often, *much))),
        facts=tuple(_row(a, course) for course in (*often, *much)),
        suggestions=suggestions,
    )


def _bars(a: Assessment) -> str:
    """What forbids methotrexate once a week too, so that another card says not to give it; else empty."""
    if a.person.pregnant:
        return "pregnant"
    return "renal function is too low" if severe(a) else ""


def _doubts(courses: tuple[DrugCourse, ...]) -> tuple[str, ...]:
    """What in the record contradicts the reading, and what was read from words."""
    said = [f"The record contradicts itself: {md(c.doubt)}." for c in courses if c.doubt]
    if any(step.from_text for course in courses for step in course.steps):
        said.append("The dosage was read from its text.")
    return tuple(dict.fromkeys(said))


def _row(a: Assessment, course: DrugCourse) -> FactRow:
    t, state = a.knowledge.thresholds.methotrexate, STATES.get(course.status, course.status)
    return FactRow(
        f"Methotrexate ({state})",
        f"{md(course.text or course.ingredient)}: {_said(_weeks(a, course))}",
        on(course.start),
        f"once a week, {threshold_text(t.hard_max_mg_week, '≤')}",
    )


RULE = Rule(
    name="MethotrexateDaily",
    criteria=_criteria,
    card=_card,
    sources=(*MEDICATION_SOURCES, "conditions", "labs"),
    orders=frozenset({"methotrexate"}),
)
