"""The orders of a vignette as the drafts of an order hook, in the shape in which the public sandbox sends them.

That is a Bundle without a type, entries without a fullUrl, and MedicationRequest.category as an object.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from .fhir_parts import Json, concept, look_up, subject
from .medication_resources import ordered
from .patient_words import Course, OrderedProcedure, PatientError
from .vocabulary import PROCEDURES

Hook = Literal["patient-view", "order-select", "order-sign"]

_CATEGORY = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category", "code": "outpatient"}]
}


def draft_orders(raw: Sequence[Json]) -> list[Json]:
    """The resources of `orders`, with the ids order-1, order-2 …; PatientError names the order that is wrong."""
    return [_order(entry, number) for number, entry in enumerate(raw, start=1)]


def reference(order: Json) -> str | None:
    """`Type/id`, by which a selection or a deletion names an order; None for one without an id."""
    return f"{order['resourceType']}/{order['id']}" if {"resourceType", "id"} <= order.keys() else None


def drafts_context(hook: Hook, orders: Sequence[Json] | None, selected: Sequence[int] | None) -> Json:
    """What an order hook's context has besides user and patient.

    Without `orders` neither drafts nor selections, as from the sandbox when its tab is clicked again. Without
    `selected` all orders that have an id are selected.
    """
    if orders is None or hook == "patient-view":
        return {}
    drafts: Json = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order} for order in orders]}}
    if hook == "order-sign":
        return drafts
    chosen = orders if selected is None else [orders[number - 1] for number in selected]
    return {"selections": [named for order in chosen if (named := reference(order))]} | drafts


def _order(raw: Json, number: int) -> Json:
    where, id_ = f"orders[{number}]", f"order-{number}"
    if "resource" in raw:
        if len(raw) > 1 or not isinstance(raw["resource"], dict):
            raise PatientError(f"{where}: a `resource` is a mapping, and stands alone")
        resource: Json = raw["resource"]
        return resource
    if "procedure" in raw:
        return _procedure(_convert(raw, OrderedProcedure, where), id_, where)
    words = dict(raw)
    drug, id_, replaces = words.pop("drug", ""), words.pop("id", id_), words.pop("replaces", "")
    if "as" in words or not all(isinstance(name, str) for name in (drug, id_, replaces)):
        raise PatientError(f"{where}: `drug`, `id` and `replaces` are text, and there is no `as`")
    course = _convert({"status": "draft"} | words, Course, where)
    order = {"id": id_, "category": _CATEGORY} | ordered(drug, course, where)
    return order | ({"priorPrescription": {"reference": f"MedicationRequest/{replaces}"}} if replaces else {})


def _procedure(entry: OrderedProcedure, id_: str, where: str) -> Json:
    request = {
        "resourceType": "ServiceRequest",
        "id": id_,
        "status": entry.status,
        "intent": "order",
        "code": concept(look_up(PROCEDURES, entry.procedure, where)),
        "subject": subject(),
    }
    return request | ({"occurrenceDateTime": entry.on} if entry.on else {})


def _convert(raw: Any, to: Any, where: str) -> Any:
    try:
        return msgspec.convert(raw, to)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise PatientError(f"{where}{path.rstrip('`')}: {message}") from None
