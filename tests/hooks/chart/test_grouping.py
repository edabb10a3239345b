"""Many resources, one course; one course, its infusions (A4, A5)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.chart.facts import Chart
from tests.hooks.chart.resources import (
    DAILY,
    WEEKLY,
    administration,
    concept,
    dosage,
    order,
    period,
    procedure,
    read_chart,
    statement,
    the_course,
)

Q2W = {"frequency": 1, "period": 2, "periodUnit": "wk"}
Q4W = {"frequency": 1, "period": 4, "periodUnit": "wk"}
MTX = dosage(20, repeat=WEEKLY)


def g(value: float) -> dict[str, Any]:
    return {"dose": {"value": value, "unit": "g"}}


def mg(value: float) -> dict[str, Any]:
    return {"dose": {"value": value, "unit": "mg"}}


def ivig(value: float, on: str, **fields: Any) -> dict[str, Any]:
    return administration("IVIG", g(value), effectiveDateTime=on, **fields)


def rtx(on: str, value: float = 1000, **fields: Any) -> dict[str, Any]:
    return administration("rituximab", mg(value), effectiveDateTime=on, **fields)


def courses(chart: Chart) -> list[tuple[str, str, str, str]]:
    return [(c.drug, c.status, str(c.start), str(c.end)) for c in chart.courses]


def infusions(chart: Chart) -> list[tuple[str, int, float | None]]:
    return [(str(i.when), i.days, i.amount) for i in chart.infusions]


# One course told several times


def test_a_statement_and_an_order_of_one_drug_are_one_course() -> None:
    chart = read_chart(
        statement("methotrexate", MTX, id="s", effectivePeriod=period("2026-01-10")),
        order("methotrexate", MTX, id="o", authoredOn="2026-01-12"),
    )
    assert courses(chart) == [("methotrexate", "active", "2026-01-10", "None")]
    assert chart.courses[0].sources == ("MedicationStatement/s", "MedicationRequest/o")


@pytest.mark.parametrize(
    ("authored", "number"),
    [("2026-05-30", 1), ("2026-06-04", 1), ("2026-06-05", 2), ("2026-01-07", 1), ("2026-01-06", 2)],
)
def test_periods_that_touch_within_three_days_are_one(authored: str, number: int) -> None:
    past = statement("methotrexate", MTX, status="completed", effectivePeriod=period("2026-01-10", "2026-06-01"))
    chart = read_chart(past, order("methotrexate", MTX, status="completed", authoredOn=authored))
    assert len(chart.courses) == number


def test_different_doses_are_different_courses() -> None:
    chart = read_chart(statement("methotrexate", MTX), order("methotrexate", dosage(10, repeat=WEEKLY)))
    assert len(chart.courses) == 2


@pytest.mark.parametrize("bare", [statement("methotrexate"), statement("methotrexate", dosage(5, "?"))])
def test_a_telling_without_dose_adds_none(bare: dict[str, Any]) -> None:
    course = the_course(bare, order("methotrexate", MTX))
    assert course.steps[0].low == 20
    assert course.kind == "MedicationRequest"


def test_different_substances_are_different_courses() -> None:
    assert len(read_chart(statement("prednisone"), statement("prednisolone")).courses) == 2


def test_a_course_for_another_disease_stays_apart() -> None:
    lymphoma = statement("rituximab", dosage(1000), reasonCode=[{"text": "lymphoma"}])
    assert len(read_chart(lymphoma, statement("rituximab", dosage(1000))).courses) == 2


def test_undated_tellings_of_one_status_are_one() -> None:
    unknown = {"status": "unknown", "dateAsserted": "2026-01-01"}
    assert len(read_chart(statement("prednisone", **unknown), statement("prednisone", **unknown)).courses) == 1
    assert len(read_chart(statement("prednisone", **unknown), statement("prednisone", status="stopped")).courses) == 2
    assert len(read_chart(statement("prednisone", status="stopped"), order("prednisone")).courses) == 2


def test_the_same_resource_twice_is_one() -> None:
    same = rtx("2026-04-20", id="x")
    assert infusions(read_chart(same, same)) == [("2026-04-20", 1, 1000)]


def test_the_only_end_that_is_known_is_the_end() -> None:
    ending = statement("methotrexate", MTX, effectivePeriod=period("2026-01-10", "2026-12-31"))
    stopped = statement("methotrexate", MTX, status="stopped", effectivePeriod=period("2026-01-10"))
    for told in ((ending, stopped), (stopped, ending)):
        course = the_course(*told)
        assert (course.status, str(course.end), course.doubt) == ("active", "2026-12-31", "")


def test_active_beside_stopped_is_active_and_doubtful() -> None:
    stopped = statement(
        "methotrexate", MTX, id="s", status="stopped", effectivePeriod=period("2026-01-10", "2026-05-01"),
        statusReason=[{"text": "ineffective"}],
    )  # fmt: skip
    course = the_course(stopped, order("methotrexate", MTX, id="o"))
    assert (course.status, course.end, course.failure) == ("active", None, "ineffective")
    assert course.doubt == "MedicationRequest/o says active, MedicationStatement/s says stopped"


def test_a_renewal_that_follows_the_stop_is_no_doubt() -> None:
    past = statement("methotrexate", MTX, status="completed", effectivePeriod=period("2026-01-10", "2026-05-01"))
    course = the_course(past, order("methotrexate", MTX, authoredOn="2026-05-03"))
    assert (course.status, str(course.start), course.doubt) == ("active", "2026-01-10", "")


def test_two_ended_tellings_end_at_the_later_end() -> None:
    first = statement("methotrexate", MTX, status="completed", effectivePeriod=period("2026-01-10", "2026-05-01"))
    second = statement("methotrexate", MTX, status="stopped", effectivePeriod=period("2026-01-11", "2026-05-03"))
    assert courses(read_chart(first, second)) == [("methotrexate", "stopped", "2026-01-10", "2026-05-03")]


def test_plans_stay_apart_from_what_was_begun() -> None:
    chart = read_chart(statement("rituximab", dosage(1000)), order("rituximab", dosage(1000), status="draft"))
    assert {c.status for c in chart.courses} == {"active", "planned"}


# Renewals


def renewals(*dates: str, dose: float = 20, last: str = "active") -> list[dict[str, Any]]:
    return [
        order("methotrexate", dosage(dose, repeat=WEEKLY), id=f"{on}-{dose}", authoredOn=on,
              status=last if on == dates[-1] else "stopped")
        for on in dates
    ]  # fmt: skip


def test_renewals_are_one_course_and_the_last_one_decides() -> None:
    chart = read_chart(*renewals("2026-01-10", "2026-04-10", "2026-07-10", "2026-10-10"))
    assert courses(chart) == [("methotrexate", "active", "2026-01-10", "None")]
    assert len(chart.courses[0].sources) == 4
    assert courses(read_chart(*renewals("2026-01-10", "2026-04-10", last="stopped"))) == [
        ("methotrexate", "stopped", "2026-01-10", "None")
    ]


def test_a_hundred_and_fifty_five_renewals_are_one_course() -> None:
    dates = [f"20{year}-{month:02}-05" for year in range(14, 27) for month in range(1, 12)]
    assert len(read_chart(*renewals(*dates)).courses) == 1


@pytest.mark.parametrize(("second", "number"), [("2026-04-20", 1), ("2026-04-21", 2)])
def test_renewals_follow_within_a_hundred_days(second: str, number: int) -> None:
    assert len(read_chart(*renewals("2026-01-10", second, last="stopped")).courses) == number


def test_another_dose_in_between_ends_a_chain() -> None:
    chart = read_chart(*renewals("2026-01-10", "2026-03-10"), *renewals("2026-02-10", dose=10, last="stopped"))
    assert len(chart.courses) == 3


def test_two_strengths_renewed_together_are_two_courses() -> None:
    chart = read_chart(*renewals("2026-01-10", "2026-04-01"), *renewals("2026-01-10", "2026-04-01", dose=2.5))
    assert [len(c.sources) for c in chart.courses] == [2, 2]


def test_a_stop_for_a_reason_ends_a_chain() -> None:
    first, second = renewals("2026-01-10", "2026-03-10")
    chart = read_chart(first | {"statusReason": {"text": "hepatotoxicity"}}, second)
    assert [c.intolerance for c in chart.courses] == ["hepatotoxicity", ""]


def test_orders_of_infusions_are_no_renewals() -> None:
    orders = [
        order("rituximab", dosage(1000), status="completed", authoredOn=on) for on in ("2026-04-20", "2026-05-04")
    ]
    assert infusions(read_chart(*orders)) == [("2026-04-20", 1, 1000), ("2026-05-04", 1, 1000)]


# Administrations


def test_administrations_up_to_five_days_apart_are_one_course() -> None:
    chart = read_chart(*(ivig(35, on) for on in ("2026-02-02", "2026-02-03", "2026-02-04", "2026-02-09", "2026-02-15")))
    assert courses(chart) == [
        ("ivig", "completed", "2026-02-02", "2026-02-09"), ("ivig", "completed", "2026-02-15", "2026-02-15"),
    ]  # fmt: skip
    assert infusions(chart) == [("2026-02-02", 8, 140_000), ("2026-02-15", 1, 35_000)]


def test_bottles_of_one_day_add_up_and_a_twin_to_the_minute_does_not() -> None:
    assert infusions(read_chart(ivig(20, "2026-02-02"), ivig(20, "2026-02-02"))) == [("2026-02-02", 1, 40_000)]
    twins = [ivig(20, "2026-02-02T08:15:00Z"), ivig(20, "2026-02-02T08:15:00Z"), ivig(20, "2026-02-02T12:00:00Z")]
    assert infusions(read_chart(*twins)) == [("2026-02-02", 1, 40_000)]


def test_administrations_of_different_doses_keep_each_dose() -> None:
    chart = read_chart(
        ivig(35, "2026-02-02"), ivig(30, "2026-02-03"), administration("IVIG", effectiveDateTime="2026-02-04")
    )
    assert [(s.low, s.count) for s in chart.courses[0].steps] == [(35_000, 1), (30_000, 1), (None, 1)]
    assert infusions(chart) == [("2026-02-02", 3, None)]
    assert chart.infusions[0].problem == "no dose is recorded"


def test_administrations_in_different_units_do_not_add_up() -> None:
    per_kg = administration("IVIG", {"dose": {"value": 1, "unit": "g/kg"}}, effectiveDateTime="2026-02-03")
    chart = read_chart(ivig(70, "2026-02-02"), per_kg)
    assert (chart.infusions[0].amount, chart.infusions[0].problem) == (None, "doses in different units")


def test_daily_administrations_have_a_rate() -> None:
    pulses = [administration("methylprednisolone", mg(1000), effectiveDateTime=f"2026-02-0{n}") for n in (1, 2, 3)]
    (step,) = the_course(*pulses).steps
    assert (step.low, step.count, step.per_day, step.mg_per_day) == (1000, 3, 1, 1000)


def test_undated_administrations_are_courses_of_their_own() -> None:
    undated = [administration("rituximab", mg(1000), effectiveDateTime=...) for _ in range(2)]
    assert infusions(read_chart(*undated)) == [("None", 1, 1000), ("None", 1, 1000)]


def test_an_administration_without_dose_is_an_infusion_of_unknown_amount() -> None:
    chart = read_chart(administration("rituximab"))
    assert infusions(chart) == [("2026-04-20", 1, None)]
    assert chart.infusions[0].problem == "no dose is recorded"


# Infusions told several times


def test_a_total_and_its_administrations_are_one_course() -> None:
    total = statement("IVIG", dosage(140, "g"), status="completed", effectivePeriod=period("2026-02-02", "2026-02-05"))
    chart = read_chart(total, *(ivig(35, f"2026-02-0{n}") for n in (2, 3, 4, 5)))
    assert infusions(chart) == [("2026-02-02", 4, 140_000)]
    assert len(chart.courses[0].sources) == 5


def test_administrations_stand_for_what_was_ordered() -> None:
    ordered = order(
        "rituximab", dosage(1000, repeat=Q2W | {"count": 2}), id="o", authoredOn="2026-04-15", status="completed"
    )
    chart = read_chart(ordered, rtx("2026-04-20"), rtx("2026-05-04"))
    assert infusions(chart) == [("2026-04-20", 1, 1000), ("2026-05-04", 1, 1000)]
    assert "MedicationRequest/o" in chart.courses[0].sources


@pytest.mark.parametrize("authored", ["2026-04-15", "2026-04-23", "2026-01-20"])
def test_an_untimed_order_stands_behind_the_administration_that_follows(authored: str) -> None:
    ordered = order("rituximab", dosage(1000), authoredOn=authored, status="completed")
    assert infusions(read_chart(ordered, rtx("2026-04-20"))) == [("2026-04-20", 1, 1000)]


@pytest.mark.parametrize("authored", ["2026-04-24", "2025-12-01"])
def test_an_order_of_another_time_is_another_infusion(authored: str) -> None:
    ordered = order("rituximab", dosage(1000), authoredOn=authored, status="completed")
    assert len(read_chart(ordered, rtx("2026-04-20")).infusions) == 2


def test_a_statement_of_the_whole_series_adds_no_infusion() -> None:
    series = statement(
        "IVIG", dosage(140, "g", repeat=Q4W | {"count": 3}), status="completed",
        effectivePeriod=period("2026-02-02", "2026-04-09"),
        statusReason=[{"text": "lack of efficacy"}],
    )  # fmt: skip
    given_on = ("2026-02-02", "2026-03-02", "2026-04-06")
    chart = read_chart(series, *(ivig(140, on) for on in given_on))
    assert [str(i.when) for i in chart.infusions] == list(given_on)
    assert chart.courses[0].failure == "lack of efficacy"


def test_a_statement_of_another_amount_on_the_same_days_adds_no_infusion() -> None:
    told = statement("IVIG", dosage(140, "g"), status="completed", effectivePeriod=period("2026-02-02", "2026-02-05"))
    assert infusions(read_chart(told, ivig(35, "2026-02-02"))) == [("2026-02-02", 1, 35_000)]


def test_tablets_beside_pulses_stay_a_course_of_their_own() -> None:
    tablets = order("cyclophosphamide", dosage(100, repeat=DAILY, route={"text": "oral"}), authoredOn="2026-04-01")
    pulse = administration("cyclophosphamide", mg(1000) | {"route": {"text": "IV"}})
    chart = read_chart(tablets, pulse)
    assert len(chart.courses) == 2
    assert infusions(chart) == [("2026-04-20", 1, 1000)]
    renewed = [
        order("cyclophosphamide", dosage(100, repeat=DAILY), authoredOn=on) for on in ("2026-04-01", "2026-06-01")
    ]
    assert len(read_chart(*renewed).courses) == 1


def test_an_undated_statement_beside_administrations_stays_what_it_is() -> None:
    told = statement("rituximab", dosage(500), status="completed")
    assert [str(i.when) for i in read_chart(told, rtx("2026-04-20")).infusions] == ["2026-04-20", "None"]


def test_a_procedure_code_and_a_dose_are_one_course() -> None:
    given_as = procedure(concept("30233S1", "http://www.cms.gov/Medicare/Coding/ICD10"), performedDateTime="2026-02-02")
    assert infusions(read_chart(given_as)) == [("2026-02-02", 1, None)]
    told = statement("IVIG", dosage(140, "g"), status="completed", effectivePeriod=period("2026-02-02", "2026-02-05"))
    assert infusions(read_chart(given_as, told)) == [("2026-02-02", 4, 140_000)]


# Infusions from one course


def series(repeat: dict[str, Any] | None, start: str = "2026-02-02", end: str = "", **fields: Any) -> Chart:
    given_in = {"effectivePeriod": period(start, end)} if start else {}
    return read_chart(statement("IVIG", dosage(140, "g", repeat=repeat), **(given_in | fields)))


def test_a_rate_within_a_period_counts_both_ends() -> None:
    chart = series(Q4W, end="2026-03-30", status="completed")
    assert [str(i.when) for i in chart.infusions] == ["2026-02-02", "2026-03-02", "2026-03-30"]


def test_a_rate_without_end_goes_up_to_today() -> None:
    assert [str(i.when) for i in series(Q4W, start="2026-10-25").infusions] == ["2026-10-25", "2026-11-22"]


def test_what_is_still_to_come_is_planned() -> None:
    chart = series(Q4W | {"count": 3}, start="2026-10-26")
    assert [(str(i.when), i.status) for i in chart.infusions] == [
        ("2026-10-26", "active"), ("2026-11-23", "planned"), ("2026-12-21", "planned"),
    ]  # fmt: skip


def test_a_completed_course_has_nothing_to_come() -> None:
    chart = series(Q4W, start="2026-10-26", end="2027-02-01", status="completed")
    assert [str(i.when) for i in chart.infusions] == ["2026-10-26"]


@pytest.mark.parametrize("status", ["completed", "stopped", "unknown"])
def test_a_course_over_at_an_unknown_time_cannot_be_counted(status: str) -> None:
    chart = series(Q4W, status=status)
    assert infusions(chart) == [("None", 1, None)]
    assert "is not recorded" in chart.infusions[0].problem


def test_a_stopped_course_may_have_stopped_before_its_count() -> None:
    assert series(Q4W | {"count": 3}, status="stopped").infusions[0].when is None
    assert len(series(Q4W | {"count": 3}, status="completed").infusions) == 3


def test_daily_infusions_of_ivig_are_one_block() -> None:
    four_days = period("2026-02-02", "2026-02-05")
    chart = read_chart(statement("IVIG", dosage(35, "g", repeat=DAILY), status="completed", effectivePeriod=four_days))
    assert infusions(chart) == [("2026-02-02", 4, 140_000)]


def test_weekly_rituximab_is_four_infusions() -> None:
    weekly = {"text": "375 mg/m2 weekly x 4"}
    chart = read_chart(order("rituximab", weekly, authoredOn="2026-04-20", status="completed"))
    assert [(str(i.when), i.amount, i.basis, i.from_text) for i in chart.infusions] == [
        (on, 375, "mg/m2", True) for on in ("2026-04-20", "2026-04-27", "2026-05-04", "2026-05-11")
    ]


def test_a_count_of_doses_within_a_period() -> None:
    def counted(count: int, end: str) -> list[tuple[str, int, float | None]]:
        return infusions(series({"count": count}, end=end, status="completed"))

    assert counted(4, "2026-02-05") == [("2026-02-02", 4, 560_000)]
    assert counted(2, "2026-03-02") == [("2026-02-02", 1, 140_000), ("2026-03-02", 1, 140_000)]
    assert counted(3, "2026-04-06") == [("None", 1, None)]
    assert counted(2, "2026") == [("None", 1, None)]
    assert counted(2, "") == [("None", 1, None)]


def test_a_block_over_some_days_by_its_words() -> None:
    chart = read_chart(order("IVIG", {"text": "2 g/kg over 5 days every 4 weeks"}, authoredOn="2026-10-26"))
    assert infusions(chart) == [("2026-10-26", 5, 2000)]
    single = read_chart(order("IVIG", {"text": "2 g/kg over 5 days"}, authoredOn="2026-10-26", status="completed"))
    assert infusions(single) == [("2026-10-26", 5, 2000)]


@pytest.mark.parametrize("status", ["active", "stopped"])
def test_an_untimed_order_that_was_not_completed_shows_no_infusion_day(status: str) -> None:
    chart = read_chart(order("rituximab", dosage(1000), status=status))
    assert infusions(chart) == [("None", 1, None)]


def test_an_undated_infusion_keeps_its_dose() -> None:
    chart = read_chart(statement("rituximab", dosage(1000), status="completed"))
    assert infusions(chart) == [("None", 1, 1000)]
    assert chart.infusions[0].problem == "no date is recorded"
    twice = read_chart(statement("rituximab", dosage(1000, repeat={"count": 2}), status="completed"))
    assert infusions(twice) == [("None", 1, None)]


def test_a_vague_date_stays_vague() -> None:
    assert infusions(read_chart(rtx("2026-04"))) == [("2026-04", 1, 1000)]
    assert infusions(series(Q4W, start="2026-02", status="completed", end="2026-06-01")) == [("None", 1, None)]
    two = read_chart(rtx("2026-04"), rtx("2026-04-28"))
    assert [str(i.when) for i in two.infusions] == ["2026-04", "2026-04-28"]


def test_a_planned_infusion_is_planned() -> None:
    chart = read_chart(statement("rituximab", dosage(1000), effectivePeriod=period("2026-12-01")))
    assert [(str(i.when), i.status) for i in chart.infusions] == [("2026-12-01", "planned")]


def test_as_needed_infusions_cannot_be_counted() -> None:
    chart = read_chart(
        statement("IVIG", dosage(35, "g", repeat=Q4W, asNeededBoolean=True), effectivePeriod=period("2026-01-05"))
    )
    assert infusions(chart) == [("None", 1, None)]


def test_an_infusion_every_minute_is_not_expanded() -> None:
    absurd = {"frequency": 1, "period": 1, "periodUnit": "min"}
    assert infusions(series(absurd)) == [("None", 1, None)]
    assert infusions(series(absurd | {"count": 2_000_000})) == [("None", 1, None)]


def test_an_infusion_of_a_course_without_dosage() -> None:
    assert infusions(series(None)) == [("None", 1, None)]
    assert infusions(read_chart(statement("rituximab"))) == [("None", 1, None)]


def test_infusions_for_another_disease_say_so() -> None:
    chart = read_chart(rtx("2026-04-20", reasonCode=[{"text": "lymphoma"}]))
    assert chart.infusions[0].other_indication == "given for lymphoma"
    assert chart.infusions[0].course == chart.courses[0].source


@given(
    st.lists(
        st.sampled_from(
            [
                rtx("2026-04-20"), rtx("2026-05-04"), rtx("0001"), rtx("9999-12-31"), rtx("2026"),
                order("rituximab", dosage(1000, repeat=Q2W | {"count": 2}), authoredOn="0001-01-01"),
                order("rituximab", dosage(1000, repeat=Q2W), authoredOn="9999-12-31"),
                statement("rituximab", effectivePeriod=period("2026-04-20", "2026-04-01")),
                statement("rituximab", dosage(1000), effectivePeriod=period("2026-04-20", "9999")),
                statement("rituximab", dosage(1000, repeat=WEEKLY), effectivePeriod=period("0001-01-01", "9999-12-31")),
                statement("rituximab", dosage(-1), status="completed"),
            ]
        ),
        max_size=6,
    )
)  # fmt: skip
def test_whatever_is_recorded_it_is_read_and_no_source_is_lost(resources: list[dict[str, Any]]) -> None:
    chart = read_chart(*resources)
    told = {source for course in chart.courses for source in course.sources}
    assert told == {f"{r['resourceType']}/{r['id']}" for r in resources}


def test_an_administration_without_a_dose_is_an_infusion_all_the_same() -> None:
    chart = read_chart(administration("cyclophosphamide", effectiveDateTime="2026-11-02"))
    assert [(str(i.when), i.amount) for i in chart.infusions] == [("2026-11-02", None)]
