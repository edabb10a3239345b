"""Response to a drug: the partial total improvement score since the drug's baseline (B0 "Partial TIS").

Only two of the six core measures are known, so the score is a lower bound: 20 and more proves improvement;
less means "improvement not demonstrated", never "non-responder".
"""

from bisect import bisect_left
from datetime import date
from typing import TypeVar

import msgspec

from cds_service.fhir.dates import FhirDate
from hooks.assessment.activity import usable_scores
from hooks.assessment.labs import upper_limit, usable
from hooks.chart.facts import Chart, LabResult, StrengthScore
from hooks.knowledge.thresholds import Threshold, Thresholds

Measure = TypeVar("Measure", StrengthScore, LabResult)


class Baseline(msgspec.Struct, frozen=True):
    """Strength and CK when a drug was started; either may be missing. `note` says when the strength is an old one."""

    score: StrengthScore | None
    ck: LabResult | None
    note: str = ""


class Response(msgspec.Struct, frozen=True):
    """Change since `baseline`: `points` of the partial TIS, None without a strength baseline; `at`: the later score."""

    baseline: Baseline
    points: float | None
    at: StrengthScore | None = None
    mmt_percent: float = 0.0
    ck_percent: float = 0.0

    def __str__(self) -> str:
        if self.points is None or self.at is None:
            return "no MMT-8 at the start of treatment to compare with"
        before = self.baseline.score
        assert before is not None
        return f"MMT-8 {before} ({before.when}) → {self.at} ({self.at.when}), partial TIS {self.points:g}"


def baseline(chart: Chart, start: date, thresholds: Thresholds) -> Baseline:
    """The last values in the window around `start`; else the last within the fallback days before it (B0)."""
    score, note = strength_baseline(chart, start, thresholds)
    ck, _ = _last(*chart.usable_labs["creatine-kinase"], start, thresholds)
    return Baseline(score, ck, note)


def strength_baseline(chart: Chart, start: date, thresholds: Thresholds) -> tuple[StrengthScore | None, str]:
    """The strength of the baseline alone, and its note."""
    return _last(usable_scores(chart), chart.score_days, start, thresholds)


def _last(
    newest_first: tuple[Measure, ...], days: list[int], start: date, thresholds: Thresholds
) -> tuple[Measure | None, str]:
    """`days` are those of the measures, as negative ordinals."""
    limits, zero = thresholds.baseline, -start.toordinal()
    for before, after, old in (
        (limits.before_days.value, limits.after_days.value, False),
        (limits.fallback_days.value, 0.0, True),
    ):
        last = bisect_left(days, zero - after)
        if last < len(days) and days[last] <= zero + before:
            return newest_first[last], f"baseline {days[last] - zero} days before the start" if old else ""
    return None, ""


def _points(percent: float, bounds: tuple[Threshold, ...], points: tuple[Threshold, ...]) -> float:
    """Points of the class that `percent` falls into; a bound belongs to the class below it."""
    for bound, given in zip(bounds, points, strict=False):
        if percent <= bound.value + 1e-6:
            return given.value
    return points[-1].value


def partial_tis(start: Baseline, score: StrengthScore, ck: LabResult | None, thresholds: Thresholds) -> Response:
    """The partial TIS at `score` (and `ck`), both later than the baseline."""
    if start.score is None or start.score.fraction is None or score.fraction is None:
        return Response(start, None)
    r = thresholds.response
    mmt = 100 * (score.fraction - start.score.fraction)
    enzyme = 0.0
    if ck and ck.value is not None and start.ck and start.ck.value is not None:
        scale = r.ck_range_x_uln.value * upper_limit(ck, thresholds.ck.uln_default)
        enzyme = 100 * (start.ck.value - ck.value) / scale
    points = _points(
        mmt,
        (r.mmt_pct_1, r.mmt_pct_2, r.mmt_pct_3, r.mmt_pct_4),
        (r.mmt_points_1, r.mmt_points_2, r.mmt_points_3, r.mmt_points_4, r.mmt_points_5),
    ) + _points(
        enzyme,
        (r.enzyme_pct_1, r.enzyme_pct_2, r.enzyme_pct_3, r.enzyme_pct_4),
        (r.enzyme_points_1, r.enzyme_points_2, r.enzyme_points_3, r.enzyme_points_4, r.enzyme_points_5),
    )
    return Response(start, points, score, mmt, enzyme)


def best_response(chart: Chart, start: FhirDate, thresholds: Thresholds) -> Response:
    """The best partial TIS at any usable MMT-8 after the drug's start (who responded once has not failed, B0).

    Each score is read with the newest CK of the 90 days up to it. `points` is None without a strength
    baseline.
    """
    begin = start.earliest
    base = baseline(chart, begin, thresholds)
    if base.score is None:
        return Response(base, None)
    base_day = base.score.when.earliest if base.score.when else begin
    later = [s for s in usable_scores(chart) if s.when and s.when.earliest > max(begin, base_day)]
    if not later:
        return Response(base, None)
    cks = usable(chart, "creatine-kinase")

    def at(score: StrengthScore) -> Response:
        assert score.when is not None
        day, limit = score.when.earliest, thresholds.ck.fresh_days.value
        ck = next((c for c in cks if c.when and 0 <= (day - c.when.earliest).days <= limit), None)
        return partial_tis(base, score, ck, thresholds)

    return max((at(score) for score in later), key=lambda response: response.points or 0.0)
