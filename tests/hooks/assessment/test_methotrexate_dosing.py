"""How often and how much methotrexate is taken in a week (S9-MTX-DAILY, A5)."""

from typing import Any

import pytest

from cds_service.fhir.dates import parse
from hooks.assessment.methotrexate_dosing import Weekly, weeks
from hooks.chart.facts import Dosing
from tests.hooks.builders import TODAY, chart, course, daily, knowledge, lab, weekly, when

T = knowledge().thresholds


def week(*steps: Dosing, **more: Any) -> tuple[Weekly, ...]:
    body = (lab("body-weight", 70, 5, unit="kg"), lab("body-height", 165, 5, unit="cm"))
    return weeks(chart(*body), course("methotrexate", steps=steps, **more), T, TODAY)


def dosing(mg: float | None = 7.5, **more: Any) -> Dosing:
    return Dosing(low=mg, high=mg, **more)


def days(*on: str) -> tuple[Any, ...]:
    return tuple(parse(one) for one in on)


@pytest.mark.parametrize(
    ("step", "doses", "mg", "too_often", "too_much"),
    [
        (weekly(20), 1, 20, False, False),
        (weekly(30), 1, 30, False, False),
        (weekly(30.5), 1, 30.5, False, True),
        (daily(2.5), 7, 17.5, True, False),
        (daily(None), 7, None, True, None),
        (dosing(5, per_day=5 / 7), 5, 25, True, False),  # Monday to Friday
        (dosing(7.5, per_day=3 / 7), 3, 22.5, False, False),  # one weekly dose in three parts
        (dosing(7.5, per_day=2.0, count=3), 3, 22.5, False, False),
        (dosing(7.5, per_day=2.0, count=4), 4, 30, True, False),
        (dosing(7.5, per_day=2.0, start=when(0), end=when(0)), 2, 15, False, False),
        (dosing(7.5, per_day=2.0, start=when(0), end=when(-1)), 14, 105, True, True),
        (dosing(15, per_day=1.0, count=2), 2, 30, False, False),
        (dosing(40, per_day=1 / 14), 1, 40, False, True),  # a week in which it is taken
        (dosing(20, dates=days("2026-11-01", "2026-11-08", "2026-11-15")), 1, 20, False, False),
        (dosing(7.5, dates=days("2026-11-01", "2026-11-01", "2026-11-02", "2026-11-02")), 4, 30, False, False),
        (dosing(5, dates=days("2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04")), 4, 20, True, False),
        (dosing(20, dates=days("9999-12-31")), 1, 20, False, False),
        (dosing(50, count=1), 1, 50, False, True),
        (dosing(20, count=4), None, None, None, None),
        (dosing(20), None, None, None, None),
        (dosing(None), None, None, None, None),
        (daily(15, as_needed=True), None, None, None, None),
        (dosing(20, total=True, per_day=1.0), None, None, None, None),
        (Dosing(low=10, high=40, per_day=1 / 7), 1, 40, False, True),  # the upper end, for safety
        (dosing(15, basis="mg/m2", per_day=1 / 7), 1, 26.9, False, False),
        (dosing(20, basis="mg/m2", per_day=1 / 7), 1, 35.8, False, True),
    ],
)
def test_one_step(step: Dosing, doses: Any, mg: Any, too_often: Any, too_much: Any) -> None:
    (found,) = week(step)
    assert found.doses == pytest.approx(doses)
    assert found.mg == pytest.approx(mg, abs=0.05)
    assert found.too_often(T) is too_often
    assert found.too_much(T) is too_much
    assert bool(found.problem) is (found.doses is None or found.mg is None)


def test_what_is_taken_at_the_same_time_is_added() -> None:
    assert [w.mg for w in week(weekly(20), weekly(12.5))] == [32.5, 32.5]
    morning_and_evening = dosing(2.5, per_day=1 / 7)
    assert all(w.too_often(T) for w in week(*[morning_and_evening] * 7))


def test_what_follows_is_not_added() -> None:
    steps = weekly(15, 100, 10), weekly(20, 9, -20), weekly(25, -21)
    assert [w.mg for w in week(*steps)] == [20, 25]  # the first is over


def test_steps_that_may_begin_later_do_not_make_it_too_often() -> None:
    later = Dosing(per_day=1 / 7, problem="it is not said when this step of the regimen begins")
    found = week(weekly(10), later, later, later)
    assert not any(w.too_often(T) for w in found)
    assert all(w.too_much(T) is None for w in found)
    assert all(w.too_much(T) is True for w in week(weekly(150), later))


def test_no_dose_at_all() -> None:
    (found,) = week()
    assert (found.too_often(T), found.too_much(T)) == (None, None)
    assert found.problem == "no dose is recorded"


def test_the_problem_of_the_reading_is_kept() -> None:
    (found,) = week(Dosing(per_day=1 / 7, problem="the dose has no unit"))
    assert found.problem == "the dose has no unit"
