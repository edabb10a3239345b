"""R2-DAMAGE (B1): weakness with a normal CK, twice, may be damage."""

from typing import Any

import pytest

from hooks.rules.likely_muscle_damage import RULE
from tests.hooks.builders import assessed, base, ck, condition, course, infusion, mmt
from tests.hooks.rules.asking import card, outcome, resources, texts

QUIET = (ck(180, 20), ck(170, 60))


@pytest.mark.parametrize(
    ("without", "facts", "expected"),
    [
        (("ck",), QUIET, "fires"),  # V13
        (("ck",), (ck(200, 20), ck(200, 48)), "fires"),  # at the limit, four weeks apart
        (("ck",), (ck(200, 20), ck(200, 47)), "silent"),
        (("ck",), (ck(201, 20), ck(170, 60)), "silent"),
        (("ck",), (ck(180, 20), ck(201, 60)), "silent"),
        (("ck",), (ck(180, 20), ck(300, 40), ck(170, 60)), "silent"),  # raised in between
        (("ck",), (ck(180, 91), ck(170, 130)), "cannot tell"),
        (("ck",), (ck(180, 20),), "silent"),
        (("ck",), (), "cannot tell"),
        (("ck", "mmt"), (*QUIET, mmt(126)), "silent"),
        (("ck", "mmt"), (*QUIET, mmt(125)), "fires"),
        (("ck", "mmt"), QUIET, "cannot tell"),
        (("mmt",), (), "silent"),  # raised CK: no damage, whatever the strength
        (("ck", "ivig"), QUIET, "silent"),
        (("ck", "ivig"), (*QUIET, infusion("ivig", 56_000, "2026-02-02")), "silent"),
        (("ck", "ivig"), (*QUIET, course("ivig", 300, status="stopped", failure="none")), "fires"),
        (("ck",), (*QUIET, condition("inclusion-body-myositis")), "silent"),
    ],
)
def test_weak_with_a_ck_that_stays_normal(without: tuple[str, ...], facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(base(*facts, without=without))) == expected


def test_asks_for_mri_and_rehabilitation_before_more_immunosuppression() -> None:
    draft = card(RULE, assessed(base(*QUIET, without=("ck",))))
    assert draft.indicator == "info"
    assert "MRI and rehabilitation before more immunosuppression" in draft.summary
    mri, rehabilitation = resources(draft)
    assert "MRI of both thighs with STIR" in mri["code"]["text"]
    assert "rehabilitation" in rehabilitation["code"]["text"]
    assert draft.facts[-1].what == "earlier CK"
    assert (draft.facts[-1].value, draft.facts[-1].when) == ("170 U/L", "2026-09-23")
    assert "fatty replacement" in texts(draft)
