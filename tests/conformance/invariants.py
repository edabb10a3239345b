"""The twelve invariants of the logical models of CDS Hooks 3.0, as functions over JSON (CH-3-15).

Source: HL7/cds-hooks, commit fb10ca7, `input/fsh/invariants/*.fsh`; the elements they are attached to are those of
`input/fsh/logicals/`. Each function yields a complaint, which begins with the name of the invariant, for each place
that breaks it. Values of a wrong type are for others to judge: here they are as if absent.

cds-r and cds-fb are about what a client sends, cds-resp about what a service answers.
"""

from collections.abc import Iterator
from typing import Any


def objects(value: Any, name: str) -> list[dict[str, Any]]:
    """The objects in the array `name` of an object."""
    array = value.get(name) if isinstance(value, dict) else None
    return [one for one in array if isinstance(one, dict)] if isinstance(array, list) else []


def of_request(request: dict[str, Any]) -> Iterator[str]:
    """cds-r-1: an authorization says for which server. cds-r-2: a patient's scope says whose."""
    authorization = request.get("fhirAuthorization")
    if not isinstance(authorization, dict):
        return
    if not request.get("fhirServer"):
        yield "cds-r-1: fhirAuthorization without fhirServer"
    if "patient/" in str(authorization.get("scope", "")) and not authorization.get("patient"):
        yield "cds-r-2: a scope patient/… without fhirAuthorization.patient"


def of_feedback(feedback: dict[str, Any]) -> Iterator[str]:
    """cds-fb-1: the outcome is one of two. cds-fb-2: accepted names what. cds-fb-3: a reason says something."""
    for index, item in enumerate(objects(feedback, "feedback")):
        where = f"feedback[{index}]"
        if item.get("outcome") not in ("accepted", "overridden"):
            yield f"cds-fb-1: {where}.outcome is neither accepted nor overridden"
        if item.get("outcome") == "accepted" and not objects(item, "acceptedSuggestions"):
            yield f"cds-fb-2: {where} is accepted without acceptedSuggestions"
        reason = item.get("overrideReason")
        if isinstance(reason, dict) and not reason.get("reason") and not reason.get("userComment"):
            yield f"cds-fb-3: {where}.overrideReason has neither reason nor userComment"


def of_response(response: dict[str, Any]) -> Iterator[str]:
    """cds-resp-1 to cds-resp-7 over the cards and the system actions."""
    for index, card in enumerate(objects(response, "cards")):
        yield from _of_card(card, f"cards[{index}]")
    for index, action in enumerate(objects(response, "systemActions")):
        yield from _of_action(action, f"systemActions[{index}]")


def _of_card(card: dict[str, Any], where: str) -> Iterator[str]:
    suggestions = objects(card, "suggestions")
    recommended = sum(one.get("isRecommended") is True for one in suggestions)
    if card.get("selectionBehavior") == "at-most-one" and recommended > 1:
        yield f"cds-resp-1: {where} recommends {recommended} suggestions, of which one can be chosen"
    if suggestions and not card.get("selectionBehavior"):
        yield f"cds-resp-6: {where} has suggestions and no selectionBehavior"
    for number, link in enumerate(objects(card, "links")):
        if link.get("type") != "smart" and "appContext" in link:
            yield f"cds-resp-3: {where}.links[{number}] has an appContext and is no smart link"
    for number, reason in enumerate(objects(card, "overrideReasons")):
        if not reason.get("display"):
            yield f"cds-resp-4: {where}.overrideReasons[{number}] has no display"
    for number, suggestion in enumerate(suggestions):
        place = f"{where}.suggestions[{number}]"
        if suggestion.get("actionSelectionBehavior", "all") not in ("all", "any", "at-most-one"):
            yield f"cds-resp-7: {place}.actionSelectionBehavior is not one of the three"
        for count, action in enumerate(objects(suggestion, "actions")):
            yield from _of_action(action, f"{place}.actions[{count}]")


def _of_action(action: dict[str, Any], where: str) -> Iterator[str]:
    if action.get("type") == "delete" and ("resource" in action or not action.get("resourceId")):
        yield f"cds-resp-2: {where} deletes, and names the resource otherwise than by resourceId"
    if not action.get("description"):
        yield f"cds-resp-5: {where} has no description"
