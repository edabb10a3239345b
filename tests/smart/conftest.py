"""The service as a site runs it, with a record system that launches its app, each on an address of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import fixtures
from cds_service.app import create_app
from cds_service.settings import Settings
from tests.cds_service.security.signing import clients_file
from tests.smart.ehr import CLIENT_ID, Ehr, Serving

PATIENT = "nam-refractory-gates-passed"
NAME = "Emil Testperson"


@pytest.fixture
def ehr(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ehr]:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # of the authorization server, which is on loopback
    server = Ehr()
    yield server
    server.stop()


class Clock:
    """Seconds since the epoch, which a test may let pass."""

    def __init__(self) -> None:
        self.now = 4_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Service(Serving):
    """The service, and where it is."""

    def begin(self, browser: requests.Session, **parameters: str) -> requests.Response:
        """The answer to a launch with these parameters; no redirect is followed."""
        return browser.get(f"{self.base}/smart/launch", params=parameters, allow_redirects=False, headers=HTML)

    def open(self, browser: requests.Session, **parameters: str) -> requests.Response:
        """The page at the end of a launch, wherever it led."""
        return browser.get(f"{self.base}/smart/launch", params=parameters, headers=HTML)

    def get(self, browser: requests.Session, path: str = "/smart/app") -> requests.Response:
        return browser.get(self.base + path, allow_redirects=False, headers=HTML)


HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def make_service(ehr: Ehr, tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Service]]:
    """Services whose client launches the app; `smart` changes its registration, `off` leaves it out."""
    made: list[Service] = []

    def make(smart: dict[str, Any] | None = None, *, off: bool = False, **settings: Any) -> Service:
        service = Service()
        ehr.client.redirect_uris = (f"{service.base}/smart/callback",)
        registration = None if off else {"client_id": CLIENT_ID} | (smart or {})
        clients = clients_file(tmp_path, fhir_servers=[ehr.iss], smart=registration)
        usual: dict[str, Any] = {
            "clients": clients,
            "public_url": service.base,
            "database": "memory",
            "log_level": "info",
            "audit_log": tmp_path / "audit.jsonl",
        }
        service.app = create_app(Settings(**(usual | settings)), today=lambda: fixtures.ANCHOR, now=clock)
        made.append(service)
        return service

    yield make
    for service in made:
        service.stop()
        service.app.extensions["cds_service"]["engine"].close()


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return make_service()


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session
