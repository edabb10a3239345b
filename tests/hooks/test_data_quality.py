"""DQ (B1, B9): items of the record that would change the outcome if they were read otherwise."""

from typing import Any

import msgspec
import pytest

from hooks.chart.facts import Chart, Dropped
from hooks.data_quality import Doubt, doubts, rule
from hooks.engine import Evaluation, evaluate, fired
from hooks.reasoning import verdict as judge
from tests.hooks.builders import (
    TODAY,
    assessed,
    base,
    changed,
    chart,
    ck,
    condition,
    course,
    infusion,
    knowledge,
    lab,
    mmt,
    verdict,
    when,
)
from tests.hooks.rules.asking import card, outcome

THREE = ("ivig", "rituximab", "methotrexate")


def found(chart: Chart) -> list[str]:
    return [doubt.text for doubt in doubts(assessed(chart), fired)]


def evaluated(chart: Chart) -> Evaluation:
    return evaluate(chart, knowledge(), TODAY, "https://cds.example.org")


def unitless(raw: float, at: str = "2026-11-10") -> Any:
    return lab("creatine-kinase", None, at, raw=raw, doubt="has no unit", upper=None)


# -- laboratory results ------------------------------------------------------------------------------------------------


def test_V10_a_ck_without_unit_that_would_decide_is_named() -> None:
    texts = found(base(unitless(6200), without=("ck",)))
    assert texts == ["Creatine kinase, total of 2026-11-10: has no unit"]


def test_a_ck_that_is_raised_in_microkatal_only_is_named_too() -> None:
    assert found(base(unitless(10), ck(180, 60), ck(170, 100), without=("ck",)))
    # 10 U/L is normal, 600 U/L is active


def test_a_doubtful_ck_that_an_undoubted_one_outdates_is_not() -> None:
    assert found(base(unitless(6200, "2026-10-01"))) == []


def test_a_doubtful_value_that_changes_nothing_is_not_named() -> None:
    assert found(base(lab("potassium", None, 3, raw=4.0, doubt="unit 'x' is not understood"))) == []
    assert found(base(ck(5000, 1, doubt="another result of the same time differs"), without=("mmt",))) == []


def test_conflicting_duplicates_that_disagree_on_activity_are_named() -> None:
    two = (ck(6200, 1, doubt="another result differs"), ck(180, 1, doubt="another result differs"))
    assert len(found(base(*two, without=("ck",)))) == 2


def test_the_doubt_is_inert() -> None:
    broken = changed(unitless(6200), doubt="unit '<img onerror=x>' | [x](javascript:y)\nz")
    (text,) = found(base(broken, without=("ck",)))
    assert text.endswith("unit '\\<img onerror=x\\>' \\| \\[x\\]\\(javascript:y\\) z")


def test_an_antibody_that_may_be_read_either_way_counts_only_with_a_value() -> None:
    doubtful = lab("anti-hmgcr", None, 5, doubt="has no unit")
    assert found(base(doubtful)) == []


# -- strength ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "named"),
    [
        (mmt(78, 5, scale=""), True),  # V11b: 78/80 is near normal, 78/150 is severe
        (mmt(160, 5, scale=""), True),  # no known scale: anything
        (mmt(140, 5, scale=""), True),  # left out, or 140/150
        (mmt(78, 600, scale=""), False),
        (changed(mmt(140, 5), doubt="another score of the same day differs"), True),
    ],
)
def test_a_score_on_an_unknown_scale(score: Any, named: bool) -> None:
    texts = found(base(score))
    assert (len(texts) == 1) is named
    if named:
        assert texts[0].startswith("MMT-8 of 20")


# -- drugs -------------------------------------------------------------------------------------------------------------


def undated(drug: str, **more: Any) -> Any:
    return course(drug, None, status="stopped", text=f"{drug} | x", **more)


