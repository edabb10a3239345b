"""What the escalation rules share: criteria on trials and activity, and rows for the facts table (B1, B7)."""

from collections.abc import Iterable

from hooks.assessment import Assessment
from hooks.assessment.hepatitis_b import assess_hepatitis_b
from hooks.assessment.immunoglobulin_g import immunoglobulin_g
from hooks.assessment.infections import serious_infections
from hooks.assessment.labs import shown
from hooks.assessment.trials import UNEXPOSED, ClassTrials, TrialState
from hooks.reasoning import Criterion, Truth, all_of
from hooks.rules.base import MEDICATION_SOURCES, FactRow, ck_row, md, on, scope, score_row, threshold_text

SOURCES = ("conditions", *MEDICATION_SOURCES, "labs", "scores", "procedures")
NAMES = {
    "ivig": "IVIG",
    "rituximab": "Rituximab",
    "methotrexate": "Methotrexate",
    "cyclophosphamide": "Cyclophosphamide",
}
READY: frozenset[TrialState] = frozenset({"ADEQUATE", "FAILED_DOC", "INTOLERANT"})
IN_WORDS: dict[TrialState, str] = {
    "NOT_EXPOSED": "never given",
    "PLANNED": "planned",
    "EXPOSED_UNKNOWN": "given; the record does not tell enough to judge",
    "UNDERDOSED": "underdosed",
    "TOO_EARLY": "too early to judge",
    "ADEQUATE": "adequate",
    "INTOLERANT": "not tolerated",
    "FAILED_DOC": "documented failure",
    "FAILED_INF": "adequate, no improvement shown",
}


def escalation_scope(a: Assessment) -> tuple[Criterion, ...]:
    """Who the escalation rules speak about; a mimic that is current beside IMNM silences them (B9 "Diagnosis")."""
    return a.once(_escalation_scope)


def _escalation_scope(a: Assessment) -> tuple[Criterion, ...]:
    conflict = a.diagnosis.conflict
    return (
        *scope(a),
        Criterion(
            "no conflicting diagnosis",
            conflict is None,
            value=conflict.text if conflict else "",
            source=conflict.source if conflict else "",
        ),
    )


def not_pregnant(a: Assessment) -> Criterion:
    """Escalation by the article ends in pregnancy (B1): FertilityAndContraception says so instead."""
    return Criterion("not pregnant", not a.person.pregnant, value=a.person.pregnant_because)


def state_in(a: Assessment, trials: ClassTrials, states: Iterable[TrialState], name: str) -> Criterion:
    """Whether a class is in one of some states; Unknown where only a fresh CK or MMT-8 would tell that it failed."""
    best, wanted = trials.best, frozenset(states)
    truth: Truth = trials.state in wanted
    if "FAILED_INF" in wanted and not truth and _may_have_failed(a, trials):
        truth = None
    return Criterion(
        f"{NAMES[trials.drug]} {name}",
        truth,
        missing=a.activity.missing if truth is None else "",
        value=IN_WORDS[trials.state],
        when=best.start if best else "",
        threshold=best.gap if best else "",
        source=best.source if best else "",
    )


def _may_have_failed(a: Assessment, trials: ClassTrials) -> bool:
    """An adequate trial with a baseline and no improvement so far, while today's activity cannot be computed."""
    response = trials.best.response if trials.best else None
    if trials.state != "ADEQUATE" or a.activity.state != "NOT_COMPUTABLE" or not (response and response.baseline.score):
        return False
    return response.points is None or response.points < a.knowledge.thresholds.response.minimal.value


def each_in(a: Assessment, states: Iterable[TrialState], name: str) -> Criterion:
    """Whether IVIG, rituximab and methotrexate are all in one of some states."""
    return a.once(_each_in, frozenset(states), name)


def _each_in(a: Assessment, states: frozenset[TrialState], name: str) -> Criterion:
    return all_of(f"IVIG, rituximab and methotrexate each {name}", *[state_in(a, t, states, name) for t in a.three])


