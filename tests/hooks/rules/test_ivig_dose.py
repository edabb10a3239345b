"""S8-IVIG-DOSE (B4): more than 2.2 g/kg in 28 days."""

from typing import Any

import pytest

from hooks.chart.facts import Dosing
from hooks.rules.ivig_dose import RULE
from tests.hooks.builders import assessed, changed, chart, condition, course, infusion, lab, when
from tests.hooks.rules.asking import card, judged, outcome, texts

WEIGHT = lab("body-weight", 70, 20, unit="kg")
HEIGHT = lab("body-height", 165, 20, unit="cm")
G = 1000
ORDER = "MedicationRequest/order-1"


def given(grams: float | None, days: Any, **more: Any) -> Any:
    """A block of infusions that was given."""
    return infusion("ivig", None if grams is None else grams * G, days, **more)


def ordered(*steps: Dosing, start: Any = 0, **more: Any) -> Any:
    """An order that is being written; its steps begin when it does."""
    more = {"status": "draft", "kind": "MedicationRequest", "source": ORDER} | more
    return course("ivig", start, steps=steps, **more)


def dose(grams: float | None, **more: Any) -> Dosing:
    amount = None if grams is None else grams * G
    return Dosing(low=amount, high=amount, **more)


ONCE = dose(140, count=1)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # what was given
        ((given(140, 10),), "silent"),  # 2.0 g/kg
        ((given(154, 10),), "silent"),  # 2.2 g/kg
        ((given(155, 10),), "fires"),
        ((given(140, 28), given(140, 0)), "silent"),  # start to start, four weeks
        ((given(140, 27), given(140, 0)), "fires"),
        ((given(140, 38), given(140, 20)), "silent"),  # too close to each other, but no window with both reaches today
        ((given(140, 56), given(140, 38)), "silent"),  # over
        ((given(140, 55), given(140, 29), given(70, 10)), "silent"),
        ((given(2.3, 10, basis="mg/kg"),), "fires"),
        ((given(None, 10),), "cannot tell"),
        ((given(None, 30),), "silent"),
        ((given(None, 10), given(160, 5)), "fires"),  # the known part alone is too much
        ((given(140, "2026-11"),), "cannot tell"),
        ((given(140, 10, status="active"),), "silent"),
        # what is being ordered
        ((ordered(ONCE),), "silent"),
        ((ordered(ONCE), given(140, 27)), "fires"),
        ((ordered(ONCE), given(140, 28)), "silent"),
        ((ordered(dose(200, count=1)),), "fires"),
        ((ordered(dose(140)), given(140, 28)), "cannot tell"),  # how often is not said
        ((ordered(dose(160)),), "fires"),  # once is already too much
        ((ordered(dose(28, per_day=1.0, count=5)),), "silent"),  # 0.4 g/kg on five days
        ((ordered(dose(28, per_day=1.0, count=6)),), "fires"),
        ((ordered(dose(28, count=6)),), "cannot tell"),
        ((ordered(dose(140, per_day=1 / 28)),), "silent"),
        ((ordered(dose(140, per_day=1 / 21)),), "fires"),
        ((ordered(dose(70, per_day=1 / 14)),), "silent"),  # two a window: 2.0
        ((ordered(dose(80, per_day=1 / 14)),), "fires"),
        ((ordered(dose(80, per_day=1 / 14), end=13),), "silent"),  # ends before the second
        ((ordered(dose(80, per_day=1 / 14), end=-13),), "silent"),
        ((ordered(dose(80, per_day=1 / 14), end=-14),), "fires"),
        ((ordered(dose(80, dates=(when(0), when(-14)))),), "fires"),
        ((ordered(dose(80, dates=(when(0), when(-28)))),), "silent"),
        ((ordered(dose(140, total=True)),), "silent"),
        ((ordered(dose(160, total=True)),), "fires"),
        ((ordered(Dosing(low=70 * G, high=160 * G, count=1)),), "fires"),  # the upper end, for safety
        ((ordered(Dosing(low=2 * G, high=2.4 * G, basis="mg/kg", count=1)),), "fires"),
        ((ordered(Dosing(low=80 * G, high=80 * G, basis="mg/m2", count=1)),), "cannot tell"),  # height not known
        ((ordered(Dosing(low=80 * G, high=80 * G, basis="mg/m2", count=1)), HEIGHT), "silent"),  # 80 × 1.79 / 70
        ((ordered(Dosing(low=90 * G, high=90 * G, basis="mg/m2", count=1)), HEIGHT), "fires"),
        ((ordered(),), "cannot tell"),
        ((ordered(dose(None, problem="dose not understood")),), "cannot tell"),
        ((ordered(dose(140, as_needed=True)),), "cannot tell"),
        ((ordered(dose(140, count=1), start="2026-11"),), "cannot tell"),
        ((ordered(dose(140, count=1), start=None),), "cannot tell"),
        ((ordered(dose(140, count=1), dose(70, count=1, start=when(-14))),), "fires"),
        ((ordered(dose(140, count=1), dose(70, count=1, start=when(-28))),), "silent"),
        # planned, and going on
        ((ordered(ONCE, start=-7, status="planned"), given(140, 10)), "fires"),
        ((ordered(ONCE, start=-7, status="planned"), ordered(ONCE, source="MedicationRequest/order-2")), "fires"),
        ((course("ivig", 3, steps=(dose(160, per_day=1 / 14),)),), "fires"),
        ((course("ivig", 3, steps=(dose(80, per_day=1 / 14),)), given(80, 3)), "fires"),  # its next one comes
        ((course("ivig", 3, steps=(dose(70, per_day=1 / 14),)), given(70, 3), ordered(dose(70, count=1))), "silent"),
        ((course("ivig", 3, steps=(dose(140),)),), "silent"),
        # who
        ((given(160, 10), condition("palliative-care")), "silent"),
        ((given(160, 50),), "silent"),
        ((course("scig", 10),), "silent"),
        ((course("immunoglobulin-route-unknown", 10),), "cannot tell"),
        ((course("immunoglobulin-route-unknown", 10), given(140, 10)), "cannot tell"),
        ((course("immunoglobulin-route-unknown", 10), given(160, 10)), "fires"),
    ],
)
def test_more_than_a_course_in_four_weeks(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(WEIGHT, *facts)) == expected


