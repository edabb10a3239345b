"""The rules and what they stand on, for review: rendered from the same files that the service reasons with."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import groupby

import msgspec
from flask import Blueprint, Response, render_template
from markupsafe import Markup

from cds_service.catalogue import Catalogue
from cds_service.errors import NotFound
from cds_service.store.items import StoreDownError
from cds_service.store.report import Report, report
from cds_service.store.store import Store
from cds_service.web import flows, vignettes
from cds_service.web.charts import svg
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


class Review(msgspec.Struct, frozen=True):
    """Whether a rule is due for review. `thresholds`: those of its numbers whose own date is past."""

    overdue: bool
    thresholds: tuple[str, ...]

    @property
    def due(self) -> bool:
        """Whether anything of it is."""
        return self.overdue or bool(self.thresholds)


def blueprint(
    knowledge: Knowledge,
    catalogue: Catalogue,
    today: Callable[[], date],
    store: Store | None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Blueprint:
    """`store`: what became of cards, where that may be shown."""
    routes = pages("rules", __name__)

    @routes.get("/rules")
    def index() -> str:
        by_family = sorted(knowledge.rules.values(), key=lambda rule: list(_families(knowledge)).index(rule.family))
        families = [(family, list(rules)) for family, rules in groupby(by_family, key=lambda rule: rule.family)]
        reviews = {name: _review(rule, knowledge, today()) for name, rule in knowledge.rules.items()}
        states = {name: _states(rule, reviews[name]) for name, rule in knowledge.rules.items()}
        return render_template(
            "rules.html",
            families=families,
            reviews=reviews,
            overdue_thresholds=sorted({key for review in reviews.values() for key in review.thresholds}),
            hooks=sorted({hook for rule in knowledge.rules.values() for hook in rule.hooks}, reverse=True),
            states=states,
            numbers=Counter(state for all_ in states.values() for state in all_),
        )

    @routes.get("/rules/<name>")
    def rule(name: str) -> Response:
        found = knowledge.rules.get(name)
        if found is None:
            raise NotFound("There is no rule of this name.", remedy="/rules/ lists all rules.")
        page = render_template(
            "rule.html",
            rule=found,
            review=_review(found, knowledge, today()),
            today=today(),
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
            vignettes=vignettes.by_rule().get(name, {}),
            received=_received(store, name, clock()) if store else None,
            offered=store is not None,
            chart=lambda report: Markup(svg(report)),  # noqa: S704 - its template escapes all text  # nosec B704
            display={reason.code: reason.display for reason in knowledge.override_reasons} | {"": "no reason given"},
        )
        response = Response(page)
        if store:
            response.cache_control.no_store = True
        return response

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


def _review(rule: RuleText, knowledge: Knowledge, today: date) -> Review:
    late = tuple(key for key in rule.thresholds if knowledge.threshold(key).review_by < today)
    return Review(rule.review_by < today, late)


def _states(rule: RuleText, review: Review) -> tuple[str, ...]:
    """What the list of rules can be narrowed to."""
    states = {
        "overdue": review.due,
        "signed": bool(rule.checked_by),
        "unsigned": not rule.checked_by,
        "off": not rule.enabled,
    }
    return tuple(state for state, holds in states.items() if holds)


def _received(store: Store, rule: str, now: datetime) -> Report | None:
    """What became of the cards of a rule; None where that cannot be read now."""
    try:
        return store.read(lambda connection: report(connection, now, rule=rule))
    except StoreDownError:
        return None


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
