"""The language of the vignettes by itself: what it writes is FHIR, and what it cannot read it names."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class

from .comparison import differences, drafted, report, says
from .orders import draft_orders, drafts_context
from .patient_language import KEYS, prefetch, read_patient, request_body
from .patient_words import PatientError
from .vignette_files import Vignette, VignetteError, VignetteText, load_all, load_file, load_patients

Json = dict[str, Any]
VIGNETTES = load_all()


def entries(raw: Json, key: str) -> list[Json]:
    return [entry["resource"] for entry in prefetch(read_patient(raw))[key].get("entry", [])]


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda vignette: vignette.id)
def test_every_resource_is_valid_r4(vignette: Vignette) -> None:
    values = prefetch(vignette.patient)
    for value in values.values():
        get_fhir_model_class(value["resourceType"]).model_validate(value)
        for entry in value.get("entry", []):
            get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])


@pytest.mark.parametrize("vignette", [v for v in VIGNETTES if v.orders], ids=lambda vignette: vignette.id)
def test_written_orders_are_valid_r4_but_for_the_category(vignette: Vignette) -> None:
    for written, order in zip(vignette.text.orders or (), vignette.orders or (), strict=True):
        if "resource" not in written:
            valid = order | ({"category": [order["category"]]} if "category" in order else {})
            get_fhir_model_class(valid["resourceType"]).model_validate(valid)


def test_request_has_every_prefetch_key_and_is_the_same_each_time() -> None:
    patient = read_patient({"born": "1978"})
    body = request_body(patient)
    assert body["hook"] == "patient-view"
    assert body["context"]["patientId"] == body["prefetch"]["patient"]["id"]
    assert tuple(body["prefetch"]) == KEYS
    assert body == request_body(read_patient({"born": "1978"}))


def test_orders_are_drafts_as_the_public_sandbox_sends_them() -> None:
    drug, procedure = draft_orders(
        [
            {"drug": "cyclophosphamide", "dose": "1500 mg", "every": "3 weeks", "lasts": "3 months"},
            {"procedure": "plasma exchange", "on": "2026-11-24"},
        ]
    )
    assert {key: drug[key] for key in ("resourceType", "id", "status", "intent")} == {
        "resourceType": "MedicationRequest",
        "id": "order-1",
        "status": "draft",
        "intent": "order",
    }
    assert isinstance(drug["category"], dict)
    assert "authoredOn" not in drug
    timing = {"frequency": 1, "period": 3, "periodUnit": "wk"}
    months = {"value": 3, "unit": "mo", "system": "http://unitsofmeasure.org", "code": "mo"}
    assert drug["dosageInstruction"][0]["timing"] == {"repeat": timing | {"boundsDuration": months}}
    assert drug["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 1500
    assert (procedure["resourceType"], procedure["id"], procedure["status"]) == ("ServiceRequest", "order-2", "draft")
    assert procedure["occurrenceDateTime"] == "2026-11-24"


def test_an_order_may_be_a_revision_dated_and_raw() -> None:
    raw = {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"coding": [{}]}}
    stopped, several, planned, sent = draft_orders(
        [
            {"drug": "methotrexate", "status": "stopped", "id": "medicationrequests-1", "ordered": "2026-11-01"},
            {"drug": "rituximab", "on": ["2026-11-23", "2026-12-07"], "replaces": "medicationrequests-2"},
            {"drug": "prednisone", "from": "2026-11-23"},
            {"resource": raw},
        ]
    )
    assert (stopped["id"], stopped["status"], stopped["authoredOn"]) == (
        "medicationrequests-1",
        "stopped",
        "2026-11-01",
    )
    assert several["dosageInstruction"][0]["timing"] == {"event": ["2026-11-23", "2026-12-07"]}
    assert several["priorPrescription"] == {"reference": "MedicationRequest/medicationrequests-2"}
    assert planned["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"] == {"start": "2026-11-23"}
    assert sent is raw


def test_context_of_each_hook() -> None:
    orders = draft_orders([{"drug": "methotrexate"}, {"drug": "prednisone"}, {"resource": {"resourceType": "Task"}}])
    bundle = {"resourceType": "Bundle", "entry": [{"resource": order} for order in orders]}
    assert drafts_context("order-sign", orders, None) == {"draftOrders": bundle}
    both = ["MedicationRequest/order-1", "MedicationRequest/order-2"]
    assert drafts_context("order-select", orders, None) == {"selections": both, "draftOrders": bundle}
    assert drafts_context("order-select", orders, [2])["selections"] == both[1:]
    assert drafts_context("order-select", None, None) == {}
    body = request_body(read_patient({}), "order-sign", drafts_context("order-sign", orders, None))
    assert body["hook"] == "order-sign"
    assert body["context"]["draftOrders"] == bundle


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"drug": "cyclo"}, r"orders\[1\] .*'cyclo' is not in the vocabulary"),
        ({"drug": "methotrexate", "doze": "1 mg"}, r"orders\[1\]: .*doze"),
        ({"drug": "methotrexate", "as": "statement"}, r"orders\[1\]: .*no `as`"),
        ({"drug": "methotrexate", "status": "intended"}, r"orders\[1\].status: 'intended'"),
        ({"drug": "methotrexate", "on": "2026-11-24", "to": "2026-11-25"}, "either `on` or `from`"),
        ({"drug": "methotrexate", "lasts": "long"}, r"orders\[1\].lasts: 'long'"),
        ({"drug": "methotrexate", "lasts": "1 week", "to": "2026-11-25"}, r"orders\[1\].lasts: is for orders"),
        ({"procedure": "surgery"}, "'surgery' is not in the vocabulary"),
        ({"procedure": "plasma exchange", "at": "2026"}, r"orders\[1\]: .*at"),
        ({"resource": {}, "drug": "methotrexate"}, r"orders\[1\]: a `resource`"),
    ],
)
def test_a_mistake_in_an_order_names_it(order: Json, message: str) -> None:
    with pytest.raises(PatientError, match=message):
        draft_orders([order])


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
        ("- {id: W1, title: t, based_on: BASE, cannot_tell: [Relaps]}", "w.yaml: W1: cannot_tell: .*'Relaps'"),
        ("- {id: W1, title: t, based_on: BASE, hook: order-view}", "w.yaml: W1: hook: .*'order-view'"),
        ("- {id: W1, title: t, based_on: BASE, orders: []}", "w.yaml: W1: orders: there are none on patient-view"),
        ("- {id: W1, title: t, based_on: BASE, hook: order-sign, selected: [1]}", "W1: selected: only order-select"),
        (
            "- {id: W1, title: t, based_on: BASE, hook: order-select, orders: [{drug: methotrexate}], selected: [2]}",
            "W1: selected/deletes: there is no order 2",
        ),
        (
            "- {id: W1, title: t, based_on: BASE, hook: order-sign, expect: [{card: Relapse, deletes: [1]}]}",
            "W1: selected/deletes: there is no order 1",
        ),
        ("- {id: W1, title: t, based_on: BASE, hook: order-sign, orders: [{drug: x}]}", r"W1: orders\[1\] .*'x'"),
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


def test_a_vignette_runs_once_on_each_of_its_hooks(tmp_path: Path) -> None:
    (tmp_path / "patients.yaml").write_text("BASE: {patient: {born: 1978-05-01}}")
    (tmp_path / "a.yaml").write_text(
        """
        - {id: W1, title: t, based_on: BASE}
        - {id: W2, title: t, based_on: BASE, hook: [order-select, order-sign], orders: [{drug: methotrexate}]}
        """
    )
    vignettes = load_all(tmp_path)
    assert [vignette.id for vignette in vignettes] == ["W1", "W2-order-select", "W2-order-sign"]
    assert [vignette.request["hook"] for vignette in vignettes] == ["patient-view", "order-select", "order-sign"]
    assert ["selections" in vignette.request["context"] for vignette in vignettes] == [False, True, False]


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


def test_deletions_and_verdicts_are_compared() -> None:
    orders = draft_orders([{"drug": "atorvastatin"}, {"drug": "methotrexate"}])
    deletes = card(
        "Relapse", suggestions=[{"actions": [{"type": "delete", "resourceId": "MedicationRequest/order-1"}]}]
    )
    assert differences(expecting(deletes=[1]), [deletes], orders) == []
    assert differences(expecting(deletes=[2]), [deletes], orders) == ["Relapse does not delete order 2"]
    assert "delete MedicationRequest/order-1" in report(expecting(), [deletes], [])
    unsure = vignette(cannot_tell=["Relapse"])
    assert differences(unsure, [], (), {"Relapse": "cannot tell"}) == []
    assert differences(unsure, [], (), {"Relapse": "silent"}) == ["Relapse: its verdict is 'silent', not 'cannot tell'"]
    assert differences(unsure, []) == ["Relapse: its verdict is 'not asked on this hook', not 'cannot tell'"]


def test_a_due_card_that_came_is_noticed() -> None:
    raw = {"id": "W1", "title": "t", "due_with_safety_rules": [{"card": "Relapse", "indicator": "warning"}]}
    with_due = msgspec.convert(raw, VignetteText)
    assert differences(with_due, []) == []
    assert differences(with_due, [card("Relapse")]) == ["Relapse came: move it from due_with_safety_rules to expect"]


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
