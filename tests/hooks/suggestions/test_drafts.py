"""What the drafts say: tests and referrals, cyclophosphamide, plasma exchange, IVIG, mycophenolate (B1, B2, A2)."""

from typing import Any

import pytest

from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.cyclophosphamide_dose import DoseAdvice, draft_gates
from hooks.suggestions import cyclophosphamide, investigations, next_line
from tests.hooks.builders import assessed, base, condition, knowledge, lab, verdict
from tests.hooks.suggestions.test_resources import valid

A = assessed(base())


def gate_tests(a: Assessment) -> Suggestion:
    return cyclophosphamide.gate_tests(a, draft_gates(a))


def only(found: Suggestion) -> dict[str, Any]:
    (action,) = found.actions
    valid(action.resource)
    return action.resource


def test_only_verified_codes_are_on_orders() -> None:
    coded = {
        code["code"]: (action.resource["code"]["text"], code["display"])
        for action in gate_tests(A).actions
        for code in action.resource["code"].get("coding", ())
    }
    assert set(coded) == {"2160-0", "2118-8", "5195-3", "13952-7", "42595-9", "2465-3"}
    sets = knowledge().value_sets
    assert coded["5195-3"] == ("HBsAg", sets["hbsag"].codes["loinc"]["5195-3"])
    uncoded = [a.resource for a in gate_tests(A).actions if "coding" not in a.resource["code"]]
    assert [r["code"]["text"].split()[0] for r in uncoded] == ["Complete", "Liver", "Urinalysis", "Interferon-gamma"]


def test_the_gate_tests_are_one_suggestion_of_valid_drafts() -> None:
    found = gate_tests(A)
    assert found.is_recommended
    for action in found.actions:
        valid(action.resource)
        assert action.description == f"Order {action.resource['code']['text']}"


@pytest.mark.parametrize(
    ("more", "asked"),
    [({}, True), ({"gender": "male"}, False), ({"age": 56}, False), ({"age": 55}, True), ({"gender": ""}, True)],
)
def test_hcg_only_where_the_question_stands(more: dict[str, Any], asked: bool) -> None:
    texts = [a.description for a in gate_tests(assessed(base(**more))).actions]
    assert ("Order hCG pregnancy test" in texts) is asked


def test_no_hcg_after_hysterectomy() -> None:
    texts = [a.description for a in gate_tests(assessed(base(condition("no-childbearing")))).actions]
    assert "Order hCG pregnancy test" not in texts


PASSED = {
    "Complete blood count": (lab("wbc", 5, 3), lab("anc", 3, 3), lab("platelets", 200, 3)),
    "Creatinine": (lab("creatinine", 70, 3),),
    "Urinalysis": (lab("urine-rbc", 2, 3, upper=3.0),),
    "hCG": (verdict("hcg", "negative", 3),),
    "HBsAg": (verdict("hbsag", "negative", 3), verdict("anti-hbc", "negative", 3)),
}


@pytest.mark.parametrize("name", PASSED)
def test_a_test_whose_gate_is_passed_is_not_ordered_again(name: str) -> None:
    before, after = (
        [action.description.removeprefix("Order ") for action in gate_tests(a).actions]
        for a in (A, assessed(base(*PASSED[name])))
    )
    assert any(text.startswith(name) for text in before)
    assert not any(text.startswith(name) for text in after)
    assert len(before) - len(after) == (2 if name == "HBsAg" else 1)


def test_half_of_a_gate_is_not_the_gate() -> None:
    texts = [action.description for action in gate_tests(assessed(base(verdict("hbsag", "negative", 3)))).actions]
    assert "Order HBsAg" in texts


def test_a_pulse_is_one_dose_with_its_instructions() -> None:
    found = cyclophosphamide.pulse_order(A, DoseAdvice(mg=1050.0), "By table.")
    order = only(found)
    assert found.label == "Draft cyclophosphamide 1050 mg IV (unsigned)"
    assert found.is_recommended is False
    (dose,) = order["dosageInstruction"]
    assert dose["doseAndRate"][0]["doseQuantity"] == {
        "value": 1050, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg",
    }  # fmt: skip
    assert "timing" not in dose
    assert "only after review of blood count and renal function" in dose["text"]
    assert order["note"] == [{"text": "By table."}]


def test_plasma_exchange_is_urgent_only_when_asked_to_be() -> None:
    calm, urgent = (next_line.plasma_exchange(A, urgent=u) for u in (False, True))
    assert only(urgent)["priority"] == "urgent"
    assert urgent.is_recommended
    assert "priority" not in only(calm)
    assert not calm.is_recommended
    (code,) = only(calm)["code"]["coding"]
    assert (code["code"], code["display"]) == (
        "20720000",
        knowledge().value_sets["plasma-exchange"].codes["snomed"]["20720000"],
    )


def test_ivig_again_has_no_calculated_dose() -> None:
    order = only(next_line.ivig(A))
    (dose,) = order["dosageInstruction"]
    assert "doseAndRate" not in dose
    assert "Dose not calculated" in dose["text"]
    assert "thrombosis risk, renal function and IgA deficiency" in order["note"][0]["text"]


def test_mycophenolate_starts_low_and_steps_up() -> None:
    order = only(next_line.mycophenolate(assessed(base(gender="male"))))
    start, then = order["dosageInstruction"]
    quantity = start["doseAndRate"][0]["doseQuantity"]
    assert start["sequence"] == 1
    assert (quantity["value"], quantity["unit"], quantity["code"]) == (500, "mg", "mg")
    assert start["timing"]["repeat"] == {"frequency": 2, "period": 1, "periodUnit": "d"}
    assert "1000 mg twice daily, up to 1500 mg twice daily" in then["text"]
    assert "contraception" in order["note"][0]["text"]


def test_mycophenolate_waits_for_pregnancy_tests_where_the_question_stands() -> None:
    order = only(next_line.mycophenolate(A))
    start, then = order["dosageInstruction"]
    assert set(start) == {"sequence", "text"}
    assert start["text"].startswith("dose after two negative pregnancy tests, see card")
    assert "1000 mg twice daily, up to 1500 mg twice daily" in then["text"]
    assert "doseAndRate" not in then
    assert order["note"][0]["text"].startswith("Two negative pregnancy tests first")
    moot = only(next_line.mycophenolate(assessed(base(condition("no-childbearing")))))
    assert "doseAndRate" in moot["dosageInstruction"][0]


def test_tests_and_referrals() -> None:
    assert only(investigations.ck(A))["code"]["coding"][0]["code"] == "2157-6"
    assert "note" not in only(investigations.ck(A))
    assert only(investigations.ck(A, "Soon."))["note"] == [{"text": "Soon."}]
    assert "state the scale" in only(investigations.mmt8(A))["code"]["text"]
    assert "coding" not in only(investigations.mmt8(A))["code"]
    assert only(investigations.muscle_mri(A, "fat?"))["code"]["text"].endswith("STIR: fat?")
    assert investigations.referral(A).is_recommended
    assert not investigations.referral(A, recommended=False).is_recommended
    assert only(investigations.urgent_referral(A))["priority"] == "urgent"


@pytest.mark.parametrize(("concept", "code"), [("anti-hmgcr", "93493-5"), ("anti-srp", "33921-8")])
def test_antibodies_are_drawn_before_ivig(concept: str, code: str) -> None:
    order = only(investigations.antibody(A, concept))
    assert order["code"]["coding"][0]["code"] == code
    assert order["note"] == [{"text": "Draw before the next IVIG or plasma exchange."}]
