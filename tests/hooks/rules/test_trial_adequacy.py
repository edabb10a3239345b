"""R1-ADEQ (B1, B7, B9): were the three given enough, long enough?"""

from typing import Any

import pytest

from hooks.rules.trial_adequacy import RULE
from tests.hooks.builders import (
    allergy,
    assessed,
    base,
    changed,
    chart,
    ck,
    condition,
    course,
    infusion,
    mmt,
    weekly,
)
from tests.hooks.rules.asking import card, judged, outcome, resources, texts

ONE_IVIG = infusion("ivig", 56_000, "2026-02-02", days=4)
LOW_METHOTREXATE = course("methotrexate", "2026-01-10", steps=(weekly(10),))
CYC_PLANNED = course("cyclophosphamide", -10, status="planned")


def recent_rituximab(days: int) -> tuple[Any, ...]:
    return infusion("rituximab", 1000, days), infusion("rituximab", 1000, days - 14)


def intolerant(drug: str) -> Any:
    return course(drug, None, status="stopped", intolerance="anaphylaxis")


ALL_INTOLERANT = tuple(intolerant(drug) for drug in ("ivig", "rituximab", "methotrexate"))


@pytest.mark.parametrize(
    ("without", "facts", "expected"),
    [
        ((), (), "silent"),  # BASE: all adequate
        (("ivig",), (ONE_IVIG,), "fires"),  # V04
        (("methotrexate",), (LOW_METHOTREXATE,), "fires"),  # V06
        (("methotrexate",), (course("methotrexate", "2026-01-10", steps=(weekly(14.9),)),), "fires"),
        (("methotrexate",), (course("methotrexate", "2026-01-10", steps=(weekly(15),)),), "silent"),
        (("methotrexate",), (mmt(97, 90), course("methotrexate", 83, steps=(weekly(15),))), "silent"),  # 12 weeks
        (("methotrexate",), (mmt(97, 90), course("methotrexate", 82, steps=(weekly(15),))), "fires"),
        (("rituximab",), recent_rituximab(167), "fires"),  # one day short of 24 weeks
        (("rituximab",), recent_rituximab(168), "silent"),
        (("ivig",), (), "silent"),  # IVIG never given: not refractory by the article's definition
        (("ivig",), (course("ivig", -3, status="planned"),), "silent"),
        (("ivig",), (intolerant("ivig"),), "silent"),  # nothing is open
        (("ivig",), (ONE_IVIG, condition("inclusion-body-myositis")), "silent"),
        (("ivig",), (ONE_IVIG, condition("pregnancy", 60)), "silent"),
        (("ivig",), (ONE_IVIG, condition("palliative-care")), "silent"),
        (("ivig", "ck", "mmt"), (ONE_IVIG,), "fires"),  # whatever the activity
        (("ivig", "ck"), (ONE_IVIG, ck(180)), "fires"),
    ],
)
def test_one_open_trial_among_three_that_were_given(
    without: tuple[str, ...], facts: tuple[Any, ...], expected: str
) -> None:
    assert outcome(RULE, assessed(base(*facts, without=without))) == expected


def test_three_that_were_not_tolerated_are_no_trial_while_the_disease_is_active() -> None:
    active = (mmt(98), ck(6200))
    a = assessed(chart(*ALL_INTOLERANT, *active))
    draft = card(RULE, a)
    assert draft.indicator == "info"
    assert draft.summary.startswith("IVIG, rituximab and methotrexate not tolerated")
    assert [r["code"]["text"] for r in resources(draft)] == ["Referral to a myositis or neuromuscular centre"]
    assert outcome(RULE, assessed(chart(*ALL_INTOLERANT, mmt(148), ck(6200)))) == "silent"
    found = judged(RULE, assessed(chart(*ALL_INTOLERANT, mmt(98))))
    assert (found.outcome, found.because) == ("cannot tell", "no CK on record")


def test_intolerance_known_from_allergy_records_alone_counts_too() -> None:
    records = (allergy("ivig"), allergy("rituximab"), allergy("methotrexate"))
    draft = card(RULE, assessed(chart(*records, mmt(98), ck(6200))))
    assert "allergy or intolerance on record: allergy to ivig" in texts(draft)


PULSE = infusion("cyclophosphamide", 1000, 100)


