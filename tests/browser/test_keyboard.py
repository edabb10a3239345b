"""Everything by keyboard alone: the order of Tab is that of the page, the focus is seen, nothing holds it."""

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.reader import reading
from tests.browser.server import Site

pytestmark = pytest.mark.browser

STOPS = """
  () => {
    const stops = [...document.querySelectorAll(
      "a[href], button, input, select, textarea, summary, [tabindex='0']"
    )].filter(one => one.checkVisibility() && !one.disabled && one.type !== "hidden");
    const groups = new Map();
    for (const radio of stops.filter(one => one.type === "radio")) {
      const key = `${radio.form?.action} ${[...document.forms].indexOf(radio.form)} ${radio.name}`;
      if (radio.checked || !groups.has(key)) groups.set(key, radio);
    }
    const tabbed = stops.filter(one => one.type !== "radio" || [...groups.values()].includes(one));
    window.visited = [];
    document.addEventListener("focusin", event => {
      const style = getComputedStyle(event.target), box = event.target.getBoundingClientRect();
      window.visited.push({
        stop: tabbed.indexOf(event.target),
        what: event.target.outerHTML.slice(0, 120),
        outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      });
    });
    return tabbed.length;
  }
"""
"""Prepares the page to write down what Tab reaches. Of a group of radio buttons Tab reaches one."""


PARTS = 4
"""Of a field for a date: day, month, year and calendar are stops of their own."""


def to_next_stop(page: Page, key: str) -> None:
    """Press the key until something else has the focus; in a field for a date it goes from part to part."""
    before = page.evaluate("window.visited.length")
    for _ in range(PARTS):
        page.keyboard.press(key)
        if page.evaluate("window.visited.length") > before:
            return


def walked(page: Page) -> list[str]:
    """What is wrong on the way through the page with Tab, and back with Shift and Tab."""
    count: int = page.evaluate(STOPS)
    for key, stops in (("Tab", count), ("Shift+Tab", count - 1)):
        for _ in range(stops):
            to_next_stop(page, key)
    visited = page.evaluate("window.visited")
    expected = [*range(count), *reversed(range(count - 1))]
    wrong = [
        f"stop {stop['stop']} in place of {place}: {stop['what']}"
        for stop, place in zip(visited, expected, strict=False)
        if stop["stop"] != place
    ]
    if len(visited) != len(expected):
        wrong.append(f"{len(visited)} stops in place of {len(expected)}")
    return wrong[:1] + [f"not seen: {stop['what']}" for stop in visited if not stop["outlined"]]


def test_tab_leads_through_the_page_and_back_and_is_seen(chromium: Browser, demo: Site, kinds: list[str]) -> None:
    found: dict[str, list[str]] = {}
    with reading(chromium, demo.address) as reader:
        for path in kinds:
            if wrong := walked(reader.open(path)):
                found[path] = wrong
    assert found == {}


def test_the_navigation_can_be_skipped(chromium: Browser, demo: Site, kinds: list[str]) -> None:
    with reading(chromium, demo.address) as reader:
        for path in kinds:
            page = reader.open(path)
            skip = page.get_by_role("link", name="Skip to the content")
            page.keyboard.press("Tab")
            assert skip.evaluate("one => one === document.activeElement"), path
            box = skip.bounding_box()
            assert box is not None
            assert box["x"] >= 0, path
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.id") == "main", path


def test_what_is_folded_opens_with_enter_and_space(chromium: Browser, demo: Site, kinds: list[str]) -> None:
    opened = 0
    with reading(chromium, demo.address) as reader:
        for path in kinds:
            page = reader.open(path)
            for summary in page.locator("main summary:visible").all()[:20]:
                was = summary.evaluate("one => one.parentElement.open")
                for key in ("Enter", "Space"):
                    summary.press(key)
                    was = not was
                    assert summary.evaluate("one => one.parentElement.open") == was, f"{path}: {summary.inner_text()}"
                opened += 1
    assert opened
