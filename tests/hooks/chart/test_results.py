"""A result that is written as a word is read as that result."""

import pytest

from hooks.chart.facts import Result
from hooks.chart.results import QUALITATIVE, verdict, worded


@pytest.mark.parametrize("concept", sorted(QUALITATIVE))
@pytest.mark.parametrize("result", ["positive", "negative"])
def test_what_is_worded_is_read(concept: str, result: Result) -> None:
    assert verdict(concept, None, (), (None, "", None, None), worded(concept, result)) == result


def test_an_enzyme_has_no_word_for_what_is_in_between() -> None:
    assert verdict("anti-srp", None, (), (None, "", None, None), worded("anti-srp", "indeterminate")) == "indeterminate"
    assert verdict("g6pd", None, (), (None, "", None, None), worded("g6pd", "indeterminate")) is None
