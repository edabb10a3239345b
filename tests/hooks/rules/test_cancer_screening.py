"""S11-CANCER (B4): off unless a site turns it on."""

from typing import Any

import msgspec
import pytest

from hooks.assessment import Assessment, assess
from hooks.engine import evaluate
from hooks.knowledge.model import Knowledge
from hooks.rules.cancer_screening import NAME, RULE
from tests.hooks.builders import TODAY, assessed, base, changed, chart, ck, condition, knowledge, mmt, verdict
from tests.hooks.rules.asking import card, judged, outcome, resources, texts


def turned_on() -> Knowledge:
    rules = {**knowledge().rules, NAME: msgspec.structs.replace(knowledge().rules[NAME], enabled=True)}
    return msgspec.structs.replace(knowledge(), rules=rules)


def at_a_site(*facts: Any, **more: Any) -> Assessment:
    return assess(chart(*facts, **more), turned_on(), TODAY)


def test_off_as_shipped() -> None:
    found = judged(RULE, assessed(condition("imnm", 100)))
    assert (found.outcome, found.because) == ("silent", "not met: turned on by this site")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((condition("imnm", "2023-11-22"),), "fires"),
        ((condition("imnm", "2023-11-21"),), "silent"),
        ((condition("imnm", "2023"),), "cannot tell"),
        ((condition("imnm", None),), "cannot tell"),
        ((changed(condition("imnm", None), recorded=condition("x", 100).onset),), "cannot tell"),
        ((changed(condition("imnm", None), recorded=condition("x", 2000).onset),), "silent"),
        ((condition("polymyositis", 100), verdict("anti-srp", "positive")), "fires"),
        ((condition("polymyositis", 100),), "silent"),
        ((condition("imnm", 100, current=False),), "silent"),
        ((condition("imnm", 100), condition("palliative-care")), "silent"),
    ],
)
def test_in_the_first_years(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, at_a_site(*facts)) == expected


def test_without_any_diagnosis_it_is_silent() -> None:
    assert outcome(RULE, assess(changed(chart(), diagnoses=()), turned_on(), TODAY)) == "silent"


def test_not_for_a_child() -> None:
    assert outcome(RULE, at_a_site(condition("imnm", 100), age=12)) == "silent"


def test_says_that_screening_cannot_be_read() -> None:
    draft = card(RULE, at_a_site(condition("imnm", 100, text="IMNM")))
    assert draft.indicator == "info"
    said = texts(draft)
    assert "cannot be read from this record" in said
    assert "basic panel" in said
    assert "at least moderate" not in said
    assert "anti-HMGCR not tested" in said
    assert len(resources(draft)) == 1


def test_with_anti_hmgcr_the_risk_is_moderate_at_least() -> None:
    draft = card(RULE, at_a_site(condition("imnm", 100), verdict("anti-hmgcr", "positive", 30)))
    assert "at least moderate risk" in texts(draft)
    assert [r["code"]["text"] for r in resources(draft)][1].endswith("enhanced panel with CT")


@pytest.mark.parametrize("naive", [True, False])
def test_beside_the_other_cards(naive: bool) -> None:
    """V02 and V26a, at a site that turned it on."""
    imnm = condition("imnm", "2025-12-15")
    seronegative = (verdict("anti-srp", "negative"), verdict("anti-hmgcr", "negative"))
    facts = chart(imnm, ck(12_000), mmt(100)) if naive else base(imnm, *seronegative)
    there = evaluate(facts, turned_on(), TODAY, "https://cds.example.org").cards
    topics = [card.source.topic.code for card in there if card.source.topic]
    assert topics == (
        ["AntibodyTestingNeeded", NAME] if naive else ["EscalateToCyclophosphamide", "PjpProphylaxis", NAME]
    )
    here = evaluate(facts, knowledge(), TODAY, "https://cds.example.org").cards
    assert [card.source.topic.code for card in here if card.source.topic] == topics[:-1]
