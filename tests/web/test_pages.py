"""What every page owes its reader: well-formed, nothing from outside, nothing that runs, links that lead somewhere."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

import fixtures
from hooks.knowledge import load
from tests.web.html_pages import Page, crawl

POLICY = {
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
}


@pytest.fixture(scope="module")
def pages(demo_app: Flask, site_app: Flask) -> dict[str, Page]:
    site = {f"site {address}": page for address, page in crawl(site_app.test_client()).items()}
    return site | crawl(demo_app.test_client())


def test_every_page_can_be_reached(pages: dict[str, Page]) -> None:
    knowledge = load()
    wanted = {f"/rules/{name}" for name in knowledge.rules} | {f"/patients/{story.id}" for story in fixtures.stories()}
    wanted |= {f"/rules/value-sets/{name}" for name in knowledge.value_sets}
    assert wanted <= set(pages)
    assert {f"site /rules/{name}" for name in knowledge.rules} <= set(pages)


def test_no_page_loads_or_runs_anything_from_outside(pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        assert page.loaded, address
        assert all(one.startswith("/static/") for one in page.loaded), address
        assert all(one.startswith("/") and not one.startswith("//") for one in page.sent_to), address
        assert not page.all("script"), address
        assert not page.handlers, address
        assert not any("style" in attributes for _, attributes in page.elements), address


def test_every_page_is_accessible_in_the_basics(pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        assert page.all("html") == [{"lang": "en"}], address
        assert len(page.all("h1")) == 1, address
        assert page.titles == 1, address
        assert "#main" in page.links, address
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(set(ids)) == len(ids), address


def test_every_page_says_that_nobody_has_reviewed_it(pages: dict[str, Page]) -> None:
    for address, page in pages.items():
        assert "Not reviewed by a clinician." in page.text, address


@pytest.mark.parametrize("address", ["/", "/rules/", "/rules/Relapse", "/rules/Nothing", "/fhir/Patient/nam-child"])
def test_headers_keep_the_browser_from_loading_and_running(demo: FlaskClient, address: str) -> None:
    answer = demo.get(address, headers={"Accept": "text/html"})
    assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_start_page_of_a_site_says_what_this_is(site: FlaskClient) -> None:
    page = Page(site.get("/").text)
    assert "nam-patient-view" in page.text
    assert "/rules/" in page.links
    assert "Calls are not authenticated." in page.text


def test_a_site_has_no_demonstration(site: FlaskClient) -> None:
    assert site.get("/patients/nam-child").status_code == 404
    assert site.get("/fhir/metadata").status_code == 404
