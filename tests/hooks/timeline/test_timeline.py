"""The course of the disease as values: every fact has its place in time, or is said in words."""

from datetime import date, timedelta
from typing import Any

import pytest

import fixtures
from hooks.chart.facts import Dosing, Dropped
from hooks.rules.escalation import IN_WORDS
from hooks.timeline import Timeline, timeline
from hooks.timeline.model import Bar, Dose, Lane, Level, Unplaced
from tests.hooks.builders import (
    TODAY,
    assessed,
    base,
    chart,
    ck,
    course,
    daily,
    infusion,
    lab,
    mmt,
    session,
    weekly,
    when,
)

BODY = (lab("body-weight", 70, 30, unit="kg"), lab("body-height", 165, 30, unit="cm"))


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def drawn(*facts: Any, **more: Any) -> Timeline:
    return timeline(assessed(*facts, **more))


def lane(of: Timeline, drug: str) -> Lane:
    return next(one for one in of.lanes if one.drug == drug)


def bar(of: Timeline, drug: str) -> Bar:
    (one,) = lane(of, drug).bars
    return one


def dose(of: Timeline, drug: str) -> Dose:
    (one,) = lane(of, drug).doses
    return one


def words(of: Timeline) -> list[tuple[str, str, str, str]]:
    return [(one.what, one.said, one.when, one.reason) for one in of.unplaced]


def test_nothing_on_record_is_nothing_to_draw() -> None:
    found = drawn(chart())
    assert found.empty
    assert found.unplaced == ()
    assert [one.drug for one in found.lanes] == [
        "ivig",
        "rituximab",
        "methotrexate",
        "cyclophosphamide",
        "mycophenolate",
    ]
    assert {one.state for one in found.lanes} == {"none on record"}


def test_an_empty_lane_says_whether_the_record_is_empty_or_was_not_read() -> None:
    unread = drawn(chart(ck(900), unavailable=("medicationStatements",)))
    assert {one.state for one in unread.lanes} == {"none found, but not all medication records were read"}
    undated = drawn(ck(900), course("mycophenolate", None, steps=(daily(1000),)))
    assert lane(undated, "mycophenolate").state == "on record, without a date"
    assert lane(drawn(course("mycophenolate", 90)), "mycophenolate").state == ""


@pytest.mark.parametrize("fact", [ck(900), mmt(100), session(9), course("glucocorticoid", 9, steps=(daily(5),))])
def test_one_fact_is_something_to_draw(fact: Any) -> None:
    assert not drawn(fact).empty


def test_ck_is_in_order_of_time_with_the_limit_it_is_read_with() -> None:
    found = drawn(ck(900, 10, upper=180.0), ck(4000, 300), ck(5000, 200, upper=None, comparator=">"))
    assert [(p.on, p.value, p.uln, p.own_limit, str(p)) for p in found.ck] == [
        (ago(300), 4000, 200, True, "4,000 U/L"),
        (ago(200), 5000, 200, False, ">5,000 U/L"),
        (ago(10), 900, 180, True, "900 U/L"),
    ]
    assert found.ck[2].x_uln == 5
    assert [(limit.since, limit.uln, limit.own) for limit in found.limits] == [
        (ago(300), 200, True),
        (ago(200), 200, False),
        (ago(10), 180, True),
    ]


def test_a_limit_that_stays_is_told_once() -> None:
    assert len(drawn(ck(900, 10), ck(800, 20), ck(700, 30)).limits) == 1


def test_a_ck_that_cannot_be_used_is_said_in_words_with_the_reason() -> None:
    found = drawn(
        ck(900, 10),
        ck(70, 20, doubt="the unit is not stated"),
        ck(5000, "2024-05"),
        ck(6000, None),
        lab("creatine-kinase", None, 40, text="high"),
    )
    assert len(found.ck) == 1
    assert sorted(words(found)) == [
        ("CK", "5000 U/L", "2024-05", "only known as 2024-05"),
        ("CK", "6000 U/L", "", "no date on record"),
        ("CK", "70 U/L", "2026-11-02", "the unit is not stated"),
        ("CK", "high", "2026-10-13", "no value"),
    ]


