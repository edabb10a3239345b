"""What PjpProphylaxis says, drafts and leaves out (B1, B3, B7, B9)."""

import json
from typing import Any

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from cds_service.protocol.cards import SUMMARY_LIMIT
from hooks.chart.facts import Chart, Dosing, DrugCourse
from hooks.reasoning import verdict
from hooks.rules.base import CardDraft
from hooks.rules.pjp_prophylaxis import RULE
from tests.hooks.builders import (
    allergy,
    assessed,
    base,
    changed,
    chart,
    condition,
    course,
    daily,
    infusion,
    lab,
    weekly,
    when,
)
from tests.hooks.builders import (
    verdict as result,
)

PREDNISONE = course("glucocorticoid", 200, steps=(daily(20),))
FOLATE = course("folate")
GOOD_BLOOD = (lab("egfr", 90), lab("wbc", 7), lab("platelets", 250), lab("hemoglobin", 13))


def outcome(patient: Chart) -> str:
    return verdict(RULE.name, RULE.criteria(assessed(patient))).outcome


def card(patient: Chart) -> CardDraft:
    assert outcome(patient) == "fires"
    drafted = RULE.card(assessed(patient))
    assert 0 < len(drafted.summary) < SUMMARY_LIMIT
    return drafted


def says(drafted: CardDraft) -> str:
    return "\n".join((drafted.summary, *drafted.why, *drafted.missing, *(str(row) for row in drafted.facts)))


def resources(drafted: CardDraft) -> list[dict[str, Any]]:
    return [action.resource for suggestion in drafted.suggestions for action in suggestion.actions]


def medications(drafted: CardDraft) -> list[str]:
    return [
        r["medicationCodeableConcept"]["text"] for r in resources(drafted) if r["resourceType"] == "MedicationRequest"
    ]


def test_BASE_warns_and_drafts_atovaquone_with_tmp_smx_in_the_text() -> None:
    drafted = card(base())
    assert drafted.indicator == "warning"
    assert medications(drafted)[0] == "atovaquone 1500 mg daily"
    assert drafted.suggestions[0].is_recommended
    assert [s.is_recommended for s in drafted.suggestions].count(True) == 1
    text = says(drafted)
    assert "P2" in text
    assert "20 mg/d (≥ 20 mg/d [ENG])" in text
    assert "322 d (≥ 28 d [ENG])" in text
    assert "It fits if methotrexate is stopped" in text
    assert "TMP-SMX" in text
    assert not any("sulfamethoxazole" in name or "dapsone" in name for name in medications(drafted))


def test_V20_stevens_johnson_leaves_atovaquone_then_pentamidine() -> None:
    scar = changed(
        allergy("sulfonamide-antibiotic", severe=True, scar=True), text="co-trimoxazole; Stevens-Johnson syndrome"
    )
    drafted = card(base(scar))
    assert medications(drafted) == ["atovaquone 1500 mg daily"]  # one draft only, so that none is ordered twice
    assert len(resources(drafted)) == 1  # no G6PD test: dapsone is out anyway
    text = says(drafted)
    assert "Stevens-Johnson" in text
    assert "1500 mg daily" in text
    assert "Second choice: nebulised pentamidine" in text


def test_allergies_that_were_not_checked_are_said_and_never_called_none() -> None:
    drafted = card(chart(PREDNISONE, unavailable=("allergies",)))
    assert any("allergies were not checked" in line for line in drafted.missing)
    assert "no allerg" not in says(drafted).lower()
    assert medications(drafted)[0] == "atovaquone 1500 mg daily"


def test_without_methotrexate_tmp_smx_comes_first_with_its_warnings() -> None:
    drafted = card(chart(PREDNISONE, course("ace-inhibitor", text="lisinopril"), course("tacrolimus")))
    assert medications(drafted)[0] == "sulfamethoxazole 400 mg / trimethoprim 80 mg oral tablet"
    text = says(drafted)
    for word in (
        "160/800 mg three times a week",
        "ACE inhibitors",
        "spironolactone",
        "warfarin",
        "lisinopril, tacrolimus",
    ):
        assert word in text
    assert "eGFR not known" in text
    assert "potassium not known" in text


@pytest.mark.parametrize(("born", "first"), [("1951", "atovaquone"), ("1952", "sulfamethoxazole")])
def test_a_partial_birth_date_may_be_of_the_age_for_atovaquone(born: str, first: str) -> None:
    """1951: 74 or 75 years old; the older age is the safe one."""
    patient = chart(PREDNISONE, FOLATE, *GOOD_BLOOD, course("methotrexate", 200, steps=(weekly(15),)))
    aged = changed(patient, person=changed(patient.person, born=when(born)))
    assert medications(card(aged))[0].startswith(first)


