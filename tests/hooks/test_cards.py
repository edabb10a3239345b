"""What a card says on the wire (B0 "Card conventions"; CH-CARD, CH-SRC, CH-OVR, CH-LINK)."""

import re
from typing import Any

import msgspec
import pytest
from markdown_it import MarkdownIt

from cds_service.protocol.cards import Card, Suggestion, check
from hooks.assessment import Assessment
from hooks.cards import DISCLAIMER, SOURCE_NAMES, compose
from hooks.engine import evaluate
from hooks.rules.base import CardDraft, FactRow, Rule, md
from hooks.rules.order import RULES
from tests.hooks.builders import SOURCES, TODAY, assessed, base, condition, course, infusion, knowledge, weekly

URL = "https://cds.example.org"
DRAFT = CardDraft(indicator="warning", summary="Do this", ask="Do this", why=("Because.", "And because."))


def composed(draft: CardDraft = DRAFT, name: str = "Relapse", a: Assessment | None = None, **rule: Any) -> Card:
    made_up = Rule(name=name, criteria=lambda _: (), card=lambda _: draft, **rule)
    card = compose(a or assessed(), made_up, draft, URL)
    check(card)
    return card


def changed(**changes: Any) -> CardDraft:
    return msgspec.structs.replace(DRAFT, **changes)


def test_detail_has_why_evidence_with_citations_and_the_disclaimer_in_this_order() -> None:
    text = knowledge().rules["Relapse"]
    detail = composed().detail
    parts = ["Because.", "And because.", text.rationale.strip()[:40], "**Evidence:**", DISCLAIMER]
    places = [detail.index(part) for part in parts]
    assert places == sorted(places)
    assert text.citations
    assert f"[{', '.join(text.citations)}]" in detail
    assert "No clinician has signed these rules" in detail
    assert detail.endswith(DISCLAIMER)


def test_evidence_against_is_named_as_such() -> None:
    detail = composed(name="EscalateToCyclophosphamide").detail
    assert "[article, E15, E16, E26, E27; against: E14]" in detail


def test_no_citation_leaves_no_empty_brackets() -> None:
    assert knowledge().rules["DataQuality"].citations == ()
    assert "[" not in composed(name="DataQuality").detail.partition("**Evidence:**")[2]


def test_facts_are_a_table_with_value_date_and_threshold() -> None:
    rows = (FactRow("CK", "6200 U/L", "2026-11-10", "≥ 2 × ULN [ENG]"), FactRow("MMT-8", "not on record"))
    lines = composed(changed(facts=rows)).detail.splitlines()
    at = lines.index("| Fact | Value | Date | Compared with |")
    assert lines[at + 1] == "|---|---|---|---|"
    assert lines[at + 2] == "| CK | 6200 U/L | 2026-11-10 | ≥ 2 × ULN [ENG] |"
    assert lines[at + 3] == "| MMT-8 | not on record |  |  |"
    assert "| Fact" not in composed().detail


def test_CH_PF_03_what_was_not_checked_is_said_with_its_reason_and_never_called_none() -> None:
    a = assessed(base(unavailable=("allergies",)))
    detail = composed(a=a, sources=("labs", "allergies")).detail
    assert "**Missing or not checked:** allergies not checked (the FHIR server answered 403)." in detail
    assert "no allerg" not in detail.lower()
    assert "Missing or not checked" not in composed(a=assessed(base()), sources=("labs", "allergies")).detail
    assert "Missing or not checked" not in composed(a=a, sources=("labs",)).detail


def test_a_source_that_was_cut_short_is_only_partly_checked() -> None:
    chart = base()
    partly = msgspec.structs.replace(chart, checked={**chart.checked, "labs": "incomplete"}, unchecked_because={})
    assert "laboratory results only partly checked." in composed(a=assessed(partly), sources=("labs",)).detail
    gone = msgspec.structs.replace(chart, checked={k: v for k, v in chart.checked.items() if k != "labs"})
    assert "laboratory results not checked." in composed(a=assessed(gone), sources=("labs",)).detail


def test_what_the_rule_misses_stands_before_what_was_not_checked() -> None:
    a = assessed(base(unavailable=("scores",)))
    detail = composed(changed(missing=("body height",)), a=a, sources=("scores",)).detail
    assert "not checked:** body height; strength scores not checked (the FHIR server answered 403)." in detail


def test_the_reason_of_a_failed_source_is_inert() -> None:
    chart = msgspec.structs.replace(base(unavailable=("labs",)), unchecked_because={"labs": "<b>|\n[x](javascript:y)"})
    detail = composed(a=assessed(chart), sources=("labs",)).detail
    assert "(\\<b\\>\\| \\[x\\]\\(javascript:y\\))" in detail


def test_every_source_has_a_name_for_people() -> None:
    assert set(SOURCE_NAMES) == set(SOURCES)
    assert {key for rule in RULES for key in rule.sources} <= set(SOURCE_NAMES)


