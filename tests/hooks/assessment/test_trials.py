"""Drug-class trial states (B0, B9)."""

from typing import Any

import pytest

from hooks.chart.facts import Dosing
from tests.hooks.builders import (
    allergy,
    assessed,
    base,
    chart,
    ck,
    condition,
    course,
    daily,
    infusion,
    lab,
    mmt,
    weekly,
    when,
)

BODY = (lab("body-weight", 70, 30), lab("body-height", 165, 30))
ACTIVE_WITHOUT_RESPONSE = (ck(9800, 323), ck(6200, 12), mmt(96, 321), mmt(98, 10))


def ivig_state(*facts: Any, **more: Any) -> str:
    return assessed(*BODY, *facts, **more).ivig.state


def monthly(grams: float, starts: tuple[int, ...], **more: Any) -> list[Any]:
    return [infusion("ivig", grams * 1000, at, days=4, **more) for at in starts]


def test_base_has_failed_all_three() -> None:
    a = assessed(base())
    assert [t.state for t in a.three] == ["FAILED_INF"] * 3
    assert a.cyclophosphamide.state == "NOT_EXPOSED"
    assert a.activity.state == "ACTIVE_DISEASE"
    assert "weight measured" in a.ivig.best.trial.given  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (monthly(140, (200, 172, 144)), "ADEQUATE"),
        (monthly(126, (200, 172, 144)), "ADEQUATE"),  # 1.8 g/kg: the tolerance
        (monthly(125, (200, 160, 118)), "ADEQUATE"),  # below the tolerance, but 4 g/kg in 12 weeks
        (monthly(125, (200, 158, 115)), "UNDERDOSED"),
        (monthly(140, (200, 179, 158)), "ADEQUATE"),  # 3 weeks apart
        (monthly(93, (200, 150, 120)), "UNDERDOSED"),
        (monthly(140, (200, 158, 116)), "ADEQUATE"),  # 6 weeks apart
        (monthly(140, (200, 157, 114)), "ADEQUATE"),  # more than 6 weeks apart, but 4 g/kg in 12 weeks
        (monthly(130, (250, 207, 164)), "UNDERDOSED"),  # 43 days apart, 3.7 g/kg in 12 weeks
        (monthly(140, (60, 32)), "TOO_EARLY"),  # two of three, within 12 weeks
        (monthly(140, (83, 55, 27)), "TOO_EARLY"),  # enough, not yet 12 weeks
        (monthly(140, (84, 56, 28)), "ADEQUATE"),
        (monthly(140, (200,)), "UNDERDOSED"),
        (monthly(56, (20,)), "UNDERDOSED"),  # too small from the start
        ([*monthly(140, (200,)), *monthly(70, (179, 158))], "ADEQUATE"),  # 2 g/kg then 1 g/kg every 3 weeks: 4 g/kg
        (monthly(140, (200, 172, 144), basis="mg/m2"), "EXPOSED_UNKNOWN"),
        ([infusion("ivig", 2000, at, days=5, basis="mg/kg") for at in (200, 172, 144)], "ADEQUATE"),
        ([infusion("ivig", 140_000, at, days=6) for at in (400, 310, 220)], "UNDERDOSED"),  # over more than 5 days
        ([infusion("ivig", None, at) for at in (200, 172, 144)], "EXPOSED_UNKNOWN"),
        ([infusion("ivig", 140_000, "2026-03", days=4)], "EXPOSED_UNKNOWN"),
        ([infusion("ivig", 140_000, None)], "EXPOSED_UNKNOWN"),
        ([course("ivig", 200, status="completed")], "EXPOSED_UNKNOWN"),
        ([infusion("ivig", 140_000, -9, status="planned"), course("ivig", -9, status="planned")], "PLANNED"),
        ([], "NOT_EXPOSED"),
        ([allergy("ivig")], "INTOLERANT"),
    ],
)
def test_ivig(facts: list[Any], state: str) -> None:
    assert ivig_state(*facts) == state


