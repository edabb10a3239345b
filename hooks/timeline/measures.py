"""CK and MMT-8, as far as rules may use them."""

from itertools import pairwise

from hooks.assessment import Assessment
from hooks.assessment.activity import usable_scores
from hooks.assessment.labs import upper_limit, usable
from hooks.chart.facts import LabResult, StrengthScore
from hooks.knowledge.thresholds import Thresholds
from hooks.timeline.model import CkPoint, Limit, StrengthPoint

CK = "creatine-kinase"


def ck_points(a: Assessment) -> tuple[CkPoint, ...]:
    """Usable results, in order of time."""
    return tuple(ck_point(result, a.knowledge.thresholds) for result in reversed(usable(a.chart, CK)))


def ck_point(result: LabResult, thresholds: Thresholds) -> CkPoint:
    """A usable result with the limit it is read with."""
    assert result.when is not None
    assert result.value is not None
    uln = upper_limit(result, thresholds.ck.uln_default)
    own = result.upper is not None
    return CkPoint(result.when.earliest, result.value, uln, own, result.comparator, result.source)


def limits(points: tuple[CkPoint, ...]) -> tuple[Limit, ...]:
    """The upper limit over time: one entry wherever it changes."""
    changed = [new for old, new in pairwise(points) if (old.uln, old.own_limit) != (new.uln, new.own_limit)]
    return tuple(Limit(point.on, point.uln, point.own_limit) for point in (*points[:1], *changed))


def strength_points(a: Assessment) -> tuple[StrengthPoint, ...]:
    """Usable scores, in order of time."""
    return tuple(strength_point(score) for score in reversed(usable_scores(a.chart)))


def strength_point(score: StrengthScore) -> StrengthPoint:
    """A usable score."""
    assert score.when is not None
    assert score.fraction is not None
    return StrengthPoint(score.when.earliest, score.fraction, str(score), score.source)
