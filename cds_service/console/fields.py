"""What of one FHIR resource can be changed in a form, and changing it: dates, values, doses, status.

A field names its place in the resource by a path, such as `("valueQuantity", "value")`. What spoke of the old value (a
flag, a comparator, the dosage in words) goes when the value changes: a record system would not send it along.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import msgspec

from cds_service.console.places import Json

Path: TypeAlias = tuple[str | int, ...]
Kind = Literal["number", "date", "choice", "text"]
RESULT: Path = ("result",)
"""Not an element of FHIR: what an Observation found, in a word, wherever it says so."""
_VALUES = ("valueQuantity", "valueInteger", "valueCodeableConcept", "valueString")
_DAY = 10
_STATUSES = {
    "MedicationStatement": ("active", "completed", "intended", "stopped", "on-hold", "not-taken", "unknown"),
    "MedicationRequest": ("active", "on-hold", "cancelled", "completed", "stopped", "draft", "unknown"),
    "MedicationAdministration": ("in-progress", "not-done", "on-hold", "completed", "stopped", "unknown"),
    "Procedure": ("preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "unknown"),
}
_UNITS_OF_TIME = ("h", "d", "wk", "mo")

_ANNOTATION = re.compile(r"\{[^{}]*\}")
"""A remark of UCUM, such as `{score}`: no unit, and nothing to read."""


class Field(msgspec.Struct, frozen=True):
    """One value that can be changed. `value`: as it was sent, as text; empty where there is none."""

    path: Path
    label: str
    kind: Kind
    value: str
    unit: str = ""
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The path as text."""
        return ".".join(map(str, self.path))


def fields(resource: Json, result: str = "", results: tuple[str, ...] = ()) -> tuple[Field, ...]:
    """What can be changed of a resource. `result`, `results`: what an Observation found, and what it could have."""
    found: Iterable[Field]
    match resource.get("resourceType"):
        case "Observation":
            found = _observation(resource, result, results)
        case "MedicationStatement" | "MedicationAdministration":
            found = (*_dates(resource, "effective"), *_status(resource), *_dosages(resource, "dosage"))
        case "MedicationRequest":
            found = (
                _date(resource, ("authoredOn",), "Ordered on"),
                *_status(resource),
                *_dosages(resource, "dosageInstruction"),
            )
        case "Procedure":
            found = (*_dates(resource, "performed"), *_status(resource))
        case "Condition":
            found = (_date(resource, ("onsetDateTime",), "Since"),)
        case "Patient":
            found = (_date(resource, ("birthDate",), "Born on"),)
        case _:
            found = ()
    return tuple(found)


def change(resource: Json, path: Path, text: str) -> None:
    """Set what is at a path of `fields`; an empty text takes away what is no member of a list.

    The text has been checked for its kind.
    """
    if path == RESULT:
        for name in (*_VALUES, "interpretation"):
            resource.pop(name, None)
        resource["valueString"] = text
        return
    holder: Any = resource
    for step, following in pairwise(path):
        if isinstance(step, str) and not isinstance(holder.get(step), dict | list):
            holder[step] = [] if isinstance(following, int) else {}
        holder = holder[step]
    last = path[-1]
    old = holder[last] if isinstance(last, int) else holder.get(last)
    if text:
        holder[last] = _typed(old, path, text)
    else:
        holder.pop(last, None)
    _forget(resource, path, holder)


def _typed(old: Any, path: Path, text: str) -> Any:
    """The text as JSON. A day that replaces a day keeps the time of day that was sent with it."""
    if path[-1] in _NUMBERS:
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() and "." not in text else number
    if _is_date(path) and isinstance(old, str) and len(old) > _DAY and len(text) == _DAY:
        return text + old[_DAY:]
    return text


_NUMBERS = frozenset({"value", "valueInteger", "frequency", "period"})


def _is_date(path: Path) -> bool:
    return path[-1] in ("start", "end", "authoredOn", "birthDate") or "event" in path or "Date" in str(path[-1])


def _forget(resource: Json, path: Path, holder: Json) -> None:
    if path[0] in ("valueQuantity", "valueInteger"):
        resource.pop("interpretation", None)
        holder.pop("comparator", None)
    elif path[0] in ("dosage", "dosageInstruction") and path[-1] != "text":
        dosage = at(resource, path[: 2 if isinstance(path[1], int) else 1])
        dosage.pop("text", None)


