"""The orders that an order hook asks about: `context.draftOrders` as one more source (CH-CTX-05 to -07, CH-HOOK-06).

Drafts are taken as they come: of any type, not valid R4, without an id, in a Bundle without a type.
"""

from typing import Any

import msgspec

from cds_service.errors import InvalidRequest
from cds_service.fhir import bundles
from cds_service.fhir.bundles import Head, Resource
from cds_service.fhir.views import MedicationRequest, decode
from cds_service.patient_data import DRAFT_ORDERS, Entry, Source
from cds_service.sources import Gathered

PLACE = f"context.{DRAFT_ORDERS}"
MOST = 1000
"""Entries of one Bundle: more is no session of a person who writes orders."""
_encoder = msgspec.json.Encoder(decimal_format="number")


def draft_orders(context: dict[str, Any]) -> dict[str, Gathered]:
    """The source of the drafts, by its key; empty when the context has none. Entries that cannot be read are named.

    Raises InvalidRequest for more than `MOST` entries.
    """
    bundle = context.get(DRAFT_ORDERS)
    if bundle is None:
        return {}
    if isinstance(sent := bundle.get("entry"), list) and len(sent) > MOST:
        raise InvalidRequest(
            f"{PLACE} holds more than {MOST} entries.", f"{PLACE}.entry", "Send the orders of this session only."
        )
    split = bundles.split(msgspec.Raw(_encoder.encode(bundle)), MedicationRequest, keep_json=True)
    items = split.items if split else ()
    entries: list[Entry] = []
    medications: list[Entry] = []
    lost: list[str] = []
    for index, item in enumerate(items):
        location = f"{PLACE}.entry[{index}]"
        head = item.head or _what_can_be_read(item.resource)
        if head is None:
            lost.append(location)
            continue
        entry = Entry(item.resource, location, item.full_url or "", head)
        (medications if head.resource_type == "Medication" else entries).append(entry)
    reason = f"entries that cannot be read: {', '.join(lost)}" if lost else ""
    source = Source(DRAFT_ORDERS, "incomplete" if lost else "complete", tuple(entries), reason)
    return {DRAFT_ORDERS: Gathered(source, tuple(medications), len(entries))}


def _what_can_be_read(order: msgspec.Raw) -> Head | None:
    """The head of an order of which some member, such as its id, has a wrong type; None if its type is not known."""
    try:
        found, _ = decode(order, Resource)
    except bundles.UNREADABLE:
        return None
    if not found.resource_type:
        return None
    return Head(found.resource_type, found.id or None, found.subject, found.patient, medication_reference=None)
