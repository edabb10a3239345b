"""R4-RAPID (B0 RAPID, B1)."""

from typing import Any

import pytest

from hooks.rules.rapid_progression import RULE
from tests.hooks.builders import allergy, assessed, ck, condition, course, infusion, mmt, session
from tests.hooks.rules.asking import card, codes, judged, outcome, resources, texts

FALL = (mmt(118, 55), mmt(103, 6))
DYSPHAGIA = condition("dysphagia", 14, text="Dysphagia, new [ENT]")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FALL, "fires"),
        ((mmt(118, 55), mmt(104, 6)), "silent"),
        ((mmt(118, 66), mmt(103, 6)), "fires"),
        ((mmt(118, 67), mmt(103, 6)), "silent"),
        ((condition("dysphagia", 60),), "fires"),
        ((condition("dysphagia", 61),), "silent"),
        ((condition("respiratory-failure", 3),), "fires"),
        ((condition("dysphagia", 3, current=False),), "silent"),
        ((condition("dysphagia", None),), "cannot tell"),
        ((), "silent"),
        ((*FALL, session(60)), "silent"),
        ((*FALL, session(61)), "fires"),
        ((*FALL, session(-2, planned=True)), "fires"),
        ((*FALL, session(None)), "fires"),
        ((*FALL, course("ivig", 20, status="completed")), "fires"),  # any line of therapy
        ((*FALL, condition("polymyositis")), "silent"),
        ((*FALL, condition("imnm", current=False)), "silent"),
        ((*FALL, condition("palliative-care")), "silent"),
    ],
)
def test_rapid_and_no_recent_plasma_exchange(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_adults_only() -> None:
    assert outcome(RULE, assessed(*FALL, age=17)) == "silent"


def test_an_undated_dysphagia_is_asked_for() -> None:
    because = judged(RULE, assessed(condition("dysphagia", None))).because
    assert because == "the day on which dysphagia or respiratory failure began"


def test_urgent_referral_and_plasma_exchange() -> None:
    draft = card(RULE, assessed(*FALL, DYSPHAGIA, ck(18000, 6)))
    assert draft.indicator == "warning"
    assert draft.summary.startswith("Rapid progression: contact the myositis specialist urgently")
    assert codes(draft) == ["20720000"]
    assert [r["priority"] for r in resources(draft)] == ["urgent", "urgent"]
    said = texts(draft)
    assert (
        "MMT-8 fell from 118/150 \\(2026-09-28\\) to 103/150 \\(2026-11-16\\); Dysphagia, new \\[ENT\\] since" in said
    )
    assert "plasma exchange, IV methylprednisolone or IVIG" in said
    assert "18000 U/L" in said
    assert "On the problem list Dysphagia, new \\[ENT\\] 2026-11-08" in said
    assert draft.missing == ()


def test_a_drug_that_was_not_tolerated_is_no_option() -> None:
    draft = card(RULE, assessed(*FALL, allergy("ivig")))
    assert draft.summary.endswith("fast options are plasma exchange or IV methylprednisolone")
    assert "IVIG is not listed" in texts(draft)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ((infusion("ivig", 140_000, 3),), "IVIG 2026-11-19: plasma exchange now"),
        ((infusion("rituximab", 1000, 0),), "rituximab 2026-11-22: plasma exchange now"),
        ((course("ace-inhibitor", 400, text="Ramipril <5> mg"),), "Ramipril \\<5\\> mg"),
    ],
)
def test_what_to_mind_before_plasma_exchange(facts: tuple[Any, ...], said: str) -> None:
    assert said in texts(card(RULE, assessed(*FALL, *facts)))


@pytest.mark.parametrize("fact", [infusion("ivig", 140_000, 4), infusion("ivig", 140_000, -1, status="planned")])
def test_nothing_to_mind(fact: Any) -> None:
    assert "may remove it" not in texts(card(RULE, assessed(*FALL, fact)))


def test_an_undated_session_is_named_but_does_not_keep_the_card_back() -> None:
    draft = card(RULE, assessed(*FALL, session(None), session("2026")))
    assert draft.missing == (
        "plasma exchange is on record, undated: it may have been recent",
        "plasma exchange is on record, 2026: it may have been recent",
    )


def test_procedures_that_were_not_looked_at_do_not_keep_it_back() -> None:
    assert outcome(RULE, assessed(*FALL, unavailable=("procedures",))) == "fires"
    assert "procedures" in RULE.sources
