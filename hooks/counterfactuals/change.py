"""The changes that are tried: a measurement of today, a test, an order, a finding, a reason, a later day.

Values are those of the thresholds themselves: on a limit, and one step to its other side.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from math import ceil
from typing import Any, Literal

import msgspec

from cds_service.fhir.dates import day
from cds_service.patient_data import SourceState
from hooks.assessment import Assessment, assess
from hooks.assessment.labs import ever, shown, upper_limit
from hooks.assessment.trials import FAILED, ClassTrials
from hooks.assessment.use import use_of
from hooks.chart.facts import Chart, Diagnosis, DrugCourse, Fact, LabResult, Result, StrengthScore
from hooks.knowledge.thresholds import Threshold
from hooks.rules.activity import MMT8_MAXIMUM
from hooks.rules.escalation import NAMES

Kind = Literal["measured", "later", "recorded", "found", "ordered"]
KINDS: tuple[Kind, ...] = ("measured", "later", "recorded", "found", "ordered")
"""A test; waiting; what is known and only has to be written down; a new finding; an order. Nearest first."""
SOURCE = "what-if"
"""The source of a fact that is supposed: no resource."""
ORDERED = ("cyclophosphamide", "rituximab", "ivig", "methotrexate", "mycophenolate", "tmp-smx", "statin")
FOUND = ("dysphagia", "serious-infection", "urinary-obstruction", "thrombosis")
ANTIBODIES = {"anti-hmgcr": "anti-HMGCR", "anti-srp": "anti-SRP"}
COMPLETE: SourceState = "complete"
_LONGEST_WAIT = 730


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would be otherwise. Of one `subject` only one change can be made at a time.

    `text`: what it is, for people, as in "With a CK of 400 U/L today". `facts`: what the record would hold beside what
    it holds, in place of results of the same kind and day. `failed`: a drug whose failure would be documented.
    `checked`: whether all sources could be looked at. `today`: the day on which it would be asked, if another.
    """

    subject: str
    text: str
    kind: Kind
    facts: tuple[Fact, ...] = ()
    failed: str = ""
    checked: bool = False
    today: date | None = None


def made(chart: Chart, changes: Iterable[Change]) -> Chart:
    """The chart with changes made."""
    for change in changes:
        chart = _made(chart, change)
    return chart


def _made(chart: Chart, change: Change) -> Chart:
    labs, scores, diagnoses = dict(chart.labs), chart.scores, chart.diagnoses
    courses = tuple(
        msgspec.structs.replace(c, failure="documented") if c.drug == change.failed else c for c in chart.courses
    )
    for fact in change.facts:
        if isinstance(fact, LabResult):
            older = (r for r in labs.get(fact.concept, ()) if r.when is None or r.when.latest != _on(fact))
            labs[fact.concept] = (fact, *older)
        elif isinstance(fact, StrengthScore):
            scores = (fact, *(s for s in scores if s.when is None or s.when.latest != _on(fact)))
        elif isinstance(fact, Diagnosis):
            diagnoses = (*diagnoses, fact)
        else:
            assert isinstance(fact, DrugCourse)
            courses = (*courses, fact)
    checked = dict.fromkeys(chart.checked, COMPLETE) if change.checked else chart.checked
    return msgspec.structs.replace(
        chart, labs=labs, scores=scores, diagnoses=diagnoses, courses=courses, checked=checked
    )


def _on(fact: LabResult | StrengthScore) -> date:
    assert fact.when is not None
    return fact.when.latest


def changes(a: Assessment) -> tuple[Change, ...]:
    """Every change that is tried for a patient, measurements first."""
    made_of = (
        _sources(a),
        _activity(a),
        _antibodies(a),
        _tests(a),
        _waiting(a),
        _failures(a),
        _findings(a),
        _orders(a),
    )
    return tuple(change for some in made_of for change in some)


def _sources(a: Assessment) -> Iterator[Change]:
    if a.unchecked(*a.chart.checked):
        text = "every source looked at, and nothing more found in it"
        yield Change(subject="sources", text=text, kind="measured", checked=True)


def _activity(a: Assessment) -> Iterator[Change]:
    t, newest = a.knowledge.thresholds, a.activity.latest_ck
    uln = upper_limit(newest, t.ck.uln_default) if newest else t.ck.uln_default.value
    for limit in (t.ck.active_x_uln, t.ck.damage_x_uln, t.ck.confirm_x_uln):
        result = _lab(a, "creatine-kinase", limit.value * uln, upper=uln)
        yield _measured(f"a CK of {shown(result)} today ({limit.value:g} × ULN)", result)
    for points, shows in (
        (int(t.strength.weak_fraction.value * MMT8_MAXIMUM), "weak"),
        (ceil(t.strength.full_fraction.value * MMT8_MAXIMUM), "full strength"),
    ):
        score = StrengthScore(
            source=SOURCE, value=points, scale="150", when=day(a.today), fraction=points / MMT8_MAXIMUM
        )
        yield Change(subject="mmt8", text=f"an MMT-8 of {score} today ({shows})", kind="measured", facts=(score,))


def _antibodies(a: Assessment) -> Iterator[Change]:
    for concept, name in ANTIBODIES.items():
        if ever(a.chart, concept, "positive"):
            continue  # what was positive once stays so (B0)
        yield _qualitative(a, f"{name} positive", {concept: "positive"})
        yield _qualitative(a, f"{name} negative", {concept: "negative"})


