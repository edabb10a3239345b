"""The fixture patients are valid R4, loadable as they stand, true on any day, and told in the README."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import fixtures
from cds_service.app import create_app
from cds_service.settings import Settings
from fixtures import ANCHOR, Orders, Story, bundle, moved, orders, prefetch, stories

HERE = Path(fixtures.__file__).parent
IDS = [story.id for story in stories()]
INDICATORS = ["critical", "warning", "info"]
KEYS = {
    "patient",
    "conditions",
    "medicationStatements",
    "medicationRequests",
    "medicationAdministrations",
    "labs",
    "scores",
    "allergies",
    "procedures",
}
RULES = {
    "ConfirmDiagnosis",
    "TrialAdequacy",
    "ActivityDataNeeded",
    "EscalateToCyclophosphamide",
    "HighCkFullStrength",
    "LikelyMuscleDamage",
    "RituximabWithCyclophosphamide",
    "AfterCyclophosphamideFailure",
    "PaediatricPatient",
    "RapidProgression",
    "PlasmaExchangeTiming",
    "AntibodyTestingNeeded",
    "StatinExposure",
    "StatinPendingAntibody",
    "StatinIntoleranceRecord",
    "MonitoringOverdue",
    "PrematureTaper",
    "Relapse",
    "PjpProphylaxis",
    "PjpProphylaxisReview",
    "DataQuality",
}
# Said on the escalation card, or silent on all charts: no story expects them, some forbid them.
ONLY_FORBIDDEN = {
    "AntiHmgcrTailoring",
    "AntiSrpTailoring",
    "SeronegativeTailoring",
    "CyclophosphamideDose",
    "FertilityAndContraception",
}


def on_disk(story: Story) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((HERE / story.file).read_text(encoding="utf-8"))
    return loaded


def resources(chart: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in chart["entry"]]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of everything in `value` that is neither object nor array."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def dates_by_model(value: object, path: str = "") -> Iterator[tuple[str, date]]:
    """Path and value of what the R4 models, not this project, take for a full date or a moment."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from dates_by_model(getattr(value, name, None), f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from dates_by_model(item, f"{path}[{index}]")
    elif isinstance(value, date):
        yield path, value


def model(resource: dict[str, Any]) -> BaseModel:
    validated: BaseModel = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return validated


each_story = pytest.mark.parametrize("story", stories(), ids=IDS)


# The files


@each_story
def test_every_resource_is_valid_r4(story: Story) -> None:
    chart = on_disk(story)
    for resource in resources(chart):
        model(resource)
    model(chart)


@each_story
def test_file_is_one_transaction_of_puts(story: Story) -> None:
    chart = on_disk(story)
    assert (chart["resourceType"], chart["type"]) == ("Bundle", "transaction")
    for entry in chart["entry"]:
        url = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        assert entry["request"] == {"method": "PUT", "url": url}
        assert entry["fullUrl"].endswith("/" + url)


def test_ids_are_fit_for_a_server_and_unique_over_all_files() -> None:
    ids = [resource["id"] for story in stories() for resource in resources(on_disk(story))]
    assert len(ids) == len(set(ids))
    for each in ids:
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", each)
        assert re.search("[A-Za-z]", each)


@each_story
def test_every_reference_leads_to_a_resource_of_the_same_file(story: Story) -> None:
    chart = on_disk(story)
    known = {entry["request"]["url"] for entry in chart["entry"]}
    for resource in resources(chart):
        contained = {f"#{inner['id']}" for inner in resource.get("contained", [])}
        for path, value in leaves(resource):
            if path.endswith(".reference"):
                assert value in known | contained, f"{resource['id']}{path}"


@each_story
def test_every_resource_is_about_the_patient_of_the_file(story: Story) -> None:
    patients = [each for each in resources(on_disk(story)) if each["resourceType"] == "Patient"]
    assert [patient["id"] for patient in patients] == [story.id]
    assert patients[0]["name"][0]["text"] == story.name
    for resource in resources(on_disk(story)):
        if resource["resourceType"] not in {"Patient", "Medication"}:
            subject = resource.get("subject") or resource["patient"]
            assert subject == {"reference": f"Patient/{story.id}"}


def test_names_are_synthetic() -> None:
    names = [story.name for story in stories()]
    assert all(name.endswith(" Testperson") for name in names)
    assert len(names) == len(set(names))


@each_story
def test_file_is_pretty_printed(story: Story) -> None:
    text = (HERE / story.file).read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


