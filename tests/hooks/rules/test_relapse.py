"""R8-RELAPSE (B1, B9; vignettes V35, W44)."""

from typing import Any

import pytest

from hooks.assessment.trajectory import ck_rise
from hooks.rules.relapse import RULE
from tests.hooks.builders import assessed, ck, condition, course, daily, knowledge, mmt
from tests.hooks.rules.asking import card, codes, judged, outcome, resources, texts

MTX = course("methotrexate", 400, ingredient="methotrexate")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # two tests: 2 × ULN, 1.5 × nadir, 200 above it
        ((ck(200, 100), ck(400, 40), ck(400, 10)), "fires"),
        ((ck(200, 100), ck(399, 40), ck(400, 10)), "silent"),
        ((ck(200, 100), ck(400, 40), ck(399, 10)), "silent"),
        ((ck(400, 100), ck(600, 40), ck(600, 10)), "fires"),
        ((ck(400, 100), ck(599, 40), ck(600, 10)), "silent"),
        ((ck(1000, 100), ck(1500, 40), ck(1500, 10)), "fires"),
        ((ck(1000, 100), ck(1499, 40), ck(1500, 10)), "silent"),
        ((ck(300, 100), ck(500, 40), ck(500, 10)), "fires"),
        ((ck(300, 100), ck(500, 40), ck(499, 10)), "silent"),
        # one test: 3 × nadir
        ((ck(300, 40), ck(900, 10)), "fires"),
        ((ck(300, 40), ck(899, 10)), "silent"),
        ((ck(40, 40), ck(399, 10)), "silent"),  # ten times the nadir, but below 2 × ULN
        ((ck(133, 40, upper=50), ck(399, 10, upper=50)), "fires"),
        ((ck(60, 40, upper=50), ck(259, 10, upper=50)), "silent"),  # risen by less than 200
        ((ck(60, 40, upper=50), ck(260, 10, upper=50)), "fires"),
        # the nadir is one of the 365 days before
        ((ck(300, 375), ck(900, 10)), "fires"),
        ((ck(300, 376), ck(900, 10)), "cannot tell"),
        ((ck(300, 466), ck(500, 100), ck(900, 10)), "silent"),
        ((ck(300, 465), ck(500, 100), ck(900, 10)), "fires"),  # before both tests
        # there must be one
        ((ck(900, 10),), "cannot tell"),
        ((ck(500, 40), ck(900, 10)), "silent"),
        # what may not decide
        ((ck(300, 100), ck(900, 91)), "cannot tell"),
        ((ck(300, 100), ck(900, 90)), "fires"),
        ((ck(300, 40, doubt="no unit"), ck(900, 10)), "cannot tell"),
        ((ck(300, 40), ck(900, 10, doubt="no unit")), "cannot tell"),
        ((), "cannot tell"),
        # results that are only limits
        ((ck(300, 40, comparator="<"), ck(900, 10)), "fires"),
        ((ck(300, 40, comparator=">"), ck(900, 10)), "cannot tell"),
        ((ck(300, 40), ck(900, 10, comparator=">")), "fires"),
        ((ck(300, 40), ck(800, 10, comparator=">")), "cannot tell"),
        ((ck(300, 40), ck(899, 10, comparator="<")), "silent"),
        ((ck(300, 100), ck(400, 40, comparator=">"), ck(700, 10)), "cannot tell"),
        # two results of one day are one test
        ((ck(300, 40), ck(700, "2026-11-12T08:00:00Z"), ck(700, "2026-11-12T20:00:00Z")), "silent"),
    ],
)
def test_ck_rising_again(facts: tuple[Any, ...], expected: str) -> None:
    # The strength is known, and not worse: CK alone decides.
    assert outcome(RULE, assessed(MTX, mmt(140, 100), mmt(140, 10), *facts)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((mmt(135, 160), mmt(120, 10)), "fires"),
        ((mmt(135, 160), mmt(121, 10)), "silent"),
        ((mmt(135, 376), mmt(120, 10)), "cannot tell"),
        ((mmt(120, 10),), "cannot tell"),
    ],
)
def test_strength_falling(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(MTX, ck(300, 100), ck(310, 10), *facts)) == expected


