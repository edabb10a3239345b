"""Drug resources → courses: states, time, references, reasons and other indications (A4, A5, B0, B9)."""

from typing import Any

import pytest

from tests.hooks.chart.resources import (
    DAILY,
    ICD10,
    RXNORM,
    SNOMED,
    WEEKLY,
    administration,
    concept,
    condition,
    dosage,
    order,
    period,
    raw,
    read_chart,
    statement,
    the_course,
    the_reason,
)

PAST = {"effectivePeriod": period("2026-01-10", "2026-06-01")}
IV, PO = {"route": {"text": "IV"}}, {"route": {"text": "oral"}}


@pytest.mark.parametrize(
    ("status", "expected", "low_confidence"),
    [
        ("active", "active", False), ("completed", "completed", False), ("stopped", "stopped", False),
        ("on-hold", "on-hold", False), ("unknown", "unknown", True), ("intended", "planned", False),
        ("draft", "planned", False), (..., "unknown", True),
    ],
)  # fmt: skip
def test_the_status_of_a_statement(status: Any, expected: str, low_confidence: bool) -> None:
    course = the_course(statement(status=status))
    assert (course.status, course.low_confidence) == (expected, low_confidence)


@pytest.mark.parametrize("status", ["not-taken", "entered-in-error", "nonsense"])
def test_a_statement_that_shows_no_exposure(status: str) -> None:
    assert the_reason(statement(status=status)) == f"is {status}"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"effectivePeriod": period("2026-01-10", "2026-06-01")}, "completed"),
        ({"effectivePeriod": period("2026-01-10")}, "active"),
        ({"effectivePeriod": period("2026-01-10", "2027-01-01")}, "active"),
        ({}, "unknown"),
        ({"effectivePeriod": period("2026-01-10"), "adherence": {"code": concept("stopped")}}, "stopped"),
        ({"adherence": {"code": concept("on-hold")}}, "on-hold"),
        ({"adherence": {"code": concept("taking")}, "effectivePeriod": period("2026-01-10")}, "active"),
    ],
)
def test_a_recorded_statement_goes_by_its_period(fields: dict[str, Any], expected: str) -> None:
    assert the_course(statement(status="recorded", **fields)).status == expected


def test_a_recorded_statement_of_what_is_not_taken() -> None:
    assert the_reason(statement(status="recorded", adherence={"code": concept("not-taking")})) == "is not taken"


@pytest.mark.parametrize(
    ("status", "expected"),
    [("active", "active"), ("completed", "completed"), ("stopped", "stopped"), ("draft", "planned")],
)
def test_the_status_of_an_order(status: str, expected: str) -> None:
    assert the_course(order(status=status)).status == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "cancelled"}, "is cancelled: shows no exposure"),
        ({"status": "entered-in-error"}, "is entered-in-error: shows no exposure"),
        ({"status": "on-hold"}, "is on-hold: shows no exposure"),
        ({"status": ...}, "is without status: shows no exposure"),
        ({"intent": "plan"}, "is no order (intent plan)"),
        ({"intent": "proposal"}, "is no order (intent proposal)"),
        ({"intent": ...}, "is no order (intent not stated)"),
        ({"doNotPerform": True}, "says that the drug is not to be given"),
    ],
)
def test_an_order_that_shows_no_exposure(fields: dict[str, Any], reason: str) -> None:
    assert the_reason(order(**fields)) == reason


def test_a_prohibition_that_cannot_be_read_is_not_taken_for_an_order() -> None:
    assert "doNotPerform cannot be read" in the_reason(order(doNotPerform="true"))


@pytest.mark.parametrize("intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order"])
def test_what_counts_as_an_order(intent: str) -> None:
    assert the_course(order(intent=intent)).drug == "methotrexate"


@pytest.mark.parametrize(("status", "expected"), [("completed", "completed"), ("in-progress", "active")])
def test_the_status_of_an_administration(status: str, expected: str) -> None:
    assert the_course(administration(status=status)).status == expected


@pytest.mark.parametrize("status", ["not-done", "on-hold", "entered-in-error", "stopped", "unknown", ...])
def test_an_administration_that_was_none(status: Any) -> None:
    assert "nothing shows that it was given" in the_reason(administration(status=status))


