"""R4-FAIL (B1, B7, B9): what is left after cyclophosphamide."""

from typing import Any

import pytest

from hooks.rules.after_cyclophosphamide_failure import RULE
from tests.hooks.builders import (
    allergy,
    assessed,
    base,
    ck,
    condition,
    course,
    infusion,
    mmt,
    session,
)
from tests.hooks.rules.asking import card, codes, judged, outcome, resources, texts

PULSES = tuple(
    infusion("cyclophosphamide", 1000, at)
    for at in ("2026-05-25", "2026-06-15", "2026-07-06", "2026-07-27", "2026-08-17", "2026-09-07")
)
V28 = (*PULSES, ck(9000, "2026-05-20"), mmt(95, "2026-05-20"))
FAILED = course("cyclophosphamide", None, status="stopped", failure="no response")


@pytest.mark.parametrize(
    ("without", "facts", "expected"),
    [
        ((), V28, "fires"),
        ((), (FAILED,), "fires"),
        ((), (course("cyclophosphamide", 60, 30, status="stopped", intolerance="cystitis"),), "fires"),
        ((), (*PULSES, mmt(140, 1)), "silent"),  # not active
        ((), PULSES[:2], "silent"),  # two pulses are no trial
        ((), (), "silent"),
        (("ck",), (FAILED,), "cannot tell"),
        (("ck",), PULSES, "cannot tell"),
        (("ivig",), (FAILED,), "fires"),  # once given, whatever became of the three
        ((), (allergy("cyclophosphamide"),), "fires"),  # cannot be given, and the three have failed
        (("ivig",), (allergy("cyclophosphamide"),), "silent"),
        ((), (allergy("cyclophosphamide"), course("cyclophosphamide", -3, status="planned")), "silent"),
        ((), (*V28, condition("pregnancy", 60)), "fires"),
        ((), (*V28, condition("inclusion-body-myositis")), "silent"),
        ((), (*V28, condition("palliative-care")), "silent"),
    ],
)
def test_failed_or_not_possible_while_active(without: tuple[str, ...], facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(base(*facts, without=without))) == expected


def test_improvement_under_cyclophosphamide_is_no_failure() -> None:
    better = (mmt(70, "2026-05-20"), mmt(98, "2026-11-12"))
    assert outcome(RULE, assessed(base(*PULSES, *better, without=("mmt",)))) == "silent"


def labels(a: Any) -> list[str]:
    return [s.label for s in card(RULE, a).suggestions]


PLEX, IVIG = "Draft plasma exchange request", "Draft IVIG retreatment (dose to be completed)"
MMF, REFERRAL = "Draft mycophenolate mofetil", "Refer to a myositis or neuromuscular centre"


def test_V28_proposes_all_three_with_a_referral() -> None:
    a = assessed(base(*V28))
    draft = card(RULE, a)
    assert draft.indicator == "warning"
    assert labels(a) == [PLEX, IVIG, MMF, REFERRAL]
    said = texts(draft)
    assert "500 mg twice daily, stepped up to 1000–1500 mg twice daily; pregnancy tests first (REMS)" in said
    assert "More than 2 g/kg in 4 weeks needs a specialist" in said
    assert "the controlled trial in polymyositis and dermatomyositis was negative" in said
    assert "first, because" not in said
    assert codes(draft) == ["20720000"]
    assert "priority" not in resources(draft)[0]
    assert [row.what for row in draft.facts][-1] == "Cyclophosphamide"
    assert [s.is_recommended for s in draft.suggestions] == [False, False, False, True]


@pytest.mark.parametrize("sign", [condition("dysphagia", 400), condition("respiratory-failure", 10)])
def test_plasma_exchange_is_first_and_urgent_when_rapid_or_severe(sign: Any) -> None:
    draft = card(RULE, assessed(base(*V28, sign)))
    assert "first, because the course is rapid or severe" in draft.why[1]
    assert draft.why[1].startswith("- **Plasma exchange**")
    assert resources(draft)[0]["priority"] == "urgent"
    assert draft.suggestions[0].is_recommended


@pytest.mark.parametrize(
    ("facts", "gone", "said"),
    [
        ((session(100),), PLEX, "plasma exchange (already given)"),
        ((allergy("ivig"),), IVIG, "IVIG (not tolerated)"),
        ((course("ivig", 300, status="stopped", intolerance="stroke"),), IVIG, "IVIG (not tolerated)"),
        ((infusion("ivig", 126_000, "2026-05-25"),), IVIG, "IVIG again (already retried since cyclophosphamide)"),
        ((course("mycophenolate", 900, 800, status="stopped"),), MMF, "mycophenolate (already given)"),
        ((course("mycophenolate", -3, status="planned"),), MMF, "mycophenolate (already planned)"),
        ((allergy("mycophenolate"),), MMF, "mycophenolate (not tolerated)"),
        ((condition("pregnancy", 60),), MMF, "mycophenolate (pregnant: teratogenic)"),
    ],
)  # fmt: skip
def test_an_option_is_dropped_and_said_so(facts: tuple[Any, ...], gone: str, said: str) -> None:
    a = assessed(base(*V28, *facts))
    assert gone not in labels(a)
    assert len(labels(a)) == 3
    assert f"Not proposed: {said}." in texts(card(RULE, a))


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        ((session(2000),), PLEX),  # before the first IMNM drug
        ((session(100), course("statin", 3000), course("ivig", 50)), None),
        ((session(-3, planned=True),), PLEX),
        ((infusion("ivig", 125_000, "2026-05-25"),), IVIG),  # 1.79 g/kg
        ((infusion("ivig", 140_000, "2026-05-24"),), IVIG),  # before cyclophosphamide
        ((infusion("ivig", None, "2026-06-24"),), IVIG),
    ],
)
def test_what_does_not_count_as_tried(facts: tuple[Any, ...], kept: str | None) -> None:
    assert (kept in labels(assessed(base(*V28, *facts)))) == (kept is not None)


def test_a_plasma_exchange_before_any_imnm_drug_is_not_a_try_although_a_statin_came_before_it() -> None:
    assert PLEX in labels(assessed(base(*V28, session(2000), course("statin", 3000))))


def test_without_a_date_of_cyclophosphamide_no_ivig_counts_as_a_retrial() -> None:
    assert IVIG in labels(assessed(base(FAILED)))


def test_a_man_is_not_asked_for_pregnancy_tests() -> None:
    assert "REMS" not in texts(card(RULE, assessed(base(*V28, gender="male"))))


def test_beyond_the_algorithm_only_the_referral_is_left() -> None:
    tried = (session(100), infusion("ivig", 140_000, 60), course("mycophenolate", 90))
    a = assessed(base(*V28, *tried))
    draft = card(RULE, a)
    assert draft.summary == "Beyond the article's algorithm: refer to a tertiary myositis centre or a trial"
    assert labels(a) == [REFERRAL]
    assert "were all tried or are not possible" in texts(draft)


def test_never_given_is_not_called_given() -> None:
    draft = card(RULE, assessed(base(allergy("cyclophosphamide"))))
    assert draft.why[0].startswith("The three have failed, cyclophosphamide is not tolerated by record")
    assert IVIG in [s.label for s in draft.suggestions]


def test_an_unchecked_source_of_procedures_is_said() -> None:
    draft = card(RULE, assessed(base(*V28, unavailable=("procedures",))))
    assert "Earlier plasma exchange could not be looked up." in draft.why


def test_cannot_tell_names_the_missing_measure() -> None:
    assert judged(RULE, assessed(base(FAILED, without=("mmt",)))).because == "no MMT-8 on record"
