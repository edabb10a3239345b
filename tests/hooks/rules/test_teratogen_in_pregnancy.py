"""S2-CYC-PREG, critical (B4, B9 "Pregnant", vignette V19)."""

from typing import Any

import pytest

from hooks.chart.facts import Dosing
from hooks.rules.base import about_orders
from hooks.rules.teratogen_in_pregnancy import RULE
from tests.hooks.builders import (
    allergy,
    assessed,
    base,
    changed,
    chart,
    condition,
    course,
    infusion,
    lab,
    verdict,
    weekly,
)
from tests.hooks.rules.asking import card, judged, outcome, resources, texts

PREGNANT = condition("pregnancy", 63, text="Pregnancy")
ECTOPIC = condition("ectopic-pregnancy", 5, text="Ectopic pregnancy")
HCG = verdict("hcg", "positive", 5)
MTX = course("methotrexate", 300, steps=(weekly(20),))
ONE_DOSE = (Dosing(low=80, high=80, count=1),)
ORDER = "MedicationRequest/order-1"


def draft(drug: str, **more: Any) -> Any:
    more = {"source": ORDER, "kind": "MedicationRequest", "status": "draft"} | more
    return course(drug, 0, **more)


def signing(*facts: Any, leading: tuple[str, ...] = (ORDER,)) -> Any:
    return assessed(chart(*facts, leading=frozenset(leading)))


@pytest.mark.parametrize("drug", ["cyclophosphamide", "mycophenolate", "methotrexate"])
@pytest.mark.parametrize("status", ["active", "planned", "draft"])
def test_a_teratogen_taken_planned_or_being_ordered_in_pregnancy(drug: str, status: Any) -> None:
    start = -7 if status == "planned" else 90
    assert outcome(RULE, assessed(PREGNANT, course(drug, start, status=status))) == "fires"
    assert outcome(RULE, assessed(course(drug, start, status=status))) == "silent"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((PREGNANT, MTX), "fires"),
        ((HCG, MTX), "fires"),
        ((PREGNANT, changed(MTX, status="stopped")), "silent"),
        ((PREGNANT, changed(MTX, superseded=True)), "silent"),  # stopped by the orders that are being written
        ((PREGNANT, changed(MTX, status="unknown")), "cannot tell"),
        ((PREGNANT, course("azathioprine", 90)), "silent"),
        ((PREGNANT, infusion("cyclophosphamide", 1000, 35)), "fires"),
        ((PREGNANT, infusion("cyclophosphamide", 1000, 36)), "silent"),
        ((PREGNANT, infusion("cyclophosphamide", 1000, 20, other_indication="given for lymphoma")), "fires"),
        ((PREGNANT, MTX, condition("other-myositis")), "fires"),
        ((PREGNANT, MTX, condition("imnm", current=False)), "fires"),
        ((PREGNANT, MTX, condition("palliative-care")), "fires"),
    ],
)
def test_who_is_warned(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


@pytest.mark.parametrize("age", [14, 48, None])
def test_at_any_age(age: int | None) -> None:
    assert outcome(RULE, assessed(PREGNANT, MTX, age=age)) == "fires"


def test_not_after_death_and_not_for_a_man() -> None:
    assert outcome(RULE, assessed(PREGNANT, MTX, deceased=True)) == "silent"
    assert outcome(RULE, assessed(PREGNANT, MTX, gender="male")) == "silent"


def test_what_was_not_looked_at_leaves_it_open() -> None:
    assert "pregnancy tests" in judged(RULE, assessed(MTX, unavailable=("labs",))).because
    assert outcome(RULE, assessed(MTX, unavailable=("labs",), age=60)) == "silent"
    assert outcome(RULE, assessed(MTX, PREGNANT, unavailable=("labs",))) == "fires"
    assert "medicationRequests" in judged(RULE, assessed(PREGNANT, unavailable=("medicationRequests",))).because


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ((verdict("hcg", "indeterminate", 60),), "cannot tell"),
        ((verdict("hcg", "indeterminate", 61),), "silent"),
        ((verdict("hcg", "indeterminate", 5), verdict("hcg", "negative", 2)), "silent"),
        ((lab("hcg", 300, 5),), "cannot tell"),  # a number without a range
        ((verdict("hcg", "positive", None),), "cannot tell"),
        ((verdict("hcg", "positive", None), verdict("hcg", "negative", 7)), "silent"),
        ((verdict("hcg", "positive", None), verdict("hcg", "negative", 8)), "cannot tell"),
        ((verdict("hcg", "negative", None),), "silent"),
        ((verdict("hcg", "positive", "2026-09"),), "fires"),  # it may be of the last 60 days
    ],
)
def test_a_test_that_does_not_tell_leaves_it_open(tests: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(MTX, *tests)) == expected
    assert outcome(RULE, assessed(MTX, *tests, gender="male")) == "silent"


def test_critical_names_the_drug_what_to_do_and_what_is_compatible() -> None:
    draft_ = card(RULE, assessed(base(PREGNANT)))
    assert draft_.indicator == "critical"
    assert draft_.summary == "Pregnant: stop methotrexate; contact obstetrics"
    said = texts(draft_)
    assert "Pregnancy \\(2026-09-20\\)" in said
    assert "Usually compatible with pregnancy: IVIG, glucocorticoids, azathioprine, tacrolimus [M" in said
    assert "Methotrexate (active)" in said
    (request,) = resources(draft_)
    assert request["priority"] == "urgent"
    assert request["code"]["text"].startswith("Obstetric consultation")