@pytest.mark.parametrize(
    ("resource", "start", "end"),
    [
        (statement(**PAST), "2026-01-10", "2026-06-01"),
        (statement(effectiveDateTime="2026-01-10"), "2026-01-10", "None"),
        (statement(effectiveDateTime="2026-01-10", status="completed"), "2026-01-10", "2026-01-10"),
        (statement(dateAsserted="2026-01-10"), "None", "None"),
        (order(), "2026-01-10", "None"),
        (order("prednisone", dosage(20, repeat=DAILY | {"boundsPeriod": period("2026-02-01")})), "2026-02-01", "None"),
        (order("rituximab", dosage(1000, timing={"event": ["2026-05-04", "2026-04-20"]})), "2026-04-20", "2026-05-04"),
        (administration(effectiveDateTime="2026-04-20T08:00:00Z"), "2026-04-20", "2026-04-20"),
        (
            administration(effectiveDateTime=..., effectivePeriod=period("2026-04-20", "2026-04-21")),
            "2026-04-20", "2026-04-21",
        ),
    ],
)  # fmt: skip
def test_the_time_of_a_course(resource: dict[str, Any], start: str, end: str) -> None:
    course = the_course(resource)
    assert (str(course.start), str(course.end)) == (start, end)


def test_a_date_of_assertion_is_only_known_by() -> None:
    course = the_course(statement(status="unknown", dateAsserted="2026-01-10"))
    assert (course.start, str(course.known_by)) == (None, "2026-01-10")


@pytest.mark.parametrize(
    "resource",
    [
        statement(effectivePeriod=period("2026-12-01")),
        statement(status="completed", effectiveDateTime="2026-12-01"),
        order(authoredOn="2026-11-23"),
        administration(status="in-progress", effectiveDateTime="2026-12-01"),
    ],
)
def test_a_start_in_the_future_is_a_plan(resource: dict[str, Any]) -> None:
    assert the_course(resource).status == "planned"


def test_a_vague_start_that_may_be_past_is_no_plan() -> None:
    assert the_course(statement(effectivePeriod=period("2026"))).status == "active"


def test_active_with_an_end_in_the_past_is_not_active_and_doubtful() -> None:
    course = the_course(statement(**PAST))
    assert (course.status, course.doubt) == ("completed", "is recorded as active, but ended on 2026-06-01")
    assert the_course(statement(effectivePeriod=period("2026-01-10", "2026-11-22"))).status == "active"
    assert the_course(statement(effectivePeriod=period("2026-01-10", "2026"))).doubt == ""


def test_a_field_that_does_not_fit_loses_only_the_field() -> None:
    chart = read_chart(statement(note="none"))
    assert chart.courses[0].drug == "methotrexate"
    assert (chart.dropped[0].concept, chart.dropped[0].reason[:17]) == ("methotrexate", "note was left out")


def test_a_bad_date_loses_only_the_date() -> None:
    chart = read_chart(statement(effectivePeriod=period("2026-02-31", "2026-06-01"), status="completed"))
    assert (chart.courses[0].start, str(chart.courses[0].end)) == (None, "2026-06-01")
    assert "effectivePeriod.start was left out" in chart.dropped[0].reason


# References


MTX = {"resourceType": "Medication", "id": "m", "code": concept("105585", RXNORM)}


@pytest.mark.parametrize(
    ("reference", "known_as"),
    [
        ("Medication/m", "Medication/m"), ("Medication/m/_history/3", "Medication/m"),
        ("http://ehr/fhir/Medication/m", "Medication/m"), ("urn:uuid:1", "urn:uuid:1"),
        ("http://ehr/fhir/Medication/m", "http://ehr/fhir/Medication/m"),
        ("http://ehr/fhir/Medication/m/_history/3", "http://ehr/fhir/Medication/m"),
    ],
)  # fmt: skip
def test_a_medication_bundled_or_fetched(reference: str, known_as: str) -> None:
    resource = statement(medicationCodeableConcept=..., medicationReference={"reference": reference})
    assert the_course(resource, medications={known_as: MTX}).drug == "methotrexate"


def test_a_contained_medication() -> None:
    contained: dict[str, Any] = {"contained": [5, {"id": "n"}, MTX], "medicationReference": {"reference": "#m"}}
    assert the_course(order(medicationCodeableConcept=..., **contained)).drug == "methotrexate"


