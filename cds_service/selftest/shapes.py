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


def objects(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """The objects of an array, with their places; what is no array, or no object, is for other rules."""
    return [(i, one) for i, one in enumerate(value) if isinstance(one, dict)] if isinstance(value, list) else []


def parts(kind: str, response: Any) -> Iterator[tuple[str, Any]]:
    """All parts of that kind in a response, each with its place."""
    if kind == "response":
        yield "$", response
        return
    if not isinstance(response, dict):
        return
    cards = [(f"cards[{i}]", card) for i, card in objects(response.get("cards"))]
    if kind == "action":
        yield from ((f"systemActions[{i}]", one) for i, one in objects(response.get("systemActions")))
    if kind == "extension" and "extension" in response:
        yield "extension", response["extension"]
    for place, card in cards:
        yield from ((f"{place}{below}", part) for below, part in _of_card(kind, card))


def _of_card(kind: str, card: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if kind == "card":
        yield "", card
    elif kind in ("source", "extension") and kind in card:
        yield f".{kind}", card[kind]
    elif kind == "topic" and isinstance(card.get("source"), dict) and "topic" in card["source"]:
        yield ".source.topic", card["source"]["topic"]
    elif kind == "link":
        yield from ((f".links[{i}]", one) for i, one in objects(card.get("links")))
    elif kind == "reason":
        yield from ((f".overrideReasons[{i}]", one) for i, one in objects(card.get("overrideReasons")))
    elif kind in ("suggestion", "action"):
        for i, suggestion in objects(card.get("suggestions")):
            place = f".suggestions[{i}]"
            if kind == "suggestion":
                yield place, suggestion
            else:
                yield from ((f"{place}.actions[{j}]", one) for j, one in objects(suggestion.get("actions")))
