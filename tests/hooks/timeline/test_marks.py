"""The days on which rules rest."""

from datetime import date
from typing import Any

import pytest

from hooks.assessment import pjp_since
from hooks.assessment.pjp import TriggerId
from hooks.timeline import timeline
from hooks.timeline.model import Mark
from tests.hooks.builders import (
    TODAY,
    assessed,
    chart,
    ck,
    condition,
    course,
    daily,
    infusion,
    lab,
    mmt,
    session,
    weekly,
    when,
)


def marks(*facts: Any, **more: Any) -> list[Mark]:
    return list(timeline(assessed(*facts, **more)).marks)


def test_a_rise_of_ck_spans_from_the_nadir_to_the_newest_test() -> None:
    (mark,) = marks(ck(4000, "2026-01-01"), ck(300, "2026-06-01"), ck(700, "2026-11-01"), ck(800, "2026-11-15"))
    assert (mark.kind, mark.label) == ("relapse", "CK is rising again")
    assert (mark.on, mark.until) == (date(2026, 6, 1), date(2026, 11, 15))
    assert mark.detail == "from a nadir of 300 U/L (2026-06-01) to 700 U/L (2026-11-01), then 800 U/L (2026-11-15)"
    assert mark.source.count("Observation/") == 3


def test_ck_that_does_not_rise_has_no_mark() -> None:
    assert marks(ck(300, 100), ck(310, 10)) == []
    assert marks(ck(300, 10)) == []


def test_a_loss_of_strength_spans_from_the_best_score_to_the_newest() -> None:
    (mark,) = marks(mmt(140, "2026-06-01"), mmt(110, "2026-11-01"))
    assert (mark.kind, mark.label) == ("relapse", "Strength has become worse")
    assert (mark.on, mark.until) == (date(2026, 6, 1), date(2026, 11, 1))
    assert mark.detail == "MMT-8 fell from 140/150 (2026-06-01) to 110/150 (2026-11-01)"


def test_a_reduction_is_a_mark_on_its_day() -> None:
    taper = course(
        "glucocorticoid", "2026-01-05", steps=(daily(10, "2026-01-05", "2026-09-30"), daily(5, "2026-10-01"))
    )
    (mark,) = marks(taper)
    assert (mark.kind, mark.on, mark.until) == ("reduction", date(2026, 10, 1), None)
    assert mark.detail == "glucocorticoid from 10 to 5 mg/day (prednisone equivalent)"


def since(*facts: Any, **more: Any) -> dict[str, tuple[date, bool]]:
    """By trigger the day from which it holds, and whether that is known."""
    found = [mark for mark in marks(*facts, **more) if mark.kind == "pjp"]
    return {mark.detail[:2]: (mark.on, mark.until is not None) for mark in found}


def test_twenty_mg_are_a_reason_from_their_28th_day() -> None:
    assert since(course("glucocorticoid", "2026-09-01", steps=(daily(20),))) == {"P2": (date(2026, 9, 28), True)}


def test_a_course_that_is_over_counts_on_its_days() -> None:
    """Halving 40 mg gives no new reason where 20 mg are one already."""
    higher = course("glucocorticoid", "2026-08-01", "2026-10-19", status="completed", steps=(daily(40),))
    now = course("glucocorticoid", "2026-10-20", steps=(daily(20),))
    assert since(higher, now) == {"P2": (date(2026, 8, 28), True)}


def test_a_taper_that_is_over_counts_on_its_days() -> None:
    steps = (daily(60, "2026-07-01", "2026-08-31"), daily(30, "2026-09-01", "2026-10-19"))
    for end in ("2026-10-19", None):
        over = course("glucocorticoid", "2026-07-01", end, status="stopped", steps=steps)
        now = course("glucocorticoid", "2026-10-20", steps=(daily(20),))
        assert since(over, now) == {"P2": (date(2026, 7, 28), True)}


