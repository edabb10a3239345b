"""R2-BIOCHEM (B1): a raised CK with full strength is no reason to escalate."""

from typing import Any

import pytest

from hooks.rules.high_ck_full_strength import RULE
from tests.hooks.builders import assessed, base, ck, condition, course, infusion, mmt
from tests.hooks.rules.asking import card, codes, outcome, resources, texts

START = mmt(96, "2026-01-05")


@pytest.mark.parametrize(
    ("without", "facts", "expected"),
    [
        (("mmt", "ck"), (START, mmt(148), ck(900)), "fires"),  # V29
        (("mmt", "ck"), (START, mmt(142.5), ck(400)), "fires"),  # 0.95 of the scale, 2 × ULN
        (("mmt", "ck"), (START, mmt(142), ck(400)), "silent"),
        (("mmt", "ck"), (START, mmt(148), ck(399)), "silent"),
        (("mmt", "ck"), (mmt(76, scale="80"), ck(400)), "fires"),
        (("mmt", "ck"), (START, mmt(148)), "cannot tell"),
        (("mmt", "ck"), (START, mmt(98)), "silent"),  # weak: whatever the CK
        (("mmt", "ck"), (START, ck(900)), "cannot tell"),
        (("mmt", "ck"), (ck(399),), "silent"),  # normal enough: whatever the strength
        (("mmt", "ck", "ivig"), (mmt(148), ck(900)), "silent"),
        (("mmt", "ck", "ivig"), (mmt(148), ck(900), infusion("ivig", 56_000, "2026-02-02")), "silent"),
        (("mmt", "ck", "ivig"), (mmt(148), ck(900), course("ivig", 300, status="stopped", failure="none")), "fires"),
        (("mmt", "ck", "ivig"), (mmt(148), ck(900), course("ivig", 300, status="stopped", intolerance="x")), "fires"),
        (("mmt", "ck"), (START, mmt(148), ck(900), condition("muscular-dystrophy")), "silent"),
        (("mmt", "ck"), (START, mmt(148), ck(900), condition("palliative-care")), "silent"),
    ],
)
def test_full_strength_and_raised_ck_after_the_three(
    without: tuple[str, ...], facts: tuple[Any, ...], expected: str
) -> None:
    assert outcome(RULE, assessed(base(*facts, without=without))) == expected


def test_asks_to_repeat_and_to_look_for_other_causes() -> None:
    draft = card(RULE, assessed(base(START, mmt(148), ck(900), without=("mmt", "ck"))))
    assert draft.indicator == "info"
    assert "do not escalate on CK alone; repeat CK in 4 weeks" in draft.summary
    said = texts(draft)
    for cause in ("exercise", "intramuscular", "statin", "TSH"):
        assert cause in said
    assert codes(draft) == ["2157-6"]
    repeat, thyroid = resources(draft)
    assert repeat["note"] == [{"text": "In 4 weeks."}]
    assert "TSH" in thyroid["code"]["text"]
    assert [s.is_recommended for s in draft.suggestions] == [True, False]
    assert [row.what for row in draft.facts] == ["CK", "MMT-8", "IVIG", "Rituximab", "Methotrexate"]
