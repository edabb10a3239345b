"""From a specification to SVG: without script, style, ids or any address, for a page or for a file."""

import re
from typing import Any, Literal
from xml.etree import ElementTree as ET  # nosec B405  # reads what vl-convert wrote, in which all text is escaped

from cds_service.charts.palette import COLOURS, variable

Use = Literal["page", "file"]
_SVG = "http://www.w3.org/2000/svg"
_KEPT_ON_ROOT = frozenset({"viewBox", "width", "height"})
_NOWHERE = re.compile(r"M0(\.5)?,0(\.5)?h0v0h0Z")
_ROLES = {value: role for role, value in COLOURS.items()}


def svg(specification: dict[str, Any], title: str, description: str, use: Use) -> str:
    """The chart. `page`: colours as variables of the style sheet, as wide as its place. `file`: plain, on white.

    Nothing is fetched: the specification holds its data, and no address is allowed.
    """
    import vl_convert  # noqa: PLC0415  # a worker that draws nothing need not load it

    drawn = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    ET.register_namespace("", _SVG)
    root = ET.fromstring(drawn)  # noqa: S314  # as above  # nosec B314
    _clean(root, use)
    for name in set(root.attrib) - _KEPT_ON_ROOT:
        del root.attrib[name]
    if use == "page":
        del root.attrib["width"], root.attrib["height"]
        root.remove(next(child for child in root if child.tag == f"{{{_SVG}}}rect"))
    root.attrib.update({"role": "img", "aria-label": title, "font-family": "Arial, Helvetica, sans-serif"})
    for at, (tag, text) in enumerate((("title", title), ("desc", description))):
        root.insert(at, _element(tag, text))
    return ET.tostring(root, encoding="unicode")


def png(drawn: str) -> bytes:
    """A drawing for a file, as pixels."""
    import vl_convert  # noqa: PLC0415

    pixels: bytes = vl_convert.svg_to_png(drawn, scale=2)
    return pixels


def _element(tag: str, text: str) -> ET.Element:
    element = ET.Element(f"{{{_SVG}}}{tag}")
    element.text = text
    return element


def _clean(parent: ET.Element, use: Use) -> None:
    """Drop what draws nothing and what a strict policy refuses; what is said of a shape becomes its title."""
    for child in list(parent):
        _clean(child, use)
        attributes = child.attrib
        said = attributes.get("aria-label", "") if attributes.get("aria-roledescription") not in _CONTAINERS else ""
        for name in [name for name in attributes if name in _DROPPED or name.startswith("aria-")]:
            del attributes[name]
        if attributes.get("stroke-dasharray") in _SOLID:
            del attributes["stroke-dasharray"]
        if _draws_nothing(child):
            parent.remove(child)
            continue
        if said:
            child.insert(0, _element("title", said))
        if child.tag == f"{{{_SVG}}}text":
            attributes.update(_HALO)
        if use == "page":
            for name in ("fill", "stroke"):
                if role := _ROLES.get(attributes.get(name, "")):
                    attributes[name] = variable(role)


_SOLID = frozenset({"", "1,0"})
_HALO = {"stroke": COLOURS["paper"], "stroke-width": "3", "stroke-linejoin": "round", "paint-order": "stroke"}
"""So that a text can be read where lines run through it."""
_CONTAINERS = frozenset({"axis", "legend", "title", "group mark container", "text mark container"})
_DROPPED = frozenset({"class", "role", "style", "id", "pointer-events", "font-family"})


def _draws_nothing(element: ET.Element) -> bool:
    tag = element.tag.removeprefix(f"{{{_SVG}}}")
    if tag == "g":
        return not len(element)
    return tag == "path" and (not element.get("d") or bool(_NOWHERE.fullmatch(element.attrib["d"])))
