"""Somebody who reads pages in Chromium, and hears everything that the browser complains of."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

from tests.browser.chromium import PATIENCE_MS

WIDTHS = (320, 768, 1280, 1920)
Scheme = Literal["light", "dark"]

_HEAR_VIOLATIONS = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", violation =>
    window.violations.push(`${violation.violatedDirective}: ${violation.blockedURI}`));
"""


class Reader:
    """A browser window at a site. `heard`: what went wrong since the last page was opened, a sentence each."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.heard: list[str] = []
        page.add_init_script(_HEAR_VIOLATIONS)
        page.on("console", self._message)
        page.on("pageerror", lambda error: self.heard.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("response", self._response)

    def open(self, path: str) -> Page:
        """The page at this path, as a person gets it who asks for it."""
        self.heard.clear()
        self.page.goto(self.address + path)
        return self.page

    def complaints(self) -> list[str]:
        """What went wrong on this page, with what its policy kept out and what is wider than the window."""
        violations: list[str] = self.page.evaluate("window.violations")
        wide, window = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        too_wide = [f"{wide} px wide in a window of {window} px"] if wide > window else []
        return [*self.heard, *(f"against the policy: {one}" for one in violations), *too_wide]

    def violations(self, **options: Any) -> list[str]:
        """What axe-core holds against this page: the rule, and where."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"], **options}).response["violations"]
        return [
            f"{rule['id']}: {' '.join(node['target'])} {node['failureSummary']}"
            for rule in found
            for node in rule["nodes"]
        ]

    def _message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.heard.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.address + "/", "data:")):
            self.heard.append(f"another host: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # by going to the next page before the icon of the tab has come
            self.heard.append(f"failed: {request.url} {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.heard.append(f"{response.status}: {response.url}")


@contextmanager
def reading(
    chromium: Browser, address: str, width: int = 1280, scheme: Scheme = "light", **more: Any
) -> Iterator[Reader]:
    """A window of this width, of somebody who prefers this colour scheme."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield Reader(context.new_page(), address)
    finally:
        context.close()