def test_strength_is_a_share_of_its_scale() -> None:
    found = drawn(mmt(120, 10), mmt(40, 100, scale="80"), mmt(70, 50, scale=""), mmt(130, "2025"))
    assert [(p.on, p.share, p.score) for p in found.strength] == [(ago(100), 0.5, "40/80"), (ago(10), 0.8, "120/150")]
    assert words(found) == [
        ("MMT-8", "70/?", "2026-10-03", "the scale is not stated"),
        ("MMT-8", "130/150", "2025", "only known as 2025"),
    ]
    assert found.weak_at == pytest.approx(0.8334)
    assert found.full_at == 0.95


def test_a_course_that_goes_on_ends_today() -> None:
    one = bar(drawn(course("methotrexate", 100, steps=(weekly(15),))), "methotrexate")
    assert (one.first, one.last, one.sure, one.open) == (ago(100), TODAY, (ago(100), TODAY), True)
    assert (one.standing, one.dose, one.since, one.until) == ("given", "15 mg every 7 days", "2026-08-14", "goes on")


def test_the_steps_of_a_course_are_bars_of_their_own() -> None:
    steps = (weekly(10, 100, 61), weekly(15, 60))
    bars = lane(drawn(course("methotrexate", 100, steps=steps)), "methotrexate").bars
    assert [(one.first, one.last, one.open) for one in bars] == [(ago(100), ago(61), False), (ago(60), TODAY, True)]


def test_an_end_in_the_last_year_of_the_calendar_is_none() -> None:
    one = bar(drawn(course("mycophenolate", 100, "9999-12-31", steps=(daily(1000),))), "mycophenolate")
    assert (one.last, one.open) == (TODAY, True)


def test_vague_dates_are_spans_of_which_a_part_is_sure() -> None:
    one = bar(
        drawn(course("mycophenolate", "2024", "2026-03", status="completed", failure="no effect")), "mycophenolate"
    )
    assert (one.first, one.last) == (date(2024, 1, 1), date(2026, 3, 31))
    assert one.sure == (date(2024, 12, 31), date(2026, 3, 1))
    assert (one.since, one.until, one.remark) == ("2024", "2026-03", "no effect")


def test_a_course_within_one_vague_year_has_no_sure_part() -> None:
    one = bar(drawn(course("mycophenolate", "2024", "2024", status="completed")), "mycophenolate")
    assert (one.first, one.last, one.sure) == (date(2024, 1, 1), date(2024, 12, 31), None)


@pytest.mark.parametrize("status", ["completed", "stopped", "unknown", "on-hold"])
def test_a_course_without_an_end_is_not_drawn_longer_than_is_known(status: Any) -> None:
    one = bar(drawn(course("azathioprine", 100, status=status)), "azathioprine")
    assert (one.first, one.last, one.open, one.remark) == (ago(100), ago(100), False, "end not on record")
    assert one.standing == ("on hold" if status == "on-hold" else "given")


def test_what_an_order_replaces_ended_yesterday() -> None:
    one = bar(drawn(course("methotrexate", 100, superseded=True, steps=(weekly(15),))), "methotrexate")
    assert one.last == ago(1)


@pytest.mark.parametrize(("status", "standing"), [("planned", "planned"), ("draft", "ordered")])
def test_what_is_to_come_is_told_apart(status: Any, standing: str) -> None:
    found = drawn(
        course("methotrexate", -5, status=status, steps=(weekly(15),)),
        infusion("rituximab", 1000, -9, status=status),
        course("glucocorticoid", -3, status=status, steps=(daily(20),)),
    )
    assert (bar(found, "methotrexate").standing, bar(found, "methotrexate").remark) == (standing, "")
    assert dose(found, "rituximab").standing == standing
    assert bar(found, "glucocorticoid").standing == standing
    assert found.glucocorticoid == ()


def test_what_was_for_another_disease_is_told_apart() -> None:
    found = drawn(
        infusion("rituximab", 600, 900, other_indication="lymphoma"),
        course("methotrexate", 900, 800, status="completed", other_indication="ectopic pregnancy"),
    )
    assert (dose(found, "rituximab").standing, dose(found, "rituximab").remark) == ("for another disease", "lymphoma")
    assert bar(found, "methotrexate").standing == "for another disease"


def test_ivig_tells_its_dose_by_weight_where_that_is_known() -> None:
    block = infusion("ivig", 140_000, 40, days=4)
    one = dose(drawn(block, *BODY), "ivig")
    assert (one.first, one.last, one.exact, one.dose) == (ago(40), ago(37), True, "140 g (2.0 g/kg)")
    assert one.when == "2026-10-13, over 4 days"
    assert dose(drawn(block), "ivig").dose == "140 g"
    assert dose(drawn(infusion("ivig", None, 40), *BODY), "ivig").dose == ""
    assert dose(drawn(infusion("ivig", 400, 40, basis="mg/kg")), "ivig").dose == "400 mg/kg (0.4 g/kg)"


