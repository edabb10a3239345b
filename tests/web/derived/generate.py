"""Writes what the pages of the rules are made of: their flow charts, and which vignettes test them."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec

import fixtures
from cds_service.engine import Engine
from cds_service.explanation import explain
from cds_service.protocol.cards import INDICATORS, Indicator
from cds_service.registry import Call
from cds_service.settings import Settings
from cds_service.web.flows import Flow, Step
from cds_service.web.vignettes import Vignette
from hooks import services
from hooks.assessment import Assessment, assess
from hooks.chart import read
from hooks.engine import PATIENT_VIEW, _criteria
from hooks.knowledge import load
from hooks.knowledge.model import Knowledge
from hooks.reasoning import Criterion
from hooks.rules.base import scope
from hooks.rules.order import RULES
from tests.vignettes.vignette_files import load_all
from tests.web.derived.asked import Fired, Merged, general, merge, steps
from tests.web.derived.named import named

KNOWLEDGE = load()
NAMED = named(KNOWLEDGE)
ENABLED = msgspec.structs.replace(
    KNOWLEDGE,
    rules={name: msgspec.structs.replace(rule, enabled=True) for name, rule in KNOWLEDGE.rules.items()},
)
NAMED_ON = named(ENABLED)
"""With what is shipped off: to see what it says once it is on."""
TODAY = fixtures.ANCHOR
BY_NAME = {rule.name: rule for rule in RULES}
"""All but DataQuality, whose criteria look at what the others say."""


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Hook and body of a request for every vignette and fixture patient."""
    for vignette in load_all():
        yield vignette.hook, vignette.request
    common = {"hookInstance": "00000000-0000-4000-8000-000000000000"}
    for story in fixtures.stories():
        context = {"userId": "Practitioner/1", "patientId": story.id}
        yield (
            PATIENT_VIEW,
            common
            | {
                "hook": PATIENT_VIEW,
                "context": context,
                "prefetch": fixtures.prefetch(story.id, TODAY),
            },
        )
    for orders in fixtures.orders():
        context = {"userId": "Practitioner/1", "patientId": orders.patient} | orders.context
        yield (
            "order-sign",
            common
            | {
                "hook": "order-sign",
                "context": context,
                "prefetch": fixtures.prefetch(orders.patient, TODAY),
            },
        )


class Asked(msgspec.Struct):
    """What a rule asked on one kind of hook, and of whom."""

    merged: list[Merged] = []
    evaluations: dict[int, Fired] = {}

    def add(self, criteria: Sequence[Criterion], spoke: Fired) -> None:
        """One more patient."""
        number = len(self.evaluations)
        self.evaluations[number] = spoke
        merge(self.merged, number, criteria)

    def steps(self, scope_names: frozenset[str]) -> tuple[Step, ...]:
        """All of it."""
        return steps(self.merged, self.evaluations, scope_names)


def flows() -> dict[str, Flow]:
    """The flow of each rule, in the order of evaluation."""
    chart: dict[str, Asked] = defaultdict(Asked)
    orders: dict[str, Asked] = defaultdict(Asked)
    indicators: dict[str, set[Indicator]] = defaultdict(set)
    names: set[str] = set()
    with closing(Engine(Settings(database="memory", log_level="error"))) as engine:
        offered = {service.hook: service for service in services(KNOWLEDGE)}
        for hook, request in requests():
            found = explain(engine, offered[hook], ENABLED, json.dumps(request).encode(), TODAY)
            a = _assessed(found.call, NAMED)
            names |= {criterion.name for criterion in scope(a)}
            for verdict in found.evaluation.verdicts:
                rule = BY_NAME.get(verdict.rule)
                fires = verdict.outcome == "fires"
                says = (rule.card(found.evaluation.assessment).indicator if rule else "info") if fires else None
                if says:
                    indicators[verdict.rule].add(says)
                criteria = _criteria(rule, a, hook) if rule else verdict.criteria
                if hook != PATIENT_VIEW and len(criteria) == 1:
                    continue  # no order that is its business: nothing more is asked
                kind = chart if hook == PATIENT_VIEW else orders
                spoke: Fired = "no" if not says else "critical" if says == "critical" else "yes"
                kind[verdict.rule].add(criteria, spoke)
                if rule and not KNOWLEDGE.rules[rule.name].enabled:
                    kind[rule.name].add(_criteria(rule, _assessed(found.call, NAMED_ON), hook), spoke)
    found_scope = frozenset(names)
    found_flows = {
        name: Flow(
            tuple(one for one in INDICATORS if one in indicators[name]),
            chart[name].steps(found_scope),
            # While orders are written the first question is always whether one of them is the rule's business.
            orders[name].steps(found_scope)[1:],
        )
        for name in KNOWLEDGE.rules
    }
    return {name: _without_repeating(flow) for name, flow in general(found_flows).items()}


def _assessed(call: Call, knowledge: Knowledge) -> Assessment:
    return assess(read(call.data, knowledge, TODAY), knowledge, TODAY)


def _without_repeating(flow: Flow) -> Flow:
    """Without the orders, where the same is asked of them."""
    same = [_bare(step) for step in flow.chart] == [_bare(step) for step in flow.orders]
    return msgspec.structs.replace(flow, orders=(), same=True) if same else flow


def _bare(step: Step) -> Step:
    """What is asked, whatever the answers were: fewer patients have orders."""
    parts = tuple(_bare(part) for part in step.parts)
    return msgspec.structs.replace(step, answers=(), asked="always", instead=False, parts=parts)


def vignettes() -> list[Vignette]:
    """The vignettes, in the order of their files."""
    found: dict[str, Vignette] = {}
    for one in load_all():
        text = one.text
        hooks = (text.hook,) if isinstance(text.hook, str) else tuple(text.hook)
        comes: dict[str, str] = {card.card: card.indicator or "" for card in text.expect}
        found[text.id] = Vignette(
            text.id, text.title, one.file, hooks, comes, tuple(text.never), tuple(text.cannot_tell)
        )
    return list(found.values())


def written(flows: dict[str, Flow], vignettes: list[Vignette]) -> dict[str, str]:
    """The files by their names. One line for each criterion and each vignette: what has changed is for review."""
    rules = [f"  {json.dumps(name)}: {{\n{_of_flow(flow)}\n  }}" for name, flow in flows.items()]
    return {
        "flows.json": "{\n" + ",\n".join(rules) + "\n}\n",
        "vignettes.json": "[\n" + ",\n".join(_line(one) for one in vignettes) + "\n]\n",
    }


def _of_flow(flow: Flow) -> str:
    members = [f'    "indicators": {json.dumps(flow.indicators)}']
    members += ['    "same": true'] if flow.same else []
    for name, found in (("chart", flow.chart), ("orders", flow.orders)):
        if found:
            members.append(f'    "{name}": [\n{_of_steps(found, "      ")}\n    ]')
    return ",\n".join(members)


def _of_steps(found: tuple[Step, ...], indent: str) -> str:
    lines = []
    for step in found:
        line = indent + _line(msgspec.structs.replace(step, parts=()))
        if step.parts:
            line = f'{line[:-1]}, "parts": [\n{_of_steps(step.parts, indent + "  ")}\n{indent}]}}'
        lines.append(line)
    return ",\n".join(lines)


def _line(value: Step | Vignette) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