@pytest.mark.parametrize(
    "medications", [{}, {"Medication/m": 5}, {"Medication/m": {"resourceType": "Medication", "code": {"text": "x"}}}]
)
def test_a_display_stands_in_where_the_medication_does_not_tell(medications: dict[str, Any]) -> None:
    named = {"reference": "Medication/m", "display": "Methotrexate 2.5 mg tablet"}
    resource = statement(medicationCodeableConcept=..., medicationReference=named)
    course = the_course(resource, medications=medications)
    assert (course.drug, course.match, course.doubt) == ("methotrexate", "text", "")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"medicationReference": {"reference": "Medication/none"}},
            "the medication 'Medication/none' could not be resolved",
        ),
        ({"medicationReference": {"reference": "#none"}}, "the medication '#none' could not be resolved"),
        ({"medicationReference": 5}, "Expected"),
        ({}, "no medication is named"),
        ({"medication": {}}, "no medication is named"),
    ],
)
def test_a_medication_that_cannot_be_known_is_dropped(fields: dict[str, Any], reason: str) -> None:
    assert the_reason(statement(medicationCodeableConcept=..., **fields)).startswith(reason)


def test_an_unresolved_medication_of_no_interest_by_its_display_is_passed_over() -> None:
    named = {"reference": "Medication/m", "display": "Metformin"}
    chart = read_chart(statement(medicationCodeableConcept=..., medicationReference=named))
    assert (chart.courses, chart.dropped) == ((), ())


@pytest.mark.parametrize(
    "medication", [{"concept": {"text": "methotrexate"}}, {"reference": {"reference": "Medication/m"}}]
)
def test_a_medication_as_r5_writes_it(medication: dict[str, Any]) -> None:
    resource = statement(medicationCodeableConcept=..., medication=medication)
    assert the_course(resource, medications={"Medication/m": MTX}).drug == "methotrexate"


def test_a_drug_of_another_patient_is_dropped() -> None:
    assert "another patient" in the_reason(statement(subject={"reference": "Patient/q"}))
    assert the_reason(order(subject=...)) == "does not say whose it is"


def test_an_entry_that_cannot_be_read_is_dropped() -> None:
    assert the_reason(medicationStatements=[b"[]"]).startswith("cannot be read")


# Reasons


@pytest.mark.parametrize(
    "words",
    [
        "adverse reaction", "Intolerance", "allergic reaction", "hepatotoxicity", "toxic", "anaphylaxis", "thrombosis",
        "thromboembolism", "side effects", "side-effect", "contraindicated", "contra-indication",
    ],
)  # fmt: skip
def test_words_for_a_drug_that_was_not_tolerated(words: str) -> None:
    course = the_course(statement(status="stopped", statusReason=[{"text": words}]))
    assert (course.intolerance, course.failure) == (words, "")


@pytest.mark.parametrize(
    "words",
    [
        "ineffective", "lack of effect", "lack of efficacy", "lack of response", "no response", "no improvement",
        "non-responder", "nonresponse", "refractory", "treatment failure", "failed", "Failed after 6 months",
    ],
)  # fmt: skip
def test_words_for_a_drug_that_did_not_work(words: str) -> None:
    course = the_course(order(status="stopped", statusReason={"text": words}))
    assert (course.failure, course.intolerance) == (words, "")


@pytest.mark.parametrize(
    "words", ["failed to attend", "fail to take", "failed to take tablets", "completed", "pregnancy wish"]
)
def test_words_for_neither(words: str) -> None:
    course = the_course(statement(status="stopped", statusReason=[{"text": words}]))
    assert (course.failure, course.intolerance) == ("", "")


@pytest.mark.parametrize(
    ("words", "intolerance", "failure"),
    [
        ("Course completed, no adverse effects", False, False),
        ("completed without toxicity", False, False),
        ("Completed; denies side effects", False, False),
        ("risk of thrombosis", False, False),
        ("no nausea, vomiting or toxicity", False, False),
        ("not ineffective", False, False),
        ("Prior authorization failed", False, False),
        ("insurance authorisation failed", False, False),
        ("failed delivery", False, False),
        ("coverage failed", False, False),
        ("treatment failure, insurance informed", False, True),
        ("ineffective; prior authorization failed", False, True),
        ("Failed MTX, insurance informed", False, True),
        ("no response", False, True),
        ("No improvement and no response", False, True),
        ("lack of effect", False, True),
        ("No response without toxicity", False, True),
        ("Ineffective, no adverse effects", False, True),
        ("no response and no toxicity", False, True),
        ("ineffective (no toxicity or rash)", False, True),
        ("hepatotoxicity but not ineffective", True, False),
        ("No side effects, ineffective", False, True),
        ("not tolerated due to side effects", True, False),
        ("no longer taken: nephrotoxicity", True, False),
        ("toxicity, no response", True, True),
    ],
)
def test_a_status_reason_may_deny(words: str, intolerance: bool, failure: bool) -> None:
    course = the_course(statement(status="stopped", statusReason=[{"text": words}]))
    assert (bool(course.intolerance), bool(course.failure)) == (intolerance, failure)


