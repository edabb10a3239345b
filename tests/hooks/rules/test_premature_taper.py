"""R8-TAPER (B1, B9)."""

from typing import Any

import pytest

from hooks.rules.premature_taper import RULE
from tests.hooks.builders import (
    allergy,
    assessed,
    changed,
    ck,
    condition,
    course,
    daily,
    infusion,
    mmt,
    weekly,
)
from tests.hooks.rules.asking import card, judged, outcome, texts

ACTIVE = (ck(8000, 120), mmt(100, 120), ck(6500, 12), mmt(104, 12))


def prednisone(first: float, then: float, day: int) -> Any:
    """One dose until `day` days ago, then another."""
    return course("glucocorticoid", 110, steps=(daily(first, 110, day + 1), daily(then, day)))


@pytest.mark.parametrize(
    ("first", "then", "day", "expected"),
    [
        (40, 32, 33, "fires"),  # 20 %
        (40, 32.5, 33, "silent"),
        (40, 20, 90, "fires"),
        (40, 20, 91, "silent"),
        (40, 20, 0, "fires"),
        (20, 40, 33, "silent"),
    ],
)
def test_a_cut_of_a_fifth_in_90_days(first: float, then: float, day: int, expected: str) -> None:
    assert outcome(RULE, assessed(*ACTIVE, prednisone(first, then, day))) == expected


def test_several_small_cuts_add_up() -> None:
    steps = (daily(20, 110, 81), daily(17.5, 80, 51), daily(15, 50, 21), daily(12.5, 20))
    draft = card(RULE, assessed(*ACTIVE, course("glucocorticoid", 110, steps=steps)))
    assert "glucocorticoid from 20 to 12.5 mg/day" in texts(draft)
    assert "2026-11-02" in texts(draft)


def test_two_orders_make_one_taper() -> None:
    """As in the record of a patient whose orders follow each other, here with a day in both."""
    orders = (
        course("glucocorticoid", 110, 33, status="completed", steps=(daily(40),)),
        course("glucocorticoid", 33, steps=(daily(20),)),
    )
    assert outcome(RULE, assessed(*ACTIVE, *orders)) == "fires"


@pytest.mark.parametrize(
    "courses",
    [
        # renewed on the day it ended: the sum of that day is no dose to fall from
        (
            course("glucocorticoid", 110, 33, status="completed", steps=(daily(20),)),
            course("glucocorticoid", 33, steps=(daily(20),)),
        ),
        # up again: nothing is cut now
        (course("glucocorticoid", 110, steps=(daily(40, 110, 61), daily(20, 60, 31), daily(40, 30))),),
        # a gap of three days is bridged
        (
            course("glucocorticoid", 110, 34, status="completed", steps=(daily(20),)),
            course("glucocorticoid", 30, steps=(daily(20),)),
        ),
        # ended three days ago: may be renewed
        (course("glucocorticoid", 110, 3, status="completed", steps=(daily(20),)),),
        # the end of an infusion course
        (
            course("glucocorticoid", 60, 58, status="completed", ingredient="methylprednisolone", route="intravenous",
                   steps=(daily(1000),)),
            course("glucocorticoid", 57, steps=(daily(60),)),
        ),
        # a pulse without a route
        (
            course("glucocorticoid", 60, 58, status="completed", ingredient="methylprednisolone", steps=(daily(250),)),
            course("glucocorticoid", 57, steps=(daily(60),)),
        ),
        (course("glucocorticoid", 30, 28, status="completed", kind="MedicationAdministration", steps=(daily(60),)),),
        # forced by a side effect, or without effect
        (course("glucocorticoid", 110, 20, status="stopped", intolerance="psychosis", steps=(daily(20),)),),
        (course("glucocorticoid", 110, 20, status="stopped", failure="no response", steps=(daily(20),)),),
    ],
)  # fmt: skip
def test_no_taper(courses: tuple[Any, ...]) -> None:
    assert outcome(RULE, assessed(*ACTIVE, *courses)) == "silent"


