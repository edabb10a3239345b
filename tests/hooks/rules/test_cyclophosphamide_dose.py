"""R2-DOSE on an order (B2 "Checks on an existing order")."""

import json
from typing import Any

import msgspec
import pytest

from hooks.chart.facts import CourseStatus, Dosing, DrugCourse
from hooks.rules.cyclophosphamide_dose import RULE
from tests.hooks.builders import allergy, assessed, changed, condition, course, lab, verdict
from tests.hooks.rules.asking import card, judged, outcome, resources, texts

WEIGHT = lab("body-weight", 70, 20, unit="kg")
HEIGHT = lab("body-height", 165, 20, unit="cm")
CREATININE = lab("creatinine", 70, 4, unit="umol/L")
BODY = (WEIGHT, HEIGHT, CREATININE)
SOURCE = "MedicationRequest/o-1"
LEADING = frozenset({SOURCE})


def order(
    mg: float | None = 1500.0, *, status: CourseStatus = "draft", source: str = SOURCE, **step: Any
) -> DrugCourse:
    steps = (Dosing(**({"low": mg, "high": mg} | step)),)
    return course(
        "cyclophosphamide",
        0,
        status=status,
        kind="MedicationRequest",
        source=source,
        steps=steps,
        text="Cyclophosphamide",
    )


def written(mg: float = 1500, id_: str = "o-1", **dosage: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": "Cyclophosphamide"},
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": mg, "unit": "mg"}}], **dosage}],
    }


def raw(*orders: dict[str, Any]) -> dict[str, Any]:
    found = {f"MedicationRequest/{one['id']}": msgspec.Raw(json.dumps(one).encode()) for one in orders}
    return {"raw": found, "leading": frozenset(found)}


def level(*facts: Any, **more: Any) -> str:
    a = assessed(*facts, **{"leading": LEADING} | more)
    return card(RULE, a).indicator if outcome(RULE, a) == "fires" else outcome(RULE, a)


@pytest.mark.parametrize(
    ("mg", "expected"),
    [
        (100, "silent"),
        (1050, "silent"),
        (1155, "silent"),  # 10 % above 15 mg/kg × 70 kg
        (1156, "warning"),
        (1312, "warning"),
        (1313, "critical"),
        (10500, "critical"),
    ],
)
def test_how_far_above_the_table(mg: float, expected: str) -> None:
    assert level(order(mg), *BODY) == expected


@pytest.mark.parametrize(
    ("mg", "expected"), [(1200, "silent"), (1201, "warning"), (1500, "warning"), (1501, "critical")]
)
def test_above_the_cap_there_is_no_margin(mg: float, expected: str) -> None:
    heavy = (lab("body-weight", 95, 5, unit="kg"), lab("body-height", 185, 5, unit="cm"), CREATININE)
    assert level(order(mg), *heavy) == expected


@pytest.mark.parametrize(
    ("age", "kidney", "mg", "expected"),
    [
        (60, CREATININE, 962, "silent"),  # 12.5 mg/kg = 875 mg
        (60, CREATININE, 964, "warning"),
        (71, CREATININE, 771, "warning"),  # 10 mg/kg
        (48, lab("creatinine", 320, 4, unit="umol/L"), 964, "warning"),
        (48, lab("egfr", 25, 4), 964, "warning"),
        (48, lab("egfr", 60, 4), 1050, "silent"),
    ],
)
def test_age_and_kidney_set_the_table(age: int, kidney: Any, mg: float, expected: str) -> None:
    assert level(order(mg), WEIGHT, HEIGHT, kidney, age=age) == expected


@pytest.mark.parametrize(
    ("mg", "expected"),
    [(962, "silent"), (963, "cannot tell"), (1155, "cannot tell"), (1156, "warning"), (1313, "critical")],
)
def test_without_renal_function_what_lies_between_the_columns_is_open(mg: float, expected: str) -> None:
    assert level(order(mg), WEIGHT, HEIGHT) == expected


@pytest.mark.parametrize(
    ("mg", "expected"), [(300, "cannot tell"), (1200, "cannot tell"), (1201, "warning"), (1501, "critical")]
)
def test_without_a_weight_only_the_cap_tells(mg: float, expected: str) -> None:
    assert level(order(mg), CREATININE) == expected


