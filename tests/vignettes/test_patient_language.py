"""The language of the vignettes by itself: what it writes is FHIR, and what it cannot read it names."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class

from .comparison import differences, drafted, report, says
from .patient_language import KEYS, prefetch, read_patient, request_body
from .patient_words import PatientError
from .vignette_files import Vignette, VignetteError, VignetteText, load_all, load_file, load_patients

Json = dict[str, Any]
VIGNETTES = load_all()


def entries(raw: Json, key: str) -> list[Json]:
    return [entry["resource"] for entry in prefetch(read_patient(raw))[key].get("entry", [])]


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda vignette: vignette.text.id)
def test_every_resource_is_valid_r4(vignette: Vignette) -> None:
    values = prefetch(vignette.patient)
    for value in values.values():
        get_fhir_model_class(value["resourceType"]).model_validate(value)
        for entry in value.get("entry", []):
            get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])


def test_request_has_every_prefetch_key_and_is_the_same_each_time() -> None:
    patient = read_patient({"born": "1978"})
    body = request_body(patient)
    assert body["hook"] == "patient-view"
    assert body["context"]["patientId"] == body["prefetch"]["patient"]["id"]
    assert tuple(body["prefetch"]) == KEYS
    assert body == request_body(read_patient({"born": "1978"}))


def test_unavailable_source_is_an_error_and_absent_key_is_left_out() -> None:
    values = prefetch(read_patient({"unavailable": ["allergies"], "absent": ["procedures"]}))
    assert values["allergies"]["resourceType"] == "OperationOutcome"
    assert values["allergies"]["issue"][0]["severity"] == "error"
    assert "procedures" not in values
    assert values["labs"]["total"] == 0


def test_three_forms_of_a_course() -> None:
    course = {"dose": "20 mg", "every": "week", "from": "2026-01-10", "status": "active"}
    raw = {
        "drugs": {
            "methotrexate": [
                course,
                course | {"as": "request"},
                {"dose": "20 mg", "on": "2026-01-10", "status": "completed", "as": "administration"},
            ]
        }
    }
    weekly = {"frequency": 1, "period": 1, "periodUnit": "wk"}
    (statement,) = entries(raw, "medicationStatements")
    assert statement["dosage"][0]["timing"] == {"repeat": weekly}
    assert statement["effectivePeriod"] == {"start": "2026-01-10"}
    (request,) = entries(raw, "medicationRequests")
    assert request["intent"] == "order"
    assert request["authoredOn"] == "2026-01-10"
    assert request["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"] == {"start": "2026-01-10"}
    (administration,) = entries(raw, "medicationAdministrations")
    assert administration["dosage"]["dose"]["code"] == "mg"
    assert administration["effectiveDateTime"] == "2026-01-10"


def test_several_dates_are_several_courses() -> None:
    raw = {"drugs": {"rituximab": [{"dose": "1000 mg", "on": ["2026-04-20", "2026-05-04"], "status": "completed"}]}}
    given = entries(raw, "medicationStatements")
    assert [course["effectiveDateTime"] for course in given] == ["2026-04-20", "2026-05-04"]
    assert len({course["id"] for course in given}) == 2


@pytest.mark.parametrize(
    ("written", "number", "code"),
    [
        ("96/150", 96, "mmt8-total-150"),
        ("52/80", 52, "mmt8-total-80"),
        ("64 %", 64, "mmt8-percent"),
        (78, 78, None),
    ],
)
def test_strength_with_and_without_scale(written: int | str, number: int, code: str | None) -> None:
    (score,) = entries({"results": {"MMT-8": [{"value": written, "on": "2026-11-12"}]}}, "scores")
    assert score["valueQuantity"] == {"value": number}
    assert score["code"]["text"] == "MMT-8"
    assert [coding["code"] for coding in score["code"].get("coding", [])] == ([code] if code else [])


def test_results_are_numbers_coded_words_or_text() -> None:
    def value(written: int | str) -> Json:
        (result,) = entries({"results": {"CK": [{"value": written, "on": "2026-11-10"}]}}, "labs")
        return {key: value for key, value in result.items() if key.startswith("value")}

    assert value("103 µkat/L")["valueQuantity"]["code"] == "ukat/L"
    assert value(6200) == {"valueQuantity": {"value": 6200}}
    assert value("148 units") == {"valueQuantity": {"value": 148, "unit": "units"}}
    assert value("Negative")["valueCodeableConcept"]["coding"][0]["code"] == "260385009"
    assert value("weakly reactive") == {"valueString": "weakly reactive"}


def test_reference_range_has_the_unit_of_the_value() -> None:
    raw = {"results": {"CK": [{"value": "6200 U/L", "on": "2026-11-10", "normal_up_to": 200}]}}
    (result,) = entries(raw, "labs")
    assert result["referenceRange"][0]["high"] == result["valueQuantity"] | {"value": 200}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"drgus": {}}, "drgus"),
        ({"born": "May 1978"}, "born"),
        ({"born": "1978-02-31"}, "born: 1978-02-31 is not a day"),
        ({"drugs": []}, "drugs: expected names"),
        ({"drugs": {"ivig": [{"dsoe": "1 g", "status": "active"}]}}, r"drugs.ivig\[0\]: .*dsoe"),
        ({"drugs": {"ivig": [{"dose": 140, "status": "active"}]}}, r"drugs.ivig\[0\].dose: Expected"),
        ({"drugs": {"ivig": [{"dose": "much", "status": "active"}]}}, r"drugs.ivig\[0\].*'much'"),
        ({"drugs": {"ivig": [{"dose": "1 g", "status": "ative"}]}}, r"drugs.ivig\[0\].status: 'ative'"),
        ({"drugs": {"ivig": [{"every": "often", "status": "active"}]}}, r"drugs.ivig\[0\].every"),
        ({"drugs": {"ivig": [{"times": 2, "status": "active"}]}}, r"drugs.ivig\[0\].times"),
        ({"drugs": {"ivgi": [{"status": "active"}]}}, "'ivgi' is not in the vocabulary"),
        (
            {"drugs": {"ivig": [{"on": "2026-01-01", "to": "2026-01-02", "status": "active"}]}},
            "either `on` or `from`",
        ),
        ({"drugs": {"ivig": [{"status": "completed", "as": "administration"}]}}, "administration needs"),
        ({"results": {"CK": [{"value": "6200 U/L"}]}}, r"results.CK\[0\]: .*`on`"),
        ({"results": {"CKK": [{"value": 1, "on": "2026-01-01"}]}}, "'CKK' is not in the vocabulary"),
        ({"results": {"MMT-8": [{"value": "98/160", "on": "2026-01-01"}]}}, r"results.MMT-8\[0\].value"),
        ({"conditions": [{"is": "flu"}]}, "'flu' is not in the vocabulary"),
        ({"conditions": [{"status": "active"}]}, "either `is`"),
        ({"procedures": [{"is": "plasma exchange"}]}, r"procedures\[0\]: .*`on`"),
        ({"unavailable": ["alergies"]}, "'alergies' is not a source"),
        ("female", "expected a mapping"),
    ],
)
def test_a_mistake_in_a_patient_names_its_key(raw: object, message: str) -> None:
    with pytest.raises(PatientError, match=message):
        read_patient(raw)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: W1", "w.yaml: expected a list"),
        ("- id: [", "w.yaml: "),
        ("- {id: W1, id: W2, title: t}", "w.yaml: line 1: the key 'id' stands here twice"),
        ("- {id: W1, title: t, based_on: NOBODY}", "w.yaml: W1: based_on: .*NOBODY"),
        ("- {id: W1, title: t}", "w.yaml: W1: needs either"),
        ("- {id: W1, title: t, based_on: BASE, exepct: []}", "w.yaml: W1: .*exepct"),
        ("- {title: t, based_on: BASE}", "w.yaml: vignette 1: .*`id`"),
        ("- {id: W1, title: t, based_on: BASE, expect: [{card: Relaps}]}", "w.yaml: W1: expect: .*'Relaps'"),
        ("- {id: W1, title: t, based_on: BASE, never: [Relaps]}", "w.yaml: W1: never: .*'Relaps'"),
        (
            "- {id: W1, title: t, based_on: BASE, expect: [{card: Relapse, indicator: red}]}",
            r"w.yaml: W1: expect\[0\].indicator: .*'red'",
        ),
        ("- {id: W1, title: t, based_on: BASE, expect: [{card: Relapse}], never: [Relapse]}", "Relapse stands"),
        ("- {id: W1, title: t, based_on: BASE, change: {born.year: 1}}", "w.yaml: W1: change: born.year"),
        ("- {id: W1, title: t, based_on: BASE, remove: [drugs.ivig]}", "w.yaml: W1: remove: drugs.ivig"),
        ("- {id: W1, title: t, based_on: BASE, change: {sex: 7}}", "w.yaml: W1: sex: "),
    ],
)
def test_a_mistake_in_a_file_names_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(text)
    with pytest.raises(VignetteError, match=message):
        load_file(path, {"BASE": {"born": "1978-05-01"}})


def test_an_id_is_used_once(tmp_path: Path) -> None:
    (tmp_path / "patients.yaml").write_text("BASE: {patient: {born: 1978-05-01}}")
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("- {id: W1, title: t, based_on: BASE}")
    with pytest.raises(VignetteError, match=r"b\.yaml: W1: id: already used in a\.yaml"):
        load_all(tmp_path)


def test_a_patient_can_be_based_on_another(tmp_path: Path) -> None:
    path = tmp_path / "patients.yaml"
    path.write_text(
        """
        A: {patient: {born: 1978-05-01, sex: female, drugs: {ivig: [{status: completed}]}}}
        B: {based_on: A, change: {born: "1990"}, add: {drugs.ivig: [{status: active}]}, remove: [sex]}
        """
    )
    patients = load_patients(path)
    assert patients["B"] == {"born": "1990", "drugs": {"ivig": [{"status": "completed"}, {"status": "active"}]}}
    assert patients["A"]["drugs"] == {"ivig": [{"status": "completed"}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [("- A", "patients.yaml: expected names"), ("A: {patient: {sxe: f}}", "patients.yaml: A: .*sxe")],
)
def test_a_mistake_in_the_patients_names_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "patients.yaml"
    path.write_text(text)
    with pytest.raises(VignetteError, match=message):
        load_patients(path)


def card(name: str, **more: Any) -> Json:
    return {"summary": "s", "indicator": "info", "source": {"topic": {"code": name}}} | more


def vignette(**more: Any) -> VignetteText:
    return VignetteText(id="W1", title="t", **more)


def expecting(**more: Any) -> VignetteText:
    raw = {"id": "W1", "title": "t", "expect": [{"card": "Relapse"} | more]}
    return msgspec.convert(raw, VignetteText)


DRAFT = {
    "resourceType": "MedicationRequest",
    "medicationCodeableConcept": {"text": "Cyclophosphamide"},
    "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 1200.0, "unit": "mg"}}]}],
    "note": [{"text": "stop methotrexate first"}],
}


@pytest.mark.parametrize(
    ("text", "cards", "found"),
    [
        (vignette(), [card("Relapse")], []),
        (vignette(only_these=True), [card("Relapse")], ["Relapse came, and only_these is set"]),
        (vignette(never=["Relapse"]), [card("Relapse")], ["Relapse must not come"]),
        (vignette(never_says=["s"]), [card("Relapse")], ["no card may say 's'"]),
        (expecting(), [], ["Relapse is missing"]),
        (expecting(), [card("Relapse"), card("Relapse")], ["two cards carry the same name"]),
        (expecting(indicator="warning"), [card("Relapse")], ["Relapse is info, not warning"]),
        (expecting(says=["a | S"]), [card("Relapse")], []),
        (expecting(says=["a"]), [card("Relapse")], ["Relapse does not say 'a'"]),
        (expecting(never_says=["S"]), [card("Relapse")], ["Relapse must not say 'S'"]),
        (expecting(drafts=["ServiceRequest"]), [card("Relapse")], ["Relapse does not draft 'ServiceRequest'"]),
        (
            expecting(never_drafts=["MedicationRequest: 1200 mg"]),
            [card("Relapse", suggestions=[{"actions": [{"resource": DRAFT}, {"type": "delete"}]}])],
            ["Relapse must not draft 'MedicationRequest: 1200 mg'"],
        ),
        (
            vignette(never_drafts=["MedicationRequest"]),
            [card("Relapse", suggestions=[{"actions": [{"resource": DRAFT}]}])],
            ["no card may draft 'MedicationRequest'"],
        ),
    ],
)
def test_what_is_wrong_with_the_cards_is_found(text: VignetteText, cards: list[Json], found: list[str]) -> None:
    assert differences(text, cards) == found


def test_a_due_card_that_came_is_noticed() -> None:
    (with_due,) = [v.text for v in VIGNETTES if v.text.id == "V33"]
    due = with_due.due_with_safety_rules[0].card
    assert f"{due} came: move it from due_with_safety_rules to expect" in differences(with_due, [card(due)])


def test_words_of_a_draft_stand_together_and_its_remarks_do_not_count() -> None:
    assert drafted("MedicationRequest: cyclophosphamide, 1200 mg", [DRAFT])
    assert drafted("MedicationRequest: methotrexate | cyclophosphamide", [DRAFT])
    assert not drafted("MedicationRequest: cyclophosphamide, 1250 mg", [DRAFT])
    assert not drafted("MedicationRequest: methotrexate", [DRAFT])
    assert not drafted("ServiceRequest: cyclophosphamide", [DRAFT])


def test_numbers_are_found_however_they_are_grouped() -> None:
    assert says("1050 mg", "**1,050 mg**")
    assert says("1050 mg", "1\u202f050\u00a0mg")
    assert not says("1050", "10, 50")


def test_report_tells_what_came_instead() -> None:
    lines = report(expecting(), [card("DataQuality", suggestions=[{"actions": [{"resource": DRAFT}]}])], ["missing"])
    assert "Relapse (any)" in lines
    assert "DataQuality (info): s" in lines
    assert "MedicationRequest: MedicationRequest Cyclophosphamide 1200 mg" in lines
    assert "no card" in report(vignette(), [], [])