def test_a_gap_of_four_days_is_a_stop_unless_the_dose_came_back() -> None:
    before = course("glucocorticoid", 110, 35, status="completed", steps=(daily(20),))
    assert outcome(RULE, assessed(*ACTIVE, before, course("glucocorticoid", 30, steps=(daily(20),)))) == "silent"
    assert outcome(RULE, assessed(*ACTIVE, before, course("glucocorticoid", 30, steps=(daily(16),)))) == "fires"


def test_stopped_altogether() -> None:
    ended = course("glucocorticoid", 110, 4, status="completed", steps=(daily(20),))
    assert "glucocorticoid from 20 to 0 mg/day" in texts(card(RULE, assessed(*ACTIVE, ended)))


def test_a_peak_of_four_days_is_a_dose() -> None:
    steps = (daily(20, 110, 41), daily(40, 40, 37), daily(20, 36))
    assert outcome(RULE, assessed(*ACTIVE, course("glucocorticoid", 110, steps=steps))) == "fires"
    steps = (daily(20, 110, 41), daily(40, 40, 38), daily(20, 37))
    assert outcome(RULE, assessed(*ACTIVE, course("glucocorticoid", 110, steps=steps))) == "silent"


def test_a_short_course_on_its_own_is_no_overlap() -> None:
    alone = course("glucocorticoid", 40, 39, status="completed", steps=(daily(30),))
    assert outcome(RULE, assessed(*ACTIVE, alone, course("glucocorticoid", 20, steps=(daily(10),)))) == "fires"
    after_gap = course("glucocorticoid", 110, 60, status="completed", steps=(daily(10),))
    steady = course("glucocorticoid", 38, steps=(daily(10),))
    assert outcome(RULE, assessed(*ACTIVE, after_gap, alone, steady)) == "fires"


@pytest.mark.parametrize(
    "courses",
    [
        # only the month of the change is known
        (course("glucocorticoid", 110, steps=(daily(40, 110, "2026-10"), daily(20, "2026-10"))),),
        # an order of unknown dose runs now
        (
            course("glucocorticoid", 110, 34, status="completed", steps=(daily(40),)),
            course("glucocorticoid", 33, steps=(daily(None),)),
        ),
    ],
)
def test_a_day_or_a_dose_that_is_not_known_leaves_it_open(courses: tuple[Any, ...]) -> None:
    found = judged(RULE, assessed(*ACTIVE, *courses))
    assert found.outcome == "cannot tell"
    assert "glucocorticoid" in found.because


def stopped(drug: str, end: Any, **more: Any) -> Any:
    more.setdefault("status", "stopped")
    return course(drug, 400, end, **more)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((stopped("methotrexate", 90, steps=(weekly(20),)),), "fires"),
        ((stopped("methotrexate", 91),), "silent"),
        ((stopped("methotrexate", 30, status="completed"),), "fires"),
        ((stopped("azathioprine", 30, status="active"),), "fires"),  # active on paper, but over
        ((stopped("methotrexate", None),), "silent"),
        ((stopped("methotrexate", "2026"),), "silent"),
        ((stopped("methotrexate", 30), course("methotrexate", 29)), "silent"),
        ((stopped("methotrexate", 30, intolerance="hepatotoxicity"),), "silent"),
        ((stopped("methotrexate", 30, failure="ineffective"),), "silent"),
        ((stopped("methotrexate", 30), allergy("methotrexate")), "silent"),
        ((stopped("methotrexate", 30, other_indication="ectopic pregnancy"),), "silent"),
        ((stopped("tocilizumab", 30, route="intravenous"),), "silent"),
        ((stopped("tocilizumab", 30, route="subcutaneous"),), "fires"),
        ((stopped("methotrexate", 30, kind="MedicationAdministration"),), "silent"),
        ((stopped("cyclophosphamide", 30, steps=(daily(100),)),), "fires"),
        ((stopped("cyclophosphamide", 30, route="intravenous"), infusion("cyclophosphamide", 1000, 30)), "silent"),
        ((stopped("ivig", 30), infusion("ivig", 140_000, 30)), "silent"),
        ((stopped("rituximab", 30),), "silent"),
        ((stopped("statin", 30),), "silent"),
        ((course("methotrexate", -3, status="planned"),), "silent"),
    ],
)
def test_an_immunosuppressant_was_stopped(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*ACTIVE, *facts)) == expected


