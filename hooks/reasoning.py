"""Three-valued reasoning: criteria that are True, False or Unknown (Kleene), and the verdict of a rule made of them.

A verdict keeps all its criteria, so "why did this card (not) come?" always has an answer.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

Truth = bool | None
"""True, False, or None: it cannot be told."""
Outcome = Literal["fires", "silent", "cannot tell"]


def all_true(truths: Iterable[Truth]) -> Truth:
    """Kleene conjunction: one False decides, else one Unknown leaves it open."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_true(truths: Iterable[Truth]) -> Truth:
    """Kleene disjunction: one True decides, else one Unknown leaves it open."""
    result: Truth = False
    for truth in truths:
        if truth:
            return True
        if truth is None:
            result = None
    return result


def negate(truth: Truth) -> Truth:
    """Kleene negation."""
    return None if truth is None else not truth


Needs = Literal["", "all", "any", "none"]
"""How many of its parts a criterion needs to hold; empty where the parts only tell more of it."""

GROWING = frozenset({"years", "weeks", "d", "g"})
"""Units of what grows by itself: ages, spans of time, and the dose of a lifetime (any other dose is in mg)."""


class Criterion(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One named question and its answer, with what was looked at.

    `value`, `unit`, `when` and `source` are those of the fact that answered; `threshold` is what it was
    compared with, with the mark of
    the threshold; `missing` says, when the answer is Unknown, what would answer it.
    """

    name: str
    truth: Truth
    value: str = ""
    unit: str = ""
    when: str = ""
    threshold: str = ""
    source: str = ""
    missing: str = ""
    parts: tuple["Criterion", ...] = ()
    needs: Needs = ""

    @property
    def grows(self) -> bool:
        """Whether the value grows by itself from day to day, without a new fact."""
        return self.unit in GROWING


def all_of(name: str, *parts: Criterion) -> Criterion:
    """A criterion that holds when each of its parts does."""
    return Criterion(name, all_true([part.truth for part in parts]), missing=_missing(parts), parts=parts, needs="all")


def any_of(name: str, *parts: Criterion) -> Criterion:
    """A criterion that holds when one of its parts does."""
    return Criterion(name, any_true([part.truth for part in parts]), missing=_missing(parts), parts=parts, needs="any")


def _missing(parts: Iterable[Criterion]) -> str:
    missing = [part.missing for part in parts if part.truth is None and part.missing]
    return "; ".join(dict.fromkeys(missing)) if missing else ""


class Verdict(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a rule says of a patient. `because` names the deciding criteria, for people.

    `shown` is what became of it on the wire: empty for a card of its own, else why there is none
    (suppressed by another rule, displaced by a card of its family, its text is part of another card).
    """

    rule: str
    outcome: Outcome
    because: str
    criteria: tuple[Criterion, ...]
    shown: str = ""


def verdict(rule: str, criteria: tuple[Criterion, ...]) -> Verdict:
    """The verdict of a rule that fires when all its criteria hold."""
    unknown = []
    for criterion in criteria:
        if criterion.truth is False:
            return Verdict(rule, "silent", f"not met: {criterion.name}", criteria)
        if criterion.truth is None:
            unknown.append(criterion.missing or f"unknown: {criterion.name}")
    if unknown:
        return Verdict(rule, "cannot tell", "; ".join(dict.fromkeys(unknown)), criteria)
    return Verdict(rule, "fires", "all criteria hold", criteria)
