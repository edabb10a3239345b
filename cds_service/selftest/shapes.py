"""Walking through JSON."""

from collections.abc import Callable, Iterator
from typing import Any


def _places(value: Any, wanted: Callable[[Any], bool], path: str = "") -> Iterator[str]:
    if wanted(value):
        yield path or "$"
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _places(item, wanted, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, wanted, f"{path}[{index}]")


def nulls(value: Any) -> Iterator[str]:
    """Where a `null` is (CH-GEN-03)."""
    return _places(value, lambda item: item is None)


def empties(value: Any) -> Iterator[str]:
    """Where an empty text, array or object is (CH-GEN-04)."""
    return _places(value, lambda item: item in ("", [], {}))
