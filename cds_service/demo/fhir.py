"""A FHIR R4 endpoint over the fixture patients: read and search only, for demonstrations (`/fhir`)."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request

import fixtures
from cds_service.demo import FHIR_PATH
from cds_service.demo.search import CONTROLS, Resources
from cds_service.errors import BadRequest, NotFound

MOST_PER_PAGE = 500
USUAL_PER_PAGE = 100
TYPES = (
    "AllergyIntolerance",
    "Condition",
    "Medication",
    "MedicationAdministration",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Patient",
    "Procedure",
)
"""What can be read and searched; there may be no resource of a type."""


@lru_cache(maxsize=2)
def resources(today: date) -> Resources:
    """All fixture patients' resources, with their dates moved to `today`."""
    return Resources(
        entry["resource"] for story in fixtures.stories() for entry in fixtures.bundle(story.id, today)["entry"]
    )


def blueprint(today: Callable[[], date]) -> Blueprint:
    """The routes under `/fhir`."""
    routes = Blueprint("fhir", __name__, url_prefix=FHIR_PATH)

    @routes.get("/metadata")
    def metadata() -> Response:
        return _fhir(_capabilities(today()))

    @routes.get("/<type_>/<id_>")
    def read(type_: str, id_: str) -> Response:
        found = resources(today()).read(_known(type_), id_)
        if found is None:
            raise NotFound("There is no such resource.", remedy=f"GET {FHIR_PATH}/{type_} lists those there are.")
        return _fhir(found)

    @routes.get("/<type_>")
    def search(type_: str) -> Response:
        return _fhir(_page(resources(today()), _known(type_)))

    @routes.post("/<type_>/_search")
    def search_by_post(type_: str) -> Response:
        return _fhir(_page(resources(today()), _known(type_)))

    @routes.after_request
    def as_fhir(response: Response) -> Response:
        response.mimetype = "application/fhir+json"
        return response

    return routes


def _fhir(resource: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(resource), mimetype="application/fhir+json")


def _known(type_: str) -> str:
    if type_ not in TYPES:
        raise NotFound("This FHIR server does not know the resource type.", remedy=f"It knows {', '.join(TYPES)}.")
    return type_


def _number(name: str, usual: int) -> int:
    text = request.values.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest(f"{name} is not a whole number.", name, "Send digits only.")
    return int(text)


def _page(all_: Resources, type_: str) -> dict[str, Any]:
    """One page of a search, as a searchset Bundle with links to itself and to the next."""
    parameters = dict(request.values.lists())
    found = all_.search(type_, parameters)
    count, offset = min(_number("_count", USUAL_PER_PAGE), MOST_PER_PAGE), _number("_offset", 0)
    base = f"{request.host_url}{FHIR_PATH.strip('/')}"
    kept = [(name, value) for name, values in parameters.items() if _narrows(name) for value in values]

    def link(relation: str, start: int) -> dict[str, str]:
        query = urlencode([*kept, ("_count", count), *([("_offset", start)] if start else [])])
        return {"relation": relation, "url": f"{base}/{type_}?{query}"}

    links = [link("self", offset)]
    if count and offset + count < len(found):
        links.append(link("next", offset + count))
    entries = [
        {
            "fullUrl": f"{base}/{type_}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in found[offset : offset + count]
    ]
    page: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
    return page | ({"entry": entries} if entries else {})  # FHIR allows no empty array


def _narrows(name: str) -> bool:
    return name not in CONTROLS or name == "_sort"


def _capabilities(today: date) -> dict[str, Any]:
    parameters = [
        {"name": name, "type": kind}
        for name, kind in (("_id", "token"), ("patient", "reference"), ("code", "token"), ("category", "token"))
    ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": today.isoformat(),
        "kind": "instance",
        "implementation": {
            "description": "Synthetic patients for trying NAM-CDS. Read and search only.",
            "url": f"{request.host_url}{FHIR_PATH.strip('/')}",
        },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": type_,
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "searchParam": parameters if type_ != "Patient" else parameters[:1],
                    }
                    for type_ in TYPES
                ],
            }
        ],
    }
