"""One person, judged by two states of the knowledge: which cards are other, in what, and which criterion made it so."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from cds_service import moves
from cds_service.cohort.judging import Answered, Judge, Line
from hooks.reasoning import Criterion, Verdict, any_true

What = Literal["gains", "loses", "changes", "limit only", "refused"]
"""What becomes of a card. "limit only": it says the same, but compares it with another limit. "refused": of the person
nothing can be said by one of both, and `because` says by which."""
WHAT: tuple[What, ...] = ("gains", "loses", "changes", "limit only", "refused")
Card = Mapping[str, Any]
"""As on the wire, without uuids."""
_CELLS = re.compile(r"(?<!\\)\|")


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a card that is other. `old` or `new` is empty where there is none. Lines are Markdown."""

    part: Literal["indicator", "ask", "fact", "limit", "text", "suggestions", "else"]
    old: str = ""
    new: str = ""


class Because(msgspec.Struct, frozen=True, omit_defaults=True):
    """The criterion that made the difference, and of which rule: the first whose answer is another.

    One that was compared with another limit goes before others; where all answers are the same, it is the first that
    found something else. `criterion`: its name, after those that it is a part of. `old`, `new`: the answer, with what
    was found and what it was compared with.
    """

    criterion: str
    old: str
    new: str
    rule: str = ""


class Head(msgspec.Struct, frozen=True):
    """A card in short."""

    indicator: str
    ask: str


class Move(msgspec.Struct, frozen=True, omit_defaults=True):
    """What becomes of the card of one rule."""

    rule: str
    what: What
    old: Head | None = None
    new: Head | None = None
    parts: tuple[Part, ...] = ()
    because: Because | None = None


class Compared(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is other for one person. `outcome`: by both together, as of Judged; refused: by one of them at least."""

    patient: str
    outcome: Literal["answered", "gate", "refused"]
    moves: tuple[Move, ...] = ()

    @property
    def tells(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.moves) or self.outcome == "refused"


class Comparison:
    """Judges people twice."""

    def __init__(self, old: Judge, new: Judge) -> None:
        self._old, self._new = old, new

    def concerned(self, conditions: Iterable[str]) -> bool | None:
        """Whether a person's Conditions concern the service, by one of both at least."""
        found = tuple(conditions)
        return any_true([self._old.concerned(found), self._new.concerned(found)])

    def judge(self, patient: str, lines: Iterable[Line], medications: Mapping[str, str]) -> Compared:
        """What is other for a person. Arguments: as of Judge."""
        found = tuple(lines)
        old, new = (judge.answer(patient, found, medications) for judge in (self._old, self._new))
        outcomes = (old.outcome, new.outcome)
        return Compared(
            patient,
            "refused" if "refused" in outcomes else "answered" if "answered" in outcomes else "gate",
            tuple(_moves_of(old, new)),
        )

    def close(self) -> None:
        """Give back threads."""
        self._old.close()
        self._new.close()


def _moves_of(old: Answered, new: Answered) -> Iterator[Move]:
    if old.outcome != new.outcome:
        yield from moves_of_one(old.cards, new.cards, *map(_standing, (old, new)))
        return
    verdicts = _verdicts(old), _verdicts(new)
    yield from card_moves(old.cards, new.cards, lambda rule: _because(rule, *verdicts))


def _verdicts(answered: Answered) -> dict[str, Verdict]:
    found = answered.evaluation
    return {one.rule: one for one in found.verdicts} if found else {}


def _standing(answered: Answered) -> str:
    return {"answered": JUDGED, "gate": "no", "refused": answered.refused}[answered.outcome]


JUDGED = "yes"
"""Said of a person who is judged."""


def moves_of_one(old: Iterable[Card], new: Iterable[Card], before: str, after: str) -> Iterator[Move]:
    """Of a person who is judged by one of both only. `before`, `after`: "yes", "no", or why nothing can be said."""
    because = Because("the service is for this person, and something can be said", before, after)
    if {before, after} != {JUDGED, "no"}:
        yield Move("", "refused", because=because)
    yield from card_moves(old, new, lambda _: because)


def card_moves(old: Iterable[Card], new: Iterable[Card], because: Callable[[str], Because | None]) -> Iterator[Move]:
    """What becomes of each card, those that stay the same aside. `because`: why, by rule."""
    before, after = ({str(card["source"]["topic"]["code"]): card for card in cards} for cards in (old, new))
    for rule in dict.fromkeys((*after, *before)):
        one, other = before.get(rule), after.get(rule)
        parts = tuple(_parts(one, other)) if one and other else ()
        if one and other and not parts:
            continue
        limits = bool(parts) and all(part.part == "limit" for part in parts)
        what: What = "gains" if one is None else "loses" if other is None else "limit only" if limits else "changes"
        yield Move(rule, what, _head(one), _head(other), parts, because(rule))


def _head(card: Card | None) -> Head | None:
    return Head(card["indicator"], card["summary"]) if card else None


def _parts(old: Card, new: Card) -> Iterator[Part]:
    if old["indicator"] != new["indicator"]:
        yield Part("indicator", old["indicator"], new["indicator"])
    if old["summary"] != new["summary"]:
        yield Part("ask", old["summary"], new["summary"])
    yield from _lines(old["detail"], new["detail"])
    told = {"indicator", "summary", "detail"}
    for member in sorted({*old, *new} - told):
        before, after = old.get(member), new.get(member)
        if before != after:
            yield Part("suggestions" if member == "suggestions" else "else", _json(before), _json(after))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def _lines(old: str, new: str) -> Iterator[Part]:
    """The lines that are other; rows of the table of facts as pairs, where both have one of that name."""
    found = list(moves.lines(old, new))
    added = [line.text for line in found if line.sign == "added"]
    for text in (line.text for line in found if line.sign == "removed"):
        if not text.startswith("|"):
            yield Part("text", text)
            continue
        what, *rest = _cells(text)
        same = next((one for one in added if one.startswith("|") and _cells(one)[0] == what), "")
        if same:
            added.remove(same)
        yield Part("limit" if same and _cells(same)[1:-1] == rest[:-1] else "fact", text, same)
    for text in added:
        yield Part("fact" if text.startswith("|") else "text", new=text)


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in _CELLS.split(row)[1:-1]]