# The stories


def test_stories_and_files_are_the_same_set() -> None:
    assert {story.file for story in stories()} == {f"patients/{f.name}" for f in (HERE / "patients").iterdir()}
    assert all(story.file == f"patients/{story.id}.json" for story in stories())
    assert len(IDS) == len(set(IDS))


@each_story
def test_expected_cards_are_ordered_and_not_forbidden(story: Story) -> None:
    expected = [card.rule for card in story.expect]
    assert len(expected) == len(set(expected))
    assert set(expected) <= RULES
    assert story.never
    assert set(story.never) <= (RULES | ONLY_FORBIDDEN) - set(expected)
    ranks = [INDICATORS.index(card.indicator) for card in story.expect]
    assert ranks == sorted(ranks)


def test_every_rule_that_can_come_alone_has_a_patient() -> None:
    assert {card.rule for story in stories() for card in story.expect} == RULES


def test_the_required_stories_are_told() -> None:
    required = {
        "never-treated",
        "underdosed-ivig",
        "rituximab-too-early",
        "refractory-gates-open",
        "refractory-gates-passed",
        "hmgcr-active-statin",
        "srp-refractory",
        "seronegative-refractory",
        "high-ck-full-strength",
        "muscle-damage",
        "cyclophosphamide-failed",
        "relapse-on-taper",
        "sulfa-allergy-g6pd-unknown",
        "child",
        "resolved-statin-again",
        "remission-on-treatment",
        "underdosed-lack-of-efficacy",
        "look-alikes",
    }
    assert {f"nam-{slug}" for slug in required} <= set(IDS)


def test_readme_tells_every_story_with_its_cards() -> None:
    lines = (HERE / "README.md").read_text(encoding="utf-8").splitlines()
    for story in stories():
        cards = ", ".join(f"`{card.rule}` ({card.indicator})" for card in story.expect) or "none"
        assert f"| [{story.title}]({story.file}) | {story.name} | {story.story} | {cards} |" in lines


def test_readme_tells_all_orders_with_their_cards() -> None:
    lines = (HERE / "README.md").read_text(encoding="utf-8").splitlines()
    for one in orders():
        cards = ", ".join(f"`{card.rule}` ({card.indicator})" for card in one.expect) or "none"
        assert f"| [{one.title}](orders/{one.id}.json) | `{one.patient}` | {one.story} | {cards} |" in lines
    assert sum(1 for line in lines if "](orders/" in line) == len(orders())


def test_readme_names_no_patient_who_is_not_there() -> None:
    named = re.findall(r"\bnam-[a-z0-9-]+", (HERE / "README.md").read_text(encoding="utf-8"))
    assert set(named) <= set(IDS)


# Moving dates


@each_story
def test_on_the_anchor_day_the_chart_is_the_file(story: Story) -> None:
    assert bundle(story.id, ANCHOR) == on_disk(story)


@each_story
@pytest.mark.parametrize("days", [-400, 1, 97])
def test_every_date_moves_by_the_days_and_nothing_else_changes(story: Story, days: int) -> None:
    before = on_disk(story)
    after = bundle(story.id, ANCHOR + timedelta(days=days))
    for old, new in zip(resources(before), resources(after), strict=True):
        old_dates, new_dates = dict(dates_by_model(model(old))), dict(dates_by_model(model(new)))
        assert old_dates.keys() == new_dates.keys()
        for path, value in old_dates.items():
            assert new_dates[path] == value + timedelta(days=days), f"{old['id']}{path}"
    changed = [
        (path, old, new) for (path, old), (_, new) in zip(leaves(before), leaves(after), strict=True) if old != new
    ]
    assert changed
    for path, old, new in changed:
        assert re.match(r"\d{4}(-\d\d){0,2}(T|$)", old), path
        assert len(old) == len(new)
        assert old[10:] == new[10:], "time and offset stay"


@each_story
def test_no_date_hides_under_a_name_that_is_not_moved(story: Story) -> None:
    before, after = on_disk(story), bundle(story.id, ANCHOR + timedelta(days=1000))
    for (path, old), (_, new) in zip(leaves(before), leaves(after), strict=True):
        if isinstance(old, str) and re.search(r"\b(19|20)\d\d-\d\d\b|\b(19|20)\d\d\b", old):
            assert new != old, f"{path}: {old}"