def test_methotrexate_that_allows_tmp_smx_brings_folate_and_blood_counts() -> None:
    drafted = card(chart(PREDNISONE, course("methotrexate", steps=(weekly(15),)), FOLATE, *GOOD_BLOOD))
    assert medications(drafted)[0].startswith("sulfamethoxazole")
    assert "folic acid, and a full blood count at 1 to 2 and at 4 weeks, then monthly" in says(drafted)
    assert "then monthly" in resources(drafted)[0]["note"][0]["text"]
    assert "stands in for creatinine clearance" in says(drafted)


@pytest.mark.parametrize("steps", [(), (Dosing(), weekly(10)), (daily(15),)])
def test_methotrexate_of_unknown_or_daily_dose_does_not_allow_tmp_smx(steps: tuple[Dosing, ...]) -> None:
    drafted = card(chart(PREDNISONE, course("methotrexate", steps=steps), FOLATE, *GOOD_BLOOD))
    assert medications(drafted)[0] == "atovaquone 1500 mg daily"


def test_a_low_egfr_halves_tmp_smx() -> None:
    drafted = card(chart(PREDNISONE, lab("egfr", 20)))
    repeat = resources(drafted)[0]["dosageInstruction"][0]["timing"]["repeat"]
    assert (repeat["frequency"], repeat["period"], repeat["periodUnit"]) == (3, 1, "wk")
    assert "here half of it" in says(drafted)


def test_pregnancy_counts_as_first_trimester() -> None:
    drafted = card(chart(PREDNISONE, condition("pregnancy", None, text="Pregnancy")))
    assert medications(drafted)[0] == "atovaquone 1500 mg daily"
    assert "first trimester" in says(drafted)
    assert "obstetrics" in says(drafted)


def test_g6pd_is_ordered_by_its_code_and_recommended_once_dapsone_is_the_next() -> None:
    facts = (PREDNISONE, allergy("sulfonamide-antibiotic"))
    optional = card(chart(*facts)).suggestions[-1]
    assert optional.actions[0].resource["code"]["coding"][0]["code"] == "32546-4"
    assert not optional.is_recommended
    needed = card(chart(*facts, course("rifamycin", text="rifabutin"))).suggestions[-1]
    assert needed.label == "Order G6PD"
    assert needed.is_recommended


@pytest.mark.parametrize(
    ("fact", "offered"),
    [
        (result("g6pd", "negative"), True),
        (result("g6pd", "positive"), False),
        (result("g6pd", "indeterminate"), False),
        (changed(result("g6pd", "negative"), doubt="another result differs"), False),
        (condition("g6pd-deficiency", current=False, text="G6PD deficiency"), False),
    ],
)
def test_dapsone_only_with_a_normal_g6pd(fact: object, offered: bool) -> None:
    facts = (PREDNISONE, allergy("sulfonamide-antibiotic"), course("rifamycin"), lab("hemoglobin", 12), fact)
    assert (medications(card(chart(*facts)))[0] == "dapsone 100 mg daily") is offered


def test_a_g6pd_deficiency_once_found_stays() -> None:
    facts = (PREDNISONE, course("rifamycin"), allergy("sulfonamide-antibiotic"), lab("hemoglobin", 12))
    both = (result("g6pd", "negative", 10), result("g6pd", "positive", 900))
    assert medications(card(chart(*facts, *both)))[0].startswith("pentamidine")


def test_a_sulfonamide_allergy_on_the_problem_list_counts_even_when_resolved() -> None:
    status = condition("sulfonamide-allergy", current=False, text="Allergy status to sulfonamides")
    assert medications(card(chart(PREDNISONE, status)))[0] == "atovaquone 1500 mg daily"


def test_the_most_severe_sulfonamide_allergy_is_named() -> None:
    mild = allergy("tmp-smx")
    severe = changed(allergy("sulfonamide-antibiotic", severe=True), text="sulfadiazine; anaphylaxis")
    assert "anaphylaxis" in says(card(chart(PREDNISONE, mild, severe)))


def test_a_drug_not_tolerated_before_is_dropped() -> None:
    rash = course("atovaquone", 300, 280, status="stopped", intolerance="adverse reaction: rash")
    drafted = card(chart(PREDNISONE, allergy("sulfonamide-antibiotic"), rash))
    assert medications(drafted) == ["pentamidine 300 mg, nebulised"]
    assert "adverse reaction: rash" in says(drafted)


