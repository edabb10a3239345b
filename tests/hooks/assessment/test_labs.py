"""Comparing results with limits: a `<` or `>` result answers only what it can."""

import pytest

from hooks.assessment.labs import above, at_least, at_most, below
from hooks.reasoning import Truth
from tests.hooks.builders import lab


@pytest.mark.parametrize(
    ("value", "comparator", "expected"),
    [
        (10.0, "", True),
        (9.9, "", False),
        (10.0, ">", True),
        (9.0, ">", None),
        (10.0, ">=", True),
        (9.0, "<", False),
        (10.0, "<", False),
        (11.0, "<", None),
        (10.0, "<=", None),
        (9.9, "<=", False),
        (None, "", None),
    ],
)
def test_at_least_ten(value: float | None, comparator: str, expected: Truth) -> None:
    result = lab("creatinine", value, comparator=comparator)
    assert at_least(result, 10.0) is expected
    assert below(result, 10.0) is (None if expected is None else not expected)


@pytest.mark.parametrize(
    ("value", "comparator", "expected"),
    [
        (10.0, "", False),
        (10.1, "", True),
        (10.0, ">", True),
        (9.0, ">", None),
        (10.0, ">=", None),
        (10.1, ">=", True),
        (10.0, "<", False),
        (10.0, "<=", False),
        (10.1, "<", None),
        (None, "", None),
    ],
)
def test_above_ten(value: float | None, comparator: str, expected: Truth) -> None:
    result = lab("creatinine", value, comparator=comparator)
    assert above(result, 10.0) is expected
    assert at_most(result, 10.0) is (None if expected is None else not expected)
