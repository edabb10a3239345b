"""`make screenshots`: the pictures of the documents, taken anew (needs Chromium; writes docs/images).

The patients, the day and the fonts are always the same, so a picture changes only when the page does.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from playwright.sync_api import Browser, Page

from tests.browser.chromium import ChromiumUnavailableError, launched
from tests.browser.reader import Scheme, reading
from tests.browser.server import served

IMAGES = Path(__file__).parents[2] / "docs/images"
WIDTH, MARGIN = 1000, 20
PATIENT = "nam-refractory-gates-passed"
REFRACTORY = f"/patients/{PATIENT}"


def _as_it_opens(page: Page) -> None:
    """Nothing is done to the page."""


def _first_rule_open(page: Page) -> None:
    page.locator("section[aria-labelledby=why] details.verdict > summary").first.click()


def _ck_falls(page: Page) -> None:
    page.get_by_role("group", name="Creatine kinase").first.get_by_label("Value").fill("150")
    page.get_by_role("button", name="Show what changes").first.press("Enter")
    page.locator("section[aria-labelledby=difference]").wait_for()


class Picture(msgspec.Struct, frozen=True):
    """A picture: its name, the page, the part of it that is shown, and what is done first."""

    name: str
    path: str
    part: str
    before: Callable[[Page], None] = _as_it_opens
    scheme: Scheme = "light"
    height: float = 1400
    """At most so many pixels of the part."""

    @property
    def file(self) -> Path:
        return IMAGES / f"{self.name}.png"


PICTURES = (
    Picture("cards", REFRACTORY, ".cards"),
    Picture("timeline", REFRACTORY, "section[aria-labelledby=course]", height=1100),
    Picture("why", REFRACTORY, "section[aria-labelledby=why]", _first_rule_open, height=760),
    Picture("try", f"/try/{PATIENT}", "section[aria-labelledby=difference]", _ck_falls, height=700),
    Picture("rule", "/rules/EscalateToCyclophosphamide", "main", height=1100),
    Picture("dark", REFRACTORY, "section[aria-labelledby=course]", scheme="dark", height=1100),
)


def take(chromium: Browser, address: str, picture: Picture) -> None:
    """Take one picture of the demonstration at this address."""
    with reading(chromium, address, WIDTH, picture.scheme) as reader:
        page = reader.open(picture.path)
        picture.before(page)
        page.evaluate("window.scrollTo(0, 0)")  # places on the page are told from the top of the window
        part = page.locator(picture.part).first.bounding_box()
        if complaints := reader.complaints():
            raise RuntimeError(f"{picture.path}: {complaints}")
        if part is None:
            raise RuntimeError(f"{picture.path} shows no {picture.part}")
        height = min(part["height"], picture.height) + MARGIN
        page.screenshot(
            path=picture.file, full_page=True, clip={"x": 0, "y": part["y"], "width": WIDTH, "height": height}
        )


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    try:
        with served(demo=True) as site, launched() as chromium:
            for picture in PICTURES:
                take(chromium, site.address, picture)
                print(f"{picture.file.relative_to(Path.cwd())}: {picture.file.stat().st_size / 1000:.0f} kB")
    except ChromiumUnavailableError as unavailable:
        sys.exit(str(unavailable))


if __name__ == "__main__":
    main()