RISE = (ck(300, 100), ck(900, 10))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((course("glucocorticoid", 11, status="stopped"),), "fires"),
        ((course("glucocorticoid", 10),), "silent"),  # begun on the day of the test
        ((course("glucocorticoid", 5),), "silent"),
        ((), "silent"),
        ((course("statin", 900),), "silent"),
        ((course("rituximab", 300, other_indication="lymphoma"),), "silent"),
        ((course("rituximab", -5, status="planned"),), "silent"),
        ((course("scig", 300),), "fires"),
        ((course("methotrexate", None, status="stopped"),), "fires"),
        ((course("methotrexate", None, status="completed"),), "fires"),
        ((course("methotrexate", None),), "cannot tell"),
        ((course("methotrexate", "2026-11"),), "cannot tell"),
    ],
)
def test_needs_a_drug_given_before(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*RISE, *facts)) == expected


def test_without_any_measure_the_drug_must_have_been_given_before_today() -> None:
    assert judged(RULE, assessed(MTX)).outcome == "cannot tell"


def test_historical_disease_relapses_too() -> None:
    assert outcome(RULE, assessed(MTX, *RISE, condition("imnm", current=False))) == "fires"


@pytest.mark.parametrize("who", ["polymyositis", "palliative-care"])
def test_whom_it_is_not_for(who: str) -> None:
    assert outcome(RULE, assessed(MTX, *RISE, condition(who))) == "silent"


def test_adults_only() -> None:
    assert outcome(RULE, assessed(MTX, *RISE, age=17)) == "silent"
    assert outcome(RULE, assessed(MTX, *RISE, age=18)) == "fires"


def test_asks_to_repeat_to_look_for_causes_and_to_call() -> None:
    cut = course("glucocorticoid", 320, steps=(daily(20, 320, 53), daily(10, 52)))
    tests = (ck(300, "2026-08-15"), ck(420, "2026-10-20"), ck(700, "2026-11-03"), ck(1150, "2026-11-17"))
    statin = course("statin", 90, text="Rosuvastatin #5")
    draft = card(RULE, assessed(MTX, cut, statin, *tests, mmt(147, 97), mmt(148, 10)))
    assert draft.indicator == "warning"
    assert draft.summary.startswith("Possible relapse (CK rising): repeat CK and MMT-8")
    assert codes(draft) == ["2157-6"]
    assert [r.get("note", [{"text": ""}])[0]["text"] for r in resources(draft)] == ["In 1 to 2 weeks."] * 2 + [""]
    said = texts(draft)
    for words in ("1150 U/L", "CK nadir 300 U/L 2026-08-15", "adherence", "Rosuvastatin \\#5", "from 20 to 10 mg/day"):
        assert words in said


def test_shows_the_test_before_when_two_decide() -> None:
    said = texts(card(RULE, assessed(MTX, ck(300, 100), ck(600, 40), ck(610, 10))))
    assert "CK before 600 U/L 2026-10-13" in said
    assert "CK nadir 300 U/L" in said


def test_says_that_strength_fell() -> None:
    draft = card(RULE, assessed(MTX, mmt(135, 160), mmt(98, 10)))
    assert "(strength falling)" in draft.summary
    assert "MMT-8 fell from 135/150 \\(2026-06-15\\) to 98/150 \\(2026-11-12\\)." in texts(draft)
    assert draft.why[0].startswith("MMT-8 fell from")
    assert "CK nadir" not in texts(draft)
    falling = card(RULE, assessed(MTX, ck(900, 100), ck(300, 10), mmt(135, 160), mmt(98, 10)))
    assert not {"CK nadir", "CK before"} & {row.what for row in falling.facts}
    both = card(RULE, assessed(MTX, *RISE, mmt(135, 160), mmt(98, 10)))
    assert "(CK rising and strength falling)" in both.summary


def test_no_usable_ck_is_said() -> None:
    rise = ck_rise(assessed(MTX).chart, None, knowledge().thresholds)
    assert (rise.truth, rise.missing) == (None, "a usable CK of the last 90 days")
