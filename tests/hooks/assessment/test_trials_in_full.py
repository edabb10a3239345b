"""Every member of a trial: beside its state the phrases that cards quote, its start and sources, whether it runs."""

from datetime import date, timedelta
from typing import Any

import pytest

from hooks.assessment.cyclophosphamide_trial import cyclophosphamide_trials, lifetime_dose, pulse
from hooks.assessment.ivig_trial import ivig_trials, measure
from hooks.assessment.rituximab_trial import rituximab_trials
from hooks.assessment.trials import Trial
from hooks.chart.facts import Chart, Dosing
from tests.hooks.builders import TODAY, changed, chart, course, daily, infusion, knowledge, lab, when


def twelve_weeks_after(days_ago: int) -> date:
    return TODAY - timedelta(days=days_ago - 84)


BODY = (lab("body-weight", 70, 100), lab("body-height", 165, 100))


def cyclophosphamide(*facts: Any, **more: Any) -> tuple[Trial, ...]:
    return cyclophosphamide_trials(_chart(*facts, **more), knowledge().thresholds, TODAY)


def _chart(*facts: Any, **more: Any) -> Chart:
    return chart(*BODY, *facts, **more)


def tablets(start: Any, end: Any = None, mg: float = 100, **more: Any) -> Any:
    return course("cyclophosphamide", start, end, steps=(daily(mg),), source="MedicationStatement/cyc", **more)


ORAL = {"courses": frozenset({"MedicationStatement/cyc"})}


@pytest.mark.parametrize(
    ("facts", "trial"),
    [
        (
            tablets(84),
            Trial(
                base="ADEQUATE",
                start=when(84),
                judge_from=twelve_weeks_after(84),
                given="100 mg/day by mouth from 2026-08-30",
                running=True,
            ),
        ),
        (
            tablets(184, 100, status="stopped"),
            Trial(
                base="ADEQUATE",
                start=when(184),
                judge_from=twelve_weeks_after(184),
                given="100 mg/day by mouth from 2026-05-22",
            ),
        ),
        (
            tablets(84, mg=70),
            Trial(
                base="ADEQUATE",
                start=when(84),
                judge_from=twelve_weeks_after(84),
                given="70 mg/day by mouth from 2026-08-30",
                running=True,
            ),
        ),
        (
            tablets(83),
            Trial(
                base="TOO_EARLY",
                start=when(83),
                judge_from=twelve_weeks_after(83),
                given="100 mg/day by mouth from 2026-08-31",
                gap="12 of 12 weeks at 1 mg/kg/day or more",
                running=True,
            ),
        ),
        (
            tablets(84, mg=69),
            Trial(
                base="UNDERDOSED",
                start=when(84),
                given="69 mg/day by mouth from 2026-08-30",
                gap="12 of 12 weeks at 1 mg/kg/day or more",
                running=True,
            ),
        ),
        (
            tablets(100, 58, status="completed"),
            Trial(
                base="UNDERDOSED",
                start=when(100),
                given="100 mg/day by mouth from 2026-08-14",
                gap="6 of 12 weeks at 1 mg/kg/day or more",
            ),
        ),
        (
            tablets(100, -30),  # an end to come does not count before it has come
            Trial(
                base="ADEQUATE",
                start=when(100),
                judge_from=twelve_weeks_after(100),
                given="100 mg/day by mouth from 2026-08-14",
                running=True,
            ),
        ),
        (
            tablets(200, status="stopped"),
            Trial(
                base="EXPOSED_UNKNOWN",
                start=when(200),
                given="100 mg/day by mouth from 2026-05-06",
                gap="no end date on record",
            ),
        ),
        (
            tablets("2026-08"),
            Trial(
                base="EXPOSED_UNKNOWN",
                start=when("2026-08"),
                given="100 mg/day by mouth from 2026-08",
                gap="no body weight, or no exact start, on record",
                running=True,
            ),
        ),
    ],
)
def test_cyclophosphamide_by_mouth(facts: Any, trial: Trial) -> None:
    (found,) = cyclophosphamide(facts)
    assert found == Trial(**{name: getattr(trial, name) for name in trial.__struct_fields__} | ORAL)


def test_cyclophosphamide_by_mouth_without_a_weight() -> None:
    (trial,) = cyclophosphamide_trials(chart(tablets(200)), knowledge().thresholds, TODAY)
    assert (trial.base, trial.gap) == ("EXPOSED_UNKNOWN", "no body weight, or no exact start, on record")


