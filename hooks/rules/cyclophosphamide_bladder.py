"""S3 CyclophosphamideBladder: obstruction, infection and bleeding of the urinary tract (B4 S3-CYC-BLADDER).

Blood on a test strip is often myoglobin in this disease: only microscopy tells of bleeding.
"""

from cds_service.fhir.dates import within
from hooks.assessment import Assessment
from hooks.assessment.labs import latest, shown
from hooks.assessment.person import recent
from hooks.chart.facts import Diagnosis, LabResult
from hooks.reasoning import Criterion, Truth, any_of
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, FactRow, Rule, lab_criterion, md, on, safety_scope
from hooks.rules.use import used
from hooks.suggestions.investigations import urine_microscopy

DRUG = "cyclophosphamide"


def _obstructions(a: Assessment) -> tuple[Diagnosis, ...]:
    return tuple(d for d in a.chart.diagnoses if d.current and "urinary-obstruction" in d.concepts)


def _infections(a: Assessment) -> tuple[Diagnosis, ...]:
    """Urinary infections of the last 60 days, or whose date does not tell, as with other infections (S4-INF)."""
    days = a.knowledge.thresholds.gates.infection_days.value
    found = (d for d in a.chart.diagnoses if d.current and "urinary-infection" in d.concepts)
    return tuple(d for d in found if recent(d, days, a.today) is not False)


def _microscopy(a: Assessment) -> LabResult | None:
    """The newest red cell count by microscopy, if it is recent and nothing is wrong with it."""
    result = latest(a.chart, "urine-rbc")
    days = int(a.knowledge.thresholds.reading.lab_fresh_days.value)
    return result if result and not result.doubt and within(result.when, days, a.today) else None


def _strip(a: Assessment) -> LabResult | None:
    """The newest test strip, where it shows blood."""
    result = latest(a.chart, "urine-blood-dipstick")
    return result if result and result.result == "positive" else None


def _recorded(name: str, found: tuple[Diagnosis, ...]) -> Criterion:
    return Criterion(
        name,
        bool(found),
        value=", ".join(d.text for d in found),
        when=", ".join(str(d.since) for d in found if d.since),
        source=", ".join(d.source for d in found),
    )


def _haematuria(a: Assessment) -> Criterion:
    result = _microscopy(a)
    known: dict[str | None, Truth] = {"positive": True, "negative": False}
    days = a.knowledge.thresholds.reading.lab_fresh_days
    missing = f"urine microscopy (red cell count with its reference range) of the last {days.value:g} days"
    if _strip(a):
        missing += "; the test strip that shows blood may show myoglobin"
    return lab_criterion(
        "red cells in the urine by microscopy",
        known.get(result.result) if result else None,
        result,
        f"above its reference range, at most {days.value:g} days old",
        missing,
    )


def _findings(a: Assessment) -> tuple[Criterion, Criterion, Criterion]:
    """Outflow obstruction (critical), urinary infection, and red cells (warning)."""
    return (
        _recorded("urinary outflow obstruction", _obstructions(a)),
        _recorded("urinary tract infection", _infections(a)),
        _haematuria(a),
    )


def _criteria(a: Assessment) -> tuple[Criterion, ...]:
    findings = a.once(_findings)
    return (
        *safety_scope(a, critical=findings[0].truth is True),
        used(a, DRUG),
        any_of("something is wrong with the urinary tract", *findings),
    )


def _card(a: Assessment) -> CardDraft:
    obstruction, infection, haematuria = a.once(_findings)
    why, asks = [], []
    if obstruction.truth:
        asks.append("urinary outflow obstruction")
        why.append(
            "Urinary outflow obstruction is a contraindication by the label: toxic metabolites stay in the bladder."
        )
    if infection.truth:
        asks.append("urinary tract infection")
        why.append("Treat the urinary tract infection before the next dose.")
    if haematuria.truth:
        asks.append("red cells in the urine by microscopy")
        why.append(
            "Red cells by microscopy are real bleeding: haemorrhagic cystitis has to be excluded before the next dose."
        )
    if _strip(a) and not haematuria.truth:
        why.append("A test strip shows blood: that is often myoglobin in this disease and counts for nothing here.")
    why.append("Mesna and hydration: the evidence for mesna at these doses is limited; follow local policy.")
    verb = "Do not give cyclophosphamide" if obstruction.truth else "Hold cyclophosphamide until explained or treated"
    ask = f"{verb}: {', '.join(asks)}"
    result = _microscopy(a)
    facts = [
        *(FactRow("Condition", md(d.text), on(d.since)) for d in (*_obstructions(a), *_infections(a))),
        *(
            (FactRow("Urine red cells (microscopy)", md(shown(result)), on(result.when), _range(result)),)
            if result
            else ()
        ),
    ]
    return CardDraft(
        indicator="critical" if obstruction.truth else "warning",
        summary=ask,
        ask=ask,
        why=tuple(why),
        facts=tuple(facts),
        missing=(haematuria.missing,) if haematuria.missing else (),
        suggestions=() if haematuria.truth is False else (urine_microscopy(a),),
    )


def _range(result: LabResult) -> str:
    return f"upper limit {result.upper:g}" if result.upper is not None else ""


RULE = Rule(
    name="CyclophosphamideBladder",
    criteria=_criteria,
    card=_card,
    sources=("conditions", *MEDICATION_SOURCES, "labs"),
    orders=frozenset({DRUG}),
)
