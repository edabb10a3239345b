"""Real services, a FHIR server on real sockets, and all that it may do wrong, for a required and an optional source."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fixtures
from cds_service.engine import Engine
from cds_service.errors import ServiceError
from cds_service.fhir.servers import FhirServer
from cds_service.protocol.templates import fill
from cds_service.registry import CdsService
from cds_service.settings import Settings
from hooks import services as own_services
from hooks.knowledge import load
from tests.cds_service.support import TOKEN, Ehr, bundle, with_access
from tests.faults.matrix import FAULTS, MOST_BYTES, MOST_PAGES, NAMED, SLOWLY_NAMED, Fault, Scene

PATIENT = "nam-refractory-gates-passed"
ORDERS = Path(fixtures.__file__).parent / "orders" / "cyclophosphamide-above-the-cap.json"
REQUIRED, OPTIONAL = ("patient", "conditions"), "medicationRequests"
ON_CARDS = {"conditions": "conditions", OPTIONAL: "medication orders"}
CASES = [
    (fault, key)
    for fault in FAULTS
    for key in (*REQUIRED, OPTIONAL)
    if not (key == "patient" and fault.answer == "partly checked")  # a patient is no list
]
ORDERED = {
    "resourceType": "MedicationRequest",
    "id": "folic-acid",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "Folic acid 5 mg"},
    "subject": {"reference": f"Patient/{PATIENT}"},
}
AMPLE = 15.0
"""Seconds within which a call with a deadline of half a second has ended, also on a slow machine."""


@pytest.fixture(scope="module")
def services() -> dict[str, CdsService]:
    return {service.hook: service for service in own_services(load())}


@pytest.fixture
def elsewhere() -> Iterator[Ehr]:
    server = Ehr()
    yield server
    server.stop()


class Site:
    """A service, its engine and its FHIR server. One thread for FHIR calls, which is missed if it is held."""

    def __init__(self, service: CdsService) -> None:
        self.service = service
        self.ehr = Ehr()
        gone = Ehr()
        gone.stop()
        self.gone = gone.base
        self.engine = Engine(
            Settings(
                fhir_servers=(
                    FhirServer(self.ehr.base),
                    FhirServer(self.gone),
                    FhirServer(NAMED),
                    FhirServer(SLOWLY_NAMED),
                ),
                fhir_calls=1,
                deadline_seconds=60,
                max_pages=MOST_PAGES,
                max_response_bytes=MOST_BYTES,
                log_level="error",
            )
        )
        self.context: dict[str, Any] = {"userId": "Practitioner/1", "patientId": PATIENT}
        if service.hook == "order-sign":
            self.context |= json.loads(ORDERS.read_text(encoding="utf-8"))
        self.chart: dict[str, Any] = fixtures.prefetch(PATIENT, fixtures.ANCHOR) | {OPTIONAL: bundle(ORDERED)}
        self.paths = {one.key: f"/fhir/{fill(one.query, self.context)}" for one in service.prefetch}
        self.heal()

    def heal(self) -> None:
        self.ehr.default = 404
        self.ehr.pages = {path: self.chart[key] for key, path in self.paths.items()}

    def ask(self, base: str, prefetch: Any = None) -> list[dict[str, Any]]:
        request = with_access(base, prefetch) | {"hook": self.service.hook, "context": self.context}
        body = self.engine.answer(self.service, json.dumps(request).encode(), fixtures.ANCHOR)
        cards: list[dict[str, Any]] = json.loads(body)["cards"]
        return cards

    def close(self) -> None:
        self.ehr.stop()
        self.engine.close()


@pytest.fixture(scope="module", params=["patient-view", "order-sign"])
def site(request: pytest.FixtureRequest, services: dict[str, CdsService]) -> Iterator[Site]:
    made = Site(services[request.param])
    yield made
    made.close()


def told(site: Site, base: str, without: str) -> list[dict[str, Any]] | ServiceError:
    """The cards, or the refusal, of a request that brings everything but one source."""
    try:
        return site.ask(base, {key: value for key, value in site.chart.items() if key != without})
    except ServiceError as error:
        return error


def summaries(cards: list[dict[str, Any]]) -> list[str]:
    return [card["summary"] for card in cards]


def name(value: Fault | str) -> str:
    return value if isinstance(value, str) else value.does.replace(" ", "-").replace("`", "")


@pytest.mark.parametrize(("fault", "key"), CASES, ids=name)
def test_CH_AUTHZ_08_CH_PF_10_CH_SSRF_06_CH_SSRF_08_each_fault_has_its_answer(
    site: Site, elsewhere: Ehr, fault: Fault, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = site.ask(site.ehr.base)
    assert healthy

    with monkeypatch.context() as patch:
        scene = Scene(site.ehr, elsewhere, site.gone, site.chart[key], patch)
        site.ehr.pages[site.paths[key]] = fault.befall(scene)
        if fault.late:
            patch.setattr(site.engine._gatherer, "_seconds", 0.5)
        started = time.monotonic()
        answer = told(site, scene.base, key)
        assert time.monotonic() - started < AMPLE
    assert elsewhere.requests == []
    check(fault, key, answer, healthy)

    site.heal()
    assert summaries(site.ask(site.ehr.base)) == summaries(healthy)


def check(fault: Fault, key: str, answer: list[dict[str, Any]] | ServiceError, healthy: list[dict[str, Any]]) -> None:
    if fault.answer == "another patient" or (key in REQUIRED and fault.answer == "not available"):
        assert isinstance(answer, ServiceError)
        (issue,) = answer.issues
        code = "patient-mismatch" if fault.answer == "another patient" else "data-unavailable"
        assert (answer.status, answer.code, issue.where) == (412, code, f"prefetch.{key}")
        assert fault.reason in issue.text
        assert issue.remedy
        assert TOKEN not in issue.text
        assert PATIENT not in issue.text
    else:
        assert isinstance(answer, list)
        assert summaries(answer) == summaries(healthy)
        details = "".join(card["detail"] for card in answer)
        said = "not checked" if fault.answer == "not available" else "only partly checked"
        assert f"{ON_CARDS[key]} {said} (" in details
        assert fault.reason in details
        assert f"{ON_CARDS[key]} {said}" not in "".join(card["detail"] for card in healthy)
