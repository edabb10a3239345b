"""PjpProphylaxisReview: prophylaxis goes on, its reasons are gone (B1 R9-STOP, B3 "Stop")."""

import pytest

from hooks.chart.facts import Chart
from hooks.reasoning import verdict
from hooks.rules.pjp_prophylaxis_review import RULE
from tests.hooks.builders import assessed, chart, condition, course, daily, infusion, weekly, when

PROPHYLAXIS = course("tmp-smx", "2026-05-01", text="co-trimoxazole")


def prednisone(mg: float | None) -> object:
    return course("glucocorticoid", 300, steps=(daily(mg),))


def outcome(patient: Chart) -> str:
    return verdict(RULE.name, RULE.criteria(assessed(patient))).outcome


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        (chart(PROPHYLAXIS), "fires"),
        (chart(PROPHYLAXIS, prednisone(14.9)), "fires"),
        (chart(PROPHYLAXIS, prednisone(15)), "silent"),
        (chart(PROPHYLAXIS, prednisone(None)), "cannot tell"),
        (chart(PROPHYLAXIS, infusion("cyclophosphamide", 1000, 91)), "fires"),
        (chart(PROPHYLAXIS, infusion("cyclophosphamide", 1000, 90)), "silent"),
        (chart(PROPHYLAXIS, infusion("rituximab", 1000, 184)), "fires"),
        (chart(PROPHYLAXIS, infusion("rituximab", 1000, 183)), "silent"),
        (chart(PROPHYLAXIS, condition("pneumocystosis"), course("methotrexate", steps=(weekly(15),))), "silent"),
        (chart(PROPHYLAXIS, condition("imnm", current=False)), "fires"),
        (chart(PROPHYLAXIS, condition("imnm"), condition("palliative-care")), "silent"),
        (chart(PROPHYLAXIS, age=12), "fires"),
        (chart(PROPHYLAXIS, unavailable=("medicationRequests",)), "cannot tell"),
        (chart(unavailable=("medicationRequests",)), "cannot tell"),
        (chart(course("tmp-smx", "2026-10-01")), "silent"),
        (chart(course("tmp-smx", "2026-08-22")), "fires"),
        (chart(course("tmp-smx", None)), "cannot tell"),
        (chart(course("tmp-smx", None, known_by=when("2026-05-01"))), "fires"),
        (chart(), "silent"),
    ],
)
def test_when_it_fires(patient: Chart, expected: str) -> None:
    assert outcome(patient) == expected


def test_what_it_says() -> None:
    drafted = RULE.card(assessed(chart(PROPHYLAXIS, prednisone(5), course("methotrexate", steps=(weekly(15),)))))
    assert drafted.indicator == "info"
    assert "review" in drafted.summary
    assert "co-trimoxazole has been taken since 2026-05-01" in drafted.why[0]
    assert "< 15 mg/d [v2]" in drafted.why[0]
    assert {row.what: row.value for row in drafted.facts} == {
        "prophylaxis": "co-trimoxazole",
        "glucocorticoid as prednisone": "5 mg/d",
        "other immunosuppressants": "methotrexate",
    }
    assert drafted.suggestions == ()


def test_an_unknown_start_names_what_is_missing() -> None:
    found = verdict(RULE.name, RULE.criteria(assessed(chart(course("tmp-smx", None)))))
    assert found.because == "start of the prophylaxis"