@pytest.mark.parametrize(
    ("facts", "without", "expected"),
    [
        ((PULSE,), (), "fires"),  # one pulse, long ago
        ((infusion("cyclophosphamide", None, 100),), (), "fires"),  # dose unknown
        ((infusion("cyclophosphamide", 1000, 35),), (), "silent"),  # still active
        ((infusion("cyclophosphamide", 1000, 36),), (), "fires"),
        ((PULSE, mmt(140, 1)), (), "silent"),  # disease not active
        ((PULSE,), ("ck",), "cannot tell"),
        ((PULSE, ONE_IVIG), ("ivig",), "fires"),
    ],
)
def test_cyclophosphamide_that_ended_too_early_is_an_open_trial_of_its_own(
    facts: tuple[Any, ...], without: tuple[str, ...], expected: str
) -> None:
    assert outcome(RULE, assessed(base(*facts, without=without))) == expected


def test_V04_shows_given_needed_and_gap() -> None:
    draft = card(RULE, assessed(base(ONE_IVIG, without=("ivig",))))
    assert draft.indicator == "info"
    assert draft.summary == "Not yet refractory: trial of IVIG not adequate"
    said = texts(draft)
    assert "1 course of 0.8 g/kg" in said
    assert "0.8 of 2.0 g/kg" in said
    assert "0 of at least 3 courses" in said
    assert [row.what for row in draft.facts] == ["CK", "MMT-8", "IVIG", "Rituximab", "Methotrexate"]
    assert draft.suggestions == ()


def test_V06_names_the_weekly_dose_that_counts() -> None:
    draft = card(RULE, assessed(base(LOW_METHOTREXATE, without=("methotrexate",))))
    assert "10 mg/week" in texts(draft)
    assert "below 15–25 mg/week" in texts(draft)


def test_rituximab_too_early_says_when_to_judge() -> None:
    draft = card(RULE, assessed(base(*recent_rituximab(42), without=("rituximab",))))
    assert "first infusion 6 weeks ago: judge at 24 weeks or later" in texts(draft)


def test_an_unknown_dose_is_asked_for_and_stays_info_even_with_cyclophosphamide_planned() -> None:
    facts = (infusion("ivig", None, "2026-02-02", problem="dose <b>not</b> given"), CYC_PLANNED)
    draft = card(RULE, assessed(base(*facts, without=("ivig",))))
    assert draft.indicator == "info"
    assert draft.summary.endswith("missing for IVIG")
    (task,) = resources(draft, "Task")
    assert (task["status"], task["intent"], task["for"]) == ("draft", "order", {"reference": "Patient/p1"})
    assert task["description"] == "Record dose and dates of IVIG, and the body weight at the time"
    assert "dose \\<b\\>not\\</b\\> given" in texts(draft)


def test_without_a_first_strength_score_that_score_is_asked_for_not_the_dose() -> None:
    draft = card(RULE, assessed(base(mmt(98, "2026-11-12"), without=("mmt",))))
    assert draft.summary == (
        "Complete the record before escalating: dose, dates or first MMT-8 missing for IVIG, Rituximab, Methotrexate"
    )
    assert [task["description"] for task in resources(draft, "Task")] == [
        f"Record the MMT-8 from before {drug} began, with its scale and date"
        for drug in ("IVIG", "Rituximab", "Methotrexate")
    ]


@pytest.mark.parametrize(
    ("more", "indicator"),
    [
        ((), "info"),
        ((CYC_PLANNED,), "warning"),
        ((changed(CYC_PLANNED, status="draft"),), "warning"),
        ((allergy("cyclophosphamide"),), "info"),  # intolerance is no escalation under way
    ],
)
def test_a_planned_escalation_makes_it_a_warning(more: tuple[Any, ...], indicator: str) -> None:
    assert card(RULE, assessed(base(ONE_IVIG, *more, without=("ivig",)))).indicator == indicator


def test_a_documented_failure_of_an_inadequate_trial_is_quoted_and_inert() -> None:
    failed = course(
        "methotrexate", "2026-01-10", "2026-02-10", status="stopped", steps=(weekly(10),),
        failure="no effect <img onerror=x> | [x](javascript:y)\nat all",
    )  # fmt: skip
    draft = card(RULE, assessed(base(failed, without=("methotrexate",))))
    quoted = "no effect \\<img onerror=x\\> \\| \\[x\\]\\(javascript:y\\) at all"
    assert f"documented: “{quoted}”; but the trial was not adequate" in "\n".join(draft.why)
    assert f"documented: “{quoted}”" in draft.facts[-1].threshold


def test_cyclophosphamide_stands_in_the_table_once_it_was_given() -> None:
    draft = card(RULE, assessed(base(PULSE)))
    assert draft.summary == "Not yet refractory: trial of Cyclophosphamide not adequate"
    assert draft.facts[-1].what == "Cyclophosphamide"
    assert draft.indicator == "info"
