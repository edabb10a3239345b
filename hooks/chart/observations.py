"""Observations → laboratory results and strength scores (A2, A4)."""

from datetime import timedelta

import msgspec

from cds_service.fhir.dates import FhirDate
from cds_service.fhir.views import Observation
from cds_service.patient_data import Entry
from hooks.chart.facts import LabResult, StrengthScore
from hooks.chart.limits import limits
from hooks.chart.matching import Concept
from hooks.chart.reader import Reader, newest
from hooks.chart.results import QUALITATIVE, verdict
from hooks.chart.strength import STRENGTH, RawScore, bare_mmt, scaled, stated_scales
from hooks.chart.units import convertible, factor

_ANNULLED = frozenset({"entered-in-error", "cancelled"})
_PRELIMINARY = frozenset({"preliminary", "registered"})
_REPLACED = frozenset({"corrected", "amended"})
_SIZES = frozenset({"body-weight", "body-height"})


class Measured(msgspec.Struct, frozen=True, gc=False):
    """One Observation of interest with what decides between it and its duplicates."""

    source: str
    concept: str
    code: Concept
    view: Observation
    when: FhirDate | None
    issued: float
    value: float | None

    @property
    def corrected(self) -> bool:
        return self.view.status in _REPLACED


def read_observations(reader: Reader) -> tuple[dict[str, tuple[LabResult, ...]], tuple[StrengthScore, ...]]:
    """Results by concept, and MMT-8 scores, newest first."""
    measured: dict[str, list[Measured]] = {}
    seen: set[str] = set()
    for key in ("labs", "scores"):
        for entry in reader.entries(key):
            found = _measured(reader, entry)
            if found and found.source not in seen:
                seen.add(found.source)
                measured.setdefault(found.concept, []).append(found)
    scores = scaled(
        reader, [_raw_score(m, doubt) for m, doubt in _without_duplicates(reader, measured.pop(STRENGTH, []))]
    )
    labs = {}
    for concept, of_concept in measured.items():
        kept = _without_duplicates(reader, of_concept)
        units = frozenset(_unit(m) for m in of_concept) if concept == "creatine-kinase" else frozenset()
        results = [_result(reader, m, doubt, units) for m, doubt in kept]
        labs[concept] = tuple(sorted(results, key=newest))
    return labs, scores


def _measured(reader: Reader, entry: Entry) -> Measured | None:
    decoded = reader.decode(entry, Observation)
    if decoded is None:
        return None
    view, source, problems = decoded
    code = reader.matchers.labs.concept(view.code)
    if not code.hits:
        problem = problems.get("code") or code.problem
        if problem:
            reader.drop(source, f"code was left out: {problem}")
            return None
        if not bare_mmt(view, code):
            return None
    concept = next((hit.value_set for hit in code.hits), STRENGTH)
    when = _when(reader, view, source, concept)
    reason = _unusable(reader, view, concept, when, problems)
    if reason:
        reader.drop(source, reason, concept, when)
        return None
    if not reader.mine(view.subject, source, concept, when):
        return None
    reader.left_out(source, problems, concept)
    issued = reader.date(view.issued, "issued", source, concept)
    value = view.value_quantity.value if view.value_quantity else view.value_integer
    return Measured(source, concept, code, view, when, issued.moment if issued else 0.0, value)


def _when(reader: Reader, view: Observation, source: str, concept: str) -> FhirDate | None:
    written = view.effective_date_time or view.effective_instant
    if written:
        return reader.date(written, "effectiveDateTime", source, concept)
    start, end = reader.period(view.effective_period, "effectivePeriod", source, concept)
    return end or start


def _unusable(reader: Reader, view: Observation, concept: str, when: FhirDate | None, problems: dict[str, str]) -> str:
    """Why an Observation of interest cannot be used; empty when it can."""
    if view.status in _ANNULLED:
        return f"is {view.status}"
    if when and when.earliest > reader.today + timedelta(days=1):
        return "is dated in the future"
    value = view.value_quantity.value if view.value_quantity else view.value_integer
    worded = bool(view.value_codeable_concept or view.value_string or view.interpretation)
    if value is None and not (worded and concept in QUALITATIVE):
        return _no_value(view, problems)
    if value is not None and (value < 0 or (concept in _SIZES and value == 0)):
        return f"has an impossible value ({value:g})"
    return ""


def _no_value(view: Observation, problems: dict[str, str]) -> str:
    wrong = next((f"{field}: {problem}" for field, problem in problems.items() if field.startswith("value")), "")
    if wrong:
        return f"has a value that cannot be read ({wrong})"
    if view.value_ratio:
        return "has a ratio for a value"
    if view.value_string or view.value_codeable_concept:
        return "has words for a value, not a number"
    absent = f" ({view.data_absent_reason.words})" if view.data_absent_reason else ""
    return f"has no value{absent}"


