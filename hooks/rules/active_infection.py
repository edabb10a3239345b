"""S4-INF ActiveInfection: treat a serious infection before cyclophosphamide or rituximab (B4 S4-CYC-INF)."""

from hooks.assessment import Assessment
from hooks.assessment.infections import serious_infections
from hooks.assessment.labs import ever, shown
from hooks.assessment.use import use_of
from hooks.chart.facts import DrugCourse, Infusion
from hooks.reasoning import Criterion, Truth, all_of, any_of
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, lab_criterion, md, on, safety_scope
from hooks.rules.sources import medication_missing
from hooks.rules.use import STATES
from hooks.suggestions.investigations import lab
from hooks.suggestions.resources import order

DRUGS = ("cyclophosphamide", "rituximab")


def awaited(a: Assessment, drug: str) -> tuple[DrugCourse | Infusion, ...]:
    """What is still to be given: the drafts that an order hook asks about, else plans and dated infusions to come."""
    use = use_of(a, drug)
    if a.chart.leading:
        return tuple(course for course in use.ordered if course.source in a.chart.leading)
    planned = {course.source for course in use.coming}
    later = (i for i in a.chart.infusions_of(drug) if i.status == "planned" and i.course not in planned)
    return (*use.coming, *later)


def _coming(a: Assessment, *drugs: str) -> Criterion:
    found = tuple(fact for drug in drugs for fact in awaited(a, drug))
    missing = "" if found else medication_missing(a)
    truth: Truth = True if found else None if missing else False
    return Criterion(
        f"{' or '.join(drugs)} planned or being ordered",
        truth,
        value=", ".join(dict.fromkeys(fact.drug for fact in found)),
        source=", ".join(dict.fromkeys(fact.source for fact in found)),
        missing=missing,
    )


def _infection(a: Assessment) -> Criterion:
    found = serious_infections(a.chart, a.knowledge.thresholds, a.today)
    return Criterion(
        "serious infection",
        bool(found),
        value=", ".join(d.text for d in found),
        when=", ".join(on(d.since) for d in found),
        threshold=f"current, at most {a.knowledge.thresholds.gates.infection_days.value:g} days old or undated",
        source=", ".join(d.source for d in found),
    )


def _hepatitis_b(a: Assessment) -> Criterion:
    """HBsAg positive, now or ever; a later negative one does not outlive it, as for the gate of a draft."""
    positive = ever(a.chart, "hbsag", "positive")
    negative = ever(a.chart, "hbsag", "negative")
    truth: Truth = True if positive else False if negative else None
    return lab_criterion("HBsAg positive", truth, positive or negative, "ever positive", "HBsAg")


def _reasons(a: Assessment) -> tuple[Criterion, Criterion]:
    return (
        all_of("serious infection before either drug", _coming(a, *DRUGS), _infection(a)),
        all_of("hepatitis B before cyclophosphamide", _coming(a, DRUGS[0]), _hepatitis_b(a)),
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (*safety_scope(a, critical=True), any_of("an infection to treat first", *a.once(_reasons)))


def _card(a: Assessment) -> CardDraft:
    infection, hepatitis = a.once(_reasons)
    names = [drug for drug in (DRUGS if infection.truth else DRUGS[:1]) if awaited(a, drug)]
    found = [
        *(["serious infection on record"] if infection.truth else []),
        *(["HBsAg positive"] if hepatitis.truth else []),
    ]
    ask = f"Treat first, then {' and '.join(names)}: {', '.join(found)}"
    why, facts = [], []
    if infection.truth:
        why.append(
            "Cyclophosphamide and rituximab make an infection that is not under control worse, and may make it fatal."
        )
        facts += [
            FactRow("Infection", md(d.text), on(d.since), infection.parts[1].threshold)
            for d in serious_infections(a.chart, a.knowledge.thresholds, a.today)
        ]
    positive = ever(a.chart, "hbsag", "positive") if hepatitis.truth else None
    if positive:
        why.append("Hepatitis B may flare under cyclophosphamide: hepatology, virus DNA and antiviral treatment first.")
        facts.append(FactRow("HBsAg", md(shown(positive)), on(positive.when)))
    facts += [_row(fact) for drug in names for fact in awaited(a, drug)]
    hbv_dna = order(a, "Order HBV DNA", "HBV DNA", lab(a, "hbv-dna", "42595-9"))
    return CardDraft(
        indicator="critical",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=tuple(facts),
        suggestions=(hbv_dna,) if positive else (),
    )


def _row(fact: DrugCourse | Infusion) -> FactRow:
    when = fact.when if isinstance(fact, Infusion) else fact.start
    return FactRow(f"{fact.drug.capitalize()} ({STATES.get(fact.status, fact.status)})", "", on(when))


RULE = Rule(
    name="ActiveInfection",
    criteria=_criteria,
    card=_card,
    sources=("conditions", *MEDICATION_SOURCES, "labs"),
    orders=frozenset(DRUGS),
)
