"""What a change of a chart changes: which cards come and go, and which criterion of which rule made the difference."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from cds_service import moves
from cds_service.explanation import Explanation
from cds_service.moves import CriterionMove, Line
from cds_service.protocol.cards import Card
from hooks.reasoning import Verdict

Move = Literal["came", "went", "changed", "unchanged"]
"""What became of a card."""


class CardMove(msgspec.Struct, frozen=True):
    """What became of the card of one rule. `before` and `after`: the card; None where there is none."""

    rule: str
    move: Move
    before: Card | None
    after: Card | None
    lines: tuple[Line, ...] = ()

    @property
    def card(self) -> Card:
        """The card as it is, or as it was."""
        card = self.after or self.before
        assert card is not None  # nosec B101  # narrows a type
        return card


class RuleMove(msgspec.Struct, frozen=True):
    """A rule whose verdict is another, or of which another thing became on the wire."""

    rule: str
    before: Verdict | None
    after: Verdict | None
    criteria: tuple[CriterionMove, ...]


class Difference(msgspec.Struct, frozen=True):
    """All of it. `cards`: those that came, went, changed, and stayed, in this order."""

    cards: tuple[CardMove, ...]
    rules: tuple[RuleMove, ...]

    def count(self, move: Move) -> int:
        """How many cards this became of."""
        return sum(one.move == move for one in self.cards)


def difference(before: Explanation, after: Explanation) -> Difference:
    """What is other in `after`."""
    cards = sorted(_cards(_by_rule(before), _by_rule(after)), key=lambda one: _ORDER.index(one.move))
    old = {verdict.rule: verdict for verdict in before.verdicts}
    new = {verdict.rule: verdict for verdict in after.verdicts}
    rules = (_rule(rule, old.get(rule), new.get(rule)) for rule in dict.fromkeys((*new, *old)))
    return Difference(tuple(cards), tuple(filter(None, rules)))


_ORDER: tuple[Move, ...] = ("came", "went", "changed", "unchanged")


def _by_rule(of: Explanation) -> dict[str, Card]:
    return {card.source.topic.code if card.source.topic else card.summary: card for card in of.response.cards}


def _cards(before: dict[str, Card], after: dict[str, Card]) -> Iterator[CardMove]:
    for rule, card in after.items():
        old = before.get(rule)
        if old is None:
            yield CardMove(rule, "came", None, card)
            continue
        lines = tuple(moves.lines(old.detail, card.detail))
        same = (old.indicator, old.summary, _drafts(old)) == (card.indicator, card.summary, _drafts(card))
        yield CardMove(rule, "unchanged" if same and not lines else "changed", old, card, lines)
    for rule, card in before.items():
        if rule not in after:
            yield CardMove(rule, "went", card, None)


def _drafts(card: Card) -> list[tuple[str, list[object]]]:
    """The suggestions without what is new in each answer: their ids."""
    return [
        (one.label, [(action.type, action.description, action.resource) for action in one.actions])
        for one in card.suggestions
    ]


def _rule(rule: str, before: Verdict | None, after: Verdict | None) -> RuleMove | None:
    """None where the verdict is the same."""
    if before and after and (before.outcome, before.shown) == (after.outcome, after.shown):
        return None
    moved = moves.criteria(before.criteria if before else (), after.criteria if after else ())
    told = {(one.name, one.before, one.after): one for one in moved}
    return RuleMove(rule, before, after, tuple(told.values()))
