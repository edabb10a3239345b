"""R4-SEQ (B1)."""

from typing import Any

import pytest

from hooks.rules.plasma_exchange_timing import RULE
from tests.hooks.builders import assessed, changed, condition, course, infusion, session
from tests.hooks.rules.asking import card, judged, outcome, resources, texts

ACE = course("ace-inhibitor", 400, text="Ramipril *5* mg")


def ivig(at: Any, days: int = 1) -> Any:
    return infusion("ivig", 70_000, at, days=days)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # by day
        ((ivig(6), session(3)), "fires"),
        ((ivig(7), session(3)), "silent"),
        ((ivig(9, days=4), session(3)), "fires"),  # 72 h after the last of four days
        ((ivig(10, days=4), session(3)), "silent"),
        ((ivig(5, days=4), session(4)), "fires"),  # between two infusions of the course
        ((ivig(2), session(3)), "silent"),  # before, as it should be
        ((ivig(3), session(3)), "cannot tell"),  # the same day: which came first?
        ((ivig(3, days=4), session(3)), "cannot tell"),
        ((infusion("rituximab", 1000, 4), session(3)), "fires"),
        ((infusion("cyclophosphamide", 1000, 4), session(3)), "silent"),
        ((infusion("ivig", 70_000, None), session(3)), "silent"),
        # by the hour
        ((ivig("2026-11-16T09:00:00+01:00"), session("2026-11-19T09:00:00+01:00")), "fires"),
        ((ivig("2026-11-16T09:00:00+01:00"), session("2026-11-19T09:00:01+01:00")), "silent"),
        ((ivig("2026-11-19T15:00:00Z"), session("2026-11-19T09:00:00Z")), "silent"),
        ((ivig("2026-11-19T09:00:00Z"), session("2026-11-19T15:00:00Z")), "fires"),
        ((ivig("2026-11-16T09:00:00Z"), session("2026-11-19")), "fires"),  # one time only: days count
        # performed in the last 7 days
        ((ivig(8), session(7)), "fires"),
        ((ivig(9), session(8)), "silent"),
        ((ivig(8), session(None)), "silent"),
        ((ivig(8), session("2026-11")), "cannot tell"),
        ((ivig("2026-11"), session(3)), "cannot tell"),
        ((ivig("2026-09"), session(3)), "silent"),
        # planned
        ((ivig(1), session(-2, planned=True)), "fires"),
        ((ivig(1), session(-3, planned=True)), "silent"),
        ((infusion("ivig", 70_000, -1, status="planned"), session(-2, planned=True)), "fires"),
        ((infusion("ivig", 70_000, -3, status="planned"), session(-2, planned=True)), "silent"),
        ((ivig(2), session(None, planned=True)), "cannot tell"),
        ((ivig(4), session(None, planned=True)), "silent"),
        ((ivig(9), session(8, planned=True)), "silent"),  # a plan for a day that has passed
        ((session(3),), "silent"),
        ((ivig(4),), "silent"),
    ],
)
def test_not_within_72_hours_after_an_infusion(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((ACE, session(-2, planned=True)), "fires"),
        ((ACE, session(None, planned=True)), "fires"),
        ((ACE, session(0, planned=True)), "fires"),
        ((ACE, session(1, planned=True)), "silent"),
        ((ACE, session(2)), "silent"),
        ((ACE,), "silent"),
        ((changed(ACE, status="stopped"), session(-2, planned=True)), "silent"),
    ],
)
def test_no_ace_inhibitor_with_a_planned_session(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


@pytest.mark.parametrize("who", ["polymyositis", "palliative-care"])
def test_whom_it_is_not_for(who: str) -> None:
    assert outcome(RULE, assessed(ivig(4), session(3), condition(who))) == "silent"


def test_adults_with_current_disease_only() -> None:
    assert outcome(RULE, assessed(ivig(4), session(3), age=17)) == "silent"
    assert outcome(RULE, assessed(ivig(4), session(3), condition("imnm", current=False))) == "silent"


def test_says_which_session_follows_which_infusion() -> None:
    draft = card(RULE, assessed(ivig(8, days=4), session(4), session(2)))
    assert draft.indicator == "warning"
    assert draft.summary == "Plasma exchange: give plasma exchange before, not after, IVIG"
    assert resources(draft) == []
    said = texts(draft)
    assert "Plasma exchange (performed) after IVIG 2026-11-14 to 2026-11-17 2026-11-18" in said
    assert "2026-11-20" in said
    assert "72 h" in said
    assert "ACE" not in said


def test_says_both() -> None:
    rituximab = infusion("rituximab", 1000, -1, status="planned")
    draft = card(RULE, assessed(ACE, rituximab, ivig(-1), session(-2, planned=True)))
    assert draft.summary.endswith("rituximab and IVIG; hold the ACE inhibitor before it")
    said = texts(draft)
    assert "Plasma exchange (planned) after rituximab 2026-11-23 2026-11-24" in said
    assert "Ramipril \\*5\\* mg" in said
    only = card(RULE, assessed(ACE, session(None, planned=True)))
    assert only.summary == "Plasma exchange: hold the ACE inhibitor before it"


def test_the_trace_names_what_is_missing() -> None:
    assert judged(RULE, assessed(ivig(3), session(3))).because == "the times of infusion and plasma exchange"
