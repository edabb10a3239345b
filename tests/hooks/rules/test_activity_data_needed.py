"""R1-DATA (B1, B7): treatment was tried, but CK or MMT-8 do not tell whether it worked."""

from typing import Any

import pytest

from hooks.rules.activity_data_needed import RULE
from tests.hooks.builders import assessed, base, ck, condition, course, infusion, lab, mmt
from tests.hooks.rules.asking import card, codes, outcome, resources, texts

PULSE = infusion("cyclophosphamide", 1000, 100)


@pytest.mark.parametrize(
    ("without", "facts", "expected"),
    [
        ((), (), "silent"),  # BASE: active
        (("ck",), (), "fires"),
        (("mmt",), (), "fires"),
        (("ck",), (ck(6200, 90),), "silent"),
        (("ck",), (ck(6200, 91),), "fires"),
        (("mmt",), (mmt(96, "2026-01-05"), mmt(98, 180)), "silent"),
        (("mmt",), (mmt(96, "2026-01-05"), mmt(98, 181)), "fires"),
        (("mmt",), (mmt(78, 10, scale=""),), "fires"),  # V11b
        (("mmt",), (mmt(148, 10),), "silent"),
        (("ck",), (ck(500, comparator="<"),), "fires"),  # 400 is the limit: cannot be compared
        (("ck",), (ck(400, comparator=">"),), "silent"),
        (("ck", "ivig"), (), "silent"),
        (("ck", "ivig"), (infusion("ivig", 56_000, "2026-02-02"),), "silent"),  # TrialAdequacy speaks
        (("ck", "ivig"), (PULSE,), "fires"),  # cyclophosphamide given: whatever became of the three
        (("ck",), (condition("muscular-dystrophy"),), "silent"),
        (("ck", "ivig"), (course("ivig", 200, status="stopped", failure="no effect"),), "fires"),
        (("ck", "ivig"), (course("ivig", 200, status="stopped", intolerance="rash"),), "fires"),
    ],
)
def test_tried_but_not_measured(without: tuple[str, ...], facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(base(*facts, without=without))) == expected


def test_strength_alone_missing_is_enough_when_the_failure_is_documented() -> None:
    drugs = [course(d, 300, 200, status="stopped", failure="no effect") for d in ("ivig", "rituximab", "methotrexate")]
    draft = card(RULE, assessed(*drugs, ck(6200)))
    assert draft.summary == "Disease activity cannot be judged: measure MMT-8 (state the scale)"
    assert draft.missing == ("no MMT-8 on record",)


def test_age_unknown_leaves_it_open() -> None:
    assert outcome(RULE, assessed(base(without=("ck",), age=None))) == "cannot tell"


def test_asks_for_what_is_missing_and_no_more() -> None:
    draft = card(RULE, assessed(base(without=("ck",))))
    assert draft.indicator == "info"
    assert draft.summary == "Disease activity cannot be judged: measure CK"
    assert codes(draft) == ["2157-6"]
    assert [r["code"]["text"][:24] for r in resources(draft)] == ["Creatine kinase (CK)", "MRI of both thighs with "]
    assert [s.is_recommended for s in draft.suggestions] == [True, False]
    assert draft.missing == ("no CK on record",)


def test_asks_for_strength_with_its_scale() -> None:
    draft = card(RULE, assessed(base(mmt(96, "2026-01-05"), mmt(98, 200), without=("ck", "mmt"))))
    assert draft.summary.endswith("measure CK and MMT-8 (state the scale)")
    assert "state the scale (/150 or /80)" in resources(draft)[1]["code"]["text"]
    assert "more than 180 days ago" in texts(draft)


def test_an_incomparable_ck_is_asked_for_again() -> None:
    draft = card(RULE, assessed(base(ck(500, comparator="<"), without=("ck",))))
    assert draft.summary.endswith("measure CK")
    assert draft.missing == ("the newest CK \\(2026-11-10\\) is only known as \\<500 U/L",)


def test_why_a_result_was_not_used_is_said_and_inert() -> None:
    broken = lab("creatine-kinase", None, 12, text="<img src=x onerror=y>", doubt="unit '<b>' is not understood")
    draft = card(RULE, assessed(base(broken, without=("ck",))))
    said = texts(draft)
    assert "unit '\\<b\\>' is not understood" in said
    assert "\\<img src=x onerror=y\\>" in said
    assert "<img" not in said.replace("\\<img", "")


def test_cyclophosphamide_stands_in_the_table_once_it_was_given() -> None:
    assert card(RULE, assessed(base(PULSE, without=("ck",)))).facts[-1].what == "Cyclophosphamide"
