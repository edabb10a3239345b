"""No word, number or draft order of a card changes unseen: the cards of every fixture patient are as approved."""

import pytest

from tests.hooks.approved.rendering import CARDS, files, rendered

FILES = list(files())


@pytest.mark.parametrize("file", FILES)
def test_cards_and_trace_are_as_approved(file: str) -> None:
    approved = (CARDS / file).read_text(encoding="utf-8")
    assert rendered(file) == approved, "look at the change, then run: python -m tests.hooks.approved"


def test_nobody_is_approved_who_is_not_there() -> None:
    assert sorted(file.name for file in CARDS.iterdir()) == sorted(FILES)
