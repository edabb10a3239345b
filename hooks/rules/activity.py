"""Disease activity as criteria: weak, full strength, CK raised, CK normal twice, and the states made of them (B0)."""

from math import floor

from hooks.assessment import Assessment
from hooks.assessment.activity import ActivityState
from hooks.assessment.labs import above, only_known_as, shown
from hooks.chart.facts import StrengthScore
from hooks.reasoning import Criterion, Truth, all_of
from hooks.rules.base import lab_criterion, threshold_text

MMT8_MAXIMUM = 150
"""The scale in which limits of MMT-8 are written."""
STATES: dict[ActivityState, str] = {
    "ACTIVE_DISEASE": "active: weak, and CK raised",
    "BIOCHEMICAL_ONLY": "CK raised with full strength",
    "DAMAGE_LIKELY": "weak, with CK normal twice",
    "NOT_COMPUTABLE": "not computable",
    "INDETERMINATE": "indeterminate: measured, in none of the patterns",
}


def activity_is(a: Assessment, state: ActivityState, name: str) -> Criterion:
    """Whether the disease activity is in one state (B0); Unknown where a missing measure could still make it so."""
    return a.once(_activity_is, state, name)


def _activity_is(a: Assessment, state: ActivityState, name: str) -> Criterion:
    if state == "ACTIVE_DISEASE":
        return all_of(name, weak(a), ck_raised(a))
    if state == "BIOCHEMICAL_ONLY":
        return all_of(name, full_strength(a), ck_raised(a))
    if state == "DAMAGE_LIKELY":
        return all_of(name, weak(a), _ck_normal_twice(a))
    return Criterion(name, a.activity.state == state, value=STATES[a.activity.state])


def weak(a: Assessment) -> Criterion:
    """B0 WEAK."""
    limit = a.knowledge.thresholds.strength.weak_fraction
    # A limit in whole points: 125.01 points are written 125.
    return _strength(a, "MMT-8 shows weakness", a.activity.weak, f"≤ {floor(limit.value * MMT8_MAXIMUM)}", limit.mark)


def full_strength(a: Assessment) -> Criterion:
    """Full strength, or nearly so."""
    limit = a.knowledge.thresholds.strength.full_fraction
    return _strength(
        a, "MMT-8 shows full strength", a.activity.full_strength, f"≥ {limit.value * MMT8_MAXIMUM:g}", limit.mark
    )


def _strength(a: Assessment, name: str, truth: Truth, limit: str, mark: str) -> Criterion:
    newest: StrengthScore | None = a.activity.latest_score
    neither = a.activity.weak is False and a.activity.full_strength is False
    return Criterion(
        name,
        truth,
        value=str(newest) if newest else "",
        when=str(newest.when) if newest else "",
        threshold=f"{limit}/{MMT8_MAXIMUM} [{mark}], at most {a.knowledge.thresholds.strength.fresh_days} old",
        source=newest.source if newest else "",
        missing=a.activity.score_missing,
        between="above weakness and below full strength" if neither else "",
    )


def ck_raised(a: Assessment) -> Criterion:
    """B0 CK_ACTIVE."""
    t = a.knowledge.thresholds.ck
    limit = f"≥ {t.active_x_uln.value * a.activity.uln:g} U/L ({t.active_x_uln.value:g} × ULN {a.activity.uln:g})"
    return lab_criterion(
        "CK raised",
        a.activity.ck_active,
        a.activity.latest_ck,
        f"{limit} [{t.active_x_uln.mark}], at most {t.fresh_days} old",
        a.activity.ck_missing,
        between=_between(a),
    )


def _ck_normal_twice(a: Assessment) -> Criterion:
    t, activity = a.knowledge.thresholds.ck, a.activity
    truth: Truth = None if activity.ck is None else activity.damage_pair is not None
    tests = activity.damage_pair or ((activity.latest_ck,) if activity.latest_ck else ())
    return Criterion(
        "CK normal twice",
        truth,
        value=", ".join(shown(test) for test in tests),
        when=", ".join(str(test.when) for test in tests),
        threshold=(
            f"{threshold_text(t.damage_x_uln, '≤')} twice, at least {t.damage_gap_days} apart, none above between them"
        ),
        source=", ".join(test.source for test in tests),
        missing=activity.ck_missing if truth is None else "",
        between=_between(a) if truth is False else "",
    )


def _between(a: Assessment) -> str:
    """Why a CK that may decide is neither normal nor raised; empty when it is one of them."""
    ck, t = a.activity.ck, a.knowledge.thresholds.ck
    if ck is None or a.activity.ck_active:
        return ""
    if a.activity.ck_active is None:
        return only_known_as(ck)
    return (
        "above normal and not high enough for active disease"
        if above(ck, t.damage_x_uln.value * a.activity.uln)
        else ""
    )
