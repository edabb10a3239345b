"""DQ DataQuality: items of the record that would change the outcome if they were read otherwise (B1, B9).

Each doubtful item is left out, and read the other possible way; where a verdict changes, the item is named.
So the card comes only when the doubt matters.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from hooks.assessment import Assessment, assess
from hooks.chart.facts import Chart, Dropped, DrugCourse, LabResult, StrengthScore
from hooks.chart.gate import ENTRY_CONDITIONS
from hooks.chart.lazily import asked, dropped_about
from hooks.reasoning import Criterion, any_of
from hooks.rules.base import MEDICATION_SOURCES, CardDraft, Rule, md, on, scope

Fired = Callable[[Assessment], frozenset[str]]
"""The names of the rules that fire for an assessment."""
DECIDING_LABS = ("creatine-kinase", "anti-hmgcr", "anti-srp", "mmt8")
TRIAL_DRUGS = ("ivig", "rituximab", "methotrexate", "cyclophosphamide")
UNIDENTIFIED = "unidentified-drug"
_TELLING = frozenset({*DECIDING_LABS, *TRIAL_DRUGS, UNIDENTIFIED})


class Doubt(msgspec.Struct, frozen=True):
    """One item to fix: what is wrong with it, and where it stands."""

    text: str
    source: str


def doubts(a: Assessment, fired: Fired) -> tuple[Doubt, ...]:
    """Every item whose other reading would change the outcome, and everything unreadable that could have mattered.

    The rules have been evaluated before: of laboratory results, only those that they asked for can change the outcome.
    """
    known = a.diagnosis.established or a.diagnosis.historical or a.diagnosis.status == "POSSIBLE"
    if a.person.deceased or not (known or _unread_diagnoses(a)):
        return ()
    found: list[Doubt] = []
    for text, source, others in _candidates(a.chart, a):
        if any(fired(assess(other, a.knowledge, a.today)) != a.once(fired) for other in others):
            found.append(Doubt(text, source))
    found.extend(_unreadable(a))
    if a.diagnosis.established:
        if a.diagnosis.conflict:
            other = a.diagnosis.conflict
            found.append(Doubt(f"{md(other.text)} is current beside IMNM: which one is it?", other.source))
        if a.person.age is None:
            found.append(Doubt("age unknown: no dose and no escalation card is given", a.chart.person.source))
    return tuple(dict.fromkeys(found))


def _candidates(chart: Chart, a: Assessment) -> Iterator[tuple[str, str, tuple[Chart, ...]]]:
    """Each doubtful item with the charts that would result from leaving it out or reading it otherwise."""
    for concept, results in asked(chart).items():
        for result in results:
            if result.doubt:
                others = (_labs(chart, concept, result, ()), *_other_values(chart, concept, result, a))
                yield f"{_name(a, concept)} of {on(result.when)}: {md(result.doubt)}", result.source, others
    for score in chart.scores:
        if score.doubt:
            yield (
                f"MMT-8 of {on(score.when)}: {md(score.doubt)}",
                score.source,
                tuple(_other_scales(chart, score)),
            )
    for course in chart.courses:
        if course.status in ("planned", "draft"):
            continue
        undated = course.start is None
        if undated or course.doubt:
            text = md(course.doubt) if course.doubt else "no date on record"
            yield f"{md(course.text)}: {text}", course.source, _without(chart, course)


def _name(a: Assessment, concept: str) -> str:
    return a.knowledge.value_sets[concept].title


def _labs(chart: Chart, concept: str, old: LabResult, new: tuple[LabResult, ...]) -> Chart:
    """The chart with one result replaced."""
    results = tuple(r for item in chart.labs[concept] for r in (new if item is old else (item,)))
    return _replace(chart, labs={**chart.labs, concept: results})


def _other_values(chart: Chart, concept: str, result: LabResult, a: Assessment) -> Iterator[Chart]:
    """The value taken at its word, also where its unit was not understood; a CK may also be in µkat/L (A4)."""
    values = [value for value in (result.value, result.raw) if value is not None]
    if result.raw is not None and concept == "creatine-kinase":
        values.append(result.raw * a.knowledge.thresholds.ck.ukat_to_u.value)
    for value in values:
        read = msgspec.structs.replace(result, value=value, doubt="")
        yield _labs(chart, concept, result, (read,))


def _other_scales(chart: Chart, score: StrengthScore) -> Iterator[Chart]:
    """Left out; on each scale that it fits; and, on no known scale, as no strength and as full strength."""
    yield _replace(chart, scores=tuple(s for s in chart.scores if s is not score))
    scales = [score.value / maximum for maximum in (150, 80) if score.value <= maximum] or [0.0, 1.0]
    for fraction in scales if score.fraction is None else [score.fraction]:
        read = msgspec.structs.replace(score, fraction=fraction, doubt="")
        yield _replace(chart, scores=tuple(read if s is score else s for s in chart.scores))


def _without(chart: Chart, course: DrugCourse) -> tuple[Chart, ...]:
    """Left out; and, for a course that is called active although it ended, read as still active."""
    left_out = _replace(
        chart,
        courses=tuple(c for c in chart.courses if c is not course),
        infusions=tuple(i for i in chart.infusions if i.course != course.source),
    )
    if not course.doubt or course.status == "active":
        return (left_out,)
    active = msgspec.structs.replace(course, status="active", end=None)
    return left_out, _replace(chart, courses=tuple(active if c is course else c for c in chart.courses))


def _replace(chart: Chart, **changes: Any) -> Chart:
    return msgspec.structs.replace(chart, **changes)


def _unreadable(a: Assessment) -> Iterator[Doubt]:
    """Entries that could not be read although they name something the rules look at, or that name no drug at all."""
    doubtful = tuple(d for d in dropped_about(a.chart, _TELLING) if d.doubtful)
    for dropped in doubtful:
        if dropped.concept in TRIAL_DRUGS or (dropped.concept in DECIDING_LABS and _newest(a, dropped)):
            name = _name(a, dropped.concept)
            yield Doubt(
                f"{name}{f' of {dropped.when}' if dropped.when else ''} not used: {md(dropped.reason)}",
                dropped.source,
            )
    for dropped in _unread_diagnoses(a):
        yield Doubt(f"the diagnosis could not be read: {md(dropped.reason)}", dropped.source)
    unnamed = [d for d in doubtful if d.concept == UNIDENTIFIED]
    if unnamed:
        yield Doubt(f"{len(unnamed)} drug entries could not be identified: {md(unnamed[0].reason)}", unnamed[0].source)


def _unread_diagnoses(a: Assessment) -> tuple[Dropped, ...]:
    """Entries that name a diagnosis which rules start from, and could not be used: silence must not hide them."""
    return tuple(d for d in dropped_about(a.chart, ENTRY_CONDITIONS) if d.doubtful)


def _newest(a: Assessment, dropped: Dropped) -> bool:
    """Whether a dropped result is newer than every usable one of its kind (an older one changes nothing)."""
    known: tuple[LabResult | StrengthScore, ...] = (
        a.chart.scores if dropped.concept == "mmt8" else a.chart.labs.get(dropped.concept, ())
    )
    if dropped.when is None or not known:
        return True
    newest = max((k.when.latest for k in known if k.when), default=None)
    return newest is None or dropped.when.latest > newest


def rule(fired: Fired, silent: Callable[[Assessment], bool]) -> Rule:
    """The rule. `silent`: no other rule has a card; then a source that could not be checked is named here."""

    def find(a: Assessment) -> tuple[Doubt, ...]:
        return doubts(a, fired)

    def criteria(a: Assessment) -> tuple[Criterion, ...]:
        found = a.once(find)
        unchecked = _unchecked(a) if silent(a) else ()
        alive, diagnosis, *others = scope(a, possible=True, history=True, children=True)
        unread = Criterion("a diagnosis that could not be read", bool(_unread_diagnoses(a)))
        return (
            alive,
            any_of("a diagnosis, or an entry that would be one", diagnosis, unread),
            *others,
            any_of(
                "something in the record has to be put right",
                Criterion(
                    "a doubtful item that changes the outcome",
                    bool(found),
                    value="; ".join(d.text for d in found),
                    source=", ".join(d.source for d in found),
                ),
                Criterion(
                    "nothing else to say, while a source could not be checked",
                    bool(unchecked),
                    value=", ".join(unchecked),
                ),
            ),
        )

    def card(a: Assessment) -> CardDraft:
        found = a.once(find)
        n = len(found)
        if n:
            ask = f"Check {n} item{'s' * (n != 1)} of the record: the advice depends on {'them' if n > 1 else 'it'}"
            why = (
                "If read otherwise, the cards would differ:",
                *(f"- {d.text} ({md(d.source)})" for d in found),
            )
        else:
            ask = "Parts of the record could not be checked: no advice does not mean that none is needed"
            why = ("No rule fired on what could be read, but some sources were not complete.",)
        return CardDraft(indicator="info", summary=ask, ask=ask, why=why)

    return Rule(
        name="DataQuality",
        criteria=criteria,
        card=card,
        sources=("conditions", *MEDICATION_SOURCES, "labs", "scores", "allergies", "procedures"),
    )


def _unchecked(a: Assessment) -> tuple[str, ...]:
    return tuple(key for key, state in a.chart.checked.items() if state != "complete")
