"""PaediatricPatient (B1 suppression; vignette V18)."""

from typing import Any

import pytest

from hooks.rules.paediatric_patient import RULE
from tests.hooks.builders import assessed, condition, verdict
from tests.hooks.rules.asking import card, outcome, resources, texts


@pytest.mark.parametrize(("age", "expected"), [(17, "fires"), (18, "silent"), (0, "fires"), (None, "cannot tell")])
def test_below_eighteen(age: int | None, expected: str) -> None:
    assert outcome(RULE, assessed(age=age)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((condition("polymyositis"),), "silent"),
        ((condition("polymyositis"), verdict("anti-srp", "positive")), "fires"),
        ((condition("other-myositis"), verdict("anti-srp", "positive")), "fires"),  # juvenile polymyositis
        ((condition("other-myositis"), verdict("anti-hmgcr", "positive")), "fires"),
        ((condition("other-myositis"), verdict("anti-srp", "negative")), "silent"),
        (
            (condition("other-myositis"), verdict("anti-srp", "positive"), condition("muscular-dystrophy")),
            "silent",
        ),
        ((condition("imnm", current=False),), "silent"),
        ((condition("palliative-care"),), "silent"),
    ],
)
def test_when_the_diagnosis_is_established_or_backed_by_an_antibody(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts, age=12)) == expected


def test_not_after_death() -> None:
    assert outcome(RULE, assessed(age=12, deceased=True)) == "silent"


def test_says_that_the_adult_algorithm_is_not_applied() -> None:
    draft = card(RULE, assessed(age=12))
    assert draft.indicator == "info"
    assert "adult algorithm is not applied" in draft.summary
    assert "specialist" in draft.summary
    assert "12 years" in texts(draft)
    assert resources(draft) == []
