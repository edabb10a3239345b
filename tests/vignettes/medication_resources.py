"""A course of a drug as MedicationStatement, MedicationRequest or MedicationAdministration."""

import re
from collections.abc import Iterator

import msgspec

from .fhir_parts import Json, concept, day, look_up, quantity, subject
from .patient_words import Course, PatientError
from .vocabulary import CONDITIONS, DRUGS, UCUM

_FORMS = {
    "statement": ("MedicationStatement", "medicationStatements"),
    "request": ("MedicationRequest", "medicationRequests"),
    "administration": ("MedicationAdministration", "medicationAdministrations"),
}
_STATUSES = {
    "statement": "active completed entered-in-error intended stopped on-hold unknown not-taken",
    "request": "active on-hold cancelled completed entered-in-error stopped draft unknown",
    "administration": "in-progress not-done on-hold completed entered-in-error stopped unknown",
}
_PERIOD_UNITS = {"hour": "h", "day": "d", "week": "wk", "month": "mo"}


def medications(drug: str, course: Course, where: str) -> Iterator[tuple[str, Json]]:
    """The resources of one course, one for each of its dates, with the prefetch key they belong to."""
    dates = course.on if isinstance(course.on, list) else [course.on]
    for moment in dates:
        yield _FORMS[course.as_][1], _medication(drug, course, moment, where)


def ordered(drug: str, course: Course, where: str) -> Json:
    """A course as one MedicationRequest of the drafts; undated unless the course says when it was `ordered`."""
    moments = course.on if isinstance(course.on, list) else [course.on] if course.on else []
    request = msgspec.structs.replace(course, as_="request", on=None)
    order = _medication(drug, request, None, where)
    if moments:
        if course.from_ or course.to:
            raise PatientError(f"{where}: either `on` or `from`/`to`, not both")
        (dosage,) = order.setdefault("dosageInstruction", [{}])
        dosage.setdefault("timing", {})["event"] = [day(moment, where) for moment in moments]
    if not course.ordered:
        order.pop("authoredOn", None)
    return order


def _medication(drug: str, course: Course, moment: str | None, where: str) -> Json:
    if course.status not in _STATUSES[course.as_].split():
        raise PatientError(f"{where}.status: {course.status!r} is none of {_STATUSES[course.as_]}")
    if moment and (course.from_ or course.to):
        raise PatientError(f"{where}: either `on` or `from`/`to`, not both")
    if course.lasts and (course.as_ != "request" or moment or course.from_ or course.to):
        raise PatientError(f"{where}.lasts: is for orders without `on`, `from` and `to`")
    medicine: Json = {
        "resourceType": _FORMS[course.as_][0],
        "status": course.status,
        "medicationCodeableConcept": _medicine_name(drug, course, where),
        "subject": subject(),
    }
    if course.reason:
        reason = {"text": course.reason}
        medicine["statusReason"] = reason if course.as_ == "request" else [reason]
    if course.for_:
        known = CONDITIONS.get(course.for_)
        medicine["reasonCode"] = [concept(known) if known else {"text": course.for_}]
    if course.note:
        medicine["note"] = [{"text": course.note}]
    timing = _timing(course, where)
    if course.as_ == "request":
        medicine |= _ordered(course, moment, timing, where)
    else:
        medicine |= _effective(course, moment, where)
    dosage = _dosage(course, timing, where)
    route = course.route or (DRUGS[drug].route if drug in DRUGS else None)
    if dosage and route:
        dosage["route"] = {"text": route}
    if dosage:
        key = "dosageInstruction" if course.as_ == "request" else "dosage"
        medicine[key] = dosage if course.as_ == "administration" else [dosage]
    return medicine


def _ordered(course: Course, moment: str | None, timing: Json, where: str) -> Json:
    """What only an order has; its period goes into ``timing``."""
    if moment:
        timing["event"] = [day(moment, where)]
    elif period := _period(course, where):
        timing.setdefault("repeat", {})["boundsPeriod"] = period
    elif course.lasts:
        count, unit = _time(course.lasts, f"{where}.lasts")
        duration = {"value": count, "unit": unit, "system": UCUM, "code": unit}
        timing.setdefault("repeat", {})["boundsDuration"] = duration
    written = course.ordered or moment or course.from_
    return {"intent": "order"} | ({"authoredOn": day(written, where)} if written else {})


def _effective(course: Course, moment: str | None, where: str) -> Json:
    """When a statement or administration holds."""
    if moment:
        return {"effectiveDateTime": day(moment, where)}
    if period := _period(course, where):
        return {"effectivePeriod": period}
    if course.as_ == "administration":
        raise PatientError(f"{where}: an administration needs `on` or `from`/`to`")
    return {}


def _period(course: Course, where: str) -> Json:
    limits = {"start": course.from_, "end": course.to}
    return {side: day(limit, where) for side, limit in limits.items() if limit is not None}


def _dosage(course: Course, timing: Json, where: str) -> Json:
    dosage: Json = {"text": course.dosage_text} if course.dosage_text else {}
    if course.as_ == "administration":
        return dosage | ({"dose": quantity(course.dose, where)} if course.dose else {})
    if course.dose:
        dosage["doseAndRate"] = [{"doseQuantity": quantity(course.dose, where)}]
    if timing:
        dosage["timing"] = timing
    if course.as_needed:
        dosage["asNeededBoolean"] = True
    return dosage


def _medicine_name(drug: str, course: Course, where: str) -> Json:
    if course.product:
        return {"text": course.product}
    known = look_up(DRUGS, drug, f"{where} (or give a `product`)")
    return concept(known.code, known.text)


def _timing(course: Course, where: str) -> Json:
    repeat: Json = {}
    if course.every:
        period, unit = _time(course.every, f"{where}.every")
        repeat = {"frequency": course.times or 1, "period": period, "periodUnit": unit}
    elif course.times:
        raise PatientError(f"{where}.times: says how often within `every`, which is missing")
    if course.count:
        repeat["count"] = course.count
    return {"repeat": repeat} if repeat else {}


def _time(written: str, where: str) -> tuple[int, str]:
    """A number and a FHIR unit of time."""
    matched = re.fullmatch(r"(?:(\d+) )?(hour|day|week|month)s?", written)
    if not matched:
        raise PatientError(f"{where}: {written!r} is not like 'day', 'week' or '12 hours'")
    return int(matched[1] or 1), _PERIOD_UNITS[matched[2]]
