"""Assessments at their borders: the last value that counts, the first that does not, and which of several decides."""

from typing import Any

import pytest

from hooks.assessment.activity import Activity
from hooks.assessment.body import Body, body_at, body_for_dose
from hooks.assessment.response import Baseline, baseline, best_response, partial_tis
from hooks.chart.facts import Chart, LabResult, StrengthScore
from tests.hooks.builders import (
    When,
    assessed,
    changed,
    chart,
    ck,
    condition,
    infusion,
    knowledge,
    lab,
    mmt,
    session,
    verdict,
    when,
)

THRESHOLDS = knowledge().thresholds


def activity(*facts: Any) -> Activity:
    return assessed(*facts).activity


def starting(chart_: Chart, at: When) -> Baseline:
    start = when(at)
    assert start is not None
    return baseline(chart_, start.earliest, THRESHOLDS)


# Activity (B0).


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ((), "no CK on record; no MMT-8 on record"),
        ((ck(900, 90), mmt(98, 180)), ""),
        (
            (ck(900, 91), mmt(98, 181)),
            "the newest CK is from 2026-08-23, more than 90 days ago; "
            "the newest MMT-8 is from 2026-05-25, more than 180 days ago",
        ),
        (
            (ck(900, 5, doubt="the unit is odd"), mmt(98, 5, scale="")),
            "the newest CK (2026-11-17) cannot be used: the unit is odd; "
            "the newest MMT-8 (2026-11-17) cannot be used: the scale is not stated",
        ),
        ((verdict("creatine-kinase", "positive", 5), mmt(98)), "the newest CK (2026-11-17) cannot be used: no value"),
        (
            (ck(300, 5, comparator=">"), mmt(98)),
            "the newest CK (2026-11-17) is only known as >300 U/L",
        ),
    ],
)
def test_what_keeps_activity_from_being_known(facts: tuple[Any, ...], missing: str) -> None:
    found = activity(*facts)
    assert found.missing == missing
    assert (found.state == "NOT_COMPUTABLE") == bool(missing)


def test_both_sides_of_each_limit_of_activity() -> None:
    assert activity(ck(400), mmt(125)).state == "ACTIVE_DISEASE"
    assert activity(ck(399), mmt(125)).ck_active is False
    assert activity(ck(400), mmt(126)).weak is False
    assert activity(ck(400), mmt(142.5)).state == "BIOCHEMICAL_ONLY"
    assert activity(ck(400), mmt(142)).state == "INDETERMINATE"
    assert activity(ck(399), mmt(142.5)).state == "INDETERMINATE"


def test_an_upper_limit_of_the_result_stands_before_that_of_the_knowledge() -> None:
    assert activity(ck(400, upper=150.0), mmt(98)).uln == 150
    assert activity(ck(400, upper=None), mmt(98)).uln == 200
    assert activity(ck(400, 200, upper=150.0), mmt(98)).uln == 150
    assert activity(mmt(98)).uln == 200


@pytest.mark.parametrize(
    ("days", "state"), [((62, 20), "DAMAGE_LIKELY"), ((48, 20), "DAMAGE_LIKELY"), ((47, 20), "INDETERMINATE")]
)
def test_two_normal_cks_have_to_lie_four_weeks_apart(days: tuple[int, int], state: str) -> None:
    earlier, later = (ck(200, at) for at in days)
    found = activity(earlier, later, mmt(98))
    assert found.state == state
    assert found.damage_pair == ((earlier, later) if state == "DAMAGE_LIKELY" else None)


def test_a_raised_ck_between_two_normal_ones_undoes_the_pair() -> None:
    assert activity(ck(150, 80), ck(201, 50), ck(150, 20), mmt(98)).damage_pair is None
    assert activity(ck(201, 80), ck(150, 60), ck(150, 20), mmt(98)).damage_pair is not None
    assert activity(ck(150, 150), ck(150, 120), mmt(98)).damage_pair is None


def test_worse_is_read_against_the_best_earlier_score() -> None:
    found = activity(mmt(98, 5), mmt(110, 40), mmt(120, 60), mmt(90, 80))
    assert found.worse is True
    assert found.worse_because == "MMT-8 fell from 120/150 (2026-09-23) to 98/150 (2026-11-17)"
    assert activity(mmt(98, 5)).worse is None
    assert activity(mmt(98, 5), mmt(99, 40)).worse is False
    assert (activity(mmt(98, 5), mmt(99, 40)).worse_because) == ""


