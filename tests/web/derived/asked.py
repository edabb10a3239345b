"""Which criteria a rule asks, merged from what it asked of many patients."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

import msgspec

from cds_service.web.flows import Answer, Asked, Flow, Step
from hooks.reasoning import Criterion, Needs

Fired = Literal["no", "yes", "critical"]
"""Whether a rule fired, and with a critical card."""
_ANSWERS: dict[bool | None, Answer] = {True: "yes", False: "no", None: "unknown"}


class Merged(msgspec.Struct):
    """One criterion as it was asked of many patients.

    `limits`: by the numbers of the evaluations in which it was asked, what it was compared with. A criterion that wraps
    another one without combining it (`…, alone`) stands for that one, under its own name.
    """

    name: str
    names: set[str]
    needs: Needs = ""
    limits: dict[int, set[str]] = {}
    answers: set[Answer] = set()
    parts: list["Merged"] = []

    def add(self, number: int, criterion: Criterion) -> None:
        """One more patient."""
        self.answers.add(_ANSWERS[criterion.truth])
        wrapped = _wrapped(criterion)
        if wrapped:
            self.name = criterion.name
            criterion = wrapped
        self.needs = self.needs or criterion.needs
        self.limits.setdefault(number, set()).add(criterion.threshold)
        merge(self.parts, number, criterion.parts)


def _wrapped(criterion: Criterion) -> Criterion | None:
    return criterion.parts[0] if len(criterion.parts) == 1 and not criterion.needs else None


def merge(into: list[Merged], number: int, asked: Sequence[Criterion]) -> None:
    """Add what an evaluation asked, at the place at which it asked it."""
    place = 0
    for criterion in asked:
        wrapped = _wrapped(criterion)
        names = {criterion.name} | ({wrapped.name} if wrapped else set())
        found = next((i for i, one in enumerate(into) if one.names & names), None)
        if found is None:
            into.insert(place, Merged(criterion.name, set(names)))
            found = place
        into[found].names |= names
        into[found].add(number, criterion)
        place = found + 1


def steps(merged: Sequence[Merged], evaluations: dict[int, Fired], scope: frozenset[str]) -> tuple[Step, ...]:
    """What was asked in these evaluations, each of which asked the criterion that these are the parts of."""
    found = []
    before: set[int] = set(evaluations)
    for one in merged:
        at = set(one.limits)
        found.append(
            Step(
                name=one.name,
                answers=tuple(answer for answer in get_args(Answer) if answer in one.answers),
                needs=one.needs,
                limits=tuple(_limits(one)),
                asked=_asked(at, evaluations),
                instead=not before & at,
                scope=one.name in scope,
                parts=steps(one.parts, {number: evaluations[number] for number in _parents(one)}, scope),
            )
        )
        before = at
    return tuple(found)


def _parents(one: Merged) -> set[int]:
    """The evaluations in which the criterion had parts at all: one that says no at once may have none."""
    return {number for part in one.parts for number in part.limits}


def _asked(at: set[int], evaluations: dict[int, Fired]) -> Asked:
    if at == set(evaluations):
        return "always"
    spoke = {number: fired for number, fired in evaluations.items() if fired != "no"}
    if any(fired == "critical" for fired in spoke.values()) and all(
        (number in at) == (fired == "yes") for number, fired in spoke.items()
    ):
        return "unless critical"
    return "sometimes"


_NUMBER = re.compile(r"(?:⟦[^⟧]*⟧|\d[\d.,]*)")


def _limits(one: Merged) -> Iterator[str]:
    """What it is compared with: without what is a patient's own, which differs, and has no mark of a threshold."""
    seen = sorted(set[str]().union(*one.limits.values()))
    if len(seen) == 1:
        yield from filter(None, seen)
        return
    alike: dict[str, list[str]] = {}
    for text in seen:
        if ".mark⟧" in text:
            alike.setdefault(_NUMBER.sub("…", text), []).append(text)
    general = [_in_common(texts) for texts in alike.values()]
    yield from (text for text in general if not any(text != other and text.startswith(other) for other in general))


def _in_common(texts: Sequence[str]) -> str:
    """Texts that differ in numbers alone, with an ellipsis for these: such as the limit of a patient's laboratory."""
    at_each_place = zip(*map(_NUMBER.findall, texts), strict=True)
    numbers = iter(found[0] if len(set(found)) == 1 else "…" for found in at_each_place)
    return _NUMBER.sub(lambda _: next(numbers), texts[0])


def general(flows: Mapping[str, Flow]) -> dict[str, Flow]:
    """The same flows; a number that is a patient's own in one place is so in all, though few patients were asked."""
    every = {limit for flow in flows.values() for step in (*flow.chart, *flow.orders) for limit in _all_limits(step)}
    own = {limit: re.compile(_NUMBER.pattern.join(map(re.escape, limit.split("…")))) for limit in every if "…" in limit}

    def widened(step: Step) -> Step:
        limits = (next((to for to, same in own.items() if same.fullmatch(limit)), limit) for limit in step.limits)
        parts = tuple(widened(part) for part in step.parts)
        return msgspec.structs.replace(step, limits=tuple(dict.fromkeys(limits)), parts=parts)

    return {
        name: msgspec.structs.replace(
            flow, chart=tuple(map(widened, flow.chart)), orders=tuple(map(widened, flow.orders))
        )
        for name, flow in flows.items()
    }


def _all_limits(step: Step) -> Iterator[str]:
    yield from step.limits
    for part in step.parts:
        yield from _all_limits(part)
