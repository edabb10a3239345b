"""The system's Chromium, for tests and pictures. It can reach this machine and no other."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


PATIENCE_MS = 30_000
"""How long a page may take to come, or to become what is expected, on a busy machine."""


class ChromiumUnavailableError(Exception):
    """There is none on this machine."""


@contextmanager
def launched() -> Iterator[Browser]:
    """A running Chromium. Raises ChromiumUnavailableError."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        raise ChromiumUnavailableError("There is no Chromium. Install it, such as by: apt install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