def test_a_coded_reason_is_read_by_its_display() -> None:
    reason = [concept("1", "urn:x", display="Lack of efficacy")]
    assert the_course(statement(status="stopped", statusReason=reason)).failure == "Lack of efficacy"


def test_a_reason_may_say_both() -> None:
    both = the_course(statement(status="stopped", statusReason=[{"text": "ineffective, nephrotoxic"}]))
    assert both.failure == both.intolerance == "ineffective, nephrotoxic"


def test_the_reason_of_an_administration_says_why_it_was_not_given() -> None:
    assert the_course(administration(statusReason=[{"text": "adverse reaction"}])).intolerance == ""


def test_a_plan_has_no_reason() -> None:
    assert the_course(order(status="draft", statusReason={"text": "refractory"})).failure == ""


@pytest.mark.parametrize(
    ("note", "intolerance", "failure"),
    [
        ("Stopped for hepatotoxicity.", "Stopped for hepatotoxicity.", ""),
        ("Given over 5 days. No improvement after 3 months.", "", "No improvement after 3 months."),
        ("No side effects.", "", ""),
        ("Tolerated without adverse reactions", "", ""),
        ("Patient denies side effects", "", ""),
        ("Not ineffective", "", ""),
        ("Risk of thrombosis discussed", "", ""),
        ("Allergy screening done", "", ""),
        ("IVIG for refractory myositis", "", ""),
        ("Failed rituximab", "", ""),
        ("Well tolerated.\nTreatment failure at 6 months", "", "Treatment failure at 6 months"),
        ("Ineffective. Non-response. Toxic. Adverse event.", "Toxic.", "Ineffective."),
    ],
)
def test_notes_are_read_sentence_by_sentence_and_with_care(note: str, intolerance: str, failure: str) -> None:
    course = the_course(statement(status="stopped", note=[{"text": note}]))
    assert (course.intolerance, course.failure) == (intolerance, failure)


@pytest.mark.parametrize("status", ["active", "on-hold", "unknown"])
def test_notes_of_courses_that_go_on_are_not_read(status: str) -> None:
    assert the_course(statement(status=status, note=[{"text": "Ineffective."}])).failure == ""


def test_a_status_reason_comes_before_a_note() -> None:
    course = the_course(
        statement(status="stopped", statusReason=[{"text": "ineffective"}], note=[{"text": "No response."}])
    )
    assert course.failure == "ineffective"


# Other indications


LYMPHOMA = concept("C83.3", ICD10, text="Diffuse large B-cell lymphoma")


@pytest.mark.parametrize(
    "reason", [LYMPHOMA, {"text": "R-CHOP"}, concept("C91.0", ICD10), {"text": "Ectopic pregnancy"}]
)
def test_a_course_for_another_disease(reason: dict[str, Any]) -> None:
    for name in ("rituximab", "cyclophosphamide", "methotrexate", "IVIG"):
        assert the_course(statement(name, reasonCode=[reason])).other_indication.startswith("given for")
    assert the_course(statement("prednisone", reasonCode=[reason])).other_indication == ""
    assert the_course(statement("rituximab", reasonCode=[{"text": "myositis"}])).other_indication == ""


@pytest.mark.parametrize(
    ("reference", "other"),
    [
        ({"reference": "Condition/dlbcl"}, True), ({"reference": "http://ehr/fhir/Condition/dlbcl"}, True),
        ({"reference": "Condition/imnm"}, False), ({"reference": "Condition/x", "display": "lymphoma"}, True),
        ({"reference": "Condition/x"}, False), ({"reference": "Condition/x", "display": "myositis"}, False),
    ],
)  # fmt: skip
def test_a_reason_by_reference(reference: dict[str, Any], other: bool) -> None:
    diseases = [condition(LYMPHOMA, id="dlbcl"), condition(concept("715863001", SNOMED), id="imnm")]
    chart = read_chart(statement("rituximab", reasonReference=[reference]), *diseases)
    assert bool(chart.courses[0].other_indication) is other


@pytest.mark.parametrize("route", ["intrathecal", "intravitreal"])
def test_methotrexate_into_the_spine_or_the_eye_is_for_something_else(route: str) -> None:
    course = the_course(statement("methotrexate", {"route": {"text": route}}))
    assert course.other_indication == f"given by the {route} route"


