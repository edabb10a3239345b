"""The service that is asked, with a clock that relations may set."""

from collections.abc import Iterator

import pytest

from cds_service.app import create_app
from cds_service.fhir.servers import FhirServer
from cds_service.settings import Settings
from tests.cds_service.support import Ehr
from tests.metamorphic.cases import Service


@pytest.fixture(scope="session")
def fhir() -> Iterator[Ehr]:
    """A FHIR server on loopback that the service may call."""
    server = Ehr()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def service(fhir: Ehr) -> Iterator[Service]:
    settings = Settings(
        log_level="error", fhir_servers=(FhirServer(fhir.base, open=True),), deadline_seconds=60, max_pages=100
    )
    app = create_app(settings, today=lambda: made.today)
    made = Service(app.test_client())
    yield made
    app.extensions["cds_service"]["engine"].close()
