"""S2-CYC-PREG, warning: a test before a teratogen; and what pregnancy stands against (B4, B9 "Pregnant")."""

from typing import Any

import pytest

from hooks.rules.escalate_to_cyclophosphamide import RULE as ESCALATE
from hooks.rules.fertility_and_contraception import RULE
from hooks.rules.teratogen_in_pregnancy import RULE as TERATOGEN
from tests.hooks.builders import assessed, base, changed, condition, course, infusion, lab, mmt, verdict
from tests.hooks.rules.asking import card, codes, judged, outcome, resources, texts

PREGNANT = condition("pregnancy", 63, text="Pregnancy")
CYC = course("cyclophosphamide", -7, status="planned")
MMF = course("mycophenolate", 40)
ORDERED = course("cyclophosphamide", 0, status="draft", kind="MedicationRequest")
NO_METHOTREXATE = course("methotrexate", "2026-01-10", "2026-06-20", status="stopped", failure="lack of efficacy")


def hcg(days: int | str | None, result: Any = "negative") -> Any:
    return verdict("hcg", result, days)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), "silent"),
        ((CYC,), "fires"),
        ((ORDERED,), "fires"),
        ((course("mycophenolate", 0, status="draft"),), "fires"),
        ((course("methotrexate", 0, status="draft"),), "silent"),  # S2 asks for the test with the other two
        ((CYC, hcg(7)), "silent"),
        ((CYC, hcg(8)), "fires"),
        ((CYC, hcg("2026-11")), "cannot tell"),
        ((CYC, hcg(3, "indeterminate")), "fires"),
        ((CYC, hcg(3, "indeterminate"), hcg(5)), "fires"),  # the newest decides
        ((CYC, hcg(70, "positive")), "fires"),  # too old to say pregnant, and no reassurance
        ((CYC, hcg(None)), "fires"),
        ((CYC, condition("no-childbearing")), "silent"),
        ((changed(CYC, superseded=True),), "silent"),
        ((CYC, condition("palliative-care")), "silent"),
        ((CYC, condition("other-myositis")), "silent"),
        # active: from 7 days before the first dose
        ((MMF,), "fires"),
        ((MMF, hcg(47)), "silent"),
        ((MMF, hcg(48)), "fires"),
        ((MMF, hcg(1)), "silent"),
        ((MMF, course("mycophenolate", 0, status="draft"), hcg(30)), "fires"),  # what is ordered asks for a fresh one
        ((course("mycophenolate", None), hcg(40)), "cannot tell"),
        ((course("mycophenolate", None), hcg(7)), "silent"),
        ((course("mycophenolate", None),), "fires"),
        ((course("mycophenolate", "2026-10"), hcg("2026-09-25")), "cannot tell"),  # 1 to 31 October
        ((course("mycophenolate", "2026-10"), hcg("2026-09-23")), "fires"),
        ((course("mycophenolate", "2026-10"), hcg("2026-10-24")), "silent"),
        ((changed(MMF, status="unknown"),), "cannot tell"),
    ],
)
def test_a_pregnancy_test_before_the_drug(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((infusion("cyclophosphamide", 1000, 20),), "fires"),
        ((infusion("cyclophosphamide", 1000, 20), hcg(27)), "silent"),
        ((infusion("cyclophosphamide", 1000, 20), hcg(28)), "fires"),
        ((infusion("cyclophosphamide", 1000, 20), infusion("cyclophosphamide", 1000, 41), hcg(48)), "silent"),
        ((infusion("cyclophosphamide", 1000, 20), infusion("cyclophosphamide", 1000, 105), hcg(48)), "fires"),
        ((infusion("cyclophosphamide", 1000, 20), infusion("cyclophosphamide", 1000, 104), hcg(48)), "silent"),
        ((course("cyclophosphamide", 60), hcg(67)), "silent"),  # oral
        ((course("cyclophosphamide", 60), hcg(68)), "fires"),
        ((infusion("cyclophosphamide", 1000, 36),), "silent"),  # no longer active
    ],
)
def test_the_first_pulse_of_this_treatment_counts(facts: tuple[Any, ...], expected: str) -> None:
    assert outcome(RULE, assessed(*facts)) == expected


def test_smaller_doses_before_belong_to_the_same_treatment() -> None:
    before = course("mycophenolate", 90, 41, status="completed")
    assert outcome(RULE, assessed(before, MMF, hcg(95))) == "silent"
    assert outcome(RULE, assessed(changed(before, end=course("x", 0, 44).end), MMF, hcg(95))) == "fires"
    assert outcome(RULE, assessed(course("mycophenolate", 90, None, status="completed"), MMF, hcg(95))) == "fires"
    planned = course("mycophenolate", 90, 41, status="planned")
    assert outcome(RULE, assessed(planned, MMF, hcg(95))) == "fires"


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ({"age": 17}, "silent"),
        ({"age": 18}, "fires"),
        ({"age": 55}, "fires"),
        ({"age": 56}, "silent"),
        ({"gender": "male"}, "silent"),
        ({"gender": "unknown"}, "fires"),
        ({"deceased": True}, "silent"),
    ],
)
def test_who_is_asked(who: dict[str, Any], expected: str) -> None:
    assert outcome(RULE, assessed(CYC, **who)) == expected


