"""R9-PJP PjpProphylaxis: the immunosuppression calls for prophylaxis of Pneumocystis pneumonia (B1, B3, B7, B9)."""

from hooks.assessment import Assessment
from hooks.assessment.immunosuppression import assess_immunosuppression
from hooks.assessment.labs import readable
from hooks.assessment.pjp import PjpRisk, Trigger, assess_pjp
from hooks.chart.facts import LabResult
from hooks.reasoning import Criterion, all_of, any_of
from hooks.rules import ordered
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, md, scope
from hooks.rules.pjp_advice import Advice, for_adult, on_clash, without_dose
from hooks.rules.pjp_circumstances import circumstances
from hooks.rules.pjp_orders import clash_criterion, clashes
from hooks.suggestions.pjp_choice import Circumstances, Option, first_fitting, said, select

SOURCES = (*MEDICATION_SOURCES, "allergies", "labs")
_EXTRAPOLATED = frozenset({"P1", "P3", "P5"})
_ALLERGIES = "as allergies were not checked, TMP-SMX and dapsone are not drafted: ask about sulfonamides first"


_DOSE_NEEDED = (
    "Record the dose of the glucocorticoid and since when it is taken: they decide whether prophylaxis is needed."
)


def risk(a: Assessment) -> PjpRisk:
    """The triggers and what covers, for this patient today."""
    return a.once(_assess)


def _assess(a: Assessment) -> PjpRisk:
    taken = a.immunosuppression
    if a.chart.ordered:
        taken = assess_immunosuppression(a.chart, a.knowledge.thresholds, a.today, ordered=True)
    return assess_pjp(
        a.chart,
        taken,
        a.knowledge.thresholds,
        a.today,
        drugs_checked=not a.unchecked(*MEDICATION_SOURCES),
        clashing=frozenset(clash.order.source for clash in clashes(a)),
    )


def triggers(a: Assessment) -> Criterion:
    """One of the triggers of B3 holds."""
    return a.once(_triggers)


def _triggers(a: Assessment) -> Criterion:
    return any_of("a reason for PJP prophylaxis", *[trigger.criterion for trigger in risk(a).triggers])


def _uncovered(a: Assessment) -> Criterion:
    found = risk(a)
    cover = found.cover.course
    return Criterion(
        "no prophylaxis known to be running" + (" or being ordered" if a.chart.ordered else ""),
        cover is None,
        value=cover.text if cover else "; ".join(because for _, because in found.cover.doubtful),
        when=str(cover.start or "") if cover else "",
        source=cover.source if cover else ", ".join(course.source for course, _ in found.cover.doubtful),
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    who, due = scope(a, history=True, children=True), (triggers(a), _uncovered(a))
    if not a.chart.ordered:
        return (*who, *due)
    return (
        *who,
        any_of("prophylaxis is due, or an order of it clashes", all_of("prophylaxis is due", *due), clash_criterion(a)),
    )


def _card(a: Assessment) -> CardDraft:
    found, known = risk(a), circumstances(a)
    options = select(known, a.knowledge.regimens, a.knowledge.thresholds.pjp)
    against = clashes(a)
    if against:
        advice = on_clash(a, found, known, options, against)
    elif found.dose_needed:
        advice = Advice("PJP prophylaxis: the glucocorticoid dose is needed to judge", (_DOSE_NEEDED,))
    elif a.person.adult:
        advice = for_adult(a, found, known, options)
    else:
        advice = without_dose(a, found, options)
    return CardDraft(
        indicator="warning" if found.warns or against else "info",
        summary=advice.ask,
        ask=advice.ask,
        why=(
            *(_sentence(trigger) for trigger in found.holding),
            *_extrapolation(found),
            *advice.lines,
            *_cover_notes(found),
        ),
        facts=_facts(found, known),
        missing=_missing(found, known, options),
        suggestions=advice.suggestions,
    )


def _sentence(trigger: Trigger) -> str:
    """The trigger with the facts that made it hold, and what they were compared with."""
    return f"{trigger.criterion.name} — {'; '.join(_facts_of(trigger.criterion))}."


def _facts_of(criterion: Criterion) -> list[str]:
    """The leaves that hold, each once."""
    if not criterion.parts:
        compared = f" ({readable(criterion.threshold)})" if criterion.threshold else ""
        value = f": {md(readable(criterion.value))} {criterion.unit}".rstrip() if criterion.value else ""
        return [f"{criterion.name}{value}{compared}"]
    found = [fact for part in criterion.parts if part.truth for fact in _facts_of(part)]
    return list(dict.fromkeys(found))


def _extrapolation(found: PjpRisk) -> tuple[str, ...]:
    drugs = [
        drug
        for drug in ("cyclophosphamide", "rituximab")
        if any(t.id in _EXTRAPOLATED and any(drug in fact for fact in _facts_of(t.criterion)) for t in found.holding)
    ]
    if not drugs:
        return ()
    return (f"The trigger for {' and '.join(drugs)} is an extrapolation from guidance on ANCA vasculitis.",)


def _cover_notes(found: PjpRisk) -> tuple[str, ...]:
    notes = [f"{md(course.text)} does not count as prophylaxis: {because}." for course, because in found.cover.doubtful]
    held = found.cover.held
    return (*notes, f"{md(held.text)} is on hold: it does not protect now.") if held else tuple(notes)


def _facts(found: PjpRisk, known: Circumstances) -> tuple[FactRow, ...]:
    rows: dict[str, FactRow] = {}
    for trigger in found.holding:
        for leaf in _leaves(trigger.criterion):
            if leaf.value:
                value = f"{md(readable(leaf.value))} {leaf.unit}".rstrip()
                row = FactRow(leaf.name, value, leaf.when, readable(leaf.threshold), leaf.grows)
                rows.setdefault(leaf.name, row)
    results: tuple[tuple[str, LabResult | None], ...] = (
        ("eGFR", known.egfr),
        ("potassium", known.potassium),
        ("leukocytes", known.wbc),
        ("platelets", known.platelets),
        ("haemoglobin", known.hemoglobin),
    )
    labs = [FactRow(what, said(result), str(result.when or "")) for what, result in results if result]
    if known.g6pd:
        labs.append(FactRow("G6PD", known.g6pd))
    return (*rows.values(), *labs)


def _leaves(criterion: Criterion) -> list[Criterion]:
    if not criterion.parts:
        return [criterion]
    return [leaf for part in criterion.parts for leaf in _leaves(part)]


def _missing(found: PjpRisk, known: Circumstances, options: tuple[Option, ...]) -> tuple[str, ...]:
    """What was not known or not checked, for the reader. Triggers that could only repeat a warning are left out."""
    lines = [] if known.allergies_checked else [_ALLERGIES]
    if not found.warns:
        lines += [
            f"{t.id} cannot be judged: {t.criterion.missing}" for t in found.triggers if t.criterion.truth is None
        ]
    if not found.dose_needed:
        for option in first_fitting(options)[:1]:
            lines += [f"for {option.regimen.name}: {blocker.because}" for blocker in option.unknown]
    return tuple(dict.fromkeys(lines))


RULE = Rule(name="PjpProphylaxis", criteria=_criteria, card=_card, sources=SOURCES, orders=ordered.PJP)
