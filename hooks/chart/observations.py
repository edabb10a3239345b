"""Observations → laboratory results and strength scores (A2, A4)."""

from collections.abc import Iterable
from datetime import date, timedelta
from operator import itemgetter
from typing import TypeAlias

import msgspec

from cds_service.fhir.dates import FhirDate
from cds_service.fhir.views import CodeableConcept, Identifier, Observation, array
from cds_service.patient_data import Entry
from hooks.chart.facts import DropKind, Dropped, LabResult, StrengthScore
from hooks.chart.lazily import Drops, Reading, Results
from hooks.chart.limits import Limits, limits
from hooks.chart.matching import Concept
from hooks.chart.reader import Reader, newest_first
from hooks.chart.results import QUALITATIVE, verdict
from hooks.chart.strength import STRENGTH, RawScore, bare_mmt, scaled, stated_scales
from hooks.chart.units import convertible, factor

_ANNULLED = frozenset({"entered-in-error", "cancelled"})
_PRELIMINARY = frozenset({"preliminary", "registered"})
_REPLACED = frozenset({"corrected", "amended"})
_SIZES = frozenset({"body-weight", "body-height"})
_CK = "creatine-kinase"


class Measured(msgspec.Struct, frozen=True, gc=False):
    """One Observation of interest with what decides between it and its duplicates. `unit` as written."""

    source: str
    concept: str
    code: Concept
    view: Observation
    when: FhirDate | None
    value: float | None
    unit: str

    @property
    def corrected(self) -> bool:
        return self.view.status in _REPLACED


class Observed(msgspec.Struct, frozen=True):
    """What the Observations say: `results` by concept, read when they are asked for, and MMT-8 scores, newest first."""

    results: Results
    scores: tuple[StrengthScore, ...]
    strange: tuple[tuple[int, Dropped], ...]
    strength: Reading

    def among(self, before: Iterable[Dropped], after: Iterable[Dropped]) -> Drops:
        """What could not be used of the Observations, among what was read before and after them."""
        return Drops(before, self.results, self.strange, self.strength, after)


_Numbered: TypeAlias = tuple[int, Entry]
_Found: TypeAlias = tuple[Concept, list[_Numbered]]
"""Observations of interest: what they are of, and the entries with their numbers."""


def read_observations(reader: Reader) -> Observed:
    """The scores are read; of the results only which concept each is of."""
    by_code: dict[bytes, list[_Numbered]] = {}
    for numbered in enumerate((*reader.entries("labs"), *reader.entries("scores"))):
        head = numbered[1].head
        written = bytes(head.code) if type(head) is Observation else b""
        if written in by_code:
            by_code[written].append(numbered)
        else:
            by_code[written] = [numbered]
    found: dict[str, list[_Found]] = {}
    own = reader.apart()
    strange: list[tuple[int, Dropped]] = []
    for written, entries in by_code.items():
        code = reader.matchers.labs.concept(msgspec.Raw(written))
        if code.hits:
            found.setdefault(code.hits[0].value_set, []).append((code, entries))
            continue
        for number, entry in entries:
            worded = _worded(own, entry)
            strange += own.taken(number)
            if worded:
                concept = worded.hits[0].value_set if worded.hits else STRENGTH
                found.setdefault(concept, []).append((worded, [(number, entry)]))

    def read(concept: str) -> Reading:
        own = reader.apart()
        measured = _measurements(own, concept, found[concept])
        return measured.reading(_results(own, concept, measured.found), own.dropped)

    measured = _measurements(own, STRENGTH, found.pop(STRENGTH, []))
    raw = [_raw_score(one, doubt) for one, doubt in _without_duplicates(own, measured.found)]
    scores = scaled(own, raw)
    return Observed(Results(found, read), scores, tuple(strange), measured.reading((), own.dropped))


