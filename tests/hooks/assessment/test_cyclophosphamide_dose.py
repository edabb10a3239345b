"""The cyclophosphamide calculator (B2) and the gates of a draft (B9)."""

from typing import Any

import pytest

from cds_service.fhir.dates import parse
from hooks.assessment.cyclophosphamide_dose import SPECIALIST_ONLY, advise, draft_gates, may_draft
from hooks.assessment.cyclophosphamide_trial import table_dose
from hooks.reasoning import Truth
from tests.hooks.builders import (
    allergy,
    assessed,
    changed,
    chart,
    ck,
    condition,
    course,
    daily,
    infusion,
    knowledge,
    lab,
    verdict,
    when,
)

T = knowledge().thresholds


@pytest.mark.parametrize(
    ("age", "creatinine", "egfr_low", "mg_per_kg"),
    [
        (59, 100, False, 15),
        (59, 300, False, 15),  # exactly 300 is the left column
        (59, 300.1, False, 12.5),
        (60, 100, False, 12.5),
        (70, 100, False, 12.5),  # 60 and 70 are the middle row
        (70, 400, False, 10),
        (71, 100, False, 10),
        (71, 500, False, 7.5),
        (72, 320, True, 7.5),  # one reduction, not two
        (45, 150, True, 12.5),
    ],
)
def test_table(age: int, creatinine: float, egfr_low: bool, mg_per_kg: float) -> None:
    assert table_dose(age, creatinine, egfr_low, T).value == mg_per_kg


def size(kg: float = 70, cm: float = 165, at: int = 10) -> tuple[Any, Any]:
    return lab("body-weight", kg, at, unit="kg"), lab("body-height", cm, at, unit="cm")


@pytest.mark.parametrize(
    ("facts", "age", "mg"),
    [
        (size(70), 48, 1050),
        (size(95, 185), 45, 1200),  # 1425, capped
        (size(71), 48, 1050),  # 1065, rounded down
        (size(69.9), 48, 1000),
        ((*size(70), lab("egfr", 25, 10)), 48, 850),  # 12.5 mg/kg = 875
        ((*size(70), lab("creatinine", 320, 10)), 72, 500),  # 7.5 mg/kg = 525
        ((*size(70), lab("creatinine", 320, 100)), 48, 1050),  # too old to decide
    ],
)
def test_dose(facts: tuple[Any, ...], age: int, mg: float) -> None:
    assert advise(assessed(*facts, age=age)).mg == mg


@pytest.mark.parametrize(
    ("facts", "age", "problem"),
    [
        ((), 48, "no recent body weight on record"),
        (size(), None, "no dose without a known adult age"),
        (size(), 12, "no dose without a known adult age"),
        ((*size(), lab("creatinine", 501, 10)), 48, SPECIALIST_ONLY),
        ((*size(), condition("dialysis")), 48, SPECIALIST_ONLY),
        ((lab("body-weight", 70, 181),), 48, "no recent body weight on record"),
    ],
)
def test_no_dose_is_named_without_what_it_needs(facts: tuple[Any, ...], age: int | None, problem: str) -> None:
    advice = advise(assessed(condition("imnm"), *facts, age=age))
    assert advice.mg is None
    assert advice.problem == problem
    cap, step = T.cyclophosphamide.cap_mg, T.cyclophosphamide.round_mg
    assert advice.text(cap, step) == f"Dose: {problem}."


def test_the_calculation_shows_cap_rounding_and_renal_function() -> None:
    cap, step = T.cyclophosphamide.cap_mg, T.cyclophosphamide.round_mg
    plain = advise(assessed(*size())).text(cap, step)
    assert "15 mg/kg × 70 kg" in plain
    assert "1050 mg" in plain
    assert "cap 1200 mg" in plain
    assert "renal function not known" in plain
    renal = advise(assessed(*size(), lab("creatinine", 70, 5, unit="umol/L"))).text(cap, step)
    assert "creatinine 70 µmol/L" in renal


def test_in_obesity_the_text_gives_both_doses_and_no_draft_is_possible() -> None:
    advice = advise(assessed(*size(75, 150)))
    assert advice.mg == 1100
    assert advice.by_adjusted_weight == 800  # adjusted 55.6 kg
    text = advice.text(T.cyclophosphamide.cap_mg, T.cyclophosphamide.round_mg)
    assert "by adjusted weight 800 mg" in text


