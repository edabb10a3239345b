"""R0-CONFIRM ConfirmDiagnosis: a myositis of another name that may be necrotizing myopathy (B0 gate, B1)."""

from hooks.assessment import Assessment
from hooks.assessment.labs import at_least, only_known_as
from hooks.assessment.trials import courses_of
from hooks.chart.facts import DrugCourse
from hooks.reasoning import Criterion, Truth, all_of, any_of
from hooks.rules.base import (
    MEDICATION_SOURCES,
    CardDraft,
    FactRow,
    Rule,
    ck_row,
    lab_criterion,
    md,
    on,
    scope,
    threshold_text,
)
from hooks.rules.sources import recorded
from hooks.rules.statin_pending_antibody import CONCEPTS
from hooks.rules.statins import antibody_row, statin_rows, statins
from hooks.suggestions import investigations

CODE = "715863001"
GIVEN = {"ivig": "IVIG", "rituximab": "Rituximab"}


def _ck(a: Assessment, name: str, truth: Truth, threshold: str) -> Criterion:
    days = a.knowledge.thresholds.ck.fresh_days.value
    missing = f"a usable CK of the last {days:g} days"
    between = only_known_as(a.activity.ck) if truth is None else ""
    return lab_criterion(name, truth, a.activity.ck, threshold, missing, between=between)


def _high_ck(a: Assessment) -> Criterion:
    limit, ck = a.knowledge.thresholds.ck.confirm_x_uln, a.activity.ck
    truth = at_least(ck, limit.value * a.activity.uln) if ck else None
    return _ck(a, "CK very high", truth, threshold_text(limit))


def _given(a: Assessment) -> tuple[DrugCourse, ...]:
    """IVIG and rituximab, unless they were for another disease."""
    return tuple(course for drug in GIVEN for course in courses_of(a.chart, drug))


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    active = a.knowledge.thresholds.ck.active_x_uln
    known = statins(a)
    return (
        *scope(a, possible=True, children=True),
        Criterion("the diagnosis is only possible", a.diagnosis.status == "POSSIBLE", value=a.diagnosis.status),
        Criterion("no mimic (inclusion body myositis, dystrophy) explains it", a.diagnosis.conflict is None),
        any_of(
            "something speaks for necrotizing myopathy",
            _high_ck(a),
            all_of(
                "statin and raised CK",
                recorded(a, "a statin was taken", (*known.exposure, *known.reactions)),
                _ck(a, "CK raised", a.activity.ck_active, threshold_text(active)),
            ),
            recorded(a, "IVIG or rituximab was given for it", _given(a)),
        ),
    )


def _card(a: Assessment) -> CardDraft:
    display = a.knowledge.value_sets["imnm"].codes["snomed"][CODE]
    label = a.diagnosis.condition
    open_ = a.antibodies.open
    known = statins(a)
    order = f" order {' and '.join(x.name for x in open_)}" if open_ else " consider biopsy and MRI"
    ask = f"Could this be immune-mediated necrotizing myopathy? To confirm,{order}"
    return CardDraft(
        indicator="info",
        summary=ask,
        ask=ask,
        why=(
            "Necrotizing myopathy often stands on the problem list under an older or wider name. "
            "Treatment advice for it is not shown until the diagnosis is confirmed.",
            "Consider muscle MRI, biopsy and a neuromuscular opinion.",
            f"If it is confirmed, code the problem as SNOMED CT {CODE}, {display}.",
        ),
        facts=(
            *((FactRow("Diagnosis on record", md(label.text), on(label.since)),) if label else ()),
            ck_row(a, a.activity.latest_ck),
            antibody_row(a.antibodies.hmgcr),
            antibody_row(a.antibodies.srp),
            *statin_rows(known.exposure),
            *(FactRow("Recorded reaction to a statin", md(d.text), on(d.since)) for d in known.reactions),
            *(FactRow(GIVEN[c.drug], md(c.text), on(c.start)) for c in _given(a)),
        ),
        suggestions=(
            *(investigations.antibody(a, CONCEPTS[x.name]) for x in open_),
            investigations.referral(a, recommended=not open_),
        ),
    )


RULE = Rule(
    name="ConfirmDiagnosis",
    criteria=_criteria,
    card=_card,
    sources=("conditions", "labs", *MEDICATION_SOURCES),
)