def _worded(reader: Reader, entry: Entry) -> Concept | None:
    """What an Observation is of whose code is not a known one, or that does not fit its view; None if not of interest.

    One without hits is a bare "MMT".
    """
    decoded = reader.decode(entry, Observation)
    if decoded is None:
        return None
    view, source, _ = decoded
    code = reader.matchers.labs.concept(view.code)
    if not code.hits and code.problem:
        reader.drop(source, "part unreadable", f"code was left out: {code.problem}", doubtful=True)
        return None
    return code if code.hits or bare_mmt(view, code) else None


class _Measurements(msgspec.Struct, frozen=True):
    """The usable Observations of one concept, each once; the number of the first; and those that were refused."""

    found: list[Measured]
    first: int
    refused: tuple[tuple[int, Dropped], ...]

    def reading(self, results: tuple[LabResult, ...], settled: Iterable[Dropped]) -> Reading:
        return Reading(results, self.first, self.refused, tuple(settled))


def _measurements(reader: Reader, concept: str, entries: Iterable[_Found]) -> _Measurements:
    """Read the Observations of one concept. What the reader had to drop is moved to `refused`."""
    latest = reader.today + timedelta(days=1)
    found: dict[str, Measured] = {}
    first = 0
    refused: list[tuple[int, Dropped]] = []
    coded = [(number, entry, code) for code, numbered in entries for number, entry in numbered]
    for number, entry, code in sorted(coded, key=_number):
        one = _measured(reader, entry, concept, code, latest)
        if one:
            first = first if found else number
            found.setdefault(one.source, one)
        if reader.dropped:
            refused += reader.taken(number)
    return _Measurements([*found.values()], first, tuple(refused))


_number = itemgetter(0)


def _measured(reader: Reader, entry: Entry, concept: str, code: Concept, latest: date) -> Measured | None:
    decoded = reader.decode(entry, Observation)
    assert decoded is not None
    view, source, problems = decoded
    if problems and not reader.standing(source, problems, concept):
        return None
    when = _when(reader, view, source, concept)
    quantity = view.value_quantity
    value = quantity.value if quantity else view.value_integer
    unusable = None
    if value is None or value <= 0 or view.status in _ANNULLED:
        unusable = _unusable(view, concept, value, problems)
    if not unusable and when and when.earliest > latest:
        unusable = "in the future", "is dated in the future", True
    if unusable:
        kind, reason, doubtful = unusable
        reader.drop(source, kind, reason, concept, when, doubtful=doubtful)
        return None
    if not reader.mine(view.subject, source, concept, when):
        return None
    if problems:
        reader.left_out(source, problems, concept)
    return Measured(source, concept, code, view, when, value, (quantity.code or quantity.unit) if quantity else "")


def _when(reader: Reader, view: Observation, source: str, concept: str) -> FhirDate | None:
    written = view.effective_date_time or view.effective_instant
    if written:
        return reader.date(written, "effectiveDateTime", source, concept)
    start, end = reader.period(view.effective_period, "effectivePeriod", source, concept)
    return end or start


def _unusable(
    view: Observation, concept: str, value: float | None, problems: dict[str, str]
) -> tuple[DropKind, str, bool] | None:
    """Why an Observation of interest cannot be used, and whether it might have counted; None when it can."""
    if view.status in _ANNULLED:
        return "not in force", f"is {view.status}", False
    if value is None:
        worded = view.value_codeable_concept or view.value_string or view.interpretation
        return None if worded and concept in QUALITATIVE else _no_value(view, problems)
    if value < 0 or (value == 0 and concept in _SIZES):
        return "impossible value", f"has an impossible value ({value:g})", True
    return None


def _no_value(view: Observation, problems: dict[str, str]) -> tuple[DropKind, str, bool]:
    wrong = next((f"{field}: {problem}" for field, problem in problems.items() if field.startswith("value")), "")
    if wrong:
        return "no value", f"has a value that cannot be read ({wrong})", True
    if view.value_ratio:
        return "no value", "has a ratio for a value", True
    if view.value_string or view.value_codeable_concept:
        return "no value", "has words for a value, not a number", True
    absent = f" ({view.data_absent_reason.words})" if view.data_absent_reason else ""
    return "no value", f"has no value{absent}", False