def test_what_was_not_looked_at() -> None:
    """The drug not looked at leaves it open; a test not looked at is what has to be looked at."""
    assert "medicationRequests" in judged(RULE, assessed(unavailable=("medicationRequests",))).because
    unseen = card(RULE, assessed(CYC, unavailable=("labs",)))
    assert "pregnancy test (hCG) not checked" in unseen.summary
    assert "no pregnancy test" not in texts(unseen)


def test_says_what_is_missing_contraception_and_fertility() -> None:
    draft = card(RULE, assessed(CYC))
    assert draft.indicator == "warning"
    assert draft.summary == (
        "Cyclophosphamide: no pregnancy test in the last 7 days; settle contraception and fertility"
    )
    said = texts(draft)
    assert "for 12 months after it" in said
    assert "GnRH agonist" in said
    assert "weak" in said
    assert "sperm" not in said
    assert "none on record" in said
    assert codes(draft) == ["2118-8"]
    unknown = texts(card(RULE, assessed(CYC, gender="unknown")))
    assert "12 months" in unknown
    assert "sperm banking" in unknown


def test_mycophenolate_asks_for_two_tests() -> None:
    draft = card(RULE, assessed(MMF))
    assert draft.summary == ("Mycophenolate: no pregnancy test since it was begun; settle contraception and fertility")
    assert "8 to 10 days after the first" in texts(draft)
    assert "GnRH" not in texts(draft)
    first, second = resources(draft)
    assert "note" not in first
    assert second["note"] == [{"text": "8 to 10 days after the first test."}]


def test_two_drugs_are_one_card() -> None:
    draft = card(RULE, assessed(CYC, MMF, hcg(30, "indeterminate")))
    assert draft.summary.startswith("Cyclophosphamide and mycophenolate: the last pregnancy test (2026-10-23) was not")
    assert len(resources(draft)) == 2


def test_a_drug_whose_test_is_done_is_left_out() -> None:
    draft = card(RULE, assessed(CYC, MMF, hcg(30)))
    assert draft.summary.startswith("Cyclophosphamide: no")
    assert "2026-10-23" in texts(draft)


# -- B9 "Pregnant" -----------------------------------------------------------------------------------------------------


def pregnant(*facts: Any, without: tuple[str, ...] = ("methotrexate",), **more: Any) -> Any:
    return assessed(base(NO_METHOTREXATE, PREGNANT, *facts, without=without, **more))


def test_refractory_and_pregnant_is_not_silence() -> None:
    a = pregnant()
    assert outcome(ESCALATE, a) == "silent"
    assert outcome(TERATOGEN, a) == "silent"
    draft = card(RULE, a)
    assert draft.indicator == "warning"
    assert draft.summary.startswith("Pregnant: no cyclophosphamide, mycophenolate or methotrexate")
    said = texts(draft)
    assert "Usually compatible with pregnancy" in said
    assert "hCG" not in said
    (request,) = resources(draft)
    assert "priority" not in request


def test_an_open_trial_and_pregnant_is_not_silence() -> None:
    one_ivig = infusion("ivig", 56_000, "2026-02-02", days=4)
    assert outcome(RULE, pregnant(one_ivig, without=("methotrexate", "ivig"))) == "fires"


@pytest.mark.parametrize("drug", ["methotrexate", "mycophenolate", "cyclophosphamide"])
def test_a_teratogen_is_the_critical_card_s_business(drug: str) -> None:
    a = pregnant(course(drug, -3, status="planned"))
    assert outcome(TERATOGEN, a) == "fires"
    assert outcome(RULE, a) == "silent"


def test_pregnant_without_escalation_is_silent() -> None:
    assert outcome(RULE, assessed(PREGNANT)) == "silent"
    assert outcome(RULE, pregnant(without=("methotrexate", "ivig"))) == "silent"


def test_pregnant_and_the_activity_not_known() -> None:
    assert outcome(RULE, pregnant(mmt(96, "2026-01-05"), without=("methotrexate", "mmt"))) == "cannot tell"


def test_a_drug_of_unknown_status_does_not_hide_the_pregnancy() -> None:
    assert outcome(RULE, pregnant(changed(MMF, status="unknown"))) == "fires"


def test_the_card_that_proposes_cyclophosphamide_speaks_to_men_and_women() -> None:
    man = texts(card(ESCALATE, assessed(base(gender="male"))))
    assert "sperm banking" in man
    assert "4 months" in man
    assert "GnRH" not in man
    woman = texts(card(ESCALATE, assessed(base())))
    assert "GnRH agonist" in woman
    assert "sperm" not in woman
    assert "ontraception during" not in texts(card(ESCALATE, assessed(base(lab("hcg", None), age=60))))
