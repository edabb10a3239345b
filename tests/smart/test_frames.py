"""Cookies and frames: where the app may be shown, and what a browser keeps of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.headers import HEADERS
from cds_service.settings import Settings
from cds_service.smart import discovery
from tests.cds_service.security.signing import clients_file

BASE, HOSPITAL = "https://ehr.example.org/fhir", "https://ehr.example.org"
CONFIGURATION = (
    b'{"authorization_endpoint": "https://login.example.org/a", "token_endpoint": "https://login.example.org/t",'
    b' "code_challenge_methods_supported": ["S256"]}'
)


@pytest.fixture
def client_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FlaskClient]:
    """A browser at a service behind https. What the record system would say of its sign-in is put in its place."""
    monkeypatch.setattr(discovery, "_fetch", lambda server, ca_bundle: CONFIGURATION)

    def make(**smart: Any) -> FlaskClient:
        clients = clients_file(tmp_path, fhir_servers=[BASE], smart={"client_id": "x"} | smart)
        settings = Settings(clients=clients, public_url="https://cds.example.org", database="memory", log_level="error")
        app: Flask = create_app(settings)
        return app.test_client()

    return make


def launch(client: FlaskClient) -> Any:
    return client.get("/smart/launch", query_string={"iss": BASE, "launch": "x"})


def test_the_cookie_goes_to_this_host_over_https_alone_and_to_no_script(client_of: Callable[..., FlaskClient]) -> None:
    answer = launch(client_of())
    assert answer.headers["Location"].startswith("https://login.example.org/a?")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    name, *kinds = [part.strip() for part in cookie.split(";")]
    assert name.startswith("__Host-nam-cds-launch=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= set(kinds)
    assert "Partitioned" not in kinds
    assert not [kind for kind in kinds if kind.startswith("Domain")]


def test_in_a_frame_the_cookie_belongs_to_the_site_around_it(client_of: Callable[..., FlaskClient]) -> None:
    (cookie,) = launch(client_of(frame=[HOSPITAL])).headers.getlist("Set-Cookie")
    assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned"} <= {part.strip() for part in cookie.split(";")}


def test_no_page_is_framed_where_nothing_is_said_of_frames(client_of: Callable[..., FlaskClient]) -> None:
    for answer in (launch(client_of()), client_of().get("/smart/app")):
        assert HEADERS["X-Frame-Options"] == answer.headers["X-Frame-Options"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_the_hospital_s_own_pages_may_frame_the_app_and_nothing_else_of_it(
    client_of: Callable[..., FlaskClient],
) -> None:
    client = client_of(frame=[HOSPITAL, "https://portal.example.org"])
    for answer in (launch(client), client.get("/smart/app")):
        policy = answer.headers["Content-Security-Policy"]
        assert f"frame-ancestors {HOSPITAL} https://portal.example.org" in policy
        assert "default-src 'none'" in policy
        assert "X-Frame-Options" not in answer.headers
    assert "frame-ancestors 'none'" in client.get("/rules/").headers["Content-Security-Policy"]


def test_the_public_key_set_is_empty_without_a_key(client_of: Callable[..., FlaskClient]) -> None:
    assert client_of().get("/smart/jwks.json").get_json() == {"keys": []}