def test_ivig_without_any_weight_cannot_be_judged() -> None:
    assert assessed(*monthly(140, (200, 172, 144))).ivig.state == "EXPOSED_UNKNOWN"


def test_ivig_in_obesity_counts_by_adjusted_weight() -> None:
    body = (lab("body-weight", 120, 190), lab("body-height", 165, 190))
    # 120 kg, adjusted 82 kg: 150 g are 1.25 g/kg by actual and 1.8 g/kg by adjusted weight.
    spaced = (284, 242, 200)
    assert assessed(*body, *monthly(150, spaced)).ivig.state == "ADEQUATE"
    assert assessed(*body, *monthly(140, spaced)).ivig.state == "UNDERDOSED"
    per_kg = [infusion("ivig", 1300, at, days=4, basis="mg/kg") for at in spaced]
    assert assessed(*body, *per_kg).ivig.state == "ADEQUATE"
    assert assessed(*body, *monthly(150, spaced), gender="male").ivig.state == "UNDERDOSED"


def test_a_long_pause_starts_a_new_trial_and_the_best_one_counts() -> None:
    a = assessed(*BODY, *monthly(140, (400, 372, 344)), *monthly(70, (20,)))
    assert a.ivig.state == "ADEQUATE"
    assert [t.state for t in a.ivig.trials] == ["ADEQUATE", "UNDERDOSED"]
    assert "further trial is running" in a.ivig.retrial


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([infusion("rituximab", 1000, 200), infusion("rituximab", 1000, 186)], "ADEQUATE"),
        ([infusion("rituximab", 900, 200), infusion("rituximab", 900, 190)], "ADEQUATE"),
        ([infusion("rituximab", 1000, 200), infusion("rituximab", 1000, 179)], "ADEQUATE"),
        ([infusion("rituximab", 500, 200), infusion("rituximab", 500, 186)], "UNDERDOSED"),
        ([infusion("rituximab", 1000, 200), infusion("rituximab", 799, 160)], "UNDERDOSED"),
        ([infusion("rituximab", 2000, 200)], "ADEQUATE"),  # any schedule of 1800 mg in 35 days
        ([infusion("rituximab", 1000, 168), infusion("rituximab", 1000, 154)], "ADEQUATE"),  # 24 weeks
        ([infusion("rituximab", 1000, 167), infusion("rituximab", 1000, 153)], "TOO_EARLY"),
        ([infusion("rituximab", 1000, 35)], "TOO_EARLY"),
        ([infusion("rituximab", 1000, 36)], "UNDERDOSED"),
        ([infusion("rituximab", 375, d, basis="mg/m2") for d in (200, 193, 186, 179)], "ADEQUATE"),
        ([infusion("rituximab", 375, d, basis="mg/m2") for d in (200, 193, 186)], "ADEQUATE"),  # 2015 mg by BSA
        ([infusion("rituximab", 200, d, basis="mg/m2") for d in (200, 193, 186, 179)], "UNDERDOSED"),
        ([infusion("rituximab", 15, d, basis="mg/kg") for d in (200, 186)], "ADEQUATE"),
        ([infusion("rituximab", None, 200)], "EXPOSED_UNKNOWN"),
        ([infusion("rituximab", 1000, "2026-03")], "EXPOSED_UNKNOWN"),
        ([infusion("rituximab", 1000, None), infusion("rituximab", 1000, None)], "EXPOSED_UNKNOWN"),
        ([infusion("rituximab", 1000, 200, other_indication="lymphoma")], "NOT_EXPOSED"),
    ],
)
def test_rituximab(facts: list[Any], state: str) -> None:
    assert assessed(*BODY, *facts).rituximab.state == state


@pytest.mark.parametrize("basis", ["mg/m2", "mg/kg"])
def test_rituximab_by_size_needs_the_size(basis: str) -> None:
    assert assessed(infusion("rituximab", 300, 200, basis=basis)).rituximab.state == "EXPOSED_UNKNOWN"


