"""What no record should say and some do: it is read without failing, quickly, and said to be not understood (A5)."""

import time
from typing import Any

import pytest

from hooks.assessment.glucocorticoids import Glucocorticoids, assess_glucocorticoids
from hooks.assessment.pulses import methylprednisolone_pulse
from hooks.chart import dose_text
from hooks.chart.facts import Chart, Dosing
from tests.hooks.chart.resources import (
    DAILY,
    KNOWLEDGE,
    TODAY,
    Resource,
    dosage,
    lab,
    order,
    period,
    read_chart,
    statement,
    the_course,
    the_dosing,
)

HUGE = 10**400
NINES = "9" * 400
BEGUN = {"effectivePeriod": period("2026-01-01")}
QUICK_S = 10.0


def exposure(*resources: Resource) -> Glucocorticoids:
    chart = read_chart(*resources)
    methylprednisolone_pulse(chart, KNOWLEDGE.thresholds, TODAY)
    return assess_glucocorticoids(chart, KNOWLEDGE.thresholds, TODAY)


def read_with(one: Resource) -> Chart:
    """The chart with this dosage on every kind of course: open, bounded, over, infused, and daily."""
    found = read_chart(
        statement("prednisone", one, **BEGUN),
        statement("methylprednisolone", one, effectivePeriod=period("2026-01-01", "2026-12-01")),
        statement("rituximab", one, status="completed", effectivePeriod=period("2026-01-01", "2026-03-01")),
        order("intravenous immunoglobulin", one),
        order("methotrexate", one),
    )
    assess_glucocorticoids(found, KNOWLEDGE.thresholds, TODAY)
    methylprednisolone_pulse(found, KNOWLEDGE.thresholds, TODAY)
    return found


@pytest.mark.parametrize(
    "course",
    [
        statement("prednisone", dosage(20, repeat=DAILY), effectivePeriod=period("2026-01-01", end))
        for end in ("9999-12-31", "9999", "9999-12", "9999-12-31T23:59:59Z")
    ]
    + [
        statement("prednisone", dosage(20, repeat=DAILY | {"boundsPeriod": period("2026-01-01", "9999")}), **BEGUN),
        statement("prednisone", dosage(20, repeat=DAILY | {"boundsPeriod": period("2026-01-01", "9999-12-31")})),
    ],
)
def test_an_end_in_9999_is_no_end(course: Resource) -> None:
    open_ended = exposure(statement("prednisone", dosage(20, repeat=DAILY), **BEGUN))
    found = exposure(course)
    assert (found.mg_per_day, found.active, found.spans) == (20, True, open_ended.spans)


def test_a_step_that_begins_in_9999_does_not_fail() -> None:
    late = dosage(20, repeat=DAILY | {"boundsPeriod": period("9999-12-31")})
    assert exposure(statement("prednisone", late, status="completed", **BEGUN)).active is False


@pytest.mark.parametrize(
    "text",
    [
        "1 mg for 9999999999 months", "1 g every 0 weeks", "1 g every 0 days", "1 g q 0 h", "1 g x 2, 0 weeks apart",
        "1 g x 0", f"1 g x {NINES}", f"1 g over {NINES} days", f"1 g for {NINES} days", f"1 g on days 1 and {NINES}",
        "1 g on days 15 and 1", f"{NINES} mg daily", f"1.{NINES} mg daily", f"1 g every {NINES} days",
        "1 g 0 times a day", "2 g daily for 3 days every 0 weeks", "1 g " * 200,
    ],
)  # fmt: skip
def test_words_that_are_not_understood(text: str) -> None:
    assert dose_text.parse(text) is None
    for course in read_with({"text": text}).courses:
        assert course.steps[0].low is None
        assert "is not understood" in course.steps[0].problem


@pytest.mark.parametrize(
    "text",
    [
        "1 g x 999999, 999999 months apart", "1 g every 999999 months", "1 mg daily for 999999 months",
        "1 g over 999999 months", "1 g x 999999", "1 g 999999 times per hour", "1 g every 0.000001 h",
        "999999 g daily for 999999 months every 999999 months", "1 g on days 1 and 999",
    ],
)  # fmt: skip
def test_words_that_are_understood_and_absurd(text: str) -> None:
    assert read_with({"text": text}).courses


@pytest.mark.parametrize(
    ("repeat", "part"),
    [
        ({"frequency": HUGE, "period": 1, "periodUnit": "d"}, "frequency"),
        ({"frequency": 10_001, "period": 1, "periodUnit": "d"}, "frequency"),
        ({"frequency": 1, "frequencyMax": HUGE, "period": 1, "periodUnit": "d"}, "frequency"),
        ({"frequency": HUGE, "dayOfWeek": ["mon"]}, "frequency"),
        (DAILY | {"count": HUGE}, "count"),
        ({"count": HUGE, "frequency": 1, "period": 1, "periodUnit": "wk"}, "count"),
        *(
            ({"frequency": 1, "period": period_, "periodUnit": unit}, "period")
            for period_ in (5e-324, 1e308)
            for unit in ("s", "min", "h", "d", "wk", "mo", "a")
        ),
        ({"frequency": 1, "period": 1, "periodMax": 1e308, "periodUnit": "a"}, "period"),
        ({"dayOfWeek": ["mon"], "period": 1e308, "periodUnit": "wk"}, "period"),
        ({"dayOfWeek": ["mon"], "period": 5e-324, "periodUnit": "wk"}, "period"),
        (DAILY | {"boundsDuration": {"value": 1e308, "unit": "a", "code": "a"}}, "duration"),
        (DAILY | {"boundsDuration": {"value": 101, "code": "a"}}, "duration"),
        (DAILY | {"boundsDuration": {"value": -1e308, "code": "d"}}, "duration"),
    ],
)
def test_a_timing_that_is_not_plausible(repeat: Resource, part: str) -> None:
    for course in read_with(dosage(20, repeat=repeat)).courses:
        (step,) = course.steps
        assert (step.per_day, step.problem) == (None, f"the {part} of the timing is not plausible")


