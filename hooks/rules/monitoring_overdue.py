"""R7-MON MonitoringOverdue: CK and MMT-8 are due while the disease is treated (B1, B9)."""

from cds_service.fhir.dates import within
from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.activity import usable_scores
from hooks.assessment.labs import usable
from hooks.knowledge.thresholds import Threshold
from hooks.reasoning import Criterion, Truth, any_of, negate
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, Rule, ck_row, scope, score_row, threshold_text
from hooks.rules.sources import medication_missing, unavailable
from hooks.suggestions import investigations


def _ck_limit(a: Assessment) -> Threshold:
    """Active disease, or cyclophosphamide, asks for CK more often."""
    t = a.knowledge.thresholds.monitoring
    often = a.activity.state == "ACTIVE_DISEASE" or a.cyclophosphamide.active
    return t.ck_days_active if often else t.ck_days_stable


def _treated(a: Assessment) -> Criterion:
    """Unknown where a date or a source is missing that might show treatment."""
    now = a.immunosuppression
    undated = now.rituximab is None or now.cyclophosphamide is None
    missing = medication_missing(a) or ("the dates of the last infusions" if undated else "")
    truth: Truth = True if now.any_treatment else None if missing else False
    taken = [*now.names, *(("ivig",) if now.ivig else ()), *(("glucocorticoid",) if now.glucocorticoids.active else ())]
    return Criterion(
        "on immunotherapy for IMNM", truth, value=", ".join(taken), missing=missing if truth is None else ""
    )


def _ck_overdue(a: Assessment) -> Truth:
    results = usable(a.chart, "creatine-kinase")
    if not results:
        return None if unavailable(a, "labs") else True
    return negate(within(results[0].when, int(_ck_limit(a).value), a.today))


def _mmt_overdue(a: Assessment) -> Truth:
    scores = usable_scores(a.chart)
    if not scores:
        return None if unavailable(a, "scores") else True
    return negate(within(scores[0].when, int(a.knowledge.thresholds.monitoring.mmt_days.value), a.today))


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    ck_limit, mmt_limit = _ck_limit(a), a.knowledge.thresholds.monitoring.mmt_days
    ck, score = a.activity.latest_ck, a.activity.latest_score
    return (
        *scope(a),
        _treated(a),
        any_of(
            "a measure is overdue",
            Criterion(
                "no usable CK in time",
                _ck_overdue(a),
                when=str(ck.when) if ck else "",
                threshold=threshold_text(ck_limit, "≤"),
                source=ck.source if ck else "",
                missing="laboratory results" if _ck_overdue(a) is None else "",
            ),
            Criterion(
                "no usable MMT-8 in time",
                _mmt_overdue(a),
                when=str(score.when) if score else "",
                threshold=threshold_text(mmt_limit, "≤"),
                source=score.source if score else "",
                missing="strength scores" if _mmt_overdue(a) is None else "",
            ),
        ),
    )


def _card(a: Assessment) -> CardDraft:
    due: list[str] = []
    suggestions: list[Suggestion] = []
    if _ck_overdue(a):
        due.append("CK")
        suggestions.append(investigations.ck(a))
    if _mmt_overdue(a):
        due.append("MMT-8")
        suggestions.append(investigations.mmt8(a))
    ask = f"Monitoring due on immunotherapy: {' and '.join(due)}"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            f"CK is expected every {_ck_limit(a).value:g} days and MMT-8 every "
            f"{a.knowledge.thresholds.monitoring.mmt_days.value:g} days; function (HAQ, 6-minute walk) with them.",
        ),
        facts=(ck_row(a, a.activity.latest_ck), score_row(a, a.activity.latest_score)),
        suggestions=tuple(suggestions),
    )


RULE = Rule(name="MonitoringOverdue", criteria=_criteria, card=_card, sources=("labs", "scores", *MEDICATION_SOURCES))
