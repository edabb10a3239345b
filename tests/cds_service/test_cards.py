"""The wire format of cards: what is sent, and what is refused before a client trips over it."""

import json
import re
from typing import Any

import msgspec
import pytest

from cds_service.protocol.cards import (
    Action,
    Card,
    CdsResponse,
    Coding,
    Link,
    Source,
    Suggestion,
    check,
    encode,
    new_uuid,
)


def action(type_: Any, description: str, resource: Any = None, resource_id: str = "") -> Action:
    return Action(type=type_, description=description, resource=resource or {}, resource_id=resource_id)


def source(label: str, url: str = "", topic: Coding | None = None) -> Source:
    return Source(label=label, url=url, topic=topic)


def coding(code: str, system: str, display: str = "") -> Coding:
    return Coding(code=code, system=system, display=display)


def link(label: str, url: str, type_: Any, app_context: str = "") -> Link:
    return Link(label=label, url=url, type=type_, app_context=app_context)


def suggestion(
    label: str, uuid: str = "", is_recommended: bool = False, actions: tuple[Action, ...] = ()
) -> Suggestion:
    return Suggestion(label=label, uuid=uuid, is_recommended=is_recommended, actions=actions)


CREATE = action("create", "Order it", {"resourceType": "ServiceRequest"})
PLAIN = Card(summary="Ask", indicator="info", source=source("Test"))
FULL = Card(
    uuid=new_uuid(),
    summary="x" * 139,
    detail="**why**",
    indicator="critical",
    source=source("Test", "https://example.org", topic=coding("Rule", "https://example.org/rules", "A rule")),
    suggestions=(
        suggestion("Do", new_uuid(), is_recommended=True, actions=(CREATE,)),
        suggestion("Undo", new_uuid(), actions=(action("delete", "Take it back", None, "ServiceRequest/1"),)),
    ),
    selection_behavior="at-most-one",
    override_reasons=(coding("no", "https://example.org/reasons", "No"),),
    links=(link("Rule", "https://example.org/rules/Rule", "absolute"), link("App", "https://a.org/l", "smart", "x")),
)


def changed(card: Card, **changes: Any) -> Card:
    return msgspec.structs.replace(card, **changes)


def empties(value: Any, path: str = "") -> list[str]:
    """The paths of nulls and of empty texts, arrays and objects."""
    found = [path] if value in (None, "", [], {}) else []
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [one for name, member in members for one in empties(member, f"{path}/{name}")]


def test_CH_RESP_01_02_envelope() -> None:
    assert encode(CdsResponse()) == b'{"cards":[]}'


@pytest.mark.parametrize("card", [PLAIN, FULL])
def test_CH_GEN_03_04_nothing_empty_on_the_wire(card: Card) -> None:
    assert empties(json.loads(encode(CdsResponse((card,))))) == []


def test_CH_GEN_05_optionals_are_left_out() -> None:
    (card,) = json.loads(encode(CdsResponse((PLAIN,))))["cards"]
    assert card == {"summary": "Ask", "indicator": "info", "source": {"label": "Test"}}


def test_names_on_the_wire() -> None:
    (card,) = json.loads(encode(CdsResponse((FULL,))))["cards"]
    assert {"selectionBehavior", "overrideReasons", "links", "suggestions", "detail", "uuid"} <= set(card)
    assert card["suggestions"][0]["isRecommended"] is True
    assert card["suggestions"][1]["actions"][0]["resourceId"] == "ServiceRequest/1"
    assert card["links"][1]["appContext"] == "x"
    assert card["source"]["topic"] == {"code": "Rule", "system": "https://example.org/rules", "display": "A rule"}


def test_CH_CARD_04_uuids() -> None:
    first, second = new_uuid(), new_uuid()
    assert first != second
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first)


def test_CH_CARD_01_longest_summary() -> None:
    check(changed(PLAIN, summary="x" * 139))


@pytest.mark.parametrize(
    ("requirement", "card"),
    [
        ("CH-CARD-01", changed(PLAIN, summary="x" * 140)),
        ("CH-CARD-01", changed(PLAIN, summary="😀" * 70)),
        ("CH-CARD-01", changed(PLAIN, summary="")),
        ("CH-CARD-01", changed(PLAIN, summary="two\nlines")),
        ("CH-SRC-01", changed(PLAIN, source=source(" "))),
        ("CH-CARD-07", changed(FULL, selection_behavior="")),
        ("CH-CARD-09", changed(PLAIN, selection_behavior="any")),
        ("CH-SUG-03", changed(FULL, suggestions=(FULL.suggestions[0], FULL.suggestions[0]))),
        ("CH-SUG-01", changed(FULL, suggestions=(suggestion(" ", actions=(CREATE,)),))),
        ("CH-SUG-04", changed(FULL, suggestions=(suggestion("Do"),))),
        ("CH-OVR-01", changed(FULL, override_reasons=(coding("no", "https://example.org"),))),
        ("CH-LINK-03", changed(FULL, links=(link("x", "/rules/x", "absolute"),))),
        ("CH-LINK-03", changed(FULL, links=(link("x", "javascript:alert(1)", "absolute"),))),
        ("CH-LINK-04", changed(FULL, links=(link("x", "https://a.org", "absolute", "context"),))),
    ],
)
def test_check_refuses(requirement: str, card: Card) -> None:
    with pytest.raises(ValueError, match=requirement):
        encode(CdsResponse((card,)))


@pytest.mark.parametrize(
    ("requirement", "wrong"),
    [
        ("CH-ACT-02", action("create", " ", {"resourceType": "X"})),
        ("CH-ACT-03", action("create", "x")),
        ("CH-ACT-03", action("create", "x", {"id": "1"})),
        ("CH-ACT-04", action("update", "x", {"resourceType": "X"}, "X/1")),
        ("CH-ACT-05", action("delete", "x")),
        ("CH-ACT-05", action("delete", "x", None, "1")),
        ("CH-ACT-05", action("delete", "x", {"resourceType": "X"}, "X/1")),
    ],
)
def test_check_refuses_actions(requirement: str, wrong: Action) -> None:
    card = changed(PLAIN, suggestions=(suggestion("Do", actions=(wrong,)),), selection_behavior="any")
    with pytest.raises(ValueError, match=requirement):
        check(card)


def test_CH_SUG_03_several_recommendations_with_any() -> None:
    check(changed(FULL, suggestions=(FULL.suggestions[0],) * 2, selection_behavior="any"))