def test_weekly_rituximab_in_mg_counts_by_body_surface() -> None:
    small = (lab("body-weight", 35, 190), lab("body-height", 140, 190))  # 1.17 m2: 437 mg are 375 mg/m2, 1748 mg in all
    weekly = [infusion("rituximab", 437, d) for d in (200, 193, 186, 179)]
    assert assessed(*small, *weekly).rituximab.state == "ADEQUATE"
    assert assessed(*weekly).rituximab.state != "ADEQUATE"


def test_weekly_rituximab_per_m2_counts_without_size() -> None:
    four = [infusion("rituximab", 375, d, basis="mg/m2") for d in (200, 193, 186, 179)]
    assert assessed(*four).rituximab.state == "ADEQUATE"


def test_rituximab_need_not_wait_when_objectively_worse() -> None:
    pair = [infusion("rituximab", 1000, 100), infusion("rituximab", 1000, 86)]
    assert assessed(*pair, mmt(110, 105), mmt(96, 10)).rituximab.state == "TOO_EARLY"
    assert assessed(*pair, mmt(110, 105), mmt(95, 10)).rituximab.state == "ADEQUATE"
    assert assessed(*pair, mmt(110, 105)).rituximab.state == "TOO_EARLY"
    early = [infusion("rituximab", 1000, 83), infusion("rituximab", 1000, 69)]
    assert assessed(*early, mmt(110, 90), mmt(80, 10)).rituximab.state == "TOO_EARLY"


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([course("methotrexate", 83, steps=(weekly(15),))], "ADEQUATE"),  # 84 days, both ends included
        ([course("methotrexate", 82, steps=(weekly(15),))], "TOO_EARLY"),
        ([course("methotrexate", 300, steps=(weekly(14.9),))], "UNDERDOSED"),
        ([course("methotrexate", 300, steps=(weekly(30),))], "ADEQUATE"),
        ([course("methotrexate", 300, steps=(weekly(30.5),))], "EXPOSED_UNKNOWN"),
        ([course("methotrexate", 300, steps=(daily(15),))], "EXPOSED_UNKNOWN"),
        ([course("methotrexate", 300, 260, status="stopped", steps=(weekly(20),))], "UNDERDOSED"),
        ([course("methotrexate", 300, status="stopped", steps=(weekly(20),))], "EXPOSED_UNKNOWN"),
        ([course("methotrexate", None, steps=(weekly(20),))], "EXPOSED_UNKNOWN"),
        ([course("methotrexate", 300, status="on-hold", steps=(weekly(20),))], "EXPOSED_UNKNOWN"),
        ([course("methotrexate", 300)], "EXPOSED_UNKNOWN"),
        ([course("methotrexate", 300, steps=(weekly(None),))], "EXPOSED_UNKNOWN"),
        ([course("methotrexate", "2026-08", steps=(weekly(20),))], "ADEQUATE"),
        ([course("methotrexate", "2026", "2026-06-30", status="completed", steps=(weekly(20),))], "EXPOSED_UNKNOWN"),
        (
            [course("methotrexate", 200, steps=(weekly(10, 200, 101), weekly(15, 100)))],
            "ADEQUATE",
        ),  # 101 days at 15 mg
        (
            [course("methotrexate", 200, steps=(weekly(10, 200, 61), weekly(15, 60)))],
            "TOO_EARLY",
        ),
        (
            [
                course("methotrexate", 900, 600, status="completed", steps=(weekly(20),)),
                course("methotrexate", 30, steps=(weekly(10),)),
            ],
            "ADEQUATE",
        ),
        ([course("methotrexate", 300, steps=(weekly(20),), other_indication="ectopic pregnancy")], "NOT_EXPOSED"),
        ([course("methotrexate", -20, status="planned", steps=(weekly(20),))], "PLANNED"),
        ([course("methotrexate", 300, steps=(weekly(10, 300, -9), weekly(20, -10)))], "UNDERDOSED"),
    ],
)
def test_methotrexate(facts: list[Any], state: str) -> None:
    assert assessed(*facts).methotrexate.state == state


