"""The cyclophosphamide calculator (R2-DOSE, B2) and the gates that a draft must pass (B9 "CYC draft gates").

A draft is made only when every gate is known and passed; the text on the card may quote the calculation
before that.
"""

from math import floor

import msgspec

from cds_service.fhir.dates import FhirDate, within
from hooks.assessment import Assessment
from hooks.assessment.body import Body, body_at
from hooks.assessment.cyclophosphamide_trial import table_dose
from hooks.assessment.infections import serious_infections
from hooks.assessment.labs import above, at_least, at_most, below, ever, fresh, latest, readable, shown
from hooks.assessment.person import current, negative_hcg
from hooks.chart.facts import LabResult
from hooks.knowledge.thresholds import Threshold
from hooks.reasoning import Criterion, Truth, all_of, all_true

BLOOD_COUNT = "blood count good enough"
RENAL_FUNCTION = "renal function known and good enough"
PREGNANCY_TEST = "negative pregnancy test"
URINE = "urinary tract clear"
HEPATITIS_B = "hepatitis B excluded"
SPECIALIST_ONLY = "none; creatinine too high, or dialysis; a specialist decides"


class DoseAdvice(msgspec.Struct, frozen=True, kw_only=True):
    """One pulse. `mg` is capped and rounded down, None when no dose may be named (`problem` says why).

    `by_adjusted_weight`: the same dose by adjusted weight where BMI is 30 or more, for the text only.
    """

    mg_per_kg: Threshold | None = None
    body: Body | None = None
    uncapped: float | None = None
    mg: float | None = None
    by_adjusted_weight: float | None = None
    creatinine: LabResult | None = None
    egfr: LabResult | None = None
    doubtful_creatinine: LabResult | None = None
    """The newest creatinine, where it is too old or too doubtful to decide."""
    problem: str = ""

    @property
    def renal_function_known(self) -> bool:
        """Whether creatinine or eGFR decided between the columns of the table."""
        return bool(self.creatinine or self.egfr)

    def text(self, cap: Threshold, step: Threshold) -> str:
        """The calculation for people, with cap and rounding shown."""
        if self.mg is None or self.mg_per_kg is None or self.body is None or self.uncapped is None:
            return f"Dose: {self.problem}."
        measured = {"creatinine": self.creatinine, "eGFR": None if self.creatinine else self.egfr}
        known = [f"{name} {shown(result)} ({result.when})" for name, result in measured.items() if result]
        renal = known[0] if known else "renal function not known: reduce if impaired"
        if self.doubtful_creatinine:
            quoted = f"{shown(self.doubtful_creatinine)} of {self.doubtful_creatinine.when}"
            renal += f"; a creatinine of {quoted} is too old or too doubtful to decide"
        weight = self.body.weight
        said = (
            f"{self.mg_per_kg.value:g} mg/kg × {self.body.kg:g} kg ({weight.when if weight else ''}) = "
            f"{self.uncapped:.0f} mg; "
            f"cap {cap.value:g} mg; rounded down to {step.value:g} mg: **{self.mg:g} mg** per pulse ({renal})"
        )
        if self.by_adjusted_weight is not None:
            said += f"; by adjusted weight {self.by_adjusted_weight:g} mg: BMI ≥ 30, ask the pharmacist, no draft"
        return said + "."


def advise(a: Assessment) -> DoseAdvice:
    """The dose of one pulse by table, cap and rounding (B2)."""
    t, age = a.knowledge.thresholds.cyclophosphamide, a.person.oldest
    if age is None or not a.person.adult:
        return DoseAdvice(problem="no dose without a known adult age")
    body = body_at(a.chart, FhirDate(a.today, a.today), a.knowledge.thresholds.reading.dose_weight_days.value)
    creatinine = fresh(a.chart, "creatinine", a.knowledge.thresholds.reading.lab_fresh_days, a.today)
    egfr = fresh(a.chart, "egfr", a.knowledge.thresholds.reading.lab_fresh_days, a.today)
    if (creatinine and _too_high(creatinine, t.creatinine_stop)) or current(a.chart, "dialysis"):
        return DoseAdvice(creatinine=creatinine, problem=SPECIALIST_ONLY)
    doubtful = None if creatinine else latest(a.chart, "creatinine")
    if doubtful and _too_high(doubtful, t.creatinine_stop):
        return DoseAdvice(problem=f"none; the last creatinine was {shown(doubtful)} ({doubtful.when}), repeat it first")
    if current(a.chart, "ckd-severe") and not (creatinine or egfr):
        return DoseAdvice(problem="none; kidney disease of stage 4 or 5 is on record, measure creatinine first")
    value = creatinine.value if creatinine and creatinine.value is not None else 0.0
    if body.kg is None:
        return DoseAdvice(creatinine=creatinine, problem="no recent body weight on record")
    low_egfr = egfr is not None and bool(below(egfr, t.egfr_reduce.value))
    per_kg = table_dose(age, value, low_egfr, a.knowledge.thresholds)

    def pulse(kg: float) -> float:
        return floor(min(per_kg.value * kg, t.cap_mg.value) / t.round_mg.value + 1e-9) * t.round_mg.value

    adjusted = body.adjusted_kg(a.knowledge.thresholds)
    return DoseAdvice(
        mg_per_kg=per_kg,
        body=body,
        uncapped=per_kg.value * body.kg,
        mg=pulse(body.kg),
        by_adjusted_weight=pulse(adjusted) if adjusted else None,
        creatinine=creatinine,
        egfr=egfr,
        doubtful_creatinine=doubtful,
    )


