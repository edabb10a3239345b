"""Glucocorticoid exposure: equivalents, days, tapers, gaps, and what is not known (A4, A5, B9 "gcd")."""

from datetime import date
from time import perf_counter

import pytest

from hooks.assessment.glucocorticoids import Glucocorticoids, assess_glucocorticoids
from hooks.assessment.pulses import methylprednisolone_pulse
from hooks.chart.facts import Dosing, DrugCourse
from hooks.reasoning import Truth
from tests.hooks.builders import TODAY, chart, course, daily, knowledge, lab, when

T = knowledge().thresholds
BRIDGE = 3


def exposure(*facts: object) -> Glucocorticoids:
    return assess_glucocorticoids(chart(*facts), T, TODAY)


def gc(*steps: Dosing, start: object = 99, end: object = None, **more: object) -> DrugCourse:
    return course("glucocorticoid", start, end, steps=steps, **more)  # type: ignore[arg-type]


def days(mg: float, *facts: object) -> int:
    return exposure(*facts).days_at_least(mg, TODAY, BRIDGE)


@pytest.mark.parametrize(
    ("ingredient", "mg", "expected"),
    [
        ("prednisone", 20, 20),
        ("prednisolone", 20, 20),
        ("methylprednisolone", 16, 20),
        ("dexamethasone", 3, 20.01),
        ("betamethasone", 2.4, 19.992),
        ("hydrocortisone", 20, 5),
        ("cortisone", 25, 5),
        ("triamcinolone", 16, 20),
        ("deflazacort", 24, 19.92),
    ],
)
def test_prednisone_equivalents(ingredient: str, mg: float, expected: float) -> None:
    assert exposure(gc(daily(mg), ingredient=ingredient)).mg_per_day == pytest.approx(expected)


def test_an_ingredient_without_a_known_equivalent_is_an_unknown_dose() -> None:
    assert exposure(gc(daily(20), ingredient="paramethasone")).mg_per_day is None


def test_different_glucocorticoids_are_summed() -> None:
    both = exposure(gc(daily(10)), gc(daily(8), ingredient="methylprednisolone", start=9))
    assert both.mg_per_day == pytest.approx(20)
    assert both.days_at_least(20, TODAY, BRIDGE) == 10
    assert both.days_at_least(10, TODAY, BRIDGE) == 100


def test_two_courses_of_one_resource_type_are_summed() -> None:
    assert exposure(gc(daily(10)), gc(daily(5))).mg_per_day == 15


def test_two_resource_types_tell_of_one_intake() -> None:
    assert exposure(gc(daily(10)), gc(daily(20), kind="MedicationRequest")).mg_per_day == 20


def test_morning_and_evening_dose_are_summed() -> None:
    assert exposure(gc(daily(10), daily(5))).mg_per_day == 15


def test_an_order_with_a_dose_answers_for_a_statement_without() -> None:
    both = exposure(gc(), gc(daily(20), kind="MedicationRequest", start=49))
    assert both.mg_per_day == 20
    assert both.lasted(20, 50, TODAY, BRIDGE) is True
    assert both.lasted(20, 51, TODAY, BRIDGE) is None


def test_a_range_counts_with_its_upper_end() -> None:
    assert exposure(gc(Dosing(low=15, high=20, per_day=1))).mg_per_day == 20


def test_every_other_day_is_half_a_day() -> None:
    assert exposure(gc(Dosing(low=40, high=40, per_day=0.5))).mg_per_day == 20


@pytest.mark.parametrize(
    ("basis", "amount", "body", "expected"),
    [
        ("mg/kg", 1, (lab("body-weight", 70, 10),), 70),
        ("mg/kg", 1, (), None),
        ("mg/m2", 30, (lab("body-weight", 80, 10), lab("body-height", 180, 10)), 60),
        ("mg/m2", 30, (lab("body-weight", 80, 10),), None),
    ],
)
def test_a_dose_per_size(basis: str, amount: float, body: tuple[object, ...], expected: float | None) -> None:
    step = Dosing(low=amount, high=amount, per_day=1, basis=basis)  # type: ignore[arg-type]
    assert exposure(gc(step, start=20), *body).mg_per_day == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    "step",
    [
        Dosing(low=20, high=20, per_day=1, as_needed=True),
        Dosing(low=20, high=20, count=1),
        Dosing(low=20, high=20, dates=(when(3),)),  # type: ignore[arg-type]
        Dosing(low=3000, high=3000, total=True),
    ],
    ids=["as needed", "one dose", "dated doses", "total"],
)
def test_this_is_not_a_regular_dose(step: Dosing) -> None:
    found = exposure(gc(step))
    assert (found.active, found.regular, found.mg_per_day) == (True, False, 0)