def test_V07_undated_documented_failures_are_named_each() -> None:
    facts = [undated(drug, failure="lack of efficacy") for drug in THREE]
    e = evaluated(chart(*facts, mmt(98), ck(6200)))
    names = [c.source.topic.code for c in e.cards if c.source.topic]
    assert names[0] == "EscalateToCyclophosphamide"
    (quality,) = [c for c in e.cards if c.source.topic and c.source.topic.code == "DataQuality"]
    assert quality.summary == "Check 3 items of the record: the advice depends on them"
    assert quality.indicator == "info"
    assert "ivig \\| x: no date on record" in quality.detail
    assert facts[0].source in quality.detail


def test_V14_undated_courses_that_leave_trials_open_are_named() -> None:
    assert len(found(chart(*(undated(drug) for drug in THREE), mmt(98), ck(6200)))) == 3


def test_an_undated_course_of_no_consequence_is_not() -> None:
    assert found(base(undated("azathioprine"))) == []
    assert found(base(undated("statin"))) == []


def test_a_planned_course_needs_no_date() -> None:
    planned = course("cyclophosphamide", None, status="planned", doubt="no start")
    assert found(base(planned)) == []
    assert found(base(changed(planned, status="draft"))) == []


def test_an_undated_infusion_goes_with_its_course() -> None:
    one = infusion("cyclophosphamide", 1000, None)
    assert found(base(one, course("cyclophosphamide", None, status="completed", source=one.course)))


def test_an_active_course_that_ended_is_read_both_ways() -> None:
    stale = course(
        "glucocorticoid", "2026-01-05", 100, status="completed", doubt="active, with an end in the past",
        steps=base().courses[-1].steps,
    )  # fmt: skip
    texts = found(base(stale, without=("prednisone",)))
    assert texts == ["prednisone: active, with an end in the past"]
    still_active = changed(stale, status="active", end=None)
    assert found(base(still_active, without=("prednisone",))) == ["prednisone: active, with an end in the past"]


# -- what could not be read --------------------------------------------------------------------------------------------


def dropped(*items: Dropped) -> Chart:
    return msgspec.structs.replace(base(), dropped=items)


def test_an_unreadable_entry_of_a_deciding_drug_is_named() -> None:
    entry = Dropped("MedicationStatement/9", "period <b> cannot be read", "ivig", when("2026-05"), doubtful=True)
    (doubt,) = doubts(assessed(dropped(entry)), fired)
    title = knowledge().value_sets["ivig"].title
    assert doubt == Doubt(f"{title} of 2026-05 not used: period \\<b\\> cannot be read", "MedicationStatement/9")


def test_an_entry_that_is_rightly_refused_is_no_doubt() -> None:
    assert found(dropped(Dropped("MedicationStatement/9", "entered in error", "ivig"))) == []
    assert found(dropped(Dropped("MedicationStatement/9", "entered in error", "unidentified-drug"))) == []


@pytest.mark.parametrize(
    ("concept", "at", "named"),
    [
        ("creatine-kinase", "2026-11-11", True),
        ("creatine-kinase", "2026-11-10", False),  # not newer than the newest that counts
        ("creatine-kinase", None, True),
        ("mmt8", "2026-11-13", True),
        ("mmt8", "2026-11-01", False),
        ("anti-srp", "2020-01-01", True),  # none known
        ("potassium", "2026-11-21", False),
        ("statin", None, False),
    ],
)
def test_an_unreadable_result_is_named_where_it_could_be_the_newest(concept: str, at: str | None, named: bool) -> None:
    entry = Dropped("Observation/9", "value cannot be read", concept, when(at), doubtful=True)
    assert bool(found(dropped(entry))) is named


def test_undated_results_do_not_outdate_an_unreadable_one() -> None:
    entry = Dropped("Observation/9", "value cannot be read", "anti-srp", when("2020-01-01"), doubtful=True)
    known = msgspec.structs.replace(base(verdict("anti-srp", "negative", None)), dropped=(entry,))
    assert len(found(known)) == 1


def test_drugs_that_nobody_could_name_are_counted() -> None:
    entries = [Dropped(f"MedicationRequest/{n}", "no code, no text", "unidentified-drug", doubtful=True) for n in "12"]
    assert found(dropped(*entries)) == ["2 drug entries could not be identified: no code, no text"]