def test_an_end_that_is_only_known_as_a_month_does_not_bring_the_day_forward() -> None:
    higher = course("glucocorticoid", "2026-08-01", "2026-10", status="completed", steps=(daily(40),))
    now = course("glucocorticoid", "2026-10-20", steps=(daily(20),))
    assert since(higher, now)["P2"][0] >= date(2026, 10, 20)


def test_days_that_are_planned_count_from_the_first_day_as_in_the_judgement() -> None:
    planned = course("glucocorticoid", "2026-11-10", "2026-12-31", steps=(daily(20),))
    assert since(planned) == {"P2": (date(2026, 11, 10), True)}


def test_cyclophosphamide_is_a_reason_from_the_first_infusion_of_those_close_together() -> None:
    pulses = [infusion("cyclophosphamide", 900, at) for at in ("2025-01-10", "2026-08-01", "2026-09-15", "2026-10-20")]
    assert since(*pulses)["P1"] == (date(2026, 8, 1), True)


def test_rituximab_is_a_stronger_reason_from_the_day_of_the_glucocorticoid_beside_it() -> None:
    facts = (infusion("rituximab", 1000, "2026-07-01"), course("glucocorticoid", "2026-10-05", steps=(daily(10),)))
    assert since(*facts) == {"P3": (date(2026, 10, 5), True)}


def test_low_lymphocytes_are_a_reason_from_their_day() -> None:
    facts = (
        course("glucocorticoid", "2026-08-01", steps=(daily(15),)),
        lab("lymphocytes", 0.5, "2026-10-10"),
        lab("lymphocytes", 0.4, None),
    )
    assert since(*facts)["P4"] == (date(2026, 10, 10), True)


def test_an_earlier_pneumonia_is_a_reason_from_its_day_under_immunosuppression() -> None:
    facts = (course("azathioprine", "2025-01-01"), condition("pneumocystosis", "2026-02-03"))
    assert since(*facts, condition("imnm"))["P6"][1] is True
    undated = (course("azathioprine", "2025-01-01"), condition("pneumocystosis", None), condition("imnm"))
    assert since(*undated)["P6"] == (date(2025, 1, 1), True)


def test_since_when_is_not_told_where_the_record_does_not_tell() -> None:
    facts = (course("cyclophosphamide", None, steps=(daily(100),)), infusion("cyclophosphamide", 900, None))
    assert since(*facts)["P1"] == (TODAY, False)


def test_a_reason_that_holds_for_very_long_is_not_followed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    drugs = (course("azathioprine", "2020-01-01"), course("methotrexate", "2021-01-01", steps=(weekly(15),)))
    assert since(*drugs)["P5"] == (date(2021, 1, 1), True)
    more = [infusion("rituximab", 1000, at) for at in ("2024-01-01", "2025-01-01")]
    monkeypatch.setattr(pjp_since, "MOST_DAYS", 2)
    assert since(*drugs, *more)["P5"] == (TODAY, False)


def test_a_reason_says_that_prophylaxis_is_on_record() -> None:
    steroid = course("glucocorticoid", "2026-08-01", steps=(daily(20),))
    (alone,) = marks(steroid)
    assert (alone.label, alone.detail) == ("Reason today for PJP prophylaxis", "P2: glucocorticoid, high and long")
    (covered,) = marks(steroid, course("atovaquone", "2026-08-01", text="Mepron", steps=(daily(1500),)))
    assert covered.detail == "P2: glucocorticoid, high and long; prophylaxis on record: Mepron"


def test_what_only_an_order_makes_a_reason_holds_since_today() -> None:
    draft = course("cyclophosphamide", 0, status="draft", steps=(daily(100),))
    a = assessed(chart(draft, course("azathioprine", "2025-01-01"), leading=frozenset({draft.source})))
    assert pjp_since.since(a, frozenset[TriggerId]({"P1"})) == {"P1": TODAY}
    assert pjp_since.since(a, frozenset[TriggerId]()) == {}


def test_a_session_alone_is_no_mark() -> None:
    assert marks(session(3), infusion("ivig", 1000, when(3))) == []
