"""What people come for, by keyboard alone: a card is dismissed, a suggestion accepted, a chart tried with changes."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import fixtures
from tests.browser.reader import WIDTHS, Reader, reading
from tests.browser.server import Site, served

pytestmark = pytest.mark.browser

REFRACTORY = "nam-refractory-gates-passed"
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def own() -> Iterator[Site]:
    """A demonstration of its own, as what is answered there is remembered."""
    with served(demo=True) as site:
        yield site


@pytest.fixture(params=[min(WIDTHS), 1280])
def reader(request: pytest.FixtureRequest, chromium: Browser, own: Site) -> Iterator[Reader]:
    with reading(chromium, own.address, request.param) as reader:
        yield reader


def reach(page: Page, wanted: Locator) -> None:
    """Press Tab until the focus is there."""
    for _ in range(400):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {wanted}")


def quiet(reader: Reader) -> None:
    """The page that has come is as good as any other."""
    assert reader.complaints() + reader.violations() == []


def test_a_card_is_dismissed(reader: Reader) -> None:
    page = reader.open(f"/patients/{REFRACTORY}")
    card = page.get_by_role("article").last
    shown = page.get_by_role("article").count()
    reach(page, card.locator("details.dismiss > summary"))
    page.keyboard.press("Enter")
    later = card.get_by_role("radio", name="Will be done later")
    page.keyboard.press("Tab")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
        if later.is_checked():
            break
    reach(page, card.get_by_role("button", name="Dismiss"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Put off")).to_contain_text("Dismissed until")
    assert page.get_by_role("article").count() == shown - 1
    quiet(reader)


def test_a_suggestion_is_accepted(reader: Reader) -> None:
    page = reader.open(f"/patients/{REFRACTORY}")
    button = page.locator(".suggestion button").first
    label = button.inner_text()
    reach(page, button)
    page.keyboard.press("Enter")
    accepted = page.locator(".accepted")
    expect(accepted).to_contain_text(label)
    expect(accepted).to_contain_text("accepted")
    quiet(reader)


def test_a_changed_ck_changes_the_cards(reader: Reader) -> None:
    page = reader.open(f"/try/{REFRACTORY}")
    quiet(reader)
    value = page.get_by_role("group", name="Creatine kinase").first.get_by_label("Value")
    reach(page, value)
    page.keyboard.press("Control+A")
    page.keyboard.type("150")
    page.keyboard.press("Enter")
    difference = page.get_by_role("region", name="What that changes")
    expect(difference).to_contain_text("goes")
    expect(page.get_by_role("region", name="What you changed")).to_contain_text("150")
    quiet(reader)


def test_a_chart_is_brought_and_its_text_stays_text(reader: Reader) -> None:
    """All that a chart says in words is shown, and none of it becomes part of the page."""
    bundle = fixtures.bundle(REFRACTORY, fixtures.ANCHOR)
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Patient":
            resource["name"] = [{"text": EVIL}]
        resource.get("medicationCodeableConcept", {})["text"] = f"methotrexate {EVIL}"
    page = reader.open("/try")
    page.get_by_label("A FHIR R4 Bundle").fill(json.dumps(bundle))
    reach(page, page.get_by_role("button", name="Open this chart"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What the clinician sees")).to_be_visible()
    assert EVIL in page.content().replace("&lt;", "<").replace("&gt;", ">")
    assert page.locator("img").count() == 0
    quiet(reader)


def test_what_is_no_chart_is_told_at_its_field(reader: Reader) -> None:
    page = reader.open("/try")
    page.get_by_label("A FHIR R4 Bundle").fill("no chart")
    page.get_by_role("button", name="Open this chart").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This cannot be tried")
    assert page.get_by_label("A FHIR R4 Bundle").input_value().strip() == "no chart"
    assert reader.violations() == []
