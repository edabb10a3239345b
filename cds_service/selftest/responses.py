"""The answers: every card of every 200 answer of the run, member by member."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cds_service.selftest.checks import Group, Level, NotApplicable, Unmet
from cds_service.selftest.ehr import Ehr, Service
from cds_service.selftest.shapes import empties, nulls
from cds_service.selftest.wire import Exchange

GROUP = Group("Answers")
Part = Any
Rule = Callable[[Part], str]
"""From a part of an answer to what is wrong with it; empty when nothing is."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-._~]+")
_NAME = re.compile(r"[a-z]+(\.[A-Za-z0-9_-]+)+")
_URGENCY = {"critical": 0, "warning": 1, "info": 2}


def objects(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """The objects of an array, with their places; what is no array, or no object, is for other rules."""
    return [(i, one) for i, one in enumerate(value) if isinstance(one, dict)] if isinstance(value, list) else []


def parts(kind: str, response: Any) -> Iterator[tuple[str, Part]]:
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


def _of_card(kind: str, card: dict[str, Any]) -> Iterator[tuple[str, Part]]:
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


def _rule(requirement: str, level: Level, kind: str, expects: str, why: str) -> Callable[[Rule], Rule]:
    """Declare the decorated function as a rule about each part of that kind."""

    def declared(wrong: Rule) -> Rule:
        @GROUP.check(
            requirement,
            level,
            name=f"answer_{wrong.__name__.strip('_')}",
            late=True,
            sends="all answered calls of this run",
            expects=expects,
            why=why,
        )
        def check(ehr: Ehr, service: Service) -> None:
            _judge(ehr.answers(service), kind, wrong)

        return wrong

    return declared


def _judge(answers: list[Exchange], kind: str, wrong: Rule) -> None:
    seen = 0
    for answer in answers:
        for place, part in parts(kind, answer.json):
            seen += 1
            if problem := wrong(part):
                raise Unmet(f"{place}: {problem}", answer)
    if not seen:
        raise NotApplicable(f"no {kind} came; --patient-bundle can give a patient who has something to be said of")


def text(value: Any) -> bool:
    """Whether it is a text that says something."""
    return isinstance(value, str) and bool(value.strip())


def _texts_missing(part: Part, *names: str) -> str:
    missing = [name for name in names if not isinstance(part, dict) or not text(part.get(name))]
    return f"no text in {', '.join(missing)}" if missing else ""


def _web_address(value: Any) -> bool:
    try:
        address = urlsplit(value)
    except (ValueError, AttributeError, TypeError):
        return False
    return isinstance(value, str) and address.scheme in ("http", "https") and bool(address.netloc)


def _array(part: dict[str, Any], *names: str) -> str:
    return next(
        (
            f"{name} is no array with something in it"
            for name in names
            if name in part and not (isinstance(part[name], list) and part[name])
        ),
        "",
    )


@_rule("CH-RESP-01", "MUST", "response", "an object with the array `cards`, empty or not", "Clients read it unasked.")
def cards(part: Part) -> str:
    there = isinstance(part, dict) and isinstance(part.get("cards"), list)
    return "" if there and all(isinstance(one, dict) for one in part["cards"]) else "`cards` is no array of objects"


@_rule("CH-GEN-03", "MUST", "response", "no `null` anywhere", "Strict clients refuse the whole answer for one.")
def null_free(part: Part) -> str:
    found = list(nulls(part))
    return f"null at {', '.join(found[:5])}" if found else ""


@_rule(
    "CH-GEN-04", "MUST", "response", "no empty text, array or object but `cards: []`", "What has no value is left out."
)
def no_empties(part: Part) -> str:
    found = [place for place in empties(part) if place != "cards"]
    return f"empty: {', '.join(found[:5])}" if found else ""


@_rule(
    "CH-RESP-02", "MUST", "response", "`systemActions`, if there, an array with actions", "It is left out when empty."
)
def system_actions(part: Part) -> str:
    return _array(part, "systemActions") if isinstance(part, dict) else ""


@_rule("CH-CARD-12", "REC", "response", "critical cards first, then warnings", "Many clients keep the order.")
def most_urgent_first(part: Part) -> str:
    found = [_URGENCY.get(str(card.get("indicator")), 3) for _, card in parts("card", part)]
    return "a card comes after a less urgent one" if any(a > b for a, b in pairwise(found)) else ""


@_rule(
    "CH-CARD-01", "MUST", "card", "`summary`: a text of fewer than 140 characters", "Longer ones are cut, or refused."
)
def summary(card: Part) -> str:
    found = card.get("summary")
    if not text(found):
        return "`summary` is no text"
    length = len(found.encode("utf-16-le")) // 2
    return f"`summary` has {length} characters" if length >= 140 else ""


@_rule("CH-CARD-01", "REC", "card", "`summary` on one line", "It is a title.")
def summary_on_one_line(card: Part) -> str:
    return "`summary` has a line break" if "\n" in str(card.get("summary")) else ""


@_rule("CH-CARD-02", "MUST", "card", "`indicator`: info, warning or critical", "Clients colour and sort by it.")
def indicator(card: Part) -> str:
    return "" if card.get("indicator") in tuple(_URGENCY) else f"`indicator` is {card.get('indicator')!r}"


@_rule("CH-CARD-03", "MUST", "card", "`source` with a `label`", "Clinicians have to see who says so.")
def source(card: Part) -> str:
    return _texts_missing(card.get("source"), "label") and "`source` has no `label`"


@_rule("CH-CARD-04", "REC", "card", "`uuid`: a UUID in lower case", "Without it there is no feedback on the card.")
def uuid(card: Part) -> str:
    found = card.get("uuid")
    return "" if isinstance(found, str) and _UUID.fullmatch(found) else f"`uuid` is {found!r}"


@_rule("CH-CARD-05", "MUST", "card", "`detail`, if there, a text", "Clients render it as Markdown.")
def detail(card: Part) -> str:
    return "" if "detail" not in card or text(card["detail"]) else "`detail` is no text"


@_rule("CH-CARD-07", "MUST", "card", "`selectionBehavior` with suggestions", "It says how many may be taken.")
def selection_behavior_there(card: Part) -> str:
    return (
        "there are suggestions and no `selectionBehavior`"
        if card.get("suggestions") and "selectionBehavior" not in card
        else ""
    )


@_rule("CH-CARD-08", "MUST", "card", "`selectionBehavior`: at-most-one or any", "Clients know no others.")
def selection_behavior(card: Part) -> str:
    found = card.get("selectionBehavior", "any")
    return "" if found in ("any", "at-most-one") else f"`selectionBehavior` is {found!r}"


@_rule("CH-CARD-09", "REC", "card", "no `selectionBehavior` without suggestions", "There is nothing to select.")
def selection_behavior_alone(card: Part) -> str:
    return "`selectionBehavior` stands alone" if "selectionBehavior" in card and not card.get("suggestions") else ""


@_rule(
    "CH-CARD-11",
    "MUST",
    "card",
    "`suggestions`, `links`, `overrideReasons`: arrays that hold something",
    "Clients walk through them.",
)
def arrays(card: Part) -> str:
    return _array(card, "suggestions", "links", "overrideReasons")


@_rule(
    "CH-SUG-03", "MUST", "card", "more than one `isRecommended` only with `any`", "The client could follow only one."
)
def recommended(card: Part) -> str:
    found = [one.get("isRecommended") for _, one in objects(card.get("suggestions"))]
    if any(value not in (None, True, False) for value in found):
        return "`isRecommended` is no boolean"
    return (
        "several suggestions are recommended"
        if found.count(True) > 1 and card.get("selectionBehavior") != "any"
        else ""
    )


@_rule(
    "CH-SRC-02",
    "MUST",
    "source",
    "`url` and `icon`, if there, absolute web addresses",
    "They are opened from elsewhere.",
)
def source_addresses(part: Part) -> str:
    wrong = [
        name for name in ("url", "icon") if isinstance(part, dict) and name in part and not _web_address(part[name])
    ]
    return f"{wrong[0]} is no web address" if wrong else ""


@_rule("CH-SRC-05", "MUST", "topic", "`topic`: one Coding, with `code` and `system`", "Clients count and mute by it.")
def topic(part: Part) -> str:
    return _texts_missing(part, "code", "system")


@_rule("CH-SUG-01", "MUST", "suggestion", "`label`: a text", "It is what stands on the button.")
def suggestion_label(part: Part) -> str:
    return _texts_missing(part, "label")


@_rule(
    "CH-SUG-02",
    "REC",
    "suggestion",
    "`uuid`: a UUID in lower case",
    "Without it an accepted suggestion cannot be told.",
)
def suggestion_uuid(part: Part) -> str:
    found = part.get("uuid")
    return "" if isinstance(found, str) and _UUID.fullmatch(found) else f"`uuid` is {found!r}"


@_rule(
    "CH-SUG-04", "MUST", "suggestion", "`actions`, if there, an array that holds something", "Clients walk through it."
)
def suggestion_actions(part: Part) -> str:
    return _array(part, "actions")


@_rule(
    "CH-SUG-06",
    "MUST",
    "suggestion",
    "no `actionSelectionBehavior`",
    "It is of version 3.0, for clients known to support it.",
)
def action_selection_behavior(part: Part) -> str:
    return "`actionSelectionBehavior` is there" if "actionSelectionBehavior" in part else ""


@_rule("CH-ACT-01", "MUST", "action", "`type`: create, update or delete", "Clients do nothing with others.")
def action_type(part: Part) -> str:
    return "" if part.get("type") in ("create", "update", "delete") else f"`type` is {part.get('type')!r}"


@_rule("CH-ACT-02", "MUST", "action", "`description`: a text", "The clinician reads it before taking the suggestion.")
def action_description(part: Part) -> str:
    return _texts_missing(part, "description")


@_rule(
    "CH-ACT-03", "MUST", "action", "create and update: a whole FHIR resource as an object", "Clients file it as it is."
)
def action_resource(part: Part) -> str:
    resource = part.get("resource")
    if part.get("type") == "delete":
        return ""
    return "" if isinstance(resource, dict) and text(resource.get("resourceType")) else "`resource` is no FHIR resource"


@_rule(
    "CH-ACT-04", "MUST", "action", "update: the resource's `id` kept", "The client has to know which one it replaces."
)
def action_update(part: Part) -> str:
    resource = part.get("resource")
    known = part.get("type") != "update" or (isinstance(resource, dict) and text(resource.get("id")))
    return "" if known else "the updated resource has no `id`"


@_rule(
    "CH-ACT-05",
    "SHOULD",
    "action",
    "delete: `resourceId` as Type/id, and no `resource`",
    "The other form is deprecated.",
)
def action_delete(part: Part) -> str:
    if part.get("type") != "delete":
        return ""
    known = isinstance(part.get("resourceId"), str) and _RELATIVE.fullmatch(part["resourceId"])
    return "" if known and "resource" not in part else "`resourceId` is not Type/id, or a `resource` is there"


@_rule("CH-OVR-01", "MUST", "reason", "`code`, `system` and `display`", "Clients show it, and send it back.")
def override_reason(part: Part) -> str:
    return _texts_missing(part, "code", "system", "display")


@_rule("CH-LINK-01", "MUST", "link", "`label`, `url` and `type`", "All three are required.")
def link(part: Part) -> str:
    return _texts_missing(part, "label", "url", "type")


@_rule("CH-LINK-02", "MUST", "link", "`type`: absolute or smart", "Clients know no others.")
def link_type(part: Part) -> str:
    return "" if part.get("type") in ("absolute", "smart") else f"`type` is {part.get('type')!r}"


@_rule("CH-LINK-03", "MUST", "link", "`url`: an absolute web address", "It is opened from elsewhere.")
def link_url(part: Part) -> str:
    return "" if _web_address(part.get("url")) else f"`url` is {part.get('url')!r}"


@_rule(
    "CH-LINK-04",
    "MUST",
    "link",
    "`appContext`: a text, and on smart links only",
    "It goes to the app by the SMART launch.",
)
def link_app_context(part: Part) -> str:
    if "appContext" not in part:
        return ""
    return (
        ""
        if part.get("type") == "smart" and text(part["appContext"])
        else "`appContext` is no text, or not on a smart link"
    )


@_rule("CH-LINK-06", "MUST", "link", "no `iss` and `launch` in a smart link's URL", "The client adds them.")
def link_launch(part: Part) -> str:
    query = (
        parse_qs(urlsplit(part["url"]).query) if part.get("type") == "smart" and _web_address(part.get("url")) else {}
    )
    return "the URL has `iss` or `launch`" if {"iss", "launch"} & set(query) else ""


@_rule("CH-GEN-07", "MUST", "extension", "an object", "Clients look for members in it.")
def extension(part: Part) -> str:
    return "" if isinstance(part, dict) else "`extension` is no object"


@_rule(
    "CH-GEN-08",
    "SHOULD",
    "extension",
    "members with globally unique names, such as reverse DNS",
    "Two services must not mean different things by one name.",
)
def extension_names(part: Part) -> str:
    wrong = [name for name in part if not _NAME.fullmatch(name)] if isinstance(part, dict) else []
    return f"the name {wrong[0]!r} is not unique" if wrong else ""


@GROUP.check(
    "CH-CARD-04",
    "REC",
    late=True,
    sends="all answered calls of this run",
    expects="no `uuid` twice",
    why="Feedback is joined by it: two cards with one uuid cannot be told apart.",
)
def uuids_unique(ehr: Ehr, service: Service) -> None:
    seen: set[str] = set()
    for answer in ehr.answers(service):
        for kind in ("card", "suggestion"):
            for place, part in parts(kind, answer.json):
                found = part.get("uuid")
                if isinstance(found, str) and found in seen:
                    raise Unmet(f"{place}: the uuid {found} was there before", answer)
                seen |= {found} if isinstance(found, str) else set()
    if not seen:
        raise NotApplicable("no uuid came")