def test_when_nothing_fits_advice_is_asked_for() -> None:
    refused = tuple(allergy(drug) for drug in ("tmp-smx", "atovaquone", "dapsone", "pentamidine"))
    drafted = card(chart(PREDNISONE, *refused))
    assert "specialist advice" in drafted.summary
    assert drafted.suggestions == ()


def test_severe_and_end_stage_kidney_disease() -> None:
    assert "CKD 4" in says(card(chart(PREDNISONE, condition("ckd-severe", text="CKD 4"))))
    assert "ESRD" in says(card(chart(PREDNISONE, condition("dialysis", text="ESRD"))))


@pytest.mark.parametrize("age", [12, 17])
def test_a_child_gets_no_dose_and_no_draft(age: int) -> None:
    drafted = card(base(age=age))
    assert drafted.indicator == "warning"
    assert drafted.suggestions == ()
    text = says(drafted)
    assert "150 mg/m²" in text
    assert "paediatric pharmacist" in text
    for dose in ("1500 mg", "160/800", "80/400", "100 mg daily", "300 mg"):
        assert dose not in text


def test_an_allergy_is_said_for_a_child_too() -> None:
    assert "allergy to tmp-smx" in says(card(base(allergy("tmp-smx"), age=12)))


def test_unknown_age_gets_no_dose() -> None:
    drafted = card(base(age=None))
    assert drafted.suggestions == ()
    assert "age unknown" in drafted.summary
    assert "1500 mg" not in says(drafted)


@pytest.mark.parametrize(
    ("facts", "indicator", "summary"),
    [
        ((infusion("cyclophosphamide", 1000, 20),), "warning", "cyclophosphamide"),
        ((infusion("rituximab", 1000, 20),), "info", "Consider"),
        ((infusion("rituximab", 1000, 20), PREDNISONE), "warning", "indicated"),
        ((course("glucocorticoid", 20, steps=(daily(15),)),), "info", "Consider"),
    ],
)
def test_the_indicator_follows_the_trigger(facts: tuple[object, ...], indicator: str, summary: str) -> None:
    drafted = card(chart(*facts))
    assert drafted.indicator == indicator
    assert summary in drafted.summary
    assert drafted.suggestions[0].is_recommended is (indicator == "warning")


def test_triggers_carried_over_from_vasculitis_say_so() -> None:
    assert "cyclophosphamide is an extrapolation" in says(card(chart(infusion("cyclophosphamide", 1000, 20))))
    assert "rituximab is an extrapolation" in says(card(chart(infusion("rituximab", 1000, 20))))
    both = card(chart(infusion("rituximab", 1000, 20), infusion("cyclophosphamide", 1000, 20), PREDNISONE))
    assert "cyclophosphamide and rituximab is an extrapolation" in says(both)
    assert "extrapolation" not in says(card(chart(PREDNISONE)))


def test_lymphocytes_stand_on_the_card_with_value_date_and_threshold() -> None:
    drafted = card(chart(course("glucocorticoid", 20, steps=(daily(15),)), lab("lymphocytes", 0.6, unit="10*9/L")))
    row = next(row for row in drafted.facts if row.what == "lymphocytes low")
    assert (row.value, row.when, row.threshold) == ("0.6 ×10⁹/L", "2026-11-17", "< 0.8 ×10⁹/L [ENG]")


def test_units_are_written_as_people_write_them() -> None:
    blood = (
        lab("egfr", 40, unit="mL/min/{1.73_m2}"),
        lab("wbc", 3, unit="10*9/L"),
        lab("platelets", 250, unit="10*9/L"),
    )
    text = says(card(chart(PREDNISONE, course("methotrexate", steps=(weekly(15),)), FOLATE, *blood, age=80)))
    assert "eGFR 40 mL/min/1.73 m², < 45 mL/min/1.73 m² [ENG]" in text
    assert "leukocytes 3 ×10⁹/L" in text
    assert "age 80, ≥ 75 years [ENG]" in text
    assert "*" not in text


def test_what_could_raise_an_info_to_a_warning_is_said() -> None:
    drafted = card(chart(course("glucocorticoid", 20, steps=(daily(15),))))
    assert any(line.startswith("P4 cannot be judged") for line in drafted.missing)


def test_the_dose_alone_is_asked_for_when_it_is_all_that_is_missing() -> None:
    drafted = card(chart(course("glucocorticoid", 200), course("methotrexate", steps=(weekly(15),))))
    assert drafted.indicator == "info"
    assert drafted.suggestions == ()
    assert "dose" in drafted.summary


