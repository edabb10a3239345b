"""The demonstration's pages: the fixture patients, their cards as a record system would show them, and why."""

import uuid
from collections.abc import Callable
from datetime import date
from functools import partial

import msgspec
from flask import Blueprint, Response, render_template, request

import fixtures
from cds_service.catalogue import Catalogue
from cds_service.demo import FHIR_PATH
from cds_service.demo.fhir import TYPES
from cds_service.engine import Engine
from cds_service.errors import NotFound
from cds_service.explanation import Explanation, explain, report
from cds_service.headers import allow_forms
from cds_service.registry import CdsService
from cds_service.web.desk import Desk
from cds_service.web.layout import pages
from cds_service.web.view import Links, View
from hooks.knowledge.model import Knowledge

VIEWING, SIGNING = "patient-view", "order-sign"
USER = "Practitioner/demo"


class _Scene(msgspec.Struct, frozen=True):
    """What a page is about: a patient's chart that is opened, or orders that are signed in it."""

    story: fixtures.Story
    service: CdsService
    path: str
    orders: fixtures.Orders | None = None

    @property
    def drafts(self) -> frozenset[str]:
        """References to the orders, which are on no server yet."""
        entries = self.orders.context["draftOrders"]["entry"] if self.orders else ()
        return frozenset(f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in entries)

    def request(self, today: date, public_url: str) -> bytes:
        """What a record system would send."""
        more = self.orders.context if self.orders else {}
        return msgspec.json.encode(
            {
                "hookInstance": str(uuid.uuid4()),
                "hook": self.service.hook,
                "fhirServer": public_url + FHIR_PATH,
                "context": {"userId": USER, "patientId": self.story.id} | more,
                "prefetch": fixtures.prefetch(self.story.id, today),
            }
        )


def blueprint(
    knowledge: Knowledge, catalogue: Catalogue, engine: Engine, desk: Desk, today: Callable[[], date]
) -> Blueprint:
    routes = pages("patients", __name__)
    services = {service.hook: service for service in catalogue.services}
    public_url = engine.settings.public_url

    def scene(patient_id: str, orders_id: str | None) -> _Scene:
        story, path = _story(patient_id), f"/patients/{patient_id}"
        if orders_id is None:
            return _Scene(story, services[VIEWING], path)
        return _Scene(story, services[SIGNING], f"{path}/orders/{orders_id}", _orders(patient_id, orders_id))

    def explained(shown: _Scene) -> Explanation:
        return explain(engine, shown.service, knowledge, shown.request(today(), public_url), today())

    @routes.get("/")
    def start() -> str:
        return render_template(
            "patients.html",
            stories=fixtures.stories(),
            orders=fixtures.orders(),
            service=services[VIEWING],
            public_url=public_url,
        )

    @routes.get("/patients/<patient_id>")
    @routes.get("/patients/<patient_id>/orders/<orders_id>")
    def patient(patient_id: str, orders_id: str | None = None) -> str:
        shown = scene(patient_id, orders_id)
        body = shown.request(today(), public_url)
        exchange = desk.call(shown.service.id, body, request.remote_addr or "")
        explanation = explain(engine, shown.service, knowledge, body, today())
        if desk.answering:
            allow_forms()
        return render_template(
            "patient.html",
            scene=shown,
            story=shown.story,
            orders=[one for one in fixtures.orders() if one.patient == patient_id],
            view=View(
                explanation,
                Links(partial(_reference, shown.drafts), partial(_short, patient_id)),
                orders=shown.orders is not None,
                remember=True,
                exchange=exchange,
                answers=desk.answers(shown.path, shown.service, explanation, exchange, request.args.get("sent", "")),
            ),
        )

    @routes.get("/patients/<patient_id>/request.json")
    @routes.get("/patients/<patient_id>/orders/<orders_id>/request.json")
    def request_json(patient_id: str, orders_id: str | None = None) -> Response:
        return _json(scene(patient_id, orders_id).request(today(), public_url))

    @routes.get("/patients/<patient_id>/response.json")
    @routes.get("/patients/<patient_id>/orders/<orders_id>/response.json")
    def response_json(patient_id: str, orders_id: str | None = None) -> Response:
        shown = scene(patient_id, orders_id)
        return _json(engine.answer(shown.service, shown.request(today(), public_url), today()))

    @routes.get("/patients/<patient_id>/trace.json")
    @routes.get("/patients/<patient_id>/orders/<orders_id>/trace.json")
    def trace_json(patient_id: str, orders_id: str | None = None) -> Response:
        return _json(msgspec.json.encode(report(explained(scene(patient_id, orders_id)))))

    return routes


def _story(patient_id: str) -> fixtures.Story:
    for story in fixtures.stories():
        if story.id == patient_id:
            return story
    raise NotFound("There is no demonstration patient of this name.", remedy="The start page lists them.")


def _orders(patient_id: str, orders_id: str) -> fixtures.Orders:
    for one in fixtures.orders():
        if (one.id, one.patient) == (orders_id, patient_id):
            return one
    raise NotFound("There are no such orders for this patient.", remedy="The patient's page lists them.")


def _json(body: bytes) -> Response:
    return Response(msgspec.json.format(body, indent=2), mimetype="application/json")


def _reference(drafts: frozenset[str], source: str) -> str:
    """The address of a resource on the demonstration's FHIR server; empty for anything else, `drafts` included."""
    type_, _, id_ = source.partition("/")
    known = type_ in TYPES and id_ and "/" not in id_ and "#" not in id_ and source not in drafts
    return f"{FHIR_PATH}/{type_}/{id_}" if known else ""


def _short(patient_id: str, source: str) -> str:
    """A reference to read: the fixtures' ids begin with the patient's."""
    return source.replace(f"/{patient_id}-", " ", 1)