# -- who it is for -----------------------------------------------------------------------------------------------------


def test_a_second_muscle_disease_is_asked_about() -> None:
    texts = found(base(condition("inclusion-body-myositis", text="Sporadic IBM <1>")))
    assert texts == ["Sporadic IBM \\<1\\> is current beside IMNM: which one is it?"]


def test_an_unknown_age_is_said() -> None:
    e = evaluated(base(age=None))
    assert "DataQuality" in [c.source.topic.code for c in e.cards if c.source.topic]
    assert found(base(age=None)) == ["age unknown: no dose and no escalation card is given"]


@pytest.mark.parametrize(
    "facts",
    [
        (condition("other-myositis"),),
        (condition("imnm", current=False),),
    ],
)
def test_age_matters_only_once_the_diagnosis_stands(facts: tuple[Any, ...]) -> None:
    assert found(chart(*facts, age=None)) == []


def test_silent_for_the_dead_for_others_and_in_palliative_care() -> None:
    doubtful = unitless(6200)
    assert found(base(doubtful, without=("ck",), deceased=True)) == []
    assert found(chart(condition("inclusion-body-myositis"), condition("other-myositis"), doubtful)) == []
    e = evaluated(base(doubtful, condition("palliative-care"), without=("ck",)))
    assert e.cards == ()
    assert {v.rule: v.outcome for v in e.verdicts}["DataQuality"] == "silent"


# -- nothing else to say -----------------------------------------------------------------------------------------------

QUIET = (mmt(148, 5), ck(150, 5), verdict("anti-srp", "negative"), verdict("anti-hmgcr", "negative"))


def test_unchecked_sources_are_named_where_no_other_card_would_name_them() -> None:
    e = evaluated(chart(*QUIET, unavailable=("allergies", "procedures")))
    (only,) = e.cards
    assert only.summary == "Parts of the record could not be checked: no advice does not mean that none is needed"
    assert "allergies not checked (the FHIR server answered 403)" in only.detail
    assert "procedures not checked" in only.detail
    assert evaluated(chart(*QUIET)).cards == ()


def test_beside_another_card_unchecked_sources_are_named_there() -> None:
    e = evaluated(base(unavailable=("allergies",)))
    assert "DataQuality" not in [c.source.topic.code for c in e.cards if c.source.topic]
    assert "allergies not checked" in e.cards[0].detail


def test_doubts_and_unchecked_sources_go_on_one_card() -> None:
    quality = rule(fired, lambda _: True)
    a = assessed(base(unitless(6200), without=("ck",), unavailable=("allergies",)))
    draft = card(quality, a)
    assert draft.summary == "Check 1 item of the record: the advice depends on it"
    assert draft.why[0] == "If read otherwise, the cards would differ:"


def test_the_verdict_names_the_items_and_their_places() -> None:
    quality = rule(fired, lambda _: False)
    doubtful = unitless(6200)
    a = assessed(base(doubtful, without=("ck",)))
    found_item = judge(quality.name, quality.criteria(a)).criteria[-1].parts[0]
    assert found_item.value == "Creatine kinase, total of 2026-11-10: has no unit"
    assert found_item.source == doubtful.source
    assert outcome(quality, assessed(base())) == "silent"


def test_an_undated_result_decides_nothing_and_is_not_named() -> None:
    assert found(base(changed(unitless(6200), when=None), without=("ck",))) == []


def test_a_diagnosis_that_could_not_be_read_is_never_met_with_silence() -> None:
    dropped = Dropped("Condition/1", "verificationStatus cannot be read", "imnm", doubtful=True)
    unread = changed(chart(), diagnoses=(), dropped=(dropped,))
    cards = evaluate(unread, knowledge(), TODAY, "https://cds.example").cards
    assert [card.source.topic.code for card in cards if card.source.topic] == ["DataQuality"]
    assert "the diagnosis could not be read" in cards[0].detail
    refused = changed(dropped, doubtful=False)
    assert evaluate(changed(unread, dropped=(refused,)), knowledge(), TODAY, "https://cds.example").cards == ()
