"""The orders that an order hook asks about: `context.draftOrders` as one more source (CH-CTX-05 to -07, CH-HOOK-06).

Drafts are taken as they come: of any type, not valid R4, without an id, in a Bundle without a type.
"""

from typing import Any

import msgspec

from cds_service.fhir import bundles
from cds_service.fhir.views import MedicationRequest
from cds_service.patient_data import DRAFT_ORDERS, Entry, Source
from cds_service.sources import Gathered

PLACE = f"context.{DRAFT_ORDERS}"


def draft_orders(context: dict[str, Any]) -> dict[str, Gathered]:
    """The source of the drafts, by its key; empty when the context has none. Entries that cannot be read are named."""
    bundle = context.get(DRAFT_ORDERS)
    if bundle is None:
        return {}
    split = bundles.split(msgspec.Raw(msgspec.json.encode(bundle)), MedicationRequest, keep_json=True)
    items = split.items if split else ()
    entries: list[Entry] = []
    medications: list[Entry] = []
    lost: list[str] = []
    for index, item in enumerate(items):
        location = f"{PLACE}.entry[{index}]"
        if item.head is None:
            lost.append(location)
            continue
        entry = Entry(item.resource, location, item.full_url or "", item.head)
        (medications if item.head.resource_type == "Medication" else entries).append(entry)
    reason = f"entries that cannot be read: {', '.join(lost)}" if lost else ""
    source = Source(DRAFT_ORDERS, "incomplete" if lost else "complete", tuple(entries), reason)
    return {DRAFT_ORDERS: Gathered(source, tuple(medications), len(entries))}