def open_gates(*facts: Any, **more: Any) -> dict[str, Truth]:
    return {gate.name: gate.truth for gate in draft_gates(assessed(*facts, **more)) if gate.truth is not True}


PASSED: dict[str, tuple[Any, ...]] = {
    "size": size(95, 185, 30),
    "creatinine": (lab("creatinine", 500, 14, unit="umol/L"),),
    "wbc": (lab("wbc", 4.0, 14),),
    "anc": (lab("anc", 2.0, 14),),
    "platelets": (lab("platelets", 100, 14),),
    "urine": (lab("urine-rbc", 3, 30, upper=3),),
    "hbsag": (verdict("hbsag", "negative", 365),),
    "anti-hbc": (verdict("anti-hbc", "negative", 365),),
}


def passed(*more: Any, without: tuple[str, ...] = (), **kwargs: Any) -> dict[str, Truth]:
    facts = [f for name, found in PASSED.items() if name not in without for f in found]
    kwargs.setdefault("gender", "male")
    return open_gates(condition("imnm"), *more, *facts, **kwargs)


def test_all_gates_passed_at_their_limits() -> None:
    assert passed() == {}
    facts = [f for found in PASSED.values() for f in found]
    a = assessed(*facts, gender="male")
    advice = advise(a)
    assert may_draft(draft_gates(a), advice)
    assert advice.mg == 1150  # creatinine 500: 12.5 mg/kg = 1187


@pytest.mark.parametrize(
    ("facts", "without", "more", "gate", "truth"),
    [
        ((), (), {"age": 17}, "adult", False),
        ((), (), {"age": None}, "adult", None),
        ((condition("palliative-care"),), (), {}, "no palliative care", False),
        (size(105, 185, 30), ("size",), {}, "recent weight and height known", False),  # BMI 30.7
        (size(95, 185, 31), ("size",), {}, "recent weight and height known", None),
        ((lab("body-weight", 95, 5),), ("size",), {}, "recent weight and height known", None),
        ((), ("creatinine",), {}, "renal function", None),
        ((lab("creatinine", 501, 14),), ("creatinine",), {}, "renal function", False),
        ((lab("creatinine", 90, 15),), ("creatinine",), {}, "renal function", None),
        ((condition("dialysis"),), (), {}, "renal function", False),
        ((lab("wbc", 3.9, 3),), (), {}, "blood count", False),
        ((lab("anc", 1.9, 3),), (), {}, "blood count", False),
        ((lab("platelets", 99, 3),), (), {}, "blood count", False),
        ((), ("anc",), {}, "blood count", None),
        ((lab("wbc", 5, 15),), ("wbc",), {}, "blood count", None),
        ((), (), {"gender": "female"}, "negative pregnancy test", None),
        ((verdict("hcg", "negative", 8),), (), {"gender": "female"}, "negative pregnancy test", None),
        ((verdict("hcg", "positive", 3),), (), {"gender": "female"}, "not pregnant", False),
        ((lab("urine-rbc", 3.1, 3, upper=3),), (), {}, "urinary tract clear", False),
        ((lab("urine-rbc", 3, 3),), (), {}, "urinary tract clear", None),
        ((), ("urine",), {}, "urinary tract clear", None),
        ((condition("urinary-infection"),), (), {}, "urinary tract clear", False),
        ((condition("urinary-obstruction"),), (), {}, "urinary tract clear", False),
        ((verdict("hbsag", "positive", 3),), (), {}, "hepatitis B excluded", False),
        ((verdict("anti-hbc", "positive", 3),), (), {}, "hepatitis B excluded", False),
        ((verdict("anti-hbc", "negative", 366),), ("anti-hbc",), {}, "hepatitis B excluded", None),
        ((condition("serious-infection", 60),), (), {}, "no serious infection", False),
        ((condition("serious-infection", None),), (), {}, "no serious infection", False),
        ((infusion("cyclophosphamide", 25_000, 900),), (), {}, "lifetime cyclophosphamide", False),
        ((infusion("cyclophosphamide", None, 900),), (), {}, "lifetime cyclophosphamide", None),
        ((lab("igg", 3.9, 30),), (), {}, "IgG not known to be low", False),
        ((allergy("cyclophosphamide"),), (), {}, "allergies checked", False),
        ((), (), {"unavailable": ("allergies",)}, "allergies checked", None),
        ((), (), {"unavailable": ("medicationRequests",)}, "conditions, and all drug", None),
        ((), (), {"unavailable": ("labs",)}, "conditions, and all drug", None),
    ],
)
def test_each_gate(
    facts: tuple[Any, ...], without: tuple[str, ...], more: dict[str, Any], gate: str, truth: Truth
) -> None:
    found = passed(*facts, without=without, **more)
    assert {name: t for name, t in found.items() if name.startswith(gate)} != {}, found
    assert next(t for name, t in found.items() if name.startswith(gate)) is truth