def test_the_daily_step_of_an_oral_course_tells_its_dose() -> None:
    """A step without a dose, or one as a single amount, tells nothing of the daily dose."""
    steps = (Dosing(per_day=1.0), Dosing(low=200.0, high=200.0, per_day=1 / 7), daily(100))
    (trial,) = cyclophosphamide(course("cyclophosphamide", 84, steps=steps))
    assert trial.given == "100 mg/day by mouth from 2026-08-30"


def drips(mg: float | None, starts: tuple[Any, ...], **more: Any) -> list[Any]:
    return [infusion("cyclophosphamide", mg, at, source=f"MedicationAdministration/{at}", **more) for at in starts]


def _given(*starts: Any) -> frozenset[str]:
    return frozenset(f"MedicationAdministration/{at}" for at in starts)


@pytest.mark.parametrize(
    ("facts", "trial"),
    [
        (
            drips(700, (84, 63, 42, 35)),
            Trial(
                base="ADEQUATE",
                start=when(84),
                judge_from=twelve_weeks_after(84),
                given="4 pulses of 700 mg from 2026-08-30 to 2026-10-18",
                courses=_given(84, 63, 42, 35),
                running=True,
            ),
        ),
        (
            drips(700, (150, 120, 90, 36)),
            Trial(
                base="ADEQUATE",
                start=when(150),
                judge_from=twelve_weeks_after(150),
                given="4 pulses of 700 mg from 2026-06-25 to 2026-10-17",
                courses=_given(150, 120, 90, 36),
            ),
        ),
        (
            drips(690, (120, 99)),
            Trial(
                base="UNDERDOSED",
                start=when(120),
                given="2 pulses of 690 mg from 2026-07-25 to 2026-08-15",
                gap="0 of at least 4 pulses of 10 mg/kg or more, 17 of 12 weeks",
                courses=_given(120, 99),
            ),
        ),
        (
            [*drips(1000, (30,)), *drips(700, (20,))],
            Trial(
                base="TOO_EARLY",
                start=when(30),
                judge_from=twelve_weeks_after(30),
                given="2 pulses of 1000 mg, 700 mg from 2026-10-23 to 2026-11-02",
                gap="2 of at least 4 pulses of 10 mg/kg or more, 4 of 12 weeks",
                courses=_given(30, 20),
                running=True,
            ),
        ),
        (
            drips(1000, (20,)),
            Trial(
                base="TOO_EARLY",
                start=when(20),
                judge_from=twelve_weeks_after(20),
                given="1 pulse of 1000 mg from 2026-11-02",
                gap="1 of at least 4 pulses of 10 mg/kg or more, 2 of 12 weeks",
                courses=_given(20),
                running=True,
            ),
        ),
        (
            [*drips(1000, (20,)), *drips(500, (10,))],
            Trial(
                base="UNDERDOSED",
                start=when(20),
                given="2 pulses of 1000 mg, 500 mg from 2026-11-02 to 2026-11-12",
                gap="1 of at least 4 pulses of 10 mg/kg or more, 2 of 12 weeks",
                courses=_given(20, 10),
                running=True,
            ),
        ),
        (
            [*drips(None, (20,)), *drips(None, (10,), problem="dose in bottles"), *drips(900, ("2026-11",))],
            Trial(
                base="EXPOSED_UNKNOWN",
                start=when("2026-11"),
                given="3 pulses of ? from 2026-11-01 to 2026-11-12",
                gap="only known as 2026-11; dose not on record; dose in bottles",
                courses=_given(20, 10, "2026-11"),
                running=True,
            ),
        ),
    ],
)
def test_cyclophosphamide_by_vein(facts: list[Any], trial: Trial) -> None:
    assert cyclophosphamide(*facts) == (trial,)


def test_a_pause_of_twelve_weeks_belongs_to_the_trial_and_a_longer_one_ends_it() -> None:
    assert len(cyclophosphamide(*drips(700, (184, 100)))) == 1
    assert [trial.start for trial in cyclophosphamide(*drips(700, (185, 100)))] == [when(185), when(100)]


def test_a_weight_measured_far_away_is_said_of_the_pulse() -> None:
    facts = (lab("body-weight", 70, 400), *drips(700, (100,)))
    (trial,) = cyclophosphamide_trials(chart(*facts), knowledge().thresholds, TODAY)
    assert trial.given == "1 pulse of 700 mg from 2026-08-14 (weight measured 300 days away (2025-10-18))"