@pytest.mark.parametrize(
    ("basis", "amount", "facts", "expected"),
    [
        ("mg/kg", 15, BODY, "silent"),
        ("mg/kg", 17, BODY, "warning"),
        ("mg/kg", 20, BODY, "critical"),
        ("mg/kg", 20, (CREATININE,), "critical"),
        ("mg/kg", 17, (CREATININE,), "warning"),
        ("mg/kg", 15, (CREATININE,), "cannot tell"),  # the cap, which needs a weight
        ("mg/m2", 600, BODY, "silent"),  # 1.79 m²: 1075 mg
        ("mg/m2", 1000, BODY, "critical"),
        ("mg/m2", 1000, (WEIGHT, CREATININE), "cannot tell"),
    ],
)
def test_doses_per_kg_and_per_area(basis: str, amount: float, facts: tuple[Any, ...], expected: str) -> None:
    assert level(order(amount, basis=basis), *facts) == expected


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (order(None), "cannot tell"),
        (order(None, problem="the text 'as usual' is not understood"), "cannot tell"),
        (changed(order(), steps=()), "cannot tell"),
        (order(low=1000.0, high=1400.0), "critical"),
        (order(per_day=1 / 21, count=6), "critical"),
        (order(from_text=True), "critical"),
        (changed(order(), steps=(Dosing(low=900.0, high=900.0), Dosing(low=1300.0, high=1300.0))), "warning"),
        (changed(order(), steps=(Dosing(), Dosing(low=1300.0, high=1300.0))), "warning"),
        (changed(order(), steps=(Dosing(), Dosing(low=900.0, high=900.0))), "cannot tell"),
        (changed(order(), other_indication="for a neoplasm"), "silent"),
    ],
)
def test_nothing_is_assumed_about_a_dose_that_is_not_there(draft: DrugCourse, expected: str) -> None:
    assert level(draft, *BODY) == expected


@pytest.mark.parametrize(
    ("step", "facts", "expected"),
    [
        ({"mg": 140, "per_day": 1.0}, BODY, "silent"),  # 2 mg/kg a day
        ({"mg": 154, "per_day": 1.0}, BODY, "silent"),
        ({"mg": 155, "per_day": 1.0}, BODY, "warning"),
        ({"mg": 100, "per_day": 2.0}, BODY, "critical"),
        ({"mg": 1050, "per_day": 1.0}, BODY, "critical"),  # a pulse, written as daily
        ({"mg": 1050, "per_day": 1.0, "count": 1}, BODY, "silent"),  # one day: a pulse
        ({"mg": 1050, "per_day": 1.0, "total": True}, BODY, "silent"),
        ({"mg": 150, "per_day": 5 / 7}, BODY, "silent"),
        ({"mg": 3, "per_day": 1.0, "basis": "mg/kg"}, (), "critical"),
        ({"mg": 2, "per_day": 1.0, "basis": "mg/kg"}, (), "cannot tell"),
        ({"mg": 600, "per_day": 1.0}, (), "cannot tell"),
        ({"mg": 1250, "per_day": 1.0}, (), "warning"),
    ],
)
def test_a_daily_order_is_no_pulse(step: dict[str, Any], facts: tuple[Any, ...], expected: str) -> None:
    assert level(order(**step), *facts) == expected


def test_daily_for_one_day_is_a_pulse() -> None:
    assert level(changed(order(1050, per_day=1.0), end=order().start), *BODY) == "silent"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((lab("creatinine", 520, 4, unit="umol/L"),), "critical"),
        ((lab("creatinine", 500, 4, unit="umol/L"),), "silent"),
        ((lab("creatinine", 500, 4, comparator=">", unit="umol/L"),), "critical"),
        ((lab("creatinine", 400, 4, comparator=">", unit="umol/L"),), "cannot tell"),
        ((lab("creatinine", 520, 200, unit="umol/L"),), "cannot tell"),
        ((condition("dialysis"),), "critical"),
        ((condition("dialysis"), CREATININE), "critical"),
        ((condition("ckd-severe"),), "cannot tell"),
        ((condition("ckd-severe"), CREATININE), "silent"),
        ((condition("ckd-severe"), lab("egfr", 25, 4)), "silent"),
    ],
)
def test_kidney_failure_leaves_no_dose(facts: tuple[Any, ...], expected: str) -> None:
    assert level(order(500), WEIGHT, HEIGHT, *facts) == expected