def _too_high(creatinine: LabResult, limit: Threshold) -> bool:
    """Whether creatinine is, or may be (`>500`), above the limit at which no dose is named."""
    return creatinine.value is not None and above(creatinine, limit.value) is not False


def draft_gates(a: Assessment) -> tuple[Criterion, ...]:
    """Every gate of B9, three-valued: a draft is made only if all of them are True."""
    t = a.knowledge.thresholds
    sources = (
        "conditions",
        "medicationStatements",
        "medicationRequests",
        "medicationAdministrations",
        "labs",
        "scores",
        "procedures",
    )
    unchecked = a.unchecked(*sources)
    return (
        Criterion("adult", a.person.adult, missing="birth date"),
        Criterion("not pregnant", not a.person.pregnant, value=a.person.pregnant_because),
        Criterion("no palliative care", not a.person.palliative),
        _size(a),
        all_of(
            RENAL_FUNCTION,
            _limit(a, "creatinine", t.gates.creatinine_days, maximum=t.cyclophosphamide.creatinine_stop),
            Criterion("no dialysis or end-stage renal disease", not current(a.chart, "dialysis")),
        ),
        all_of(
            BLOOD_COUNT,
            _limit(a, "wbc", t.gates.cbc_days, minimum=t.cyclophosphamide.wbc_hold),
            _limit(a, "anc", t.gates.cbc_days, minimum=t.cyclophosphamide.anc_hold),
            _limit(a, "platelets", t.gates.cbc_days, minimum=t.cyclophosphamide.platelets_hold),
        ),
        _pregnancy_test(a),
        _urine(a),
        _no_hepatitis_b(a),
        _no_infection(a),
        _lifetime(a),
        _igg(a),
        Criterion(
            "allergies checked, none to cyclophosphamide",
            None if a.unchecked("allergies") else not any("cyclophosphamide" in x.concepts for x in a.chart.allergies),
            missing="allergies (not checked)",
        ),
        Criterion(
            "conditions, and all drug and laboratory sources complete",
            None if unchecked else True,
            missing=f"not fully checked: {', '.join(unchecked)}" if unchecked else "",
        ),
    )


def _size(a: Assessment) -> Criterion:
    t = a.knowledge.thresholds
    weight = fresh(a.chart, "body-weight", t.gates.weight_days, a.today)
    body = body_at(a.chart, FhirDate(a.today, a.today), t.gates.weight_days.value)
    known = weight is not None and body.bmi is not None
    return Criterion(
        "recent weight and height known, BMI below the limit for weight-based dosing",
        body.bmi < t.cyclophosphamide.bmi_max.value if known and body.bmi is not None else None,
        value=f"{body.bmi:.1f}" if body.bmi is not None else "",
        unit="kg/m²",
        when=str(weight.when) if weight else "",
        threshold=f"< {t.cyclophosphamide.bmi_max} [{t.cyclophosphamide.bmi_max.mark}]",
        source=weight.source if weight else "",
        missing=f"body weight of the last {t.gates.weight_days.value:g} days" if weight is None else "body height",
    )


def _limit(
    a: Assessment,
    concept: str,
    days: Threshold,
    minimum: Threshold | None = None,
    maximum: Threshold | None = None,
) -> Criterion:
    """A result young enough and on the right side of its limit (the limit itself is allowed)."""
    title = a.knowledge.value_sets[concept].title
    result = fresh(a.chart, concept, days, a.today)
    truth: Truth = None
    threshold = ""
    if minimum is not None:
        threshold = f"≥ {readable(str(minimum))} [{minimum.mark}]"
        truth = at_least(result, minimum.value) if result else None
    if maximum is not None:
        threshold = f"≤ {readable(str(maximum))} [{maximum.mark}]"
        truth = at_most(result, maximum.value) if result else None
    return Criterion(
        title,
        truth,
        value=shown(result) if result else "",
        when=str(result.when) if result else "",
        threshold=f"{threshold}, at most {days.value:g} days old",
        source=result.source if result else "",
        missing=f"{title} of the last {days.value:g} days",
    )