@each_story
def test_no_chart_knows_the_future(story: Story) -> None:
    for resource in resources(on_disk(story)):
        for path, value in dates_by_model(model(resource)):
            day = value.date() if isinstance(value, datetime) else value
            assert day < ANCHOR, f"{resource['id']}{path}"


@given(days=st.integers(-20_000, 20_000), patient_id=st.sampled_from(IDS))
def test_moving_and_moving_back_is_the_identity(days: int, patient_id: str) -> None:
    chart = bundle(patient_id, ANCHOR)
    assert moved(moved(chart, days), -days) == chart


@pytest.mark.parametrize(
    ("element", "text", "days", "expected"),
    [
        ("birthDate", "1978-05-01", 30, "1978-05-31"),
        ("birthDate", "1976-02-29", 365, "1977-02-28"),
        ("onsetDateTime", "2026-03", 10, "2026-03"),
        ("onsetDateTime", "2026-03", 365, "2027-03"),
        ("onsetDateTime", "2026-11", 61, "2027-01"),
        ("onsetDateTime", "2026-01", -31, "2025-12"),
        ("onsetDateTime", "2022", 100, "2022"),
        ("onsetDateTime", "2022", 800, "2024"),
        ("effectiveDateTime", "2026-11-16T08:40:00+01:00", 200, "2027-06-04T08:40:00+01:00"),
        ("issued", "2026-12-31T23:59:59.000Z", 1, "2027-01-01T23:59:59.000Z"),
        ("code", "3002", 500, "3002"),
        ("text", "2026-11-16", 500, "2026-11-16"),
    ],
)
def test_dates_move_and_codes_and_texts_do_not(element: str, text: str, days: int, expected: str) -> None:
    assert moved({element: text}, days) == {element: expected}


def test_dates_of_a_timing_event_move() -> None:
    assert moved({"event": ["2026-04-20", "2026-05-04"]}, 7) == {"event": ["2026-04-27", "2026-05-11"]}


def test_a_malformed_date_is_named() -> None:
    with pytest.raises(ValueError, match=r"not a FHIR date: '22\.11\.2026'"):
        moved({"birthDate": "22.11.2026"}, 1)


def test_an_unknown_patient_is_named_with_those_that_exist() -> None:
    with pytest.raises(KeyError, match=r"no fixture patient 'nobody'; there are: .*nam-never-treated"):
        bundle("nobody", ANCHOR)


def test_a_caller_may_change_what_it_got() -> None:
    bundle(IDS[0], ANCHOR)["entry"].clear()
    assert bundle(IDS[0], ANCHOR)["entry"]


# Prefetch


@each_story
def test_prefetch_holds_the_chart_and_nothing_twice(story: Story) -> None:
    chart = bundle(story.id, ANCHOR)
    sent = prefetch(story.id, ANCHOR)
    assert sent.keys() == KEYS
    assert sent["patient"] == chart["entry"][0]["resource"]
    searchsets = [sent[key] for key in sorted(KEYS - {"patient"})]
    matches = [
        entry["resource"]
        for searchset in searchsets
        for entry in searchset.get("entry", [])
        if entry["search"]["mode"] == "match"
    ]
    kept = [each for each in resources(chart) if each["resourceType"] not in {"Patient", "Medication"}]
    assert sorted(each["id"] for each in matches) == sorted(each["id"] for each in kept)
    assert sum(searchset["total"] for searchset in searchsets) == len(matches)


@each_story
def test_prefetch_bundles_are_valid_searchsets(story: Story) -> None:
    sent = prefetch(story.id, ANCHOR)
    for key in KEYS - {"patient"}:
        assert sent[key]["type"] == "searchset"
        assert sent[key].get("entry") != []
        model(sent[key])


@each_story
def test_scores_are_apart_from_labs(story: Story) -> None:
    sent = prefetch(story.id, ANCHOR)
    categories = {
        key: {
            coding["code"]
            for entry in sent[key].get("entry", [])
            for category in entry["resource"]["category"]
            for coding in category["coding"]
        }
        for key in ("labs", "scores")
    }
    assert categories["scores"] <= {"exam", "survey"}
    assert categories["labs"] <= {"laboratory", "vital-signs"}


def test_a_medication_comes_along_with_the_order_that_refers_to_it() -> None:
    entries = prefetch("nam-statin-pending-antibody", ANCHOR)["medicationRequests"]["entry"]
    order, medication = (entry["resource"] for entry in entries)
    assert [entry["search"]["mode"] for entry in entries] == ["match", "include"]
    assert order["medicationReference"]["reference"] == f"Medication/{medication['id']}"
    assert prefetch("nam-statin-pending-antibody", ANCHOR)["medicationRequests"]["total"] == 1


