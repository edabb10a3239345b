"""MMT-8: a score means nothing without its scale (A2, A4)."""

import re
from typing import Literal

import msgspec

from cds_service.fhir.dates import FhirDate
from cds_service.fhir.views import CodeableConcept, Observation, ReferenceRange, array
from hooks.chart.facts import StrengthScore
from hooks.chart.matching import Concept
from hooks.chart.reader import Reader, newest_first

STRENGTH = "mmt8"
Scale = Literal["150", "80", "percent", ""]
_MAXIMA: dict[str, float] = {"150": 150, "80": 80, "percent": 100}

_OUT_OF = re.compile(r"(?:/|out of|von|max(?:imum)?\.?)\s*(\d{2,3})\b", re.IGNORECASE)
_BARE = re.compile(r"\bMMT\b(?![- ]?\d)")
_CLINICAL = frozenset({"exam", "survey"})
UNKNOWN = "unknown"


class RawScore(msgspec.Struct, frozen=True):
    """A score before its scale is settled. `stated`: what code, range, text and unit say the scale is."""

    source: str
    value: float
    when: FhirDate | None
    stated: frozenset[str]
    key: str
    doubt: str


def bare_mmt(view: Observation, code: Concept) -> bool:
    """A bare "MMT" counts only for an exam or survey whose text speaks of muscle (A2: MMT has other meanings)."""
    if not _BARE.search(code.all_words) or "muscle" not in code.all_words.lower():
        return False
    categories, _ = array(view.category, CodeableConcept)
    return any(coding.code in _CLINICAL for category in categories for coding in category.coding)


def stated_scales(view: Observation, code: Concept, unit: str) -> frozenset[str]:
    """Everything that says what the maximum is; scales other than 150, 80 and percent are `unknown`."""
    hits = (hit.code.lower() for hit in code.hits)
    stated = {scale for hit in hits for scale in ("150", "80", "percent") if hit.endswith(scale)}
    ranges, _ = array(view.reference_range, ReferenceRange)
    for one in ranges:
        if one.high and one.high.value is not None:
            stated.add(_named(f"{one.high.value:g}"))
        stated.update(_named(maximum) for maximum in _OUT_OF.findall(one.text))
    stated.update(_named(maximum) for maximum in _OUT_OF.findall(f"{code.all_words} {view.value_string}"))
    stated.update(_named(maximum) for maximum in _OUT_OF.findall(unit))
    if unit.strip() == "%":
        stated.discard("unknown")
        stated = {s for s in stated if s != UNKNOWN} | {"percent"}
    return frozenset(stated)


def _named(maximum: str) -> str:
    return maximum if maximum in _MAXIMA else UNKNOWN


def scaled(reader: Reader, raw: list[RawScore]) -> tuple[StrengthScore, ...]:
    """Scores with their scale, newest first; impossible ones are dropped, ambiguous ones have no fraction."""
    full = {one.key for one in raw if one.value > _MAXIMA["80"] and _own_scale(one)[0] == "150"}
    scores = []
    for one in raw:
        scale, doubt = _own_scale(one)
        if not scale and not one.stated and one.key in full:
            scale, doubt = "150", ""
        maximum = _MAXIMA.get(scale)
        if maximum and one.value > maximum:
            reader.drop(
                one.source,
                "impossible value",
                f"is more than its maximum ({one.value:g} of {maximum:g})",
                STRENGTH,
                one.when,
                doubtful=True,
            )
            continue
        fraction = one.value / maximum if maximum else None
        scores.append(
            StrengthScore(
                source=one.source,
                value=one.value,
                scale=scale,
                when=one.when,
                fraction=fraction,
                doubt=one.doubt or doubt,
            )
        )
    return newest_first(scores)


def _own_scale(one: RawScore) -> tuple[Scale, str]:
    """The scale that a score has by itself, or why it has none."""
    if len(one.stated) > 1:
        return "", "its scale is stated in two ways"
    if one.stated:
        stated = next(iter(one.stated))
        if stated == "150":
            return "150", ""
        if stated == "80":
            return "80", ""
        if stated == "percent":
            return "percent", ""
        return "", "its scale is not one that is known (150, 80 or percent)"
    if _MAXIMA["80"] < one.value <= _MAXIMA["150"]:
        return "150", ""
    return "", "its scale is not stated: out of 80, or out of 150?"
