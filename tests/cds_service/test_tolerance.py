"""Requests as real clients send them (conformance, section 13)."""

from collections.abc import Callable
from typing import Any

import pytest

from cds_service.engine import Engine
from cds_service.protocol.cards import Action, Card, CdsResponse, Source, Suggestion
from cds_service.registry import CdsService
from tests.cds_service.support import (
    PATIENT,
    Seen,
    allergy,
    ask,
    bundle,
    complete,
    condition,
    outcome,
    patient,
    request,
    service,
    with_access,
)


@pytest.fixture
def absolute() -> dict[str, Any]:
    """A prefetch with absolute references and entries that carry everything a server adds."""
    base = "https://ehr.example.org/api/FHIR/R4"

    def entries(*resources: dict[str, Any]) -> dict[str, Any]:
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(resources),
            "link": [{"relation": "self", "url": f"{base}/X?patient={PATIENT}"}],
            "entry": [
                {"link": [{"relation": "self"}], "fullUrl": f"{base}/X/1", "resource": one, "search": {"mode": "match"}}
                for one in resources
            ],
        }

    return {
        "patient": patient(),
        "conditions": entries(condition(subject=f"{base}/Patient/{PATIENT}")),
        "orders": entries(),
        "allergies": entries(allergy(f"{base}/Patient/{PATIENT}")),
    }


def states(seen: Seen) -> set[str]:
    return {source.state for source in seen.data.sources.values()}


def test_CH_TOL_02_empty_search_with_advice(engine: Engine, demo: CdsService, seen: Seen) -> None:
    nothing = bundle(total=0, entry=[{"resource": outcome("warning"), "search": {"mode": "outcome"}}])
    ask(engine, demo, request(complete() | {"allergies": nothing}))
    assert (seen.data.sources["allergies"].state, seen.data.sources["allergies"].entries) == ("complete", ())


def test_CH_TOL_05_06_07_08_18_a_large_vendor(
    engine: Engine, demo: CdsService, *, seen: Seen, absolute: dict[str, Any]
) -> None:
    members = request(
        absolute,
        context={"patientId": PATIENT, "userId": "PractitionerRole/e" + "Xy9-" * 60},
        extension={"com.vendor.trigger": "12345", "com.vendor.flags": ["a", None], "com.vendor.version": "R4"},
        fhirServer="https://ehr.example.org/api/FHIR/R4",
        fhirAuthorization={
            "access_token": "e.y.J",
            "token_type": "Bearer",
            "expires_in": "3600",
            "scope": "Condition.Read (Problems) (R4) Patient.Read (R4)",
            "subject": "c0ffee",
        },
    )
    assert len(ask(engine, demo, members)) == 1
    assert states(seen) == {"complete"}


def test_CH_TOL_16_sandbox_without_smart_launch(engine: Engine, demo: CdsService, seen: Seen) -> None:
    members = {
        "hookInstance": "9b7b3b9e-3c36-4c5a-8a0f-0b6f2bb0b7f7",
        "hook": "patient-view",
        "fhirServer": "http://hapi.example.org/baseR4",
        "context": {"patientId": PATIENT, "userId": "Practitioner/COREPRACTITIONER1"},
        "prefetch": {key: value for key, value in complete().items() if key != "allergies"},
    }
    for value in members["prefetch"].values():  # type: ignore[attr-defined]
        value.pop("type", None)
    assert len(ask(engine, demo, members)) == 1
    assert seen.data.sources["allergies"].state == "unavailable"


def test_CH_TOL_14_empty_token(engine: Engine, demo: CdsService) -> None:
    assert len(ask(engine, demo, with_access("http://demo.example.org", complete(), access_token=""))) == 1


@pytest.mark.parametrize("hook_instance", ["{9b7b3b9e-3c36-4c5a-8a0f-0b6f2bb0b7f7}", "call-1", "0"])
def test_CH_TOL_15_26_hook_instances(engine: Engine, demo: CdsService, hook_instance: str) -> None:
    for _ in range(2):
        assert len(ask(engine, demo, request(complete(), hookInstance=hook_instance))) == 1


def test_nulls_and_unknown_members_everywhere(engine: Engine, demo: CdsService, seen: Seen) -> None:
    def litter(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: litter(member) for name, member in value.items()} | {"x-more": {"a": [None]}, "x-null": None}
        return [litter(member) for member in value] if isinstance(value, list) else value

    assert len(ask(engine, demo, litter(request(complete())))) == 1
    assert states(seen) == {"complete"}


@pytest.mark.parametrize(
    ("extension", "orders", "taken"),
    [
        ({}, [], True),
        ({"com.epic.cdshooks.request.fhir-version": "4.0.1"}, [], True),
        ({"com.epic.cdshooks.request.fhir-version": "R4"}, [], True),
        ({"com.epic.cdshooks.request.fhir-version": " "}, [], True),
        ({"com.epic.cdshooks.request.fhir-version": "STU3"}, [], False),
        ({"fhir-version": "1.0.2"}, [], False),
        ({"com.epic.cdshooks.request.fhir-version": 3}, [], True),
        ({}, [{"resourceType": "MedicationRequest"}, None], True),
        ({}, [{"resourceType": "MedicationOrder"}], False),
        ({}, [{"resourceType": "ProcedureRequest"}], False),
        ({}, [{"resourceType": "MedicationRequest"}, {"resourceType": "ProcedureRequest"}], False),  # one tells of all
        ({"fhir-version": "4.0"}, [{"resourceType": "ProcedureRequest"}], True),
    ],
)
def test_CH_TOL_09_CH_ACT_07_CH_CTX_02_no_resources_for_another_fhir_version(
    engine: Engine, extension: dict[str, Any], orders: list[Any], taken: bool
) -> None:
    drafted = Suggestion(
        label="Order", actions=(Action(type="create", description="x", resource={"resourceType": "X"}),)
    )
    card = Card(
        summary="x", indicator="info", source=Source(label="x"), suggestions=(drafted,), selection_behavior="any"
    )
    one = service(lambda _: CdsResponse((card,)), hook="order-sign")
    context = {
        "userId": "Practitioner/1",
        "patientId": PATIENT,
        "draftOrders": {"entry": [{"resource": o} for o in orders]},
    }
    (answered,) = ask(engine, one, request(complete(), hook="order-sign", context=context, extension=extension))
    assert ("suggestions" in answered, "selectionBehavior" in answered) == (taken, taken)


@pytest.mark.parametrize("extension", [None, [], "x", 7, {"unknown": {"deep": [None]}}])
def test_CH_GEN_09_CH_TOL_18_any_extension(engine: Engine, demo: CdsService, extension: Any) -> None:
    assert ask(engine, demo, request(complete()) | {"extension": extension})


def test_CH_TOL_19_keys_under_names_of_the_site(
    make_engine: Callable[..., Engine], demo: CdsService, seen: Seen
) -> None:
    renamed = {f"{key}_nam": value for key, value in complete().items()}
    engine = make_engine(prefetch_aliases=tuple(f"{key}_nam={key}" for key in complete()))
    ask(engine, demo, request(renamed))
    assert states(seen) == {"complete"}
    ask(engine, demo, request(renamed | {"orders": bundle()}))
    assert seen.data.sources["orders"].entries == ()  # our own name goes first
