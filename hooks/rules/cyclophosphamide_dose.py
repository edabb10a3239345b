"""R2-DOSE CyclophosphamideDose: an order of cyclophosphamide above table or cap, and the corrected order (B2)."""

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.cyclophosphamide_dose import DoseAdvice, advise, draft_gates
from hooks.assessment.cyclophosphamide_orders import Excess, Ordered, asked_about, excesses, no_dose
from hooks.assessment.labs import fresh, latest, only_known_as, readable, shown
from hooks.assessment.person import current
from hooks.reasoning import Criterion, any_of, any_true
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, md, on, safety_scope, threshold_text
from hooks.rules.use import STATES, used
from hooks.suggestions.resources import suggestion
from hooks.suggestions.revisions import original, update, with_dose

DRUG = "cyclophosphamide"


def _no_dose(a: Assessment) -> Criterion:
    """Kidney failure, of which the table says: no dose."""
    limit = a.knowledge.thresholds.cyclophosphamide.creatinine_stop
    creatinine = latest(a.chart, "creatinine")
    truth = no_dose(a) if asked_about(a) else False
    usable = fresh(a.chart, "creatinine", a.knowledge.thresholds.reading.lab_fresh_days, a.today)
    return Criterion(
        "kidney failure, for which the table has no dose",
        truth,
        value=shown(creatinine) if creatinine else "",
        when=str(creatinine.when) if creatinine else "",
        threshold=threshold_text(limit, ">"),
        source=creatinine.source if creatinine else "",
        missing="a recent creatinine that decides",
        between=only_known_as(usable) if truth is None else "",
    )


def _too_high(a: Assessment) -> Criterion:
    t = a.knowledge.thresholds.cyclophosphamide
    return any_of(
        "dose too high",
        *(
            Criterion(
                "dose above table or cap",
                excess.warning,
                value=_said(excess.ordered),
                when=str(excess.ordered.course.start or ""),
                threshold=f"> {t.cap_mg} [{t.cap_mg.mark}], or > {100 * t.excess_warning.value:g} % above the table",
                source=excess.ordered.course.source,
                missing=_missing(a, excess.ordered),
            )
            for excess in excesses(a)
        ),
    )


def _missing(a: Assessment, ordered: Ordered) -> str:
    """What would tell whether the dose is too high."""
    if not ordered.known:
        return f"dose of cyclophosphamide ({ordered.problem})"
    return "what the table asks for: age, body weight, creatinine or eGFR" if a.person.adult else "a dose for children"


def _critical(a: Assessment) -> bool:
    return _no_dose(a).truth is True or any_true(e.critical for e in excesses(a)) is True


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *safety_scope(a, critical=_critical(a)),
        used(a, DRUG),
        any_of("the dose, or any dose, is too high", _no_dose(a), _too_high(a)),
    )


def _card(a: Assessment) -> CardDraft:
    t, advice = a.knowledge.thresholds.cyclophosphamide, a.once(advise)
    high = tuple(e for e in excesses(a) if e.warning)
    corrections = _corrections(a, advice, high)
    ask = _ask_without_dose(a) if _no_dose(a).truth else _ask(a, advice, _worst(high))
    why = [advice.text(t.cap_mg, t.round_mg)] if a.person.adult else []
    if any(e.ordered.daily for e in high):
        why.append(
            f"Taken daily, the upper end is {t.oral_mg_kg_day_max} [{t.oral_mg_kg_day_max.mark}]: was one pulse meant, "
            "and written as daily?"
        )
    if not a.person.adult:
        why.append("No dose is named without a known adult age: a specialist decides.")
    if any(e.ordered.course.status == "draft" for e in high) and not corrections:
        why.append(f"No corrected order is offered: {_why_not(a, advice)}.")
    why.append("Mesna and hydration: the evidence for mesna at these doses is limited; follow local policy.")
    return CardDraft(
        indicator="critical" if _critical(a) else "warning",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=_rows(a, advice),
        suggestions=corrections,
    )


def _worst(high: tuple[Excess, ...]) -> Excess:
    """The highest of the doses that are too high; a daily one counts as higher than a pulse."""
    return max(high, key=lambda e: (e.ordered.daily, e.critical is True, e.ordered.mg or 0.0, e.ordered.mg_kg or 0.0))


def _ask_without_dose(a: Assessment) -> str:
    limit = readable(str(a.knowledge.thresholds.cyclophosphamide.creatinine_stop))
    because = "on dialysis" if current(a.chart, "dialysis") else f"creatinine above {limit}"
    return f"Cyclophosphamide with kidney failure ({because}): the table has no dose; a specialist decides"


