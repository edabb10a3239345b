"""R8-RELAPSE Relapse: CK rising again, or strength falling, after treatment (B1, B9)."""

from hooks.assessment import Assessment
from hooks.assessment.labs import shown
from hooks.assessment.trajectory import CkRise, assess_reductions, begun, ck_rise, treated_before
from hooks.reasoning import Criterion, any_of
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, ck_row, md, scope, score_row
from hooks.rules.statins import statins
from hooks.suggestions import investigations

WHEN = "In 1 to 2 weeks."


def _rise(a: Assessment) -> CkRise:
    return ck_rise(a.chart, a.activity.ck, a.knowledge.thresholds)


def _treated(a: Assessment) -> Criterion:
    """Before the newest of the facts that are judged."""
    judged = [x.when.earliest for x in (a.activity.ck, a.activity.score) if x and x.when]
    courses = begun(a.chart)
    truth = treated_before(a.chart, max(judged, default=a.today))
    return Criterion(
        "a drug for IMNM was given before",
        truth,
        value=", ".join(dict.fromkeys(c.ingredient or c.drug for c in courses)),
        source=", ".join(c.source for c in courses),
        missing="the date on which treatment began" if truth is None else "",
    )


def _ck_criterion(a: Assessment) -> Criterion:
    t, rise = a.knowledge.thresholds.trajectory, _rise(a)
    return Criterion(
        "CK is rising again",
        rise.truth,
        value=", ".join(shown(r) for r in rise.tests),
        when=", ".join(str(r.when) for r in rise.tests),
        threshold=(
            f"≥ {t.relapse_x_uln.value:g} × ULN, {t.relapse_rise.value:g} U/L above the nadir, and "
            f"≥ {t.relapse_x_nadir.value:g} × nadir twice or ≥ {t.relapse_single_x_nadir.value:g} × once "
            f"[{t.relapse_x_nadir.mark}]" + (f"; nadir {shown(rise.nadir)} ({rise.nadir.when})" if rise.nadir else "")
        ),
        source=", ".join(r.source for r in rise.tests),
        missing=rise.missing,
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    return (
        *scope(a, history=True),
        _treated(a),
        any_of(
            "CK rising or strength falling",
            _ck_criterion(a),
            Criterion(
                "strength has become worse",
                a.activity.worse,
                value=a.activity.worse_because,
                missing="a fresh MMT-8, and one of the year before" if a.activity.worse is None else "",
            ),
        ),
    )


def _card(a: Assessment) -> CardDraft:
    rise, worse = _rise(a), a.activity.worse_because
    signs = [sign for sign, there in (("CK rising", rise.truth), ("strength falling", worse)) if there]
    ask = f"Possible relapse ({' and '.join(signs)}): repeat CK and MMT-8 in 1–2 weeks, contact the specialist"
    facts = [
        ck_row(a, a.activity.latest_ck),
        *(FactRow("CK before", shown(r), str(r.when)) for r in rise.tests[1:] if rise.truth),
        *((FactRow("CK nadir", shown(rise.nadir), str(rise.nadir.when)),) if rise.truth and rise.nadir else ()),
        score_row(a, a.activity.latest_score),
    ]
    why = [
        "Repeat CK and MMT-8 in 1 to 2 weeks; ask about adherence, recent exercise or injections, and statins; "
        "contact the specialist who treats the myositis."
    ]
    if worse:
        why.insert(0, f"{md(worse)}.")
    taken = statins(a).taken
    if taken:
        why.append(f"On the list now: {', '.join(md(c.text) for c in taken)}.")
    reductions = assess_reductions(a.chart, a.immunosuppression.glucocorticoids, a.knowledge.thresholds, a.today).found
    facts += [FactRow("Reduced", md(r.what), str(r.on)) for r in reductions]
    return CardDraft(
        indicator="warning",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=tuple(facts),
        suggestions=(
            investigations.ck(a, WHEN),
            investigations.mmt8(a, WHEN),
            investigations.referral(a, recommended=False),
        ),
    )


RULE = Rule(name="Relapse", criteria=_criteria, card=_card, sources=(*MEDICATION_SOURCES, "labs", "scores"))