def pulses(mg: float | None, starts: tuple[int, ...], **more: Any) -> list[Any]:
    return [infusion("cyclophosphamide", mg, at, **more) for at in starts]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (pulses(1000, (120, 99, 78, 57)), "ADEQUATE"),
        (pulses(700, (84, 63, 42, 21)), "ADEQUATE"),  # 10 mg/kg, 12 weeks
        (pulses(690, (120, 99, 78, 57)), "UNDERDOSED"),
        (pulses(1000, (83, 62, 41, 20)), "TOO_EARLY"),
        (pulses(1000, (60, 39, 18)), "TOO_EARLY"),
        (pulses(1000, (120, 99, 78)), "UNDERDOSED"),
        (pulses(15, (120, 99, 78, 57), basis="mg/kg"), "ADEQUATE"),
        (pulses(500, (120, 99, 78, 57), basis="mg/m2"), "ADEQUATE"),  # 895 mg
        (pulses(None, (120, 99)), "EXPOSED_UNKNOWN"),
        ([infusion("cyclophosphamide", 1000, "2026-05")], "EXPOSED_UNKNOWN"),
        ([infusion("cyclophosphamide", 1000, None)], "EXPOSED_UNKNOWN"),
        ([course("cyclophosphamide", 100, steps=(daily(100),))], "ADEQUATE"),  # 1.4 mg/kg by mouth
        ([course("cyclophosphamide", 60, steps=(daily(100),))], "TOO_EARLY"),
        ([course("cyclophosphamide", 200, 160, status="stopped", steps=(daily(100),))], "UNDERDOSED"),
        ([course("cyclophosphamide", 200, steps=(daily(50),))], "UNDERDOSED"),
        ([course("cyclophosphamide", 200, status="stopped", steps=(daily(100),))], "EXPOSED_UNKNOWN"),
        ([course("cyclophosphamide", "2026-03", steps=(daily(100),))], "EXPOSED_UNKNOWN"),
        ([course("cyclophosphamide", None, status="stopped")], "EXPOSED_UNKNOWN"),
        ([allergy("cyclophosphamide")], "INTOLERANT"),
    ],
)
def test_cyclophosphamide(facts: list[Any], state: str) -> None:
    assert assessed(*BODY, *facts).cyclophosphamide.state == state


def test_a_pulse_at_the_cap_is_full_whatever_the_weight() -> None:
    assert assessed(lab("body-weight", 140, 100), *pulses(1200, (120, 99, 78, 57))).cyclophosphamide.state == "ADEQUATE"
    assert assessed(*pulses(1200, (120, 99, 78, 57))).cyclophosphamide.state == "ADEQUATE"
    assert assessed(*pulses(1000, (120, 99, 78, 57))).cyclophosphamide.state == "EXPOSED_UNKNOWN"
    assert assessed(*pulses(15, (120, 99), basis="mg/kg")).cyclophosphamide.state == "UNDERDOSED"


def test_a_pulse_reduced_by_the_table_is_full() -> None:
    """Over 70 years with a creatinine of 320: 7.5 mg/kg is the table's dose (B0 "age/renal-adjusted")."""
    reduced = pulses(530, (120, 99, 78, 57))
    renal = [lab("creatinine", 320, at, unit="umol/L") for at in (120, 99, 78, 57)]
    assert assessed(*BODY, *reduced, *renal, age=75).cyclophosphamide.state == "ADEQUATE"
    assert assessed(*BODY, *reduced, *renal, age=45).cyclophosphamide.state == "UNDERDOSED"
    assert assessed(*BODY, *reduced, age=75).cyclophosphamide.state == "UNDERDOSED"
    assert assessed(*BODY, *reduced, *renal, age=None).cyclophosphamide.state == "UNDERDOSED"


# Documented reasons and response (B9, steps 3 to 5).


def mtx(**more: Any) -> Any:
    return course("methotrexate", 300, steps=(weekly(20),), **more)


