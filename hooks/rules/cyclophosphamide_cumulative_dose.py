"""S4-CUM CyclophosphamideCumulativeDose: what has been given in a lifetime, for any disease (B4 S4-CYC-CUM)."""

from hooks.assessment import Assessment
from hooks.assessment.cyclophosphamide_orders import ordered_grams
from hooks.chart.facts import DrugCourse
from hooks.knowledge.thresholds import Threshold
from hooks.reasoning import Criterion, Truth, all_of, any_of
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, md, on, safety_scope, threshold_text
from hooks.rules.sources import medication_missing
from hooks.rules.use import used

DRUG = "cyclophosphamide"


def _grams(a: Assessment) -> float:
    """What is known to have been given, with what is being ordered."""
    return a.lifetime.grams + (ordered_grams(a) or 0.0)


def _complete(a: Assessment) -> bool:
    return a.lifetime.complete and not medication_missing(a)


def _reached(a: Assessment, limit: Threshold) -> Criterion:
    """Whether the lifetime dose has come this far; a lower bound below the limit leaves it open."""
    grams = _grams(a)
    truth: Truth = True if grams >= limit.value - 1e-9 else False if _complete(a) else None
    return Criterion(
        f"lifetime cyclophosphamide {limit} or more",
        truth,
        value=_said(a),
        unit="g",
        threshold=threshold_text(limit),
        source=", ".join(course.source for course in a.chart.courses_of(DRUG)),
        missing="doses of earlier cyclophosphamide",
    )


def _said(a: Assessment) -> str:
    return f"{_grams(a):.4g}" if _complete(a) else f"at least {_grams(a):.4g}"


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    t = a.knowledge.thresholds.cyclophosphamide
    return (
        *safety_scope(a, critical=_reached(a, t.cumulative_cancer_g).truth is True),
        any_of(
            "lifetime cyclophosphamide high",
            _reached(a, t.cumulative_stop_g),
            all_of(
                "much was given, and more is coming",
                _reached(a, t.cumulative_note_g),
                used(a, DRUG),
            ),
        ),
    )


def _card(a: Assessment) -> CardDraft:
    t = a.knowledge.thresholds.cyclophosphamide
    order = ordered_grams(a)
    dose = f"lifetime dose {_said(a)} g{', with this order' if order else ''}"
    if _reached(a, t.cumulative_cancer_g).truth:
        ask = f"No more cyclophosphamide without a specialist: {dose}, risk of bladder cancer"
    elif _reached(a, t.cumulative_stop_g).truth:
        ask = f"Cyclophosphamide: {dose}, at or above the ceiling of {t.cumulative_stop_g}"
    else:
        ask = f"Cyclophosphamide: {dose}; the ceiling is {t.cumulative_stop_g}"
    why = [
        f"Ceiling for a lifetime: {t.cumulative_stop_g} (UK guidance, not verified). Above {t.cumulative_cancer_g} the "
        "risk of bladder cancer rises (not verified). What was given for any other disease counts too.",
    ]
    if order is None:
        why.append("The dose of the order being written is not known, and is not added.")
    elif order:
        why.append(f"Given so far {a.lifetime.grams:.4g} g; this order adds {order:.4g} g.")
    missing = (
        ""
        if _complete(a)
        else medication_missing(a) or "doses of some earlier cyclophosphamide, so that the sum is a lower bound"
    )
    critical = _reached(a, t.cumulative_cancer_g).truth
    return CardDraft(
        indicator="critical" if critical else "warning" if _reached(a, t.cumulative_stop_g).truth else "info",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=tuple(_row(course) for course in a.chart.courses_of(DRUG)),
        missing=(missing,) if missing else (),
    )


def _row(course: DrugCourse) -> FactRow:
    other = f" ({md(course.other_indication)})" if course.other_indication else ""
    return FactRow(f"Cyclophosphamide ({course.status})", f"{md(course.text or DRUG)}{other}", on(course.start))


RULE = Rule(
    name="CyclophosphamideCumulativeDose",
    criteria=_criteria,
    card=_card,
    sources=MEDICATION_SOURCES,
    orders=frozenset({DRUG}),
)
