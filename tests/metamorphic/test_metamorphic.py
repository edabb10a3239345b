"""Relations between requests: what may differ without a difference in the cards, and what may differ in one way only.

The requests are those of the vignettes and of the fixtures, so that no expectation is written here: each relation
compares two answers. Each takes its own sample of the requests, the same in every run.
"""

import gzip
import json
import random
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest

import fixtures
from hooks.knowledge import load
from hooks.prefetch import PATIENT, prefetch_templates
from tests.cds_service.support import Ehr
from tests.metamorphic.cases import (
    ORDER_HOOKS,
    Case,
    Service,
    actions,
    all_cases,
    names,
    rule,
    sample,
    selecting,
    without_positions,
)
from tests.metamorphic.irrelevant import irrelevant, irrelevant_drafts
from tests.metamorphic.relations import (
    CALENDAR,
    MEASURED,
    Json,
    added,
    bundles,
    dates_are_full,
    drafting,
    in_other_units,
    is_measured,
    moved_back,
    shuffled,
    units_are_stated,
)
from tests.vignettes.fhir_parts import PATIENT_ID

CASES = all_cases()
ORDERS = [case for case in CASES if case.hook in ORDER_HOOKS]
VIGNETTES = [case for case in CASES if case.patient == PATIENT_ID]
FIXTURES = [case for case in CASES if case.patient != PATIENT_ID]
KEYS = {template.key for template in prefetch_templates(load())}


def chance(case: Case) -> random.Random:
    """Its own for each case, so that a failure can be repeated alone."""
    return random.Random(case.id)


def test_the_requests_are_those_of_all_vignettes_patients_and_orders() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert len(CASES) > 500
    assert {story.id for story in fixtures.stories()} <= {case.id for case in CASES}
    assert {case.hook for case in CASES} == {"patient-view", *ORDER_HOOKS}


def test_most_requests_have_cards_and_suggestions(service: Service) -> None:
    """Nothing would be shown by relations between empty answers."""
    answers = [service.cards(case) for case in sample("cards", CASES, 100)]
    assert sum(1 for cards in answers if cards) > 60
    assert sum(1 for cards in answers if any(actions(cards))) > 40


# What is nobody's concern


@pytest.mark.parametrize("case", sample("irrelevant", CASES, 150), ids=names)
def test_irrelevant_resources_change_no_card(case: Case, service: Service) -> None:
    body = case.body
    for key, resource in irrelevant(case.patient):
        body = added(body, resource, key, chance(case))
    assert service.answer(case.with_body(body)) == service.cards(case)


@pytest.mark.parametrize("key", [key for key, _ in irrelevant("")])
def test_an_irrelevant_resource_of_each_kind_is_read_at_all(key: str) -> None:
    """The relation above would hold for resources that never arrive as well."""
    (case,) = [case for case in CASES if case.id == "nam-refractory-gates-passed"]
    resources = [resource for under, resource in irrelevant(case.patient) if under == key]
    for resource in resources:
        more = dict(bundles(added(case.body, resource, key)))[key]
        assert resource in [entry["resource"] for entry in more["entry"]]
        assert more["total"] == len(more["entry"])


@pytest.mark.parametrize("case", sample("irrelevant drafts", ORDERS, 80), ids=names)
def test_irrelevant_orders_beside_others_change_no_card(case: Case, service: Service) -> None:
    body = drafting(case.body, *irrelevant_drafts(case.patient))
    assert service.answer(case.with_body(body)) == service.cards(case)


# The same in another order


@pytest.mark.parametrize("case", [*sample("order", VIGNETTES, 210), *FIXTURES], ids=names)
def test_the_order_of_entries_and_of_members_changes_no_card(case: Case, service: Service) -> None:
    body = shuffled(case.body, chance(case))
    assert without_positions(service.answer(case.with_body(body))) == without_positions(service.cards(case))


ANSWERED = [case for case in CASES if {"patient", *dict(bundles(case.body))} == KEYS]
"""Requests in which no source was left out or failed."""


@pytest.mark.parametrize("case", sample("pages", ANSWERED, 40), ids=names)
def test_pages_of_a_server_give_the_cards_of_whole_bundles(case: Case, service: Service, fhir: Ehr) -> None:
    pages = served(case, fhir)
    body = {name: value for name, value in case.body.items() if name != "prefetch"} | {"fhirServer": fhir.base}
    asked = len(fhir.requests)
    assert service.answer(case.with_body(body)) == service.cards(case)
    if service.cards(case):
        assert len(fhir.requests) - asked >= pages


def served(case: Case, fhir: Ehr) -> int:
    """Let the server hold the case, at most three entries to a page; the number of its pages."""
    fhir.pages.clear()
    choice = chance(case)
    for template in prefetch_templates(load()):
        path = "/fhir/" + template.query.replace(PATIENT, case.patient)
        value = case.prefetch[template.key]
        entries = value.get("entry", [])
        size = choice.randint(1, 3)
        parts = [entries[start : start + size] for start in range(0, len(entries), size)] or [[]]
        if template.key == "patient":
            fhir.pages[path] = value
            continue
        for number, part in enumerate(parts, start=1):
            page = {name: item for name, item in value.items() if name != "entry"} | ({"entry": part} if part else {})
            following = f"/fhir?page={template.key}-{number}"
            if number < len(parts):
                page["link"] = [{"relation": "next", "url": fhir.base.removesuffix("/fhir") + following}]
            fhir.pages[path] = page
            path = following
    return len(fhir.pages)