def test_kidney_failure_speaks_without_any_dose_but_not_without_an_order() -> None:
    assert level(order(None), condition("dialysis")) == "critical"
    assert level(condition("dialysis")) == "silent"
    said = card(RULE, assessed(order(), *BODY, condition("dialysis"), **raw(written())))
    assert "on dialysis" in said.summary
    assert "no dose can be named" in texts(said)
    assert not resources(said)
    assert (
        "creatinine above 500 µmol/L"
        in card(RULE, assessed(order(500), lab("creatinine", 520, 4, unit="umol/L"), leading=LEADING)).summary
    )


@pytest.mark.parametrize(
    ("mg", "age", "expected"),
    [(1300, 12, "silent"), (1501, 12, "critical"), (1300, None, "cannot tell"), (1501, None, "critical")],
)
def test_without_an_adult_age_only_what_is_far_above_the_cap_and_no_dose_is_named(
    mg: float, age: int | None, expected: str
) -> None:
    assert level(order(mg), *BODY, age=age) == expected
    if expected == "critical":
        said = card(RULE, assessed(order(mg), *BODY, age=age, **raw(written(mg))))
        assert "a specialist decides" in said.summary
        assert "mg/kg" not in texts(said)
        assert "1200" not in texts(said)
        assert not resources(said)


def test_palliative_care_only_when_critical() -> None:
    assert level(order(1500), *BODY, condition("palliative-care")) == "critical"
    assert level(order(1200), *BODY, condition("palliative-care")) == "silent"


@pytest.mark.parametrize(
    ("drugs", "expected"),
    [
        ((order(status="active"),), "critical"),
        ((order(status="planned"),), "critical"),
        ((order(status="stopped"),), "silent"),
        ((order(status="unknown"),), "cannot tell"),
        ((), "silent"),
    ],
)
def test_on_patient_view_what_is_taken_or_planned(drugs: tuple[Any, ...], expected: str) -> None:
    assert level(*drugs, *BODY, leading=frozenset()) == expected


def test_on_an_order_hook_the_orders_asked_about() -> None:
    on_chart = order(status="active", source="MedicationRequest/old")
    assert level(order(1050), on_chart, *BODY) == "silent"
    assert level(order(1050), order(source="MedicationRequest/o-2"), *BODY) == "silent"


def test_the_card_compares_and_calculates() -> None:
    draft = card(RULE, assessed(order(), *BODY, leading=LEADING))
    assert draft.summary == (
        "Cyclophosphamide 1500 mg is 43 % above the dose for this patient: "
        "1050 mg per pulse by age, kidney function and cap"
    )
    said = texts(draft)
    assert "15 mg/kg × 70 kg" in said
    assert "Cyclophosphamide (being ordered) 1500 mg 2026-11-22 15 mg/kg × 70 kg, ≤ 1200 mg [M]" in said
    assert "Creatinine 70 µmol/L 2026-11-18 reduced > 300 µmol/L [V]; none > 500 µmol/L [V]" in said
    assert "evidence for mesna at these doses is limited" in said


@pytest.mark.parametrize(
    ("draft", "facts", "summary"),
    [
        (order(1300), (), "Cyclophosphamide 1300 mg is above the cap of 1200 mg per pulse: check the order"),
        (order(20, basis="mg/kg"), (), "Cyclophosphamide 20 mg/kg is above the table per pulse: check the order"),
        (
            order(1050, per_day=1.0),
            BODY,
            "Cyclophosphamide 1050 mg a day is above the upper end of daily treatment (2 mg/kg/d): check the order",
        ),
    ],
)
def test_the_summary_says_what_is_exceeded(draft: DrugCourse, facts: tuple[Any, ...], summary: str) -> None:
    assert card(RULE, assessed(draft, *facts, leading=LEADING)).summary == summary


def test_a_daily_order_asks_whether_a_pulse_was_meant() -> None:
    said = card(RULE, assessed(order(1050, per_day=1.0), *BODY, **raw(written(1050))))
    assert "was one pulse meant" in texts(said)
    assert not resources(said)