CUT = prednisone(40, 20, 33)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # gained 10 % of the scale and 7.5 points of CK: 17.5
        ((ck(8000, 115), mmt(110, 115), ck(300, 12), mmt(125, 12)), "fires"),
        # gained a little more: 27.5
        ((ck(8000, 115), mmt(110, 115), ck(300, 12), mmt(126, 12)), "silent"),
        # gained much, and still weak with CK raised
        ((ck(8000, 115), mmt(80, 115), ck(400, 12), mmt(125, 12)), "fires"),
        ((ck(8000, 115), mmt(80, 115), ck(399, 12), mmt(125, 12)), "silent"),
        # at full strength with a quiet CK no more can be gained
        ((ck(8000, 115), mmt(140, 115), ck(150, 12), mmt(150, 12)), "silent"),
        ((ck(8000, 115), mmt(140, 115), ck(150, 12), mmt(142, 12)), "fires"),
        # active disease decides without a baseline
        ((ck(6500, 12), mmt(104, 12)), "fires"),
        ((ck(300, 12), mmt(130, 12)), "cannot tell"),
        ((ck(300, 12),), "cannot tell"),
        ((mmt(104, 12),), "cannot tell"),
        # too old to judge
        ((ck(8000, 115), mmt(110, 200), ck(300, 12), mmt(112, 181)), "cannot tell"),
    ],
)
def test_whether_the_response_is_sustained(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(CUT, *facts)) == expected


def test_the_score_runs_from_the_earliest_drug_with_a_baseline() -> None:
    """Rituximab came in between, at a time when half of the strength had been gained already."""
    strength = (mmt(100, 300), mmt(118, 150), mmt(130, 12), ck(300, 12))
    courses = (course("methotrexate", 900, steps=(weekly(20),)), course("azathioprine", 295), CUT)
    between = course("rituximab", 148, 148, status="completed")
    assert outcome(RULE, assessed(*strength, *courses, between)) == "silent"
    draft = card(RULE, assessed(*strength, between, CUT))
    assert "MMT-8 118/150 (2026-06-25) → 130/150 (2026-11-10), partial TIS 10" in texts(draft)


@pytest.mark.parametrize("who", ["polymyositis", "palliative-care"])
def test_whom_it_is_not_for(who: str) -> None:
    assert outcome(RULE, assessed(*ACTIVE, CUT, condition(who))) == "silent"


def test_adults_with_current_disease_only() -> None:
    assert outcome(RULE, assessed(*ACTIVE, CUT, age=17)) == "silent"
    assert outcome(RULE, assessed(*ACTIVE, CUT, condition("imnm", current=False))) == "silent"


def test_says_what_was_cut_and_why_it_is_early() -> None:
    mtx = stopped("methotrexate", 12, ingredient="methotrexate <x>")
    draft = card(RULE, assessed(*ACTIVE, CUT, mtx))
    assert draft.indicator == "warning"
    assert draft.summary.startswith("Pause the taper")
    said = texts(draft)
    assert "Reduced glucocorticoid from 40 to 20 mg/day \\(prednisone equivalent\\) 2026-10-20" in said
    assert "Reduced methotrexate \\<x\\> stopped 2026-11-10" in said
    assert "partial TIS 17.5" in said
    assert "Change since" not in texts(card(RULE, assessed(ck(6500, 12), mmt(104, 12), changed(CUT, start=None))))
