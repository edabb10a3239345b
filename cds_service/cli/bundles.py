"""A Bundle as the request of a record system: references resolved, and searched with the service's own templates."""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

from cds_service.cli.http import Failure
from cds_service.demo.search import Resource, Resources
from cds_service.protocol.templates import fill
from cds_service.registry import CdsService, PrefetchTemplate


def request_of(bundle: Resource, service: CdsService, patient_id: str | None) -> tuple[Resources, dict[str, Any]]:
    """The resources of a Bundle, and the request with them as prefetch. Raises Failure when the patient is unclear."""
    resources = Resources(resources_in(bundle))
    patient = patient_in(resources, patient_id)
    context = {"userId": "Practitioner/example", "patientId": patient}
    request = {
        "hookInstance": str(uuid.uuid4()),
        "hook": service.hook,
        "context": context,
        "prefetch": {template.key: _answer(resources, template, context) for template in service.prefetch},
    }
    return resources, request


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


def patient_in(resources: Resources, wanted: str | None) -> str:
    """The patient that is meant. Raises Failure when that is unclear."""
    there = [str(patient["id"]) for patient in resources.of_type("Patient")]
    if wanted is not None:
        wanted = wanted.removeprefix("Patient/")
        if wanted not in there:
            raise Failure(f"The Bundle has no patient {wanted}.", f"It has: {', '.join(there) or 'none'}.")
        return wanted
    if not there:
        raise Failure("The Bundle has no Patient.", "Add the Patient resource to it.")
    if len(there) > 1:
        raise Failure(f"The Bundle has {len(there)} patients.", f"Choose one with --patient: {', '.join(there)}.")
    return there[0]


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
    references = [one["medicationReference"].get("reference") for one in found if "medicationReference" in one]
    for reference in dict.fromkeys(references):
        type_, _, id_ = str(reference).partition("/")
        medication = resources.read(type_, id_)
        if medication:
            yield medication


def resources_in(bundle: Resource) -> list[Resource]:
    """All resources of a Bundle and of Bundles in it, each with an id, and references between them as `Type/id`."""
    entries = list(_entries(bundle))
    names: dict[str, str] = {}
    for number, (full_url, resource) in enumerate(entries, 1):
        resource.setdefault("id", full_url.rpartition(":")[2] if full_url.startswith("urn:") else f"entry-{number}")
        if full_url:
            names[full_url] = f"{resource['resourceType']}/{resource['id']}"
    for _, resource in entries:
        _rename(resource, names)
    return [resource for _, resource in entries]


def _entries(bundle: Resource) -> Iterator[tuple[str, Resource]]:
    entries = bundle.get("entry") or []
    if not isinstance(entries, list):
        raise Failure("The Bundle's entry is not a list.")
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            continue
        if resource["resourceType"] == "Bundle":
            yield from _entries(resource)
        else:
            yield str(entry.get("fullUrl") or ""), resource


def _rename(value: Any, names: dict[str, str]) -> None:
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str) and reference in names:
            value["reference"] = names[reference]
        for item in value.values():
            _rename(item, names)
    elif isinstance(value, list):
        for item in value:
            _rename(item, names)
