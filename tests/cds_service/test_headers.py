"""The headers of every answer of every route."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

import fixtures
from cds_service.app import create_app
from cds_service.headers import FORMS, HEADERS
from cds_service.settings import Settings
from tests.cds_service.support import complete, request

VALUES = ("nam-patient-view", "StatinExposure", "style.css", "Patient", "nam-child", "no-such-thing")
CACHED = re.compile(r"no-cache|no-store")


@pytest.fixture(scope="module")
def apps() -> Iterator[dict[str, Flask]]:
    made = {
        name: create_app(
            Settings(log_level="error", demo=name == "demo", database="memory"), today=lambda: fixtures.ANCHOR
        )
        for name in ("site", "demo")
    }
    yield made
    for app in made.values():
        app.extensions["cds_service"]["engine"].close()


def addresses(app: Flask) -> list[str]:
    """An address of each route, and one of none. Variable parts name something, and something that is not there."""
    found = ["/nope"]
    for rule in app.url_map.iter_rules():
        found += [re.sub(r"<[^>]+>", value, rule.rule) for value in VALUES]
    return sorted(set(found))


@pytest.mark.parametrize("name", ["site", "demo"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_CH_SEC_09_every_answer_of_every_route_has_the_headers(apps: dict[str, Flask], name: str, method: str) -> None:
    client = apps[name].test_client()
    seen = set()
    for address in addresses(apps[name]):
        response = client.open(address, method=method)
        seen.add(response.status_code)
        sent = dict(response.headers)
        assert HEADERS.items() <= sent.items() or (HEADERS | FORMS).items() <= sent.items(), address
        assert len(response.headers.getlist("Content-Security-Policy")) == 1
        assert CACHED.search(response.headers["Cache-Control"]), address
        assert "Strict-Transport-Security" not in response.headers
        if address.startswith("/cds-services/"):
            assert response.headers["Cache-Control"] == "no-store", address
        response.close()
    assert 404 in seen or method == "OPTIONS"


def test_CH_SEC_09_answers_that_hold_patient_data_are_not_stored(apps: dict[str, Flask]) -> None:
    client = apps["demo"].test_client()
    for address in ("/fhir/Patient/nam-child", "/fhir/Patient", "/fhir/Patient/nobody"):
        assert client.get(address).headers["Cache-Control"] == "no-store"


def test_the_policy_allows_no_script_no_frame_and_no_other_host() -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert set(policy.values()) == {"'none'", "'self'"}
    assert "script-src" not in policy
    assert "camera=()" in HEADERS["Permissions-Policy"]


def test_CH_SEC_01_strict_transport_security_where_the_public_address_is_https(make_app: Callable[..., Flask]) -> None:
    client = make_app(public_url="https://cds.example.org").test_client()
    answers = (client.get("/"), client.post("/cds-services/demo", json=request(complete())), client.get("/nope"))
    for answer in answers:
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
