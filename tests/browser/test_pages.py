"""Every page in a real browser: it fits, it is quiet, it loads from us alone, and it keeps to its policy."""

from collections.abc import Iterable
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.reader import WIDTHS, Reader, Scheme, reading
from tests.browser.server import Site

pytestmark = pytest.mark.browser

CUT = """
  () => [...document.querySelectorAll("main *")].filter(element => {
    const style = getComputedStyle(element);
    const hides = [style.overflowX, style.overflowY].some(overflow => overflow !== "visible");
    return hides && element.checkVisibility() && !["SELECT", "INPUT", "svg"].includes(element.tagName) && (
      element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1);
  }).map(element => `${element.tagName.toLowerCase()}.${element.className}`)
"""
"""Elements with content that a reader on paper cannot scroll to."""
PALE = """
  () => [...document.querySelectorAll("body *")].filter(element => {
    const speaks = [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!speaks || !element.checkVisibility()) return false;
    const style = getComputedStyle(element), colour = element instanceof SVGElement ? style.fill : style.color;
    const [red, green, blue] = (colour.match(/[\\d.]+/g) ?? [0, 0, 0]).slice(0, 3).map(byte => byte / 255)
      .map(share => share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) < 4.5;
  }).map(element => `pale: ${element.outerHTML.slice(0, 100)}`)
"""
"""Texts that need a dark ground, which no printer prints."""
A4 = 718
"""The width of a sheet without its margins of 10 mm, in CSS pixels."""


def complaints(reader: Reader, pages: Iterable[str]) -> dict[str, list[str]]:
    """What went wrong, by page."""
    found: dict[str, list[str]] = {}
    for page in pages:
        reader.open(page)
        if heard := reader.complaints():
            found[page] = heard
    return found


def test_every_page_fits_a_telephone_and_gives_no_cause_for_complaint(
    chromium: Browser, demo: Site, pages: list[str]
) -> None:
    with reading(chromium, demo.address, min(WIDTHS)) as reader:
        assert complaints(reader, pages) == {}


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_every_kind_of_page_fits_every_window(chromium: Browser, demo: Site, kinds: list[str], width: int) -> None:
    with reading(chromium, demo.address, width) as reader:
        assert complaints(reader, kinds) == {}


def test_what_is_hidden_at_first_fits_too(chromium: Browser, demo: Site, kinds: list[str]) -> None:
    found: dict[str, list[str]] = {}
    with reading(chromium, demo.address, min(WIDTHS)) as reader:
        for page in kinds:
            reader.open(page).evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            if heard := reader.complaints():
                found[page] = heard
    assert found == {}


@pytest.mark.parametrize(("scheme", "options"), [("light", {}), ("dark", {"runOnly": ["color-contrast"]})])
def test_every_kind_of_page_is_accessible(
    chromium: Browser, demo: Site, kinds: list[str], scheme: Scheme, options: dict[str, Any]
) -> None:
    """As far as axe-core can tell: names, roles, contrast, headings, landmarks. All that can be opened is open."""
    found: dict[str, list[str]] = {}
    with reading(chromium, demo.address, scheme=scheme) as reader:
        for page in kinds:
            reader.open(page).evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            if heard := reader.violations(**options):
                found[page] = heard
    assert found == {}


def test_all_can_be_read_on_paper(chromium: Browser, demo: Site, kinds: list[str]) -> None:
    found: dict[str, list[str]] = {}
    with reading(chromium, demo.address, A4) as reader:
        reader.page.emulate_media(media="print")
        for page in kinds:
            shown = reader.open(page)
            if heard := shown.evaluate(CUT) + shown.evaluate(PALE) + reader.complaints():
                found[page] = heard
    assert found == {}