def _pregnancy_test(a: Assessment) -> Criterion:
    days = a.knowledge.thresholds.gates.hcg_days
    if not a.person.fertile:
        return Criterion(PREGNANCY_TEST, True, value="not needed")
    done = negative_hcg(a.chart, days.value, a.today)
    missing = f"negative hCG of the last {days.value:g} days"
    return Criterion(PREGNANCY_TEST, done or None, threshold=f"at most {days.value:g} days old", missing=missing)


def _urine(a: Assessment) -> Criterion:
    days = a.knowledge.thresholds.gates.urine_days
    result = fresh(a.chart, "urine-rbc", days, a.today)
    normal = at_most(result, result.upper) if result and result.upper is not None else None
    return all_of(
        URINE,
        Criterion(
            "no haematuria by microscopy",
            normal,
            value=shown(result) if result else "",
            when=str(result.when) if result else "",
            threshold=f"within its reference range, at most {days.value:g} days old",
            source=result.source if result else "",
            missing=f"urine microscopy (red cell count with its reference range) of the last {days.value:g} days",
        ),
        Criterion("no urinary infection", not current(a.chart, "urinary-infection")),
        Criterion("no urinary outflow obstruction", not current(a.chart, "urinary-obstruction")),
    )


def _no_hepatitis_b(a: Assessment) -> Criterion:
    """Both tests negative and recent; a positive one ever, virus DNA, or the diagnosis is not outlived by them."""
    ever_positive = next((r for c in ("hbsag", "anti-hbc", "hbv-dna") if (r := ever(a.chart, c, "positive"))), None)
    return all_of(
        HEPATITIS_B,
        _negative(a, "hbsag", "HBsAg"),
        _negative(a, "anti-hbc", "anti-HBc"),
        Criterion(
            "no sign of hepatitis B on record",
            ever_positive is None and not current(a.chart, "hepatitis-b"),
            source=ever_positive.source if ever_positive else "",
        ),
    )


def _negative(a: Assessment, concept: str, name: str) -> Criterion:
    days = a.knowledge.thresholds.gates.hepatitis_days
    result = latest(a.chart, concept)
    recent = result if result and within(result.when, int(days.value), a.today) else None
    known = recent is not None and recent.result in ("positive", "negative")
    return Criterion(
        f"{name} negative",
        recent.result == "negative" if known and recent else None,
        value=shown(recent) if recent else "",
        when=str(recent.when) if recent else "",
        threshold=f"at most {days.value:g} days old",
        source=recent.source if recent else "",
        missing=f"{name} of the last {days.value:g} days",
    )


def _no_infection(a: Assessment) -> Criterion:
    """No serious infection that is current, and recent or undated (S4-INF)."""
    found = serious_infections(a.chart, a.knowledge.thresholds, a.today)
    return Criterion("no serious infection", not found, source=", ".join(d.source for d in found))


def _lifetime(a: Assessment) -> Criterion:
    """Below the ceiling also with the pulse that would be drafted: else its order would be warned of (S4-CUM)."""
    limit = a.knowledge.thresholds.cyclophosphamide.cumulative_stop_g
    grams = a.lifetime.grams + (a.once(advise).mg or 0.0) / 1000
    return Criterion(
        "lifetime cyclophosphamide known and, with the next pulse, below its limit",
        grams < limit.value if a.lifetime.complete else None,
        value=f"{grams:g}",
        unit="g",
        threshold=f"< {limit}",
        missing="doses of earlier cyclophosphamide",
    )


def _igg(a: Assessment) -> Criterion:
    """IgG not known to be low: unknown passes (B9)."""
    limit = a.knowledge.thresholds.cyclophosphamide.igg_low
    result = fresh(a.chart, "igg", a.knowledge.thresholds.reading.lab_fresh_days, a.today)
    low = result is not None and bool(below(result, limit.value))
    return Criterion(
        "IgG not known to be low",
        not low,
        value=shown(result) if result else "not known",
        threshold=f"≥ {limit}",
        source=result.source if result else "",
    )


def may_draft(gates: tuple[Criterion, ...], advice: DoseAdvice) -> bool:
    """Whether a finished order may be drafted."""
    return advice.mg is not None and all_true(gate.truth for gate in gates) is True
