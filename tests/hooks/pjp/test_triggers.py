"""Triggers P1 to P6 and PX of specification B3, each at its limit and just beside it."""

import pytest

from cds_service.fhir.dates import parse
from hooks.assessment.pjp import PjpRisk
from hooks.chart.facts import Dosing, DrugCourse
from hooks.rules.pjp_prophylaxis import risk
from tests.hooks.builders import assessed, condition, course, daily, infusion, lab, weekly


def found(*facts: object, **more: object) -> PjpRisk:
    return risk(assessed(*facts, **more))


def holding(*facts: object, **more: object) -> list[str]:
    return [trigger.id for trigger in found(*facts, **more).holding]


def truths(*facts: object, **more: object) -> dict[str, bool | None]:
    return {trigger.id: trigger.criterion.truth for trigger in found(*facts, **more).triggers}


def prednisone(mg: float, days: int) -> DrugCourse:
    """Taken for so many days, today included, and going on."""
    return course("glucocorticoid", days - 1, steps=(daily(mg),))


METHOTREXATE = course("methotrexate", 300, steps=(weekly(15),))
TACROLIMUS = course("tacrolimus", 300, steps=(daily(4),))


def test_nothing_taken_is_no_risk() -> None:
    assert truths() == {"P1": False, "P2": False, "P3": False, "P4": False, "P5": False, "P6": False, "PX": False}


@pytest.mark.parametrize(("days", "expected"), [(0, ["P1"]), (90, ["P1"]), (91, [])])
def test_P1_cyclophosphamide_within_90_days(days: int, expected: list[str]) -> None:
    assert holding(infusion("cyclophosphamide", 1000, days)) == expected


def test_P1_cyclophosphamide_for_another_disease_counts() -> None:
    assert holding(infusion("cyclophosphamide", 1000, 30, other_indication="lymphoma")) == ["P1"]


@pytest.mark.parametrize(("days", "expected"), [(90, ["P1"]), (91, [])])
def test_P1_oral_cyclophosphamide_counts_until_its_last_day(days: int, expected: list[str]) -> None:
    assert holding(course("cyclophosphamide", 300, days, status="stopped", steps=(daily(100),))) == expected


@pytest.mark.parametrize(
    ("mg", "days", "expected"),
    [
        (20, 28, ["P2"]),
        (20, 27, ["P5"]),
        (19.9, 28, ["P5"]),
        (15, 14, ["P5"]),
        (15, 13, []),
        (14.9, 14, []),
        (60, 42, ["P2"]),
    ],
)
def test_P2_and_P5_by_dose_and_days(mg: float, days: int, expected: list[str]) -> None:
    assert holding(prednisone(mg, days)) == expected


@pytest.mark.parametrize(
    ("rituximab", "mg", "expected"),
    [(183, 10, ["P3"]), (184, 10, []), (183, 9.9, ["P5"]), (0, 10, ["P3"])],
)
def test_P3_rituximab_with_glucocorticoid(rituximab: int, mg: float, expected: list[str]) -> None:
    assert holding(infusion("rituximab", 1000, rituximab), prednisone(mg, 200)) == expected


def test_P3_rituximab_itself_is_not_one_of_the_two_beside_it() -> None:
    rituximab = infusion("rituximab", 1000, 100)
    assert holding(rituximab, METHOTREXATE) == ["P5"]
    assert "P3" in holding(rituximab, METHOTREXATE, TACROLIMUS)


def test_P3_cyclophosphamide_is_one_of_the_two_beside_rituximab() -> None:
    facts = (infusion("rituximab", 1000, 100), infusion("cyclophosphamide", 1000, 30), METHOTREXATE)
    assert holding(*facts) == ["P1", "P3", "P5"]


@pytest.mark.parametrize(("count", "expected"), [(0.79, ["P4"]), (0.8, ["P5"]), (0.9, ["P5"])])
def test_P4_lymphopenia(count: float, expected: list[str]) -> None:
    assert holding(prednisone(15, 14), lab("lymphocytes", count)) == expected


@pytest.mark.parametrize(("days", "expected"), [(90, ["P4"]), (91, ["P5"])])
def test_P4_a_lymphocyte_count_decides_for_90_days(days: int, expected: list[str]) -> None:
    assert holding(prednisone(15, 14), lab("lymphocytes", 0.5, days)) == expected


def test_P4_without_a_count_is_open_and_P5_stands() -> None:
    told = truths(prednisone(15, 14))
    assert told["P4"] is None
    assert told["P5"] is True


@pytest.mark.parametrize(
    ("mg", "days", "expected"), [(250, 60, ["P4"]), (249, 60, ["P5"]), (250, 61, ["P5"]), (1000, 3, ["P4"])]
)
def test_P4_methylprednisolone_pulse(mg: float, days: int, expected: list[str]) -> None:
    single = Dosing(low=mg, high=mg, count=1)
    pulse = course("glucocorticoid", days, days, status="completed", steps=(single,), ingredient="methylprednisolone")
    assert holding(prednisone(15, 90), pulse) == expected