def test_failure_documented_counts_for_adequate_and_unknown_trials_only() -> None:
    assert assessed(mtx(failure="lack of efficacy")).methotrexate.state == "FAILED_DOC"
    undated = course("methotrexate", None, status="stopped", failure="refractory to methotrexate")
    assert assessed(undated).methotrexate.state == "FAILED_DOC"
    low = course("methotrexate", 300, steps=(weekly(10),), failure="no response")
    assert assessed(low).methotrexate.state == "UNDERDOSED"
    early = course("methotrexate", 20, steps=(weekly(20),), failure="no response")
    assert assessed(early).methotrexate.state == "TOO_EARLY"


def test_intolerance_replaces_everything_but_failure() -> None:
    assert assessed(mtx(intolerance="hepatotoxicity")).methotrexate.state == "INTOLERANT"
    assert assessed(mtx(), allergy("methotrexate")).methotrexate.state == "INTOLERANT"
    both = mtx(intolerance="nausea", failure="ineffective")
    assert assessed(both).methotrexate.state == "FAILED_DOC"
    low = course("methotrexate", 300, steps=(weekly(10),), intolerance="toxic", failure="failed")
    assert assessed(low).methotrexate.state == "INTOLERANT"


def test_failure_is_inferred_from_active_disease_without_improvement() -> None:
    assert assessed(mtx(), *ACTIVE_WITHOUT_RESPONSE).methotrexate.state == "FAILED_INF"
    assert assessed(mtx(failure="failed"), *ACTIVE_WITHOUT_RESPONSE).methotrexate.state == "FAILED_DOC"


def test_who_responded_and_relapsed_has_not_failed() -> None:
    responded = (*ACTIVE_WITHOUT_RESPONSE, mmt(140, 150))
    assert assessed(mtx(), *responded).methotrexate.state == "ADEQUATE"


def test_no_strength_baseline_and_active_disease_leaves_the_trial_open() -> None:
    a = assessed(mtx(), ck(6200, 12), mmt(98, 10))
    assert a.methotrexate.state == "EXPOSED_UNKNOWN"
    assert a.methotrexate.best is not None
    assert "no MMT-8 at the start" in a.methotrexate.best.gap
    # A baseline but nothing after it does not tell either.
    assert assessed(mtx(), ck(6200, 12), mmt(98, 300)).methotrexate.state == "ADEQUATE"


def test_disease_that_is_not_active_keeps_the_state_of_dose_and_time() -> None:
    assert assessed(mtx(), mmt(148, 10), ck(900, 10)).methotrexate.state == "ADEQUATE"


def test_lifetime_dose_counts_everything_that_is_known() -> None:
    oncology = pulses(1400, (3000, 2979), other_indication="lymphoma")
    a = assessed(*BODY, *oncology, *pulses(10, (40,), basis="mg/kg"))
    assert a.lifetime.grams == pytest.approx(3.5)
    assert a.lifetime.complete
    oral = assessed(course("cyclophosphamide", 99, steps=(daily(100),)))
    assert oral.lifetime.grams == pytest.approx(10.0)
    ended = assessed(course("cyclophosphamide", 99, 50, status="stopped", steps=(daily(100),)))
    assert ended.lifetime.grams == pytest.approx(5.0)
    for unknown in (
        course("cyclophosphamide", None, status="stopped"),
        infusion("cyclophosphamide", None, 100),
        infusion("cyclophosphamide", 10, None, basis="mg/kg"),
    ):
        assert not assessed(unknown).lifetime.complete
    planned = assessed(
        infusion("cyclophosphamide", 1000, -3, status="planned"), course("cyclophosphamide", -3, status="planned")
    )
    assert planned.lifetime.grams == 0
    assert planned.lifetime.complete


def test_active_and_planned() -> None:
    recent = assessed(*BODY, *monthly(140, (42,)))
    assert recent.ivig.active
    assert recent.ivig.last == when(42)
    assert not assessed(*BODY, *monthly(140, (43,))).ivig.active
    bare = assessed(course("rituximab", 300))
    assert bare.rituximab.active
    beside = assessed(*BODY, *monthly(140, (200,)), course("ivig", None, status="draft"))
    assert beside.ivig.planned
    assert beside.ivig.state == "UNDERDOSED"
    assert assessed(condition("imnm")).ivig.last is None
    assert chart().patient_id == "p1"


