"""JSON to read: indented, with the names of members marked."""

import re
from typing import Any

import msgspec
from markupsafe import Markup, escape

_NAME = re.compile(r"^( *)(&#34;(?:[^&\\]|\\.|&(?!#34;))*&#34;)(?=: )", re.MULTILINE)
"""The name of a member, in JSON of a member a line whose quotes are escaped."""


def pretty(value: Any) -> Markup:
    """JSON as bytes, or a value that is written as such. What it says stays text."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    text = str(escape(msgspec.json.format(body, indent=2).decode()))
    return Markup(_NAME.sub(r"\1<b>\2</b>", text))  # noqa: S704 - all of it is escaped before  # nosec B704