def _because(rule: str, old: dict[str, Verdict], new: dict[str, Verdict]) -> Because | None:
    """Of the rule itself, else of those that gave it room or took it, or whose text is part of its card."""
    related = [rule, *_related(rule, old, new)]
    for by in (moves.truth, moves.everything):
        for name in related:
            one, other = ((verdicts[name].criteria if name in verdicts else ()) for verdicts in (old, new))
            moved = list(moves.criteria(one, other, by=by))
            if moved:
                move = next(filter(_limited_otherwise, moved), moved[0])
                said = " › ".join((*move.under, move.name))
                return Because(said, _told(move.before), _told(move.after), name)
    return None


def _limited_otherwise(move: moves.CriterionMove) -> bool:
    """Whether it was compared with another limit: there the difference began, and others follow from it."""
    return bool(move.before and move.after and move.before.threshold != move.after.threshold)


def _related(rule: str, old: dict[str, Verdict], new: dict[str, Verdict]) -> list[str]:
    """Rules named in what became of this one ("suppressed by …"), and those in which this one is named."""
    found: dict[str, None] = {}
    for verdicts in (old, new):
        for name, one in verdicts.items():
            holder = one.shown.rpartition(" ")[2]
            if name == rule and holder in verdicts:
                found[holder] = None
            elif holder == rule:
                found[name] = None
    return list(found)


def _told(criterion: Criterion | None) -> str:
    """`no: 850 U/L, 2026-10-02, ≥ 3 ×ULN [SITE]`."""
    if criterion is None:
        return "not asked"
    answer = {True: "yes", False: "no", None: "cannot tell"}[criterion.truth]
    found = (f"{criterion.value} {criterion.unit}".strip(), criterion.when, criterion.threshold)
    said = ", ".join(filter(None, (*found, criterion.missing and f"missing: {criterion.missing}", criterion.between)))
    return f"{answer}: {said}" if said else answer
