"""R8-TAPER PrematureTaper: treatment was cut down before the response was sustained (B1, B9)."""

from hooks.assessment import Assessment
from hooks.assessment.response import Response
from hooks.assessment.trajectory import assess_reductions, response_since_start
from hooks.reasoning import Criterion, all_of, any_of, none_of
from hooks.rules.activity import activity_is, ck_raised, full_strength
from hooks.rules.base import (
    MEDICATION_SOURCES,
    CardDraft,
    FactRow,
    Rule,
    ck_row,
    md,
    scope,
    score_row,
    threshold_text,
)


def _reduced(a: Assessment) -> Criterion:
    t = a.knowledge.thresholds.trajectory
    reductions = assess_reductions(a.chart, a.immunosuppression.glucocorticoids, a.knowledge.thresholds, a.today)
    return Criterion(
        "glucocorticoid cut, or an immunosuppressant stopped",
        True if reductions.found else None if reductions.doubt else False,
        value="; ".join(r.what for r in reductions.found),
        when=", ".join(str(r.on) for r in reductions.found),
        threshold=f"by {threshold_text(t.taper_fraction)}, within {t.taper_days}",
        source=", ".join(r.source for r in reductions.found),
        missing="" if reductions.found else reductions.doubt,
    )


def _response(a: Assessment) -> Response | None:
    return response_since_start(a.chart, a.activity, a.knowledge.thresholds)


def _not_improved(a: Assessment) -> Criterion:
    limit, response = a.knowledge.thresholds.response.minimal, _response(a)
    return Criterion(
        "improvement since treatment began not demonstrated",
        None if response is None or response.points is None else response.points < limit.value,
        value=str(response) if response else "",
        threshold=threshold_text(limit, "<"),
        missing="a fresh MMT-8, and one from the start of treatment" if response is None else "",
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *scope(a),
        _reduced(a),
        any_of(
            "the response is not sustained",
            _not_improved(a),
            activity_is(a, "ACTIVE_DISEASE", "weak, and CK raised"),
        ),
        # Who was nearly at full strength to begin with cannot gain what the score asks for (ceiling).
        none_of(
            "not at full strength with a quiet CK",
            all_of("full strength with a quiet CK", full_strength(a), none_of("CK not raised", ck_raised(a))),
        ),
    )


def _card(a: Assessment) -> CardDraft:
    reductions = assess_reductions(a.chart, a.immunosuppression.glucocorticoids, a.knowledge.thresholds, a.today)
    response = _response(a)
    change = (FactRow("Change since treatment began", str(response)),) if response else ()
    ask = "Pause the taper: a sustained response is not shown"
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=(
            "Treatment was reduced while strength and CK do not show a sustained response. "
            "Consider keeping the present dose until improvement is clear, "
            "unless side effects force the reduction.",
        ),
        facts=(
            *(FactRow("Reduced", md(r.what), str(r.on)) for r in reductions.found),
            ck_row(a, a.activity.latest_ck),
            score_row(a, a.activity.latest_score),
            *change,
        ),
    )


RULE = Rule(name="PrematureTaper", criteria=_criteria, card=_card, sources=(*MEDICATION_SOURCES, "labs", "scores"))
