"""R3-COMBO (B1, B7): rituximab again beside cyclophosphamide that is under way."""

from datetime import date
from typing import Any

import pytest

from cds_service.fhir.dates import FhirDate
from hooks.rules.rituximab_with_cyclophosphamide import RULE
from tests.hooks.builders import allergy, assessed, base, condition, course, infusion, mmt
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
