"""Medication resources that orders and statements name by reference."""

from collections.abc import Iterable
from functools import partial
from urllib.parse import quote

import msgspec

from cds_service.fhir import bundles
from cds_service.fhir.client import Exchange, FhirClient
from cds_service.fhir.references import relative
from cds_service.fhir.servers import FhirAccess, under
from cds_service.sources import Gathered

MOST_READS = 60
"""Medications read for one request; what lies beyond stays unresolved."""


def medications(
    gathered: Iterable[Gathered],
    access: FhirAccess | None,
    client: FhirClient,
    deadline: float,
    max_bytes: int,
) -> dict[str, msgspec.Raw]:
    """Medication resources by each reference that names them, as written and as `Medication/id`.

    Those that did not come along are read from the request's FHIR server; what cannot be had is not in the answer.
    """
    gathered = tuple(gathered)
    found = _bundled(gathered)
    missing: dict[str, str] = {}
    for reference in _references(gathered):
        name = relative(reference)
        if reference in found:
            continue
        if name in found:
            found[reference] = found[name]
        elif access and name and name.startswith("Medication/"):
            address = under(access.server.base, reference)
            id_ = name.partition("/")[2]
            address = address and under(access.server.base, f"Medication/{quote(id_, safe='')}")
            if address:
                missing[reference] = address
    if access and missing:
        found |= _fetched(missing, access, client, deadline, max_bytes)
    return found


def _references(gathered: Iterable[Gathered]) -> dict[str, None]:
    """Every reference to a Medication outside its own resource, in order of appearance."""
    return {
        head.medication_reference.reference: None
        for one in gathered
        for entry in one.source.entries
        if (head := entry.head)
        and head.medication_reference
        and head.medication_reference.reference
        and not head.medication_reference.reference.startswith("#")
    }


def _bundled(gathered: Iterable[Gathered]) -> dict[str, msgspec.Raw]:
    found: dict[str, msgspec.Raw] = {}
    for one in gathered:
        for entry in one.others:
            head = bundles.head(entry.resource)
            if head is None or head.resource_type != "Medication":
                continue
            if entry.full_url:
                found[entry.full_url] = entry.resource
            if head.id:
                found[f"Medication/{head.id}"] = entry.resource
    return found


def _fetched(
    missing: dict[str, str], access: FhirAccess, client: FhirClient, deadline: float, max_bytes: int
) -> dict[str, msgspec.Raw]:
    addresses = list(dict.fromkeys(missing.values()))[:MOST_READS]
    results = client.run([partial(_read, client, access, max_bytes, address) for address in addresses], deadline)
    bodies = dict(zip(addresses, results, strict=True))
    found: dict[str, msgspec.Raw] = {}
    for reference, address in missing.items():
        body = bodies.get(address)
        if isinstance(body, bytes) and bundles.resource_type(raw := msgspec.Raw(body)) == "Medication":
            found[reference] = raw
            found[relative(reference) or reference] = raw
    return found


def _read(client: FhirClient, access: FhirAccess, max_bytes: int, address: str, exchange: Exchange) -> bytes:
    return client.get(address, access, exchange, max_bytes)
