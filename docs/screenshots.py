"""Take the pictures of the README anew: `python docs/screenshots.py` (needs Chromium; writes docs/images)."""
# ruff: noqa: INP001, TID251

import logging
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

import fixtures
from cds_service.app import create_app
from cds_service.settings import Settings

IMAGES = Path(__file__).parent / "images"
PATIENT = "nam-refractory-gates-passed"
WIDTH = 1000
MARGIN = 20
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def demonstration() -> Iterator[str]:
    """The address of a demonstration on the day for which the fixtures are written, so that pictures stay the same."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    app = create_app(Settings(demo=True, log_level="warning"), today=lambda: fixtures.ANCHOR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        app.extensions["cds_service"]["engine"].close()


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no Chromium. Install it, such as by: apt install chromium")
    IMAGES.mkdir(exist_ok=True)
    with demonstration() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.goto(f"{address}/patients/{PATIENT}")
        cards = page.locator("section[aria-labelledby=cards]").bounding_box()
        assert cards is not None
        page.screenshot(
            path=IMAGES / "cards.png",
            full_page=True,
            clip={"x": 0, "y": cards["y"], "width": WIDTH, "height": cards["height"] + MARGIN},
        )
        browser.close()


if __name__ == "__main__":
    main()