def _without_duplicates(reader: Reader, measured: list[Measured]) -> list[tuple[Measured, str]]:
    """Each measurement once, with the doubt that conflicting duplicates leave (A4)."""
    by_instant: dict[tuple[str, object], list[Measured]] = {}
    for one in _last_versions(reader, measured):
        when = one.when
        instant = when.moment if when and when.exact else one.source
        by_instant.setdefault((one.code.key, instant), []).append(one)
    if len(by_instant) == len(measured):
        return [(one, "") for one in measured]
    return [(same[0], "") if len(same) == 1 else _best(reader, same) for same in by_instant.values()]


def _best(reader: Reader, same: list[Measured]) -> tuple[Measured, str]:
    """Of several measurements of one time the corrected or latest issued one."""

    def standing(one: Measured) -> tuple[bool, float, str]:
        issued = reader.date(one.view.issued, "issued", one.source, one.concept)
        return one.corrected, issued.moment if issued else 0.0, one.source

    best = max(same, key=standing)
    doubt = ""
    for other in same:
        if other is best:
            continue
        if _says(other) == _says(best):
            reader.drop(other.source, "duplicate", f"says the same as {best.source}", best.concept, best.when)
        else:
            doubt = f"another result of the same time differs ({other.source})"
            reason = f"differs from {best.source} of the same time"
            reader.drop(other.source, "contradiction", reason, best.concept, best.when)
    return best, doubt


def _says(one: Measured) -> tuple[object, ...]:
    return one.value, one.unit, one.view.value_codeable_concept, one.view.value_string


def _last_versions(reader: Reader, measured: list[Measured]) -> list[Measured]:
    """Without the results that a corrected one of the same identifier replaces."""
    corrected = [one for one in measured if one.view.status in _REPLACED]
    replaced = {key: one for one in corrected for key in _identifiers(reader, one)}
    if not replaced:
        return measured
    kept = []
    for one in measured:
        by = None if one.corrected else next((replaced[k] for k in _identifiers(reader, one) if k in replaced), None)
        if by is None:
            kept.append(one)
        else:
            reason = f"was replaced by {by.source} ({by.view.status})"
            reader.drop(one.source, "replaced", reason, one.concept, one.when)
    return kept


def _identifiers(reader: Reader, one: Measured) -> list[tuple[str, Identifier]]:
    found, problem = array(one.view.identifier, Identifier)
    if problem:
        reader.left_out(one.source, {"identifier": problem}, one.concept)
    return [(one.code.key, identifier) for identifier in found if identifier.value]


def _results(reader: Reader, concept: str, measured: list[Measured]) -> tuple[LabResult, ...]:
    """The results of one concept in its unit, newest first."""
    wanted = reader.knowledge.value_sets[concept].unit
    wanted = wanted if convertible(wanted) else ""
    units = frozenset(one.unit for one in measured) if concept == _CK else frozenset()
    kept = _without_duplicates(reader, measured)
    series = _Series(wanted, units, {})
    return newest_first(_result(reader, one, doubt, series) for one, doubt in kept)


_Scale: TypeAlias = tuple[float | None, Limits]
"""What results of one unit and range have in common: what to multiply with, and the limits of normal."""


def _scale(given: str, written: str, reference_range: msgspec.Raw, wanted: str, ukat: float) -> _Scale:
    """`given`: the unit by its code, `written`: in words; `wanted`: as in `_Series`."""
    multiply: float | None = 1.0
    if wanted:
        multiply = factor(given, wanted, ukat)
        if multiply is None and written:
            multiply = factor(written, wanted, ukat)
    return multiply, limits(reference_range, given, wanted, multiply, ukat)


