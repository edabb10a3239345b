"""How doses read, on pages and in the terminal."""

from typing import Any

import pytest

from hooks.chart.facts import Dosing
from tests.hooks.builders import infusion


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Dosing(problem="dose in vials"), "dose in vials"),
        (Dosing(low=5, high=10, per_day=1), "5 to 10 mg, 1 × a day"),
        (Dosing(high=10, per_day=2), "10 mg, 2 × a day"),
        (Dosing(low=15, high=15, per_day=1 / 7), "15 mg every 7 days"),
        (Dosing(low=375, high=375, basis="mg/m2"), "375 mg/m²"),
        (Dosing(low=2000, high=2000, basis="mg/kg", total=True), "2000 mg/kg in total"),
        (Dosing(low=5, high=5, per_day=1, as_needed=True), "5 mg, 1 × a day as needed"),
        (Dosing(low=5, high=5, per_day=0, problem="how often?"), "5 mg, 0 × a day (how often?)"),
    ],
)
def test_a_step_is_said_as_it_was_understood(step: Dosing, said: str) -> None:
    assert str(step) == said


@pytest.mark.parametrize(
    ("amount", "more", "said"),
    [(None, {}, ""), (999, {}, "999 mg"), (1000, {}, "1 g"), (1500, {"basis": "mg/m2"}, "1500 mg/m²")],
)
def test_the_amount_of_an_infusion(amount: float | None, more: dict[str, Any], said: str) -> None:
    assert str(infusion("ivig", amount, 3, **more)) == said