def test_a_product_for_high_doses_is_for_something_else() -> None:
    course = the_course(statement(concept("311625", RXNORM, display="methotrexate 1000 MG Injection")))
    assert "a product for another use" in course.other_indication


IM = {"route": {"text": "Intramuscular"}}


def test_one_single_intramuscular_dose_of_methotrexate_is_for_something_else() -> None:
    one = administration("methotrexate", {"dose": {"value": 90, "unit": "mg"}, **IM})
    assert the_course(one).other_indication == "one single intramuscular dose"
    weekly = administration("methotrexate", {"dose": {"value": 90, "unit": "mg"}, **IM}, effectiveDateTime="2026-04-27")
    assert [c.other_indication for c in read_chart(one, weekly).courses] == ["", ""]
    other = statement("prednisone", dosage(20, repeat=DAILY))
    assert [c.other_indication for c in read_chart(one, other).courses if c.drug == "glucocorticoid"] == [""]


@pytest.mark.parametrize(
    ("onset", "other"), [("2026-04-18", True), ("2026-05-30", True), ("2025-04-18", False), (..., False)]
)
def test_one_single_dose_near_an_ectopic_pregnancy_is_for_that(onset: Any, other: bool) -> None:
    one = administration("methotrexate", {"dose": {"value": 90, "unit": "mg"}})
    ectopic = condition(concept("34801009", SNOMED, text="Ectopic pregnancy"), onsetDateTime=onset)
    course = read_chart(one, ectopic, condition({"text": "IMNM"}, onsetDateTime="2026-04-18")).courses[0]
    assert bool(course.other_indication) is other


def test_a_weekly_course_near_an_ectopic_pregnancy_is_not() -> None:
    ectopic = condition(concept("34801009", SNOMED), onsetDateTime="2026-02-01")
    assert read_chart(order("methotrexate", dosage(20, repeat=WEEKLY)), ectopic).courses[0].other_indication == ""


def test_a_dose_above_the_limit_is_no_other_indication() -> None:
    assert the_course(statement("methotrexate", dosage(50, repeat=WEEKLY))).other_indication == ""


# Cyclophosphamide, and what suggestions may update


@pytest.mark.parametrize(
    ("name", "dose", "infusions"),
    [
        ("cyclophosphamide 50 MG Oral Tablet", dosage(100, repeat=DAILY), 0),
        ("cyclophosphamide", dosage(100, repeat=DAILY), 0),
        ("cyclophosphamide", dosage(100, repeat=DAILY, **PO), 0),
        ("cyclophosphamide", dosage(1000, repeat={"frequency": 1, "period": 3, "periodUnit": "wk", "count": 2}), 2),
        ("cyclophosphamide 1000 MG Injection", dosage(1000, timing={"event": ["2026-05-25"]}), 1),
        ("cyclophosphamide", dosage(1000, timing={"event": ["2026-05-25"]}, **IV), 1),
        ("cyclophosphamide", dosage(1000), 0),
    ],
)
def test_cyclophosphamide_in_pulses_or_every_day(name: str, dose: dict[str, Any], infusions: int) -> None:
    chart = read_chart(statement(name, dose, effectivePeriod=period("2026-05-25")))
    assert len(chart.infusions) == infusions
    assert chart.courses[0].drug == "cyclophosphamide"


def test_the_json_of_statins_is_kept_for_updates() -> None:
    atorvastatin = order("atorvastatin", id="a")
    chart = read_chart(
        atorvastatin, statement("simvastatin", id="s"), statement("prednisone"), administration("Crestor")
    )
    assert set(chart.raw) == {"MedicationRequest/a", "MedicationStatement/s"}
    assert chart.raw["MedicationRequest/a"] == raw(atorvastatin)


@pytest.mark.parametrize(
    ("words", "route"),
    [
        ("Oral route", "oral"), ("PO", "oral"), ("by mouth", "oral"), ("Intravenous", "intravenous"),
        ("IV", "intravenous"),
        ("i.v.", "intravenous"), ("SC", "subcutaneous"), ("subcut", "subcutaneous"), ("IM", "intramuscular"),
        ("Nebulised inhalation", "inhaled"), ("", ""), ("somehow", ""),
    ],
)  # fmt: skip
def test_routes_in_words(words: str, route: str) -> None:
    given = {"route": {"text": words}} if words else {}
    assert the_course(statement("pentamidine", given)).route == route
    coded = {"route": {"coding": [{"code": words}]}} if words else {}
    assert the_course(statement("pentamidine", coded)).route == route
