"""What a rule asks, in the order in which it asks, for its flow chart.

`derived/flows.json` is written by `python -m tests.web.derived` from the criteria that the rules really asked of all
vignettes and fixture patients: nobody draws a chart by hand. Numbers stand in it by name, such as `⟦ck.fresh_days:g⟧`,
and are those of the site when a chart is shown.
"""

import re
from functools import cache
from itertools import groupby
from math import floor
from pathlib import Path
from typing import Literal

import msgspec

from hooks.assessment.labs import readable
from hooks.knowledge.model import Knowledge
from hooks.reasoning import Needs
from hooks.rules.order import FINDING_KEPT, PART_OF, RULES, SUPPRESSED_BY

DERIVED = Path(__file__).parent / "derived"
Answer = Literal["yes", "no", "unknown"]
Asked = Literal["always", "sometimes", "unless critical"]


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One criterion. `answers`: those that were seen. `limits`: what it is compared with.

    `asked`: of all patients, of some, or only for a card that is not critical. `instead`: the one before it is asked
    of some patients, this one of others. `scope`: it is about who the patient is, not about the disease.
    """

    name: str
    answers: tuple[Answer, ...]
    needs: Needs = ""
    limits: tuple[str, ...] = ()
    asked: Asked = "always"
    instead: bool = False
    scope: bool = False
    parts: tuple["Step", ...] = ()


class Flow(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a rule asks: when a chart is opened, and while orders are written.

    `same`: while orders are written it asks the same, after whether one of them is its business.
    """

    indicators: tuple[str, ...]
    chart: tuple[Step, ...]
    orders: tuple[Step, ...] = ()
    same: bool = False


@cache
def flows() -> dict[str, Flow]:
    """By the name of the rule."""
    return msgspec.json.decode((DERIVED / "flows.json").read_bytes(), type=dict[str, Flow])


class Chart(msgspec.Struct, frozen=True):
    """One flow chart. `start`: what begins it. `stages`: steps that are drawn in one box, from the top."""

    start: str
    stages: tuple[tuple[Step, ...], ...]


class Text(msgspec.Struct, frozen=True):
    """A piece of text; `threshold` is the entry that a number in it comes from."""

    text: str
    threshold: str = ""


_NUMBER = re.compile(r"⟦(?P<key>\w+\.\w+)(?:\*(?P<factor>[\d.]+))?(?P<mark>\.mark)?(?::(?P<format>[^⟧]*))?⟧")


def filled(template: str, knowledge: Knowledge) -> tuple[Text, ...]:
    """A text with the numbers and marks of this knowledge."""
    found, end = [], 0
    for match in _NUMBER.finditer(template):
        threshold = knowledge.threshold(match["key"])
        value = threshold.value * float(match["factor"] or 1)
        number = str(floor(value)) if match["format"] == "floor" else format(value, match["format"] or "g")
        found.append(Text(readable(template[end : match.start()])))
        found.append(Text(threshold.mark) if match["mark"] else Text(number, match["key"]))
        end = match.end()
    return tuple(piece for piece in (*found, Text(readable(template[end:]))) if piece.text)


def charts(rule: str, knowledge: Knowledge) -> tuple[Chart, ...]:
    """The flow charts of a rule: one, or two where orders are asked about in another way."""
    flow = flows()[rule]
    drugs = _drugs(rule, knowledge)
    opened, written = "a chart is opened", f"an order is written of: {', '.join(drugs)}"
    found = [Chart(f"{opened}, or {written}" if flow.same else opened, _stages(flow.chart))]
    if flow.orders:
        found.append(Chart(written, _stages(flow.orders)))
    return tuple(found)


def _drugs(rule: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The names of those whose orders it is for."""
    orders = next((one.orders for one in RULES if one.name == rule), frozenset())
    sets = knowledge.value_sets
    return tuple(sorted(sets[drug].title if drug in sets else drug.replace("-", " ") for drug in orders))


def _stages(steps: tuple[Step, ...]) -> tuple[tuple[Step, ...], ...]:
    """Each step alone, but those about who the patient is together."""
    return tuple(
        stage
        for scope, group in groupby(steps, key=lambda step: step.scope)
        for stage in ([tuple(group)] if scope else [(step,) for step in group])
    )


def answers(stage: tuple[Step, ...]) -> frozenset[Answer]:
    """The answers of any of its steps."""
    return frozenset(answer for step in stage for answer in step.answers)


class Scope(msgspec.Struct, frozen=True):
    """What the patient has to be for a rule to speak at all: by when that is asked, and what only other rules ask."""

    always: tuple[str, ...]
    unless_critical: tuple[str, ...]
    sometimes: tuple[str, ...]
    never: tuple[str, ...]


def scope(rule: str) -> Scope:
    """As the rule asked."""
    asked = {step.name: step.asked for step in _scope_steps(rule)}
    every = dict.fromkeys(step.name for other in flows() for step in _scope_steps(other))

    def when(wanted: Asked | None) -> tuple[str, ...]:
        return tuple(name for name in every if asked.get(name) == wanted)

    return Scope(when("always"), when("unless critical"), when("sometimes"), when(None))


def _scope_steps(rule: str) -> list[Step]:
    flow = flows()[rule]
    return [step for step in (*flow.chart, *flow.orders) if step.scope]


class Elsewhere(msgspec.Struct, frozen=True):
    """Where the word of a rule goes when it has no card of its own."""

    suppressed_by: tuple[str, ...]
    finding_kept: bool
    """Whether its finding becomes a line of the card that suppresses it."""
    part_of: tuple[str, ...]


def elsewhere(rule: str) -> Elsewhere:
    """From the same tables that the cards are made by."""
    return Elsewhere(SUPPRESSED_BY.get(rule, ()), rule in FINDING_KEPT, PART_OF.get(rule, ()))