def test_P4_two_immunosuppressants_rituximab_counted() -> None:
    assert holding(prednisone(15, 14), METHOTREXATE, TACROLIMUS) == ["P4"]
    assert holding(prednisone(15, 14), METHOTREXATE) == ["P5"]
    assert holding(prednisone(15, 14), METHOTREXATE, infusion("rituximab", 1000, 100)) == ["P3", "P4"]


def test_P5_two_immunosuppressants_without_glucocorticoid() -> None:
    assert holding(METHOTREXATE, TACROLIMUS) == ["P5"]
    assert holding(METHOTREXATE) == []
    assert holding(METHOTREXATE, TACROLIMUS, prednisone(5, 100)) == []


def test_P5_a_glucocorticoid_as_needed_is_none() -> None:
    needed = course("glucocorticoid", steps=(daily(20, as_needed=True),))
    assert holding(METHOTREXATE, TACROLIMUS, needed) == ["P5"]


def test_P6_earlier_pneumocystis_pneumonia_needs_immunosuppression() -> None:
    past = condition("pneumocystosis", 2000, current=False)
    assert holding(past) == []
    assert holding(past, METHOTREXATE) == ["P6"]
    assert holding(past, prednisone(2.5, 100)) == ["P6"]
    assert holding(past, course("ivig"), infusion("ivig", 140_000, 10)) == []


UNKNOWN_DOSE = course("glucocorticoid", 200)
NO_START = course("glucocorticoid", None, steps=(daily(20),))


@pytest.mark.parametrize("glucocorticoid", [UNKNOWN_DOSE, NO_START], ids=["dose unknown", "start unknown"])
def test_PX_needs_another_immunosuppressant(glucocorticoid: object) -> None:
    assert holding(glucocorticoid, METHOTREXATE) == ["PX"]
    assert truths(glucocorticoid)["PX"] is False
    assert truths(glucocorticoid)["P2"] is None


def test_PX_is_silent_where_the_unknown_start_decides_nothing() -> None:
    assert holding(course("glucocorticoid", None, steps=(daily(5),)), METHOTREXATE) == []


def test_PX_dose_unknown_beside_rituximab() -> None:
    risk_ = found(UNKNOWN_DOSE, infusion("rituximab", 1000, 100))
    assert [t.id for t in risk_.holding] == ["P5", "PX"]
    assert not risk_.dose_needed
    assert not risk_.warns


def test_PX_alone_asks_for_the_dose() -> None:
    assert found(UNKNOWN_DOSE, METHOTREXATE).dose_needed


def test_an_undated_rituximab_leaves_P3_open() -> None:
    told = truths(infusion("rituximab", 1000, None), prednisone(10, 100))
    assert told["P3"] is None
    assert told["P5"] is None


def test_the_trace_of_an_undated_drug_without_infusions_names_its_status() -> None:
    p1 = found(course("cyclophosphamide", None, status="completed")).triggers[0].criterion.parts[0]
    assert (p1.truth, p1.value, p1.missing) == (None, "on record: completed", "date of the last cyclophosphamide")


def test_a_partly_known_dose_is_shown_as_such() -> None:
    p2 = found(prednisone(10, 100), UNKNOWN_DOSE).triggers[1].criterion.parts
    assert (p2[0].truth, p2[0].value) == (None, "10 and an unknown dose")
    assert found(UNKNOWN_DOSE).triggers[1].criterion.parts[0].value == "unknown"


@pytest.mark.parametrize("key", ["medicationStatements", "medicationRequests", "medicationAdministrations"])
def test_what_a_failed_source_hides_cannot_be_told(key: str) -> None:
    told = truths(METHOTREXATE, unavailable=(key,))
    assert {name for name, truth in told.items() if truth is None} == {"P1", "P2", "P3", "P4", "P5"}
    assert told["P6"] is False
    assert truths(prednisone(20, 28), unavailable=(key,))["P2"] is True


def test_a_failed_source_does_not_undo_what_is_on_record() -> None:
    told = truths(METHOTREXATE, TACROLIMUS, prednisone(5, 100), unavailable=("medicationRequests",))
    assert told["P5"] is None  # by dose and rituximab; that a glucocorticoid is taken is certain


def test_the_missing_text_names_unread_sources_once() -> None:
    trigger = found(unavailable=("medicationRequests",)).triggers[1]
    assert trigger.criterion.missing == "medication records that could not be read"


def test_a_vague_infusion_date_is_open_only_where_it_matters() -> None:
    assert truths(infusion("rituximab", 1000, parse("2026-05")))["P5"] is None
    assert truths(infusion("rituximab", 1000, parse("2026-06")))["P5"] is True