def test_without_a_weight_it_cannot_be_told() -> None:
    assert "body weight" in judged(RULE, assessed(given(140, 10))).because
    assert outcome(RULE, assessed(given(2.3, 10, basis="mg/kg"))) == "fires"
    assert "body weight" in judged(RULE, assessed(ordered(ONCE))).because


def test_the_planned_infusions_of_an_order_are_counted_once() -> None:
    """What the chart expanded from an order that is planned or being written is that order."""
    own = given(140, -7, source=ORDER, status="planned")
    assert outcome(RULE, assessed(WEIGHT, ordered(ONCE, start=-7, status="planned"), own)) == "silent"


def test_an_order_that_is_replaced_does_not_count_for_the_future() -> None:
    old = course("ivig", 0, source="MedicationRequest/old", steps=(ONCE,), superseded=True)
    mine = given(140, 0, source="MedicationRequest/old", status="active")
    assert outcome(RULE, assessed(WEIGHT, old, mine, ordered(ONCE))) == "silent"
    assert outcome(RULE, assessed(WEIGHT, changed(old, superseded=False), mine, ordered(ONCE))) == "fires"
    before = changed(mine, when=when(10))
    assert outcome(RULE, assessed(WEIGHT, old, before, ordered(ONCE))) == "fires"


def test_the_upper_end_of_a_range_counts_for_what_was_given_too() -> None:
    source = "MedicationStatement/range"
    range_ = course("ivig", 10, 10, status="completed", source=source, steps=(Dosing(low=70 * G, high=160 * G),))
    assert outcome(RULE, assessed(WEIGHT, range_, given(70, 10, source=source))) == "fires"


def test_undated_ivig_counts_only_while_it_runs() -> None:
    running = course("ivig", None, source="MedicationStatement/open")
    undated = given(None, None, source=running.source)
    assert "date or dose of IVIG" in judged(RULE, assessed(WEIGHT, running, undated)).because
    over = changed(running, status="completed")
    assert outcome(RULE, assessed(WEIGHT, over, undated, given(140, 10))) == "silent"
    assert outcome(RULE, assessed(WEIGHT, given(None, None), given(140, 10))) == "silent"


def test_says_how_much_of_what_when() -> None:
    draft = card(RULE, assessed(WEIGHT, given(140, 20), ordered(ONCE)))
    assert draft.indicator == "warning"
    assert draft.summary == ("IVIG 4.0 g/kg within 28 days: above 2.2 g/kg; check dose and interval with a specialist")
    said = texts(draft)
    assert "IVIG (given) 2.0 g/kg (140 g at 70 kg) 2026-11-02" in said
    assert "IVIG (being ordered) 2.0 g/kg (140 g at 70 kg) 2026-11-22" in said
    assert "Haemolysis" in said
    assert "adjusted" not in said
    assert draft.missing == ()
    assert "IVIG (going on) 1.1 g/kg" in texts(
        card(RULE, assessed(WEIGHT, course("ivig", 3, steps=(dose(80, per_day=1 / 14),))))
    )


def test_what_is_not_known_makes_it_a_lower_bound() -> None:
    draft = card(RULE, assessed(WEIGHT, given(160, 20), ordered(dose(None, problem="dose *not* understood"))))
    assert draft.summary.startswith("IVIG at least 2.3 g/kg")
    assert "dose not known" in texts(draft)
    assert draft.missing == ("dose \\*not\\* understood",)
    per_kg = texts(card(RULE, assessed(given(2.3, 10, basis="mg/kg"))))
    assert "2.3 g/kg 2026-11-12" in per_kg


def test_actual_weight_decides_and_adjusted_weight_is_told() -> None:
    obese = (lab("body-weight", 120, 20, unit="kg"), HEIGHT)
    assert outcome(RULE, assessed(*obese, given(240, 10))) == "silent"  # 2.0 by actual, about 2.9 by adjusted weight
    draft = card(RULE, assessed(*obese, given(300, 10)))
    assert "By adjusted weight (BMI ≥ 30): 3.7 g/kg" in texts(draft)


def test_not_for_a_child() -> None:
    assert outcome(RULE, assessed(WEIGHT, given(160, 10), age=12)) == "silent"


def test_what_was_not_looked_at_leaves_it_open() -> None:
    assert outcome(RULE, assessed(chart(WEIGHT, unavailable=("medicationStatements",)))) == "cannot tell"
