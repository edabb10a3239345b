"""R7-MON MonitoringOverdue: CK and MMT-8 are due while the disease is treated (B1, B9)."""

from cds_service.fhir.dates import within
from cds_service.protocol.cards import Suggestion
from hooks.assessment import Assessment
from hooks.assessment.activity import usable_scores
from hooks.assessment.labs import usable
from hooks.knowledge.thresholds import Threshold
from hooks.reasoning import Criterion, Truth, negate
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, Rule, ck_row, either, scope, score_row
from hooks.suggestions import investigations


def _ck_limit(a: Assessment) -> Threshold:
    """Active disease, or cyclophosphamide, asks for CK more often."""
    t = a.knowledge.thresholds.monitoring
    often = a.activity.state == "ACTIVE_DISEASE" or a.cyclophosphamide.active
    return t.ck_days_active if often else t.ck_days_stable


def _ck_overdue(a: Assessment) -> Truth:
    results = usable(a.chart, "creatine-kinase")
    return negate(within(results[0].when, int(_ck_limit(a).value), a.today)) if results else True


def _mmt_overdue(a: Assessment) -> Truth:
    scores = usable_scores(a.chart)
    limit = a.knowledge.thresholds.monitoring.mmt_days
    return negate(within(scores[0].when, int(limit.value), a.today)) if scores else True


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    ck_limit, mmt_limit = _ck_limit(a), a.knowledge.thresholds.monitoring.mmt_days
    ck, score = a.activity.latest_ck, a.activity.latest_score
    return (
        *scope(a),
        Criterion("on immunotherapy for IMNM", a.immunosuppression.any_treatment),
        either(
            "a measure is overdue",
            Criterion(
                "no usable CK in time",
                _ck_overdue(a),
                when=str(ck.when) if ck else "",
                threshold=f"{ck_limit} [{ck_limit.mark}]",
                source=ck.source if ck else "",
            ),
            Criterion(
                "no usable MMT-8 in time",
                _mmt_overdue(a),
                when=str(score.when) if score else "",
                threshold=f"{mmt_limit} [{mmt_limit.mark}]",
                source=score.source if score else "",
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
