"""A web application, an engine and a FHIR server around the service of `support`."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.engine import Engine
from cds_service.fhir.servers import FhirServer
from cds_service.registry import CdsService
from cds_service.settings import Settings
from tests.cds_service.support import TODAY, Ehr, Seen, service


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def demo(seen: Seen) -> CdsService:
    return service(seen)


@pytest.fixture
def ehr() -> Iterator[Ehr]:
    server = Ehr()
    yield server
    server.stop()


@pytest.fixture
def make_engine(ehr: Ehr) -> Iterator[Callable[..., Engine]]:
    """Engines that may call the FHIR server; `open_server`: without a token."""
    made: list[Engine] = []

    def make(*, open_server: bool = False, **settings: Any) -> Engine:
        usual: dict[str, Any] = {"fhir_servers": (FhirServer(ehr.base, open_server),), "deadline_seconds": 5.0}
        made.append(Engine(Settings(**(usual | settings))))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def engine(make_engine: Callable[..., Engine]) -> Engine:
    return make_engine()


@pytest.fixture
def make_app(demo: CdsService) -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(*services: CdsService, **settings: Any) -> Flask:
        made.append(
            create_app(
                Settings(**({"database": "memory"} | settings)), services=services or (demo,), today=lambda: TODAY
            )
        )
        return made[-1]

    yield make
    for app in made:
        app.extensions["cds_service"]["engine"].close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
