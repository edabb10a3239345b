"""No word, number or draft order of a card changes unseen: the cards of every fixture patient are as approved."""

from typing import Any

import pytest
import yaml

from tests.hooks.approved.rendering import CARDS, FINGERPRINTS, files, fingerprints, rendered, vignettes

FILES = list(files())
APPROVED: dict[str, Any] = yaml.safe_load(FINGERPRINTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES)
def test_cards_and_trace_are_as_approved(file: str) -> None:
    approved = (CARDS / file).read_text(encoding="utf-8")
    assert rendered(file) == approved, "look at the change, then run: python -m tests.hooks.approved"


def test_nobody_is_approved_who_is_not_there() -> None:
    assert sorted(file.name for file in CARDS.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", sorted(vignettes()))
def test_cards_and_trace_of_a_vignette_are_as_approved(name: str) -> None:
    assert fingerprints(vignettes()[name]) == APPROVED.get(name), (
        f"look at `python -m tests.hooks.approved {name}` before and after the change, then run it without a name"
    )


def test_no_vignette_is_approved_that_is_not_there() -> None:
    assert APPROVED.keys() == vignettes().keys()
