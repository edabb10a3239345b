"""What a rule is: its criteria, and what it says when they hold.

A rule module exports one `RULE` (or a few of one family). Its prose, thresholds, citations and family are in
`hooks/knowledge/rules/<name>.yaml`; the order of evaluation, who suppresses whom and the ranking are in
`hooks.engine`.
"""

import re
from collections.abc import Callable
from datetime import date

import msgspec

from cds_service.fhir.dates import FhirDate
from cds_service.protocol.cards import Indicator, Suggestion
from hooks.assessment import Assessment
from hooks.assessment.labs import readable, shown
from hooks.chart.facts import LabResult, StrengthScore
from hooks.knowledge.thresholds import Threshold
from hooks.reasoning import Criterion, Truth


class FactRow(msgspec.Struct, frozen=True, gc=False):
    """One row of the card's table of facts used: what, value, date, and what it was compared with.

    `grows`: the value grows by itself from day to day.
    """

    what: str
    value: str
    when: str = ""
    threshold: str = ""
    grows: bool = False


class CardDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule wants to say. All text is Markdown; patient text in it has gone through `md`.

    `summary` says the ask in under 140 characters; `ask` is the same as a line for the card that takes this one over.
    `missing`: what is missing or was not checked, for the reader. `blocked`: the gates, by name, that keep an order
    from being drafted.
    """

    indicator: Indicator
    summary: str
    why: tuple[str, ...]
    ask: str
    facts: tuple[FactRow, ...] = ()
    missing: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule.

    `criteria`: it fires when all hold (Kleene). `card`: what it then says; None for a rule whose text is
    always part of
    another card. `sources`: the prefetch keys that its answer rests on; those that were not complete are
    named on the card. On which hooks it runs stands in its YAML file.
    """

    name: str
    criteria: Callable[[Assessment], tuple[Criterion, ...]]
    card: Callable[[Assessment], CardDraft]
    sources: tuple[str, ...] = ()
    orders: frozenset[str] = frozenset()
    """On the order hooks: the drugs (value-set ids; `plasma-exchange`) of which one must be in a leading order."""


MEDICATION_SOURCES = ("medicationStatements", "medicationRequests", "medicationAdministrations")

_LINK = re.compile(r"://|(?<=www)\.(?=\w)|@", re.IGNORECASE)
_ESCAPE = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+!|~&"})


def md(text: str, limit: int = 120) -> str:
    """Text from the record, made inert for Markdown and HTML, on one line, at most `limit` characters long.

    Characters that are not seen, such as those that turn the direction of writing, are dropped; what clients would make
    a link of is taken apart (CH-CARD-06, CH-LINK-08).
    """
    line = "".join(filter(str.isprintable, " ".join(text.split())))
    line = _LINK.sub(lambda found: f"{found[0][0]} {found[0][1:]}" if found[0] != "@" else " @ ", line)
    return (line if len(line) <= limit else line[: limit - 1] + "…").translate(_ESCAPE)


def scope(
    a: Assessment,
    *,
    possible: bool = False,
    history: bool = False,
    children: bool = False,
    palliative: bool = False,
) -> tuple[Criterion, ...]:
    """Who a rule may speak about (B0, B1): alive, IMNM definite or probable and current, adult, not palliative.

    `possible`: a possible diagnosis will do. `history`: so will a resolved one. `children`: no age limit.
    `palliative`: also in palliative care (critical rules).
    """
    alive, fitting, unfitting, adult, not_palliative = a.once(_scope_criteria)
    fits = (
        a.diagnosis.established
        or (possible and a.diagnosis.status == "POSSIBLE")
        or (history and a.diagnosis.historical)
    )
    criteria = [alive, fitting if fits else unfitting]
    if not children:
        criteria.append(adult)
    if not palliative:
        criteria.append(not_palliative)
    return tuple(criteria)


def safety_scope(a: Assessment, *, critical: bool) -> tuple[Criterion, ...]:
    """Who a safety rule may speak about (B1 "Suppression", B7).

    A critical finding: at any age, in palliative care, with a possible or resolved diagnosis. Any other: as all rules.
    """
    return scope(a, possible=critical, history=critical, children=critical, palliative=critical)


def about_orders(a: Assessment, orders: frozenset[str]) -> Criterion:
    """Whether one of the orders that an order hook asks about is of one of these drugs."""
    found = [o for o in a.chart.ordered if o.source in a.chart.leading and o.drug in orders]
    return Criterion(
        "an order that this rule is for is being written",
        bool(found),
        value=", ".join(order.drug for order in found),
        source=", ".join(order.source for order in found),
    )


def _scope_criteria(a: Assessment) -> tuple[Criterion, Criterion, Criterion, Criterion, Criterion]:
    """The criteria of every scope: alive, a diagnosis that fits and the same that does not, adult, not palliative."""
    diagnosis, limit = a.diagnosis, a.knowledge.thresholds.reading.adult_age
    condition = diagnosis.condition

    def found(fits: bool) -> Criterion:
        return Criterion(
            "a diagnosis of immune-mediated necrotizing myopathy that this rule is for",
            fits,
            value=diagnosis.status + (" (historical)" if diagnosis.historical else ""),
            when=str(condition.since or "") if condition else "",
            source=condition.source if condition else "",
        )

    adult = Criterion(
        "adult",
        a.person.adult,
        value="" if a.person.age is None else str(a.person.age),
        unit="years",
        threshold=f"≥ {limit.value:g}",
        source=a.chart.person.source,
        missing="" if a.person.age is not None else "birth date",
        fixed=a.person.age is not None,
    )
    return (
        Criterion("the patient is alive", not a.person.deceased, fixed=True),
        found(True),
        found(False),
        adult,
        Criterion("not in palliative care", not a.person.palliative),
    )


def threshold_text(limit: Threshold, relation: str = "≥") -> str:
    """`≥ 2 ×ULN [ENG]`: a threshold as the trace and the card show it, with its mark."""
    return readable(f"{relation} {limit} [{limit.mark}]")


def ck_row(a: Assessment, result: LabResult | None) -> FactRow:
    """CK as a row of the facts table."""
    limit = a.knowledge.thresholds.ck.active_x_uln
    if result is None:
        return FactRow("CK", "not on record")
    times = f" ({result.value / a.activity.uln:.1f} × ULN {a.activity.uln:g})" if result.value is not None else ""
    return FactRow(
        "CK", md(shown(result)) + times, str(result.when or ""), f"active ≥ {limit.value:g} × ULN [{limit.mark}]"
    )


def score_row(a: Assessment, score: StrengthScore | None) -> FactRow:
    """MMT-8 as a row of the facts table."""
    limit = a.knowledge.thresholds.strength.weak_fraction
    if score is None:
        return FactRow("MMT-8", "not on record")
    return FactRow("MMT-8", str(score), str(score.when or ""), f"weak ≤ {limit.value * 150:.0f}/150 [{limit.mark}]")


def lab_criterion(
    name: str, truth: Truth, result: LabResult | None, threshold: str, missing: str, *, between: str = ""
) -> Criterion:
    """A criterion that one laboratory result answers. `between`: as of `Criterion`, unless it is answered by a yes."""
    if result is None:
        return Criterion(name, truth, threshold=threshold, missing=missing if truth is None else "")
    return Criterion(
        name,
        truth,
        value=shown(result),
        when=str(result.when or ""),
        threshold=threshold,
        source=result.source,
        missing=missing if truth is None else "",
        between="" if truth else between,
    )


def on(when: FhirDate | date | None) -> str:
    """A date for people; `undated` when there is none."""
    return str(when) if when else "undated"
