"""From what a rule wants to say to a card on the wire (B0 "Card conventions", conformance section 6)."""

from cds_service.protocol.cards import Card, Coding, Link, Source, new_uuid
from hooks.assessment import Assessment
from hooks.knowledge.model import RuleText
from hooks.rules.base import CardDraft, FactRow, Rule, md

RULE_SYSTEM = "urn:nam-cds:rule"
OVERRIDE_SYSTEM = "urn:nam-cds:imnm-override"
DISCLAIMER = (
    "_Supports, does not replace, clinical judgement. Off-label throughout. No clinician has signed these rules._"
)
SOURCE_NAMES = {
    "patient": "patient",
    "conditions": "conditions",
    "medicationStatements": "medication statements",
    "medicationRequests": "medication orders",
    "medicationAdministrations": "administered medications",
    "labs": "laboratory results",
    "scores": "strength scores",
    "allergies": "allergies",
    "procedures": "procedures",
}


def compose(a: Assessment, rule: Rule, draft: CardDraft, public_url: str) -> Card:
    """The card of one rule, with uuid, source, override reasons and a link to the rule's page."""
    text = a.knowledge.rules[rule.name]
    return Card(
        uuid=new_uuid(),
        summary=draft.summary,
        detail=_detail(a, rule, draft, text),
        indicator=draft.indicator,
        source=Source(
            label=f"{text.spec_id} {text.title} — NAM-CDS rules, not clinically signed",
            url=f"{public_url}/rules/",
            topic=Coding(code=rule.name, system=RULE_SYSTEM, display=text.title),
        ),
        suggestions=draft.suggestions,
        selection_behavior="any" if draft.suggestions else "",
        override_reasons=tuple(
            Coding(code=reason.code, system=OVERRIDE_SYSTEM, display=reason.display)
            for reason in a.knowledge.reasons(rule.name, critical=draft.indicator == "critical")
        ),
        links=(
            Link(
                label="Why this card: the rule and its evidence",
                url=f"{public_url}/rules/{rule.name}",
                type="absolute",
            ),
        ),
    )


def _detail(a: Assessment, rule: Rule, draft: CardDraft, text: RuleText) -> str:
    missing = [*draft.missing, *_not_checked(a, rule)]
    parts = [
        "\n\n".join((*draft.why, text.rationale)),
        _table(draft.facts),
        f"**Missing or not checked:** {'; '.join(missing)}." if missing else "",
        f"**Evidence:** {text.evidence_note}{_citations(text)}",
        DISCLAIMER,
    ]
    return "\n\n".join(part for part in parts if part)


def _table(rows: tuple[FactRow, ...]) -> str:
    if not rows:
        return ""
    lines = ["| Fact | Value | Date | Compared with |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.value} | {row.when} | {row.threshold} |" for row in rows]
    return "\n".join(lines)


def _not_checked(a: Assessment, rule: Rule) -> list[str]:
    """One sentence per source that the rule rests on and that was not complete: never read as "none" (B9)."""
    lines = []
    for key in a.unchecked(*rule.sources):
        state = a.chart.checked.get(key, "unavailable")
        name = SOURCE_NAMES[key]
        because = md(a.chart.unchecked_because.get(key, ""), 160)
        said = f"{name} not checked" if state == "unavailable" else f"{name} only partly checked"
        lines.append(f"{said}{f' ({because})' if because else ''}")
    return lines


def _citations(text: RuleText) -> str:
    """The citations by short id, for and against; the rule's page gives them in full."""
    pro = ", ".join(text.citations)
    against = f"; against: {', '.join(text.against)}" if text.against else ""
    return f" [{pro}{against}]" if pro or against else ""
