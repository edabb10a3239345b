"""S5-RTX-HBV (B4, vignette V17): every row of the table, and what IVIG carries over."""

from typing import Any

import msgspec
import pytest

from hooks.rules.hepatitis_b_screening import RULE
from tests.hooks.builders import assessed, changed, chart, condition, course, infusion, lab, verdict, when
from tests.hooks.rules.asking import card, codes, outcome, texts

RTX = infusion("rituximab", 1000, 60)
ORDER = course("rituximab", 0, status="draft")
NEG = verdict("hbsag", "negative", 400)
CORE_NEG = verdict("anti-hbc", "negative", 400)
HBSAG, CORE, DNA = "5195-3", "13952-7", "42595-9"
IVIG = infusion("ivig", 140_000, "2026-08-01")
AFTER = verdict("anti-hbc", "positive", "2026-09-01")


def said(*facts: Any, **more: Any) -> str:
    """The indicator of the card, or the outcome without one."""
    a = assessed(*facts, **more)
    found = outcome(RULE, a)
    return card(RULE, a).indicator if found == "fires" else found


@pytest.mark.parametrize(
    ("facts", "active", "ordered"),
    [
        ((), "warning", "critical"),
        ((NEG,), "warning", "warning"),
        ((CORE_NEG,), "warning", "warning"),
        ((NEG, CORE_NEG), "silent", "silent"),
        ((verdict("hbsag", "positive"),), "critical", "critical"),
        ((verdict("hbsag", "positive", 900), verdict("hbsag", "negative", 3), CORE_NEG), "critical", "critical"),
        ((NEG, verdict("anti-hbc", "positive")), "warning", "warning"),
        ((NEG, verdict("anti-hbc", "positive", None)), "warning", "warning"),
        ((NEG, verdict("anti-hbc", "positive", 90), verdict("anti-hbc", "negative", 3)), "warning", "warning"),
        ((NEG, CORE_NEG, verdict("hbv-dna", "positive")), "critical", "critical"),
        ((NEG, CORE_NEG, condition("hepatitis-b")), "critical", "critical"),
        ((NEG, CORE_NEG, condition("hepatitis-b", current=False)), "silent", "silent"),
        ((NEG, verdict("anti-hbc", "indeterminate")), "cannot tell", "cannot tell"),
        ((CORE_NEG, lab("hbsag", None, text="see report")), "cannot tell", "cannot tell"),
        ((changed(NEG, doubt="two results"), CORE_NEG), "cannot tell", "cannot tell"),
        ((NEG, CORE_NEG, verdict("hbsag", "indeterminate", 2)), "cannot tell", "cannot tell"),
        ((verdict("hbsag", "indeterminate"),), "warning", "warning"),
        ((NEG, IVIG, AFTER), "warning", "warning"),
        ((NEG, IVIG, AFTER, verdict("anti-hbc", "negative", 3)), "silent", "silent"),
        ((NEG, IVIG, AFTER, verdict("anti-hbc", "indeterminate", 3)), "cannot tell", "cannot tell"),
    ],
)
def test_the_table(facts: tuple[Any, ...], active: str, ordered: str) -> None:
    muscle = condition("imnm")
    assert said(RTX, muscle, *facts) == active
    assert said(ORDER, muscle, *facts) == ordered


@pytest.mark.parametrize(
    ("rituximab", "expected"),
    [
        (infusion("rituximab", 1000, 183), "warning"),
        (infusion("rituximab", 1000, 184), "silent"),
        (course("rituximab", None), "warning"),  # active, none dated
        (course("rituximab", -9, status="planned"), "warning"),
        (course("rituximab", 9, status="unknown"), "cannot tell"),
        (course("rituximab", 900, 880, status="completed"), "silent"),
    ],
)
def test_who_is_on_rituximab(rituximab: Any, expected: str) -> None:
    assert said(rituximab) == expected


def test_critical_findings_reach_further() -> None:
    assert said(ORDER, age=12) == "critical"
    assert said(RTX, age=12) == "silent"
    assert said(RTX, verdict("hbsag", "positive"), condition("other-myositis")) == "critical"


def test_never_tested_asks_for_both() -> None:
    found = card(RULE, assessed(RTX))
    assert codes(found) == [HBSAG, CORE]
    assert "never tested" in texts(found)
    assert "Rituximab, last infusion given 2026-09-23" in texts(found)
    assert "IgG" not in texts(found)


def test_igg_is_asked_for_before_rituximab() -> None:
    found = card(RULE, assessed(ORDER))
    assert codes(found) == [HBSAG, CORE, "2465-3"]
    assert "IgG of the last 90 days" in texts(found)
    assert "2465-3" not in codes(card(RULE, assessed(ORDER, lab("igg", 8))))


def test_the_other_one() -> None:
    found = card(RULE, assessed(RTX, NEG))
    assert codes(found) == [CORE]
    assert found.summary == "Rituximab: anti-HBc was never tested; order it"
    assert "HBsAg negative alone" in texts(found)
    unclear = card(RULE, assessed(RTX, verdict("hbsag", "indeterminate")))
    assert codes(unclear) == [HBSAG, CORE]
    assert "HBsAg without a clear result alone" in texts(unclear)
    assert "a clear result of HBsAg" in texts(unclear)


def test_infection_goes_to_hepatology() -> None:
    found = card(RULE, assessed(RTX, NEG, CORE_NEG, condition("imnm"), condition("hepatitis-b", text="Chronic *B*")))
    assert [s.label for s in found.suggestions] == ["Order HBV DNA", "Refer to hepatology"]
    assert "Chronic \\*B\\*" in texts(found)
    known = card(RULE, assessed(RTX, verdict("hbsag", "positive"), CORE_NEG, verdict("hbv-dna", "negative", 3)))
    assert not known.suggestions[0].is_recommended
    assert "HBV DNA negative" in texts(known)


def test_carried_over_by_ivig() -> None:
    found = card(RULE, assessed(RTX, NEG, IVIG, AFTER))
    assert codes(found) == [DNA]
    assert "probably carried over" in found.summary
    assert "IVIG 2026-08-01, ≤ 12 wk" in texts(found)
    assert [s.label for s in found.suggestions] == ["Order HBV DNA"]


@pytest.mark.parametrize(
    "core",
    [
        (verdict("anti-hbc", "positive", "2026-07-31"), AFTER),  # found before IVIG as well
        (AFTER, verdict("anti-hbc", "positive", "2026-11-20")),  # and still after 12 weeks
        (changed(AFTER, when=when("2026-10-25")),),  # 12 weeks and a day
    ],
)
def test_not_all_comes_from_ivig(core: tuple[Any, ...]) -> None:
    found = card(RULE, assessed(RTX, NEG, IVIG, *core))
    assert "carried over" not in texts(found)
    assert "hepatology" in found.summary


def test_not_checked_is_not_never_tested() -> None:
    for state in ("unavailable", "partial"):
        facts = chart(ORDER)
        a = assessed(msgspec.structs.replace(facts, checked={**facts.checked, "labs": state}))
        found = card(RULE, a)
        assert found.indicator == "warning"
        assert "not checked" in found.summary
        assert "never tested" not in texts(found)