def _tests(a: Assessment) -> Iterator[Change]:
    t = a.knowledge.thresholds
    for low in (False, True):
        yield _blood_count(a, low=low)
    for concept, name, limit in (
        ("egfr", "an eGFR", t.methotrexate.egfr_low),
        ("lymphocytes", "lymphocytes", t.pjp.lymphocytes),
        ("igg", "an IgG", t.cyclophosphamide.igg_low),
        ("creatinine", "a creatinine", t.cyclophosphamide.creatinine_stop),
    ):
        for value in (limit.value, _step(limit, 1 if concept == "creatinine" else -1)):
            result = _lab(a, concept, value)
            yield _measured(f"{name} of {shown(result)} today", result)
    yield _qualitative(a, "HBsAg and anti-HBc negative", {"hbsag": "negative", "anti-hbc": "negative"})
    yield _qualitative(a, "HBsAg positive", {"hbsag": "positive"}, "hepatitis B")
    yield _qualitative(a, "no red cells in the urine by microscopy today", {"urine-rbc": "negative"})
    yield _qualitative(a, "red cells in the urine by microscopy today", {"urine-rbc": "positive"})
    if a.person.fertile:
        yield _qualitative(a, "a negative pregnancy test today", {"hcg": "negative"})
        yield _qualitative(a, "a positive pregnancy test today", {"hcg": "positive"})


def _blood_count(a: Assessment, *, low: bool) -> Change:
    """All three counts, so that none is missing: each just not low, or the neutrophils so low that the drug stops."""
    t = a.knowledge.thresholds.cyclophosphamide
    counts = {"anc": t.anc_hold.value, "wbc": t.wbc_hold.value, "platelets": t.platelets_hold.value}
    if low:
        counts["anc"] = t.anc_stop.value
    results = tuple(_lab(a, concept, value) for concept, value in counts.items())
    names = ("neutrophils", "white cells", "platelets")
    told = ", ".join(f"{name} {shown(result)}" for name, result in zip(names, results, strict=True))
    return Change(subject="blood count", text=f"a blood count of today: {told}", kind="measured", facts=results)


def _waiting(a: Assessment) -> Iterator[Change]:
    """A trial that is too early to judge: the first day on which it can be, with CK and MMT-8 then as they are now."""
    for trials in (*a.three, a.cyclophosphamide):
        on = _ready(a, trials) if trials.state == "TOO_EARLY" else None
        if on:
            newest = (a.activity.latest_ck, a.activity.latest_score)
            facts = tuple(msgspec.structs.replace(fact, when=day(on), source=SOURCE) for fact in newest if fact)
            text = f"{NAMES[trials.drug]} judged on {on}, the first day for it, with CK and MMT-8 then as they are now"
            yield Change(subject="today", text=text, kind="later", facts=facts, today=on)


def _ready(a: Assessment, trials: ClassTrials) -> date | None:
    """The first day on which the trial is no longer too early."""

    def early(days: int) -> bool:
        later = assess(msgspec.structs.replace(a.chart), a.knowledge, a.today + timedelta(days=days))
        one: ClassTrials = getattr(later, trials.drug)
        return one.state == "TOO_EARLY"

    first, last = 0, _LONGEST_WAIT
    if early(last):
        return None
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if early(middle) else (first, middle)
    return a.today + timedelta(days=last)


def _failures(a: Assessment) -> Iterator[Change]:
    for trials in (*a.three, a.cyclophosphamide):
        if trials.given and trials.state not in FAILED:
            text = f"a documented failure of {NAMES[trials.drug]}"
            yield Change(subject=f"failure of {trials.drug}", text=text, kind="recorded", failed=trials.drug)


def _findings(a: Assessment) -> Iterator[Change]:
    if not a.diagnosis.established:
        yield _finding(a, "imnm", "recorded")
    for concept in FOUND:
        yield _finding(a, concept, "found")


def _finding(a: Assessment, concept: str, kind: Kind) -> Change:
    title = a.knowledge.value_sets[concept].title
    fact = Diagnosis(
        source=SOURCE,
        concepts=frozenset({concept}),
        text=title,
        current=True,
        onset=day(a.today),
        verification="confirmed",
    )
    return Change(subject=concept, text=f"{title} on the problem list since today", kind=kind, facts=(fact,))


def _orders(a: Assessment) -> Iterator[Change]:
    for drug in ORDERED:
        if use_of(a, drug).present:
            continue
        title = a.knowledge.value_sets[drug].title
        fact = DrugCourse(
            source=SOURCE, drug=drug, ingredient=drug, text=title, status="planned", kind="MedicationRequest"
        )
        yield Change(subject=drug, text=f"{title} planned", kind="ordered", facts=(fact,))


def _measured(text: str, result: LabResult) -> Change:
    return Change(subject=result.concept, text=text, kind="measured", facts=(result,))


def _qualitative(a: Assessment, text: str, found: dict[str, Result], subject: str = "") -> Change:
    facts = tuple(
        LabResult(source=SOURCE, concept=concept, when=day(a.today), result=result) for concept, result in found.items()
    )
    return Change(subject=subject or next(iter(found)), text=text, kind="measured", facts=facts)


def _lab(a: Assessment, concept: str, value: float, **more: Any) -> LabResult:
    unit = a.knowledge.value_sets[concept].unit
    return LabResult(source=SOURCE, concept=concept, when=day(a.today), value=value, unit=unit, **more)


def _step(limit: Threshold, by: int) -> float:
    """One step of the last digit away from a limit: 59 from 60, 0.7 from 0.8."""
    value = Decimal(f"{limit.value:g}")
    return float(value + by * Decimal(1).scaleb(int(value.as_tuple().exponent)))