def test_an_infusion_of_a_vague_day_spans_the_days_it_may_mean() -> None:
    one = dose(drawn(infusion("rituximab", 1000, "2026-03")), "rituximab")
    assert (one.first, one.last, one.exact, one.when) == (date(2026, 3, 1), date(2026, 3, 31), False, "2026-03")


def test_a_course_whose_infusions_are_drawn_is_not_drawn_again() -> None:
    block = infusion("ivig", 140_000, 40)
    found = drawn(block, course("ivig", 40, 40, status="completed", source=block.course))
    assert lane(found, "ivig").bars == ()


def test_what_has_no_date_is_said_in_words_once() -> None:
    lost = infusion("rituximab", 1000, None, problem="dose in vials")
    dated = infusion("ivig", 140_000, None)
    found = drawn(
        lost,
        infusion("rituximab", None, None),
        dated,
        course("ivig", 40, source=dated.course),
        course("cyclophosphamide", None, 30, status="completed", steps=(daily(100),)),
        course("tacrolimus", None),
        course("glucocorticoid", None, steps=(daily(5),)),
        session(None),
    )
    assert words(found) == [
        ("Rituximab", "completed 1 g", "", "dose in vials"),
        ("Rituximab", "completed", "", "no date on record"),
        (
            "Cyclophosphamide",
            "completed, cyclophosphamide, 100 mg, 1 × a day",
            "until 2026-10-23",
            "no start on record",
        ),
        ("Tacrolimus", "active, tacrolimus", "", "no start on record"),
        ("Glucocorticoid", "active, prednisone, 5 mg, 1 × a day", "", "no start on record"),
        ("Plasma exchange", "performed", "", "no date on record"),
    ]
    assert bar(found, "ivig").open
    assert "tacrolimus" not in [one.drug for one in found.lanes]


def test_a_course_is_drawn_by_the_dates_of_its_steps() -> None:
    found = drawn(course("methotrexate", None, steps=(weekly(15, 90, 30),)))
    assert (bar(found, "methotrexate").first, words(found)) == (ago(90), [])


@pytest.mark.parametrize(("made", "said"), [(session(None, planned=True), "planned"), (session(None), "performed")])
def test_a_session_without_a_day_is_said(made: Any, said: str) -> None:
    assert words(drawn(made)) == [("Plasma exchange", said, "", "no date on record")]


def test_sessions_are_performed_planned_or_being_ordered() -> None:
    ordered = session(0, planned=True)
    ordered = type(ordered)(source="draft", when=when(0), performed=False, planned=False, draft=True)
    lost = type(ordered)(source="draft", when=None, performed=False, planned=False, draft=True)
    found = drawn(session(9), session(-3, planned=True), ordered, lost)
    assert [(one.first, one.standing) for one in lane(found, "plasma-exchange").doses] == [
        (ago(9), "given"),
        (TODAY, "ordered"),
        (ago(-3), "planned"),
    ]
    assert words(found) == [("Plasma exchange", "being ordered", "", "no date on record")]


def test_other_immunosuppressants_have_a_lane_only_if_there_are_any() -> None:
    found = drawn(course("azathioprine", 100), course("scig", 90))
    assert [one.title for one in found.lanes][5:] == ["Azathioprine", "Subcutaneous immunoglobulin"]


def test_what_was_left_out_is_said_if_it_is_of_the_picture() -> None:
    entries = (
        Dropped("Observation/1", "entered in error", "creatine-kinase", when(3)),
        Dropped("Observation/2", "entered in error", "hemoglobin", when(3)),
    )
    found = drawn(chart(dropped=entries))
    assert found.unplaced == (Unplaced("CK", "left out", "2026-11-19", "entered in error", "Observation/1"),)


def test_sources_that_were_not_looked_at_are_told() -> None:
    assert drawn(chart(unavailable=("labs",))).unchecked == {"labs": "the FHIR server answered 403"}


def levels(*facts: Any) -> list[tuple[int, int, float | None, bool]]:
    return [
        ((TODAY - one.first).days, (TODAY - one.last).days, one.mg, one.certain) for one in drawn(*facts).glucocorticoid
    ]


