"""S12 is no card: AST and ALT come from muscle, and no rule takes them for the liver (B4)."""

from typing import Any

import pytest

from hooks.engine import Evaluation, evaluate
from hooks.knowledge.model import Knowledge
from tests.hooks.builders import TODAY, base, changed, chart, ck, course, infusion, knowledge, lab, mmt, weekly

ENZYMES = (lab("ast", 640, 5, unit="U/L", upper=35.0), lab("alt", 410, 5, unit="U/L", upper=35.0))
DRUGS = ("methotrexate", "azathioprine", "mycophenolate", "cyclophosphamide")


def evaluated(chart_: Any, rules: Knowledge) -> Evaluation:
    return evaluate(chart_, rules, TODAY, "https://cds.example.org")


def told(evaluation: Evaluation) -> list[Any]:
    """The cards and verdicts, without what is new each time."""
    cards = [(c.summary, c.detail, c.indicator, [s.label for s in c.suggestions]) for c in evaluation.cards]
    return [*cards, *evaluation.verdicts]


@pytest.mark.parametrize("drug", DRUGS)
def test_muscle_enzymes_change_nothing(drug: str) -> None:
    """CK is 31 times its upper limit."""
    facts = (course(drug, 90, steps=(weekly(15),)), infusion("ivig", 140_000, 20))
    without = base(*facts)
    with_enzymes = changed(without, labs={**without.labs, "ast": ENZYMES[:1], "alt": ENZYMES[1:]})
    assert told(evaluated(with_enzymes, knowledge())) == told(evaluated(without, knowledge()))


@pytest.mark.parametrize("drug", DRUGS)
def test_no_card_calls_them_hepatotoxic(drug: str) -> None:
    facts = (course(drug, -7, status="planned"), ck(9000, 5), mmt(90, 5), *ENZYMES)
    for card in evaluated(chart(*facts), knowledge()).cards:
        said = (card.summary + card.detail).lower()
        assert "hepatotox" not in said
        assert "640" not in said
        assert "410" not in said


def test_an_intolerance_is_never_read_from_results() -> None:
    """B0: no contraindication is inferred from laboratory values."""
    a = evaluated(base(*ENZYMES), knowledge()).assessment
    assert [trials.intolerance for trials in (*a.three, a.cyclophosphamide)] == ["", "", "", ""]