def _without_duplicates(reader: Reader, measured: list[Measured]) -> list[tuple[Measured, str]]:
    """Each measurement once, with the doubt that conflicting duplicates leave (A4)."""
    measured = _last_versions(reader, measured)
    by_instant: dict[tuple[str, FhirDate] | str, list[Measured]] = {}
    for one in measured:
        instant = (one.code.key, one.when) if one.when and one.when.exact else one.source
        by_instant.setdefault(instant, []).append(one)
    kept = []
    for same in by_instant.values():
        best = max(same, key=lambda one: (one.corrected, one.issued))
        doubt = ""
        for other in same:
            if other is best:
                continue
            if _says(other) == _says(best):
                reader.drop(other.source, f"says the same as {best.source}", best.concept, best.when)
            else:
                doubt = f"another result of the same time differs ({other.source})"
                reader.drop(other.source, f"differs from {best.source} of the same time", best.concept, best.when)
        kept.append((best, doubt))
    return kept


def _says(one: Measured) -> tuple[object, ...]:
    return one.value, _unit(one), one.view.value_codeable_concept, one.view.value_string


def _last_versions(reader: Reader, measured: list[Measured]) -> list[Measured]:
    """Without the results that a corrected one of the same identifier replaces."""
    replaced = {
        (one.code.key, identifier): one
        for one in measured
        if one.corrected
        for identifier in one.view.identifier
        if identifier.value
    }
    kept = []
    for one in measured:
        by = next((replaced[k] for i in one.view.identifier if (k := (one.code.key, i)) in replaced), None)
        if by is None or one.corrected:
            kept.append(one)
        else:
            reader.drop(one.source, f"was replaced by {by.source} ({by.view.status})", one.concept, one.when)
    return kept


def _unit(one: Measured) -> str:
    quantity = one.view.value_quantity
    return (quantity.code or quantity.unit) if quantity else ""


def _result(reader: Reader, one: Measured, doubt: str, units: frozenset[str]) -> LabResult:
    view, wanted = one.view, reader.knowledge.value_sets[one.concept].unit
    comparator = view.value_quantity.comparator if view.value_quantity else ""
    given = _given_unit(reader, one, units) if one.concept == "creatine-kinase" else _unit(one)
    ukat = reader.knowledge.thresholds.ck.ukat_to_u.value
    multiply: float | None = 1.0
    if wanted and convertible(wanted) and one.value is not None:
        multiply = factor(given, wanted, ukat)
        if multiply is None and view.value_quantity and view.value_quantity.unit:
            multiply = factor(view.value_quantity.unit, wanted, ukat)
    lower, upper = limits(view.reference_range, given, wanted, multiply, ukat)
    value = one.value * multiply if one.value is not None and multiply is not None else None
    if multiply is None:
        doubt = doubt or (f"unit {given!r} is not understood" if given else "has no unit")
    worded = view.value_codeable_concept.words if view.value_codeable_concept else view.value_string
    result = None
    if one.concept in QUALITATIVE:
        result = verdict(
            one.concept,
            view.value_codeable_concept,
            view.interpretation,
            (value, comparator, lower, upper),
            view.value_string,
        )
    return LabResult(
        source=one.source,
        concept=one.concept,
        when=one.when,
        value=value,
        unit=(wanted if wanted and convertible(wanted) else given) if value is not None else "",
        comparator=comparator,
        upper=upper,
        lower=lower,
        result=result,
        text=worded or (f"{one.value:g} {given}".strip() if one.value is not None else ""),
        preliminary=view.status in _PRELIMINARY,
        doubt=doubt,
    )


def _given_unit(reader: Reader, one: Measured, units: frozenset[str]) -> str:
    """The unit of a CK; where none is written, what its range or the patient's other CKs say of it (A4)."""
    unit = _unit(one)
    if unit:
        return unit
    ck = reader.knowledge.thresholds.ck
    highs = {r.high.value for r in one.view.reference_range if r.high and r.high.value is not None}
    if len(highs) == 1:
        high = highs.pop()
        if ck.unitless_u_low.value <= high <= ck.unitless_u_high.value:
            return "U/L"
        return "ukat/L" if ck.unitless_ukat_low.value <= high <= ck.unitless_ukat_high.value else ""
    others = {factor(other, "U/L", ck.ukat_to_u.value) for other in units if other}
    return "U/L" if others == {1} else ""


def _raw_score(one: Measured, doubt: str) -> RawScore:
    assert one.value is not None
    stated = stated_scales(one.view, one.code, _unit(one))
    return RawScore(one.source, one.value, one.when, stated, one.code.key, doubt)