def test_rapid_by_strength_by_onset_and_open_when_the_onset_is_not_known() -> None:
    fall = (mmt(98, 5), mmt(130, 25))
    assert (activity(*fall).rapid, activity(*fall).rapid_because) == (
        True,
        "MMT-8 fell from 130/150 (2026-10-28) to 98/150 (2026-11-17)",
    )
    imnm = condition("imnm")
    recent = condition("dysphagia", 5, text="Dysphagia")
    found = activity(*fall, imnm, recent)
    assert found.rapid_because.endswith("; Dysphagia since 2026-11-17")
    assert activity(imnm, recent).rapid_because == "Dysphagia since 2026-11-17"
    assert (activity(imnm, recent).rapid, activity(imnm, recent).severe) == (True, True)
    assert activity(imnm, condition("dysphagia", None)).rapid is None
    assert activity(imnm, condition("respiratory-failure", 400)).rapid is False
    assert activity(imnm, condition("respiratory-failure", 400)).severe is True
    gone = condition("dysphagia", 5, current=False)
    assert (activity(imnm, gone).rapid, activity(imnm, gone).severe) == (False, False)


# Response (B0).


@pytest.mark.parametrize(
    ("at", "found", "note"),
    [
        ((290,), 290, ""),
        ((186,), 186, ""),
        ((291,), 291, "baseline 91 days before the start"),
        ((380,), 380, "baseline 180 days before the start"),
        ((381,), None, ""),
        ((185,), None, ""),
        ((250, 195, 185), 195, ""),
        ((380, 291, 185), 291, "baseline 91 days before the start"),
    ],
)
def test_the_baseline_lies_around_the_start(at: tuple[int, ...], found: int | None, note: str) -> None:
    start = starting(chart(*(mmt(98, one) for one in at), *(ck(900, one) for one in at)), 200)
    assert (start.score and start.score.when, start.ck and start.ck.when) == (when(found), when(found))
    assert start.note == note


POINTS = [(2, 0), (2.1, 10), (10, 10), (10.1, 20), (20, 20), (20.1, 27.5), (30, 27.5), (30.1, 32.5)]


@pytest.mark.parametrize(("percent", "points"), POINTS)
def test_points_for_strength(percent: float, points: float) -> None:
    start = mmt(75, 200)
    later = changed(start, fraction=0.5 + percent / 100)
    response = partial_tis(Baseline(start, None), later, None, THRESHOLDS)
    assert response.points == points
    assert response.mmt_percent == pytest.approx(percent)
    assert (response.enzyme_percent if hasattr(response, "enzyme_percent") else response.ck_percent) == 0


ENZYME_POINTS = [(5, 0), (5.1, 2.5), (15, 2.5), (15.1, 5), (25, 5), (25.1, 7.5), (40, 7.5), (41, 7.5)]


@pytest.mark.parametrize(("percent", "points"), ENZYME_POINTS)
def test_points_for_the_enzyme(percent: float, points: float) -> None:
    """The range is 15 times the upper limit: 3000 U/L at a limit of 200."""
    strength = mmt(75, 200)
    response = partial_tis(Baseline(strength, ck(5000, 200)), strength, ck(5000 - 30 * percent, 10), THRESHOLDS)
    assert response.points == points
    assert response.ck_percent == pytest.approx(percent)


def test_a_response_without_all_of_its_values() -> None:
    strength = mmt(75, 200)
    unscaled = mmt(75, 200, scale="")
    assert partial_tis(Baseline(None, None), strength, None, THRESHOLDS).points is None
    assert partial_tis(Baseline(unscaled, None), strength, None, THRESHOLDS).points is None
    assert partial_tis(Baseline(strength, None), unscaled, None, THRESHOLDS).points is None
    assert partial_tis(Baseline(strength, ck(9000, 200)), strength, None, THRESHOLDS).points == 0
    assert partial_tis(Baseline(strength, None), strength, ck(100), THRESHOLDS).points == 0
    without = changed(ck(100), value=None)
    assert partial_tis(Baseline(strength, ck(9000, 200)), strength, without, THRESHOLDS).points == 0
    assert partial_tis(Baseline(strength, without), strength, ck(100), THRESHOLDS).points == 0


