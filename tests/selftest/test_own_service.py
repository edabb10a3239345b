"""Our own service passes its own test, advice and all."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import fixtures
from cds_service.app import create_app
from cds_service.cli.bundles import resources_in
from cds_service.fhir.servers import FhirServer
from cds_service.selftest import fhir
from cds_service.selftest.ehr import Ehr
from cds_service.selftest.listener import Listener
from cds_service.selftest.run import Result, run
from cds_service.selftest.samples import Sample
from cds_service.selftest.wire import Wire
from cds_service.settings import Settings

PATIENT = "nam-refractory-gates-passed"
ORDERS = Path(fixtures.__file__).with_name("orders") / "cyclophosphamide-above-the-cap.json"


@pytest.fixture(scope="module")
def results(serve: Callable[..., Any]) -> Iterator[list[Result]]:
    """A whole run on the service as it is started by default, which may read from our FHIR server."""
    applications: list[Any] = []

    def application(environ: Any, start_response: Any) -> Any:
        return applications[0](environ, start_response)

    with ExitStack() as stack:
        address = stack.enter_context(serve(application))
        resources = resources_in(fixtures.bundle(PATIENT, fixtures.ANCHOR))
        sample = Sample(PATIENT, resources, json.loads(ORDERS.read_bytes()))
        listener = Listener("127.0.0.1", 0, fhir.serving(sample))
        stack.callback(listener.close)
        servers = (FhirServer(f"{listener.origin}{fhir.PATH}", open=False),)
        settings = Settings(public_url=address, log_level="error", fhir_servers=servers, database="memory")
        applications.append(create_app(settings, today=lambda: fixtures.ANCHOR))
        stack.callback(applications[0].extensions["cds_service"]["engine"].close)
        yield run(Ehr(address, Wire(20), sample, fhir=listener))


def test_no_check_fails(results: list[Result]) -> None:
    failed = [f"{r.check.requirement} {r.check.name} {r.service}: {r.detail}" for r in results if r.outcome == "failed"]
    assert failed == []


def test_what_is_not_checked_is_not_there_to_be_checked(results: list[Result]) -> None:
    reasons = {result.detail for result in results if result.outcome == "not applicable"}
    assert reasons <= {
        "it is for order-select and order-sign",
        "it is for order-select",
        "neither a key nor --expect-auth was given",
        "it takes a key and --fhir-listen",
        "no extension came; --patient-bundle can give a patient who has something to be said of",
        "the service takes no feedback",
    }


def test_each_service_is_called(results: list[Result]) -> None:
    assert {result.service for result in results} == {"", "nam-patient-view", "nam-order-select", "nam-order-sign"}
