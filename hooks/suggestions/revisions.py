"""Changes to a resource that the client holds: the whole of it as it came, with one element changed (CH-ACT-04, -05).

What came is kept even where it is not valid R4, and every number with its precision. A resource without an id cannot
be changed; neither is one that holds a null or an empty element, or is nested more deeply than FHIR ever is: these
would break on the wire (CH-GEN-03, CH-GEN-04).
"""

import re
from decimal import Decimal
from typing import Any

import msgspec

from cds_service.protocol.cards import Action
from hooks.assessment import Assessment
from hooks.chart.facts import DrugCourse, Fact
from hooks.chart.units import plain

_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-._~:=+@]+")
"""With ids of any length (CH-PF-15)."""
_exact = msgspec.json.Decoder(float_hook=Decimal)
_DEEPEST = 64
_LONGEST = 1000
"""Words of a dosage; longer ones are not looked through for a dose to change."""
_SAME = 1e-6
_MG = {"mg": 1.0, "milligram": 1.0, "milligrams": 1.0, "g": 1000.0, "gram": 1000.0, "grams": 1000.0}
_STATED = re.compile(r"(\d[\d., ]*?)(\s*)(mg|milligrams?|g|grams?)\b(\s*/)?", re.IGNORECASE)
_GROUPED = re.compile(r"[ ,](?=\d{3}(?!\d))")


def as_sent(a: Assessment, reference: str) -> dict[str, Any] | None:
    """The JSON of a resource as the client sent it; None where it was not kept, has no id, or cannot be sent back."""
    raw = a.chart.raw.get(reference)
    if raw is None or not _REFERENCE.fullmatch(reference):
        return None
    try:
        resource = _exact.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
        return None
    named = isinstance(resource, dict) and f"{resource.get('resourceType')}/{resource.get('id')}" == reference
    return resource if named and _sendable(resource) else None


def original(a: Assessment, course: DrugCourse) -> dict[str, Any] | None:
    """The JSON of the order or entry behind a course, as `as_sent` gives it."""
    return as_sent(a, course.source)


def update(description: str, resource: dict[str, Any]) -> Action:
    """Replace the client's resource by this one: same id and meta, only what was meant to change changed."""
    return Action(type="update", description=description, resource=resource)


def delete(description: str, order: Fact) -> Action | None:
    """Remove an order; None when it has no id to name it by."""
    if not _REFERENCE.fullmatch(order.source):
        return None
    return Action(type="delete", description=description, resource_id=order.source)


def with_dose(order: dict[str, Any], course: DrugCourse, mg: float) -> dict[str, Any] | None:
    """The order with `mg` as its dose, and nothing else changed.

    None unless the order has one dosage, with one dose per administration that is a plain quantity in mg or g, and
    `course` was read so. Where the dosage's words state the same dose, they change with it, so that the order does not
    contradict itself; None where they state another, or more than one.
    """
    dosage = _single(order.get("dosageInstruction"))
    rate = _single(dosage.get("doseAndRate")) if dosage else None
    quantity = rate.get("doseQuantity") if rate and "doseRange" not in rate else None
    if dosage is None or rate is None or not isinstance(quantity, dict) or "comparator" in quantity:
        return None
    scale = _scale(quantity)
    value = quantity.get("value")
    if scale is None or isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    ordered = float(value) * scale
    if not _is_the_dose(course, ordered):
        return None
    words = {name: dosage[name] for name in ("text", "patientInstruction") if name in dosage}
    changed = {name: _restated(said, ordered, mg) for name, said in words.items()}
    if None in changed.values():
        return None
    corrected = {**rate, "doseQuantity": {**quantity, "value": _number(mg / scale)}}
    return {**order, "dosageInstruction": [{**dosage, **changed, "doseAndRate": [corrected]}]}


def _sendable(resource: dict[str, Any]) -> bool:
    """Whether no value is null or empty, and nothing is nested too deeply."""
    level: list[Any] = [resource]
    for _ in range(_DEEPEST):
        if any(value is None or value in ("", [], {}) for value in level):
            return False
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return True
    return False


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _single(value: Any) -> dict[str, Any] | None:
    return value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) else None


def _scale(quantity: dict[str, Any]) -> float | None:
    """How many mg a unit of the quantity is; None unless its code, or else its unit, is mg or g."""
    spelled = [text for name in ("code", "unit") if isinstance(text := quantity.get(name), str) and text]
    scales = {_MG.get(plain(text)) for text in spelled}
    return scales.pop() if len(scales) == 1 else None


def _is_the_dose(course: DrugCourse, mg: float) -> bool:
    """Whether this amount was read as what is given each time."""
    if len(course.steps) != 1:
        return False
    step = course.steps[0]
    each = step.basis == "mg" and step.low is not None and step.low == step.high and step.over_days == 1
    return each and not (step.total or step.from_text) and step.low is not None and abs(step.low - mg) <= _SAME


def _restated(said: Any, old: float, new: float) -> Any:
    """The words of a dosage with the new dose in place of the old; None when they state anything but the old one."""
    if not isinstance(said, str) or len(said) > _LONGEST:
        return None
    found = list(_STATED.finditer(said))
    if not found:
        return said
    one = found[0]
    unit = _MG[one[3].lower()]
    try:
        stated = float(_GROUPED.sub("", one[1])) * unit
    except ValueError:
        return None
    if len(found) > 1 or one[4] or abs(stated - old) > _SAME:
        return None
    return f"{said[: one.start()]}{_number(new / unit)}{one[2]}{one[3]}{said[one.end() :]}"


def _number(value: float) -> float | int:
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded
