"""Why each rule spoke or did not, ready to be shown: grouped, with its criteria in lines and what would change it.

The same on the pages, in the terminal and in JSON. What is said of a rule is made here, so that no template judges.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from hooks.counterfactuals import Alternative, Prospect, nearest
from hooks.counterfactuals.change import Kind
from hooks.knowledge.model import Knowledge
from hooks.reasoning import Criterion, Lack, Verdict, deciding, lacking, leaves
from hooks.rules.order import PART_OF

GroupId = Literal["speaks", "cannot-tell", "between", "nearly", "silent"]
NEAR: frozenset[Kind] = frozenset({"measured", "later", "recorded"})
"""What makes a rule nearly speak: a test, waiting, or writing down what is known; not a new finding, nor an order."""
TITLES: dict[GroupId, tuple[str, str]] = {
    "speaks": ("Speaks", "All that it asks for holds."),
    "cannot-tell": ("Cannot tell", "Not computable: something is not on record, too old, or cannot be read."),
    "between": ("Between thresholds", "Measured, and in none of the patterns: neither a yes nor a plain no."),
    "nearly": (
        "Nearly",
        "Silent. With one more test, or one more entry in the record, all that it asks for would hold. Nearest first.",
    ),
    "silent": ("Silent", "Something that it asks for does not hold."),
}
_NEEDS = {"": "", "all": "all of:", "any": "one of:", "none": "none of:"}


class Line(msgspec.Struct, frozen=True):
    """A criterion in a table. `depth`: below how many others; `decides`: it, or a part of it, made the outcome."""

    criterion: Criterion
    depth: int
    decides: bool

    @property
    def needs(self) -> str:
        """How many of the lines below it have to hold, for people."""
        return _NEEDS[self.criterion.needs] if self.criterion.parts else ""


class Reason(msgspec.Struct, frozen=True):
    """A rule and why it spoke or did not. `asked` False: the call ended before, so that it is near nothing."""

    verdict: Verdict
    prospect: Prospect | None = None
    asked: bool = True

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its criteria, each above its parts."""
        made = self.verdict.deciding
        return tuple(line for one in self.verdict.criteria for line in _lines(one, 0, decides=one in made))

    @property
    def summary(self) -> str:
        """Why, in a line."""
        verdict = self.verdict
        if verdict.shown:
            return f"{verdict.because}; no card of its own: {verdict.shown}"
        if verdict.standing == "between thresholds":
            return "; ".join(dict.fromkeys(map(_between, self._open)))
        return verdict.because

    @property
    def _open(self) -> tuple[Criterion, ...]:
        if self.verdict.outcome == "silent":
            return tuple(lack.criterion for lack in lacking(self.verdict.criteria) or ())
        return tuple(leaf for criterion in self.verdict.deciding for leaf in leaves(criterion))

    @property
    def lacks(self) -> tuple[str, ...]:
        """What would have to be otherwise, for people."""
        return tuple(map(_lack, (self.prospect and self.prospect.lacks) or ()))

    @property
    def alternatives(self) -> tuple[tuple[str, str], ...]:
        """(with what, what it would do), each as it was seen."""
        found = self.prospect.alternatives if self.prospect else ()
        return tuple((_with(one), {"fires": "would speak"}.get(one.outcome, "silent")) for one in found)

    @property
    def near(self) -> str:
        """What alone would make a silent rule speak; empty where that is a finding, an order, or several things.

        Nor is a rule near that never has a card of its own.
        """
        fires = self.prospect.fires if self.prospect else None
        if not self.asked or self.verdict.standing != "silent" or self.verdict.rule in PART_OF or fires is None:
            return ""
        return _with(fires) if len(fires.changes) == 1 and fires.changes[0].kind in NEAR else ""


class Group(msgspec.Struct, frozen=True):
    """Rules of one standing. `says`: what that means."""

    id: GroupId
    title: str
    says: str
    reasons: tuple[Reason, ...]


def groups(verdicts: tuple[Verdict, ...], prospects: dict[str, Prospect], *, asked: bool = True) -> tuple[Group, ...]:
    """All rules, by what they did; groups without rules too."""
    reasons = [Reason(verdict, prospects.get(verdict.rule), asked) for verdict in verdicts]
    order = {prospect.rule: number for number, prospect in enumerate(nearest(prospects.values()))}
    found: dict[GroupId, list[Reason]] = {group: [] for group in TITLES}
    for reason in reasons:
        found[_group(reason)].append(reason)
    found["nearly"].sort(key=lambda reason: order[reason.verdict.rule])
    return tuple(Group(name, *TITLES[name], tuple(found[name])) for name in TITLES)


def not_asked(verdicts: tuple[Verdict, ...], knowledge: Knowledge) -> tuple[str, ...]:
    """Rules that are for other hooks."""
    asked = {verdict.rule for verdict in verdicts}
    return tuple(name for name in knowledge.rules if name not in asked)


def plain(reason: Reason) -> dict[str, Any]:
    """A rule as JSON values: its verdict, how it stands, and what would change it."""
    found = reason.prospect
    verdict: dict[str, Any] = msgspec.to_builtins(reason.verdict)
    return verdict | {
        "standing": reason.verdict.standing,
        "lacks": [{"criterion": lack.criterion.name, "wanted": lack.wanted} for lack in (found and found.lacks) or ()],
        "alternatives": [
            {"with": [change.text for change in one.changes], "outcome": one.outcome}
            for one in (found.alternatives if found else ())
        ],
    }


def _group(reason: Reason) -> GroupId:
    standing = reason.verdict.standing
    if standing == "silent":
        return "nearly" if reason.near else "silent"
    return {"fires": "speaks", "not computable": "cannot-tell"}.get(standing, "between")  # type: ignore[return-value]


def _lines(criterion: Criterion, depth: int, *, decides: bool) -> Iterator[Line]:
    yield Line(criterion, depth, decides)
    made = deciding(criterion) if decides else ()
    for part in criterion.parts:
        yield from _lines(part, depth + 1, decides=part in made)


def _with(alternative: Alternative) -> str:
    return " and ".join(change.text for change in alternative.changes)


def _between(criterion: Criterion) -> str:
    return f"{criterion.name}: {_found(criterion)}, {criterion.between}"


def _lack(lack: Lack) -> str:
    """`CK raised: ≥ 400 U/L …; found 340 U/L (2026-10-02)`."""
    criterion = lack.criterion
    wanted = criterion.name if lack.wanted else f"not: {criterion.name}"
    asked = f"{wanted}: {criterion.threshold}" if criterion.threshold else wanted
    return f"{asked}; {_found(criterion)}"


def _found(criterion: Criterion) -> str:
    if criterion.truth is None and criterion.missing and not criterion.between:
        return f"missing: {criterion.missing}"
    value = f"{criterion.value} {criterion.unit}".strip()
    return f"found {value}{f' ({criterion.when})' if criterion.when else ''}" if value else "nothing on record"