def cyclophosphamide_given(a: Assessment, given: bool) -> Criterion:
    """Whether cyclophosphamide was given, at least one dose (B7 `exposed`); an allergy record alone is not exposure."""
    return a.once(_cyclophosphamide_given, given)


def _cyclophosphamide_given(a: Assessment, given: bool) -> Criterion:
    cyc = a.cyclophosphamide
    exposed = cyc.given and cyc.state not in UNEXPOSED
    name = "cyclophosphamide was given" if given else "cyclophosphamide was never given"
    return Criterion(name, exposed is given, value=IN_WORDS[cyc.state])


def trial_rows(trials: Iterable[ClassTrials]) -> tuple[FactRow, ...]:
    """A row per class: what was given, and what became of it."""
    rows = []
    for t in trials:
        if t.best is None:
            rows.append(FactRow(NAMES[t.drug], IN_WORDS[t.state], "", md(t.intolerance)))
            continue
        j = t.best
        verdict = [IN_WORDS[t.state]]
        if j.failure and t.state in ("FAILED_DOC", "UNDERDOSED", "TOO_EARLY"):
            verdict.append(f"documented: “{md(j.failure)}”")
        if t.intolerance:
            verdict.append(f"not tolerated: “{md(t.intolerance)}”")
        if j.gap:
            verdict.append(md(j.gap, 160))
        if t.state == "FAILED_INF" and j.response:
            verdict.append(md(str(j.response)))
        if t.retrial:
            verdict.append(md(t.retrial))
        rows.append(FactRow(NAMES[t.drug], md(j.trial.given, 160), str(j.trial.start or "undated"), "; ".join(verdict)))
    return tuple(rows)


def fact_rows(a: Assessment, *trials: ClassTrials) -> tuple[FactRow, ...]:
    """CK, MMT-8 and the trials."""
    return ck_row(a, a.activity.latest_ck), score_row(a, a.activity.latest_score), *trial_rows(trials)


def unverifiable(trials: Iterable[ClassTrials]) -> tuple[str, ...]:
    """Classes whose failure is documented while dose or dates cannot be verified."""
    return tuple(
        NAMES[t.drug] for t in trials if t.state == "FAILED_DOC" and t.best and t.best.trial.base == "EXPOSED_UNKNOWN"
    )


def rituximab_waits(a: Assessment) -> tuple[str, str]:
    """What rituximab waits for, as "not before … is dealt with", and the findings; both empty when it need not."""
    t, found = a.knowledge.thresholds, dict[str, list[str]]()
    for test in assess_hepatitis_b(a.chart, t).in_state("positive", "carried over"):
        assert test.result is not None
        seen = f"{test.name} {md(shown(test.result))} ({on(test.result.when)})"
        carried = "; perhaps carried over by IVIG" if test.ivig else ""
        found.setdefault("hepatitis B", []).append(seen + carried)
    igg, low = immunoglobulin_g(a), t.cyclophosphamide.igg_low
    if igg.result and igg.low and igg.after_ivig is not True:
        seen = f"IgG {md(shown(igg.result))} ({on(igg.result.when)}, {threshold_text(low, '<')})"
        found["low IgG"] = [seen]
    for d in serious_infections(a.chart, t, a.today):
        found.setdefault("infection", []).append(f"{md(d.text)} ({on(d.since)})")
    if not found:
        return "", ""
    verb = "is" if len(found) == 1 else "are"
    return f"not before {' and '.join(found)} {verb} dealt with", "; ".join(x for told in found.values() for x in told)


def not_tolerated(a: Assessment, drug: str) -> bool:
    """Whether an intolerance to a drug is on record: such a drug is never suggested (B9)."""
    return any(drug in x.concepts for x in a.chart.allergies) or any(c.intolerance for c in a.chart.courses_of(drug))
