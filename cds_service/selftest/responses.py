"""The answers: every card of every 200 answer of the run, member by member."""

import re
from itertools import pairwise

from cds_service.selftest.checks import Group, NotApplicable, Unmet
from cds_service.selftest.ehr import Ehr, Service
from cds_service.selftest.rules import UUID, Part, array_missing, is_text, is_web_address, rules_of, texts_missing
from cds_service.selftest.shapes import empties, nulls, objects, parts

GROUP = Group("Answers and cards")
_rule = rules_of(GROUP)
_NAME = re.compile(r"[a-z]+(\.[A-Za-z0-9_-]+)+")
_URGENCY = {"critical": 0, "warning": 1, "info": 2}


@_rule(
    "CH-RESP-01",
    "MUST",
    "response",
    "an object with the array `cards`, empty or not",
    "Clients read it unasked.",
)
def cards(part: Part) -> str:
    there = isinstance(part, dict) and isinstance(part.get("cards"), list)
    return "" if there and all(isinstance(one, dict) for one in part["cards"]) else "`cards` is no array of objects"


@_rule("CH-GEN-03", "MUST", "response", "no `null` anywhere", "Strict clients refuse the whole answer for one.")
def null_free(part: Part) -> str:
    found = list(nulls(part))
    return f"null at {', '.join(found[:5])}" if found else ""


@_rule(
    "CH-GEN-04",
    "MUST",
    "response",
    "no empty text, array or object but `cards: []`",
    "What has no value is left out.",
)
def no_empties(part: Part) -> str:
    found = [place for place in empties(part) if place != "cards"]
    return f"empty: {', '.join(found[:5])}" if found else ""


@_rule(
    "CH-RESP-02",
    "MUST",
    "response",
    "`systemActions`, if there, an array with actions",
    "It is left out when empty.",
)
def system_actions(part: Part) -> str:
    return array_missing(part, "systemActions") if isinstance(part, dict) else ""


@_rule("CH-CARD-12", "REC", "response", "critical cards first, then warnings", "Many clients keep the order.")
def most_urgent_first(part: Part) -> str:
    found = [_URGENCY.get(str(card.get("indicator")), 3) for _, card in parts("card", part)]
    return "a card comes after a less urgent one" if any(a > b for a, b in pairwise(found)) else ""


@_rule(
    "CH-CARD-01",
    "MUST",
    "card",
    "`summary`: a text of fewer than 140 characters",
    "Longer ones are cut, or refused.",
)
def summary(card: Part) -> str:
    found = card.get("summary")
    if not is_text(found):
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
    return texts_missing(card.get("source"), "label") and "`source` has no `label`"


@_rule("CH-CARD-04", "REC", "card", "`uuid`: a UUID in lower case", "Without it there is no feedback on the card.")
def uuid(card: Part) -> str:
    found = card.get("uuid")
    return "" if isinstance(found, str) and UUID.fullmatch(found) else f"`uuid` is {found!r}"


@_rule("CH-CARD-05", "MUST", "card", "`detail`, if there, a text", "Clients render it as Markdown.")
def detail(card: Part) -> str:
    return "" if "detail" not in card or is_text(card["detail"]) else "`detail` is no text"


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
    return array_missing(card, "suggestions", "links", "overrideReasons")


@_rule(
    "CH-SUG-03",
    "MUST",
    "card",
    "more than one `isRecommended` only with `any`",
    "The client could follow only one.",
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
        name for name in ("url", "icon") if isinstance(part, dict) and name in part and not is_web_address(part[name])
    ]
    return f"{wrong[0]} is no web address" if wrong else ""


@_rule(
    "CH-SRC-05",
    "MUST",
    "topic",
    "`topic`: one Coding, with `code` and `system`",
    "Clients count and mute by it.",
)
def topic(part: Part) -> str:
    return texts_missing(part, "code", "system")


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