def test_a_search_without_result_is_an_empty_searchset() -> None:
    assert prefetch("nam-never-treated", ANCHOR)["procedures"] == {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 0,
    }


def test_prefetch_moves_with_the_day() -> None:
    day = ANCHOR + timedelta(days=10)
    labs = prefetch("nam-refractory-gates-open", day)["labs"]["entry"]
    dates = {entry["resource"]["effectiveDateTime"] for entry in labs}
    assert "2026-11-20" in dates


# Orders


each_orders = pytest.mark.parametrize("one", orders(), ids=lambda one: one.id)


def drafts(one: Orders) -> list[dict[str, Any]]:
    return resources(one.context["draftOrders"])


def test_orders_and_files_are_the_same_set() -> None:
    assert {f"{one.id}.json" for one in orders()} == {file.name for file in (HERE / "orders").iterdir()}
    assert len({one.id for one in orders()}) == len(orders())


@each_orders
def test_orders_are_for_a_patient_who_is_there(one: Orders) -> None:
    assert one.patient in IDS
    for draft in drafts(one):
        assert draft["subject"] == {"reference": f"Patient/{one.patient}"}


@each_orders
def test_orders_are_valid_drafts(one: Orders) -> None:
    assert one.context.keys() == {"draftOrders"}
    model(one.context["draftOrders"])
    ids = [draft["id"] for draft in drafts(one)]
    assert len(ids) == len(set(ids)) > 0
    for draft in drafts(one):
        model(draft)
        assert draft["intent"] == "order"
        assert draft["status"] in {"draft", "stopped"}
    assert "draft" in {draft["status"] for draft in drafts(one)}


@each_orders
def test_orders_have_no_dates(one: Orders) -> None:
    """They are written today, whichever day that is."""
    for draft in drafts(one):
        assert list(dates_by_model(model(draft))) == []


@each_orders
def test_orders_are_pretty_printed(one: Orders) -> None:
    text = (HERE / "orders" / f"{one.id}.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


@each_orders
@pytest.mark.parametrize("days", [0, 97, -400])
def test_signing_the_orders_gives_their_cards_and_no_other(one: Orders, days: int) -> None:
    day = ANCHOR + timedelta(days=days)
    assert signed(one, day) == [(card.rule, card.indicator) for card in one.expect]


def test_some_orders_are_fine_and_others_are_not() -> None:
    assert any(not one.expect for one in orders())
    assert {card.indicator for one in orders() for card in one.expect} >= {"critical", "warning"}


def signed(one: Orders, day: date) -> list[tuple[str, str]]:
    """Rule and indicator of the cards on order-sign."""
    app = create_app(Settings(log_level="error"), today=lambda: day)
    request = {
        "hook": "order-sign",
        "hookInstance": "9d2a1b7e-6f3c-4a58-8e21-0c4f7b9a5d13",
        "context": {"userId": "Practitioner/example", "patientId": one.patient} | one.context,
        "prefetch": prefetch(one.patient, day),
    }
    answer = app.test_client().post("/cds-services/nam-order-sign", json=request)
    app.extensions["cds_service"]["engine"].close()
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in answer.get_json()["cards"]]


# The ways of telling, so that the charts stay varied


def test_facts_are_told_in_different_ways() -> None:
    everything = list(chain.from_iterable(resources(on_disk(story)) for story in stories()))
    found = dict(chain.from_iterable(leaves(resource) for resource in everything))
    kinds = {resource["resourceType"] for resource in everything}
    assert {"MedicationStatement", "MedicationRequest", "MedicationAdministration", "Medication"} <= kinds
    assert any(resource.get("contained") for resource in everything)
    for path in (
        ".dosageInstruction[0].text",
        ".dosage[0].timing.event[1]",
        ".dosage[0].timing.repeat.count",
        ".dosage[1].timing.repeat.boundsPeriod.start",
        ".valueString",
        ".valueInteger",
        ".valueCodeableConcept.coding[0].code",
        ".interpretation[0].coding[0].code",
    ):
        assert path in found
    systems = {value for each in everything for path, value in leaves(each) if path.endswith(".system")}
    assert {"http://www.whocc.no/atc", "http://hl7.org/fhir/sid/icd-10-cm", "urn:imacs:score"} <= systems
