"""The answer of a CDS Hooks service: cards, suggestions, actions, links (CH-RESP, CH-CARD, CH-SUG …).

Plain values. Optional members that are empty are left off the wire (CH-GEN-03 to CH-GEN-05); `check` says what a
client would trip over, and is called on every card before it is sent.
"""

import uuid
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

Indicator = Literal["info", "warning", "critical"]
INDICATORS: tuple[Indicator, ...] = ("critical", "warning", "info")
SUMMARY_LIMIT = 140
"""A summary has fewer than this many UTF-16 units (CH-CARD-01)."""


class _Wire(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    """Members in camelCase; those at their default are not sent."""


class Coding(_Wire, frozen=True, kw_only=True):
    code: str
    system: str
    display: str = ""


class Source(_Wire, frozen=True, kw_only=True):
    label: str
    url: str = ""
    icon: str = ""
    topic: Coding | None = None


class Action(_Wire, frozen=True, kw_only=True):
    """One change that the clinician can accept. `resource` is FHIR JSON; `resource_id` is for `delete` (CH-ACT-05)."""

    type: Literal["create", "update", "delete"]
    description: str
    resource: dict[str, Any] = {}
    resource_id: str = ""


class Suggestion(_Wire, frozen=True, kw_only=True):
    label: str
    uuid: str = ""
    is_recommended: bool = False
    actions: tuple[Action, ...] = ()


class Link(_Wire, frozen=True, kw_only=True):
    label: str
    url: str
    type: Literal["absolute", "smart"]
    app_context: str = ""


class Card(_Wire, frozen=True, kw_only=True):
    uuid: str = ""
    summary: str
    detail: str = ""
    indicator: Indicator
    source: Source
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: Literal["at-most-one", "any", ""] = ""
    override_reasons: tuple[Coding, ...] = ()
    links: tuple[Link, ...] = ()


class CdsResponse(msgspec.Struct, frozen=True):
    """`cards` is always there, and may be empty (CH-RESP-01)."""

    cards: tuple[Card, ...] = ()


def new_uuid() -> str:
    """A fresh lower-case uuid, as feedback needs one on each card and suggestion (CH-CARD-04, CH-SUG-02)."""
    return str(uuid.uuid4())


_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(response: CdsResponse) -> bytes:
    """The response as JSON. Raises ValueError when a card breaks the wire format."""
    for card in response.cards:
        check(card)
    return _encoder.encode(response)


def check(card: Card) -> None:
    """Raise ValueError, naming the requirement, when a client would reject or drop the card."""
    if not 0 < len(card.summary.encode("utf-16-le")) // 2 < SUMMARY_LIMIT or "\n" in card.summary:
        raise ValueError("CH-CARD-01: the summary must be one line of 1 to 139 characters")
    if not card.source.label.strip():
        raise ValueError("CH-SRC-01: source.label is empty")
    if bool(card.suggestions) != bool(card.selection_behavior):
        raise ValueError("CH-CARD-07, CH-CARD-09: selectionBehavior goes with suggestions, and only with them")
    recommended = sum(suggestion.is_recommended for suggestion in card.suggestions)
    if recommended > 1 and card.selection_behavior != "any":
        raise ValueError("CH-SUG-03: more than one recommended suggestion needs selectionBehavior any")
    for suggestion in card.suggestions:
        _check_suggestion(suggestion)
    for reason in card.override_reasons:
        if not (reason.code and reason.system and reason.display):
            raise ValueError("CH-OVR-01: an override reason needs code, system and display")
    for link in card.links:
        _check_link(link)


def _check_suggestion(suggestion: Suggestion) -> None:
    if not suggestion.label.strip() or not suggestion.actions:
        raise ValueError("CH-SUG-01, CH-SUG-04: a suggestion needs a label and at least one action")
    for action in suggestion.actions:
        if not action.description.strip():
            raise ValueError("CH-ACT-02: an action needs a description")
        if action.type == "delete":
            if action.resource or action.resource_id.count("/") != 1:
                raise ValueError("CH-ACT-05: delete takes resourceId as Type/id, and no resource")
        elif "resourceType" not in action.resource or action.resource_id:
            raise ValueError("CH-ACT-03, CH-ACT-04: create and update take a whole resource, and no resourceId")


def _check_link(link: Link) -> None:
    address = urlsplit(link.url)
    if address.scheme not in ("https", "http") or not address.netloc:
        raise ValueError("CH-LINK-03: a link needs an absolute http(s) URL")
    if link.app_context and link.type == "absolute":
        raise ValueError("CH-LINK-04: appContext goes with smart links only")
