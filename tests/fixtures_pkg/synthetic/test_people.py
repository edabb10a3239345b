"""The invented people: always the same ones, valid R4, coded from the value sets, and with courses that make sense."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

import fixtures
from fixtures.synthetic import Person, people
from fixtures.synthetic.codes import SYSTEMS, coding
from fixtures.synthetic.course import OUTLOOKS
from fixtures.synthetic.proportions import proportions
from hooks.knowledge import load
from hooks.knowledge.systems import normal_code, system_family

SOURCES = Path(fixtures.__file__).parent / "synthetic"
MIXED: dict[str, Any] = {"imnm_share": 0.3, "mimic_share": 0.2}
RESULTS = {SYSTEMS["snomed"]: {"10828004", "260385009"}}
HL7 = "http://terminology.hl7.org/"


@cache
def drawn(count: int = 400, **options: Any) -> list[Person]:
    return list(people(count, **(MIXED | options)))


@cache
def adults() -> list[Person]:
    """Patients with IMNM, without quirks."""
    born = (fixtures.ANCHOR - timedelta(days=6600)).isoformat()
    return [one for one in people(1200, imnm_share=1, tidy=True) if one.resources[0]["birthDate"] < born]


def of_type(person: Person, type_: str) -> list[dict[str, Any]]:
    return [one for one in person.resources if one["resourceType"] == type_]


def codings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield from value.get("coding", ())
        for item in value.values():
            yield from codings(item)
    elif isinstance(value, list):
        for item in value:
            yield from codings(item)


def results(person: Person, code: str) -> list[tuple[str, float]]:
    """Day and value of each final result with that code, in order of time."""
    found = [
        (one["effectiveDateTime"][:10], one["valueQuantity"]["value"])
        for one in of_type(person, "Observation")
        if one.get("status") == "final" and code in {each["code"] for each in codings(one["code"])}
    ]
    return sorted(found)


# The same people, always


def test_the_same_seed_gives_the_same_people() -> None:
    assert drawn(60) == drawn(60)


def test_another_seed_gives_other_people() -> None:
    assert [one.resources for one in drawn(20)] != [one.resources for one in drawn(20, seed=2)]


def test_the_first_people_do_not_depend_on_how_many_there_are() -> None:
    assert drawn(60)[:25] == drawn(25)


def test_a_part_of_the_people_can_be_had_alone() -> None:
    assert drawn(60)[40:] == drawn(20, first=40)


def test_another_day_gives_the_same_people_at_another_time() -> None:
    first, later = drawn(1, imnm_share=1, mimic_share=0), drawn(1, imnm_share=1, mimic_share=0, today=date(2030, 1, 1))
    assert first[0].story == later[0].story
    assert len(first[0].resources) == len(later[0].resources)
    assert first[0].resources[1]["code"] == later[0].resources[1]["code"]


# Who they are


def test_kinds_come_in_the_shares_that_were_asked_for() -> None:
    kinds = Counter(person.kind for person in drawn(2000))
    assert kinds["imnm"] == pytest.approx(600, rel=0.1)
    assert kinds["mimic"] == pytest.approx(400, rel=0.15)
    assert kinds["ordinary"] == pytest.approx(1000, rel=0.1)


def test_without_asking_almost_nobody_has_the_disease() -> None:
    kinds = Counter(person.kind for person in people(20_000))
    expected = proportions().shares
    assert kinds["imnm"] == pytest.approx(20_000 * expected["imnm"].share, abs=6)
    assert kinds["mimic"] == pytest.approx(20_000 * expected["mimic"].share, rel=0.4)


@pytest.mark.parametrize(("share", "mix"), [("imnm_share", "states"), ("mimic_share", "mimics")])
def test_stories_come_in_the_proportions_of_the_data_file(share: str, mix: str) -> None:
    all_: dict[str, Any] = {share: 1}
    found = Counter(person.story for person in people(1500, **all_))
    weights = proportions().mixes[mix].weights
    for story, weight in weights.items():
        assert found[story] == pytest.approx(1500 * weight / sum(weights.values()), rel=0.4), story


def test_every_state_has_an_outlook_and_the_other_way_round() -> None:
    assert set(proportions().mixes["states"].weights) == set(OUTLOOKS)


def test_every_share_is_used_somewhere() -> None:
    code = "".join(path.read_text() for path in SOURCES.glob("*.py"))
    unused = [name for name in proportions().shares | proportions().quirks if f'"{name}"' not in code]
    assert unused == []


# What they are made of


def test_every_resource_is_valid_r4_but_those_that_are_meant_not_to_be() -> None:
    valid = invalid = 0
    for person in drawn(250, imnm_share=0.5):
        for resource in person.resources:
            model = get_fhir_model_class(resource["resourceType"])
            if resource["id"] in person.invalid:
                with pytest.raises(ValidationError):
                    model.model_validate(resource)
                invalid += 1
            else:
                model.model_validate(resource)
                valid += 1
    assert valid > 5000
    assert invalid == sum(len(person.invalid) for person in drawn(250, imnm_share=0.5)) > 0


def test_ids_are_unique_and_everything_is_about_the_person() -> None:
    seen: set[tuple[str, str]] = set()
    for person in drawn():
        for resource in person.resources:
            name = (resource["resourceType"], resource["id"])
            assert name not in seen
            seen.add(name)
            subject = resource.get("subject") or resource.get("patient")
            if resource["resourceType"] in ("Patient", "Medication"):
                assert subject is None
            else:
                assert subject == {"reference": f"Patient/{person.id}"}


def test_everything_says_that_it_is_invented() -> None:
    for person in drawn(50):
        for resource in person.resources:
            assert [label["code"] for label in resource["meta"]["security"]] == ["HTEST"]
        assert person.resources[0]["name"][0]["family"] == "Testperson"


def test_all_codes_come_from_the_value_sets() -> None:
    value_sets = load().value_sets.values()
    for person in drawn(300):
        for resource in person.resources:
            for one in codings(resource):
                if one["system"].startswith(HL7) or one["code"] in RESULTS.get(one["system"], ()):
                    continue
                family = system_family(one["system"])
                code = normal_code(family, one["code"])
                assert any(value_set.holds(family, code) for value_set in value_sets), one


def test_a_code_that_no_value_set_holds_is_refused() -> None:
    with pytest.raises(KeyError, match="imnm holds no snomed code 766246006"):
        coding("imnm", "snomed", "766246006")


def test_nothing_was_measured_given_or_found_in_the_future() -> None:
    for person in drawn(300):
        for resource in person.resources:
            if resource["resourceType"] in ("Observation", "MedicationAdministration", "Procedure", "Condition"):
                texts = (resource.get(name, "") for name in ("effectiveDateTime", "performedDateTime", "onsetDateTime"))
                assert all(text[:10] <= fixtures.ANCHOR.isoformat() for text in texts), resource


def test_after_the_death_the_chart_is_still() -> None:
    dead = [one for one in drawn(1500) if "deceasedDateTime" in one.resources[0]]
    assert 10 < len(dead) < 60
    for person in dead:
        died = person.resources[0]["deceasedDateTime"]
        assert person.resources[0]["birthDate"] < died < fixtures.ANCHOR.isoformat()
        for resource in person.resources[1:]:
            if resource["resourceType"] in ("Observation", "MedicationAdministration"):
                assert resource["effectiveDateTime"][:10] <= died


# Courses that make sense


def patients(story: str) -> list[Person]:
    return [one for one in adults() if one.story == story]


def strength(person: Person) -> list[tuple[str, float]]:
    """MMT-8 as fractions, by day."""
    found = results(person, "mmt8-total-150")
    scale = 150
    if not found:
        found, scale = results(person, "mmt8-total-80"), 80
    if not found:
        found, scale = results(person, "mmt8-percent"), 100
    return [(day, value / scale) for day, value in found]


def test_remission_shows_ck_down_before_strength_is_back() -> None:
    for person in patients("remission on treatment"):
        ck, mmt = results(person, "2157-6"), strength(person)
        assert ck[-1][1] < max(value for _, value in ck) / 5
        assert mmt[-1][1] > 0.9
        half_down = next(day for day, value in ck if value < max(each for _, each in ck) / 2 and day > ck[0][0])
        half_back = [day for day, value in mmt if value >= (mmt[-1][1] + min(v for _, v in mmt)) / 2 and day > ck[0][0]]
        assert half_back[0] >= half_down or len(ck) < 6


def test_relapse_shows_ck_up_again_over_several_visits() -> None:
    rising = [results(person, "2157-6")[-3:] for person in patients("relapse")]
    up = [values for values in rising if all(a[1] < b[1] for a, b in pairwise(values))]
    assert len(up) > 0.6 * len(rising)


def test_refractory_disease_stays_weak_with_a_high_ck() -> None:
    for person in patients("refractory"):
        assert strength(person)[-1][1] < 0.84


def name_of(resource: dict[str, Any]) -> str:
    return str(resource["medicationCodeableConcept"]["text"])


def administered(person: Person, word: str) -> list[tuple[date, float]]:
    found = [
        (date.fromisoformat(one["effectiveDateTime"][:10]), one["dosage"]["dose"]["value"])
        for one in of_type(person, "MedicationAdministration")
        if word in name_of(one)
    ]
    return sorted(found)


def test_immunoglobulin_is_given_every_four_weeks() -> None:
    exchanged = [one for one in patients("refractory") if of_type(one, "Procedure")]
    others = [one for one in patients("refractory") if one not in exchanged]
    told = [given for one in others if (given := administered(one, "Immune globulin"))]
    assert len(told) > 50
    for given in told:
        gaps = [(later - earlier).days for (earlier, _), (later, _) in pairwise(given)]
        assert all(gap == 1 or 20 <= gap <= 34 for gap in gaps), gaps


def test_rituximab_comes_in_pairs_or_four_weekly_infusions() -> None:
    told = [given for one in patients("refractory") if (given := administered(one, "Rituximab"))]
    assert len(told) > 50
    for given in told:
        gaps = [(later - earlier).days for (earlier, _), (later, _) in pairwise(given)]
        assert gaps in ([14], [7, 7, 7])


def test_cyclophosphamide_pulses_stay_below_the_cap_but_for_a_few() -> None:
    cap = load().thresholds.cyclophosphamide.cap_mg.value
    doses = [given[0][1] for one in patients("on cyclophosphamide") if (given := administered(one, "Cyclophosphamide"))]
    above = [dose for dose in doses if dose > cap]
    assert 0 < len(above) < 0.2 * len(doses)


def test_prednisone_only_goes_down() -> None:
    tapers = []
    for person in patients("remission on treatment"):
        told = [one for one in of_type(person, "MedicationStatement") if name_of(one) == "Prednisone"]
        tapers += [[step["doseAndRate"][0]["doseQuantity"]["value"] for step in one["dosage"]] for one in told]
    assert len(tapers) > 50
    assert all(taper == sorted(taper, reverse=True) for taper in tapers)


def positive(person: Person, code: str) -> bool:
    """Whether an antibody was found: as a number above its limit, a code, or a word."""
    return any(
        one.get("valueQuantity", {}).get("value", 0) > 20
        or one.get("valueString") == "positive"
        or "10828004" in {each["code"] for each in codings(one.get("valueCodeableConcept"))}
        for one in of_type(person, "Observation")
        if code in {each["code"] for each in codings(one["code"])}
    )


def has_taken_a_statin(person: Person) -> bool:
    return any(re.search("statin", name_of(one)) for one in of_type(person, "MedicationStatement"))


def test_anti_hmgcr_goes_with_statins_and_nobody_has_both_antibodies() -> None:
    hmgcr = [one for one in adults() if positive(one, "93493-5")]
    others = [one for one in adults() if positive(one, "33921-8")]
    assert not [one for one in hmgcr if one in others]
    assert 0.35 < len(hmgcr) / len(adults()) < 0.55
    exposed = sum(map(has_taken_a_statin, hmgcr)) / len(hmgcr)
    assert exposed == pytest.approx(proportions().shares["statin_before_hmgcr"].share, abs=0.07)
    assert exposed > 2 * sum(map(has_taken_a_statin, others)) / len(others)


# Quirks

SEEN: dict[str, Callable[[dict[str, Any]], bool]] = {
    "an order without a statement": lambda one: one["resourceType"] == "MedicationRequest",
    "a renewed order": lambda one: one["resourceType"] == "MedicationRequest" and one["status"] == "stopped",
    "status unknown": lambda one: one.get("status") == "unknown" and "dateAsserted" in one,
    "a reference to a Medication": lambda one: (
        one.get("medicationReference", {}).get("reference", "").startswith("Medication/")
    ),
    "a contained Medication": lambda one: "contained" in one,
    "a drug as text": lambda one: list(one.get("medicationCodeableConcept", {})) == ["text"],
    "ATC": lambda one: any(each["system"] == SYSTEMS["atc"] for each in codings(one)),
    "an undated condition": lambda one: one["resourceType"] == "Condition" and "onsetDateTime" not in one,
    "a condition without status": lambda one: one["resourceType"] == "Condition" and "clinicalStatus" not in one,
    "a year only": lambda one: len(one.get("onsetDateTime", "")) == 4,
    "a code without its dot": lambda one: any(each["code"] == "G7249" for each in codings(one)),
    "a moment": lambda one: "T" in one.get("effectiveDateTime", ""),
    "a result without LOINC": lambda one: one["resourceType"] == "Observation" and not one["code"].get("coding"),
    "a quantity without unit": lambda one: list(one.get("valueQuantity", {})) == ["value"],
    "CK in µkat/L": lambda one: one.get("valueQuantity", {}).get("unit") == "ukat/L",
    "no value": lambda one: "dataAbsentReason" in one,
    "a system as OID": lambda one: any(each["system"].startswith("urn:oid:") for each in codings(one)),
    "a cancelled result": lambda one: one.get("status") == "cancelled",
    "entered in error": lambda one: one["resourceType"] == "Observation" and one.get("status") == "entered-in-error",
}
OF_TIDY_TOO = {"an order without a statement", "a drug as text", "a code without its dot"}


@pytest.mark.parametrize("quirk", SEEN)
def test_a_quirk_of_real_exports_occurs(quirk: str) -> None:
    assert any(SEEN[quirk](one) for person in drawn() for one in person.resources)


@pytest.mark.parametrize("quirk", [quirk for quirk in SEEN if quirk not in OF_TIDY_TOO])
def test_tidy_switches_it_off(quirk: str) -> None:
    found = [one["id"] for person in drawn(tidy=True) for one in person.resources if SEEN[quirk](one)]
    assert found == []


def test_tidy_people_are_all_valid_and_whole() -> None:
    assert all(not person.invalid and person.cut == -1 for person in drawn(tidy=True))


def test_a_reference_leads_to_a_medication_but_for_the_lost_ones() -> None:
    lost = kept = 0
    for person in drawn(600):
        known = {f"Medication/{one['id']}" for one in of_type(person, "Medication")}
        for one in person.resources:
            reference = one.get("medicationReference", {}).get("reference", "")
            if reference.startswith("Medication/"):
                lost += reference not in known
                kept += reference in known
                assert one["medicationReference"]["display"]
    assert 0 < lost < 0.05 * kept
