"""S8-IVIG-DOSE IvigDose: more immunoglobulin within 28 days than the usual course (B4)."""

from hooks.assessment import Assessment
from hooks.assessment.ivig_load import Dose, ivig_load
from hooks.reasoning import Criterion
from hooks.rules.base import CardDraft, FactRow, Rule, md, safety_scope, threshold_text
from hooks.rules.ivig import ORDERS, SOURCES, ivig_present, route_missing
from hooks.rules.sources import medication_missing


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    limit, load = a.knowledge.thresholds.ivig_safety.max_g_per_kg, ivig_load(a)
    missing = "" if load.too_much else load.problem or medication_missing(a) or route_missing(a)
    return (
        *safety_scope(a, critical=False),
        ivig_present(a),
        Criterion(
            "more IVIG within the window than a usual course",
            None if missing else load.too_much,
            value=f"{load.g_per_kg:.1f}",
            unit="g/kg",
            when=", ".join(dict.fromkeys(str(dose.on) for dose in load.doses)),
            threshold=threshold_text(limit, ">"),
            source=", ".join(dict.fromkeys(dose.source for dose in load.doses)),
            missing=missing,
        ),
    )


def _card(a: Assessment) -> CardDraft:
    t, load = a.knowledge.thresholds.ivig_safety, ivig_load(a)
    total, days = f"{load.g_per_kg:.1f}", t.window_days
    unknown = any(dose.problem for dose in load.doses)
    ask = (
        f"IVIG {'at least ' if unknown else ''}{total} g/kg within {days.value:g} days: above "
        f"{t.max_g_per_kg.value:g} g/kg; check dose and interval with a specialist"
    )
    why = [
        "Haemolysis and thrombosis after IVIG depend on the dose. The article's “higher dose” names no ceiling: more "
        "than 2 g/kg in 4 weeks is a decision for a specialist.",
    ]
    adjusted = [dose.adjusted for dose in load.doses if dose.adjusted is not None]
    if adjusted:
        why.append(
            f"By adjusted weight (BMI ≥ {a.knowledge.thresholds.body.obese_bmi.value:g}): {sum(adjusted):.1f} g/kg; "
            "actual weight decides here."
        )
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=tuple(_row(dose, threshold_text(t.max_g_per_kg, "≤")) for dose in load.doses),
        missing=tuple(dict.fromkeys(md(dose.problem) for dose in load.doses if dose.problem)),
    )


def _row(dose: Dose, limit: str) -> FactRow:
    weighed = f"{dose.least:.1f} g/kg"
    if dose.kg:
        weighed += f" ({dose.least * dose.kg:.0f} g at {dose.kg:g} kg)"
    return FactRow(f"IVIG ({dose.state})", "dose not known" if not dose.least else weighed, str(dose.on), limit)


RULE = Rule(
    name="IvigDose",
    criteria=_criteria,
    card=_card,
    sources=("labs", *SOURCES),
    orders=ORDERS,
)
