"""S9-MTX-SMX MethotrexateWithTmpSmx: two antifolates together; by treatment dose critical, as prophylaxis a warning."""

from collections.abc import Collection

import msgspec

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.pjp_cover import is_treatment
from hooks.assessment.use import DrugUse, use_of
from hooks.chart.facts import Dosing, DrugCourse
from hooks.reasoning import Criterion, Truth, any_true
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, Rule, safety_scope
from hooks.rules.methotrexate import blood_count, methotrexate, methotrexate_used
from hooks.rules.pjp_circumstances import circumstances
from hooks.rules.pjp_orders import clashes
from hooks.rules.use import use_rows, used
from hooks.suggestions.pjp_choice import METHOTREXATE, Circumstances, Option, first_fitting, select
from hooks.suggestions.pjp_regimens import draft_order
from hooks.suggestions.resources import suggestion
from hooks.suggestions.revisions import delete

SOURCES = (*MEDICATION_SOURCES, "allergies", "labs")
_TWICE, _THRICE = 2 - 1e-6, 3 - 1e-6


def treatment_dose(a: Assessment, course: DrugCourse) -> Truth:
    """Whether TMP-SMX is given to treat an infection (A4, B3).

    No prophylaxis is taken three times a day, and none twice a day unless it is known to last longer than a treatment.
    """
    if is_treatment(course, a.knowledge.thresholds.pjp):
        return True
    now = [step for step in course.steps if step.end is None or step.end.latest >= a.today]
    return any_true(_treats(a, course, step) for step in now) if now else None


def _treats(a: Assessment, course: DrugCourse, step: Dosing) -> Truth:
    if step.as_needed or step.per_day is None:
        return None
    return step.per_day >= _THRICE or (step.per_day >= _TWICE and not _lasts(a, course, step))


def _lasts(a: Assessment, course: DrugCourse, step: Dosing) -> bool:
    """Whether a step is known to last longer than a treatment, by what is stated or by what has passed."""
    start, end = step.start or course.start, step.end or course.end
    if start is None:
        return False
    until = end.earliest if end else a.today
    return (until - start.latest).days + 1 > a.knowledge.thresholds.pjp.treatment_days.value


def level(a: Assessment) -> Truth:
    """Whether one of the courses is treatment; None where a dose is not known and none certainly is."""
    return any_true(treatment_dose(a, course) for course in use_of(a, "tmp-smx").courses)


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *safety_scope(a, critical=level(a) is True),
        methotrexate_used(a),
        used(a, "tmp-smx"),
    )


def _card(a: Assessment) -> CardDraft:
    mtx, smx = methotrexate(a), use_of(a, "tmp-smx")
    treats, options = level(a), select(_with_methotrexate(a), a.knowledge.regimens, a.knowledge.thresholds.pjp)
    if treats:
        ask = "Methotrexate with TMP-SMX in treatment dose: choose another antibiotic, or stop methotrexate first"
        why = [
            "Both block folate: together, in treatment dose, they can shut down the marrow. "
            "Check the blood count if both were taken."
        ]
        suggestions = _removal(smx)
    else:
        ask, why, suggestions = _prophylaxis(a, smx, options)
    if not _barred_anyway(_tmp_smx(options)):
        why.append("If methotrexate is being stopped because it failed, the problem disappears: ask.")
    if treats is None:
        why.insert(0, "How often TMP-SMX is taken is not stated: in treatment dose this is not acceptable.")
    return CardDraft(
        indicator="critical" if treats else "warning",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=use_rows(mtx, smx),
        missing=() if treats is not None else ("dose of TMP-SMX",),
        suggestions=(*suggestions, blood_count(a, "Methotrexate together with TMP-SMX.")),
    )


def _tmp_smx(options: tuple[Option, ...]) -> Option:
    return next(option for option in options if option.regimen.drug == "tmp-smx")


def _barred_anyway(tmp_smx: Option) -> bool:
    """Whether TMP-SMX would not fit without methotrexate either, such as after an allergic reaction to it."""
    return any(blocker.truth and blocker.name != METHOTREXATE for blocker in tmp_smx.against)


def _prophylaxis(
    a: Assessment, smx: DrugUse, options: tuple[Option, ...]
) -> tuple[str, list[str], tuple[Suggestion, ...]]:
    """The better regimen where B3 prefers one, else what has to go with TMP-SMX."""
    tmp_smx = _tmp_smx(options)
    why = [
        "Both block folate."
        if _barred_anyway(tmp_smx)
        else "Both block folate. A prophylactic dose is not forbidden (in one cohort cytopenia in 5.0 % with it and "
        "5.7 % without it), but a reason to watch."
    ]
    if tmp_smx.fits:
        ask = "Methotrexate with TMP-SMX as prophylaxis: folic acid, and blood counts"
        return ask, [*why, a.knowledge.regimens.methotrexate], ()
    because = "; ".join(blocker.because for blocker in tmp_smx.against)
    why.append(f"Against TMP-SMX here: {because}.")
    better = next(iter(first_fitting(options)), None)
    if better is None:
        return "Methotrexate with TMP-SMX as prophylaxis: no other regimen fits, ask for specialist advice", why, ()
    ask = f"Methotrexate with TMP-SMX as prophylaxis: {better.regimen.name} instead"
    why.append(
        f"Instead: {better.regimen.name}, {better.regimen.dose} [{better.regimen.mark}]. {better.regimen.checks}"
    )
    if not _barred_anyway(tmp_smx):
        advice = a.knowledge.regimens.methotrexate
        why.append(f"While both are taken: {advice[:1].lower()}{advice[1:]}")
    # PjpProphylaxis removes orders that clash, and drafts the better one
    clashing = {clash.order.source for clash in clashes(a) if clash.order in smx.ordered}
    drafts = () if clashing else (_draft(a, better),)
    return ask, why, (*drafts, *_removal(smx, clashing))


def _draft(a: Assessment, option: Option) -> Suggestion:
    return draft_order(a, option.regimen, reduced=option.reduced, recommended=True, methotrexate=True)


def _removal(smx: DrugUse, without: Collection[str] = ()) -> tuple[Suggestion, ...]:
    """Taking TMP-SMX that is being ordered out of the orders."""
    label = "Remove the order of TMP-SMX"
    actions = [delete(label, course) for course in smx.ordered if course.source not in without]
    return tuple(suggestion(label, action) for action in actions if action)


def _with_methotrexate(a: Assessment) -> Circumstances:
    """What decides between the regimens: methotrexate for this disease alone, and folic acid that is only planned."""
    known, courses = circumstances(a), methotrexate(a).courses
    weekly = [step.mg_per_day_high for course in courses for step in course.steps]
    told = [mg * 7 for mg in weekly if mg is not None]
    whole = bool(told) and len(told) == len(weekly)
    folate = known.folate or use_of(a, "folate").present
    return msgspec.structs.replace(
        known, methotrexate=True, methotrexate_weekly=max(told) if whole else None, folate=folate
    )


RULE = Rule(
    name="MethotrexateWithTmpSmx",
    criteria=_criteria,
    card=_card,
    sources=SOURCES,
    orders=frozenset({"methotrexate", "tmp-smx"}),
)
