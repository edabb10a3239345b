"""Three-valued reasoning: criteria that are True, False or Unknown (Kleene), and the verdict of a rule made of them.

A verdict keeps all its criteria, so "why did this card (not) come?" always has an answer.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

Truth = bool | None
"""True, False, or None: it cannot be told."""
Outcome = Literal["fires", "silent", "cannot tell"]
Standing = Literal["fires", "not computable", "between thresholds", "silent"]
"""An outcome, with what is measured and yet between two limits told apart from what lacks data, and from a plain no."""


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
    compared with, with the mark of the threshold; `missing` says, when the answer is Unknown, what would answer it.

    `between` says that something was measured and yet gives no plain answer: a value between two limits (B0
    INDETERMINATE), a range or a comparator with the limit inside, a result that is neither positive nor negative.
    Empty with an Unknown: it lacks data (B0 NOT_COMPUTABLE). `fixed`: nothing that is measured or ordered alters the
    answer, such as age. `parts`: what it follows from.
    """

    name: str
    truth: Truth
    value: str = ""
    unit: str = ""
    when: str = ""
    threshold: str = ""
    source: str = ""
    missing: str = ""
    between: str = ""
    fixed: bool = False
    parts: tuple["Criterion", ...] = ()
    needs: Needs = ""

    @property
    def grows(self) -> bool:
        """Whether the value grows by itself from day to day, without a new fact."""
        return self.unit in GROWING


def all_of(name: str, *parts: Criterion) -> Criterion:
    """A criterion that holds when each of its parts does."""
    return Criterion(name, all_true([part.truth for part in parts]), missing=_missing(parts), needs="all", parts=parts)


def any_of(name: str, *parts: Criterion) -> Criterion:
    """A criterion that holds when one of its parts does."""
    return Criterion(name, any_true([part.truth for part in parts]), missing=_missing(parts), needs="any", parts=parts)


def none_of(name: str, *parts: Criterion) -> Criterion:
    """A criterion that holds when none of its parts does."""
    truth = negate(any_true([part.truth for part in parts]))
    return Criterion(name, truth, missing=_missing(parts), needs="none", parts=parts)


class Lack(NamedTuple):
    """A leaf that would have to be answered otherwise, and how."""

    criterion: Criterion
    wanted: bool


def lacking(criteria: Iterable[Criterion]) -> tuple[Lack, ...] | None:
    """The fewest leaves that would have to be answered otherwise for all criteria to hold; None where one is fixed."""
    return _ways([_lacking(criterion, wanted=True) for criterion in criteria], every=True)


def _lacking(criterion: Criterion, *, wanted: bool) -> tuple[Lack, ...] | None:
    if criterion.truth is wanted:
        return ()
    if not (criterion.needs and criterion.parts):
        return None if criterion.fixed else (Lack(criterion, wanted),)
    of_parts = wanted is not (criterion.needs == "none")
    every = wanted is not (criterion.needs == "any")
    return _ways([_lacking(part, wanted=of_parts) for part in criterion.parts], every=every)


def _ways(ways: list[tuple[Lack, ...] | None], *, every: bool) -> tuple[Lack, ...] | None:
    """All of the ways together, each leaf once; or the shortest of them."""
    open_ = [way for way in ways if way is not None]
    if not every:
        return min(open_, key=len, default=None)
    return tuple(dict.fromkeys(lack for way in open_ for lack in way)) if len(open_) == len(ways) else None


def deciding(criterion: Criterion) -> tuple[Criterion, ...]:
    """Those of its parts that made its answer."""
    wanted = negate(criterion.truth) if criterion.needs == "none" else criterion.truth
    return tuple(part for part in criterion.parts if part.truth is wanted)


def leaves(criterion: Criterion) -> tuple[Criterion, ...]:
    """The leaves that made its answer: itself, where it has no parts."""
    if not (criterion.needs and criterion.parts):
        return (criterion,)
    return tuple(leaf for part in deciding(criterion) for leaf in leaves(part))


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

    @property
    def deciding(self) -> tuple[Criterion, ...]:
        """The criteria that made the outcome."""
        made: Truth = {"fires": True, "silent": False}.get(self.outcome)
        return tuple(criterion for criterion in self.criteria if criterion.truth is made)

    @property
    def standing(self) -> Standing:
        """The outcome, with "measured, but between the thresholds" apart: when nothing else stands in the way."""
        if self.outcome == "fires":
            return "fires"
        if self.outcome == "cannot tell":
            open_ = [leaf for criterion in self.deciding for leaf in leaves(criterion)]
            return "between thresholds" if all(leaf.between for leaf in open_) else "not computable"
        lacks = lacking(self.criteria)
        return "between thresholds" if lacks and all(lack.criterion.between for lack in lacks) else "silent"


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
