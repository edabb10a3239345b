"""Who the patient is: diagnosis, antibodies, age, pregnancy (B0, B9)."""

from typing import Any

import pytest

from tests.hooks.builders import assessed, changed, chart, condition, infusion, lab, session, verdict, when


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ((condition("imnm"),), "DEFINITE"),
        ((condition("imnm", current=False),), "NONE"),
        ((changed(condition("imnm"), verification="differential"),), "POSSIBLE"),
        ((changed(condition("imnm"), verification="unconfirmed"),), "DEFINITE"),
        (
            (changed(condition("polymyositis"), verification="provisional"), verdict("anti-srp", "positive")),
            "POSSIBLE",
        ),
        ((condition("immune-myopathy-nec"),), "POSSIBLE"),
        ((condition("immune-myopathy-nec"), verdict("anti-srp", "positive")), "PROBABLE"),
        ((condition("polymyositis"), verdict("anti-hmgcr", "positive")), "PROBABLE"),
        ((condition("drug-induced-myopathy"), verdict("anti-hmgcr", "positive")), "PROBABLE"),
        ((condition("drug-induced-myopathy"), verdict("anti-srp", "positive")), "POSSIBLE"),
        ((condition("other-myositis"), verdict("anti-srp", "positive")), "POSSIBLE"),
        ((condition("polymyositis"), verdict("anti-srp", "negative")), "POSSIBLE"),
        ((condition("polymyositis"), condition("inclusion-body-myositis")), "POSSIBLE"),
        ((condition("polymyositis", current=False),), "NONE"),
    ],
)
def test_imnm_status(facts: tuple[Any, ...], status: str) -> None:
    assert assessed(*facts).diagnosis.status == status


def test_a_resolved_diagnosis_is_historical() -> None:
    assert assessed(condition("imnm", current=False)).diagnosis.historical
    assert not assessed(condition("imnm")).diagnosis.historical


def test_what_conflicts_with_the_diagnosis() -> None:
    mimic = assessed(condition("imnm"), condition("muscular-dystrophy"))
    assert mimic.diagnosis.conflict is not None
    overlap = (condition("polymyositis"), condition("dermatomyositis"), verdict("anti-srp", "positive"))
    assert assessed(*overlap).diagnosis.conflict is not None
    assert assessed(condition("imnm"), condition("dermatomyositis")).diagnosis.conflict is None


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ((), "NOT_TESTED"),
        (("negative",), "NEGATIVE"),
        (("indeterminate",), "INDETERMINATE"),
        (("negative", "positive"), "POSITIVE"),  # a positive ever found stays
        (("positive", "negative"), "POSITIVE"),
        (("indeterminate", "negative"), "INDETERMINATE"),  # the newest decides
        (("negative", "indeterminate"), "NEGATIVE"),
    ],
)
def test_antibody_state(results: tuple[Any, ...], state: str) -> None:
    facts = [verdict("anti-srp", result, 10 + i) for i, result in enumerate(results)]
    assert assessed(*facts).antibodies.srp.state == state


def test_an_undated_antibody_result_comes_last() -> None:
    undated, dated = verdict("anti-srp", "indeterminate", None), verdict("anti-srp", "negative", 400)
    unread = lab("anti-srp", 5.0, 1)
    a = changed(chart(), labs={"anti-srp": (undated, unread, dated)})
    assert assessed(a).antibodies.srp.result is dated
    assert assessed(undated).antibodies.srp.state == "INDETERMINATE"
    assert assessed(unread).antibodies.srp.state == "NOT_TESTED"


def test_seronegative_needs_both() -> None:
    one = verdict("anti-srp", "negative")
    assert not assessed(one).antibodies.seronegative
    both = assessed(one, verdict("anti-hmgcr", "negative")).antibodies
    assert both.seronegative
    assert both.open == ()
    assert [a.name for a in assessed(one).antibodies.open] == ["anti-HMGCR"]


def test_an_antibody_test_soon_after_ivig_or_plasma_exchange_is_flagged() -> None:
    ivig = infusion("ivig", 140_000, 100)
    assert "after IVIG" in assessed(ivig, verdict("anti-srp", "negative", 10)).antibodies.srp.flag
    assert not assessed(ivig, verdict("anti-srp", "negative", 101)).antibodies.srp.flag
    assert not assessed(ivig, verdict("anti-srp", "negative", 9)).antibodies.srp.flag
    plex = assessed(session(20), verdict("anti-srp", "negative", 10)).antibodies.srp
    assert "plasma exchange" in plex.flag
    assert not assessed(session(20), verdict("anti-srp", "negative", None)).antibodies.srp.flag


def test_age() -> None:
    assert assessed(age=18).person.adult
    assert assessed(age=17).person.adult is False
    assert assessed(age=None).person.adult is None


@pytest.mark.parametrize(
    ("facts", "pregnant"),
    [
        ((condition("pregnancy", 300),), True),
        ((condition("pregnancy", 301),), False),
        ((condition("pregnancy", None),), True),
        ((condition("pregnancy", 30, current=False),), False),
        ((verdict("hcg", "positive", 60),), True),
        ((verdict("hcg", "positive", 61),), False),
        ((verdict("hcg", "positive", "2026-09"),), True),  # perhaps of the last 60 days
        ((verdict("hcg", "positive", "2026-08"),), False),
        ((verdict("hcg", "positive", 60), verdict("hcg", "negative", 10)), False),
        ((), False),
    ],
)
def test_pregnant(facts: tuple[Any, ...], pregnant: bool) -> None:
    assert assessed(condition("imnm"), *facts).person.pregnant is pregnant
    assert not assessed(condition("imnm"), *facts, gender="male").person.pregnant


def test_the_pregnancy_question_stands_only_where_it_can() -> None:
    assert assessed(age=55).person.fertile
    assert not assessed(age=56).person.fertile
    assert not assessed(age=11).person.fertile
    assert not assessed(condition("no-childbearing")).person.fertile
    assert not assessed(gender="male").person.fertile
    assert assessed(age=None).person.fertile


@pytest.mark.parametrize(
    ("born", "fertile"), [("2014", True), ("2015", False), ("1970", True), ("1969", False), ("1971", True)]
)
def test_a_partial_birth_date_may_be_of_the_age(born: str, fertile: bool) -> None:
    """2014: 11 or 12 years old; 1970: 55 or 56."""
    person = changed(chart().person, born=when(born))
    assert assessed(changed(chart(), person=person)).person.fertile is fertile


def test_deceased_and_palliative() -> None:
    assert assessed(deceased=True).person.deceased
    assert assessed(condition("imnm"), condition("palliative-care")).person.palliative
    assert assessed(chart(lab("body-weight", 70))).person.palliative is False


def test_a_resolved_probable_diagnosis_is_historical_too() -> None:
    facts = (condition("immune-myopathy-nec", current=False), verdict("anti-hmgcr", "positive"))
    assert assessed(*facts).diagnosis.historical
    assert not assessed(condition("immune-myopathy-nec", current=False)).diagnosis.historical


def test_a_mimic_beside_a_possible_diagnosis_is_named() -> None:
    found = assessed(condition("polymyositis"), condition("inclusion-body-myositis")).diagnosis
    assert found.conflict is not None
