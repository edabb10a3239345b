"""Laboratory values: states, duplicates, units, ranges and verdicts (A2, A4, B9)."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.dates import day
from cds_service.patient_data import Entry
from hooks.chart.units import factor
from tests.hooks.chart.resources import KNOWLEDGE as K
from tests.hooks.chart.resources import (
    ME,
    TODAY,
    ck,
    concept,
    lab,
    observation,
    raw,
    read_chart,
    the_lab,
    the_reason,
)

CK = "2157-6"


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_an_annulled_result_is_dropped(status: str) -> None:
    chart = read_chart(ck(status=status))
    assert chart.labs == {}
    assert chart.dropped[0].reason == f"is {status}"
    assert (chart.dropped[0].concept, chart.dropped[0].when) == ("creatine-kinase", day(date(2026, 11, 10)))


def test_a_registered_result_counts_once_it_has_a_value() -> None:
    assert the_reason(lab(CK, status="registered")) == "has no value"
    assert the_lab(ck(status="registered")).preliminary


def test_a_preliminary_result_is_usable_and_flagged() -> None:
    result = the_lab(ck(status="preliminary"))
    assert result.preliminary
    assert (result.value, result.doubt) == (6200, "")


@pytest.mark.parametrize("status", ["corrected", "amended"])
def test_a_corrected_result_replaces_the_final_one_of_its_identifier(status: str) -> None:
    same = {"identifier": [{"system": "urn:lis", "value": "1"}]}
    chart = read_chart(ck(100, **same, effectiveDateTime="2026-11-09"), ck(6200, status=status, **same))
    assert [r.value for r in chart.labs["creatine-kinase"]] == [6200]
    assert not chart.labs["creatine-kinase"][0].doubt
    assert "was replaced by" in chart.dropped[0].reason


def test_an_identifier_without_value_identifies_nothing() -> None:
    empty = {"identifier": [{"system": "urn:lis"}]}
    chart = read_chart(ck(100, **empty, effectiveDateTime="2026-11-09"), ck(6200, status="corrected", **empty))
    assert len(chart.labs["creatine-kinase"]) == 2


def test_one_result_told_twice_is_one() -> None:
    chart = read_chart(ck(id="a"), ck(id="b"))
    assert len(chart.labs["creatine-kinase"]) == 1
    assert "says the same as" in chart.dropped[0].reason


def test_one_resource_under_two_keys_is_one() -> None:
    same = ck(id="a")
    chart = read_chart(same, scores=[same])
    assert len(chart.labs["creatine-kinase"]) == 1
    assert chart.dropped == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"issued": "2026-11-10T10:00:00Z"}, {"issued": "2026-11-10T09:00:00Z"}),
        ({"status": "corrected"}, {"issued": "2026-11-10T09:00:00Z"}),
    ],
)
def test_of_two_values_at_one_time_the_corrected_or_latest_stays_with_a_doubt(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    chart = read_chart(ck(6200, **first), ck(100, **second))
    (kept,) = chart.labs["creatine-kinase"]
    assert kept.value == 6200
    assert "differs" in kept.doubt
    assert "differs" in chart.dropped[0].reason


def test_two_results_of_one_vague_month_are_no_duplicates() -> None:
    vague = {"effectiveDateTime": "2026-11"}
    assert len(read_chart(ck(1, **vague), ck(2, **vague)).labs["creatine-kinase"]) == 2


def test_results_come_newest_first_and_undated_ones_last() -> None:
    dates = ["2026-11-01", ..., "2026-11-10T08:00:00Z", "2026-11-10T09:00:00Z", "2026-10"]
    chart = read_chart(*(ck(n, effectiveDateTime=d) for n, d in enumerate(dates)))
    assert [r.value for r in chart.labs["creatine-kinase"]] == [3, 2, 0, 4, 1]


@pytest.mark.parametrize(
    ("fields", "when"),
    [
        ({"effectiveDateTime": "2026-11-10T23:30:00+01:00"}, "2026-11-10"),
        ({"effectiveDateTime": ..., "effectiveInstant": "2026-11-09T10:00:00Z"}, "2026-11-09"),
        ({"effectiveDateTime": ..., "effectivePeriod": {"start": "2026-11-01", "end": "2026-11-02"}}, "2026-11-02"),
        ({"effectiveDateTime": ..., "effectivePeriod": {"start": "2026-11-01"}}, "2026-11-01"),
        ({"effectiveDateTime": "2026"}, "2026"),
        ({"effectiveDateTime": ...}, "None"),
    ],
)
def test_when_a_result_was_taken(fields: dict[str, Any], when: str) -> None:
    assert str(the_lab(ck(**fields)).when) == when


@pytest.mark.parametrize("wrong", ["2026-02-31", "2026-11-10T25:00:00Z", "10.11.2026", 2026, ["2026"]])
def test_a_bad_date_loses_only_the_date_and_says_so(wrong: Any) -> None:
    chart = read_chart(ck(effectiveDateTime=wrong))
    (result,) = chart.labs["creatine-kinase"]
    assert (result.value, result.when) == (6200, None)
    assert "effectiveDateTime was left out" in chart.dropped[0].reason


def test_a_result_from_the_future_is_dropped() -> None:
    assert the_lab(ck(effectiveDateTime=str(TODAY + timedelta(days=1)))).value == 6200
    assert the_reason(ck(effectiveDateTime=str(TODAY + timedelta(days=2)))) == "is dated in the future"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"valueRatio": {"numerator": {"value": 1}}}, "has a ratio for a value"),
        ({"valueString": "6200 U/L"}, "has words for a value, not a number"),
        ({"valueCodeableConcept": {"text": "high"}}, "has words for a value, not a number"),
        ({"dataAbsentReason": {"text": "Not performed"}}, "has no value (Not performed)"),
        ({}, "has no value"),
        ({"valueQuantity": {"unit": "U/L"}}, "has no value"),
        ({"valueQuantity": {"value": "6200"}}, "has a value that cannot be read (valueQuantity: Expected `float"),
        ({"valueQuantity": {"value": -5, "unit": "U/L"}}, "has an impossible value (-5)"),
    ],
)
def test_a_value_that_is_none(fields: dict[str, Any], reason: str) -> None:
    assert the_reason(lab(CK, **fields)).startswith(reason)


def test_numbers_beyond_all_numbers_lose_the_value() -> None:
    text = b'{"resourceType":"Observation","id":"x","status":"final","code":{"text":"CK"},'
    text += b'"subject":{"reference":"Patient/p"},"valueQuantity":{"value":1e999,"unit":"U/L"}}'
    chart = read_chart(labs=[text])
    assert chart.labs == {}
    assert "Number out of range" in chart.dropped[0].reason


@pytest.mark.parametrize("code", ["29463-7", "8302-2"])
def test_nobody_weighs_or_measures_nothing(code: str) -> None:
    assert the_reason(lab(code, 0, "kg")) == "has an impossible value (0)"


def test_a_value_given_as_integer_is_a_value() -> None:
    result = the_lab(lab("13945-1", valueInteger=3, referenceRange=[{"high": {"value": 5}}]))
    assert (result.value, result.upper, result.result) == (3, 5, "negative")


@pytest.mark.parametrize(
    ("code", "value", "unit", "expected"),
    [
        (CK, 6200, "U/L", 6200), (CK, 6200, "IU/L", 6200), (CK, 6200, "[IU]/L", 6200), (CK, 6200, "units/L", 6200),
        (CK, 100, "ukat/L", 6000), (CK, 100, "µkat/L", 6000), (CK, 100, "μkat/l", 6000), (CK, 1000, "nkat/L", 60),
        ("2160-0", 1.0, "mg/dL", 88.4), ("14682-9", 70, "µmol/L", 70), ("14682-9", 70, "umol/L", 70),
        ("29463-7", 70, "kg", 70), ("29463-7", 70000, "g", 70), ("29463-7", 100, "[lb_av]", 45.359237),
        ("29463-7", 100, "lbs", 45.359237), ("8302-2", 165, "cm", 165), ("8302-2", 1.65, "m", 165),
        ("8302-2", 65, "[in_i]", 165.1), ("6690-2", 7.1, "10*3/uL", 7.1), ("6690-2", 7.1, "10*9/L", 7.1),
        ("6690-2", 7.1, "K/uL", 7.1), ("6690-2", 7.1, "x10E3/µL", 7.1), ("6690-2", 7100, "/uL", 7.1),
        ("6690-2", 7100, "cells/mcL", 7.1), ("6690-2", 7.1, "G/L", 7.1), ("718-7", 12.1, "g/dL", 12.1),
        ("718-7", 121, "g/L", 12.1), ("2465-3", 720, "mg/dL", 7.2), ("2465-3", 7.2, "g/L", 7.2),
        ("98979-8", 90, "mL/min/{1.73_m2}", 90), ("98979-8", 90, "mL/min/1.73m²", 90),
    ],
)  # fmt: skip
def test_units_are_brought_to_one(code: str, value: float, unit: str, expected: float) -> None:
    result = the_lab(lab(code, value, unit))
    assert result.value == pytest.approx(expected)
    assert result.unit == K.value_sets[result.concept].unit
    assert not result.doubt


@pytest.mark.parametrize(("code", "unit"), [(CK, "ng/mL"), ("2160-0", "mg"), ("6690-2", "%"), ("8302-2", "kg")])
def test_a_unit_that_is_not_understood_leaves_no_number(code: str, unit: str) -> None:
    result = the_lab(lab(code, 5, unit))
    assert (result.value, result.raw) == (None, 5)
    assert result.doubt == f"unit {unit!r} is not understood"
    assert result.text == f"5 {unit}"


def test_no_unit_leaves_no_number() -> None:
    assert the_lab(lab("29463-7", 70)).doubt == "has no unit"


def test_a_code_of_the_unit_counts_before_its_spelling_and_the_spelling_where_the_code_is_odd() -> None:
    assert the_lab(lab("29463-7", valueQuantity={"value": 70, "unit": "Kilos", "code": "kg"})).value == 70
    assert the_lab(lab("29463-7", valueQuantity={"value": 70, "unit": "kg", "code": "?"})).value == 70
    assert the_lab(lab("29463-7", valueQuantity={"value": 70, "unit": "?", "code": "??"})).value is None


def test_what_is_not_converted_keeps_its_own_unit() -> None:
    result = the_lab(lab("93493-5", 148, "units", 20))
    assert (result.value, result.unit, result.upper, result.result) == (148, "units", 20, "positive")


@given(st.floats(0.1, 1e5), st.sampled_from(["U/L", "ukat/L", "nkat/L", "IU/L"]))
def test_a_value_and_its_limit_are_converted_alike(value: float, unit: str) -> None:
    high = {"value": 3, "unit": unit}
    result = the_lab(ck(value, unit, referenceRange=[{"high": high}]))
    assert result.value is not None
    assert result.upper is not None
    assert result.value / result.upper == pytest.approx(value / 3)


@given(st.text(max_size=12))
def test_no_spelling_of_a_unit_breaks_the_reading(unit: str) -> None:
    multiply = factor(unit, "U/L", 60)
    assert multiply is None or multiply > 0


@pytest.mark.parametrize(
    ("high", "value", "expected"),
    [(200, 6200, 6200), (100, 50, 50), (500, 600, 600), (3, 100, 6000), (1.5, 1, 60), (6, 1, 60)],
)
def test_a_creatine_kinase_without_unit_goes_by_its_range(high: float, value: float, expected: float) -> None:
    assert the_lab(ck(value, "", high)).value == expected


@pytest.mark.parametrize("high", [99, 501, 1.4, 7, 50, None])
def test_a_creatine_kinase_without_unit_and_telling_range_does_not_count(high: float | None) -> None:
    result = the_lab(ck(6200, "", high))
    assert (result.value, result.doubt) == (None, "has no unit")


def test_a_creatine_kinase_without_unit_goes_by_the_patients_others() -> None:
    other = {"effectiveDateTime": "2026-01-03"}
    assert [r.value for r in read_chart(ck(6200, ""), ck(9800, "IU/L", **other)).labs["creatine-kinase"]] == [
        6200,
        9800,
    ]
    assert [r.value for r in read_chart(ck(100, ""), ck(160, "ukat/L", **other)).labs["creatine-kinase"]] == [
        None,
        9600,
    ]
    mixed = [ck(6200, ""), ck(9800, "U/L", **other), ck(160, "ukat/L", effectiveDateTime="2026-02-02")]
    assert read_chart(*mixed).labs["creatine-kinase"][0].value is None


@pytest.mark.parametrize(
    ("ranges", "lower", "upper"),
    [
        ([{"low": {"value": 30}, "high": {"value": 200}}], 30, 200),
        ([{"high": {"value": 3.3, "unit": "ukat/L"}}], None, 198),
        ([{"high": {"value": 3.3, "unit": "?"}}], None, None),
        ([{"high": {"unit": "U/L"}}], None, None),
        ([{"text": "30-200 U/L"}], 30, 200),
        ([{"text": "<200"}], None, 200),
        ([{"text": "Normal: ≤ 200 U/L"}], None, 200),
        ([{"text": "see comment"}], None, None),
        ([{"high": {"value": 0}}], None, None),
        ([{"high": {"value": 200}}, {"high": {"value": 170}}], None, None),
        ([{"high": {"value": 200}}, {"high": {"value": 200}}], None, 200),
        (
            [{"high": {"value": 200}, "type": concept("normal")}, {"high": {"value": 9}, "type": concept("treatment")}],
            None, 200,
        ),
        ([{"high": {"value": 200}, "type": {"text": "Normal"}}], None, 200),
        ([], None, None),
    ],
)  # fmt: skip
def test_the_limits_of_normal(ranges: list[Any], lower: float | None, upper: float | None) -> None:
    result = the_lab(ck(6200, "U/L", referenceRange=ranges))
    assert (result.lower, result.upper) == (lower, pytest.approx(upper) if upper else None)


def test_limits_in_an_unknown_unit_are_unknown() -> None:
    result = the_lab(ck(6200, "?", referenceRange=[{"high": {"value": 200}}, {"text": "<200"}]))
    assert result.upper is None


HMGCR = "93493-5"
POSITIVE, NEGATIVE = concept("10828004", "http://snomed.info/sct"), concept("260385009", "http://snomed.info/sct")


def flag(code: str) -> list[dict[str, Any]]:
    return [concept(code, "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation")]


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"valueCodeableConcept": POSITIVE}, "positive"),
        ({"valueCodeableConcept": NEGATIVE}, "negative"),
        ({"valueCodeableConcept": NEGATIVE, "interpretation": flag("POS")}, "negative"),
        ({"valueCodeableConcept": {"text": "Detected"}}, "positive"),
        ({"valueCodeableConcept": {"text": "Not detected"}, "interpretation": flag("POS")}, "positive"),
        ({"interpretation": flag("POS")}, "positive"),
        ({"interpretation": flag("H")}, "positive"),
        ({"interpretation": flag("HH")}, "positive"),
        ({"interpretation": flag("A")}, "positive"),
        ({"interpretation": flag("N")}, "negative"),
        ({"interpretation": flag("NEG")}, "negative"),
        ({"interpretation": flag("IND")}, "indeterminate"),
        ({"interpretation": [{"text": "Positive"}]}, "positive"),
        ({"interpretation": flag("L"), "valueString": "negative"}, "negative"),
        ({"valueQuantity": {"value": 148}, "referenceRange": [{"high": {"value": 20}}]}, "positive"),
        ({"valueQuantity": {"value": 5}, "referenceRange": [{"high": {"value": 20}}]}, "negative"),
        ({"valueQuantity": {"value": 5}, "referenceRange": [{"text": "<20"}]}, "negative"),
        ({"valueQuantity": {"value": 20, "comparator": "<"}, "referenceRange": [{"high": {"value": 20}}]}, "negative"),
        ({"valueQuantity": {"value": 30, "comparator": "<"}, "referenceRange": [{"high": {"value": 20}}]}, None),
        ({"valueQuantity": {"value": 200, "comparator": ">"}, "referenceRange": [{"high": {"value": 20}}]}, "positive"),
        ({"valueQuantity": {"value": 10, "comparator": ">="}, "referenceRange": [{"high": {"value": 20}}]}, None),
        ({"valueQuantity": {"value": 5}}, None),
        (
            {"valueQuantity": {"value": 5}, "referenceRange": [{"high": {"value": 20}}], "interpretation": flag("POS")},
            "positive",
        ),
        ({"valueString": "POSITIVE (1:320)"}, "positive"),
        ({"valueString": "Non-reactive"}, "negative"),
        ({"valueString": "not detected"}, "negative"),
        ({"valueString": "equivocal"}, "indeterminate"),
        ({"valueString": "borderline positive"}, "indeterminate"),
        ({"valueString": "++"}, "positive"),
        ({"valueString": "see report"}, None),
    ],
)  # fmt: skip
def test_a_verdict_from_code_flag_number_or_words_in_this_order(fields: dict[str, Any], result: str | None) -> None:
    assert the_lab(lab(HMGCR, **fields)).result == result


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"interpretation": flag("L"), "valueQuantity": {"value": 2}}, "positive"),
        ({"interpretation": flag("N"), "valueQuantity": {"value": 2}}, "negative"),
        ({"valueQuantity": {"value": 2, "unit": "U/g"}, "referenceRange": [{"low": {"value": 7}}]}, "positive"),
        ({"valueQuantity": {"value": 9, "unit": "U/g"}, "referenceRange": [{"low": {"value": 7}}]}, "negative"),
        ({"valueQuantity": {"value": 7, "comparator": "<"}, "referenceRange": [{"low": {"value": 7}}]}, None),
        ({"valueString": "G6PD deficient"}, "positive"),
        ({"valueString": "not deficient"}, "negative"),
        ({"valueCodeableConcept": {"text": "Normal"}}, "negative"),
        ({"valueCodeableConcept": POSITIVE}, None),
        ({"valueString": "pending"}, None),
    ],
)
def test_for_g6pd_a_positive_result_is_a_deficiency(fields: dict[str, Any], result: str | None) -> None:
    assert the_lab(lab("32546-4", **fields)).result == result


def test_a_verdict_is_only_read_where_it_means_something() -> None:
    assert the_lab(ck(interpretation=flag("H"))).result is None


def test_the_words_of_a_result_are_kept() -> None:
    assert the_lab(lab(HMGCR, valueString="positive, 1:320")).text == "positive, 1:320"


@pytest.mark.parametrize(
    ("subject", "used"),
    [
        (ME, True), ({"reference": "http://ehr/fhir/Patient/p"}, True), ({"reference": "Patient/p/_history/2"}, True),
        ({"reference": "urn:uuid:1"}, True), ({"reference": "Patient/q"}, False), ({"reference": "urn:uuid:2"}, False),
        ({"reference": "Group/p"}, False), ({"display": "Jane"}, False), (..., False),
    ],
)  # fmt: skip
def test_only_the_patients_own_resources_count(subject: Any, used: bool) -> None:
    me = {"resourceType": "Patient", "id": "p"}
    chart = read_chart(ck(subject=subject), patient=[_entry(me, "urn:uuid:1")])
    assert ("creatine-kinase" in chart.labs) is used
    assert used or chart.dropped[0].concept == "creatine-kinase"


def _entry(resource: Any, full_url: str) -> Entry:
    return Entry(raw(resource), "patient", full_url)


@pytest.mark.parametrize("junk", [b"5", b"[]", b'"x"', b'{"resourceType":"Patient"}', b"{}", b"{"])
def test_an_entry_that_is_no_observation_is_named(junk: bytes) -> None:
    chart = read_chart(labs=[junk])
    assert chart.labs == {}
    assert chart.dropped[0].source == "labs.entry[0]"


def test_a_status_that_cannot_be_read_may_be_an_error() -> None:
    assert "status cannot be read" in the_reason(ck(status=5))


def test_a_field_that_does_not_fit_loses_only_itself() -> None:
    chart = read_chart(ck(issued=5, interpretation=..., note=None, id=None))
    assert chart.labs["creatine-kinase"][0].value == 6200
    assert chart.labs["creatine-kinase"][0].source == "labs.entry[0]"
    assert [d.reason for d in chart.dropped] == ["issued was left out: Expected `str`, got `int`"]


def test_other_laboratory_values_leave_no_trace() -> None:
    chart = read_chart(observation(concept(text="Sodium"), valueQuantity={"value": 140}))
    assert (chart.labs, chart.dropped) == ({}, ())


def test_a_part_that_cannot_be_read_loses_only_itself() -> None:
    chart = read_chart(ck(referenceRange=[{"high": {"value": "200"}}]), lab(HMGCR, 5, interpretation="POS"))
    assert (chart.labs["creatine-kinase"][0].value, chart.labs["creatine-kinase"][0].upper) == (6200, None)
    assert chart.labs["anti-hmgcr"][0].result is None
    assert [d.reason.split(":")[0] for d in chart.dropped] == [
        "referenceRange was left out", "interpretation was left out",
    ]  # fmt: skip
    corrected = read_chart(ck(status="corrected", identifier="1"), ck(9800, effectiveDateTime="2026-01-03"))
    assert len(corrected.labs["creatine-kinase"]) == 2
    assert corrected.dropped[0].reason.startswith("identifier was left out")
