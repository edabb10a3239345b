"""A chart that was saved to a file, as the request of a record system.

A Bundle is searched as a FHIR server would search it, with the service's own templates; its references are resolved.
"""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

from cds_service.demo.search import Resource, Resources
from cds_service.errors import InvalidRequest
from cds_service.protocol.templates import fill
from cds_service.registry import CdsService, PrefetchTemplate


def request_of(resources: Resources, service: CdsService, patient_id: str) -> dict[str, Any]:
    """The request about a patient with these resources as prefetch."""
    context = {"userId": "Practitioner/example", "patientId": patient_id}
    return {
        "hookInstance": str(uuid.uuid4()),
        "hook": service.hook,
        "context": context,
        "prefetch": {template.key: _answer(resources, template, context) for template in service.prefetch},
    }


def unasked(resources: Resources, prefetch: dict[str, Any]) -> list[str]:
    """How many resources of each type no template asked for, of the types that templates ask for."""
    asked = {(one["resourceType"], one["id"]) for answer in prefetch.values() for one in _held(answer)}
    types = {type_ for type_, _ in asked}
    left = {type_: sum((type_, one["id"]) not in asked for one in resources.of_type(type_)) for type_ in sorted(types)}
    return [f"{count} {type_}" for type_, count in left.items() if count]


def _held(answer: Resource) -> list[Resource]:
    if answer["resourceType"] != "Bundle":
        return [answer]
    return [entry["resource"] for entry in answer.get("entry", ())]


def _answer(resources: Resources, template: PrefetchTemplate, context: dict[str, Any]) -> Resource | None:
    """What a FHIR server with these resources would answer, with the Medications that are referred to."""
    query = fill(template.query, context) or ""
    path, is_search, parameters = query.partition("?")
    if not is_search:
        type_, _, id_ = path.partition("/")
        return resources.read(type_, id_)
    found = resources.search(path, parse_qs(parameters))
    entries = [{"resource": one, "search": {"mode": "match"}} for one in found]
    entries += [{"resource": one, "search": {"mode": "include"}} for one in _medications(resources, found)]
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    return bundle | ({"entry": entries} if entries else {})  # FHIR allows no empty array


def _medications(resources: Resources, found: Iterable[Resource]) -> Iterator[Resource]:
    named = (one.get("medicationReference") for one in found)
    references = (str(one.get("reference")) for one in named if isinstance(one, dict))
    for reference in dict.fromkeys(references):
        type_, _, id_ = reference.partition("/")
        medication = resources.read(type_, id_)
        if medication:
            yield medication


def resources_in(bundle: Resource) -> list[Resource]:
    """All resources of a Bundle and of Bundles in it, each with an id, and references between them as `Type/id`.

    Raises InvalidRequest where the Bundle's entries are none.
    """
    entries = list(_entries(bundle))
    names: dict[str, str] = {}
    for number, (full_url, resource) in enumerate(entries, 1):
        if not isinstance(resource.get("id"), str):
            resource["id"] = full_url.rpartition(":")[2] if full_url.startswith("urn:") else f"entry-{number}"
        if full_url:
            names[full_url] = f"{resource['resourceType']}/{resource['id']}"
    for _, resource in entries:
        _rename(resource, names)
    return [resource for _, resource in entries]


def _entries(bundle: Resource) -> Iterator[tuple[str, Resource]]:
    entries = bundle.get("entry") or []
    if not isinstance(entries, list):
        raise InvalidRequest("The Bundle's entry is not a list.", "entry", "Send a FHIR R4 Bundle.")
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            continue
        if resource["resourceType"] == "Bundle":
            yield from _entries(resource)
        else:
            yield str(entry.get("fullUrl") or ""), resource


def _rename(value: Any, names: dict[str, str]) -> None:
    """Write references that are full URLs as `Type/id`, however deep they stand."""
    inside = [value]
    while inside:
        value = inside.pop()
        if isinstance(value, dict):
            reference = value.get("reference")
            if isinstance(reference, str) and reference in names:
                value["reference"] = names[reference]
            inside += value.values()
        elif isinstance(value, list):
            inside += value
