"""What is other in a text or in the criteria of a rule: for whoever compares two answers about one person."""

from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from typing import Literal

import msgspec

from hooks.reasoning import Criterion


class Line(msgspec.Struct, frozen=True):
    """A line of a text (Markdown) that is only in the one or the other."""

    sign: Literal["removed", "added"]
    text: str


class CriterionMove(msgspec.Struct, frozen=True):
    """A criterion whose answer is another. `before` or `after` is None where it was not asked.

    `under`: the criteria that it is a part of, the outermost first.
    """

    name: str
    before: Criterion | None
    after: Criterion | None
    under: tuple[str, ...] = ()


def lines(before: str, after: str) -> Iterator[Line]:
    """The lines that are not in both, in their order."""
    old, new = ([line for line in text.splitlines() if line.strip()] for text in (before, after))
    for how, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if how != "equal":
            yield from (Line("removed", line) for line in old[first:last])
            yield from (Line("added", line) for line in new[start:end])


def truth(one: Criterion | None) -> object:
    """What a criterion answers."""
    return one.truth if one else "not asked"


def everything(one: Criterion | None) -> object:
    """What a criterion answers, what it found, and what it compared it with."""
    return one


def criteria(
    before: tuple[Criterion, ...],
    after: tuple[Criterion, ...],
    under: tuple[str, ...] = (),
    *,
    by: Callable[[Criterion | None], object] = truth,
) -> Iterator[CriterionMove]:
    """The criteria with another answer, each where it is decided: in the parts of a criterion, if it has any.

    `by`: what is compared of each.
    """
    old, new = _named(before), _named(after)
    for name in dict.fromkeys((*new, *old)):
        one, other = old.get(name), new.get(name)
        if by(one) == by(other):
            continue
        parts = list(criteria(one.parts, other.parts, (*under, name[0]), by=by)) if one and other else []
        yield from parts or [CriterionMove(name[0], one, other, under)]


def _named(found: tuple[Criterion, ...]) -> dict[tuple[str, int], Criterion]:
    """By name, and by number where several have one name."""
    named: dict[tuple[str, int], Criterion] = {}
    for one in found:
        number = 0
        while (one.name, number) in named:
            number += 1
        named[one.name, number] = one
    return named
