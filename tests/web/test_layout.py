"""The navigation, and the colours that all pages share."""

import re
from itertools import product
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import cds_service.web
from cds_service.web.layout import places

STATIC = Path(cds_service.web.__file__).parent / "static"
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl)a?\(", re.IGNORECASE)
TEXT = ("ink", "quiet", "accent", "critical", "warning", "info", "good", "site")
GROUNDS = (
    "paper",
    "ground",
    "sunk",
    "notice",
    *(f"soft-{name}" for name in ("accent", "critical", "warning", "info", "good")),
)
ALL = {"patients", "trials", "rules", "feedback"}


def current(here: str) -> dict[str, str]:
    return {place.label: place.current for place in places(here, ALL) if place.current}


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        ("/", {"Patients": "page"}),
        ("/patients/nam-child", {"Patients": "true"}),
        ("/patients/nam-child/orders/one", {"Patients": "true"}),
        ("/rules/", {"Rules": "page"}),
        ("/rules", {"Rules": "page"}),
        ("/rules/Relapse", {"Rules": "true"}),
        ("/rules/value-sets", {"Value sets": "page"}),
        ("/rules/value-sets/ivig", {"Value sets": "true"}),
        ("/rules/evidence", {"Evidence": "page"}),
        ("/try", {"Try it": "page"}),
        ("/feedback", {"Feedback": "page"}),
        ("/elsewhere", {}),
    ],
)
def test_the_navigation_says_where_one_is(here: str, expected: dict[str, str]) -> None:
    assert current(here) == expected


def test_the_navigation_leads_only_to_what_is_there(demo: FlaskClient, site: FlaskClient) -> None:
    for client, label in ((demo, "Patients"), (site, "Service")):
        found = places("/", client.application.blueprints)
        assert found[0].label == label
        for place in found:
            assert client.get(place.address).status_code == 200, place
    assert "Try it" not in [place.label for place in places("/", {"rules", "home"})]


def colours() -> dict[str, dict[str, str]]:
    """The variables of the light page, and of the dark one."""
    light, dark = re.split(r"@media screen and \(prefers-color-scheme: dark\)", (STATIC / "style.css").read_text())
    found = [
        dict(re.findall(r"^\s*--([\w-]+): (#\w+);", text.partition("\n}\n")[0], re.MULTILINE)) for text in (light, dark)
    ]
    return {"light": found[0], "dark": found[0] | found[1]}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#fff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_can_be_read_on_every_ground(mode: str) -> None:
    found = colours()[mode]
    pairs = [*product(TEXT, GROUNDS), *(("on-fill", each) for each in TEXT[1:]), ("on-bar", "bar")]
    assert [pair for pair in pairs if contrast(found[pair[0]], found[pair[1]]) < 4.5] == []
    edges = product(("edge", "focus"), ("paper", "ground"))
    assert [pair for pair in edges if contrast(found[pair[0]], found[pair[1]]) < 3] == []


def test_every_colour_has_a_dark_one() -> None:
    found = colours()
    same = {name for name, value in found["light"].items() if found["dark"][name] == value}
    assert not same


@pytest.mark.parametrize("sheet", sorted(STATIC.glob("*.css")), ids=lambda sheet: sheet.name)
def test_a_sheet_names_colours_by_their_variables(sheet: Path) -> None:
    """So that the dark page has them too. Fallbacks stand in pictures alone, which may leave the page."""
    rules = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    for line in rules.splitlines():
        if not re.match(r"\s*--[\w-]+:", line):
            assert not COLOUR.search(line), line
    used = set(re.findall(r"var\(--([\w-]+)", rules))
    defined = set(re.findall(r"--([\w-]+):", (STATIC / "style.css").read_text() + rules))
    assert used <= defined
