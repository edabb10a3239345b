"""Conditions, allergies, procedures, the person, and the chart as a whole (A1, A4, B9)."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds_service.patient_data import Entry, PatientData, Source
from hooks.chart import read
from hooks.chart.facts import Chart
from hooks.chart.gate import ENTRY_CONDITIONS, concerns
from tests.hooks.chart.resources import (
    ICD10,
    KNOWLEDGE,
    SNOMED,
    SOURCES,
    TODAY,
    allergy,
    ck,
    concept,
    condition,
    imnm,
    patient_data,
    period,
    procedure,
    raw,
    read_chart,
    statement,
    the_reason,
)


@pytest.mark.parametrize(
    ("fields", "current"),
    [
        ({}, True), ({"clinicalStatus": concept("active")}, True), ({"clinicalStatus": concept("recurrence")}, True),
        ({"clinicalStatus": concept("relapse")}, True), ({"clinicalStatus": concept("remission")}, False),
        ({"clinicalStatus": concept("inactive")}, False), ({"clinicalStatus": concept("resolved")}, False),
        ({"clinicalStatus": {"text": "Resolved"}}, False), ({"abatementDateTime": "2026-01-01"}, False),
        ({"abatementPeriod": {}}, False),
        ({"clinicalStatus": concept("active"), "abatementDateTime": "2026-01-01"}, True),
    ],
)  # fmt: skip
def test_whether_a_condition_is_current(fields: dict[str, Any], current: bool) -> None:
    assert read_chart(imnm(**fields)).diagnoses[0].current is current


@pytest.mark.parametrize("denied", ["refuted", "entered-in-error"])
def test_a_refuted_condition_is_none(denied: str) -> None:
    chart = read_chart(imnm(verificationStatus=concept(denied)))
    assert chart.diagnoses == ()
    assert (chart.dropped[0].reason, chart.dropped[0].concept) == (f"is {denied}", "imnm")


def test_a_provisional_condition_keeps_its_mark() -> None:
    assert read_chart(imnm(verificationStatus=concept("provisional"))).diagnoses[0].verification == "provisional"


@pytest.mark.parametrize(
    ("fields", "since"),
    [
        ({"onsetDateTime": "2025-10"}, "2025-10"), ({"onsetPeriod": period("2025")}, "2025"),
        ({"recordedDate": "2025-11-01"}, "2025-11-01"),
        ({"onsetDateTime": "x", "recordedDate": "2025-11-01"}, "2025-11-01"),
        ({}, "None"),
    ],
)  # fmt: skip
def test_since_when_a_condition_is_known(fields: dict[str, Any], since: str) -> None:
    assert str(read_chart(imnm(**fields)).diagnoses[0].since) == since


def test_a_condition_of_somebody_else_is_dropped() -> None:
    assert "another patient" in the_reason(imnm(subject={"reference": "Patient/q"}))
    assert the_reason(conditions=[b"5"]).startswith("cannot be read")


def test_a_family_history_is_no_condition() -> None:
    family = {"resourceType": "FamilyMemberHistory", "condition": [{"code": concept("715863001", SNOMED)}]}
    assert the_reason(conditions=[family]) == "is a FamilyMemberHistory, not a Condition"


# Allergies


@pytest.mark.parametrize(
    ("code", "concepts"),
    [
        (concept(text="Sulfa drugs"), {"sulfonamide-antibiotic"}),
        (concept(text="Bactrim"), {"sulfonamide-antibiotic", "tmp-smx"}),
        (concept(text="Statins"), {"statin"}), (concept(text="prednisone"), {"glucocorticoid"}),
        (concept(text="Rituximab"), {"rituximab"}), (concept("91939003", SNOMED), {"sulfonamide-antibiotic"}),
    ],
)  # fmt: skip
def test_what_an_allergy_names(code: dict[str, Any], concepts: set[str]) -> None:
    assert read_chart(allergy(code)).allergies[0].concepts == concepts


def test_an_allergy_may_name_the_substance_in_its_reaction() -> None:
    found = allergy({"text": "drug allergy"}, reaction=[{"substance": {"text": "methotrexate"}}])
    assert read_chart(found).allergies[0].concepts == {"methotrexate"}


@pytest.mark.parametrize("text", ["Peanut", "furosemide", "sulfonylurea"])
def test_an_allergy_of_no_interest(text: str) -> None:
    chart = read_chart(allergy({"text": text}))
    assert (chart.allergies, chart.dropped) == ((), ())


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"verificationStatus": concept("refuted")}, "is refuted"),
        ({"verificationStatus": concept("entered-in-error")}, "is entered-in-error"),
        ({"clinicalStatus": concept("resolved")}, "is resolved"),
        ({"clinicalStatus": concept("inactive")}, "is inactive"),
        ({"patient": ...}, "does not say whose it is"),
    ],
)
def test_an_allergy_that_does_not_count(fields: dict[str, Any], reason: str) -> None:
    assert the_reason(allergy({"text": "sulfa"}, **fields)) == reason


def test_an_allergy_that_cannot_be_read_is_dropped() -> None:
    assert the_reason(allergies=[b"5"]).startswith("cannot be read")


@pytest.mark.parametrize(
    ("fields", "severe", "scar"),
    [
        ({}, False, False),
        ({"reaction": [{"manifestation": [{"text": "Rash"}]}]}, False, False),
        ({"reaction": [{"manifestation": [{"text": "Stevens-Johnson syndrome"}]}]}, True, True),
        ({"reaction": [{"description": "TEN"}]}, True, True),
        ({"reaction": [{"description": "rash ten years ago"}]}, False, False),
        ({"note": [{"text": "DRESS in 2019"}]}, True, True),
        ({"reaction": [{"manifestation": [{"text": "Anaphylaxis"}]}]}, True, False),
        ({"reaction": [{"severity": "severe"}]}, True, False),
        ({"reaction": [{"severity": "mild"}]}, False, False),
        ({"criticality": "high"}, True, False),
    ],
)
def test_how_severe_an_allergy_is(fields: dict[str, Any], severe: bool, scar: bool) -> None:
    found = read_chart(allergy({"text": "sulfa"}, **fields)).allergies[0]
    assert (found.severe, found.scar) == (severe, scar)


# Procedures


PLEX = concept("20720000", SNOMED)


@pytest.mark.parametrize(
    ("fields", "when", "performed", "planned"),
    [
        ({}, "2026-11-15", True, False),
        ({"status": "in-progress"}, "2026-11-15", True, False),
        ({"status": "preparation", "performedDateTime": ...}, "None", False, True),
        ({"performedDateTime": "2026-11-25"}, "2026-11-25", False, True),
        ({"performedDateTime": ..., "performedPeriod": period("2026-11-10", "2026-11-11")}, "2026-11-10", True, False),
    ],
)
def test_a_plasma_exchange(fields: dict[str, Any], when: str, performed: bool, planned: bool) -> None:
    (session,) = read_chart(procedure(PLEX, **fields)).sessions
    assert (str(session.when), session.performed, session.planned) == (when, performed, planned)


@pytest.mark.parametrize("status", ["not-done", "entered-in-error", "stopped", "on-hold", "unknown", ...])
def test_a_procedure_that_was_not_performed(status: Any) -> None:
    assert the_reason(procedure(PLEX, status=status)).endswith("not performed")


@pytest.mark.parametrize("text", ["Plasmapheresis", "therapeutic plasma exchange", "PLEX"])
def test_a_plasma_exchange_in_words(text: str) -> None:
    assert len(read_chart(procedure({"text": text})).sessions) == 1


@pytest.mark.parametrize("text", ["plasmapheresis donor", "Appendectomy"])
def test_a_procedure_of_no_interest(text: str) -> None:
    chart = read_chart(procedure({"text": text}))
    assert (chart.sessions, chart.dropped) == ((), ())


def test_a_procedure_that_cannot_be_used_is_named() -> None:
    assert "another patient" in the_reason(procedure(PLEX, subject={"reference": "Patient/q"}))
    assert "code was left out" in the_reason(procedure(5))  # type: ignore[arg-type]
    assert the_reason(procedures=[b"5"]).startswith("cannot be read")


def test_ivig_by_a_procedure_code() -> None:
    code = concept("30233S1", "http://hl7.org/fhir/sid/icd-10-pcs")
    chart = read_chart(procedure(code, performedDateTime=..., performedPeriod=period("2026-02-02", "2026-02-05")))
    assert [(c.drug, c.kind, c.status) for c in chart.courses] == [("ivig", "Procedure", "completed")]
    assert [(str(i.when), i.days, i.amount, i.course) for i in chart.infusions] == [("2026-02-02", 4, None, "")]
    planned = read_chart(procedure(code, status="preparation", performedDateTime="2026-12-01"))
    assert planned.infusions[0].status == planned.courses[0].status == "planned"


# The person


def person(**fields: Any) -> Chart:
    return read_chart(patient=[{"resourceType": "Patient", "id": "p"} | fields])


def test_who_the_patient_is() -> None:
    found = person(gender="female", birthDate="1978-05").person
    assert (found.gender, str(found.born), found.deceased, found.source) == ("female", "1978-05", False, "Patient/p")
    assert person(gender="F").person.gender == ""


@pytest.mark.parametrize(
    ("fields", "deceased"),
    [
        ({"deceasedBoolean": True}, True), ({"deceasedBoolean": False}, False),
        ({"deceasedDateTime": "2026-11-01"}, True),
        ({"deceasedDateTime": 2026}, True), ({}, False),
    ],
)  # fmt: skip
def test_whether_the_patient_lives(fields: dict[str, Any], deceased: bool) -> None:
    assert person(**fields).person.deceased is deceased


def test_an_unknown_patient() -> None:
    assert read_chart().person.born is None
    chart = read_chart(patient=[b"5", {"resourceType": "Patient", "id": "q", "birthDate": "1978"}])
    assert chart.person.born is None
    assert [d.reason for d in chart.dropped][1] == "is another patient"
    assert "birthDate was left out" in person(birthDate="1978-02-30").dropped[0].reason


def test_a_patient_entry_that_cannot_be_read_names_nobody() -> None:
    chart = read_chart(ck(subject={"reference": "urn:uuid:1"}), patient=[Entry(raw(5), "patient", "urn:uuid:1")])
    assert chart.labs == {}


# The whole


def test_what_was_not_checked_is_not_empty() -> None:
    sources = {
        "labs": Source("labs", "complete"),
        "allergies": Source("allergies", "unavailable", reason="the server answered 403"),
        "scores": Source("scores", "incomplete", reason="page 2 failed"),
    }
    chart = read(PatientData("p", sources), KNOWLEDGE, TODAY)
    assert chart.checked == {"labs": "complete", "allergies": "unavailable", "scores": "incomplete"}
    assert chart.unchecked_because == {"allergies": "the server answered 403", "scores": "page 2 failed"}


FIXTURES = sorted((Path(__file__).parents[3] / "fixtures" / "patients").glob("*.json"))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_every_fixture_patient_is_read_without_loss(path: Path) -> None:
    entries = [entry["resource"] for entry in json.loads(path.read_bytes())["entry"]]
    (patient,) = (e for e in entries if e["resourceType"] == "Patient")
    medications = {f"Medication/{e['id']}": e for e in entries if e["resourceType"] == "Medication"}
    ours = json.dumps([e for e in entries if e["resourceType"] not in ("Medication", "Encounter", "Practitioner")])
    data = patient_data(*json.loads(ours), medications=medications)
    chart = read(msgspec.structs.replace(data, patient_id=patient["id"]), KNOWLEDGE, TODAY)
    assert chart.person.born is not None
    assert [d for d in chart.dropped if "left out" in d.reason or "cannot be read" in d.reason] == []


def test_the_look_alike_chart_stays_silent() -> None:
    (path,) = (path for path in FIXTURES if "look-alike" in path.stem)
    entries = [entry["resource"] for entry in json.loads(path.read_bytes())["entry"]]
    ours = patient_data(*(e for e in entries if e["resourceType"] != "Medication"))
    chart = read(msgspec.structs.replace(ours, patient_id=path.stem), KNOWLEDGE, TODAY)
    assert (chart.labs, chart.courses, chart.infusions) == ({}, (), ())
    assert not concerns(ours, TODAY, KNOWLEDGE)


# The gate


@pytest.mark.parametrize(
    "code",
    [
        concept("715863001", SNOMED), concept("G72.49", ICD10), concept("31384009", SNOMED), concept("G72.0", ICD10),
        concept("M60.9", ICD10), concept(text="anti-SRP myopathy"), concept(text="IMNM"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [..., concept("active"), concept("resolved")])
def test_the_gate_opens_for_any_myositis_current_or_past(code: dict[str, Any], status: Any) -> None:
    assert concerns(patient_data(condition(code, clinicalStatus=status)), TODAY, KNOWLEDGE)


@pytest.mark.parametrize(
    "entry",
    [
        condition({"text": "Hypertension"}), condition(concept("G72.41", ICD10)),
        imnm(verificationStatus=concept("refuted")),
        imnm(verificationStatus=concept("entered-in-error")), condition({"text": "?NAM – ruled out"}),
        {"resourceType": "Condition"}, condition({}) | {"code": None}, condition({}),
        condition({"text": "Hypertension", "coding": [{"code": "I10", "display": None}, None]}),
    ],
)  # fmt: skip
def test_the_gate_stays_shut(entry: Any) -> None:
    assert concerns(patient_data(conditions=[entry]), TODAY, KNOWLEDGE) is False


UNREADABLE_CODES: list[Any] = ["Hypertension", 7, ["x"], {"coding": "x"}, {"coding": [3]}, {"text": 3}]


@pytest.mark.parametrize("entry", [5, *(condition({}) | {"code": code} for code in UNREADABLE_CODES)])
def test_the_gate_does_not_say_no_of_what_cannot_be_read(entry: Any) -> None:
    assert concerns(patient_data(conditions=[entry]), TODAY, KNOWLEDGE) is None
    assert concerns(patient_data(conditions=[entry, imnm()]), TODAY, KNOWLEDGE) is True


def test_CH_REQ_13_a_null_hides_no_diagnosis() -> None:
    code = {"text": None, "coding": [None, {"system": SNOMED, "code": "715863001", "display": None, "version": None}]}
    assert concerns(patient_data(condition(code)), TODAY, KNOWLEDGE) is True
    (diagnosis,) = read(patient_data(condition(code, onsetPeriod={"start": None})), KNOWLEDGE, TODAY).diagnoses
    assert "imnm" in diagnosis.concepts


def test_the_gate_without_conditions() -> None:
    assert not concerns(PatientData("p", {}), TODAY, KNOWLEDGE)


def test_the_gate_opens_wherever_a_rule_could_start() -> None:
    for value_set in ENTRY_CONDITIONS:
        assert KNOWLEDGE.value_sets[value_set].kind == "condition"


@pytest.mark.parametrize("key", [key for key in SOURCES if key != "patient"])
def test_a_resource_in_the_wrong_place_is_named(key: str) -> None:
    wrong = {"resourceType": "Patient", "id": "p"}
    assert "not a" in the_reason(**{key: [wrong]})


def test_an_extra_member_changes_nothing() -> None:
    plain, odd = statement(id="x"), statement(id="x") | {"extension": [{"url": "u", "valueCode": "x"}], "foo": 1}
    assert read_chart(plain).courses == read_chart(odd).courses


@pytest.mark.parametrize(
    ("resource", "doubtful", "named"),
    [
        (ck(status="entered-in-error"), False, "creatine-kinase"),
        (ck(status=5), True, "creatine-kinase"),
        (ck(valueQuantity={"value": "6200"}), True, "creatine-kinase"),
        (ck(valueQuantity=..., dataAbsentReason={"text": "unknown"}), False, "creatine-kinase"),
        (ck(effectiveDateTime="2027-01-01"), True, "creatine-kinase"),
        (ck(subject={"reference": "Patient/q"}), False, "creatine-kinase"),
        (ck(subject={"reference": "urn:uuid:9"}), True, "creatine-kinase"),
        (statement(status="not-taken"), False, "methotrexate"),
        (statement(status=5), True, "methotrexate"),
        (statement(medicationCodeableConcept=...), True, "unidentified-drug"),
        (imnm(verificationStatus=concept("refuted")), False, "imnm"),
        (imnm(verificationStatus=5), True, "imnm"),
        (allergy({"text": "sulfa"}, verificationStatus=5), True, "sulfonamide-antibiotic"),
        (procedure(PLEX, status=5), True, "plasma-exchange"),
        (condition(5), True, ""),  # type: ignore[arg-type]
    ],
)
def test_what_might_have_counted_is_doubtful(resource: dict[str, Any], doubtful: bool, named: str) -> None:
    (dropped,) = read_chart(resource).dropped
    assert (dropped.doubtful, dropped.concept) == (doubtful, named)
