"""JSON to read: indented, with the names of members marked."""

import re
from typing import Any

import msgspec
from markupsafe import Markup, escape

_NAME = re.compile(r'^ *("(?:[^"\\]|\\.)*")(?=: )', re.MULTILINE)


def pretty(value: Any) -> Markup:
    """JSON as bytes, or a value that is written as such. What it says stays text."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    text = msgspec.json.format(body, indent=2).decode()
    parts: list[Markup] = []
    done = 0
    for name in _NAME.finditer(text):
        parts += (escape(text[done : name.start(1)]), Markup("<b>{}</b>").format(name[1]))
        done = name.end(1)
    return Markup("").join([*parts, escape(text[done:])])
