"""When there is a console, who gets in, and whose forms are taken."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from cds_service.console.access import LOGINS_PER_MINUTE, Access, check_console, same_site
from cds_service.errors import SettingsError
from cds_service.headers import POLICY
from cds_service.settings import Settings
from tests.console.conftest import NAME, PASSWORD, SAME_SITE

Make = Callable[..., Flask]


def basic(name: str = NAME, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
def guarded(make_app: Make, users_file: Path, tmp_path: Path) -> Flask:
    """An application with a page of the console, behind a login."""
    return with_page(make_app(console="on", console_users=users_file, audit_log=tmp_path / "audit"))


def with_page(app: Flask) -> Flask:
    routes = Access(app.extensions["cds_service"]["settings"]).pages("example", __name__)

    @routes.route("/example", methods=["GET", "POST"])
    def page() -> str:
        return "seen"

    app.register_blueprint(routes)
    return app


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ({}, False),
        ({"demo": True}, True),
        ({"demo": True, "console": "off"}, False),
        ({"demo": True, "console": "on"}, True),
        ({"console": "off"}, False),
    ],
)
def test_it_is_there_in_a_demonstration_and_not_at_a_site(settings: dict[str, object], offered: bool) -> None:
    assert Access(Settings(**settings)).offered == offered  # type: ignore[arg-type]


def test_a_site_has_it_only_with_users(users_file: Path) -> None:
    assert Access(Settings(console="on", console_users=users_file)).offered
    with pytest.raises(SettingsError, match="NAM_CDS_CONSOLE_USERS: is not set"):
        check_console(Settings(console="on"))


@pytest.mark.parametrize("reach", [{"host": "0.0.0.0"}, {"public_url": "https://demo.example.org"}])
def test_a_demonstration_that_others_reach_is_on_only_with_users(reach: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="NAM_CDS_CONSOLE_USERS: is not set"):
        check_console(Settings(demo=True, console="on", **reach))  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{}, {"console": "off"}, {"demo": True, "console": "off"}])
def test_users_of_no_console_are_refused(users_file: Path, settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="the console is off"):
        check_console(Settings(console_users=users_file, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("reach", [{"host": "0.0.0.0"}, {"public_url": "http://nam.example.org"}])
def test_passwords_are_sent_by_https_alone(users_file: Path, reach: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="NAM_CDS_PUBLIC_URL: has to be an https address"):
        check_console(Settings(console="on", console_users=users_file, **reach))  # type: ignore[arg-type]
    https = reach | {"public_url": "https://nam.example.org"}
    assert check_console(Settings(console="on", console_users=users_file, **https))  # type: ignore[arg-type]


def test_a_page_is_shown_to_those_who_log_in(guarded: Flask) -> None:
    client = guarded.test_client()
    answer = client.get("/example", headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "<h1>Unauthorized</h1>" in answer.text
    assert client.get("/example", headers=basic()).text == "seen"
    for wrong in (basic(password="wrong"), basic(name="mallory"), {"Authorization": "Bearer x"}):
        assert client.get("/example", headers=wrong).status_code == 401
    assert client.get("/example", headers=basic()).text == "seen"


def test_its_pages_may_send_forms_to_this_service_and_are_not_kept(guarded: Flask) -> None:
    answer = guarded.test_client().get("/example", headers=basic())
    assert answer.headers["Content-Security-Policy"] == POLICY.replace("form-action 'none'", "form-action 'self'")
    assert "no-store" in answer.headers["Cache-Control"]


def test_guessing_is_slowed_down_and_those_within_go_on(guarded: Flask) -> None:
    client = guarded.test_client()
    assert client.get("/example", headers=basic()).status_code == 200
    for _ in range(LOGINS_PER_MINUTE - 1):
        assert client.get("/example", headers=basic(password="guess")).status_code == 401
    refused = client.get("/example", headers=basic(password="guess"))
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] in map(str, range(1, 7))
    assert "attempts to log in" in refused.text
    assert client.get("/example", headers=basic()).status_code == 200


def test_who_looked_at_which_page_is_in_the_audit_and_no_password(guarded: Flask, tmp_path: Path) -> None:
    client = guarded.test_client()
    client.get("/example?patient=secret", headers=basic())
    client.get("/example", headers=basic(name="mallory"))
    text = (tmp_path / "audit").read_text()
    seen, refused = map(json.loads, text.splitlines())
    assert (seen["page"], seen["login"], seen["status"]) == ("example.page", NAME, 200)
    assert (refused["page"], refused["outcome"], refused["status"]) == ("example.page", "login-required", 401)
    assert "login" not in refused
    assert not any(word in text for word in (PASSWORD, "secret", "mallory"))


def test_a_form_of_another_site_is_refused(guarded: Flask) -> None:
    client = guarded.test_client()
    assert client.post("/example", headers=basic() | SAME_SITE).text == "seen"
    answer = client.post("/example", headers=basic() | {"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "Open the page at http://127.0.0.1:8080/" in answer.text


@pytest.mark.parametrize(
    ("host", "origin", "fetch_site", "ours"),
    [
        ("nam.example.org", "https://nam.example.org", "same-origin", True),
        ("10.0.0.1:8080", "https://nam.example.org", None, True),  # a proxy that gives its own name for Host
        ("127.0.0.1:8090", "http://127.0.0.1:8090", None, True),  # a port that was mapped to ours
        ("localhost:8080", "http://localhost:8080", "same-origin", True),
        ("nam.example.org", None, None, True),  # no browser
        ("nam.example.org", "null", "same-origin", True),  # a page that names no referrer
        ("nam.example.org", None, "none", True),  # sent again after a restart of the browser
        ("nam.example.org", "null", None, False),
        ("nam.example.org", "null", "cross-site", False),
        ("nam.example.org", "https://nam.example.org", "cross-site", False),
        ("nam.example.org", "https://other.example.org", None, False),
        ("nam.example.org", "http://nam.example.org", None, False),
        ("nam.example.org", None, "same-site", False),
        ("rebound.example.net:8080", "http://rebound.example.net:8080", "same-origin", False),
        ("nam.example.org", "http://[::1", None, False),  # no origin, and no address at all
    ],
)
def test_whose_forms_are_taken(host: str, origin: str | None, fetch_site: str | None, ours: bool) -> None:
    assert same_site("https://nam.example.org", host, origin, fetch_site) == ours


def test_a_site_has_nothing_of_the_console_or_the_demonstration(make_app: Make) -> None:
    """Nothing but the protocol, and what anybody may read: every other address of a demonstration is not there."""
    site, demo = make_app(), make_app(demo=True, console="on")
    own = {"cds_hooks", "layout", "rules", "home", "feedback", "metrics"}
    assert {rule.endpoint.partition(".")[0] for rule in site.url_map.iter_rules()} == own
    takes = {rule.rule for rule in site.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert takes == {"/cds-services/<service_id>", "/cds-services/<service_id>/feedback"}
    others = {rule.rule for rule in demo.url_map.iter_rules()} - {rule.rule for rule in site.url_map.iter_rules()}
    assert others
    for address in others:
        for method in ("GET", "POST"):
            answer = site.test_client().open(re.sub("<[^>]+>", "nam-child", address), method=method)
            assert answer.status_code == 404, address
