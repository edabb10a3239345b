"""What tests ask of a rule: how it decides, and a card that would pass on the wire, with drafts that are valid R4."""

from importlib import import_module
from typing import Any

from cds_service.protocol import cards
from hooks.assessment import Assessment
from hooks.cards import compose
from hooks.reasoning import Verdict, verdict
from hooks.rules.base import CardDraft, Rule


def judged(rule: Rule, a: Assessment) -> Verdict:
    """The verdict of a rule; one that cannot tell says what is missing, not only the name of a criterion."""
    found = verdict(rule.name, rule.criteria(a))
    assert found.outcome != "cannot tell" or "unknown:" not in found.because
    return found


def outcome(rule: Rule, a: Assessment) -> str:
    """`fires`, `silent` or `cannot tell`."""
    return judged(rule, a).outcome


def card(rule: Rule, a: Assessment) -> CardDraft:
    """What a rule that fires says, checked as the client will: wire format, valid drafts, one line per fact."""
    assert outcome(rule, a) == "fires", judged(rule, a).because
    draft = rule.card(a)
    assert len(draft.summary) < cards.SUMMARY_LIMIT
    assert draft.ask.strip()
    for row in draft.facts:
        assert row.what
        assert all(isinstance(cell, str) for cell in (row.value, row.when, row.threshold)), row
    cards.check(compose(a, rule, draft, "https://cds.example.org"))
    assert all(a.chart.checked.get(key) for key in rule.sources)
    for resource in resources(draft):
        kind = resource["resourceType"]
        model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        model.model_validate(resource)
        owner = resource.get("subject") or resource.get("patient") or resource.get("for")
        assert owner == {"reference": "Patient/p1"}
    return draft


def resources(draft: CardDraft, kind: str = "") -> list[dict[str, Any]]:
    """The resources of all suggestions, or those of one type."""
    found = [action.resource for suggestion in draft.suggestions for action in suggestion.actions]
    return [resource for resource in found if resource and kind in ("", resource["resourceType"])]


def codes(draft: CardDraft) -> list[str]:
    """The codes of all drafts that carry one."""
    concepts = [resource.get("code", {}) for resource in resources(draft)]
    return [coding["code"] for concept in concepts for coding in concept.get("coding", ())]


def texts(draft: CardDraft) -> str:
    """Everything a reader sees, but the suggestions."""
    rows = [f"{row.what} {row.value} {row.when} {row.threshold}" for row in draft.facts]
    return "\n".join((draft.summary, *draft.why, *draft.missing, *rows))
