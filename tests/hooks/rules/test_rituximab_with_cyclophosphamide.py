"""R3-COMBO (B1, B7): rituximab again beside cyclophosphamide that is under way."""

from datetime import date
from typing import Any

import pytest

from cds_service.fhir.dates import FhirDate
from hooks.rules.rituximab_with_cyclophosphamide import RULE
from tests.hooks.builders import allergy, assessed, base, condition, course, infusion, lab, mmt, verdict
from tests.hooks.rules.asking import card, outcome, texts


def pulses(first: int, last: int = 10) -> tuple[Any, ...]:
    return infusion("cyclophosphamide", 1000, first), infusion("cyclophosphamide", 1000, last)


PULSES = pulses(60)


def rituximab(days: int) -> tuple[Any, ...]:
    return infusion("rituximab", 1000, days + 14), infusion("rituximab", 1000, days)


@pytest.mark.parametrize(
    ("without", "facts", "expected"),
    [
        ((), PULSES, "fires"),
        ((), pulses(42), "fires"),
        ((), pulses(41), "silent"),
        ((), pulses(84), "fires"),
        ((), pulses(85), "silent"),
        ((), (), "silent"),
        ((), pulses(70, 36), "silent"),  # no longer active
        ((), pulses(70, 35), "fires"),
        (("rituximab",), PULSES, "silent"),  # never given: not a matter of giving it again
        (("rituximab",), (*PULSES, *rituximab(183)), "silent"),
        (("rituximab",), (*PULSES, *rituximab(184)), "fires"),
        (("rituximab",), (*PULSES, course("rituximab", None, status="completed")), "cannot tell"),
        (("mmt",), (*PULSES, mmt(140)), "silent"),
        (("ck",), PULSES, "cannot tell"),
        ((), (*PULSES, allergy("rituximab")), "silent"),
        ((), (*PULSES, course("rituximab", -3, status="planned")), "silent"),
        ((), (*PULSES, condition("pregnancy", 60)), "silent"),
        ((), (*PULSES, course("cyclophosphamide", 60, status="active", intolerance="cystitis")), "silent"),
        ((), (course("cyclophosphamide", None, status="active"),), "cannot tell"),
    ],
)
def test_under_way_for_six_to_twelve_weeks(without: tuple[str, ...], facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(base(*facts, without=without))) == expected


def test_an_earlier_series_does_not_count_as_under_way() -> None:
    earlier = tuple(infusion("cyclophosphamide", 1000, days) for days in (1000, 979))
    assert outcome(RULE, assessed(base(*earlier, *PULSES))) == "fires"
    assert outcome(RULE, assessed(base(*earlier, *pulses(30)))) == "silent"


def test_says_what_is_known_and_what_must_come_before() -> None:
    draft = card(RULE, assessed(base(*PULSES)))
    assert draft.indicator == "info"
    assert "consider giving rituximab again" in draft.summary
    assert "case-level evidence" in draft.summary
    said = texts(draft)
    assert "the last rituximab was on 2026-05-04" in said
    assert "hepatitis B serology and IgG" in said
    assert [row.what for row in draft.facts] == ["CK", "MMT-8", "Rituximab", "Cyclophosphamide"]
    assert draft.suggestions == ()


def test_a_vague_date_of_the_last_rituximab_is_no_answer() -> None:
    month = FhirDate(date(2026, 5, 1), date(2026, 5, 31))
    a = assessed(base(*PULSES, infusion("rituximab", 1000, month), without=("rituximab",)))
    assert outcome(RULE, a) == "cannot tell"


@pytest.mark.parametrize(
    ("facts", "summary", "quoted"),
    [
        ((verdict("hbsag", "positive", 800),), "not before hepatitis B is dealt with", "HBsAg positive (2024-09-13)"),
        (
            (verdict("anti-hbc", "positive", None),),
            "not before hepatitis B is dealt with",
            "anti-HBc positive (undated",
        ),
        ((lab("igg", 3.9, 90, unit="g/L"),), "not before low IgG is dealt with", "IgG 3.9 g/L (2026-08-24, < 4 g/L"),
        ((condition("serious-infection", 60, text="Sepsis"),), "not before infection is dealt with", "Sepsis (2026-"),
        ((condition("serious-infection", None),), "not before infection is dealt with", "(undated)"),
        (
            (verdict("hbsag", "positive"), verdict("anti-hbc", "positive"), lab("igg", 2, unit="g/L")),
            "not before hepatitis B and low IgG are dealt with",
            "HBsAg positive (2026-10-23); anti-HBc positive (2026-10-23); IgG 2 g/L",
        ),
    ],
)
def test_rituximab_waits_for_what_is_known(facts: tuple[Any, ...], summary: str, quoted: str) -> None:
    draft = card(RULE, assessed(base(*PULSES, *facts)))
    assert summary in draft.summary
    assert "consider giving" not in texts(draft)
    assert quoted in texts(draft)


@pytest.mark.parametrize(
    "fact",
    [
        verdict("hbsag", "negative"),
        lab("igg", 4, unit="g/L"),
        lab("igg", 3.9, 91, unit="g/L"),
        condition("serious-infection", 61),
        condition("serious-infection", 10, current=False),
    ],
)
def test_rituximab_does_not_wait_for_what_is_past_or_normal(fact: Any) -> None:
    assert "consider giving rituximab again" in card(RULE, assessed(base(*PULSES, fact))).summary
