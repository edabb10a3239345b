"""Glucocorticoids that are being ordered: together as they follow each other, and each alone from today (B3, B9)."""

from hooks.assessment.glucocorticoids import Glucocorticoids, assess_glucocorticoids
from hooks.assessment.ordered_glucocorticoids import begun
from hooks.chart.facts import Dosing, DrugCourse
from tests.hooks.builders import TODAY, chart, course, daily, knowledge

T = knowledge().thresholds
BRIDGE = 3


def ordered(mg: float | None, start: str | None, end: str | None = None, **more: object) -> DrugCourse:
    steps = more.pop("steps", (daily(mg),))
    return course("glucocorticoid", start, end, status="draft", steps=steps, **more)  # type: ignore[arg-type]


def exposure(*facts: object) -> Glucocorticoids:
    return assess_glucocorticoids(chart(*facts), T, TODAY, ordered=True)


def days(mg: float, *facts: object) -> int:
    return exposure(*facts).days_at_least(mg, TODAY, BRIDGE)


TAPER = (
    ordered(60, "2026-11-22", "2026-12-05"),
    ordered(40, "2026-12-06", "2026-12-19"),
    ordered(10, "2026-12-20", "2027-01-02"),
)


def test_the_steps_of_a_taper_follow_each_other_and_are_not_summed() -> None:
    assert exposure(*TAPER).mg_per_day == 60
    assert (days(60, *TAPER), days(20, *TAPER), days(10, *TAPER)) == (14, 28, 42)


def test_a_taper_that_begins_later_counts_from_today_as_a_whole() -> None:
    later = (ordered(60, "2026-12-01", "2026-12-14"), ordered(40, "2026-12-15", "2026-12-28"))
    assert exposure(*later).mg_per_day == 60
    assert (days(60, *later), days(20, *later)) == (14, 28)


def test_a_higher_step_that_comes_later_counts_alone_from_today() -> None:
    rising = (ordered(5, "2026-11-22", "2026-12-05"), ordered(40, "2026-12-06", "2026-12-26"))
    assert exposure(*rising).mg_per_day == 40
    assert days(20, *rising) == 21
    assert days(5, *rising) == 35


def test_two_orders_for_the_same_days_are_summed() -> None:
    both = (ordered(20, "2026-11-22", "2026-12-31"), ordered(10, "2026-11-22", "2026-12-31"))
    assert exposure(*both).mg_per_day == 30


def test_an_order_without_a_day_is_for_today() -> None:
    assert exposure(ordered(20, None)).mg_per_day == 20
    assert days(20, ordered(20, None), ordered(40, "2026-11-23", "2026-12-21")) == 30


def test_a_step_of_unknown_dose_leaves_the_dose_open() -> None:
    unknown = exposure(ordered(10, "2026-11-22", "2026-12-05"), ordered(None, "2026-12-06", "2027-01-16"))
    assert unknown.mg_per_day is None
    assert unknown.at_least(20) is None
    assert unknown.lasted(20, 28, TODAY, BRIDGE) is None


def test_a_later_step_leaves_the_dose_of_today_known() -> None:
    assert exposure(*TAPER).at_least(61) is False
    assert exposure(*TAPER).lasted(20, 29, TODAY, BRIDGE) is False


def test_what_is_on_record_counts_beside_the_order_that_is_higher() -> None:
    taken = course("glucocorticoid", 99, steps=(daily(30),))
    assert days(20, taken, ordered(25, "2026-11-30", "2026-12-20")) == 120


def test_each_order_alone_begins_today() -> None:
    dated = ordered(60, "2026-12-01", "2026-12-14", steps=(Dosing(low=60, high=60, dates=()),))
    found = begun(chart(dated, *TAPER), TODAY, ordered=True)
    assert [str(course.start) for course in found] == ["2026-11-22"] * 4
    assert [str(course.end) for course in found] == ["2026-12-05"] * 4
    assert begun(chart(dated), TODAY, ordered=False) == []
