"""S2 FertilityAndContraception: a pregnancy test, contraception and fertility around teratogens (B4, B9 "Pregnant").

Also in place of TrialAdequacy and EscalateToCyclophosphamide, which do not speak in pregnancy.
"""

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.labs import latest, shown
from hooks.assessment.pregnancy_tests import tested
from hooks.assessment.use import DrugUse, use_of
from hooks.reasoning import Criterion, all_of, any_of, negate
from hooks.rules import escalate_to_cyclophosphamide, trial_adequacy
from hooks.rules.base import CardDraft, FactRow, Rule, lab_criterion, md, on, safety_scope
from hooks.rules.contraception import MYCOPHENOLATE, with_cyclophosphamide
from hooks.rules.pregnancy import SOURCES, instead, obstetrics, pregnancy_row, teratogen_present
from hooks.rules.use import use_rows, used
from hooks.suggestions.investigations import lab
from hooks.suggestions.resources import order

DRUGS = ("cyclophosphamide", "mycophenolate")
"""Drugs before which a pregnancy test is asked for (B4)."""


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *safety_scope(a, critical=False),
        any_of("a pregnancy test is missing, or pregnancy stands against escalation", _untested(a), _held_back(a)),
    )


def _untested(a: Assessment) -> Criterion:
    return all_of(
        "no pregnancy test before a teratogen",
        Criterion("not known to be pregnant", not a.person.pregnant, value=a.person.pregnant_because),
        Criterion("a woman who may become pregnant", a.person.fertile, source=a.chart.person.source, fixed=True),
        any_of("a drug that needs the test", *(_without_test(a, drug) for drug in DRUGS)),
    )


def _without_test(a: Assessment, drug: str) -> Criterion:
    days = a.knowledge.thresholds.gates.hcg_days
    use = use_of(a, drug)
    reach = "before today" if use.coming else "before the first dose"
    return all_of(
        f"{drug} without a pregnancy test",
        used(a, drug),
        lab_criterion(
            "no negative pregnancy test in time",
            negate(tested(a, use)),
            latest(a.chart, "hcg"),
            f"not earlier than {days.value:g} days {reach} [{days.mark}]",
            "day of the pregnancy test" if use.coming else f"day of the pregnancy test, or of the first dose of {drug}",
        ),
    )


def _held_back(a: Assessment) -> Criterion:
    """B9: escalation would be due but for the pregnancy, and there is no teratogen to be stopped first."""
    name, pregnant = "escalation would be due but for the pregnancy", a.person.pregnant
    if not pregnant:
        return Criterion(name, False)
    present = teratogen_present(a)
    return all_of(
        name,
        Criterion("pregnant", pregnant, value=a.person.pregnant_because),
        Criterion("no teratogen known to be present", present.truth is not True, value=present.value),
        any_of(
            "a rule that is silent in pregnancy",
            all_of("TrialAdequacy, pregnancy aside", *trial_adequacy.but_for_pregnancy(a)),
            all_of("EscalateToCyclophosphamide, pregnancy aside", *escalate_to_cyclophosphamide.but_for_pregnancy(a)),
        ),
    )


def _card(a: Assessment) -> CardDraft:
    return _pregnant(a) if a.person.pregnant else _test_first(a)


def _pregnant(a: Assessment) -> CardDraft:
    ask = "Pregnant: no cyclophosphamide, mycophenolate or methotrexate; plan treatment with obstetrics"
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=(
            "But for the pregnancy, the next step of treatment would be looked at now: the trials of IVIG, rituximab "
            "and methotrexate, then cyclophosphamide, at last mycophenolate. Methotrexate, cyclophosphamide and "
            "mycophenolate harm the unborn child.",
            instead(a),
        ),
        facts=(pregnancy_row(a),),
        suggestions=(obstetrics(a, urgent=False),),
    )


def _test_first(a: Assessment) -> CardDraft:
    uses = [use for drug in DRUGS if (use := use_of(a, drug)).present and tested(a, use) is False]
    names = " and ".join(use.drug for use in uses)
    ask = f"{names.capitalize()}: {_missing_test(a, uses)}; settle contraception and fertility"
    drugs = {use.drug for use in uses}
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=(
            *(with_cyclophosphamide(a) if "cyclophosphamide" in drugs else ()),
            *((MYCOPHENOLATE,) if "mycophenolate" in drugs else ()),
        ),
        facts=(_test_row(a), *use_rows(*uses)),
        suggestions=_tests(a, twice="mycophenolate" in drugs),
    )


def _missing_test(a: Assessment, uses: list[DrugUse]) -> str:
    """What is wrong with the pregnancy test, for the summary."""
    days = a.knowledge.thresholds.gates.hcg_days
    test = latest(a.chart, "hcg")
    if test is None and a.unchecked("labs"):
        return "pregnancy test (hCG) not checked"
    if test is not None and test.result != "negative":
        return f"the last pregnancy test ({on(test.when)}) was not negative"
    if any(use.coming for use in uses):
        return f"no pregnancy test in the last {days.value:g} days"
    return "no pregnancy test since it was begun"


def _test_row(a: Assessment) -> FactRow:
    days = a.knowledge.thresholds.gates.hcg_days
    test = latest(a.chart, "hcg")
    none = "not checked" if a.unchecked("labs") else "none on record"
    limit = f"≤ {days.value:g} days old, or since {days.value:g} days before the first dose [{days.mark}]"
    return FactRow("hCG", md(shown(test)) if test else none, on(test.when) if test else "", limit)


def _tests(a: Assessment, *, twice: bool) -> tuple[Suggestion, ...]:
    """A pregnancy test; for mycophenolate the second one too."""
    text, code = "hCG pregnancy test", lab(a, "hcg", "2118-8")
    first = order(a, "Order hCG", text, code)
    if not twice:
        return (first,)
    note = "8 to 10 days after the first test."
    return first, order(a, "Order the second hCG, 8 to 10 days after the first", text, code, note=note)


RULE = Rule(
    name="FertilityAndContraception",
    criteria=_criteria,
    card=_card,
    sources=SOURCES,
    orders=frozenset(DRUGS),
)
