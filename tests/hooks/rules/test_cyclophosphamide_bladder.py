"""S3 (B4 S3-CYC-BLADDER)."""

from typing import Any

import pytest

from hooks.rules.cyclophosphamide_bladder import RULE
from tests.hooks.builders import assessed, changed, condition, course, lab
from tests.hooks.rules.asking import card, judged, outcome, resources, texts

CYC = course("cyclophosphamide", 60)
CLEAR = lab("urine-rbc", 1, 10, upper=3.0, unit="/HPF", result="negative")
BLEEDING = lab("urine-rbc", 25, 10, upper=3.0, unit="/HPF", result="positive")
STRIP = lab("urine-blood-dipstick", None, 10, result="positive")
OBSTRUCTION = condition("urinary-obstruction", text="Retention of urine")
INFECTION = condition("urinary-infection", 6)


def level(*facts: Any, **more: Any) -> str:
    a = assessed(*facts, **more)
    return card(RULE, a).indicator if outcome(RULE, a) == "fires" else outcome(RULE, a)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((CLEAR,), "silent"),
        ((OBSTRUCTION, CLEAR), "critical"),
        ((OBSTRUCTION,), "critical"),
        ((changed(OBSTRUCTION, current=False), CLEAR), "silent"),
        ((condition("urinary-obstruction", 4000), CLEAR), "critical"),
        ((INFECTION, CLEAR), "warning"),
        ((condition("urinary-infection", 60), CLEAR), "warning"),
        ((condition("urinary-infection", 61), CLEAR), "silent"),
        ((condition("urinary-infection", None), CLEAR), "warning"),
        ((changed(INFECTION, current=False), CLEAR), "silent"),
        ((BLEEDING,), "warning"),
        ((OBSTRUCTION, BLEEDING), "critical"),
        ((), "cannot tell"),
        ((lab("urine-rbc", 25, 90, upper=3.0, result="positive"),), "warning"),
        ((lab("urine-rbc", 25, 91, upper=3.0, result="positive"),), "cannot tell"),
        ((lab("urine-rbc", 25, 10),), "cannot tell"),  # no reference range
        ((lab("urine-rbc", None, 10, result="positive"),), "warning"),
        (
            (lab("urine-rbc", 25, 10, result="positive", doubt="another result of the same time differs"),),
            "cannot tell",
        ),
        ((changed(BLEEDING, when=CLEAR.when), lab("urine-rbc", 1, 3, upper=3.0, result="negative")), "silent"),
    ],
)
def test_obstruction_infection_and_bleeding(facts: tuple[Any, ...], expected: str) -> None:
    assert level(CYC, *facts) == expected


def test_blood_on_a_test_strip_alone_is_no_haematuria() -> None:
    assert level(CYC, STRIP) == "cannot tell"
    assert "may show myoglobin" in judged(RULE, assessed(CYC, STRIP)).because
    assert level(CYC, STRIP, CLEAR) == "silent"
    assert "may show myoglobin" not in judged(RULE, assessed(CYC)).because


def test_a_test_strip_beside_another_finding_is_explained() -> None:
    assert "often myoglobin" in texts(card(RULE, assessed(CYC, STRIP, CLEAR, INFECTION)))
    assert "often myoglobin" not in texts(card(RULE, assessed(CYC, STRIP, BLEEDING)))


@pytest.mark.parametrize(
    ("drugs", "expected"),
    [
        ((changed(CYC, status="draft"),), "warning"),
        ((changed(CYC, status="planned"),), "warning"),
        ((changed(CYC, status="stopped"),), "silent"),
        ((changed(CYC, status="unknown"),), "cannot tell"),
        ((), "silent"),
    ],
)
def test_only_with_cyclophosphamide(drugs: tuple[Any, ...], expected: str) -> None:
    assert level(*drugs, BLEEDING) == expected


def test_children_and_palliative_care_only_when_critical() -> None:
    assert level(CYC, OBSTRUCTION, age=12) == "critical"
    assert level(CYC, BLEEDING, age=12) == "silent"
    assert level(CYC, OBSTRUCTION, condition("palliative-care")) == "critical"
    assert level(CYC, BLEEDING, condition("palliative-care")) == "silent"


def test_the_card_names_all_findings() -> None:
    draft = card(RULE, assessed(CYC, OBSTRUCTION, INFECTION, BLEEDING))
    assert draft.summary == (
        "Do not give cyclophosphamide: urinary outflow obstruction, urinary tract infection, "
        "red cells in the urine by microscopy"
    )
    assert "Retention of urine" in texts(draft)
    assert "Urine red cells (microscopy) 25 /HPF 2026-11-12 upper limit 3" in texts(draft)


def test_microscopy_is_suggested_unless_it_was_normal() -> None:
    for facts, expected in (((BLEEDING,), 1), ((INFECTION,), 1), ((INFECTION, CLEAR), 0)):
        assert len(resources(card(RULE, assessed(CYC, *facts)), "ServiceRequest")) == expected


def test_mesna_is_local_policy_and_no_card_of_its_own() -> None:
    assert level(changed(CYC, status="draft"), CLEAR) == "silent"
    assert "follow local policy" in texts(card(RULE, assessed(CYC, INFECTION, CLEAR)))


def test_a_red_cell_count_flagged_without_a_range() -> None:
    draft = card(RULE, assessed(CYC, lab("urine-rbc", 25, 10, unit="/HPF", result="positive")))
    assert "Urine red cells (microscopy) 25 /HPF 2026-11-12 " in texts(draft)
