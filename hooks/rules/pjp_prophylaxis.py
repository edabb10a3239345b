"""R9-PJP PjpProphylaxis: the immunosuppression calls for prophylaxis of Pneumocystis pneumonia (B1, B3, B7, B9)."""

from typing import NamedTuple

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.labs import readable
from hooks.assessment.pjp import PjpRisk, Trigger, assess_pjp
from hooks.chart.facts import LabResult
from hooks.reasoning import Criterion, any_of
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, md, scope
from hooks.rules.pjp_circumstances import circumstances
from hooks.suggestions.pjp_choice import (
    METHOTREXATE,
    Circumstances,
    Option,
    first_fitting,
    g6pd_decides,
    said,
    select,
)
from hooks.suggestions.pjp_regimens import REGIMENS, draft_order, g6pd_test

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
    return assess_pjp(
        a.chart,
        a.immunosuppression,
        a.knowledge.thresholds,
        a.today,
        drugs_checked=not a.unchecked(*MEDICATION_SOURCES),
    )


def triggers(a: Assessment) -> Criterion:
    """One of the triggers of B3 holds."""
    return a.once(_triggers)


def _triggers(a: Assessment) -> Criterion:
    return any_of("a reason for PJP prophylaxis", *[trigger.criterion for trigger in risk(a).triggers])


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    found = risk(a)
    cover = found.cover.course
    return (
        *scope(a, history=True, children=True),
        triggers(a),
        Criterion(
            "no prophylaxis known to be running",
            cover is None,
            value=cover.text if cover else "; ".join(because for _, because in found.cover.doubtful),
            when=str(cover.start or "") if cover else "",
            source=cover.source if cover else ", ".join(course.source for course, _ in found.cover.doubtful),
        ),
    )


class _Advice(NamedTuple):
    """The part of the card that depends on who the patient is."""

    ask: str
    lines: tuple[str, ...]
    suggestions: tuple[Suggestion, ...] = ()


def _card(a: Assessment) -> CardDraft:
    found, known = risk(a), circumstances(a)
    options = select(known, a.knowledge.thresholds.pjp)
    if found.dose_needed:
        advice = _Advice("PJP prophylaxis: the glucocorticoid dose is needed to judge", (_DOSE_NEEDED,))
    elif a.person.adult:
        advice = _adult(a, found, known, options)
    else:
        advice = _no_dose(a, found, options)
    return CardDraft(
        indicator="warning" if found.warns else "info",
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


def _reason(found: PjpRisk) -> str:
    """The leading trigger in a few words, for the summary."""
    words = {
        "P1": "cyclophosphamide",
        "P2": "glucocorticoid dose and duration",
        "P3": "rituximab with other immunosuppression",
        "P4": "glucocorticoid with a further risk",
        "P5": "immunosuppression",
        "P6": "earlier PJP",
        "PX": "glucocorticoid of unknown dose",
    }
    return words[found.holding[0].id]


def _adult(a: Assessment, found: PjpRisk, known: Circumstances, options: tuple[Option, ...]) -> _Advice:
    fitting = first_fitting(options)
    suggestions = [
        draft_order(
            a,
            option.regimen,
            reduced=option.reduced,
            recommended=found.warns,
            methotrexate=known.methotrexate,
        )
        for option in fitting[:1]
    ]
    if g6pd_decides(options):
        atovaquone = next(option for option in options if option.regimen.drug == "atovaquone")
        suggestions.append(g6pd_test(a, recommended=not atovaquone.fits))
    lead = "PJP prophylaxis indicated" if found.warns else "Consider PJP prophylaxis"
    if not fitting:
        ask = f"{lead} ({_reason(found)}): no standard regimen fits, ask for specialist advice"
    else:
        ask = f"{lead} ({_reason(found)}): {fitting[0].regimen.name}"
    lines = [
        f"{'First' if rank == 0 else 'Second'} choice: {_offer(option)}" for rank, option in enumerate(fitting[:2])
    ]
    if options[0].fits and known.methotrexate:
        lines.append(REGIMENS.methotrexate)
    if options[0].fits and known.interacting:
        lines.append(f"Active beside it, with an interaction to watch: {', '.join(known.interacting)}.")
    lines += [_against(option) for option in options if not option.fits]
    if known.egfr:
        lines.append(
            "The reported eGFR stands in for creatinine clearance; with muscle wasting it overestimates renal function."
        )
    if known.pregnant:
        lines.append(f"Pregnant ({known.pregnant}): choose together with obstetrics.")
    return _Advice(ask, tuple(lines), tuple(suggestions))


def _offer(option: Option) -> str:
    regimen = option.regimen
    text = f"{regimen.name}, {regimen.dose} [{regimen.mark}]"
    if option.reduced and regimen.reduced:
        text += f"; here half of it: {regimen.reduced.dosage}"
    return f"{text}. {regimen.checks}"


def _against(option: Option) -> str:
    because = "; ".join(blocker.because for blocker in option.against)
    if option.barred_only_by(METHOTREXATE):
        return (
            f"{option.regimen.name}: {because}. It fits if methotrexate is stopped ({option.regimen.dose} "
            f"[{option.regimen.mark}]); where methotrexate has failed, ask whether it is being stopped."
        )
    return f"{option.regimen.name} is not drafted: {because}."


def _no_dose(a: Assessment, found: PjpRisk, options: tuple[Option, ...]) -> _Advice:
    """Children, and patients of unknown age: no dose, no draft (B3, B9)."""
    lead = "PJP prophylaxis indicated" if found.warns else "Consider PJP prophylaxis"
    barred = [
        f"Against {option.regimen.name}: {'; '.join(b.because for b in option.against if b.truth)}."
        for option in options
        if any(blocker.truth for blocker in option.against)
    ]
    if a.person.adult is None:
        return _Advice(
            f"{lead} ({_reason(found)}): age unknown, so no dose is given", ("Age unknown: no dose.", *barred)
        )
    return _Advice(f"{lead} ({_reason(found)}): dose by a paediatric pharmacist", (REGIMENS.child, *barred))


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
                rows.setdefault(leaf.name, FactRow(leaf.name, value, leaf.when, readable(leaf.threshold)))
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


RULE = Rule(name="PjpProphylaxis", criteria=_criteria, card=_card, sources=SOURCES)