def best(*facts: LabResult | StrengthScore) -> Any:
    start = when(200)
    assert start is not None
    return best_response(chart(*facts), start, THRESHOLDS)


def test_the_best_response_of_all_later_scores_counts() -> None:
    before, top = mmt(75, 200), mmt(140, 100)
    found = best(before, mmt(90, 150), top, mmt(76, 10))
    assert (found.at, found.points) == (top, 32.5)
    assert str(found) == "MMT-8 75/150 (2026-05-06) → 140/150 (2026-08-14), partial TIS 32.5"
    assert str(best(before)) == "no MMT-8 at the start of treatment to compare with"
    assert best(before).baseline.score == before
    assert best(top).points is None


def test_a_ck_counts_for_a_score_of_the_ninety_days_after_it() -> None:
    start = (mmt(75, 200), ck(9000, 200))
    assert best(*start, mmt(75, 10), ck(100, 100)).points == 7.5
    assert best(*start, mmt(75, 10), ck(100, 101)).points == 0
    assert best(*start, mmt(75, 10), ck(100, 10)).points == 7.5
    assert best(*start, mmt(75, 10), ck(100, 9)).points == 0


# Antibodies (B0).


@pytest.mark.parametrize(
    ("facts", "flag"),
    [
        ((infusion("ivig", 70_000, 90),), "taken 60 days after IVIG"),
        ((infusion("ivig", 70_000, 120),), "taken 90 days after IVIG"),
        ((infusion("ivig", 70_000, 121),), ""),
        ((infusion("ivig", 70_000, 30),), "taken 0 days after IVIG"),
        ((infusion("ivig", 70_000, 29),), ""),
        ((infusion("ivig", 70_000, None),), ""),
        ((infusion("ivig", 70_000, 90, status="planned"),), ""),
        ((infusion("ivig", 70_000, 90, status="draft"),), ""),
        ((session(50),), "taken 20 days after plasma exchange"),
        ((session(50, planned=True),), ""),
        ((infusion("ivig", 70_000, None), session(50)), "taken 20 days after plasma exchange"),
    ],
)
def test_an_antibody_test_soon_after_immunoglobulin_or_exchange_is_flagged(facts: tuple[Any, ...], flag: str) -> None:
    tested = verdict("anti-srp", "negative", 30)
    found = assessed(*facts, tested).antibodies.srp
    assert (found.name, found.state, found.result, found.flag) == ("anti-SRP", "NEGATIVE", tested, flag)


def test_an_undated_verdict_gives_way_to_a_dated_one_and_flags_nothing() -> None:
    undated, dated = verdict("anti-hmgcr", "negative", None), verdict("anti-hmgcr", "indeterminate", 30)
    found = assessed(undated, dated, infusion("ivig", 70_000, 40)).antibodies.hmgcr
    assert (found.name, found.state, found.result) == ("anti-HMGCR", "INDETERMINATE", dated)
    alone = assessed(undated, infusion("ivig", 70_000, 40)).antibodies.hmgcr
    assert (alone.state, alone.flag) == ("NEGATIVE", "")


def test_which_antibodies_are_open() -> None:
    assert [one.name for one in assessed().antibodies.open] == ["anti-HMGCR", "anti-SRP"]
    one = assessed(verdict("anti-srp", "negative"), verdict("anti-hmgcr", "indeterminate")).antibodies
    assert [antibody.name for antibody in one.open] == ["anti-HMGCR"]
    assert (one.seronegative, one.positive) == (False, False)
    both = assessed(verdict("anti-srp", "negative"), verdict("anti-hmgcr", "negative")).antibodies
    assert (both.seronegative, both.positive, both.open) == (True, False, ())


# Diagnosis (B0, B9).


