"""What PjpProphylaxis advises: regimen, draft and what speaks against the others, by who the patient is (B3, B9)."""

from typing import NamedTuple

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.pjp import PjpRisk
from hooks.rules.base import md
from hooks.rules.pjp_orders import Clash
from hooks.suggestions.pjp_choice import G6PD, METHOTREXATE, REFUSED, Circumstances, Option, first_fitting, g6pd_decides
from hooks.suggestions.pjp_regimens import draft_order, g6pd_test
from hooks.suggestions.resources import suggestion
from hooks.suggestions.revisions import delete


class Advice(NamedTuple):
    """The part of the card that depends on who the patient is."""

    ask: str
    lines: tuple[str, ...]
    suggestions: tuple[Suggestion, ...] = ()


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


def for_adult(a: Assessment, found: PjpRisk, known: Circumstances, options: tuple[Option, ...]) -> Advice:
    """The first regimen that fits as a draft, the second in words, and what speaks against the others."""
    fitting = first_fitting(options)
    if not fitting:
        ask = f"{_lead(found)}: no standard regimen fits, ask for specialist advice"
    else:
        ask = f"{_lead(found)}: {fitting[0].regimen.name}"
    return Advice(ask, *_regimens(a, found, known, options))


def _lead(found: PjpRisk) -> str:
    lead = "PJP prophylaxis indicated" if found.warns else "Consider PJP prophylaxis"
    return f"{lead} ({_reason(found)})"


def _regimens(
    a: Assessment, found: PjpRisk, known: Circumstances, options: tuple[Option, ...]
) -> tuple[tuple[str, ...], tuple[Suggestion, ...]]:
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
    lines = [
        f"{'First' if rank == 0 else 'Second'} choice: {_offer(option)}" for rank, option in enumerate(fitting[:2])
    ]
    if options[0].fits and known.methotrexate:
        lines.append(a.knowledge.regimens.methotrexate)
    if options[0].fits and known.interacting:
        lines.append(f"Beside it, with an interaction to watch: {', '.join(known.interacting)}.")
    lines += [_against(option) for option in options if not option.fits]
    if known.egfr:
        lines.append(
            "The reported eGFR stands in for creatinine clearance; with muscle wasting it overestimates renal function."
        )
    if known.pregnant:
        lines.append(f"Pregnant ({known.pregnant}): choose together with obstetrics.")
    return tuple(lines), tuple(suggestions)


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


def without_dose(a: Assessment, found: PjpRisk, options: tuple[Option, ...]) -> Advice:
    """Children, and patients of unknown age: no dose, no draft (B3, B9)."""
    why = "age unknown, so no dose is given" if a.person.adult is None else "dose by a paediatric pharmacist"
    return Advice(f"{_lead(found)}: {why}", _barred(a, options))


def _barred(a: Assessment, options: tuple[Option, ...]) -> tuple[str, ...]:
    barred = [
        f"Against {option.regimen.name}: {'; '.join(b.because for b in option.against if b.truth)}."
        for option in options
        if any(blocker.truth for blocker in option.against)
    ]
    return ("Age unknown: no dose." if a.person.adult is None else a.knowledge.regimens.child, *barred)


def on_clash(
    a: Assessment, found: PjpRisk, known: Circumstances, options: tuple[Option, ...], clashes: tuple[Clash, ...]
) -> Advice:
    """An order of prophylaxis that the record speaks against: what fits instead, and the order taken back."""
    lines = [f"**{md(clash.order.text)}** is being ordered: {clash.because}." for clash in clashes]
    if not found.holding:
        lines.append("By the record no trigger for prophylaxis holds.")
    running, fitting = found.cover.course, first_fitting(options)
    suggestions: tuple[Suggestion, ...] = ()
    if running:
        instead = "other prophylaxis is running or being ordered"
        lines.append(f"{md(running.text)} covers already.")
    elif a.person.adult:
        instead = f"{fitting[0].regimen.name} fits" if fitting else "no standard regimen fits, ask for advice"
        regimens, suggestions = _regimens(a, found, known, options)
        lines += regimens
    else:
        instead = "age unknown, so no other is drafted" if a.person.adult is None else "ask a paediatric pharmacist"
        lines += _barred(a, options)
    names = dict.fromkeys(name for clash in clashes for name in _names(clash))
    ask = f"PJP prophylaxis order clashes with {' and '.join([*names][:2])}: {instead}"
    return Advice(ask, tuple(lines), (*suggestions, *_removed(clashes)))


def _names(clash: Clash) -> list[str]:
    """What an order clashes with, in a few words; that it was not tolerated goes without saying beside an allergy."""
    against = [blocker for blocker in clash.against if blocker.name != REFUSED]
    g6pd = {True: "G6PD deficiency", None: "G6PD not tested"}
    return [g6pd[b.truth] if b.name == G6PD else b.name for b in against] or ["an intolerance on record"]


def _removed(clashes: tuple[Clash, ...]) -> list[Suggestion]:
    """A deletion of each order that has an id to name it by."""
    labels = [(f"Remove the order of {clash.option.regimen.name}", clash.order) for clash in clashes]
    return [suggestion(label, action, recommended=True) for label, order in labels if (action := delete(label, order))]