def test_glucocorticoid_is_steps_in_prednisone_equivalents() -> None:
    taper = course("glucocorticoid", 100, steps=(daily(40, 100, 51), daily(20, 50)))
    assert levels(taper) == [(100, 51, 40, True), (50, 0, 20, True)]
    assert levels(course("glucocorticoid", 9, ingredient="methylprednisolone", steps=(daily(16),))) == [
        (9, 0, 20, True)
    ]


def test_a_dose_that_is_not_known_is_only_possible() -> None:
    assert levels(course("glucocorticoid", 9, steps=(Dosing(problem="as directed"),))) == [(9, 0, None, False)]


def test_what_is_possible_stands_where_it_is_more_than_what_is_certain() -> None:
    vague = course("glucocorticoid", "2026-09", 30, status="completed", steps=(daily(10),))
    assert levels(vague) == [(82, 54, 10, False), (53, 30, 10, True)]
    beside = course("glucocorticoid", 60, steps=(daily(5),), kind="MedicationRequest", ingredient="prednisolone")
    assert levels(vague, beside) == [
        (82, 61, 10, False),
        (60, 54, 5, True),
        (60, 54, 15, False),
        (53, 30, 15, True),
        (29, 0, 5, True),
    ]


def test_a_dose_that_may_have_gone_on_is_possible_after_what_is_certain() -> None:
    ended = course("glucocorticoid", 60, "2026-10", status="completed", steps=(daily(10),))
    assert levels(ended) == [(60, 52, 10, True), (51, 22, 10, False)]


def test_a_dose_without_a_start_is_placed_where_it_is_certain() -> None:
    found = drawn(course("glucocorticoid", None, steps=(daily(5),)))
    assert found.glucocorticoid == (Level(TODAY, TODAY, 5, True),)


def test_single_doses_and_pulses_are_marks_and_as_needed_is_said() -> None:
    pulse = Dosing(low=1000, high=1000, count=3, dates=tuple(filter(None, map(when, (80, 79, 78)))))
    found = drawn(
        course("glucocorticoid", 80, 78, status="completed", ingredient="methylprednisolone", steps=(pulse,)),
        course("glucocorticoid", 50, status="completed", steps=(Dosing(low=40, high=40, count=1),)),
        course("glucocorticoid", 40, steps=(daily(5), daily(10, as_needed=True))),
        course("glucocorticoid", None, steps=(daily(10, as_needed=True),)),
    )
    doses = lane(found, "glucocorticoid").doses
    assert [(one.first, one.dose) for one in doses] == [
        *((ago(days), "methylprednisolone 1000 mg") for days in (80, 79, 78)),
        (ago(50), "prednisone 40 mg"),
    ]
    assert ("Glucocorticoid", "prednisone 10 mg, 1 × a day as needed", "2026-10-13", "taken as needed") in words(found)


def test_trials_are_windows_with_the_baseline_they_are_judged_by() -> None:
    found = drawn(base())
    (window,) = lane(found, "rituximab").windows
    assert (window.first, window.judge_from) == (date(2026, 4, 20), date(2026, 10, 5))
    assert window.state == lane(found, "rituximab").state == IN_WORDS["FAILED_INF"]
    assert (window.given, window.gap) == ("2 infusions of 1000 mg from 2026-04-20", "")
    (ivig,) = lane(found, "ivig").windows
    assert ivig.strength is not None
    assert ivig.ck is not None
    assert (ivig.strength.score, ivig.ck.value, ivig.judge_from) == ("96/150", 9800, date(2026, 4, 27))


def test_a_trial_without_a_baseline_says_so() -> None:
    (window,) = lane(drawn(base(without=("mmt", "ck"))), "ivig").windows
    assert (window.strength, window.ck) == (None, None)


def test_a_trial_without_a_date_has_no_window() -> None:
    assert lane(drawn(infusion("rituximab", 1000, None)), "rituximab").windows == ()


@pytest.mark.parametrize("story", fixtures.stories(), ids=lambda story: story.id)
def test_what_is_drawn_is_in_order_of_time(story: fixtures.Story, drawn_story: Any) -> None:
    found: Timeline = drawn_story(story.id)
    for days in (
        [point.on for point in found.ck],
        [point.on for point in found.strength],
        [mark.on for mark in found.marks],
        [level.first for level in found.glucocorticoid],
        *([one.first for one in lane.bars] for lane in found.lanes),
        *([one.first for one in lane.doses] for lane in found.lanes),
    ):
        assert days == sorted(days)
    assert found.empty == (story.id == "nam-look-alikes")