@pytest.mark.parametrize(
    "repeat",
    [
        {"frequency": 10_000, "period": 1, "periodUnit": "min"},
        {"frequency": 1, "period": 60, "periodUnit": "s"},
        {"frequency": 1, "period": 100, "periodUnit": "a"},
        {"count": 10_000, "frequency": 1, "period": 100, "periodUnit": "a"},
        {"count": 1000, "frequency": 1, "period": 1, "periodUnit": "wk"},
        DAILY | {"boundsDuration": {"value": 100, "code": "a"}},
    ],
)
def test_the_ends_of_what_is_plausible(repeat: Resource) -> None:
    assert all(course.steps[0].per_day for course in read_with(dosage(20, repeat=repeat)).courses)


def test_as_many_doses_as_days_are_not_counted_beyond_reason() -> None:
    long = period("2000-01-01", "2020-12-31")
    one = dosage(1000, repeat={"count": 7671})
    (found,) = read_chart(statement("rituximab", one, status="completed", effectivePeriod=long)).infusions
    assert found.problem == "how many infusions were given, and when, is not recorded"


@pytest.mark.parametrize(("value", "unit"), [(1e308, "mg"), (1e308, "g"), (5e-324, "mcg"), (2e9, "mg/kg"), (1e10, "")])
def test_a_dose_that_is_impossible(value: float, unit: str) -> None:
    assert "is impossible" in the_dosing(statement("prednisone", dosage(value, unit, repeat=DAILY))).problem


def test_a_long_text_is_quoted_in_part() -> None:
    assert len(the_dosing(statement("prednisone", {"text": "as discussed " * 10_000})).problem) < 300


def events(n: int) -> Resource:
    return dosage(20, timing={"event": ["2026-04-20"] * n})


@pytest.mark.parametrize(
    ("dosages", "problem"),
    [
        ([events(1001)], "the dosage cannot be read (it has more than 1,000 events)"),
        ([events(600), events(600)], "the dosage cannot be read (it has more than 1,000 events)"),
        ([dosage(1, repeat=DAILY)] * 101, "the dosage cannot be read (it has more than 100 parts)"),
    ],
)
def test_more_than_can_be_read(dosages: list[Resource], problem: str) -> None:
    assert the_course(statement("prednisone", *dosages)).steps == (Dosing(problem=problem),)


def test_as_much_as_can_be_read() -> None:
    assert the_dosing(statement("prednisone", events(1000))).count == 1000
    assert len(the_course(statement("prednisone", *[dosage(1, repeat=DAILY)] * 100)).steps) == 100


def stopped(words: str) -> Resource:
    return statement("azathioprine", status="stopped", statusReason=[{"text": words}], note=[{"text": words}])


@pytest.mark.parametrize(
    "resource",
    [
        stopped("a" * 200_000), stopped("," * 200_000), stopped("toxic" * 40_000), stopped(", no" * 50_000),
        statement("prednisone", {"text": "1 g " * 50_000}), statement("prednisone", {"text": ", " * 100_000 + "?"}),
    ],
    ids=["letters", "commas", "toxic", "denials", "amounts", "separators"],
)  # fmt: skip
def test_long_texts_are_quick(resource: Resource) -> None:
    begun = time.perf_counter()
    read_chart(resource)
    assert time.perf_counter() - begun < QUICK_S


@pytest.mark.parametrize(
    ("words", "field"), [("hepatotoxicity", "intolerance"), ("lung toxicity", "intolerance"), ("refractory", "failure")]
)
def test_toxic_is_found_within_words(words: str, field: str) -> None:
    found: Any = the_course(stopped(words))
    assert getattr(found, field) == words


@pytest.mark.parametrize(
    ("code", "value", "unit", "kept"),
    [
        ("8302-2", 165, "cm", True),
        ("8302-2", 1.65, "cm", False),  # metres under the wrong unit
        ("8302-2", 1e308, "cm", False),
        ("8302-2", 1e-300, "cm", False),
        ("29463-7", 700, "kg", True),
        ("29463-7", 1e308, "kg", False),
        ("29463-7", 1, "kg", True),
        ("29463-7", 0.07, "kg", False),
        ("29463-7", 1e-300, "kg", False),  # a dose by this weight would not fit on a card
    ],
)
def test_a_size_that_no_body_has_decides_nothing(code: str, value: float, unit: str, kept: bool) -> None:
    result = read_chart(lab(code, value, unit)).labs
    found = next(iter(result.values()))[0]
    assert (found.value is not None) is kept
    assert bool(found.doubt) is not kept