def measured(dose: Any, *facts: Any, **more: Any) -> Any:
    return pulse(chart(*facts, **more), dose, knowledge().thresholds)


def test_a_pulse_in_full() -> None:
    (dose,) = drips(700, (100,))
    found = measured(dose, *BODY)
    assert (found.infusion, found.on, found.mg, found.mg_kg, found.full) == (dose, when(100).earliest, 700, 10, True)  # type: ignore[union-attr]
    assert (found.problem, found.note) == ("", "")
    (dose,) = drips(700, (100,))
    found = measured(dose)
    assert (found.mg, found.mg_kg, found.full, found.problem) == (700, None, None, "no body weight near that date")
    (dose,) = drips(9.9, (100,), basis="mg/kg")
    found = measured(dose)
    assert (found.mg, found.mg_kg, found.full, found.problem) == (None, 9.9, False, "")
    found = measured(dose, *BODY)
    assert (found.mg, found.mg_kg, found.full) == (pytest.approx(693), 9.9, False)
    (dose,) = drips(1200, (100,))
    found = measured(dose, *BODY)
    assert (found.mg, found.mg_kg, found.full) == (1200, pytest.approx(17.14, abs=0.01), True)
    (dose,) = drips(1199, (100,))
    assert measured(dose, lab("body-weight", 140, 100)).full is False
    (dose,) = drips(500, (100,), basis="mg/m2")
    assert measured(dose, *BODY).mg == pytest.approx(895.6, abs=0.1)
    assert measured(dose, lab("body-weight", 70, 100)).mg is None


@pytest.mark.parametrize(("days", "full"), [(14, True), (-14, True), (15, False), (-15, False)])
def test_the_table_dose_of_a_pulse_goes_by_a_creatinine_of_that_fortnight(days: int, full: bool) -> None:
    (dose,) = drips(530, (100,))
    creatinine = lab("creatinine", 320, 100 + days, unit="umol/L")
    assert measured(dose, *BODY, creatinine, age=75).full is full


def test_lifetime_dose_adds_up_pulses_and_tablets_of_every_step() -> None:
    thresholds = knowledge().thresholds
    steps = (daily(100, 60, 41), daily(50, 40, 31), daily(None, 30, 21))
    mixed = _chart(course("cyclophosphamide", 60, 21, status="stopped", steps=steps[:2]), *drips(1000, (400,)))
    assert lifetime_dose(mixed, thresholds, TODAY).grams == pytest.approx(1.0 + 2.0 + 0.5)
    assert lifetime_dose(mixed, thresholds, TODAY).complete
    partly = _chart(course("cyclophosphamide", 60, 21, status="stopped", steps=steps), *drips(None, (400,)))
    assert lifetime_dose(partly, thresholds, TODAY).grams == pytest.approx(2.5)
    assert not lifetime_dose(partly, thresholds, TODAY).complete


def test_lifetime_dose_counts_what_is_planned_not_and_what_follows_it() -> None:
    draft = infusion("cyclophosphamide", 900, -3, status="draft")
    planned = course("cyclophosphamide", -3, status="planned", steps=(daily(100),))
    facts = _chart(draft, *drips(1000, (400,)), planned, course("cyclophosphamide", 9, steps=(daily(100),)))
    found = lifetime_dose(facts, knowledge().thresholds, TODAY)
    assert found.grams == pytest.approx(2.0)
    assert found.complete


def test_lifetime_dose_of_tablets_that_were_stopped_at_an_unknown_time_is_not_known() -> None:
    stopped = _chart(course("cyclophosphamide", 60, status="stopped", steps=(daily(100),)))
    found = lifetime_dose(stopped, knowledge().thresholds, TODAY)
    assert found.grams == 0
    assert not found.complete


def test_lifetime_dose_counts_an_end_to_come_until_today_and_a_start_to_come_not() -> None:
    thresholds = knowledge().thresholds
    going_on = _chart(course("cyclophosphamide", 9, -30, steps=(daily(100),)))
    assert lifetime_dose(going_on, thresholds, TODAY).grams == pytest.approx(1.0)
    to_come = _chart(course("cyclophosphamide", -5, steps=(daily(100),)))
    assert lifetime_dose(to_come, thresholds, TODAY).grams == 0


def drip(drug: str, amount: float | None, at: Any, **more: Any) -> Any:
    return infusion(drug, amount, at, source=f"MedicationAdministration/{at}", **more)


