"""What counts as prophylaxis that is running (B3 "Already covered", B9 "Active")."""

from datetime import date

import pytest

from cds_service.fhir.dates import months_before
from hooks.assessment.pjp_cover import Cover, assess_cover, running_since
from hooks.chart.facts import Dosing, DrugCourse
from tests.hooks.builders import TODAY, chart, course, daily, knowledge, weekly, when

THRICE_WEEKLY = Dosing(low=960, high=960, per_day=3 / 7)
TWICE_WEEKLY = Dosing(low=960, high=960, per_day=2 / 7)
TWICE_DAILY = Dosing(low=960, high=960, per_day=2)
MONTHLY = Dosing(low=300, high=300, per_day=1 / 28)


def cover(*facts: object) -> Cover:
    return assess_cover(chart(*facts), knowledge().thresholds.pjp, TODAY)


@pytest.mark.parametrize(
    "prophylaxis",
    [
        course("tmp-smx", 100, steps=(THRICE_WEEKLY,)),
        course("tmp-smx", 100),
        course("tmp-smx", 7, 7 - 14, steps=(TWICE_DAILY,)),  # 15 days
        course("tmp-smx", 20, steps=(TWICE_DAILY,)),  # twice a day, no end
        course("tmp-smx", None, -5, steps=(TWICE_DAILY,)),
        course("tmp-smx", 7, steps=(Dosing(per_day=2, count=29),)),
        course("tmp-smx", 7, -3, steps=(TWICE_DAILY, daily(480))),
        course("tmp-smx", 100, steps=(TWICE_WEEKLY,)),
        course("tmp-smx", 100, steps=(weekly(960), weekly(960))),  # on two days a week
        course("tmp-smx", 100, steps=(weekly(960, 100, 50), TWICE_WEEKLY)),  # the first step is over
        course("tmp-smx", 100, steps=(TWICE_WEEKLY, daily(480, as_needed=True))),
        course("tmp-smx", 100, steps=(Dosing(low=960),)),
        course("atovaquone", 100, steps=(daily(1500),)),
        course("dapsone", 100, steps=(daily(100),)),
        course("pentamidine", 35, 35, status="completed", route="inhaled"),
        course("pentamidine", 100, route="inhaled", steps=(MONTHLY,)),
        course("pentamidine", 20, route="inhaled"),
        course("pentamidine", 100, 100, status="completed", route="inhaled", steps=(Dosing(dates=(when(35),)),)),  # type: ignore[arg-type]
    ],
)
def test_this_covers(prophylaxis: DrugCourse) -> None:
    assert cover(prophylaxis).course is prophylaxis


@pytest.mark.parametrize(
    "drug",
    [
        course("tmp-smx", 100, status="on-hold", steps=(THRICE_WEEKLY,)),
        course("tmp-smx", 100, status="planned"),
        course("tmp-smx", 100, 1, status="active"),
        course("tmp-smx", -3),
        course("tmp-smx", 7, 7 - 13, steps=(TWICE_DAILY,)),  # 14 days
        course("tmp-smx", 7, steps=(Dosing(per_day=2, count=28),)),
        course("tmp-smx", 100, steps=(weekly(960),)),
        course("tmp-smx", 100, steps=(daily(960, as_needed=True),)),
        course("tmp-smx", 100, steps=(weekly(960), daily(960, -10))),  # daily later only
        course("tmp-smx", 100, steps=(daily(960, 100, 50), weekly(960))),
        course("tmp-smx", 100, steps=(weekly(960, 100, 50),)),
        course("atovaquone", 100, 10, status="completed"),
        course("pentamidine", 36, 36, status="completed", route="inhaled"),
        course("pentamidine", 10, 10, status="completed", route="intravenous"),
        course("pentamidine", 10, status="on-hold", route="inhaled"),
        course("pentamidine", 10, status="planned", route="inhaled"),
        course("pentamidine", None, status="completed", route="inhaled"),
        course("pentamidine", 10, 10, status="completed"),
        course("pentamidine", 100, route="inhaled"),
    ],
)
def test_this_does_not_cover(drug: DrugCourse) -> None:
    assert cover(drug).course is None


def test_why_something_is_no_cover_is_said() -> None:
    short = cover(course("tmp-smx", 7, -3, steps=(TWICE_DAILY,))).doubtful
    assert "treatment" in short[0][1]
    seldom = cover(course("tmp-smx", 100, steps=(weekly(960),))).doubtful
    assert "less than twice a week" in seldom[0][1]
    assert "not said that it was inhaled" in cover(course("pentamidine", 10, 10, status="completed")).doubtful[0][1]
    unknown_day = cover(course("pentamidine", None, status="completed", route="inhaled")).doubtful
    assert "day of the last dose" in unknown_day[0][1]
    assert cover(course("pentamidine", 60, 60, status="completed", route="inhaled")).doubtful == ()


def test_prophylaxis_on_hold_is_named() -> None:
    held = course("tmp-smx", 100, status="on-hold")
    assert cover(held).held is held
    assert cover(course("methotrexate", 100, status="on-hold")).held is None


def test_the_longest_running_one_counts() -> None:
    old, new, undated = course("atovaquone", 200), course("dapsone", 20), course("tmp-smx", None)
    assert cover(undated, new, old).course is old


@pytest.mark.parametrize(
    ("start", "known_by", "expected"),
    [
        ("2026-08-22", None, True),
        ("2026-08-23", None, False),
        ("2026-08", None, None),
        (None, "2026-08-01", True),
        (None, "2026-10-01", None),
        (None, None, None),
    ],
)
def test_three_months_of_prophylaxis(start: str | None, known_by: str | None, expected: bool | None) -> None:
    assert running_since(course("tmp-smx", start, known_by=when(known_by)), 3, TODAY) is expected


def test_months_are_those_of_the_calendar() -> None:
    assert months_before(date(2026, 3, 31), 1) == date(2026, 2, 28)
    assert months_before(date(2026, 1, 15), 1) == date(2025, 12, 15)
    assert months_before(date(2026, 11, 22), 3) == date(2026, 8, 22)
    assert months_before(date(2026, 3, 31), 3) == date(2025, 12, 31)
