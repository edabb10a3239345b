"""From a chart to verdicts and cards: evaluate every rule, suppress, merge, rank (B1, B7, section N)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from cds_service.protocol.cards import INDICATORS, Card
from cds_service.registry import Snooze
from hooks import data_quality
from hooks.assessment import Assessment, assess
from hooks.cards import OVERRIDE_SYSTEM, compose
from hooks.chart.facts import Chart
from hooks.fingerprints import Basis, Fingerprints
from hooks.knowledge.model import Knowledge
from hooks.reasoning import Criterion, Verdict, verdict
from hooks.rules.base import CardDraft, Rule, about_orders
from hooks.rules.order import FINDING_KEPT, PART_OF, RULES, SUPPRESSED_BY

MOST_CARDS = 6
PATIENT_VIEW = "patient-view"
SNOOZED = "snoozed until"
"""Begins what is said in `Verdict.shown` of a card that stays away because a clinician has put it off."""


class Evaluation(msgspec.Struct, frozen=True):
    """All that was found: what went on the wire, and why everything else did not."""

    assessment: Assessment
    verdicts: tuple[Verdict, ...]
    cards: tuple[Card, ...]
    fingerprints: dict[str, str]
    """By the uuid of a card."""
    drafts: dict[str, CardDraft]
    """What each card was made of, by its uuid."""


class _Spoken(msgspec.Struct):
    """A card in the making: its rule, draft, and the lines and suggestions it took over.

    `told`: what the fingerprint is made of. What it displaces is not, as that is no part of what it says.
    """

    rule: Rule
    draft: CardDraft
    told: list[Basis]


def evaluate(
    chart: Chart,
    knowledge: Knowledge,
    today: date,
    public_url: str,
    hook: str = PATIENT_VIEW,
    *,
    snoozes: Mapping[str, Snooze] | None = None,
) -> Evaluation:
    """Evaluate a chart on a day, for a hook. The same chart and day give the same cards, uuids apart.

    `snoozes`: by rule, the newest override of its card.
    """
    a = assess(chart, knowledge, today)
    rules = [rule for rule in RULES if hook in knowledge.rules[rule.name].hooks]
    verdicts = judged(a, rules, hook)
    shown = {name: _suppressor(name, verdicts) for name in verdicts}
    spoken = [
        _speak(a, rule, verdicts) for rule in rules if verdicts[rule.name].outcome == "fires" and not shown[rule.name]
    ]
    _take_over_findings(a, spoken, shown, verdicts)
    snoozes, fingerprints = snoozes or {}, Fingerprints(chart)
    spoken = _awake(a, spoken, fingerprints, snoozes, shown)
    if hook == PATIENT_VIEW:
        quality = data_quality.rule(fired, lambda _: not spoken)
        verdicts[quality.name] = verdict(quality.name, quality.criteria(a))
        if verdicts[quality.name].outcome == "fires":
            spoken += _awake(a, [_speak(a, quality, verdicts)], fingerprints, snoozes, shown)
    kept = _rank(spoken, knowledge, shown)
    cards = tuple(compose(a, s.rule, s.draft, public_url) for s in kept)
    return Evaluation(
        assessment=a,
        verdicts=tuple(
            msgspec.structs.replace(v, shown=shown.get(name, "")) if v.outcome == "fires" else v
            for name, v in verdicts.items()
        ),
        cards=cards,
        fingerprints={card.uuid: fingerprints.of(s.told) for card, s in zip(cards, kept, strict=True)},
        drafts={card.uuid: s.draft for card, s in zip(cards, kept, strict=True)},
    )


def _speak(a: Assessment, rule: Rule, verdicts: dict[str, Verdict]) -> _Spoken:
    draft = rule.card(a)
    return _Spoken(rule, draft, [Basis(rule.name, verdicts[rule.name].criteria, draft)])


def _awake(
    a: Assessment,
    spoken: list[_Spoken],
    fingerprints: Fingerprints,
    snoozes: Mapping[str, Snooze],
    shown: dict[str, str],
) -> list[_Spoken]:
    """Those that are not snoozed. One that is snoozed displaces nothing."""
    awake = []
    for one in spoken:
        because = _snoozed(a, one, fingerprints, snoozes.get(one.rule.name))
        if because:
            shown[one.rule.name] = because
        else:
            awake.append(one)
    return awake


def _snoozed(a: Assessment, one: _Spoken, fingerprints: Fingerprints, snooze: Snooze | None) -> str:
    """Why a card is kept away: an override that means "known, later", of a card that said the same. Never critical."""
    if snooze is None or one.draft.indicator == "critical":
        return ""
    if a.today >= snooze.until or snooze.fingerprint != fingerprints.of(one.told):
        return ""
    if snooze.reason.system not in ("", OVERRIDE_SYSTEM):
        return ""
    offered = {reason.code: reason for reason in a.knowledge.reasons(one.rule.name)}
    reason = offered.get(snooze.reason.code)
    return f"{SNOOZED} {snooze.until}: {reason.display}" if reason and reason.later else ""


def judged(a: Assessment, rules: Iterable[Rule], hook: str) -> dict[str, Verdict]:
    """What rules say of a patient on a hook, by their names."""
    return {rule.name: verdict(rule.name, _criteria(rule, a, hook)) for rule in rules}


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
        if how == "part" or rule.name in FINDING_KEPT:
            finding = _speak(a, rule, verdicts)
            lines = finding.draft.why if how == "part" else (f"**Also:** {finding.draft.ask}",)
            target.draft = _with(target.draft, lines)
            target.told += finding.told


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
