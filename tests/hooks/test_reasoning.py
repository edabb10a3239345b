"""Three-valued logic and verdicts."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from hooks.reasoning import Criterion, Truth, all_of, all_true, any_of, any_true, negate, verdict
from hooks.rules.base import not_

truths = st.sampled_from([True, False, None])


@given(st.lists(truths))
def test_conjunction_is_false_by_one_false_and_open_by_one_unknown(values: list[Truth]) -> None:
    expected = False if False in values else None if None in values else True
    assert all_true(values) is expected


@given(st.lists(truths))
def test_de_morgan(values: list[Truth]) -> None:
    assert negate(all_true(values)) is any_true(negate(v) for v in values)


@given(truths)
def test_double_negation(value: Truth) -> None:
    assert negate(negate(value)) is value


def test_knowing_more_never_turns_an_answer_round() -> None:
    """Monotone: replacing an Unknown by True or False keeps an answer that was already given."""
    for values in product([True, False, None], repeat=3):
        for combine in (all_true, any_true):
            answer = combine(values)
            if answer is not None:
                for i, value in enumerate(values):
                    for known in (True, False) if value is None else ():
                        assert combine([*values[:i], known, *values[i + 1 :]]) is answer


YES, NO = Criterion("yes", True), Criterion("no", False)
OPEN = Criterion("open", None, missing="a test")


def test_a_rule_fires_when_all_hold_and_is_silent_by_the_first_that_does_not() -> None:
    assert verdict("R", (YES, YES)).outcome == "fires"
    silent = verdict("R", (YES, OPEN, NO))
    assert (silent.outcome, silent.because) == ("silent", "not met: no")


def test_a_rule_that_cannot_tell_says_what_is_missing() -> None:
    assert verdict("R", (YES, OPEN)).because == "a test"
    assert verdict("R", (Criterion("nameless", None),)).because == "unknown: nameless"


def test_composed_criteria_collect_what_is_missing() -> None:
    assert all_of("all", YES, OPEN).missing == "a test"
    assert any_of("any", NO, OPEN, OPEN).missing == "a test"
    assert any_of("any", YES, OPEN).truth is True
    assert all_of("all", NO, OPEN).truth is False


def test_composed_criteria_say_how_many_of_their_parts_they_need() -> None:
    assert all_of("all", YES, NO).needs == "all"
    assert any_of("any", YES, NO).needs == "any"
    assert not_("not", NO).needs == "none"
    assert YES.needs == ""
