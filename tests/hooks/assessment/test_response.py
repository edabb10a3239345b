"""The partial total improvement score and its baseline (B0)."""

import pytest

from hooks.assessment.response import Baseline, baseline, best_response, partial_tis
from tests.hooks.builders import chart, ck, knowledge, mmt, when

T = knowledge().thresholds
START = when(200)
assert START is not None


@pytest.mark.parametrize(
    ("gained", "points"),
    [(-10, 0), (3, 0), (3.1, 10), (15, 10), (15.1, 20), (30, 20), (30.1, 27.5), (45, 27.5), (45.1, 32.5), (60, 32.5)],
)
def test_points_for_strength(gained: float, points: float) -> None:
    found = partial_tis(Baseline(mmt(90, 200), None), mmt(90 + gained, 10), None, T)
    assert found.points == points


@pytest.mark.parametrize(
    ("fell", "points"),
    [(-500, 0), (150, 0), (151, 2.5), (450, 2.5), (451, 5), (750, 5), (751, 7.5), (1200, 7.5), (3000, 7.5)],
)
def test_points_for_ck(fell: float, points: float) -> None:
    """The range is 15 × ULN = 3000 U/L."""
    found = partial_tis(Baseline(mmt(90, 200), ck(5000, 200)), mmt(90, 10), ck(5000 - fell, 10), T)
    assert found.points == points


def test_strength_on_different_scales_compares_by_fraction() -> None:
    assert partial_tis(Baseline(mmt(40, 200, "80"), None), mmt(90, 10), None, T).points == 10


def test_without_a_strength_baseline_there_is_no_score() -> None:
    found = partial_tis(Baseline(None, ck(5000, 200)), mmt(90, 10), ck(500, 10), T)
    assert found.points is None
    assert str(found) == "no MMT-8 at the start of treatment to compare with"
    assert "partial TIS" in str(partial_tis(Baseline(mmt(90, 200), None), mmt(90, 10), None, T))


@pytest.mark.parametrize(
    ("at", "found", "note"),
    [
        (290, True, ""),
        (186, True, ""),
        (185, False, ""),
        (291, True, "baseline 91 days before the start"),
        (380, True, "baseline 180 days before the start"),
        (381, False, ""),
    ],
)
def test_window_of_the_baseline(at: int, found: bool, note: str) -> None:
    assert START is not None
    base = baseline(chart(mmt(90, at)), START.earliest, T)
    assert (base.score is not None, base.note) == (found, note)


def test_the_last_value_in_the_window_wins() -> None:
    assert START is not None
    base = baseline(chart(mmt(90, 250), mmt(95, 210), mmt(130, 100), ck(9000, 201)), START.earliest, T)
    assert base.score is not None
    assert base.score.value == 95
    assert base.ck is not None


def test_the_best_later_score_counts() -> None:
    assert START is not None
    facts = chart(mmt(90, 210), mmt(120, 100), mmt(95, 10), ck(9000, 210), ck(1000, 105))
    best = best_response(facts, START, T)
    assert best.at is not None
    assert best.at.value == 120
    assert best.points == 20 + 7.5
    assert best_response(chart(mmt(90, 210)), START, T).points is None
    assert best_response(chart(mmt(90, 10)), START, T).points is None
