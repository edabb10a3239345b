"""The day from which a trial may be judged: the same thresholds that say whether it was long enough (B0)."""

from datetime import date
from typing import Any

import pytest

from hooks.assessment.trials import ClassTrials
from tests.hooks.builders import assessed, base, course, infusion, mmt, weekly


def best(facts: ClassTrials) -> tuple[str, date | None]:
    assert facts.best is not None
    return facts.best.trial.base, facts.best.trial.judge_from


@pytest.mark.parametrize(
    ("start", "state", "day"),
    [
        ("2026-06-07", "ADEQUATE", date(2026, 11, 22)),  # today, 24 weeks later
        ("2026-06-08", "TOO_EARLY", date(2026, 11, 23)),
    ],
)
def test_rituximab_is_judged_after_24_weeks(start: str, state: str, day: date) -> None:
    second = "2026-06-22"
    doses = (infusion("rituximab", 1000, start), infusion("rituximab", 1000, second))
    assert best(assessed(base(*doses, without=("rituximab",))).rituximab) == (state, day)


def test_rituximab_is_judged_after_12_weeks_once_strength_has_fallen() -> None:
    doses = (infusion("rituximab", 1000, "2026-08-30"), infusion("rituximab", 1000, "2026-09-13"))
    stable = base(*doses, mmt(96, "2026-08-20"), without=("rituximab",))
    assert best(assessed(stable).rituximab) == ("TOO_EARLY", date(2027, 2, 14))
    worse = base(*doses, mmt(130, "2026-08-20"), without=("rituximab",))
    assert best(assessed(worse).rituximab) == ("ADEQUATE", date(2026, 11, 22))


def test_a_series_of_rituximab_that_is_not_finished_has_a_day_already() -> None:
    one = base(infusion("rituximab", 1000, "2026-11-10"), without=("rituximab",))
    assert best(assessed(one).rituximab) == ("TOO_EARLY", date(2027, 4, 27))


def test_what_cannot_become_a_trial_has_no_day() -> None:
    small = base(infusion("rituximab", 500, "2026-01-10"), without=("rituximab",))
    assert best(assessed(small).rituximab) == ("UNDERDOSED", None)


@pytest.mark.parametrize(
    ("facts", "state", "day"),
    [
        ((course("methotrexate", "2026-08-31", steps=(weekly(15),)),), "ADEQUATE", date(2026, 11, 22)),
        ((course("methotrexate", "2026-09-01", steps=(weekly(15),)),), "TOO_EARLY", date(2026, 11, 23)),
        (  # the days at a small dose do not count
            (
                course(
                    "methotrexate",
                    "2026-01-01",
                    steps=(weekly(10, "2026-01-01", "2026-03-31"), weekly(15, "2026-04-01")),
                ),
            ),
            "ADEQUATE",
            date(2026, 6, 23),
        ),
        (  # the first run was too short, the second goes on
            (
                course("methotrexate", "2026-07-01", "2026-07-31", status="completed", steps=(weekly(15),)),
                course("methotrexate", "2026-10-01", steps=(weekly(15),)),
            ),
            "TOO_EARLY",
            date(2026, 12, 23),
        ),
        (
            (course("methotrexate", "2026-07-01", "2026-07-31", status="completed", steps=(weekly(15),)),),
            "UNDERDOSED",
            None,
        ),
    ],
)
def test_methotrexate_is_judged_on_its_84th_day_at_a_full_dose(
    facts: tuple[Any, ...], state: str, day: date | None
) -> None:
    assert best(assessed(base(*facts, without=("methotrexate",))).methotrexate) == (state, day)