def ivig(*facts: Any, **more: Any) -> tuple[Trial, ...]:
    return ivig_trials(_chart(*facts, **more), knowledge().thresholds, TODAY)


def blocks(grams: float | None, starts: tuple[Any, ...], **more: Any) -> list[Any]:
    return [drip("ivig", grams and grams * 1000, at, **({"days": 4} | more)) for at in starts]


@pytest.mark.parametrize(
    ("facts", "trial"),
    [
        (
            blocks(140, (84, 63, 42)),
            Trial(
                base="ADEQUATE",
                start=when(84),
                judge_from=twelve_weeks_after(84),
                given="3 courses of 2.0 g/kg from 2026-08-30 to 2026-10-11",
                courses=_given(84, 63, 42),
                running=True,
            ),
        ),
        (
            [*blocks(140, (125,)), *blocks(130, (85, 43), days=5)],
            Trial(
                base="ADEQUATE",
                start=when(125),
                judge_from=twelve_weeks_after(125),
                given="3 courses of 2.0, 1.9 g/kg from 2026-07-20 to 2026-10-10",
                courses=_given(125, 85, 43),
            ),
        ),
        (
            blocks(140, (83, 62, 41)),
            Trial(
                base="TOO_EARLY",
                start=when(83),
                judge_from=twelve_weeks_after(83),
                given="3 courses of 2.0 g/kg from 2026-08-31 to 2026-10-12",
                gap="first infusion 11 weeks ago: judge at 12 weeks or later",
                courses=_given(83, 62, 41),
                running=True,
            ),
        ),
        (
            blocks(140, (84,)),
            Trial(
                base="TOO_EARLY",
                start=when(84),
                judge_from=twelve_weeks_after(84),
                given="1 course of 2.0 g/kg from 2026-08-30",
                gap="1 of at least 3 courses of 2.0 g/kg over up to 5 days, 3 to 6 weeks apart",
                courses=_given(84),
            ),
        ),
        (
            blocks(140, (85,)),
            Trial(
                base="UNDERDOSED",
                start=when(85),
                given="1 course of 2.0 g/kg from 2026-08-29",
                gap="1 of at least 3 courses of 2.0 g/kg over up to 5 days, 3 to 6 weeks apart",
                courses=_given(85),
            ),
        ),
        (
            [*blocks(140, (70,)), *blocks(35, (40,))],
            Trial(
                base="UNDERDOSED",
                start=when(70),
                given="2 courses of 2.0, 0.5 g/kg from 2026-09-13 to 2026-10-13",
                gap="0.5 of 2.0 g/kg; 1 of at least 3 courses of 2.0 g/kg over up to 5 days, 3 to 6 weeks apart",
                courses=_given(70, 40),
                running=True,
            ),
        ),
        (
            blocks(140, (70,), days=6),  # the amount is right, the time is not
            Trial(
                base="UNDERDOSED",
                start=when(70),
                given="1 course of 2.0 g/kg from 2026-09-13",
                gap="0 of at least 3 courses of 2.0 g/kg over up to 5 days, 3 to 6 weeks apart",
                courses=_given(70),
            ),
        ),
        (
            [*blocks(None, (70,)), *blocks(None, (40,), problem="dose in bottles"), *blocks(90, ("2026-11",))],
            Trial(
                base="EXPOSED_UNKNOWN",
                start=when(70),
                given="3 courses of ? g/kg from 2026-09-13 to 2026-11-01",
                gap="dose not on record; dose in bottles; only known as 2026-11",
                courses=_given(70, 40, "2026-11"),
                running=True,
            ),
        ),
    ],
)
def test_ivig(facts: list[Any], trial: Trial) -> None:
    assert ivig(*facts) == (trial,)


def test_a_pause_of_ivig_of_twelve_weeks_belongs_to_the_trial_and_a_longer_one_ends_it() -> None:
    assert len(ivig(*blocks(70, (184, 100)))) == 1
    assert [trial.start for trial in ivig(*blocks(70, (185, 100)))] == [when(185), when(100)]


def test_four_grams_per_kg_count_only_within_twelve_weeks() -> None:
    window = blocks(140, (200, 117))  # 83 days: the second is given on the last day of the window
    assert ivig(*window)[0].base == "ADEQUATE"
    assert ivig(*blocks(140, (200, 116)))[0].base == "UNDERDOSED"
    assert ivig(*blocks(139.9, (200, 117)))[0].base == "UNDERDOSED"


