"""Chromium, and the demonstration that it reads. Without Chromium these tests are skipped, in CI they fail."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import ChromiumUnavailableError, launched
from tests.browser.server import Site, served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(launched())
        except ChromiumUnavailableError as unavailable:
            if os.environ.get("CI"):
                pytest.fail(f"CI needs a browser: {unavailable}", pytrace=False)
            pytest.skip(str(unavailable))
        yield browser


@pytest.fixture(scope="session")
def demo() -> Iterator[Site]:
    with served(demo=True) as site:
        yield site