class _Series(msgspec.Struct, frozen=True):
    """What the results of one concept have in common.

    `wanted`: the unit to bring them to, empty when they are kept as they stand. `units`: those of all CKs. `scales`:
    those met so far, by unit in code and in words, and JSON of the range.
    """

    wanted: str
    units: frozenset[str]
    scales: dict[tuple[str, str, bytes], _Scale]


def _result(reader: Reader, one: Measured, doubt: str, series: _Series) -> LabResult:
    view, given, value = one.view, one.unit, one.value
    wanted, scales = series.wanted, series.scales
    ukat = reader.ukat_to_u
    if not given and one.concept == _CK:
        given = _implied_unit(reader, one, series.units)
    if value is None:
        multiply: float | None = 1.0
        limited = limits(view.reference_range, given, wanted, multiply, ukat)
    else:
        # Most results of a patient share unit and range with others: these are looked at once.
        key = given, view.value_quantity.unit if view.value_quantity else "", bytes(view.reference_range)
        if key not in scales:
            scales[key] = _scale(given, key[1], view.reference_range, wanted, ukat)
        multiply, limited = scales[key]
    if limited.problem:
        reader.left_out(one.source, {"referenceRange": limited.problem}, one.concept)
    text = view.value_codeable_concept.words if view.value_codeable_concept else view.value_string
    raw = value if multiply is None else None
    if value is not None and multiply is not None:
        value *= multiply
    elif value is not None:
        text = f"{value:g} {given}".strip()
        doubt = doubt or (f"unit {given!r} is not understood" if given else "has no unit")
        value = None
    if value is not None and one.concept in _SIZES and not _bodily(reader, one.concept, value):
        doubt = doubt or f"{value:g} {wanted} is no body's size"
        value = None
    comparator = view.value_quantity.comparator if view.value_quantity else ""
    result = None
    if one.concept in QUALITATIVE:
        flags, problem = array(view.interpretation, CodeableConcept)
        if problem:
            reader.left_out(one.source, {"interpretation": problem}, one.concept)
        number = (value, comparator, limited.lower, limited.upper)
        result = verdict(one.concept, view.value_codeable_concept, flags, number, view.value_string)
    return LabResult(
        source=one.source,
        concept=one.concept,
        when=one.when,
        value=value,
        unit="" if value is None else wanted or given,
        comparator=comparator,
        upper=limited.upper,
        lower=limited.lower,
        result=result,
        text=text,
        preliminary=view.status in _PRELIMINARY,
        raw=raw,
        doubt=doubt,
    )


def _bodily(reader: Reader, concept: str, value: float) -> bool:
    """Whether a weight in kg or a height in cm can be a body's; a height in metres under `cm` cannot."""
    body = reader.knowledge.thresholds.body
    if concept == "body-weight":
        return body.weight_min_kg.value <= value <= body.weight_max_kg.value
    return body.height_min_cm.value <= value <= body.height_max_cm.value


def _implied_unit(reader: Reader, one: Measured, units: frozenset[str]) -> str:
    """What its range, or else the patient's other CKs, say of a CK without unit (A4); empty when they do not."""
    ck = reader.knowledge.thresholds.ck
    high = limits(one.view.reference_range, "", "", 1.0, ck.ukat_to_u.value).upper
    if high is not None:
        if ck.unitless_u_low.value <= high <= ck.unitless_u_high.value:
            return "U/L"
        return "ukat/L" if ck.unitless_ukat_low.value <= high <= ck.unitless_ukat_high.value else ""
    others = {factor(other, "U/L", ck.ukat_to_u.value) for other in units if other}
    return "U/L" if others == {1} else ""


def _raw_score(one: Measured, doubt: str) -> RawScore:
    assert one.value is not None
    stated = stated_scales(one.view, one.code, one.unit)
    return RawScore(one.source, one.value, one.when, stated, one.code.key, doubt)
