"""What may be done to a request without changing its cards, or changing them in one direction only.

Every function returns a new body and leaves the one it was given as it is.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from fractions import Fraction
from typing import Any

import fixtures

Json = dict[str, Any]

CLINICAL = "http://terminology.hl7.org/CodeSystem/{}-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/{}"


def bundles(body: Json) -> Iterator[tuple[str, Json]]:
    """The prefetched Bundles by their keys."""
    for key, value in body["prefetch"].items():
        if isinstance(value, dict) and value.get("resourceType") == "Bundle":
            yield key, value


def resources(body: Json, key: str) -> list[Json]:
    """The resources that were sent under a prefetch key."""
    return [entry["resource"] for entry in dict(bundles(body)).get(key, {}).get("entry", [])]


def added(body: Json, resource: Json, key: str, place: random.Random | None = None) -> Json:
    """The same request with one resource more; as it was when nothing was sent under the key."""
    changed = deepcopy(body)
    for name, bundle in bundles(changed):
        if name == key:
            entries = bundle.setdefault("entry", [])
            at = place.randint(0, len(entries)) if place else len(entries)
            entries.insert(at, {"resource": resource, "search": {"mode": "match"}})
            if "total" in bundle:
                bundle["total"] += 1
    return changed


def drafting(body: Json, *drafts: Json) -> Json:
    """The same request with more orders behind those that are being written; they are not selected."""
    changed = deepcopy(body)
    bundle = changed["context"].setdefault("draftOrders", {"resourceType": "Bundle"})
    bundle["entry"] = [*bundle.get("entry", []), *({"resource": draft} for draft in drafts)]
    return changed


def allergy(patient: str, code: Json) -> Json:
    """An active allergy."""
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": {"coding": [coding(CLINICAL.format("allergyintolerance"), "active")]},
        "verificationStatus": {"coding": [coding(VERIFICATION.format("allergyintolerance-verification"), "confirmed")]},
        "code": code,
        "patient": {"reference": f"Patient/{patient}"},
    }


def coding(system: str, code: str, display: str = "") -> Json:
    """A Coding."""
    return {"system": system, "code": code} | ({"display": display} if display else {})


# The same in another order, or in other words


def shuffled(value: Any, order: random.Random) -> Any:
    """JSON with the members of every object, and the entries of every Bundle, in another order."""
    if isinstance(value, dict):
        members = [(name, shuffled(item, order)) for name, item in value.items()]
        order.shuffle(members)
        changed = dict(members)
        if changed.get("resourceType") == "Bundle" and "entry" in changed:
            order.shuffle(changed["entry"])
        return changed
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


# By the name of what is measured: a unit, and another one with what to multiply by; UCUM codes.
_CREATINE_KINASE = {"U/L": [("ukat/L", "1/60"), ("nkat/L", "1000/60")], "ukat/L": [("U/L", "60")]}
_CELLS = {
    "10*9/L": [("10*3/uL", "1"), ("/uL", "1000")],
    "10*3/uL": [("10*9/L", "1")],
    "/uL": [("10*9/L", "1/1000")],
}
_RESULTS: dict[str, dict[str, list[tuple[str, str]]]] = {
    "2157-6": _CREATINE_KINASE,
    "14682-9": {"umol/L": [("mg/dL", "1/88.4")]},
    "2160-0": {"mg/dL": [("umol/L", "88.4")]},
    "2465-3": {"g/L": [("mg/dL", "100"), ("g/dL", "1/10")], "mg/dL": [("g/L", "1/100")]},
    "718-7": {"g/dL": [("g/L", "10")], "g/L": [("g/dL", "1/10")]},
    "6690-2": _CELLS,
    "751-8": _CELLS,
    "731-0": _CELLS,
    "777-3": _CELLS,
    "29463-7": {"kg": [("[lb_av]", "1/0.45359237"), ("g", "1000")]},
    "8302-2": {"cm": [("[in_i]", "1/2.54"), ("m", "1/100")]},
}
_DOSES = {"g": [("mg", "1000")], "mg": [("g", "1/1000"), ("ug", "1000")], "ug": [("mg", "1/1000")]}
_ORDERED_DOSES = {"g": [("mg", "1000")], "mg": [("g", "1/1000")]}
"""Units in which an order is corrected; one in micrograms is given back to be written anew."""


MEASURED = frozenset(_RESULTS)
"""The LOINC codes of results whose units are converted."""


def is_measured(body: Json, code: str) -> bool:
    """Whether there is a result of this LOINC code."""
    return any(code in _codes(resource) for resource in resources(body, "labs"))


def in_other_units(body: Json, choice: random.Random) -> Json:
    """Every result, and every dose, in another unit that means the same (A4, A5).

    A reference range goes with its result or keeps the unit it was in.
    """
    changed = deepcopy(body)
    for resource in resources(changed, "labs"):
        units = next((_RESULTS[code] for code in _codes(resource) if code in _RESULTS), {})
        measured = [resource.get("valueQuantity")]
        for limits in resource.get("referenceRange", []) if choice.random() < 0.5 else []:
            measured += [limits.get("low"), limits.get("high")]
        _convert(filter(None, measured), units, choice)
    for key in ("medicationStatements", "medicationRequests", "medicationAdministrations"):
        for resource in resources(changed, key):
            _convert_doses(resource, _DOSES, choice)
    for entry in changed["context"].get("draftOrders", {}).get("entry", []):
        _convert_doses(entry["resource"], _ORDERED_DOSES, choice)
    return changed


def _codes(resource: Json) -> list[str]:
    return [coding.get("code", "") for coding in resource.get("code", {}).get("coding", [])]


def _convert_doses(resource: Json, units: dict[str, list[tuple[str, str]]], choice: random.Random) -> None:
    """Doses of an order, a statement or an administration, in place."""
    for name in ("dosage", "dosageInstruction"):
        dosages = resource.get(name, [])
        for dosage in [dosages] if isinstance(dosages, dict) else dosages:
            rates = [part.get("doseQuantity") for part in dosage.get("doseAndRate", [])]
            _convert(filter(None, [*rates, dosage.get("dose")]), units, choice)


def _convert(quantities: Iterable[Json], units: dict[str, list[tuple[str, str]]], choice: random.Random) -> None:
    """All of them to the same other unit, in place; those of a unit that is not known, or of none, stay."""
    number = choice.random()
    for quantity in quantities:
        others = units.get(quantity.get("code", ""), [])
        if not others:
            continue
        unit, factor = others[int(number * len(others))]
        over, _, under = factor.partition("/")
        # As exact as JSON allows: a value that stands on a limit must stay on it.
        value = Fraction(str(quantity["value"])) * Fraction(over) / Fraction(under or 1)
        quantity |= {"value": float(value), "unit": unit, "code": unit}


def units_are_stated(body: Json) -> bool:
    """Whether no number stands without its unit: what such a one means is read off the others."""
    labs = [resource.get("valueQuantity") for resource in resources(body, "labs")]
    return all("code" in quantity for quantity in labs if quantity)


# On another day

CALENDAR = 146_097
"""Days after which the calendar, leap years and weekdays included, begins anew: 400 years."""

_DATE = re.compile(r"\b\d{4}-\d\d(-\d\d)?\b")
_YEAR = re.compile(
    r"(?<=\| )\d{4}(?= \|[^|]*\|$)", re.MULTILINE
)  # alone in the last but one column of a table of facts


def moved_back(value: Any, days: int) -> Any:
    """Cards with the dates in their texts, and in what they draft, as many days earlier."""
    if isinstance(value, dict):
        return {name: moved_back(item, days) for name, item in value.items()}
    if isinstance(value, list):
        return [moved_back(item, days) for item in value]
    if isinstance(value, str):
        for pattern in (_DATE, _YEAR):
            value = pattern.sub(lambda date: fixtures.moved({"start": date[0]}, -days)["start"], value)
    return value


def dates_are_full(body: Json) -> bool:
    """Whether no date is only a year or a month: such a one moves by whole years or months."""
    return all(len(date) >= len("2026-11-22") for date in _dates(body, fixtures.moved(body, CALENDAR)))


def _dates(value: Any, moved: Any) -> Iterator[str]:
    """The dates of a body: what is another on another day."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _dates(item, moved[name])
    elif isinstance(value, list):
        for item, other in zip(value, moved, strict=True):
            yield from _dates(item, other)
    elif value != moved:
        yield value


# Less to find


def without(body: Json, key: str, unwanted: Callable[[Json], bool]) -> Json:
    """The same request without some resources of one prefetch key."""
    changed = deepcopy(body)
    for name, bundle in bundles(changed):
        if name == key and "entry" in bundle:
            bundle["entry"] = [entry for entry in bundle["entry"] if not unwanted(entry["resource"])]
            if "total" in bundle:
                bundle["total"] = len(bundle["entry"])
            if not bundle["entry"]:
                del bundle["entry"]
    return changed


def with_results(body: Json, better: dict[str, Callable[[Json], Json | None]]) -> Json:
    """The same request with other values of some tests: by LOINC code, what to put over an Observation, or None."""
    changed = deepcopy(body)
    for resource in resources(changed, "labs"):
        for coding in resource.get("code", {}).get("coding", []):
            if coding.get("code") in better and (value := better[coding["code"]](resource)) is not None:
                resource.pop("interpretation", None)
                resource.update(value)
    return changed
