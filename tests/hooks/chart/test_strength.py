"""MMT-8 and its scales (A2, A4)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hooks.chart.resources import concept, mmt8, observation, read_chart, the_reason, the_score

BIG: dict[str, Any] = {"referenceRange": [{"high": {"value": 150}}]}


@pytest.mark.parametrize(
    ("score", "scale", "fraction"),
    [
        (mmt8(96, "mmt8-total-150"), "150", 0.64),
        (mmt8(66, "mmt8-total-80"), "80", 0.825),
        (mmt8(82, "mmt8-percent"), "percent", 0.82),
        (mmt8(78, referenceRange=[{"high": {"value": 150}}]), "150", 0.52),
        (mmt8(78, referenceRange=[{"high": {"value": 80}}]), "80", 0.975),
        (mmt8(78, referenceRange=[{"text": "0/150"}]), "150", 0.52),
        (mmt8(78, text="MMT-8 total (/150)"), "150", 0.52),
        (mmt8(78, text="MMT8 score out of 80"), "80", 0.975),
        (mmt8(78, unit="/80"), "80", 0.975),
        (mmt8(64, unit="%"), "percent", 0.64),
        (mmt8(64, unit="%", referenceRange=[{"high": {"value": 100}}]), "percent", 0.64),
        (mmt8(98), "150", 98 / 150),
        (mmt8(150), "150", 1.0),
        (mmt8(98, text="manual muscle testing-8"), "150", 98 / 150),
        (mmt8(98, text="IMACS manual muscle score"), "150", 98 / 150),
    ],
)
def test_a_scale_that_is_stated_or_follows(score: Any, scale: str, fraction: float) -> None:
    found = the_score(score)
    assert (found.scale, found.doubt) == (scale, "")
    assert found.fraction == pytest.approx(fraction)


@pytest.mark.parametrize(
    "score",
    [
        mmt8(78),
        mmt8(80),
        mmt8(151),
        mmt8(120, referenceRange=[{"high": {"value": 160}}]),
        mmt8(120, text="MMT-8 (/160)"),
        mmt8(200, text="MMT-8, MMT-24 total /260"),
        mmt8(70, "mmt8-total-80", **BIG),
        mmt8(70, unit="%", **BIG),
    ],
)
def test_a_scale_that_is_not_known_leaves_no_fraction(score: Any) -> None:
    found = the_score(score)
    assert (found.scale, found.fraction) == ("", None)
    assert "scale" in found.doubt


def test_a_low_score_beside_a_high_one_of_the_same_code_is_out_of_150() -> None:
    chart = read_chart(mmt8(78), mmt8(96, effectiveDateTime="2026-01-05"))
    assert [(str(s), s.fraction) for s in chart.scores] == [("78/150", 0.52), ("96/150", 0.64)]


def test_a_high_score_of_another_code_says_nothing() -> None:
    chart = read_chart(mmt8(78), mmt8(96, "mmt8-total-150", effectiveDateTime="2026-01-05"))
    assert chart.scores[0].fraction is None


@pytest.mark.parametrize("score", [mmt8(81, "mmt8-total-80"), mmt8(151, "mmt8-total-150"), mmt8(101, "mmt8-percent")])
def test_more_than_the_maximum_is_impossible(score: Any) -> None:
    assert "is more than its maximum" in the_reason(score)


def test_two_scores_at_one_time_leave_a_doubt() -> None:
    chart = read_chart(mmt8(96), mmt8(130, issued="2026-11-11T00:00:00Z"))
    assert [(s.value, "differs" in s.doubt) for s in chart.scores] == [(130, True)]


@pytest.mark.parametrize(("category", "text", "counts"), [
    ("exam", "MMT total (muscle strength)", True),
    ("survey", "MMT total (muscle strength)", True),
    ("laboratory", "MMT total (muscle strength)", False),
    ("exam", "MMT clinic visit", False),
    ("exam", "MMT-24 muscle total", False),
    ("exam", "methadone maintenance treatment MMT-8", False),
    ("exam", "Medical Research Council sum score", False),
])  # fmt: skip
def test_a_bare_mmt_needs_an_exam_and_muscle(category: str, text: str, counts: bool) -> None:
    found = observation({"text": text}, category=[concept(category)], valueQuantity={"value": 120})
    assert bool(read_chart(scores=[found]).scores) is counts


def test_a_score_as_an_integer() -> None:
    assert the_score(observation({"text": "MMT-8"}, valueInteger=98)).value == 98


@given(st.floats(0, 400, allow_nan=False))
def test_a_fraction_is_none_or_between_nothing_and_all(value: float) -> None:
    for score in read_chart(mmt8(value)).scores:
        assert score.fraction is None or 0 <= score.fraction <= 1
