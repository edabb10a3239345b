"""What a site shows in a browser: its own start page, and what is refused."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.reader import WIDTHS, reading
from tests.browser.server import Site, served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with served() as site:
        yield site


@pytest.mark.parametrize("width", [min(WIDTHS), max(WIDTHS)])
@pytest.mark.parametrize("path", ["/", "/rules/", "/feedback"])
def test_pages_of_a_site_are_as_good_as_those_of_the_demonstration(
    chromium: Browser, site: Site, path: str, width: int
) -> None:
    with reading(chromium, site.address, width) as reader:
        reader.open(path)
        assert reader.complaints() + reader.violations() == []


def test_a_page_that_is_not_there_can_be_read_and_left(chromium: Browser, site: Site) -> None:
    with reading(chromium, site.address, min(WIDTHS)) as reader:
        page = reader.open("/rules/Nothing")
        assert reader.violations() == []
        page.get_by_role("main").get_by_role("link", name="Rules").click()
        assert page.url == f"{site.address}/rules/"