@pytest.mark.parametrize(
    "one",
    [
        gc(),
        gc(daily(None)),
        gc(Dosing(low=20, high=20)),
        gc(daily(20, 99, 50)),
        gc(daily(20, -5)),
    ],
    ids=["no dosage", "no dose", "no frequency", "regimen is over", "regimen is yet to begin"],
)
def test_the_dose_today_is_unknown(one: DrugCourse) -> None:
    found = exposure(one)
    assert (found.active, found.regular, found.mg_per_day) == (True, True, None)
    assert found.at_least(15) is None


def test_a_known_part_may_be_enough() -> None:
    found = exposure(gc(daily(20)), gc())
    assert found.at_least(20) is True
    assert found.at_least(21) is None
    assert found.known_mg == 20


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (gc(daily(20), status="planned"), 0),
        (gc(daily(20), status="draft"), 0),
        (gc(daily(20), status="on-hold"), 0),
        (gc(daily(20), status="completed", end=0), 0),
        (gc(daily(20), end=1), 0),
        (gc(daily(20), start=-1), 0),
        (gc(daily(20), end=0), 20),
        (course("methotrexate", steps=(daily(20),)), 0),
    ],
)
def test_only_what_is_active_counts_today(one: DrugCourse, expected: float) -> None:
    assert exposure(one).mg_per_day == expected


def test_days_so_far_include_today() -> None:
    assert days(20, gc(daily(20), start=27)) == 28
    assert days(20, gc(daily(20), start=0)) == 1


def test_a_stated_end_in_the_future_counts() -> None:
    assert days(20, gc(daily(20), start=9, end=-18)) == 28


def test_a_course_that_has_ended_leaves_no_days() -> None:
    assert days(20, gc(daily(20), start=50, end=1, status="stopped")) == 0


@pytest.mark.parametrize(("ended", "expected"), [(10, 40), (13, 40), (14, 10)])
def test_gaps_of_three_days_between_courses_are_bridged(ended: int, expected: int) -> None:
    earlier = gc(daily(20), start=39, end=ended, status="completed")
    assert days(20, earlier, gc(daily(20), start=9)) == expected


def test_a_gap_in_the_future_is_bridged_too() -> None:
    assert days(20, gc(daily(20, 9, -2), daily(20, -6, -10))) == 20
    assert days(20, gc(daily(20, 9, -2), daily(20, -7, -10))) == 12


def test_a_taper_counts_while_it_stays_above_the_threshold() -> None:
    taper = gc(daily(60, 29, 20), daily(40, 19, 10), daily(20, 9, -4), daily(10, -5, -30))
    assert days(20, taper) == 34
    assert days(40, taper) == 0
    assert exposure(taper).mg_per_day == 20
    assert days(10, taper) == 60


def test_a_dip_longer_than_the_bridge_starts_anew() -> None:
    taper = gc(daily(20, 99, 30), daily(10, 29, 20), daily(20, 19))
    assert days(20, taper) == 20


def test_a_stated_number_of_doses_gives_the_end() -> None:
    assert days(20, gc(Dosing(low=20, high=20, per_day=1, count=28), start=9)) == 28
    assert days(20, gc(Dosing(low=10, high=10, per_day=2, count=56), start=9)) == 28


def test_an_unknown_start_leaves_the_days_open() -> None:
    found = exposure(gc(daily(20), start=None))
    assert found.lasted(20, 28, TODAY, BRIDGE) is None
    assert found.lasted(21, 28, TODAY, BRIDGE) is False
    assert found.days_at_least(20, TODAY, BRIDGE) == 1
    assert len(found.undated) == 1


@pytest.mark.parametrize(("asserted", "expected"), [(27, True), (26, None), (-5, None)])
def test_what_is_known_by_a_day_was_taken_by_then(asserted: int, expected: Truth) -> None:
    found = exposure(gc(daily(20), start=None, known_by=when(asserted)))
    assert found.lasted(20, 28, TODAY, BRIDGE) is expected


@pytest.mark.parametrize(
    ("start", "expected"), [("2026-09", True), ("2026-10", None), ("2026-11", False), ("2026", None)]
)
def test_a_vague_start_is_open_only_where_it_matters(start: str, expected: Truth) -> None:
    assert exposure(gc(daily(20), start=start)).lasted(20, 28, TODAY, BRIDGE) is expected
    assert exposure(gc(daily(20), start=start)).mg_per_day == 20


def test_a_vague_step_of_a_taper_is_not_taken_for_begun() -> None:
    found = exposure(gc(daily(20, 99), daily(10, "2026-11")))
    assert found.known_mg == 20
    assert found.mg_per_day is None


