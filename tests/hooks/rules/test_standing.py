"""Not computable for lack of data, and measured but between the thresholds, are two things, and neither is a plain no.

Specification B0: NOT_COMPUTABLE, INDETERMINATE. Each case stands beside its near misses.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from hooks.chart.facts import Dosing
from hooks.reasoning import Criterion, verdict
from hooks.rules.active_infection import RULE as ACTIVE_INFECTION
from hooks.rules.base import Rule
from hooks.rules.confirm_diagnosis import RULE as CONFIRM_DIAGNOSIS
from hooks.rules.cyclophosphamide_blood_count import RULE as BLOOD_COUNT
from hooks.rules.cyclophosphamide_dose import RULE as DOSE
from hooks.rules.escalate_to_cyclophosphamide import RULE as ESCALATE
from hooks.rules.hepatitis_b_screening import RULE as HEPATITIS_B
from hooks.rules.high_ck_full_strength import RULE as HIGH_CK
from hooks.rules.ivig_safety import RULE as IVIG_SAFETY
from hooks.rules.likely_muscle_damage import RULE as DAMAGE
from hooks.rules.low_immunoglobulin_g import RULE as LOW_IGG
from hooks.rules.methotrexate_renal_function import RULE as RENAL
from hooks.rules.pjp_prophylaxis import RULE as PJP
from hooks.rules.statin_exposure import RULE as STATIN
from hooks.rules.tailoring import ANTI_SRP, SERONEGATIVE
from hooks.rules.teratogen_in_pregnancy import RULE as TERATOGEN
from tests.hooks.builders import assessed, changed, chart, ck, condition, course, infusion, lab, mmt
from tests.hooks.builders import verdict as result

FAILED = tuple(
    course(drug, 300, 60, status="stopped", failure="no response") for drug in ("ivig", "rituximab", "methotrexate")
)
CYCLOPHOSPHAMIDE = course("cyclophosphamide", -7, status="planned")
RITUXIMAB = course("rituximab", -7, status="planned")
IVIG = course("ivig", 30)
STATIN_NOW = course("statin", 300)


def standing(rule: Rule, *facts: Any, **more: Any) -> str:
    a = assessed(*facts, **more)
    return verdict(rule.name, rule.criteria(a)).standing


@pytest.mark.parametrize(
    ("strength", "enzyme", "expected"),
    [
        (mmt(98), ck(6200), "fires"),
        (mmt(125), ck(400), "fires"),
        (mmt(126), ck(400), "between thresholds"),  # weak ends at 125, full strength begins at 142.5
        (mmt(142), ck(400), "between thresholds"),
        (mmt(143), ck(400), "silent"),  # full strength
        (mmt(98), ck(399), "between thresholds"),  # raised from 400, normal up to 200
        (mmt(98), ck(201), "between thresholds"),
        (mmt(98), ck(200), "silent"),  # normal
        (mmt(130), ck(300), "between thresholds"),
        (mmt(148), ck(300), "silent"),
        (mmt(130), ck(150), "silent"),
        (mmt(98), ck(300, comparator=">"), "between thresholds"),  # 400 lies inside
        (mmt(98), ck(400, comparator=">"), "fires"),
        (mmt(98), ck(400, comparator="<"), "silent"),
        (mmt(98), ck(6200, at=91), "not computable"),  # stale
        (mmt(98), ck(6200, doubt="unit not stated"), "not computable"),
        (mmt(78, scale=""), ck(6200), "not computable"),  # out of 80, or out of 150?
        (mmt(98, at=181), ck(6200), "not computable"),
    ],
)
def test_activity_of_who_had_the_three(strength: Any, enzyme: Any, expected: str) -> None:
    assert standing(ESCALATE, *FAILED, strength, enzyme) == expected


def test_both_kinds_at_once_lack_data() -> None:
    assert standing(ESCALATE, *FAILED, ck(300, comparator=">")) == "not computable"


def test_what_else_stands_in_the_way_is_a_plain_no() -> None:
    assert standing(ESCALATE, *FAILED, mmt(130), ck(6200), condition("muscular-dystrophy")) == "silent"


@pytest.mark.parametrize(
    ("rule", "facts", "expected"),
    [
        (HIGH_CK, (mmt(130), ck(900)), "between thresholds"),
        (HIGH_CK, (mmt(98), ck(900)), "silent"),
        (HIGH_CK, (mmt(148), ck(300)), "between thresholds"),
        (DAMAGE, (mmt(98), ck(300)), "between thresholds"),
        (DAMAGE, (mmt(98), ck(190)), "silent"),  # normal, but once
        (DAMAGE, (mmt(98), ck(6200)), "silent"),
        (DAMAGE, (mmt(98), ck(190), ck(180, at=60)), "fires"),
    ],
)
def test_the_other_patterns_of_activity(rule: Rule, facts: tuple[Any, ...], expected: str) -> None:
    assert standing(rule, *FAILED, *facts) == expected


@pytest.mark.parametrize(
    ("rule", "facts", "expected"),
    [
        (ANTI_SRP, (result("anti-srp", "indeterminate"),), "between thresholds"),
        (ANTI_SRP, (result("anti-srp", "negative"),), "silent"),
        (ANTI_SRP, (), "silent"),
        (STATIN, (STATIN_NOW, result("anti-hmgcr", "indeterminate")), "between thresholds"),
        (STATIN, (STATIN_NOW, result("anti-hmgcr", "negative")), "silent"),
        (STATIN, (STATIN_NOW, result("anti-hmgcr", "positive")), "fires"),
        (STATIN, (result("anti-hmgcr", "indeterminate"),), "silent"),  # and no statin
        (SERONEGATIVE, (result("anti-srp", "negative"), result("anti-hmgcr", "indeterminate")), "between thresholds"),
        (SERONEGATIVE, (result("anti-srp", "negative"),), "silent"),
        (SERONEGATIVE, (result("anti-srp", "negative"), result("anti-hmgcr", "negative")), "fires"),
        (
            HEPATITIS_B,
            (RITUXIMAB, result("hbsag", "negative"), result("anti-hbc", "indeterminate")),
            "between thresholds",
        ),
        (HEPATITIS_B, (RITUXIMAB, result("hbsag", "negative"), result("anti-hbc", "negative")), "silent"),
        (TERATOGEN, (course("methotrexate", 90), result("hcg", "indeterminate", 3)), "between thresholds"),
        (TERATOGEN, (course("methotrexate", 90), result("hcg", "positive", None)), "not computable"),
        (TERATOGEN, (course("methotrexate", 90), result("hcg", "negative", 3)), "silent"),
    ],
)
def test_results_that_are_neither_positive_nor_negative(rule: Rule, facts: tuple[Any, ...], expected: str) -> None:
    assert standing(rule, *facts) == expected


@pytest.mark.parametrize(
    ("rule", "facts", "concept", "across", "low"),
    [
        (BLOOD_COUNT, (CYCLOPHOSPHAMIDE, lab("wbc", 6), lab("anc", 4)), "platelets", 110, 50),
        (RENAL, (course("methotrexate", 90),), "egfr", 66, 60),
        (IVIG_SAFETY, (IVIG,), "egfr", 66, 60),
        (LOW_IGG, (RITUXIMAB, course("ivig", 400, 300, status="completed")), "igg", 4.4, 4),
    ],
)
def test_a_result_that_is_only_known_to_be_less_than_something(
    rule: Rule, facts: tuple[Any, ...], concept: str, across: float, low: float
) -> None:
    above, below = lab(concept, across, comparator="<"), lab(concept, low, comparator="<")
    assert {leaf.between for leaf in _leaves(rule, *facts, above)} == {"", f"only known as <{across:g}"}
    assert not [leaf for leaf in _leaves(rule, *facts, below) if leaf.between]
    assert not [leaf for leaf in _leaves(rule, *facts) if leaf.between]
    stale = changed(above, when=lab(concept, 1, 400).when)
    assert not [leaf for leaf in _leaves(rule, *facts, stale) if leaf.between]


def test_creatinine_and_ck_that_are_only_known_to_be_more_than_something() -> None:
    weight, order = (
        lab("body-weight", 70, unit="kg"),
        course("cyclophosphamide", -7, status="planned", steps=(Dosing(low=700, high=700, count=1),)),
    )
    assert (
        standing(DOSE, weight, order, lab("creatinine", 400, comparator=">"), lab("egfr", 90)) == "between thresholds"
    )
    assert standing(DOSE, weight, order, lab("creatinine", 80), lab("egfr", 90)) == "silent"
    possible = condition("polymyositis")
    assert standing(CONFIRM_DIAGNOSIS, possible, ck(1900, comparator=">")) == "between thresholds"
    assert standing(CONFIRM_DIAGNOSIS, possible, ck(1900)) == "silent"
    assert standing(CONFIRM_DIAGNOSIS, possible) == "not computable"


def test_a_dose_that_is_a_range_is_judged_by_its_upper_end() -> None:
    def prednisone(low: float, high: float) -> Any:
        return course("glucocorticoid", 60, steps=(Dosing(low=low, high=high, per_day=1.0),))

    assert standing(PJP, prednisone(10, 20)) == "fires"
    assert standing(PJP, prednisone(5, 10)) == "silent"


def test_an_untested_patient_lacks_data() -> None:
    assert standing(ACTIVE_INFECTION, CYCLOPHOSPHAMIDE) == "not computable"
    assert standing(ACTIVE_INFECTION, CYCLOPHOSPHAMIDE, result("hbsag", "negative")) == "silent"


def test_an_age_that_does_not_fit_is_never_between() -> None:
    assert standing(ESCALATE, chart(mmt(130), ck(6200), infusion("ivig", 140_000, 200), age=12)) == "silent"


def _leaves(rule: Rule, *facts: Any) -> list[Criterion]:
    def flat(criteria: tuple[Criterion, ...]) -> Iterator[Criterion]:
        for criterion in criteria:
            yield from flat(criterion.parts) if criterion.parts else (criterion,)

    return list(flat(rule.criteria(assessed(*facts))))
