"""A foreign patient as the request of a record system, for whichever hook a service has."""

import copy
from collections.abc import Iterable
from typing import Any

from cds_service.cli.bundles import request_of
from cds_service.registry import CdsService
from tests.foreign_patients.populations import Foreigner, Resource

MOST_DRAFTS = 10


def request(one: Foreigner, service: CdsService, orders: Iterable[Resource]) -> dict[str, Any]:
    """The call of this service. `orders`: MedicationRequests that are being written, for the hooks that have them."""
    _, made = request_of(copy.deepcopy(one.bundle), service, one.id)
    if service.hook in ("order-select", "order-sign"):
        drafts = [_draft(one, order, number) for number, order in enumerate(orders, 1)]
        made["context"]["draftOrders"] = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": draft} for draft in drafts],
        }
        if service.hook == "order-select":
            made["context"]["selections"] = [f"MedicationRequest/{draft['id']}" for draft in drafts]
    return made


def orders_of(one: Foreigner) -> list[Resource]:
    """The last orders on the patient's own record."""
    own = [resource for resource in one.resources if resource["resourceType"] == "MedicationRequest"]
    return sorted(own, key=lambda order: str(order.get("authoredOn", "")))[-MOST_DRAFTS:]


def _draft(one: Foreigner, order: Resource, number: int) -> Resource:
    """The order as it stood before it was signed."""
    signed = ("status", "authoredOn", "identifier", "meta", "text")
    kept = {name: value for name, value in order.items() if name not in signed}
    return kept | {"id": f"draft-{number}", "status": "draft", "subject": {"reference": f"Patient/{one.id}"}}