def test_what_does_not_close_a_gate() -> None:
    assert passed(condition("serious-infection", 61)) == {}
    assert passed(condition("serious-infection", 3, current=False)) == {}
    assert passed(lab("igg", 4, 30)) == {}
    assert passed(lab("igg", 2, 91)) == {}
    assert passed(verdict("hcg", "negative", 7), gender="female") == {}
    assert passed(gender="female", age=60) == {}
    assert passed(course("glucocorticoid", 100, steps=(daily(20),)), ck(5000)) == {}
    assert passed(allergy("sulfonamide-antibiotic")) == {}
    assert chart().checked["labs"] == "complete"


# What must keep an order, or a dose, from being named.


def test_only_a_man_needs_no_pregnancy_test() -> None:
    for gender in ("unknown", "other", ""):
        assert passed(gender=gender) == {"negative pregnancy test": None}
        assert "not pregnant" in passed(condition("pregnancy", 60), verdict("hcg", "negative", 3), gender=gender)


def test_onset_or_record_may_be_the_recent_one() -> None:
    infection = changed(condition("serious-infection", 100), recorded=when(5))
    assert passed(infection) == {"no serious infection": False}
    pregnancy = changed(condition("pregnancy", 320), recorded=when(5))
    assert "not pregnant" in passed(pregnancy, verdict("hcg", "negative", 3), gender="female")


def test_a_newer_unclear_pregnancy_test_hides_an_older_negative_one() -> None:
    unclear = lab("hcg", 5000, 1, unit="IU/L")
    assert passed(verdict("hcg", "negative", 6), unclear, gender="female") == {"negative pregnancy test": None}


def test_hepatitis_b_ever_found_is_not_outlived_by_a_later_negative_test() -> None:
    for sign in (condition("hepatitis-b"), verdict("hbsag", "positive", 500), verdict("hbv-dna", "positive", 500)):
        assert passed(sign) == {"hepatitis B excluded": False}


@pytest.mark.parametrize(
    "renal",
    [
        lab("creatinine", 500, 10, comparator=">"),
        lab("creatinine", 600, 95, unit="umol/L"),
        lab("creatinine", 600, 5, doubt="differs"),
        condition("ckd-severe"),
    ],
)
def test_no_dose_is_named_where_renal_failure_is_on_record(renal: Any) -> None:
    assert advise(assessed(condition("imnm"), *size(), renal)).mg is None


def test_an_old_creatinine_is_quoted_and_does_not_decide() -> None:
    advice = advise(assessed(*size(), lab("creatinine", 80, 95, unit="umol/L")))
    text = advice.text(T.cyclophosphamide.cap_mg, T.cyclophosphamide.round_mg)
    assert advice.mg == 1050
    assert "a creatinine of 80 µmol/L of 2026-08-19 is too old or too doubtful to decide" in text
    known = advise(assessed(condition("imnm"), condition("ckd-severe"), *size(), lab("egfr", 25, 5)))
    assert known.mg == 850


def test_a_vague_birth_date_takes_the_oldest_age_it_allows() -> None:
    born = changed(chart(*size()).person, born=parse("1966"))
    assert advise(assessed(changed(chart(*size()), person=born))).mg == 850


def test_lifetime_dose_follows_every_step() -> None:
    steps = (daily(50, 400, 380), daily(150, 379))
    a = assessed(course("cyclophosphamide", 400, steps=steps))
    assert a.lifetime.grams == pytest.approx((50 * 21 + 150 * 380) / 1000)
    assert not assessed(
        course("cyclophosphamide", 400, steps=(daily(50, 400, 380), daily(None, 379)))
    ).lifetime.complete
