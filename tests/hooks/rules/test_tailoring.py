"""R5 (B1, B5, B9): what the antibody adds, without a drug that is ruled out."""

from typing import Any

import pytest

from hooks.rules.tailoring import ANTI_HMGCR, ANTI_SRP, SERONEGATIVE
from tests.hooks.builders import allergy, assessed, base, condition, course, verdict
from tests.hooks.rules.asking import card, outcome

HMGCR, SRP = verdict("anti-hmgcr", "positive"), verdict("anti-srp", "positive")
NEGATIVE = (verdict("anti-hmgcr", "negative"), verdict("anti-srp", "negative"))
CYC_FAILED = course("cyclophosphamide", None, status="stopped", failure="no response")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((HMGCR,), (True, False, False)),
        ((SRP,), (False, True, False)),
        ((HMGCR, SRP), (True, True, False)),
        (NEGATIVE, (False, False, True)),
        (NEGATIVE[:1], (False, False, False)),  # one negative, one untested: incomplete
        ((*NEGATIVE, verdict("anti-srp", "positive", 900)), (False, True, False)),  # once positive, always
        ((NEGATIVE[0], verdict("anti-srp", "indeterminate")), (False, False, False)),
        ((), (False, False, False)),
        ((HMGCR, condition("muscular-dystrophy")), (False, False, False)),
        ((HMGCR, condition("palliative-care")), (False, False, False)),
    ],
)
def test_one_text_for_each_antibody_state(facts: tuple[Any, ...], expected: tuple[bool, ...]) -> None:
    a = assessed(base(*facts))
    assert tuple(outcome(rule, a) == "fires" for rule in (ANTI_HMGCR, ANTI_SRP, SERONEGATIVE)) == expected


def test_age_unknown_leaves_it_open() -> None:
    assert outcome(ANTI_HMGCR, assessed(base(HMGCR, age=None))) == "cannot tell"


def said(rule: Any, *facts: Any) -> str:
    return "\n".join(card(rule, assessed(base(*facts))).why)


def test_hmgcr_puts_ivig_first() -> None:
    text = said(ANTI_HMGCR, HMGCR)
    assert "optimise IVIG before or together with cyclophosphamide" in text
    assert "interval of 2 to 3 weeks, then IVIG with cyclophosphamide" in text
    assert "only 3 of 9" in text
    assert "Younger patients" in text


def test_srp_names_the_combination_as_unproven() -> None:
    text = said(ANTI_SRP, SRP)
    assert "rituximab again together with cyclophosphamide" in text
    assert "helped 6 of 8, that the combination is better is unproven" in text
    assert "Echocardiogram and ECG" in text


def test_seronegative_asks_the_diagnosis_again() -> None:
    text = said(SERONEGATIVE, *NEGATIVE)
    assert "may respond to IVIG again" in text
    assert "limb-girdle" in text


@pytest.mark.parametrize("out", [CYC_FAILED, allergy("cyclophosphamide"), condition("pregnancy", 60)])
def test_cyclophosphamide_is_left_out_where_it_is_ruled_out(out: Any) -> None:
    assert "cyclophosphamide" not in said(ANTI_HMGCR, HMGCR, out)
    assert "cyclophosphamide" not in said(ANTI_SRP, SRP, out)
    assert "optimise IVIG" in said(ANTI_HMGCR, HMGCR, out)


def test_a_drug_that_was_not_tolerated_is_not_proposed() -> None:
    assert "optimise IVIG" not in said(ANTI_HMGCR, HMGCR, allergy("ivig"))
    assert "may respond" not in said(SERONEGATIVE, *NEGATIVE, allergy("ivig"))
    assert "Consider giving rituximab" not in said(ANTI_SRP, SRP, allergy("rituximab"))
    assert "Consider giving rituximab again (after" in said(ANTI_SRP, SRP, CYC_FAILED)


def test_no_rituximab_in_pregnancy() -> None:
    assert "not proposed in pregnancy" in said(ANTI_SRP, SRP, condition("pregnancy", 60))


@pytest.mark.parametrize("also", [(), (CYC_FAILED,)])
def test_rituximab_waits_for_hepatitis_b(also: tuple[Any, ...]) -> None:
    text = said(ANTI_SRP, SRP, verdict("hbsag", "positive"), *also)
    assert "Rituximab again not before hepatitis B is dealt with: HBsAg positive (2026-10-23)." in text
    assert "Consider giving" not in text