def test_a_vague_end_leaves_today_open() -> None:
    assert exposure(gc(daily(20), end="2026-11")).at_least(20) is None
    assert exposure(gc(daily(20), end="2026-12")).at_least(20) is True


def test_an_earlier_course_without_an_end_may_reach_up_to_the_present_one() -> None:
    earlier = gc(daily(20), start=60, status="stopped")
    found = exposure(earlier, gc(daily(20), start=9))
    assert found.lasted(20, 28, TODAY, BRIDGE) is None
    old = gc(daily(20), start=400, status="stopped")
    assert exposure(old, gc(daily(20), start=9)).lasted(20, 28, TODAY, BRIDGE) is False


def test_an_earlier_course_without_any_date_says_nothing() -> None:
    undated = gc(daily(20), start=None, status="completed")
    assert exposure(undated, gc(daily(20), start=9)).lasted(20, 28, TODAY, BRIDGE) is False


def test_a_start_after_the_end_is_no_exposure() -> None:
    assert exposure(gc(daily(20), start=5, end=20, status="completed")).spans == ()


def test_spans_are_whole_and_in_order() -> None:
    spans = exposure(gc(daily(20, "2026-01-01", "2026-03-31"), daily(20, "2026-04-01", "2026-04-30"))).spans
    assert spans == ((date(2026, 1, 1), date(2026, 4, 30), 20.0),)


def methylprednisolone(*steps: Dosing, start: object = 30, end: object = None, **more: object) -> DrugCourse:
    more.setdefault("status", "completed")
    return gc(*steps, start=start, end=end, ingredient="methylprednisolone", **more)


ONE = Dosing(low=500, high=500, count=1)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (methylprednisolone(ONE, start=60), True),
        (methylprednisolone(ONE, start=61), False),
        (methylprednisolone(ONE, start=None), None),
        (methylprednisolone(ONE, start=-1), False),
        (methylprednisolone(ONE, start="2026-09"), None),
        (methylprednisolone(Dosing(low=250, high=250, count=1)), True),
        (methylprednisolone(Dosing(low=249, high=249, count=1)), False),
        (methylprednisolone(Dosing(low=62.5, high=62.5, per_day=4), end=28), True),
        (methylprednisolone(daily(1000), start=70, end=61), False),
        (methylprednisolone(daily(1000), start=70, end=60), True),
        (methylprednisolone(daily(1000), start=2, end=-1, status="active"), True),
        (methylprednisolone(daily(500), start=None, status="active"), True),
        (methylprednisolone(daily(500), start=30), True),
        (methylprednisolone(daily(500), start=90), None),
        (methylprednisolone(Dosing(low=500, high=500, dates=(when(90), when(59)))), True),  # type: ignore[arg-type]
        (methylprednisolone(Dosing(low=500, high=500, dates=(when(90),))), False),  # type: ignore[arg-type]
        (methylprednisolone(Dosing(low=3000, high=3000, total=True), start=30, end=28), True),
        (methylprednisolone(Dosing(low=600, high=600, total=True), start=30, end=28), False),
        (methylprednisolone(Dosing(low=600, high=600, over_days=3, count=1)), False),
        (methylprednisolone(Dosing(low=10, high=10, basis="mg/kg", count=1)), None),
        (methylprednisolone(), None),
        (methylprednisolone(daily(None), end=90, start=95), False),
        (methylprednisolone(ONE, status="planned"), False),
        (gc(ONE, start=30, status="completed", ingredient="dexamethasone"), False),
        (course("methotrexate", 30, steps=(ONE,)), False),
    ],
)
def test_a_pulse_of_methylprednisolone(one: DrugCourse, expected: Truth) -> None:
    assert methylprednisolone_pulse(chart(one), T, TODAY) is expected


def test_a_pulse_per_kg() -> None:
    per_kg = methylprednisolone(Dosing(low=10, high=10, basis="mg/kg", count=1))
    assert methylprednisolone_pulse(chart(per_kg, lab("body-weight", 70, 30)), T, TODAY) is True


def test_many_courses_are_summed_quickly_and_exactly() -> None:
    many = [gc(daily(0.1), start=n, end=n - 10_000) for n in range(1, 3001)]
    begun = perf_counter()
    found = exposure(*many, gc(daily(20)))
    assert perf_counter() - begun < 2
    assert found.mg_per_day == pytest.approx(320)
    assert exposure(*many[:3]).spans[-1][2] == 0.1


def test_a_step_counted_beyond_the_calendar_has_no_end() -> None:
    far = exposure(gc(Dosing(low=20, high=20, per_day=1e-7, count=10_000)))
    assert far.spans[-1][1] == TODAY
