"""For each rule that does not fire: what it lacks, and the changes that were seen to change its answer."""

from collections.abc import Iterable
from itertools import combinations, islice

import msgspec

from hooks.assessment import Assessment, assess
from hooks.counterfactuals.change import KINDS, Change, changes, made
from hooks.engine import judged
from hooks.reasoning import Criterion, Lack, Outcome, Verdict, lacking, leaves
from hooks.rules.order import RULES

MOST_TOGETHER = 3
"""Changes that are made at a time."""
MOST_COMBINATIONS = 3
"""Of each number of changes, for one rule: what needs more trying than that is not near."""
MOST_TOLD = 3
"""Alternatives with one outcome that are told of one rule."""

_MANY = 1000

Verdicts = dict[str, Verdict]


class Alternative(msgspec.Struct, frozen=True):
    """The outcome of a rule once changes are made, as it was seen."""

    changes: tuple[Change, ...]
    outcome: Outcome


class Prospect(msgspec.Struct, frozen=True):
    """A rule that does not fire. `lacks`: the fewest criteria that would have to be otherwise; None: none would do.

    `alternatives`: what makes it fire, with the fewest changes; and, where it cannot tell, what answers its question
    by a no. None where nothing that was tried does.
    """

    rule: str
    lacks: tuple[Lack, ...] | None
    alternatives: tuple[Alternative, ...] = ()

    @property
    def fires(self) -> Alternative | None:
        """The nearest alternative that makes it fire."""
        return next((one for one in self.alternatives if one.outcome == "fires"), None)


def prospects(a: Assessment, verdicts: Iterable[Verdict], hook: str) -> dict[str, Prospect]:
    """Of each rule that does not fire, by name; not of DataQuality, which asks all others."""
    names = {rule.name for rule in RULES}
    open_ = [v for v in verdicts if v.outcome != "fires" and v.rule in names]
    lacks = {v.rule: lacking(v.criteria) for v in open_}
    trying = _Trying(a, hook, frozenset(name for name, found in lacks.items() if found is not None))
    return {v.rule: Prospect(v.rule, lacks[v.rule], trying.alternatives(v)) for v in open_}


def nearest(prospects: Iterable[Prospect]) -> list[Prospect]:
    """Rules that could fire, nearest first.

    By the number of changes that it takes, then by the number of criteria that are otherwise, then by the kind of the
    changes (`KINDS`): a test is nearer than waiting, a finding, or an order. Else as they were.
    """
    return sorted((p for p in prospects if p.fires), key=_distance)


def _distance(prospect: Prospect) -> tuple[int, int, int]:
    fires = prospect.fires
    assert fires is not None
    return len(fires.changes), len(prospect.lacks or ()), max(KINDS.index(c.kind) for c in fires.changes)


class _Trying:
    """The open rules of a patient under each change alone, and single rules under several."""

    def __init__(self, a: Assessment, hook: str, rules: frozenset[str]) -> None:
        self._a, self._hook, self._rules = a, hook, rules
        self._alone = [(c, changed_verdicts(a, (c,), hook, rules)) for c in changes(a)] if rules else []

    def alternatives(self, verdict: Verdict) -> tuple[Alternative, ...]:
        """The changes that change this answer, each alone; where none makes it fire, several together."""
        if verdict.rule not in self._rules:
            return ()
        found = [
            (Alternative((c,), verdicts[verdict.rule].outcome), verdicts[verdict.rule]) for c, verdicts in self._alone
        ]
        told = _told([one for one, _ in found if one.outcome == "fires"])
        if verdict.outcome == "cannot tell":
            unknown = _unknown(verdict.deciding)
            answered = [one for one, other in found if one.outcome == "silent" and unknown - _unknown(other.criteria)]
            told += _told(answered)
        if not any(one.outcome == "fires" for one in told):
            told = [*self._together(verdict), *told]
        return tuple(told)

    def _together(self, verdict: Verdict) -> tuple[Alternative, ...]:
        """Changes that make it fire only together: each brings it nearer, and all of them far enough."""
        lacks = _number(verdict)
        nearer = [(c, lacks - _number(verdicts[verdict.rule])) for c, verdicts in self._alone]
        helpful = [(c, by) for c, by in nearer if by > 0]
        for number in range(2, MOST_TOGETHER + 1):
            some = (
                tuple(c for c, _ in chosen)
                for chosen in combinations(helpful, number)
                if sum(by for _, by in chosen) >= lacks and len({c.subject for c, _ in chosen}) == number
            )
            for chosen in islice(some, MOST_COMBINATIONS):
                found = changed_verdicts(self._a, chosen, self._hook, {verdict.rule})[verdict.rule]
                if found.outcome == "fires":
                    return (Alternative(chosen, "fires"),)
        return ()


def _number(verdict: Verdict) -> int:
    """How many leaves it lacks; many where what it lacks cannot be had."""
    found = lacking(verdict.criteria)
    return _MANY if found is None else len(found)


def _told(found: list[Alternative]) -> list[Alternative]:
    """The first of each subject."""
    by_subject = {one.changes[0].subject: one for one in reversed(found)}
    return [one for one in found if by_subject[one.changes[0].subject] is one][:MOST_TOLD]


def _unknown(criteria: Iterable[Criterion]) -> set[str]:
    """The names of the leaves that cannot be told."""
    return {leaf.name for criterion in criteria if criterion.truth is None for leaf in leaves(criterion)}


def changed_verdicts(a: Assessment, chosen: tuple[Change, ...], hook: str, rules: Iterable[str]) -> Verdicts:
    """What these rules say once changes are made."""
    today = max((change.today or a.today for change in chosen), default=a.today)
    wanted = frozenset(rules)
    changed = assess(made(a.chart, chosen), a.knowledge, today)
    return judged(changed, [rule for rule in RULES if rule.name in wanted], hook)
