"""Infusions that are being ordered: on the days that the order states, and on no other."""

from typing import Any

import pytest

from hooks.assessment.ordered_infusions import ordered_infusions
from hooks.chart.facts import Dosing
from tests.hooks.builders import chart, course, when


def ordered(*steps: Dosing, start: Any = "2026-11-22", end: Any = None, **more: Any) -> list[tuple[str, int]]:
    order = course("ivig", start, end, status="draft", steps=steps, **more)
    found = ordered_infusions(chart(order, course("ivig", 30), course("rituximab", status="draft")), "ivig")
    assert all((i.source, i.status, i.drug) == (order.source, "draft", "ivig") for i in found)
    return [(str(i.when or ""), i.days) for i in found]


def step(start: Any = "2026-11-23", end: Any = None, **more: Any) -> Dosing:
    return Dosing(start=when(start), end=when(end), **more)


def days(*dates: str) -> tuple[Any, ...]:
    return tuple(when(date) for date in dates)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), [("", 1)]),
        ((step(None),), [("", 1)]),
        ((step(None, over_days=5),), [("", 5)]),
        ((step(None, per_day=1 / 28, count=2),), [("", 1)]),
        ((step(None, dates=days("2026-11-24", "2026-12-08")),), [("2026-11-24", 1), ("2026-12-08", 1)]),
        ((step(),), [("2026-11-23", 1)]),
        ((step(over_days=4),), [("2026-11-23", 4)]),
        ((step("2026-11"),), [("2026-11", 1)]),
        # for a few days: one block
        ((step(end="2026-11-26"),), [("2026-11-23", 4)]),
        ((step(end="2026-11-26", per_day=1.0),), [("2026-11-23", 4)]),
        ((step(per_day=1.0, count=5),), [("2026-11-23", 5)]),
        ((step(per_day=1.0, count=500),), [("2026-11-23", 10)]),
        # for longer, or vaguely: on which days is not said
        ((step(end="2027-05-01"),), [("2026-11-23", 1)]),
        ((step(end="2026-11"),), [("2026-11-23", 1)]),
        ((step("2026-11", end="2026-11-30"),), [("2026-11", 1)]),
        ((step(end="2026-11-01"),), [("2026-11-23", 1)]),
        # at intervals: each for itself
        ((step(end="2026-12-31", per_day=1 / 28),), [("2026-11-23", 1), ("2026-12-21", 1)]),
        ((step(per_day=1 / 14, count=2, over_days=2),), [("2026-11-23", 2), ("2026-12-07", 2)]),
        ((step("2026-11", per_day=1 / 14),), [("2026-11", 1)]),
        ((step(end="2026-11-01", per_day=1 / 14),), [("2026-11-23", 1)]),
    ],
)
def test_the_days_are_those_that_the_order_states(steps: tuple[Dosing, ...], expected: list[tuple[str, int]]) -> None:
    assert ordered(*steps) == expected


def test_an_order_without_end_goes_on_but_not_for_ever() -> None:
    assert len(ordered(step(per_day=1 / 28))) == 60


@pytest.mark.parametrize("start", ["9999-12-31", "9999-12-01", "0001-01-01", "9999", "0001"])
def test_the_end_of_the_calendar_is_no_failure(start: str) -> None:
    assert ordered(step(start, per_day=1 / 28))[0] == (str(when(start)), 1)
    assert ordered(step(start, end="9999-12-31", per_day=1.0, count=5)) == [(str(when(start)), 5)]


def test_a_procedure_states_its_own_day() -> None:
    assert ordered(start="2026-11-24", kind="Procedure") == [("2026-11-24", 1)]
    assert ordered(start=None, kind="Procedure") == [("", 1)]
