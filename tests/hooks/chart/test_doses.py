"""How a dose is read (A5), row by row."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.dates import day
from hooks.chart import dose_text
from hooks.chart.facts import Dosing
from hooks.chart.strengths import NO_STRENGTH, Strength, strength_of
from tests.hooks.chart.resources import (
    DAILY,
    RXNORM,
    WEEKLY,
    administration,
    concept,
    dosage,
    order,
    period,
    read_chart,
    statement,
    the_course,
    the_dosing,
)

BIWEEKLY = {"frequency": 1, "period": 2, "periodUnit": "wk"}


def short(step: Dosing) -> tuple[Any, ...]:
    return step.low, step.basis, round(step.per_day, 4) if step.per_day else None, step.count


def day_(text: str) -> Any:
    return day(date.fromisoformat(text))


def test_a_number_of_doses() -> None:
    assert short(the_dosing(statement("rituximab", dosage(1000, repeat={"count": 2} | BIWEEKLY)))) == (
        1000,
        "mg",
        0.0714,
        2,
    )


def test_events_are_doses_with_their_dates() -> None:
    step = the_dosing(order("rituximab", dosage(1000, timing={"event": ["2026-05-04", "2026-04-20"]})))
    assert (step.count, step.dates) == (2, (day_("2026-04-20"), day_("2026-05-04")))


def test_an_event_that_is_no_date_is_left_out_and_still_counted() -> None:
    chart = read_chart(statement("rituximab", dosage(1000, timing={"event": ["2026-04-20", "soon"]})))
    (step,) = chart.courses[0].steps
    assert (step.count, len(step.dates)) == (2, 1)
    assert "timing.event was left out" in chart.dropped[0].reason


@pytest.mark.parametrize(
    ("repeat", "per_day"),
    [
        (DAILY, 1), (WEEKLY, 1 / 7), ({"frequency": 1, "period": 7, "periodUnit": "d"}, 1 / 7),
        ({"frequency": 2, "period": 1, "periodUnit": "d"}, 2), ({"frequency": 1, "period": 12, "periodUnit": "h"}, 2),
        ({"period": 1, "periodUnit": "d"}, 1), ({"frequency": 1, "period": 1, "periodUnit": "mo"}, 1 / 30),
        ({"dayOfWeek": ["mon"]}, 1 / 7), ({"dayOfWeek": ["mon"]} | WEEKLY, 1 / 7),
        ({"dayOfWeek": ["mon"]} | DAILY, 1 / 7),
        ({"dayOfWeek": ["mon", "wed", "fri"]}, 3 / 7),
        ({"dayOfWeek": ["mon", "thu"], "frequency": 2, "period": 1, "periodUnit": "wk"}, 2 / 7),
        ({"dayOfWeek": ["mon"], "frequency": 2, "period": 1, "periodUnit": "d"}, 2 / 7),
        ({"dayOfWeek": ["mon"], "frequency": 1, "period": 2, "periodUnit": "wk"}, 1 / 14),
        ({"timeOfDay": ["08:00:00", "20:00:00"]}, 2),
        ({"timeOfDay": ["08:00:00", "20:00:00"], "period": 1, "periodUnit": "d"}, 2),
        ({"when": ["MORN"]}, 1), ({"frequency": 1, "period": 3, "periodMax": 6, "periodUnit": "wk"}, 1 / 42),
    ],
)  # fmt: skip
def test_how_often_a_day(repeat: dict[str, Any], per_day: float) -> None:
    assert the_dosing(statement("prednisone", dosage(20, repeat=repeat))).per_day == pytest.approx(per_day)


@pytest.mark.parametrize(
    ("code", "per_day"),
    [
        (concept("QD"), 1), (concept("BID"), 2), (concept("TID"), 3), (concept("QID"), 4), (concept("QOD"), 0.5),
        (concept("Q6H"), 4), (concept("QWK"), 1 / 7), (concept("WK"), 1 / 7), (concept(text="weekly"), 1 / 7),
        (concept(text="once weekly"), 1 / 7), (concept("MO"), 1 / 30), (concept("XYZ"), None),
        (concept(text="often"), None),
    ],
)  # fmt: skip
def test_how_often_by_the_code_of_the_timing(code: dict[str, Any], per_day: float | None) -> None:
    assert the_dosing(statement("methotrexate", dosage(20, timing={"code": code}))).per_day == (
        per_day and pytest.approx(per_day)
    )


@pytest.mark.parametrize(
    "repeat",
    [
        {"frequency": 1}, {"period": 1}, {"frequency": 0, "period": 1, "periodUnit": "d"},
        {"frequency": 1, "period": -1, "periodUnit": "d"}, {"frequency": 1, "period": 1, "periodUnit": "moon"},
        {"dayOfWeek": ["mon"], "frequency": 3, "period": 1, "periodUnit": "wk"},
        {"dayOfWeek": ["mon"], "frequency": 1, "period": 1, "periodUnit": "mo"},
    ],
)  # fmt: skip
def test_a_timing_that_is_not_understood_is_no_rate(repeat: dict[str, Any]) -> None:
    step = the_dosing(statement("prednisone", dosage(20, repeat=repeat)))
    assert step.per_day is None
    assert step.problem
    assert step.mg_per_day is None


def test_a_code_and_a_frequency_that_contradict_each_other_are_no_rate() -> None:
    step = the_dosing(statement("methotrexate", dosage(15, repeat=DAILY, timing={"code": concept("WK")})))
    assert (step.per_day, "contradict" in step.problem) == (None, True)


def test_a_code_and_a_frequency_that_agree() -> None:
    step = the_dosing(statement("methotrexate", dosage(15, repeat=WEEKLY, timing={"code": concept("WK")})))
    assert short(step) == (15, "mg", 0.1429, None)


def test_daily_methotrexate_stays_daily() -> None:
    step = the_dosing(statement("methotrexate", dosage(15, repeat=DAILY)))
    assert step.daily
    assert step.mg_per_day == 15


@pytest.mark.parametrize(("days", "total"), [(1, False), (4, True), (7, True), (8, False)])
def test_an_infusion_within_a_week_without_timing_is_a_total(days: int, total: bool) -> None:
    given_in = period("2026-02-02", f"2026-02-{1 + days:02}")
    step = the_dosing(statement("IVIG", dosage(140, "g"), status="completed", effectivePeriod=given_in))
    assert (step.low, step.total) == (140_000, total)


def test_a_tablet_course_of_a_week_is_no_total() -> None:
    week = period("2026-02-02", "2026-02-05")
    assert not the_dosing(statement("prednisone", dosage(20), status="completed", effectivePeriod=week)).total


def test_a_single_moment_is_one_dose() -> None:
    given_on = {"effectiveDateTime": "2026-04-20", "status": "completed"}
    course = the_course(statement("rituximab", dosage(1000), **given_on))
    assert short(course.steps[0]) == (1000, "mg", None, 1)
    assert course.end == course.start
    assert the_dosing(statement("atorvastatin", dosage(40), effectiveDateTime="2026-04-20")).count is None


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (140, "g", (140_000, "mg")), (20, "mg", (20, "mg")), (500, "ug", (0.5, "mg")), (500, "mcg", (0.5, "mg")),
        (500, "µg", (0.5, "mg")), (2, "g/kg", (2000, "mg/kg")), (15, "mg/kg", (15, "mg/kg")),
        (375, "mg/m2", (375, "mg/m2")),
        (375, "mg/m²", (375, "mg/m2")), (375, "mg/m^2", (375, "mg/m2")), (1, "gram", (1000, "mg")),
    ],
)  # fmt: skip
def test_units_of_a_dose(value: float, unit: str, expected: tuple[float, str]) -> None:
    step = the_dosing(statement("rituximab", dosage(value, unit)))
    assert step.low == pytest.approx(expected[0])
    assert step.basis == expected[1]


@pytest.mark.parametrize(
    ("value", "unit", "problem"),
    [
        (20, "", "no unit"), (20, "IU", "not understood"), (-20, "mg", "impossible"), (0, "mg", "impossible"),
        (2, "{tbl}", "strength is not known"), (2, "mL", "concentration is not known"), (20, "mg/ml", "not understood"),
    ],
)  # fmt: skip
def test_a_dose_that_is_not_understood_is_unknown(value: float, unit: str, problem: str) -> None:
    step = the_dosing(statement("prednisone", dosage(value, unit, repeat=DAILY)))
    assert (step.low, step.high, step.mg_per_day) == (None, None, None)
    assert problem in step.problem
    assert step.per_day == 1


def test_a_dose_with_a_comparator_is_unknown() -> None:
    less = {"doseAndRate": [{"doseQuantity": {"value": 20, "unit": "mg", "comparator": "<"}}]}
    assert "only known as < 20" in the_dosing(statement("prednisone", less)).problem


def test_a_code_of_the_unit_that_says_nothing_leaves_the_unit() -> None:
    odd = {"doseAndRate": [{"doseQuantity": {"value": 20, "unit": "mg", "code": "258684004"}}]}
    assert the_dosing(statement("prednisone", odd)).low == 20
    both = {"doseAndRate": [{"doseQuantity": {"value": 20, "unit": "spoons", "code": "258684004"}}]}
    assert "258684004" in the_dosing(statement("prednisone", both)).problem


@pytest.mark.parametrize(
    ("name", "value", "unit", "low"),
    [
        (concept(text="prednisone 5 MG Oral Tablet"), 4, "{tbl}", 20),
        (concept("105585", RXNORM), 8, "tablet", 20),
        (concept("105585", RXNORM, display="methotrexate 2.5 MG Oral Tablet"), 8, "1", 20),
        (concept(text="methotrexate 25 MG/ML Injectable Solution"), 0.8, "mL", 20),
        (concept(text="0.4 ML methotrexate 50 MG/ML Auto-Injector"), 1, "{syringe}", 20),
        (concept(text="100 ML immune globulin intravenous 100 MG/ML Injection"), 7, "vial", 70_000),
        (concept(text="methotrexate 20 MG/0.4 ML Auto-Injector"), 0.4, "ml", 20),
    ],
)
def test_tablets_times_strength(name: dict[str, Any], value: float, unit: str, low: float) -> None:
    step = the_dosing(statement(name, dosage(value, unit)))
    assert step.low == pytest.approx(low)
    assert step.basis == "mg"


@pytest.mark.parametrize(
    ("names", "strength"),
    [
        (("sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet",), NO_STRENGTH),
        (("", "prednisone 20 MG"), Strength(20)),
        (("rituximab 1 G", "rituximab 500 MG"), Strength(1000)),
        (("10 MG/ML", ), Strength(None, 10)),
        (("10 MG/ML and 20 MG/ML",), NO_STRENGTH),
        (("5 MG/0 ML",), NO_STRENGTH),
        (("prednisone",), NO_STRENGTH),
        ((), NO_STRENGTH),
    ],
)  # fmt: skip
def test_the_strength_of_a_product(names: tuple[str, ...], strength: Strength) -> None:
    assert strength_of(names) == strength


def test_a_range_has_a_lower_and_an_upper_end() -> None:
    ranged = {"doseAndRate": [{"doseRange": {"low": {"value": 15, "unit": "mg"}, "high": {"value": 25, "unit": "mg"}}}]}
    step = the_dosing(statement("methotrexate", ranged | {"timing": {"repeat": WEEKLY}}))
    assert (step.low, step.high) == (15, 25)
    assert step.mg_per_day_high == pytest.approx(25 / 7)


@pytest.mark.parametrize(
    ("ends", "problem"),
    [
        ({"low": {"value": 15, "unit": "mg"}, "high": {"value": 1, "unit": "mg/kg"}}, "different units"),
        ({"low": {"value": 15, "unit": "mg"}, "high": {"value": 1, "unit": "?"}}, "not understood"),
        ({"high": {"unit": "mg"}}, "no dose"),
        ({}, "no dose"),
    ],
)
def test_a_range_that_is_none(ends: dict[str, Any], problem: str) -> None:
    assert problem in the_dosing(statement("methotrexate", {"doseAndRate": [{"doseRange": ends}]})).problem


def test_a_range_with_one_end() -> None:
    one = {"doseAndRate": [{}, {"doseRange": {"low": {"value": 15, "unit": "mg"}}}]}
    step = the_dosing(statement("methotrexate", one))
    assert (step.low, step.high) == (15, 15)


def test_a_range_of_frequency_raises_the_upper_end() -> None:
    often = {"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}
    step = the_dosing(statement("prednisone", dosage(10, repeat=often)))
    assert (step.mg_per_day, step.mg_per_day_high) == (10, 20)


@pytest.mark.parametrize("needed", [{"asNeededBoolean": True}, {"asNeededCodeableConcept": {"text": "pain"}}])
def test_as_needed_is_no_regular_dose(needed: dict[str, Any]) -> None:
    step = the_dosing(statement("prednisone", dosage(20, repeat=DAILY, **needed)))
    assert step.as_needed
    assert step.mg_per_day is None


def test_an_end_by_bounds_or_duration() -> None:
    bounded = dosage(20, repeat=DAILY | {"boundsPeriod": period("2026-01-05", "2026-02-01")})
    assert str(the_course(order("prednisone", bounded)).end) == "2026-02-01"
    for unit in ("d", "days"):
        lasting = dosage(20, repeat=DAILY | {"boundsDuration": {"value": 10, "unit": unit, "code": "d"}})
        assert str(the_course(order("prednisone", lasting)).end) == "2026-01-19"
    assert str(the_course(order("methotrexate", dosage(20, repeat=WEEKLY | {"count": 4}))).end) == "2026-01-31"


@pytest.mark.parametrize("duration", [{"value": 10, "unit": "moons"}, {"unit": "d"}])
def test_a_duration_that_is_not_understood_is_none(duration: dict[str, Any]) -> None:
    assert the_course(order("prednisone", dosage(20, repeat=DAILY | {"boundsDuration": duration}))).end is None


# Tapers


def spans(*doses: dict[str, Any], **fields: Any) -> list[tuple[Any, str, str]]:
    course = the_course(order("prednisone", *doses, **fields))
    return [(s.low, str(s.start), str(s.end)) for s in course.steps]


def test_a_taper_by_bounds() -> None:
    steps = [
        dosage(40, sequence=1, repeat=DAILY | {"boundsPeriod": period("2026-01-10", "2026-02-09")}),
        dosage(20, sequence=2, repeat=DAILY | {"boundsPeriod": period("2026-02-10")}),
    ]
    expected = [(40, "2026-01-10", "2026-02-09"), (20, "2026-02-10", "None")]
    assert spans(*steps) == spans(*reversed(steps)) == expected


def test_a_taper_by_durations() -> None:
    week = DAILY | {"boundsDuration": {"value": 7, "code": "d"}}
    steps = [
        dosage(40, sequence=1, repeat=week),
        dosage(20, sequence=2, repeat=week),
        dosage(10, sequence=3, repeat=DAILY),
    ]
    expected = [(40, "2026-01-10", "2026-01-16"), (20, "2026-01-17", "2026-01-23"), (10, "2026-01-24", "None")]
    assert spans(*steps) == expected


def test_a_step_ends_where_the_next_begins() -> None:
    steps = [
        dosage(40, sequence=1, repeat=DAILY),
        dosage(20, sequence=2, repeat=DAILY | {"boundsPeriod": period("2026-03")}),
    ]
    assert spans(*steps)[0] == (40, "2026-01-10", "None")
    steps[1] = dosage(20, sequence=2, repeat=DAILY | {"boundsPeriod": period("2026-03-01")})
    assert spans(*steps)[0] == (40, "2026-01-10", "2026-02-28")


def test_a_step_whose_beginning_is_not_said_has_no_dose() -> None:
    steps = [dosage(40, sequence=1, repeat=DAILY), dosage(20, sequence=2, repeat=DAILY)]
    course = the_course(order("prednisone", *steps))
    assert course.steps[1].low is None
    assert "not said when" in course.steps[1].problem


def test_doses_of_one_sequence_are_taken_together() -> None:
    steps = [dosage(15, repeat=DAILY), dosage(5, repeat=DAILY)]
    assert [(low, start) for low, start, _ in spans(*steps)] == [(15, "2026-01-10"), (5, "2026-01-10")]


def test_the_last_day_of_the_calendar_is_no_trap() -> None:
    forever = DAILY | {"boundsPeriod": period("2026-01-10", "9999-12-31")}
    steps = [dosage(40, sequence=1, repeat=forever), dosage(20, sequence=2, repeat=DAILY)]
    assert spans(*steps)[1] == (20, "9999-12-31", "None")


# Doses in words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 g/kg over 5 days every 4 weeks", (2000, "mg/kg", 0.0357, None)),
        ("20 mg once weekly", (20, "mg", 0.1429, None)),
        ("1 g x 2, 2 weeks apart", (1000, "mg", 0.0714, 2)),
        ("1000 mg on day 1 and day 15", (1000, "mg", 0.0714, 2)),
        ("375 mg/m2 weekly x 4", (375, "mg/m2", 0.1429, 4)),
        ("375 mg/m² once a week, 4 doses", (375, "mg/m2", 0.1429, 4)),
        ("0.4 g/kg daily for 5 days every 4 weeks", (2000, "mg/kg", 0.0357, None)),
        ("Take 20 mg by mouth every morning.", (20, "mg", 1, None)),
        ("20 mg/day", (20, "mg", 1, None)),
        ("15 mg/week", (15, "mg", 0.1429, None)),
        ("1 mg/kg/day", (1, "mg/kg", 1, None)),
        ("1000 mg bid", (1000, "mg", 2, None)),
        ("800 mg three times a week", (800, "mg", 0.4286, None)),
        ("960 mg 3x/week", (960, "mg", 0.4286, None)),
        ("960 mg twice weekly", (960, "mg", 0.2857, None)),
        ("960 mg three times weekly", (960, "mg", 0.4286, None)),
        ("500 mg every 12 hours", (500, "mg", 2, None)),
        ("500 mg tid", (500, "mg", 3, None)),
        ("500 mg qid", (500, "mg", 4, None)),
        ("20 mg every other day", (20, "mg", 0.5, None)),
        ("1000 mg IV q3w", (1000, "mg", 0.0476, None)),
        ("300 mg monthly", (300, "mg", 0.0333, None)),
        ("20 mg every Monday", (20, "mg", 0.1429, None)),
        ("20 mg once a week on Monday", (20, "mg", 0.1429, None)),
        ("20 mg weekly, every Sunday", (20, "mg", 0.1429, None)),
        ("1800 mg IV once every 4 weeks", (1800, "mg", 0.0357, None)),
        ("20 mg once a week", (20, "mg", 0.1429, None)),
        ("7,5 mg weekly", (7.5, "mg", 0.1429, None)),
        ("500 mcg daily", (0.5, "mg", 1, None)),
        ("20 mg", (20, "mg", None, None)),
    ],
)
def test_a_dose_in_words(text: str, expected: tuple[Any, ...]) -> None:
    step = the_dosing(statement("prednisone", {"text": text}))
    assert short(step) == expected
    assert step.from_text
    assert not step.problem


@pytest.mark.parametrize(
    "text",
    [
        "60 mg daily then taper", "as directed", "20 mg daily or 40 mg daily", "1 DS tablet 3x/week",
        "start 500 mg, increase",
        "20 mg weekly daily", "20 mg on Monday on Thursday", "20 mg weekly on Monday on Thursday",
        "20 mg daily on Monday", "20 mg twice weekly on Monday",
        "20 mg day 5 and 5", "20 mg/ml daily", "x 2 x 3", "2.5 mg x 8 tablets weekly", "?", "10-",
    ],
)  # fmt: skip
def test_words_that_are_not_understood_as_a_whole_are_no_dose(text: str) -> None:
    step = the_dosing(statement("prednisone", {"text": text}))
    assert (step.low, step.per_day, step.from_text) == (None, None, False)
    assert step.problem == f"the text {text!r} is not understood"


def test_more_of_what_words_say() -> None:
    step = the_dosing(statement("IVIG", {"text": "2 g/kg over 2-5 days"}))
    assert (step.low, step.over_days) == (2000, 5)
    ranged = the_dosing(statement("methotrexate", {"text": "15-25 mg weekly"}))
    assert (ranged.low, ranged.high) == (15, 25)
    assert the_dosing(statement("prednisone", {"text": "10 mg daily as needed"})).as_needed
    course = the_course(order("prednisone", {"text": "40 mg daily for 2 weeks"}))
    assert str(course.end) == "2026-01-23"
    assert the_dosing(statement(concept(text="prednisone 5 MG Tablet"), {"text": "2 tablets daily"})).low == 10
    assert the_dosing(statement("prednisone", {"text": "2 tablets daily"})).low is None
    assert the_dosing(statement("prednisone", {"patientInstruction": "20 mg daily"})).mg_per_day == 20


def test_words_fill_what_the_structure_leaves_open() -> None:
    step = the_dosing(statement("methotrexate", dosage(20, text="20 mg once weekly")))
    assert short(step) == (20, "mg", 0.1429, None)
    assert step.from_text
    only_timing = the_dosing(statement("methotrexate", dosage(20, text="once weekly")))
    assert short(only_timing) == (20, "mg", 0.1429, None)
    only_dose = the_dosing(statement("methotrexate", {"text": "20 mg", "timing": {"repeat": WEEKLY}}))
    assert short(only_dose) == (20, "mg", 0.1429, None)
    no_unit = the_dosing(statement("prednisone", dosage(1, "", text="20 mg daily")))
    assert no_unit.mg_per_day == 20
    assert the_dosing(statement("prednisone", dosage(1, "", text="as directed"))).problem == "the dose has no unit"
    other = the_dosing(statement("prednisone", dosage(20, text="40 mg daily")))
    assert short(other) == (20, "mg", None, None)


def test_words_that_contradict_the_timing_are_a_doubt_and_the_timing_stands() -> None:
    course = the_course(statement("methotrexate", dosage(15, repeat=DAILY, text="15 mg once weekly")))
    assert course.steps[0].daily
    assert "15 mg once weekly" in course.doubt
    for agreeing in ("15 mg daily", "15 mg"):
        assert the_course(statement("methotrexate", dosage(15, repeat=DAILY, text=agreeing))).doubt == ""


@given(st.text(alphabet="0123456789 mgkx/dailyweekover,.-", max_size=30))
def test_whatever_is_written_the_dose_is_understood_or_unknown(text: str) -> None:
    phrase = dose_text.parse(text)
    assert phrase is None or phrase.low is None or phrase.low >= 0
    (step,) = the_course(statement("prednisone", {"text": text})).steps
    assert (step.low is None) == bool(step.problem)


@pytest.mark.parametrize("dose", [5, {"dose": {"value": "much"}}, None])
def test_a_malformed_dosage_leaves_the_administration(dose: Any) -> None:
    course = the_course(administration("rituximab") | {"dosage": dose})
    assert (course.drug, [step.low for step in course.steps]) == ("rituximab", [] if dose is None else [None])


def test_a_malformed_dosage_leaves_the_course() -> None:
    chart = read_chart(
        statement("methotrexate", {"doseAndRate": [{"doseQuantity": {"value": "twenty", "unit": "mg"}}]})
    )
    (course,) = chart.courses
    assert "dosage cannot be read" in course.steps[0].problem
    assert "dosage was left out" in chart.dropped[0].reason