def test_the_condition_behind_a_diagnosis_is_the_one_that_makes_it() -> None:
    polymyositis, drug, imnm = condition("polymyositis"), condition("drug-induced-myopathy"), condition("imnm")
    mimic, skin = condition("muscular-dystrophy"), condition("dermatomyositis")
    srp, hmgcr = verdict("anti-srp", "positive"), verdict("anti-hmgcr", "positive")

    def found(*facts: Any) -> tuple[Any, ...]:
        d = assessed(*facts).diagnosis
        return d.status, d.condition, d.historical, d.conflict

    assert found(polymyositis, imnm, mimic, skin) == ("DEFINITE", imnm, False, mimic)
    assert found(drug, polymyositis, srp, skin) == ("PROBABLE", polymyositis, False, skin)
    assert found(drug, polymyositis, srp, skin, mimic) == ("PROBABLE", polymyositis, False, mimic)
    assert found(drug, hmgcr) == ("PROBABLE", drug, False, None)
    assert found(drug, srp) == ("POSSIBLE", drug, False, None)
    assert found(drug, mimic) == ("POSSIBLE", drug, False, mimic)
    gone = changed(imnm, current=False)
    assert found(drug, gone) == ("POSSIBLE", drug, True, None)
    assert found(gone) == ("NONE", gone, True, None)
    assert found(changed(polymyositis, current=False)) == ("NONE", None, False, None)
    past = changed(polymyositis, current=False)
    assert found(past, srp) == ("NONE", past, True, None)
    unsure = changed(imnm, verification="provisional")
    assert found(unsure) == ("POSSIBLE", unsure, False, None)
    assert found(changed(mimic, current=False), imnm) == ("DEFINITE", imnm, False, None)


# Body (A4, B9).


def body(*facts: Any, at: When = 200, days: float = 30, gender: str = "female") -> Body:
    on = when(at)
    assert on is not None
    return body_at(chart(*facts, gender=gender), on, days)


@pytest.mark.parametrize(
    ("measured", "nearest"),
    [
        ((230,), 230),
        ((231,), None),
        ((170,), 170),
        ((169,), None),
        ((), None),
        ((210, 189), 210),
        ((211, 190), 190),
        ((210, 190), 190),  # as near: the later one
        ((220, 205, 180), 205),
        ((220, 200, 199), 200),
        ((300, 290), None),
        ((100, 90), None),
    ],
)
def test_the_weight_nearest_in_time_counts(measured: tuple[int, ...], nearest: int | None) -> None:
    weights = {at: lab("body-weight", 60 + at / 10, at, unit="kg") for at in measured}
    assert body(*weights.values()).weight == (weights[nearest] if nearest else None)


def test_the_nearest_height_counts_however_far_away() -> None:
    tall, taller = lab("body-height", 165, 3000, unit="cm"), lab("body-height", 166, 5000, unit="cm")
    assert body(tall, taller).height == tall
    assert (body(tall).cm, body().cm, body().kg) == (165, None, None)


def test_what_is_derived_from_weight_and_height() -> None:
    found = body(lab("body-weight", 120, 200), lab("body-height", 165, 200))
    assert (found.kg, found.cm, found.female, found.note) == (120, 165, True, "")
    assert found.bmi == pytest.approx(44.08, abs=0.01)
    assert found.bsa == pytest.approx(2.345, abs=0.001)
    assert found.adjusted_kg(THRESHOLDS) == pytest.approx(82.145, abs=0.01)
    man = body(lab("body-weight", 120, 200), lab("body-height", 165, 200), gender="male")
    assert man.female is False
    assert man.adjusted_kg(THRESHOLDS) == pytest.approx(84.85, abs=0.01)
    other = body(lab("body-weight", 120, 200), lab("body-height", 165, 200), gender="other")
    assert (other.female, other.adjusted_kg(THRESHOLDS)) == (None, None)
    for part in (lab("body-weight", 120, 200), lab("body-height", 165, 200)):
        assert (body(part).bmi, body(part).bsa, body(part).adjusted_kg(THRESHOLDS)) == (None, None, None)


def test_adjusted_weight_begins_at_a_bmi_of_thirty() -> None:
    metre = lab("body-height", 100, 200)
    assert body(lab("body-weight", 30, 200), metre).adjusted_kg(THRESHOLDS) is not None
    assert body(lab("body-weight", 29.9, 200), metre).adjusted_kg(THRESHOLDS) is None


@pytest.mark.parametrize(
    ("at", "kg", "note"),
    [
        (380, 70, ""),
        (20, 70, ""),
        (381, 70, "weight measured 181 days away (2025-11-06)"),
        (19, 70, "weight measured 181 days away (2026-11-03)"),
    ],
)
def test_a_dose_of_the_past_goes_by_the_weight_of_that_half_year_or_says_so(at: int, kg: float, note: str) -> None:
    on = when(200)
    assert on is not None
    found = body_for_dose(chart(lab("body-weight", 70, at, unit="kg")), on, THRESHOLDS)
    assert (found.kg, found.note) == (kg, note)
