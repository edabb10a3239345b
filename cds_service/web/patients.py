"""The demonstration's pages: the fixture patients, their cards as a record system would show them, and why."""

import json
import uuid
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import msgspec
from flask import Blueprint, Response, render_template

import fixtures
from cds_service.catalogue import Catalogue
from cds_service.demo import FHIR_PATH
from cds_service.demo.fhir import TYPES
from cds_service.engine import Engine
from cds_service.errors import NotFound
from cds_service.explanation import explain, report
from cds_service.web.layout import pages
from hooks.knowledge.model import Knowledge

HOOK = "patient-view"
USER = "Practitioner/demo"


def blueprint(knowledge: Knowledge, catalogue: Catalogue, engine: Engine, today: Callable[[], date]) -> Blueprint:
    routes = pages("patients", __name__)
    service = next(service for service in catalogue.services if service.hook == HOOK)

    public_url = engine.settings.public_url

    def sent(patient_id: str) -> bytes:
        return _request(patient_id, today(), public_url)

    @routes.get("/")
    def start() -> str:
        return render_template("patients.html", stories=fixtures.stories(), service=service, public_url=public_url)

    @routes.get("/patients/<patient_id>")
    def patient(patient_id: str) -> str:
        story = _story(patient_id)
        explanation = explain(engine, service, knowledge, sent(patient_id), today())
        return render_template(
            "patient.html",
            story=story,
            person=explanation.evaluation.assessment,
            explanation=explanation,
            counts=_counts(explanation.verdicts),
            service=service,
            links={"reference": _reference, "short": partial(_short, patient_id)},
            pretty=_pretty,
        )

    @routes.get("/patients/<patient_id>/request.json")
    def request_json(patient_id: str) -> Response:
        _story(patient_id)
        return _json(sent(patient_id))

    @routes.get("/patients/<patient_id>/response.json")
    def response_json(patient_id: str) -> Response:
        _story(patient_id)
        return _json(engine.answer(service, sent(patient_id), today()))

    @routes.get("/patients/<patient_id>/trace.json")
    def trace_json(patient_id: str) -> Response:
        _story(patient_id)
        found = explain(engine, service, knowledge, sent(patient_id), today())
        return _json(msgspec.json.encode(report(found)))

    return routes


def _story(patient_id: str) -> fixtures.Story:
    for story in fixtures.stories():
        if story.id == patient_id:
            return story
    raise NotFound("There is no demonstration patient of this name.", remedy="The start page lists them.")


def _request(patient_id: str, today: date, public_url: str) -> bytes:
    """What a record system would send when this patient's chart is opened."""
    members = {
        "hookInstance": str(uuid.uuid4()),
        "hook": HOOK,
        "fhirServer": public_url + FHIR_PATH,
        "context": {"userId": USER, "patientId": patient_id},
        "prefetch": fixtures.prefetch(patient_id, today),
    }
    return msgspec.json.encode(members)


def _json(body: bytes) -> Response:
    return Response(msgspec.json.format(body, indent=2), mimetype="application/json")


def _counts(verdicts: Any) -> dict[str, int]:
    outcomes = [verdict.outcome for verdict in verdicts]
    return {outcome: outcomes.count(outcome) for outcome in ("fires", "cannot tell", "silent")}


def _pretty(resource: dict[str, Any]) -> str:
    return json.dumps(resource, indent=2, ensure_ascii=False)


def _reference(source: str) -> str:
    """The address of a resource on the demonstration's FHIR server; empty for anything else."""
    type_, _, id_ = source.partition("/")
    return f"{FHIR_PATH}/{type_}/{id_}" if type_ in TYPES and id_ and "/" not in id_ and "#" not in id_ else ""


def _short(patient_id: str, source: str) -> str:
    """A reference to read: the fixtures' ids begin with the patient's."""
    return source.replace(f"/{patient_id}-", " ", 1)