def test_a_run_of_ivig_begins_anew_after_a_course_that_is_too_small_or_too_late() -> None:
    small_between = [*blocks(126, (200, 170)), *blocks(20, (140,)), *blocks(126, (110,))]
    assert ivig(*small_between)[0].base == "UNDERDOSED"
    late = [*blocks(126, (270, 240)), *blocks(126, (156, 126))]
    assert ivig(*late)[0].base == "UNDERDOSED"
    assert ivig(*late, *blocks(126, (96,)))[0].base == "ADEQUATE"


def test_one_block_of_ivig_in_full() -> None:
    (dose,) = blocks(140, (100,))
    thresholds = knowledge().thresholds
    found = measure(_chart(dose), dose, thresholds)
    assert (found.infusion, found.on, found.g_per_kg, found.counted) == (dose, when(100).earliest, 2.0, 2.0)  # type: ignore[union-attr]
    assert (found.problem, found.note) == ("", "")
    heavy = (lab("body-weight", 120, 100), lab("body-height", 165, 100))
    found = measure(chart(*heavy, dose), dose, thresholds)
    assert found.g_per_kg == pytest.approx(1.167, abs=0.001)
    assert found.counted == pytest.approx(1.704, abs=0.001)
    per_kg = drip("ivig", 1000, 100, basis="mg/kg")
    found = measure(chart(*heavy, per_kg), per_kg, thresholds)
    assert found.g_per_kg == 1.0
    assert found.counted == pytest.approx(1.461, abs=0.001)
    far = measure(chart(lab("body-weight", 70, 400), dose), dose, thresholds)
    assert far.note == "weight measured 300 days away (2025-10-18)"
    for lost in (measure(chart(dose), dose, thresholds), measure(_chart(), changed(dose, basis="mg/m2"), thresholds)):
        assert (lost.g_per_kg, lost.counted, lost.problem) == (None, None, "no body weight near that date")


def test_a_far_weight_is_said_of_the_ivig() -> None:
    dose = blocks(140, (100,))
    (trial,) = ivig_trials(chart(lab("body-weight", 70, 400), *dose), knowledge().thresholds, TODAY)
    assert trial.given == "1 course of 2.0 g/kg from 2026-08-14 (weight measured 300 days away (2025-10-18))"


def undated(drug: str, amount: float, **more: Any) -> Any:
    """A course with an amount on record, and nothing else."""
    step = Dosing(low=amount, high=amount, **more)
    return course(drug, None, status="stopped", steps=(step,), source=f"MedicationStatement/{drug}")


@pytest.mark.parametrize(
    ("drug", "name", "enough"),
    [("ivig", "IVIG", 126_000), ("cyclophosphamide", "cyclophosphamide", 700), ("rituximab", "rituximab", 605)],
)
def test_what_has_no_date_is_one_trial_of_unknown_worth(drug: str, name: str, enough: float) -> None:
    trials = {"ivig": ivig_trials, "cyclophosphamide": cyclophosphamide_trials, "rituximab": rituximab_trials}[drug]

    def found(*facts: Any) -> Trial:
        (trial,) = trials(_chart(*facts), knowledge().thresholds, TODAY)
        return trial

    unknown = Trial(
        base="EXPOSED_UNKNOWN",
        start=None,
        given=f"{name} given, dose or dates not on record",
        gap="no date on record",
        courses=frozenset({f"MedicationStatement/{drug}"}),
    )
    assert found(undated(drug, enough)) == unknown
    assert found(undated(drug, enough - 1)) == changed(unknown, too_small=True)
    # What says more than an amount, or says it per kg, is not held against it.
    for more in ({"per_day": 1 / 28}, {"count": 3}, {"basis": "mg/kg"}):
        assert found(undated(drug, 1, **more)) == unknown
    other = undated("statin", 5)
    assert found(undated(drug, enough), other) == unknown
    drip_without_date = drip(drug, 100, None, problem="as needed")
    both = found(undated(drug, enough), drip_without_date)
    assert both.courses == unknown.courses | {"MedicationAdministration/None"}
    assert both.gap == "as needed"
    dosed = course(drug, None, status="stopped", steps=(Dosing(problem="2 bottles"), Dosing(problem="2 bottles")))
    assert found(dosed).gap == "2 bottles"


def test_a_dated_and_an_undated_trial_stand_side_by_side() -> None:
    trials = ivig(*blocks(140, (84,)), drip("ivig", 140_000, None))
    assert [trial.start for trial in trials] == [when(84), None]
