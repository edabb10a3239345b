"""Three-valued logic and verdicts."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from hooks.reasoning import (
    Criterion,
    Truth,
    all_of,
    all_true,
    any_of,
    any_true,
    lacking,
    leaves,
    negate,
    none_of,
    verdict,
)

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
    assert none_of("not", NO).needs == "none"
    assert YES.needs == ""


LATER = Criterion("later", False)
NEVER = Criterion("never", False, fixed=True)


def lacks(*criteria: Criterion) -> list[tuple[str, bool]] | None:
    found = lacking(criteria)
    return None if found is None else [(lack.criterion.name, lack.wanted) for lack in found]


def test_what_is_lacking_are_the_fewest_leaves() -> None:
    assert lacks(YES) == []
    assert lacks(YES, NO, OPEN) == [("no", True), ("open", True)]
    assert lacks(any_of("any", all_of("both", NO, LATER), OPEN)) == [("open", True)]
    assert lacks(all_of("all", NO, LATER), NO) == [("no", True), ("later", True)]  # each once
    assert lacks(none_of("not any", YES, LATER)) == [("yes", False)]
    assert lacks(none_of("not none", none_of("not any", YES))) == []
    assert lacks(none_of("not both", all_of("both", YES, YES))) == [("yes", False)]
    assert lacks(any_of("nothing to choose from")) == [("nothing to choose from", True)]


def test_what_cannot_change_closes_a_way() -> None:
    assert lacks(NO, NEVER) is None
    assert lacks(any_of("any", NEVER, NO)) == [("no", True)]
    assert lacks(any_of("any", NEVER)) is None


def test_the_deciding_parts() -> None:
    def deciders(criterion: Criterion) -> list[str]:
        return [leaf.name for leaf in leaves(criterion)]

    assert deciders(all_of("all", YES, NO, OPEN, LATER)) == ["no", "later"]
    assert deciders(any_of("any", YES, NO, OPEN)) == ["yes"]
    assert deciders(all_of("all", YES, any_of("any", NO, OPEN))) == ["open"]
    assert deciders(none_of("none", YES, NO)) == ["yes"]
    assert deciders(none_of("none", LATER, NO)) == ["later", "no"]


def test_the_deciding_criteria_of_a_verdict() -> None:
    assert verdict("R", (YES, OPEN, NO)).deciding == (NO,)
    assert verdict("R", (YES, OPEN)).deciding == (OPEN,)
    assert verdict("R", (YES,)).deciding == (YES,)


def test_what_is_between_thresholds_is_neither_a_plain_no_nor_a_lack_of_data() -> None:
    half, range_ = Criterion("half", False, between="in between"), Criterion("range", None, between="10 to 20")
    assert verdict("R", (YES,)).standing == "fires"
    assert verdict("R", (YES, half)).standing == "between thresholds"
    assert verdict("R", (NO, half)).standing == "silent"
    assert verdict("R", (half, OPEN)).standing == "silent"  # more than that is not known
    assert verdict("R", (NEVER, half)).standing == "silent"
    assert verdict("R", (YES, range_)).standing == "between thresholds"
    assert verdict("R", (OPEN, range_)).standing == "not computable"
    assert verdict("R", (half, range_)).standing == "between thresholds"
