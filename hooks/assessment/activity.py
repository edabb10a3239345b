"""Disease activity from the two measures that charts hold: CK and MMT-8 (B0 "activity and response")."""

from datetime import date
from typing import Literal

import msgspec

from cds_service.fhir.dates import within
from hooks.assessment.labs import at_least, fresh, latest, shown, upper_limit, usable
from hooks.chart.facts import Chart, LabResult, StrengthScore
from hooks.knowledge.thresholds import Thresholds
from hooks.reasoning import Truth, all_true, any_true

ActivityState = Literal["ACTIVE_DISEASE", "BIOCHEMICAL_ONLY", "DAMAGE_LIKELY", "NOT_COMPUTABLE", "INDETERMINATE"]
TOLERANCE = 1e-9
"""For comparing fractions such as 125/150 and 0.95 × 80."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """How active the disease is today, and the facts that say so.

    `ck`, `score`: the newest results if they may decide (fresh, unambiguous). `latest_ck`, `latest_score`:
    the newest of any age or quality, for the card. `uln`: upper limit of normal of `ck`, U/L.
    """

    state: ActivityState
    weak: Truth
    full_strength: Truth
    ck_active: Truth
    worse: Truth
    rapid: Truth
    severe: Truth
    ck: LabResult | None
    score: StrengthScore | None
    latest_ck: LabResult | None
    latest_score: StrengthScore | None
    uln: float
    damage_pair: tuple[LabResult, LabResult] | None = None
    ck_missing: str = ""
    score_missing: str = ""
    worse_because: str = ""
    worse_from: StrengthScore | None = None
    """The score that strength fell from, where it has become worse."""
    rapid_because: str = ""

    @property
    def missing(self) -> str:
        """What keeps activity from being computed, for people."""
        return "; ".join(filter(None, (self.ck_missing, self.score_missing)))


def usable_scores(chart: Chart) -> tuple[StrengthScore, ...]:
    """MMT-8 scores with a known scale and day, newest first."""
    return chart.usable_scores


def assess_activity(chart: Chart, thresholds: Thresholds, today: date) -> Activity:
    """The activity state of B0; Unknown parts stay None and make it NOT_COMPUTABLE."""
    ck = fresh(chart, "creatine-kinase", thresholds.ck.fresh_days, today)
    latest_ck = latest(chart, "creatine-kinase")
    latest_score = next((score for score in chart.scores if score.when is not None), None)
    score = _fresh_score(latest_score, thresholds, today)
    uln = upper_limit(ck or latest_ck, thresholds.ck.uln_default) if latest_ck else thresholds.ck.uln_default.value
    weak = _at_most(score, thresholds.strength.weak_fraction.value)
    full = _at_least(score, thresholds.strength.full_fraction.value)
    ck_active = at_least(ck, thresholds.ck.active_x_uln.value * uln) if ck else None
    pair = _damage_pair(chart, thresholds, today)
    worse, worse_because, worse_from = _worse(chart, score, thresholds.strength.worse_window_days.value, thresholds)
    rapid, rapid_because = _rapid(chart, score, thresholds, today)
    return Activity(
        state=_state(weak, full, ck_active, pair),
        weak=weak,
        full_strength=full,
        ck_active=ck_active,
        worse=worse,
        rapid=rapid,
        severe=_severe(chart),
        ck=ck,
        score=score,
        latest_ck=latest_ck,
        latest_score=latest_score,
        uln=uln,
        damage_pair=pair,
        ck_missing=_ck_missing(ck, latest_ck, thresholds, ck_active=ck_active),
        score_missing=_score_missing(score, latest_score, thresholds),
        worse_because=worse_because,
        worse_from=worse_from,
        rapid_because=rapid_because,
    )


def _state(weak: Truth, full: Truth, ck_active: Truth, pair: tuple[LabResult, LabResult] | None) -> ActivityState:
    active = all_true((weak, ck_active))
    if active is None:
        return "NOT_COMPUTABLE"
    if active:
        return "ACTIVE_DISEASE"
    if full and ck_active:
        return "BIOCHEMICAL_ONLY"
    if weak and pair:
        return "DAMAGE_LIKELY"
    return "INDETERMINATE"


def _fresh_score(score: StrengthScore | None, thresholds: Thresholds, today: date) -> StrengthScore | None:
    """A newer ambiguous score hides an older usable one: the patient may have changed."""
    if score is None or score.fraction is None:
        return None
    return score if within(score.when, int(thresholds.strength.fresh_days.value), today) else None


def _at_most(score: StrengthScore | None, limit: float) -> Truth:
    return None if score is None or score.fraction is None else score.fraction <= limit + TOLERANCE


def _at_least(score: StrengthScore | None, limit: float) -> Truth:
    return None if score is None or score.fraction is None else score.fraction >= limit - TOLERANCE


def _damage_pair(chart: Chart, thresholds: Thresholds, today: date) -> tuple[LabResult, LabResult] | None:
    """Two normal CKs (earlier, later) far enough apart; the later is the newest and fresh, none is raised between."""
    newest = fresh(chart, "creatine-kinase", thresholds.ck.fresh_days, today)
    if newest is None:
        return None
    for result in usable(chart, "creatine-kinase"):
        limit = thresholds.ck.damage_x_uln.value * upper_limit(result, thresholds.ck.uln_default)
        if at_least(result, limit + TOLERANCE) is not False:
            return None
        assert newest.when is not None
        assert result.when is not None
        if (newest.when.earliest - result.when.earliest).days >= thresholds.ck.damage_gap_days.value:
            return result, newest
    return None


def worse_than(best: float, now: float, thresholds: Thresholds) -> bool:
    """Whether strength (as fractions) fell enough to be called worse: of the scale, or of what it was (B0 WORSE)."""
    loss = best - now
    relative = thresholds.strength.relative_loss_worse.value * best
    return loss >= min(thresholds.strength.loss_fraction_worse.value, relative or 1) - TOLERANCE


def _worse(
    chart: Chart, score: StrengthScore | None, days: float, thresholds: Thresholds
) -> tuple[Truth, str, StrengthScore | None]:
    """Whether the newest usable score is worse than the best of the `days` before it; Unknown without both.

    With why, and that best score, where it is.
    """
    if score is None or score.fraction is None or score.when is None or not score.when.exact:
        return None, "", None
    on = score.when.earliest
    earlier = [
        s for s in usable_scores(chart) if s.when and s is not score and 0 <= (on - s.when.earliest).days <= days
    ]
    if not earlier:
        return None, "", None
    best = max(earlier, key=lambda s: s.fraction or 0.0)
    assert best.fraction is not None
    if not worse_than(best.fraction, score.fraction, thresholds):
        return False, "", None
    return True, f"MMT-8 fell from {best} ({best.when}) to {score} ({score.when})", best


def _rapid(chart: Chart, score: StrengthScore | None, thresholds: Thresholds, today: date) -> tuple[Truth, str]:
    """RAPID: worse within the window (both scores and today), or dysphagia or respiratory failure new within it."""
    days = int(thresholds.strength.rapid_days.value)
    recent = score if score and within(score.when, days, today) else None
    worse, because, _ = _worse(chart, recent, days, thresholds)
    onsets: list[Truth] = []
    for diagnosis in chart.diagnoses:
        if diagnosis.current and diagnosis.concepts & {"dysphagia", "respiratory-failure"}:
            new = within(diagnosis.since, days, today)
            onsets.append(new)
            if new:
                because = "; ".join(filter(None, (because, f"{diagnosis.text} since {diagnosis.since}")))
    # Scores too few to compare are no sign of rapid progression: only an undated dysphagia leaves it open.
    return any_true((worse or False, *onsets)), because


def _severe(chart: Chart) -> bool:
    return any(d.current and d.concepts & {"dysphagia", "respiratory-failure"} for d in chart.diagnoses)


def _ck_missing(ck: LabResult | None, newest: LabResult | None, thresholds: Thresholds, *, ck_active: Truth) -> str:
    """What keeps CK from telling, for people."""
    if ck is not None:
        return f"the newest CK ({ck.when}) is only known as {shown(ck)}" if ck_active is None else ""
    if newest is None:
        return "no CK on record"
    if newest.doubt or newest.value is None:
        return f"the newest CK ({newest.when}) cannot be used: {newest.doubt or 'no value'}"
    return f"the newest CK is from {newest.when}, more than {thresholds.ck.fresh_days.value:g} days ago"


def _score_missing(score: StrengthScore | None, newest: StrengthScore | None, thresholds: Thresholds) -> str:
    """What keeps MMT-8 from telling, for people."""
    if score is not None:
        return ""
    if newest is None:
        return "no MMT-8 on record"
    if newest.fraction is None:
        return f"the newest MMT-8 ({newest.when}) cannot be used: {newest.doubt}"
    return f"the newest MMT-8 is from {newest.when}, more than {thresholds.strength.fresh_days.value:g} days ago"