def test_why_a_drug_on_the_list_does_not_protect_is_said() -> None:
    short = course("tmp-smx", 3, -5, steps=(Dosing(low=960, high=960, per_day=2),))
    assert "does not count as prophylaxis" in says(card(chart(PREDNISONE, short)))
    assert "is on hold" in says(card(chart(PREDNISONE, course("atovaquone", status="on-hold"))))


def test_covered_is_silent() -> None:
    assert outcome(chart(PREDNISONE, course("atovaquone", 100))) == "silent"


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        (chart(PREDNISONE, condition("imnm", current=False)), "fires"),
        (chart(PREDNISONE, condition("imnm"), condition("palliative-care")), "silent"),
        (chart(PREDNISONE, condition("polymyositis")), "silent"),
        (chart(PREDNISONE, deceased=True), "silent"),
        (chart(), "silent"),
        (chart(unavailable=("medicationRequests",)), "cannot tell"),
        (chart(PREDNISONE, unavailable=("medicationRequests",)), "fires"),
    ],
    ids=["resolved", "palliative", "possible", "dead", "untreated", "source failed", "known in spite of it"],
)
def test_whom_it_speaks_about(patient: Chart, expected: str) -> None:
    assert outcome(patient) == expected


def test_record_text_is_made_inert() -> None:
    drafted = card(chart(PREDNISONE, changed(allergy("tmp-smx"), text="<b>**rash**</b>")))
    assert "<b>" not in says(drafted)
    assert "**rash**" not in says(drafted)


def test_facts_that_decided_stand_in_the_table() -> None:
    facts = (PREDNISONE, *GOOD_BLOOD, lab("potassium", 4.1), result("g6pd", "negative"))
    rows = {row.what for row in card(chart(*facts)).facts}
    assert {"eGFR", "potassium", "leukocytes", "platelets", "haemoglobin", "G6PD"} <= rows


EVERY_DRAFT = [
    chart(PREDNISONE),
    chart(PREDNISONE, lab("egfr", 20)),
    chart(PREDNISONE, allergy("tmp-smx")),
    chart(PREDNISONE, allergy("tmp-smx"), course("rifamycin"), result("g6pd", "negative"), lab("hemoglobin", 12)),
]


@pytest.mark.parametrize("patient", EVERY_DRAFT)
def test_every_draft_is_valid_and_carries_only_verified_codes(patient: Chart) -> None:
    kinds: dict[str, Any] = {"MedicationRequest": MedicationRequest, "ServiceRequest": ServiceRequest}
    verified = {"198334", "P01AX06", "3108", "P01CX01", "32546-4"}
    for resource in resources(card(patient)):
        kinds[resource["resourceType"]].model_validate_json(json.dumps(resource))
        assert (resource["status"], resource["intent"]) == ("draft", "order")
        assert resource["subject"] == {"reference": "Patient/p1"}
        assert resource["reasonReference"][0]["reference"].startswith("Condition/")
        coded = resource.get("medicationCodeableConcept") or resource["code"]
        assert {coding["code"] for coding in coded["coding"]} <= verified
        assert all(coding["display"] for coding in coded["coding"])


def test_a_high_creatinine_without_egfr_leaves_tmp_smx_out() -> None:
    renal = lab("creatinine", 700, 5, unit="umol/L")
    drafted = card(chart(PREDNISONE, renal))
    assert medications(drafted)[0] == "atovaquone 1500 mg daily"
    assert "creatinine 700 µmol/L" in says(drafted)
    stale = changed(renal, when=when(91))
    assert "atovaquone" not in medications(card(chart(PREDNISONE, stale)))[0]


@pytest.mark.parametrize(
    ("methotrexate", "named"),
    [
        (course("methotrexate", 100, status="unknown"), True),
        (course("methotrexate", 100, -5, status="unknown"), True),
        (course("methotrexate", 100, 5, status="unknown"), False),
        (course("methotrexate", 100, status="stopped"), False),
        (course("azathioprine", 100, status="unknown"), False),
    ],
)
def test_methotrexate_of_unknown_status_is_named(methotrexate: DrugCourse, named: bool) -> None:
    drafted = card(chart(PREDNISONE, methotrexate, *GOOD_BLOOD))
    assert ("status unknown" in says(drafted)) is named
    assert ("atovaquone" in medications(drafted)[0]) is named


def test_tmp_smx_as_needed_is_no_cover() -> None:
    drafted = card(chart(PREDNISONE, course("tmp-smx", 100, steps=(daily(960, as_needed=True),))))
    assert "does not count as prophylaxis: it is taken as needed" in says(drafted)
