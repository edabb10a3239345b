"""In Chromium: from the card in the record system's chart to the patient's page, and away again."""

import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from tests.browser.reader import WIDTHS, reading
from tests.smart.conftest import NAME, PATIENT, Service
from tests.smart.ehr import Ehr
from tests.smart.test_links import cards, smart

pytestmark = pytest.mark.browser


def test_the_link_of_a_card_leads_to_the_course_of_the_right_patient(
    ehr: Ehr, service: Service, chromium: Browser
) -> None:
    card = cards(service)[0]
    (link,) = smart(card)
    chart = f"{ehr.base}/chart/{PATIENT}?{urlencode({'app': link['url'], 'context': link['appContext']})}"
    with reading(chromium, service.base) as reader:
        page = reader.page
        page.goto(chart)
        page.get_by_role("link", name=link["label"]).click()
        page.wait_for_url(f"{service.base}/smart/app*")
        assert page.url == f"{service.base}/smart/app#rule-{card['source']['topic']['code']}"
        assert page.get_by_role("heading", level=1).inner_text() == NAME
        assert page.locator("section[aria-labelledby=course] svg").first.is_visible()
        assert page.get_by_role("heading", name="Why, and why not").is_visible()
        shown = page.locator("article.card h3").all_inner_texts()
        assert shown == [one["summary"] for one in cards(service)]
        for cookie in page.context.cookies():
            assert cookie["httpOnly"], cookie["name"]
            assert PATIENT not in json.dumps(dict(cookie))

        reader.open("/smart/app")
        assert reader.complaints() == []
        assert reader.violations() == []
        page.get_by_role("button", name="Close this chart").click()
        assert page.get_by_role("heading", level=1).inner_text() == "The chart is closed"
        page.go_back()
        page.wait_for_load_state()
        assert NAME not in page.content(), "what is closed does not come back from the browser's memory"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_every_window(ehr: Ehr, service: Service, chromium: Browser, width: int) -> None:
    with reading(chromium, service.base, width) as reader:
        reader.page.goto(f"{service.base}/smart/launch?{urlencode(ehr.launch(PATIENT))}")
        assert reader.open("/smart/app").get_by_role("heading", level=1).inner_text() == NAME
        assert reader.complaints() == []


def test_a_page_that_says_why_nothing_is_shown_can_be_read(ehr: Ehr, service: Service, chromium: Browser) -> None:
    with reading(chromium, service.base, 320) as reader:
        page = reader.open("/smart/app")
        assert page.get_by_role("heading", level=1).inner_text() == "The chart cannot be shown"
        assert reader.violations() == []
        assert [one for one in reader.complaints() if "403" not in one] == []
