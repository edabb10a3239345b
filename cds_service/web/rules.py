"""The rules and what they stand on, for review: rendered from the same files that the service reasons with."""

from itertools import groupby

from flask import Blueprint, render_template

from cds_service.catalogue import Catalogue
from cds_service.errors import NotFound
from cds_service.web import flows
from cds_service.web.layout import pages
from hooks.engine import MOST_CARDS
from hooks.knowledge.model import Knowledge, OverlayChange, RuleText
from hooks.knowledge.thresholds import MARKS

CONFIDENCE = {
    "H": "citation and the content used here were seen",
    "Hc": "citation seen, its content in part",
    "v2": "known from a secondary source",
    "M": "from memory, not verified",
}
"""How far a citation was followed (specification D)."""


def blueprint(knowledge: Knowledge, catalogue: Catalogue) -> Blueprint:
    routes = pages("rules", __name__)

    @routes.get("/rules")
    def index() -> str:
        by_family = sorted(knowledge.rules.values(), key=lambda rule: list(_families(knowledge)).index(rule.family))
        families = [(family, list(rules)) for family, rules in groupby(by_family, key=lambda rule: rule.family)]
        return render_template("rules.html", families=families)

    @routes.get("/rules/<name>")
    def rule(name: str) -> str:
        found = knowledge.rules.get(name)
        if found is None:
            raise NotFound("There is no rule of this name.", remedy="/rules/ lists all rules.")
        return render_template(
            "rule.html",
            rule=found,
            charts=flows.charts(name, knowledge),
            flow=flows.flows()[name],
            elsewhere=flows.elsewhere(name),
            scope=flows.scope(name),
            answers=flows.answers,
            filled=lambda template: flows.filled(template, knowledge),
            snoozed=[reason for reason in knowledge.reasons(name) if reason.later],
            rivals=[one for one in knowledge.rules.values() if one.family == found.family and one.name != name],
            most_cards=MOST_CARDS,
            thresholds=[(key, knowledge.threshold(key)) for key in found.thresholds],
            marks=MARKS,
            evidence=[knowledge.citations[key] for key in found.citations],
            against=[knowledge.citations[key] for key in found.against],
            article=[knowledge.article[key] for key in found.article],
            confidence=CONFIDENCE,
            reasons=knowledge.reasons(name),
            changes=_changes(found, knowledge),
            services=[service for service in catalogue.services if service.hook in found.hooks],
        )

    @routes.get("/rules/value-sets")
    def value_sets() -> str:
        by_kind = sorted(knowledge.value_sets.values(), key=lambda one: (one.kind, one.title.lower()))
        kinds = [(kind, list(sets)) for kind, sets in groupby(by_kind, key=lambda one: one.kind)]
        return render_template("value_sets.html", kinds=kinds)

    @routes.get("/rules/value-sets/<name>")
    def value_set(name: str) -> str:
        found = knowledge.value_sets.get(name)
        if found is None:
            raise NotFound("There is no value set of this name.", remedy="/rules/value-sets lists all value sets.")
        changes = [change for change in knowledge.overlay if change.key == name]
        return render_template("value_set.html", set=found, changes=changes)

    @routes.get("/rules/evidence")
    def evidence() -> str:
        return render_template(
            "evidence.html", citations=knowledge.citations.values(), cited=_cited(knowledge), confidence=CONFIDENCE
        )

    @routes.get("/rules/decisions")
    def decisions() -> str:
        return render_template("decisions.html")

    return routes


def _families(knowledge: Knowledge) -> dict[str, None]:
    return dict.fromkeys(rule.family for rule in knowledge.rules.values())


def _changes(rule: RuleText, knowledge: Knowledge) -> list[OverlayChange]:
    """What the site changed of this rule and of what it compares with; value sets belong to no single rule."""
    return [change for change in knowledge.overlay if change.key in (rule.name, *rule.thresholds)]


def _cited(knowledge: Knowledge) -> dict[str, list[str]]:
    """The names of the rules that name a citation, for or against."""
    cited: dict[str, list[str]] = {}
    for rule in knowledge.rules.values():
        for key in (*rule.citations, *rule.against):
            cited.setdefault(key, []).append(rule.name)
    return cited
