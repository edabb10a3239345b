"""JSON as every answer has to be: RFC 8259 without lenience, and nothing null or empty in it (CH-GEN-01, -03, -04)."""

import json
from collections.abc import Container, Iterator
from typing import Any


def read(body: bytes) -> Any:
    """The value of a JSON text. Raises ValueError for what lenient parsers let through: NaN, keys twice, not UTF-8."""
    return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_refuse)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object holds the same key twice")
    return members


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def empty_members(value: Any, where: str, allowed: Container[str] = ()) -> Iterator[str]:
    """A complaint for each null, and for each empty string, array or object that is not at an allowed place."""
    if value is None:
        yield f"CH-GEN-03: {where} is null"
    elif value in ("", [], {}) and where not in allowed:
        yield f"CH-GEN-04: {where} is empty"
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from empty_members(member, f"{where}.{name}" if where else name, allowed)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from empty_members(item, f"{where}[{index}]", allowed)