def reasons(card: Card) -> set[str]:
    assert {reason.system for reason in card.override_reasons} == {"urn:nam-cds:imnm-override"}
    assert all(reason.display for reason in card.override_reasons)
    return {reason.code for reason in card.override_reasons}


SAFETY = {"specialist-plan", "already-done-elsewhere", "data-wrong"}
ALL = SAFETY | {
    "not-indicated-clinically", "contraindicated", "patient-declined", "palliative-goals", "other-diagnosis",
    "will-do-later",
}  # fmt: skip


@pytest.mark.parametrize("indicator", ["warning", "info"])
def test_CH_OVR_01_override_set_A(indicator: str) -> None:
    assert reasons(composed(changed(indicator=indicator))) == ALL


def test_CH_OVR_01_override_set_S_for_critical_cards_and_safety_rules() -> None:
    assert reasons(composed(changed(indicator="critical"))) == SAFETY
    safety_rule = next(name for name, text in knowledge().rules.items() if text.override == "S")
    assert reasons(composed(name=safety_rule)) == SAFETY


def test_source_and_topic_name_the_rule() -> None:
    source = composed().source
    assert source.label.startswith("R8-RELAPSE ")
    assert "not clinically signed" in source.label
    assert source.topic is not None
    assert (source.topic.code, source.topic.system) == ("Relapse", "urn:nam-cds:rule")
    assert source.topic.display == knowledge().rules["Relapse"].title
    assert source.url == f"{URL}/rules/"


@pytest.mark.parametrize("name", [*(rule.name for rule in RULES), "DataQuality"])
def test_every_topic_code_is_letters_and_digits_and_has_its_page(name: str) -> None:
    card = composed(name=name)
    assert card.source.topic is not None
    assert re.fullmatch(r"[A-Za-z0-9]{1,100}", card.source.topic.code)
    (link,) = card.links
    assert (link.type, link.url) == ("absolute", f"{URL}/rules/{name}")


def test_links_hold_no_patient_data() -> None:
    e = evaluate(base(), knowledge(), TODAY, URL)
    for card in e.cards:
        assert all(re.fullmatch(rf"{URL}/rules/[A-Za-z]*", u) for u in (card.source.url, *(k.url for k in card.links)))


def test_CH_CARD_07_selection_behaviour_goes_with_suggestions() -> None:
    assert composed().selection_behavior == ""
    with_one = compose(
        assessed(), Rule(name="Relapse", criteria=lambda _: (), card=lambda _: DRAFT),
        changed(suggestions=(Suggestion(label="Order CK"),)), URL,
    )  # fmt: skip
    assert with_one.selection_behavior == "any"


HOSTILE = (
    "<img src=x onerror=alert(1)> [x](javascript:alert(1)) | `a` **b** ~~c~~ &lt; # h ![i](http://e/i)\r\n\n| new |"
)


@pytest.mark.parametrize(
    "text", ["http://x.example", "see HTTPS://x.example/a", "www.x.example", "WWW.x.example", "a@x.example"]
)
def test_CH_LINK_08_md_leaves_nothing_that_a_client_would_make_a_link_of(text: str) -> None:
    assert not re.search(r"://|www\\?\.\w|\w@\w", md(text), re.IGNORECASE)


def test_md_drops_what_is_not_seen() -> None:
    assert md("a\u202eb\u2066c\x07\x1b\u200bd\u2028e 💊 µ") == "abcd e 💊 µ"


def test_md_makes_text_inert_for_markdown_and_html() -> None:
    inert = md(HOSTILE, 500)
    assert "\n" not in inert
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(f"said {inert}")
    assert re.findall(r"<[^>]+>", html) == ["<p>", "</p>"]
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    row = MarkdownIt().enable("table").render(f"| a | b |\n|---|---|\n| {inert} | last |")
    assert row.count("<td>") == 2
    assert "<td>last</td>" in row


def test_md_keeps_to_its_limit() -> None:
    assert md("x" * 120) == "x" * 120
    assert md("x" * 121) == "x" * 119 + "…"
    assert md("*" * 5, 3) == "\\*\\*…"


def test_patient_text_on_real_cards_stays_text() -> None:
    failed = course(
        "methotrexate", "2026-01-10", "2026-02-10", status="stopped", steps=(weekly(10),), failure=HOSTILE, text=HOSTILE
    )
    undated = course("ivig", None, status="completed", intolerance=HOSTILE, text=HOSTILE)
    facts = (failed, undated, infusion("ivig", None, 30, problem=HOSTILE), condition("dysphagia", 5, text=HOSTILE))
    e = evaluate(base(*facts, without=("ivig", "methotrexate")), knowledge(), TODAY, URL)
    assert len(e.cards) >= 3
    details = [card.detail for card in e.cards]
    assert any("onerror" in detail for detail in details)
    for detail in details:
        html = MarkdownIt("commonmark", {"html": True}).enable("table").render(detail)
        assert "<img" not in html
        assert "<a " not in html
        assert "<code>" not in html
        assert "<h1>" not in html