def test_what_is_taken_is_stopped_what_comes_is_not_given() -> None:
    facts = (PREGNANT, MTX, course("mycophenolate", 30), course("cyclophosphamide", -7, status="planned"))
    expected = "Pregnant: stop mycophenolate and methotrexate, do not give cyclophosphamide; contact obstetrics"
    assert card(RULE, assessed(*facts)).summary == expected
    coming = [course(drug, -7, status="planned") for drug in ("cyclophosphamide", "mycophenolate", "methotrexate")]
    expected = "Pregnant: do not give cyclophosphamide, mycophenolate or methotrexate; contact obstetrics"
    assert card(RULE, assessed(PREGNANT, *coming)).summary == expected


def test_a_pulse_that_was_given_is_dated() -> None:
    said = texts(card(RULE, assessed(PREGNANT, infusion("cyclophosphamide", 1000, 17))))
    assert "The last cyclophosphamide was given on 2026-11-05" in said
    running = texts(card(RULE, assessed(PREGNANT, course("cyclophosphamide", 90))))
    assert "The last cyclophosphamide" not in running


def test_what_was_not_tolerated_is_no_alternative() -> None:
    refused = [allergy(drug) for drug in ("ivig", "azathioprine")]
    assert "pregnancy: glucocorticoids, tacrolimus" in texts(card(RULE, assessed(PREGNANT, MTX, *refused)))
    refused += [allergy(drug) for drug in ("glucocorticoid", "tacrolimus")]
    assert "pregnancy: none that was tolerated" in texts(card(RULE, assessed(PREGNANT, MTX, *refused)))


def test_an_order_that_is_being_written_can_be_deleted() -> None:
    found = card(RULE, signing(PREGNANT, draft("cyclophosphamide")))
    actions = [action for suggestion in found.suggestions for action in suggestion.actions]
    assert [(a.type, a.resource_id) for a in actions if a.type == "delete"] == [("delete", ORDER)]
    unnamed = card(RULE, assessed(PREGNANT, draft("cyclophosphamide", source="draftOrders.entry[0]")))
    assert [a.type for s in unnamed.suggestions for a in s.actions] == ["create"]


# -- methotrexate for ectopic pregnancy --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (course("methotrexate", 1, 1, steps=ONE_DOSE), "silent"),
        (course("methotrexate", 1, other_indication="given for Ectopic pregnancy"), "silent"),
        (course("methotrexate", 1, steps=ONE_DOSE, other_indication="one single intramuscular dose"), "silent"),
        (course("methotrexate", 1, steps=(weekly(20),)), "fires"),  # weekly is not for an ectopic pregnancy
        (course("methotrexate", 1), "fires"),  # nothing says that it is a single dose
        (course("mycophenolate", 1, steps=ONE_DOSE), "fires"),
    ],
)
def test_one_dose_of_methotrexate_for_an_ectopic_pregnancy(given: Any, expected: str) -> None:
    assert outcome(RULE, assessed(HCG, ECTOPIC, given)) == expected


def test_a_single_dose_needs_an_ectopic_pregnancy_near_by() -> None:
    given = course("methotrexate", 1, steps=ONE_DOSE)
    assert outcome(RULE, assessed(HCG, condition("ectopic-pregnancy", 61), given)) == "silent"
    assert outcome(RULE, assessed(HCG, condition("ectopic-pregnancy", 62), given)) == "fires"
    assert outcome(RULE, assessed(HCG, condition("ectopic-pregnancy", None), given)) == "fires"
    assert outcome(RULE, assessed(HCG, given)) == "fires"


def test_the_single_dose_is_no_trial_of_methotrexate() -> None:
    given = course("methotrexate", 1, 1, steps=ONE_DOSE, other_indication="one single dose near Ectopic pregnancy")
    assert assessed(HCG, ECTOPIC, given).methotrexate.state == "NOT_EXPOSED"


def test_the_single_dose_may_be_ordered_whatever_else_is_taken() -> None:
    """The order that the hook asks about is right; on patient-view the weekly methotrexate has its card."""
    ordered = draft("methotrexate", steps=ONE_DOSE)
    assert about_orders(signing(HCG, ECTOPIC, ordered), RULE.orders).truth
    assert outcome(RULE, signing(HCG, ECTOPIC, ordered)) == "silent"
    assert outcome(RULE, signing(HCG, ECTOPIC, ordered, MTX)) == "silent"
    assert outcome(RULE, assessed(HCG, ECTOPIC, MTX)) == "fires"
    unclear = course("mycophenolate", 90, status="unknown")
    assert outcome(RULE, signing(HCG, ECTOPIC, ordered, unclear)) == "silent"
    other = draft("mycophenolate", source="MedicationRequest/order-2")
    both = signing(HCG, ECTOPIC, ordered, other, leading=(ORDER, other.source))
    assert card(RULE, both).summary == "Pregnant: do not give mycophenolate; contact obstetrics"


def test_an_order_that_may_be_for_the_ectopic_pregnancy_is_told_how_to_say_so() -> None:
    ordered = draft("methotrexate", steps=(Dosing(low=80, high=80),))
    said = texts(card(RULE, signing(HCG, ECTOPIC, ordered)))
    assert "An ectopic pregnancy is on record (Ectopic pregnancy, 2026-11-17)" in said
    assert "one single dose" in said
    assert "ectopic" not in texts(card(RULE, signing(HCG, ordered)))


def test_a_dose_without_a_start_is_near_what_is_near_today() -> None:
    ordered = changed(draft("methotrexate", steps=ONE_DOSE), start=None)
    assert outcome(RULE, signing(HCG, ECTOPIC, ordered)) == "silent"
