"""From a chart to verdicts and cards: evaluate every rule, suppress, merge, rank (B1, B7, section N)."""

from collections.abc import Sequence
from datetime import date

import msgspec

from cds_service.protocol.cards import INDICATORS, Card
from hooks import data_quality
from hooks.assessment import Assessment, assess
from hooks.cards import compose
from hooks.chart.facts import Chart
from hooks.knowledge.model import Knowledge
from hooks.reasoning import Criterion, Verdict, verdict
from hooks.rules.base import CardDraft, Rule, about_orders
from hooks.rules.order import FINDING_KEPT, PART_OF, RULES, SUPPRESSED_BY

MOST_CARDS = 6
PATIENT_VIEW = "patient-view"


class Evaluation(msgspec.Struct, frozen=True):
    """All that was found: what went on the wire, and why everything else did not."""

    assessment: Assessment
    verdicts: tuple[Verdict, ...]
    cards: tuple[Card, ...]


class _Spoken(msgspec.Struct):
    """A card in the making: its rule, draft, and the lines and suggestions it took over."""

    rule: Rule
    draft: CardDraft


def evaluate(chart: Chart, knowledge: Knowledge, today: date, public_url: str, hook: str = PATIENT_VIEW) -> Evaluation:
    """Evaluate a chart on a day, for a hook. The same chart and day give the same cards, uuids apart."""
    a = assess(chart, knowledge, today)
    rules = [rule for rule in RULES if hook in knowledge.rules[rule.name].hooks]
    verdicts = {rule.name: verdict(rule.name, _criteria(rule, a, hook)) for rule in rules}
    shown = {name: _suppressor(name, verdicts) for name in verdicts}
    spoken = [
        _Spoken(rule, rule.card(a)) for rule in rules if verdicts[rule.name].outcome == "fires" and not shown[rule.name]
    ]
    if hook == PATIENT_VIEW:
        quality = data_quality.rule(fired, lambda _: not spoken)
        verdicts[quality.name] = verdict(quality.name, quality.criteria(a))
        if verdicts[quality.name].outcome == "fires":
            spoken.append(_Spoken(quality, quality.card(a)))
    _take_over_findings(a, spoken, shown, verdicts)
    kept = _rank(spoken, knowledge, shown)
    return Evaluation(
        assessment=a,
        verdicts=tuple(
            msgspec.structs.replace(v, shown=shown.get(name, "")) if v.outcome == "fires" else v
            for name, v in verdicts.items()
        ),
        cards=tuple(compose(a, s.rule, s.draft, public_url) for s in kept),
    )


def _criteria(rule: Rule, a: Assessment, hook: str) -> tuple[Criterion, ...]:
    """What a rule asks. On the order hooks first whether an order is its business: else nothing more is asked."""
    if hook == PATIENT_VIEW:
        return rule.criteria(a)
    concerned = about_orders(a, rule.orders)
    return (concerned, *rule.criteria(a)) if concerned.truth else (concerned,)


def fired(a: Assessment) -> frozenset[str]:
    """The names of the rules R0 to R9 that fire, suppression aside: what DataQuality asks about (B9)."""
    texts = a.knowledge.rules
    asked = (rule for rule in RULES if texts[rule.name].spec_id.startswith("R"))
    return frozenset(rule.name for rule in asked if verdict(rule.name, rule.criteria(a)).outcome == "fires")


def _suppressor(name: str, verdicts: dict[str, Verdict]) -> str:
    """Why a rule that fires has no card of its own: empty when it has."""
    for other in SUPPRESSED_BY.get(name, ()):
        if _fires(verdicts, other):
            return f"suppressed by {other}"
    if name in PART_OF:
        holder = next((other for other in PART_OF[name] if _fires(verdicts, other)), None)
        return f"part of {holder}" if holder else "no escalation card to be part of"
    return ""


def _fires(verdicts: dict[str, Verdict], name: str) -> bool:
    """Whether a rule fires; one that is not for this hook does not."""
    return name in verdicts and verdicts[name].outcome == "fires"


def _take_over_findings(
    a: Assessment, spoken: list[_Spoken], shown: dict[str, str], verdicts: dict[str, Verdict]
) -> None:
    """Text that belongs to another card moves there: tailoring, and findings of suppressed rules."""
    by_name = {s.rule.name: s for s in spoken}
    for rule in RULES:
        if not _fires(verdicts, rule.name):
            continue
        how, _, holder = shown[rule.name].partition(" by " if "suppressed" in shown[rule.name] else " of ")
        if holder not in by_name:
            continue
        target = by_name[holder]
        if how == "part":
            target.draft = _with(target.draft, rule.card(a).why)
        elif rule.name in FINDING_KEPT:
            target.draft = _with(target.draft, (f"**Also:** {rule.card(a).ask}",))


def _with(draft: CardDraft, lines: Sequence[str]) -> CardDraft:
    return msgspec.structs.replace(draft, why=(*draft.why, *lines))


def _absorb(holder: _Spoken, displaced: _Spoken) -> None:
    """The ask of a displaced warning becomes a line of the card that displaced it, with its suggestions (section N)."""
    holder.draft = msgspec.structs.replace(
        holder.draft,
        why=(*holder.draft.why, f"**Also due:** {displaced.draft.ask}"),
        suggestions=(*holder.draft.suggestions, *displaced.draft.suggestions),
    )


def _rank(spoken: list[_Spoken], knowledge: Knowledge, shown: dict[str, str]) -> list[_Spoken]:
    """Most urgent first, one per family, six at the most; a critical card is never displaced (B7, section N)."""
    ordered = sorted(spoken, key=lambda s: INDICATORS.index(s.draft.indicator))
    kept: list[_Spoken] = []
    leader: dict[str, _Spoken] = {}
    for one in ordered:
        family = knowledge.rules[one.rule.name].family
        if one.draft.indicator != "critical" and family in leader:
            _displace(leader[family], one, shown)
        else:
            leader.setdefault(family, one)
            kept.append(one)
    while len(kept) > MOST_CARDS and kept[-1].draft.indicator != "critical":
        _displace(kept[0], kept.pop(), shown)
    return kept


def _displace(holder: _Spoken, displaced: _Spoken, shown: dict[str, str]) -> None:
    shown[displaced.rule.name] = f"displaced by {holder.rule.name}"
    if displaced.draft.indicator == "warning":
        _absorb(holder, displaced)