def test_methotrexate_told_twice_is_counted_once() -> None:
    twice = (course("methotrexate", 43, steps=(weekly(20),)), course("methotrexate", 43, steps=(weekly(15),)))
    assert assessed(*twice).methotrexate.state == "TOO_EARLY"


def test_two_short_trials_of_methotrexate_are_not_one() -> None:
    halves = (
        course("methotrexate", 250, 207, status="stopped", steps=(weekly(15),)),
        course("methotrexate", 110, 68, status="stopped", steps=(weekly(15),)),
    )
    assert assessed(*halves).methotrexate.state == "UNDERDOSED"
    bridged = (
        course("methotrexate", 110, 68, status="stopped", steps=(weekly(15),)),
        course("methotrexate", 54, 1, status="stopped", steps=(weekly(15),)),
    )
    assert assessed(*bridged).methotrexate.state == "ADEQUATE"


def test_a_reason_without_a_dose_goes_to_the_trial_that_has_one() -> None:
    """A list entry "ineffective" beside documented low doses does not make the trial adequate (B9)."""
    bare = course("methotrexate", None, status="stopped", failure="ineffective")
    dosed = course("methotrexate", 300, 100, status="completed", steps=(weekly(10),))
    assert assessed(bare, dosed).methotrexate.state == "UNDERDOSED"
    same_time = course("methotrexate", 300, 100, status="stopped", failure="ineffective")
    assert assessed(same_time, dosed).methotrexate.state == "UNDERDOSED"
    other_time = course("methotrexate", 900, 700, status="stopped", failure="ineffective")
    assert assessed(other_time, dosed).methotrexate.state == "FAILED_DOC"
    ivig = (*monthly(56, (290,)), course("ivig", 293, 230, status="stopped", failure="ineffective"))
    a = assessed(*BODY, *ivig)
    assert a.ivig.state == "UNDERDOSED"
    assert a.ivig.best is not None
    assert a.ivig.best.failure == "ineffective"
    enough = assessed(*BODY, *monthly(140, (290, 262, 234)), ivig[-1])
    assert enough.ivig.state == "FAILED_DOC"


def test_a_weight_measured_far_away_is_said() -> None:
    far = (lab("body-weight", 70, 1), lab("body-height", 165, 1))
    cyc = assessed(*far, *pulses(1000, (300, 279, 258, 237))).cyclophosphamide
    rtx = assessed(*far, *(infusion("rituximab", 375, d, basis="mg/m2") for d in (300, 293, 286, 279))).rituximab
    for found in (cyc, rtx):
        assert found.best is not None
        assert "weight measured 299 days away" in found.best.trial.given


@pytest.mark.parametrize(
    ("small", "enough", "drug"),
    [(56_000, 140_000, "ivig"), (500, 1000, "rituximab"), (500, 1000, "cyclophosphamide")],
)
def test_a_dose_on_record_that_is_too_small_has_not_failed_because_its_date_is_missing(
    small: float, enough: float, drug: str
) -> None:
    def state(mg: float, *body: Any) -> str:
        undated = course(drug, None, status="stopped", failure="ineffective", steps=(Dosing(low=mg, high=mg),))
        a = assessed(*body, undated)
        return next(t.state for t in (*a.three, a.cyclophosphamide) if t.drug == drug)

    assert state(small, *BODY) == "EXPOSED_UNKNOWN"
    assert state(enough, *BODY) == "FAILED_DOC"
    assert state(small) == "FAILED_DOC"  # without a weight nothing contradicts it


def test_too_little_methotrexate_has_not_failed_because_its_date_is_missing() -> None:
    undated = course("methotrexate", None, status="stopped", failure="ineffective", steps=(weekly(10),))
    assert assessed(undated).methotrexate.state == "EXPOSED_UNKNOWN"
