"""Compares the cards of a response with what a vignette expects."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .orders import reference
from .vignette_files import ExpectedCard, VignetteText

Json = dict[str, Any]

# What a draft is *not*: its reasons and remarks may name other drugs ("instead of ...").
_REMARKS = {"note", "reasonCode", "reasonReference", "subject", "patient", "requester", "extension", "meta", "id"}


def name_of(card: Json) -> str:
    """The rule a card comes from."""
    return str(card.get("source", {}).get("topic", {}).get("code", "(no topic)"))


def differences(
    vignette: VignetteText,
    cards: list[Json],
    orders: Sequence[Json] = (),
    outcomes: Mapping[str, str] | None = None,
) -> list[str]:
    """What is wrong with ``cards``, one line each; empty if the vignette holds.

    ``orders``: the drafts that were sent. ``outcomes``: the verdict of each rule, where ``cannot_tell`` asks for it.
    """
    found: list[str] = []
    by_name = {name_of(card): card for card in cards}
    if len(by_name) < len(cards):
        found.append("two cards carry the same name")
    for expected in vignette.expect:
        if (card := by_name.get(expected.card)) is None:
            found.append(f"{expected.card} is missing")
        else:
            found += _card_differences(expected, card)
            deleted = deletions_of(card)
            found += [
                f"{expected.card} does not delete order {number}"
                for number in expected.deletes
                if reference(orders[number - 1]) not in deleted
            ]
    for name in vignette.cannot_tell:
        outcome = (outcomes or {}).get(name, "not asked on this hook")
        if outcome != "cannot tell":
            found.append(f"{name}: its verdict is {outcome!r}, not 'cannot tell'")
    due = {card.card for card in vignette.due_with_safety_rules}
    for name in by_name:
        if name in due:
            found.append(f"{name} came: move it from due_with_safety_rules to expect")
        elif name in vignette.never:
            found.append(f"{name} must not come")
        elif vignette.only_these and name not in {card.card for card in vignette.expect}:
            found.append(f"{name} came, and only_these is set")
    everything = [draft for card in cards for draft in drafts_of(card)]
    found += [f"no card may draft {ask!r}" for ask in vignette.never_drafts if drafted(ask, everything)]
    said = "\n".join(text_of(card) for card in cards)
    found += [f"no card may say {words!r}" for words in vignette.never_says if says(words, said)]
    return found


def _card_differences(expected: ExpectedCard, card: Json) -> list[str]:
    name, text, drafts = expected.card, text_of(card), drafts_of(card)
    found = []
    if expected.indicator and card.get("indicator") != expected.indicator:
        found.append(f"{name} is {card.get('indicator')}, not {expected.indicator}")
    found += [f"{name} does not say {words!r}" for words in expected.says if not says(words, text)]
    found += [f"{name} must not say {words!r}" for words in expected.never_says if says(words, text)]
    found += [f"{name} does not draft {ask!r}" for ask in expected.drafts if not drafted(ask, drafts)]
    found += [f"{name} must not draft {ask!r}" for ask in expected.never_drafts if drafted(ask, drafts)]
    return found


def says(words: str, text: str) -> bool:
    """Whether ``text`` contains ``words``, or one of the alternatives that " | " separates; letter case is ignored."""
    return any(_plain(alternative) in _plain(text) for alternative in words.split(" | "))


def drafted(ask: str, drafts: list[Json]) -> bool:
    """Whether one of the drafts is "ResourceType: words"; commas separate words that must all be in the same draft."""
    resource_type, _, words = ask.partition(":")
    return any(
        draft.get("resourceType") == resource_type
        and all(says(word.strip(), _content(draft)) for word in words.split(","))
        for draft in drafts
    )


def text_of(card: Json) -> str:
    """Summary and detail."""
    return f"{card.get('summary', '')}\n{card.get('detail', '')}"


def drafts_of(card: Json) -> list[Json]:
    """The resources that the suggestions of a card create or update."""
    return [
        action["resource"]
        for suggestion in card.get("suggestions", [])
        for action in suggestion.get("actions", [])
        if "resource" in action
    ]


def deletions_of(card: Json) -> list[str]:
    """References to the orders that the suggestions of a card delete."""
    return [
        action.get("resourceId", "")
        for suggestion in card.get("suggestions", [])
        for action in suggestion.get("actions", [])
        if action.get("type") == "delete"
    ]


def report(vignette: VignetteText, cards: list[Json], found: list[str]) -> str:
    """A failed vignette as a person reads it: what is wrong, what was expected, what came."""
    expected = [f"  {card.card} ({card.indicator or 'any'})" for card in vignette.expect]
    got = [f"  {name_of(card)} ({card.get('indicator')}): {card.get('summary')}" for card in cards]
    drafts = [f"    draft {d.get('resourceType')}: {_content(d)[:200]}" for card in cards for d in drafts_of(card)]
    drafts += [f"    delete {gone}" for card in cards for gone in deletions_of(card)]
    return "\n".join(
        [
            f"{vignette.id}: {vignette.title}",
            *(f"- {line}" for line in found),
            "expected" + (" (only these):" if vignette.only_these else ":"),
            *(expected or ["  no card"]),
            "got:",
            *(got or ["  no card"]),
            *drafts,
        ]
    )


def _plain(text: str) -> str:
    """Lower case, one kind of blank and hyphen, no emphasis, and no separators of thousands."""
    text = re.sub(r"(?<=\d)[,\u00a0\u2009\u202f](?=\d{3}\b)", "", text.casefold().replace("*", ""))
    return re.sub(r"[\u2010-\u2013\u2212]", "-", re.sub(r"\s+", " ", text))


def _content(value: Any) -> str:
    """All words of a resource but its remarks; quantities as "1200 mg"."""
    if isinstance(value, dict):
        if isinstance(value.get("value"), int | float):
            return f"{value['value']:g} {value.get('unit') or value.get('code', '')}"
        return " ".join(_content(part) for key, part in value.items() if key not in _REMARKS)
    if isinstance(value, list):
        return " ".join(_content(part) for part in value)
    return str(value)
