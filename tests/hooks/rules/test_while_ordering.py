"""On which orders the rules speak that are not about one drug, and on which they are silent (B6 stars)."""

from typing import Any

import pytest

from hooks.chart.facts import Dosing
from hooks.knowledge.model import RuleText
from hooks.rules import (
    after_cyclophosphamide_failure,
    escalate_to_cyclophosphamide,
    ordered,
    rapid_progression,
    rituximab_with_cyclophosphamide,
    statin_exposure,
    statin_intolerance_record,
    statin_pending_antibody,
    trial_adequacy,
)
from hooks.rules.base import CardDraft, Rule
from hooks.rules.order import PART_OF, RULES
from tests.hooks.builders import (
    allergy,
    assessed,
    base,
    changed,
    ck,
    condition,
    course,
    daily,
    infusion,
    knowledge,
    session,
    verdict,
)
from tests.hooks.rules.asking import card, judged, outcome, texts

HMGCR = verdict("anti-hmgcr", "positive")
PLASMA_EXCHANGE = changed(session(-2, planned=True), draft=True)
DYSPHAGIA = condition("dysphagia", 10)
ONE_INFUSION = (infusion("rituximab", 1000, "2026-04-20"), course("rituximab", "2026-04-20", "2026-04-20"))
UNKNOWN_DOSE = (course("rituximab", None, status="completed"),)


def draft(drug: str, *steps: Dosing, **more: Any) -> Any:
    more.setdefault("source", f"MedicationRequest/{drug}")
    return course(drug, 0, status="draft", kind="MedicationRequest", steps=steps, **more)


def pulse(mg: float | None, **more: Any) -> Any:
    return draft("glucocorticoid", daily(mg), ingredient="methylprednisolone", **more)


def text(rule: Rule) -> RuleText:
    return knowledge().rules[rule.name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_of_the_order_hooks_says_which_orders_it_is_for(rule: Rule) -> None:
    assert bool(rule.orders) is ("order-select" in text(rule).hooks)
    assert rule.orders <= {*(v.drug for v in knowledge().value_sets.values()), "plasma-exchange"}


def test_tailoring_follows_the_cards_that_it_is_part_of() -> None:
    rules = {rule.name: rule for rule in RULES}
    for part, holders in PART_OF.items():
        for holder in holders:
            assert rules[part].orders >= rules[holder].orders
            assert set(text(rules[part]).hooks) >= set(text(rules[holder]).hooks)


def test_trial_adequacy_is_a_warning_when_escalation_is_ordered() -> None:
    chart = base(*ONE_INFUSION, draft("cyclophosphamide"), without=("rituximab",))
    assert card(trial_adequacy.RULE, assessed(chart)).indicator == "warning"


@pytest.mark.parametrize(
    ("facts", "without", "expected"),
    [
        (ONE_INFUSION, ("rituximab",), "fires"),
        (UNKNOWN_DOSE, ("rituximab",), "cannot tell"),
        ((*UNKNOWN_DOSE, course("ivig", None, status="completed")), ("rituximab", "ivig"), "cannot tell"),
        ((), (), "silent"),
        ((), ("rituximab",), "silent"),  # not all three were tried
        # given before, and too little: info when the chart is opened, nothing while it is ordered again
        ((infusion("cyclophosphamide", 1000, 170), course("cyclophosphamide", 170, 170)), (), "silent"),
    ],
)
def test_trial_adequacy_says_no_info_while_orders_are_written(
    facts: tuple[Any, ...], without: tuple[str, ...], expected: str
) -> None:
    chart = base(*facts, draft("cyclophosphamide"), without=without)
    assert outcome(trial_adequacy.RULE, assessed(chart)) == expected


def test_trial_adequacy_names_what_is_not_known() -> None:
    chart = base(*UNKNOWN_DOSE, draft("cyclophosphamide"), without=("rituximab",))
    assert "dose, dates or first MMT-8 of Rituximab" in judged(trial_adequacy.RULE, assessed(chart)).because


def test_escalation_is_silent_when_it_is_being_ordered() -> None:
    rule = escalate_to_cyclophosphamide.RULE
    assert outcome(rule, assessed(base(draft("azathioprine")))) == "fires"
    assert outcome(rule, assessed(base(draft("azathioprine"), draft("cyclophosphamide")))) == "silent"
    assert {"ivig", "rituximab", "methotrexate", "mycophenolate", "azathioprine"} <= rule.orders
    assert "cyclophosphamide" not in rule.orders


def failed(*more: Any) -> Any:
    pulses = [infusion("cyclophosphamide", 1000, at) for at in (180, 159, 138, 117, 96, 75)]
    courses = [course("cyclophosphamide", i.when, i.when, status="completed", source=i.course) for i in pulses]
    said = changed(courses[0], failure="no response")
    return base(*pulses, said, *courses[1:], ck(9000, 185), *more)


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ((draft("azathioprine"),), "fires"),
        ((draft("azathioprine"), draft("ivig")), "silent"),
        ((draft("azathioprine"), draft("mycophenolate")), "silent"),
        ((draft("rituximab"), PLASMA_EXCHANGE), "silent"),
    ],
)
def test_after_cyclophosphamide_is_silent_when_a_next_step_is_ordered(orders: tuple[Any, ...], expected: str) -> None:
    assert outcome(after_cyclophosphamide_failure.RULE, assessed(failed(*orders))) == expected


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ((draft("glucocorticoid", daily(60)),), "fires"),
        ((pulse(1000),), "silent"),
        ((pulse(250, route="intravenous"),), "silent"),
        ((pulse(249, route="intravenous"),), "fires"),
        ((pulse(None),), "cannot tell"),
        ((draft("glucocorticoid", ingredient="methylprednisolone"),), "cannot tell"),
        ((pulse(None, route="oral"),), "fires"),  # tablets are no pulse
        ((pulse(None), draft("ivig")), "silent"),
        ((draft("azathioprine"), PLASMA_EXCHANGE), "silent"),
    ],
)
def test_rapid_progression_is_silent_when_a_fast_option_is_ordered(orders: tuple[Any, ...], expected: str) -> None:
    assert outcome(rapid_progression.RULE, assessed(base(DYSPHAGIA, *orders))) == expected