def _ask(a: Assessment, advice: DoseAdvice, worst: Excess) -> str:
    t, ordered = a.knowledge.thresholds.cyclophosphamide, worst.ordered
    said = f"Cyclophosphamide {_said(ordered)}"
    if ordered.daily:
        return f"{said} is above the upper end of daily treatment ({t.oral_mg_kg_day_max}): check the order"
    if not a.person.adult:
        return f"{said} is above the highest pulse for adults, and no adult age is known: a specialist decides"
    if advice.mg is None or advice.uncapped is None or ordered.mg is None:
        return (
            f"{said} is above {'the cap of ' + str(t.cap_mg) if ordered.mg else 'the table'} per pulse: check the order"
        )
    reference = min(advice.uncapped, t.cap_mg.value)
    above = f"{100 * (ordered.mg / reference - 1):.0f} % above the dose for this patient"
    by = "age, kidney function and cap" if advice.renal_function_known else "age and cap, kidney function not known"
    return f"{said} is {above}: {advice.mg:g} mg per pulse by {by}"


def _said(ordered: Ordered) -> str:
    """`1500 mg`, `140 mg a day`, `15 mg/kg`: the dose as far as it is known."""
    dose = (
        f"{round(ordered.mg, 1):g} mg"
        if ordered.mg is not None
        else f"{ordered.mg_kg:g} mg/kg"
        if ordered.mg_kg
        else ""
    )
    return f"{dose} a day" if dose and ordered.daily else dose


def _corrections(a: Assessment, advice: DoseAdvice, high: tuple[Excess, ...]) -> tuple[Suggestion, ...]:
    """An update of each order that is too high: only its dose is lowered, to that of the table."""
    if advice.mg is None or _bars(a, advice):
        return ()
    found = []
    for course in dict.fromkeys(e.ordered.course for e in high if e.ordered.course.status == "draft"):
        order = original(a, course)
        corrected = with_dose(order, course, advice.mg) if order and not _is_daily(high) else None
        if corrected:
            text = f"Correct the dose to {advice.mg:g} mg"
            found.append(suggestion(text, update(f"{text}; everything else stays as ordered", corrected)))
    return tuple(found)


def _is_daily(high: tuple[Excess, ...]) -> bool:
    return any(e.ordered.daily for e in high)


def _bars(a: Assessment, advice: DoseAdvice) -> tuple[str, ...]:
    """What forbids any order of cyclophosphamide (B0: no cytotoxic order past a gate that is known to fail)."""
    limit = a.knowledge.thresholds.cyclophosphamide.bmi_max
    bmi = advice.body.bmi if advice.body else None
    if bmi is not None and bmi >= limit.value:
        return (f"BMI {threshold_text(limit)}, ask the pharmacist",)
    return tuple(f"not met: {gate.name}" for gate in a.once(draft_gates) if gate.truth is False)


def _why_not(a: Assessment, advice: DoseAdvice) -> str:
    if advice.mg is None:
        return "no dose can be named"
    return "; ".join(_bars(a, advice)) or "the order's dose is not one plain amount in mg that could be changed"


def _rows(a: Assessment, advice: DoseAdvice) -> tuple[FactRow, ...]:
    t = a.knowledge.thresholds.cyclophosphamide
    limit = f"≤ {t.cap_mg} [{t.cap_mg.mark}]" if a.person.adult else ""
    if advice.mg_per_kg and advice.body:
        limit = f"{advice.mg_per_kg} × {advice.body.kg:g} kg, {limit}"
    rows = []
    for excess in excesses(a):
        course = excess.ordered.course
        state = STATES.get(course.status, course.status)
        compared = f"≤ {t.oral_mg_kg_day_max}" if excess.ordered.daily else limit
        said = _said(excess.ordered) or f"not known: {md(excess.ordered.problem)}"
        rows.append(FactRow(f"Cyclophosphamide ({state})", said, on(course.start), compared))
    creatinine = latest(a.chart, "creatinine")
    if creatinine:
        limits = f"{threshold_text(t.creatinine_split, 'reduced >')}; {threshold_text(t.creatinine_stop, 'none >')}"
        said = md(shown(creatinine))
        rows.append(FactRow("Creatinine", said, on(creatinine.when), readable(limits)))
    return tuple(rows)


RULE = Rule(
    name="CyclophosphamideDose",
    criteria=_criteria,
    card=_card,
    sources=("conditions", *MEDICATION_SOURCES, "labs"),
    orders=frozenset({DRUG}),
)