# The same in other words


STATED = [case for case in CASES if units_are_stated(case.body)]


@pytest.mark.parametrize("code", sorted(MEASURED))
def test_other_units_change_no_card(code: str, service: Service) -> None:
    """What cards show is in the units of their rules."""
    for case in sample(code, [case for case in STATED if is_measured(case.body, code)], 20):
        changed = service.answer(case.with_body(in_other_units(case.body, chance(case))))
        assert without_revisions(changed) == without_revisions(service.cards(case)), case.id


def test_every_unit_is_converted_somewhere() -> None:
    """The relation above would hold for units that nobody changes."""
    units = {code for case in CASES for code in quantity_codes(in_other_units(case.body, chance(case)))}
    assert units >= {"ukat/L", "nkat/L", "mg/dL", "g/dL", "[lb_av]", "[in_i]", "10*3/uL", "/uL", "ug"}


def quantity_codes(value: Any) -> set[str]:
    """The units of all quantities in JSON."""
    if isinstance(value, dict):
        own = {str(value["code"])} if {"value", "code"} <= value.keys() else set()
        return own.union(*map(quantity_codes, value.values()))
    return set().union(*map(quantity_codes, value)) if isinstance(value, list) else set()


def without_revisions(cards: list[Json]) -> list[Json]:
    """Cards without the orders that they correct: these come back in the unit in which they were written."""
    changed = deepcopy(cards)
    for action in actions(changed):
        if action["type"] == "update":
            del action["resource"]
    return changed


# On another day


def with_moving_birthday(case: Case) -> bool:
    """Whether the patient's birthday is so near that a leap day may come between it and today."""
    born = case.prefetch["patient"].get("birthDate", "")
    near = [fixtures.ANCHOR + timedelta(days=days) for days in range(-3, 4)]
    return born[5:] in [day.isoformat()[5:] for day in near]


MOVABLE = [case for case in CASES if dates_are_full(case.body) and not with_moving_birthday(case)]


@pytest.mark.parametrize("days", [1, 97, 400, -1000])
def test_another_day_changes_no_card_but_its_dates(days: int, service: Service) -> None:
    for case in sample(f"moved by {days}", MOVABLE, 40):
        check_moved(case, days, service)


def test_the_same_day_of_another_calendar_changes_no_card_but_its_dates(service: Service) -> None:
    """Dates that are only a year or a month, and birthdays, too."""
    for case in sample("calendar", [case for case in CASES if case not in MOVABLE], 30):
        check_moved(case, CALENDAR, service)


def check_moved(case: Case, days: int, service: Service) -> None:
    today: date = fixtures.ANCHOR + timedelta(days=days)
    moved = service.answer(case.with_body(fixtures.moved(case.body, days)), today)
    assert moved_back(moved, days) == service.cards(case), f"{case.id}, {days} days later"


# Otherwise sent


@pytest.mark.parametrize("case", sample("members", CASES, 40), ids=names)
def test_members_that_are_not_known_and_their_order_change_no_card(case: Case, service: Service) -> None:
    backwards = dict(reversed(case.prefetch.items()))
    body = case.body | {
        "context": case.body["context"] | {"encounterId": "e1", "somethingElse": {"resourceType": "Bundle"}},
        "prefetch": {"other": {"resourceType": "Encounter"}} | backwards,
        "extension": {"com.example.site": {"ward": 4}},
        "somethingElse": [1, 2],
    }
    assert service.answer(case.with_body(body)) == service.cards(case)


@pytest.mark.parametrize("case", sample("gzip", CASES, 20), ids=names)
def test_a_compressed_request_gives_the_same_cards(case: Case, service: Service) -> None:
    sent: dict[str, Any] = {
        "data": gzip.compress(json.dumps(case.body, indent=4).encode()),
        "headers": {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    }
    assert service.answer(case, fixtures.ANCHOR, **sent) == service.cards(case)


# Between the order hooks

SIGNED = [
    case
    for case in ORDERS
    if case.hook == "order-sign" and case.drafts and all("id" in entry["resource"] for entry in case.drafts)
]


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_without_an_order_that_a_rule_is_for_the_order_hooks_are_silent(hook: str, service: Service) -> None:
    for case in sample(hook, [case for case in CASES if case.hook == "patient-view"], 40):
        for drafts in ([], irrelevant_drafts(case.patient), [folic_acid(case.patient)]):
            body = drafting(case.body | {"hook": hook}, *drafts)
            assert service.answer(Case(case.id, hook, body)) == [], case.id
        for context in ({}, {"draftOrders": {"resourceType": "Bundle"}, "selections": ["MedicationRequest/gone"]}):
            body = case.body | {"hook": hook, "context": case.body["context"] | context}
            assert service.answer(Case(case.id, hook, body)) == [], case.id


def folic_acid(patient: str) -> Json:
    """A drug that rules look for, and none is about."""
    return {
        "resourceType": "MedicationRequest",
        "id": "order-1",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": "folic acid 5 mg"},
        "subject": {"reference": f"Patient/{patient}"},
    }


@pytest.mark.parametrize("case", sample("hooks", SIGNED, 80), ids=names)
def test_all_orders_selected_give_the_cards_of_signing_them(case: Case, service: Service) -> None:
    context = selecting("order-select", case.body["context"])
    selected = service.answer(Case(case.id, "order-select", case.body | {"hook": "order-select", "context": context}))
    assert [card for card in selected if rule(card) != "MycophenolateSafety"] == service.cards(case)
