"""R4-SEQ (B1)."""

from typing import Any

import pytest

from hooks.chart.facts import Dosing
from hooks.rules.plasma_exchange_timing import RULE
from tests.hooks.builders import TODAY, assessed, changed, condition, course, infusion, session, when
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


def ordered(drug: str, at: Any, end: Any = None, **more: Any) -> Any:
    step = Dosing(start=when(at), end=when(end))
    return course(drug, at or 0, end, status="draft", kind="MedicationRequest", steps=(step,), **more)


def exchange(at: Any) -> Any:
    return changed(session(at, planned=True), draft=True)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # plasma exchange is ordered
        ((ivig(1), exchange(-2)), "fires"),
        ((ivig(1), exchange(-3)), "silent"),
        ((ivig(1), exchange(None)), "cannot tell"),
        ((ivig(9), exchange(None)), "silent"),
        ((infusion("ivig", 70_000, -1, status="planned"), exchange(-2)), "fires"),
        # the infusion is ordered
        ((ordered("ivig", -1), session(-2, planned=True)), "fires"),
        ((ordered("rituximab", -1), session(-4, planned=True)), "fires"),
        ((ordered("rituximab", -1), session(-5, planned=True)), "silent"),
        ((ordered("ivig", -3), session(-2, planned=True)), "silent"),
        ((ordered("ivig", -1, -4), session(-3, planned=True)), "fires"),  # in the middle of it
        ((ordered("ivig", None), session(-2, planned=True)), "cannot tell"),
        ((ordered("ivig", None), session(3)), "silent"),  # it is still to come
        ((ordered("ivig", -1), session(None, planned=True)), "cannot tell"),
        ((ordered("cyclophosphamide", -1), session(-2, planned=True)), "silent"),
        # both are ordered
        ((ordered("ivig", -1), exchange(-2)), "fires"),
        ((ordered("ivig", -2), exchange(-1)), "silent"),
        # what has happened is not spoken of while something else is ordered
        ((ivig(4), session(3), ordered("ivig", -30)), "silent"),
        ((ivig(1), session(-1, planned=True), ordered("rituximab", -30)), "silent"),
        # ACE inhibitor
        ((ACE, exchange(-1)), "fires"),
        ((ACE, exchange(None)), "fires"),
        ((ordered("ace-inhibitor", None), session(-1, planned=True)), "fires"),
        ((ordered("ace-inhibitor", None),), "silent"),
        ((ACE, session(-1, planned=True), ordered("rituximab", -30)), "silent"),
        ((changed(ACE, superseded=True), exchange(-1)), "silent"),
    ],
)
def test_while_orders_are_written(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_the_order_without_a_day_is_named_in_the_trace() -> None:
    criterion = judged(RULE, assessed(ordered("ivig", None), session(-2, planned=True))).criteria[-1].parts[0]
    assert criterion.value == "plasma exchange 2026-11-24 after IVIG (day not stated)"


def test_the_card_says_what_is_being_ordered() -> None:
    assert "Plasma exchange (being ordered) after IVIG 2026-11-21" in texts(card(RULE, assessed(ivig(1), exchange(-2))))


@pytest.mark.parametrize("at", ["9999-12-31", "0001-01-01", "9999", "0001"])
def test_the_ends_of_the_calendar_are_no_failure(at: str) -> None:
    status = "planned" if at > str(TODAY) else "completed"
    facts = (changed(ivig(at, days=4), status=status), session(at), session(at, planned=True))
    assert outcome(RULE, assessed(*facts)) in ("silent", "cannot tell", "fires")
    assert outcome(RULE, assessed(*facts, exchange(at), ordered("ivig", at, at))) in ("silent", "cannot tell", "fires")