def test_the_highest_dose_leads_and_an_unknown_one_is_named() -> None:
    drafts = (order(1300, source="MedicationRequest/o-1"), order(1400, source="MedicationRequest/o-2"))
    empty = order(None, source="MedicationRequest/o-3", problem="no dose is recorded")
    leading = frozenset(one.source for one in (*drafts, empty))
    draft = card(RULE, assessed(*drafts, empty, *BODY, leading=leading))
    assert "1400 mg" in draft.summary
    assert "not known: no dose is recorded" in texts(draft)


def test_CH_ACT_04_the_corrected_order_has_the_dose_of_the_table_and_nothing_else_changed() -> None:
    sent = written(category={"text": "not R4"})
    draft = card(RULE, assessed(order(), *BODY, **raw(written())))
    (corrected,) = resources(draft)
    assert corrected == written(1050)
    (suggestion,) = draft.suggestions
    assert len(suggestion.actions) == 1
    assert suggestion.actions[0].type == "update"
    assert sent["dosageInstruction"][0]["category"] == {"text": "not R4"}


def test_every_order_that_is_too_high_has_its_correction() -> None:
    drafts = (order(), order(1400, source="MedicationRequest/o-2"), order(900, source="MedicationRequest/o-3"))
    sent = (written(), written(1400, "o-2"), written(900, "o-3"))
    corrected = resources(card(RULE, assessed(*drafts, *BODY, **raw(*sent))))
    assert corrected == [written(1050), written(1050, "o-2")]


def test_a_correction_is_offered_while_tests_are_missing() -> None:
    draft = card(RULE, assessed(order(), WEIGHT, HEIGHT, **raw(written())))
    assert resources(draft) == [written(1050)]
    assert "renal function not known" in texts(draft)


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        ((lab("anc", 1.2, 4), *BODY), "blood count good enough"),
        ((condition("pregnancy", 60), *BODY), "not pregnant"),
        ((condition("urinary-obstruction"), *BODY), "urinary tract clear"),
        ((condition("serious-infection", 5), *BODY), "no serious infection"),
        ((verdict("hbsag", "positive"), *BODY), "hepatitis B excluded"),
        ((allergy("cyclophosphamide"), *BODY), "allergies checked"),
        (
            (lab("body-weight", 105, 5, unit="kg"), lab("body-height", 165, 5, unit="cm"), CREATININE),
            "ask the pharmacist",
        ),
        ((CREATININE,), "no dose can be named"),
    ],
)
def test_no_correction_past_a_gate_that_is_known_to_fail(facts: tuple[Any, ...], because: str) -> None:
    draft = card(RULE, assessed(order(2000), *facts, **raw(written(2000))))
    assert not draft.suggestions
    assert "No corrected order is offered" in texts(draft)
    assert because in texts(draft)


def test_with_a_high_bmi_the_text_gives_both_doses() -> None:
    obese = (lab("body-weight", 105, 5, unit="kg"), lab("body-height", 165, 5, unit="cm"), CREATININE)
    said = texts(card(RULE, assessed(order(2000), *obese, **raw(written(2000)))))
    assert "**1200 mg** per pulse" in said
    assert "by adjusted weight 1100 mg" in said


def test_no_correction_of_what_cannot_be_sent_back() -> None:
    for sent in ({}, raw(written(1500, note=None)), raw(written(1500, text="20 mg/kg"))):
        draft = card(RULE, assessed(order(), *BODY, **{"leading": LEADING} | sent))
        assert not draft.suggestions
        assert "not one plain amount in mg" in texts(draft)


def test_no_correction_of_an_order_on_the_chart() -> None:
    draft = card(RULE, assessed(order(status="active"), *BODY, **raw(written()) | {"leading": frozenset()}))
    assert not draft.suggestions
    assert "No corrected order" not in texts(draft)


def test_raising_a_dose_never_removes_the_card() -> None:
    ranks = {"silent": 0, "cannot tell": 0, "warning": 1, "critical": 2}
    for facts in (BODY, (), (WEIGHT, HEIGHT), (CREATININE,)):
        seen = [ranks[level(order(float(mg)), *facts)] for mg in range(100, 3000, 100)]
        assert seen == sorted(seen)


def test_what_is_missing_is_said() -> None:
    assert (
        "dose of cyclophosphamide (no dose is recorded)"
        in judged(RULE, assessed(changed(order(), steps=()), *BODY)).because
    )
    assert "body weight" in judged(RULE, assessed(order(1100), leading=LEADING)).because
