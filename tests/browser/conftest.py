"""The demonstration that Chromium reads, and its pages."""

from collections.abc import Iterator

import pytest

from tests.browser.server import Site, served
from tests.web.html_pages import crawl


@pytest.fixture(scope="session")
def demo() -> Iterator[Site]:
    with served(demo=True) as site:
        yield site


@pytest.fixture(scope="session")
def pages(demo: Site) -> list[str]:
    """All pages that links lead to."""
    return sorted(crawl(demo.app.test_client()))


@pytest.fixture(scope="session")
def kinds(demo: Site, pages: list[str]) -> list[str]:
    """The longest page of each kind, that is, of each route."""
    client = demo.app.test_client()
    routes = demo.app.url_map.bind("127.0.0.1")
    longest: dict[str, tuple[int, str]] = {}
    for page in pages:
        kind = routes.match(page.partition("?")[0])[0]
        length = len(client.get(page).data)
        longest[kind] = max(longest.get(kind, (0, "")), (length, page))
    return sorted(page for _, page in longest.values())
