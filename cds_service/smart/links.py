"""Links on cards that open the app, for the clients that can launch it (CH-LINK-02 to -06)."""

import msgspec

from cds_service.protocol.cards import Card, CdsResponse, Link

LAUNCH_PATH = "/smart/launch"


def linked(response: CdsResponse, public_url: str) -> CdsResponse:
    """The response with a link on each card. The client adds `iss` and `launch`; the app is told the rule alone."""
    return CdsResponse(
        tuple(msgspec.structs.replace(card, links=(*card.links, _link(card, public_url))) for card in response.cards)
    )


def _link(card: Card, public_url: str) -> Link:
    told = {"rule": card.source.topic.code} if card.source.topic else {}
    return Link(
        label="Timeline and reasons",
        url=public_url + LAUNCH_PATH,
        type="smart",
        app_context=msgspec.json.encode(told).decode(),
    )


class _Told(msgspec.Struct, frozen=True):
    rule: str = ""


def rule_of(app_context: object) -> str:
    """The rule of the card whose link was followed, as it comes back with the token; empty if none can be read.

    Record systems send the text on as it is, or decoded.
    """
    try:
        if isinstance(app_context, str):
            return msgspec.json.decode(app_context, type=_Told).rule
        return msgspec.convert(app_context, _Told).rule
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return ""