def _observation(resource: Json, result: str, results: tuple[str, ...]) -> Iterator[Field]:
    quantity = resource.get("valueQuantity")
    if isinstance(quantity, dict):
        unit = str(quantity.get("unit") or quantity.get("code") or "")
        yield from _number(resource, ("valueQuantity", "value"), "Value", unit)
    yield from _number(resource, ("valueInteger",), "Value")
    if results:
        yield Field(RESULT, "Result", "choice", result, options=results)
    yield from _dates(resource, "effective", instant=True)


def _dates(resource: Json, name: str, *, instant: bool = False) -> Iterator[Field]:
    """The date of a resource that has one, or a period."""
    single = f"{name}DateTime"
    if instant and f"{name}Instant" in resource:
        yield _date(resource, (f"{name}Instant",), "Date")
    elif single in resource or (instant and f"{name}Period" not in resource):
        yield _date(resource, (single,), "Date")
    else:
        yield from (_date(resource, (f"{name}Period", end), label) for end, label in (("start", "From"), ("end", "To")))


def _status(resource: Json) -> Iterator[Field]:
    status = resource.get("status")
    known = _STATUSES[resource["resourceType"]]
    if isinstance(status, str):
        yield Field(("status",), "Status", "choice", status, options=tuple(dict.fromkeys((status, *known))))


def _dosages(resource: Json, name: str) -> Iterator[Field]:
    """The fields of each dosage; that of an administration is one, and no list."""
    dosages = resource.get(name)
    several = isinstance(dosages, list) and len(dosages) > 1
    each = enumerate(dosages) if isinstance(dosages, list) else ((None, dosages),)
    for index, dosage in each:
        if isinstance(dosage, dict):
            place: Path = (name,) if index is None else (name, index)
            yield from _dosage(resource, place, f", step {(index or 0) + 1}" if several else "")


def _dosage(resource: Json, place: Path, step: str) -> Iterator[Field]:
    yield from _quantity(resource, (*place, "dose"), f"Dose{step}")
    rates = at(resource, (*place, "doseAndRate"))
    for index, _ in enumerate(rates if isinstance(rates, list) else ()):
        rate = (*place, "doseAndRate", index)
        yield from _quantity(resource, (*rate, "doseQuantity"), f"Dose{step}")
        yield from _quantity(resource, (*rate, "doseRange", "low"), f"Dose from{step}")
        yield from _quantity(resource, (*rate, "doseRange", "high"), f"Dose to{step}")
    repeat = (*place, "timing", "repeat")
    yield from _number(resource, (*repeat, "frequency"), f"Times{step}")
    yield from _number(resource, (*repeat, "period"), f"in a period of{step}")
    unit = at(resource, (*repeat, "periodUnit"))
    if isinstance(unit, str):
        options = tuple(dict.fromkeys((unit, *_UNITS_OF_TIME)))
        yield Field((*repeat, "periodUnit"), f"Unit of the period{step}", "choice", unit, options=options)
    if isinstance(at(resource, (*repeat, "boundsPeriod")), dict):
        yield _date(resource, (*repeat, "boundsPeriod", "start"), f"From{step}")
        yield _date(resource, (*repeat, "boundsPeriod", "end"), f"To{step}")
    events = at(resource, (*place, "timing", "event"))
    for index, _ in enumerate(events if isinstance(events, list) else ()):
        yield _date(resource, (*place, "timing", "event", index), f"Given on{step}")
    if isinstance(text := at(resource, (*place, "text")), str):
        yield Field((*place, "text"), f"Dosage in words{step}", "text", text)


def _quantity(resource: Json, place: Path, label: str) -> Iterator[Field]:
    quantity = at(resource, place)
    if isinstance(quantity, dict):
        yield from _number(resource, (*place, "value"), label, str(quantity.get("unit") or quantity.get("code") or ""))


def _number(resource: Json, path: Path, label: str, unit: str = "") -> Iterator[Field]:
    value = at(resource, path)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        read = _ANNOTATION.sub("", unit).strip()
        yield Field(path, label, "number", f"{value:f}" if isinstance(value, Decimal) else str(value), read)


def _date(resource: Json, path: Path, label: str) -> Field:
    value = at(resource, path)
    return Field(path, label, "date", value[:_DAY] if isinstance(value, str) else "")


def at(resource: Json, path: Path) -> Any:
    """What is at a path; None where nothing is."""
    value: Any = resource
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value