def test_what_would_tell_is_named() -> None:
    found = judged(rapid_progression.RULE, assessed(base(DYSPHAGIA, pulse(None))))
    assert found.because == "dose of the methylprednisolone that is being ordered"


def test_the_trace_names_what_is_being_ordered() -> None:
    criterion = judged(rapid_progression.RULE, assessed(base(DYSPHAGIA, PLASMA_EXCHANGE))).criteria[-1]
    assert (criterion.value, criterion.source) == ("plasma-exchange", PLASMA_EXCHANGE.source)


def test_what_rules_propose_is_not_what_they_are_for() -> None:
    assert not after_cyclophosphamide_failure.RULE.orders & ordered.NEXT_STEPS
    assert not rapid_progression.RULE.orders & ordered.FAST_OPTIONS


def deleted(drafted: CardDraft) -> list[str]:
    return [action.resource_id for s in drafted.suggestions for action in s.actions if action.type == "delete"]


def test_a_statin_that_is_ordered_is_to_be_removed() -> None:
    drafted = card(statin_exposure.RULE, assessed(HMGCR, draft("statin", ingredient="atorvastatin")))
    assert drafted.summary.startswith("Do not order atorvastatin: anti-HMGCR")
    assert "Statin (being ordered)" in texts(drafted)
    assert deleted(drafted) == ["MedicationRequest/statin"]


def test_a_statin_that_is_ordered_beside_one_that_is_taken() -> None:
    taken = course("statin", ingredient="simvastatin")
    drafted = card(statin_exposure.RULE, assessed(HMGCR, taken, draft("statin", ingredient="atorvastatin")))
    assert drafted.summary.startswith("Do not order atorvastatin, stop simvastatin:")
    assert "and one is taken" in texts(drafted)


def test_a_statin_that_the_orders_end_is_history() -> None:
    for status in ("active", "unknown"):
        ended = course("statin", status=status, superseded=True)
        assert outcome(statin_exposure.RULE, assessed(HMGCR, ended)) == "silent"
        assert outcome(statin_intolerance_record.RULE, assessed(HMGCR, ended)) == "fires"


def test_a_statin_that_is_ordered_waits_for_the_antibody() -> None:
    drafted = card(statin_pending_antibody.RULE, assessed(draft("statin", ingredient="atorvastatin")))
    assert drafted.summary.startswith("Do not order atorvastatin until anti-HMGCR is known")
    assert deleted(drafted) == ["MedicationRequest/statin"]
    both = (course("statin", ingredient="simvastatin"), draft("statin", ingredient="atorvastatin"))
    assert "Do not order atorvastatin, hold simvastatin" in card(statin_pending_antibody.RULE, assessed(*both)).summary


def test_an_order_without_an_id_cannot_be_removed() -> None:
    nameless = draft("statin", source="draftOrders.entry[0]")
    assert deleted(card(statin_exposure.RULE, assessed(HMGCR, nameless))) == []


def test_without_laboratory_results_nothing_is_known_against_a_statin() -> None:
    assert outcome(statin_exposure.RULE, assessed(draft("statin"), unavailable=("labs",))) == "cannot tell"


@pytest.mark.parametrize(
    ("facts", "more", "expected"),
    [
        ((), {}, "fires"),
        ((allergy("statin"),), {}, "silent"),
        ((draft("statin"),), {}, "silent"),  # then the order is the matter
        ((), {"unavailable": ("allergies",)}, "cannot tell"),
    ],
)
def test_the_intolerance_is_to_be_recorded_when_lipids_are_treated(
    facts: tuple[Any, ...], more: dict[str, Any], expected: str
) -> None:
    past = course("statin", 400, 300, status="stopped")
    a = assessed(HMGCR, past, draft("lipid-alternative"), *facts, **more)
    assert outcome(statin_intolerance_record.RULE, a) == expected


@pytest.mark.parametrize(("at", "expected"), [(170, "silent"), (260, "fires")])
def test_rituximab_beside_cyclophosphamide_only_when_it_is_not_being_ordered(at: int, expected: str) -> None:
    pulses = [infusion("cyclophosphamide", 1000, days) for days in (62, 41, 20)]
    courses = [course("cyclophosphamide", i.when, i.when, status="completed", source=i.course) for i in pulses]
    rituximab = (infusion("rituximab", 1000, at), course("rituximab", at, at, status="completed"))
    chart = base(*pulses, *courses, *rituximab, draft("cyclophosphamide"), without=("rituximab",))
    assert outcome(rituximab_with_cyclophosphamide.RULE, assessed(chart)) == expected
    also = changed(chart, courses=(*chart.courses, draft("rituximab")))
    assert outcome(rituximab_with_cyclophosphamide.RULE, assessed(also)) == "silent"
