"""What is published: discovery, the lint of templates, and registration."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from cds_service.catalogue import Catalogue
from cds_service.errors import CatalogueError, HookMismatch, UnknownService
from cds_service.protocol.cards import CdsResponse
from cds_service.protocol.discovery import discovery
from cds_service.protocol.hooks import HOOKS, ContextField, Hook
from cds_service.protocol.templates import fill, lint
from cds_service.registry import PrefetchTemplate
from tests.cds_service.support import TEMPLATES, Seen, service

VIEW = HOOKS["patient-view"]
CONTEXT = {"patientId": "p 1", "userId": "Practitioner/7"}


def described(*services: Any, profile: str = "full", unsupported: tuple[str, ...] = ()) -> Any:
    return json.loads(discovery(services, profile, unsupported))["services"]


# Discovery


def test_CH_DISC_03_no_services() -> None:
    assert discovery((), "full") == b'{"services":[]}'


def test_CH_DISC_04_to_09_members() -> None:
    (one,) = described(service(Seen(), usage_requirements="Needs a token."))
    assert set(one) == {"hook", "id", "title", "description", "prefetch", "usageRequirements"}
    assert all(isinstance(query, str) for query in one["prefetch"].values())
    assert list(one["prefetch"]) == [template.key for template in TEMPLATES]


def test_CH_GEN_04_05_empty_members_are_left_out() -> None:
    (one,) = described(service(Seen(), prefetch=()))
    assert set(one) == {"hook", "id", "title", "description"}


def test_profile_lean_publishes_the_gate_only() -> None:
    (one,) = described(service(Seen()), profile="lean")
    assert set(one["prefetch"]) == {"patient", "conditions"}


def test_unsupported_sources_are_not_published() -> None:
    (one,) = described(service(Seen()), unsupported=("orders",))
    assert set(one["prefetch"]) == {"patient", "conditions", "allergies"}


# Templates


@pytest.mark.parametrize(
    "query",
    [
        "Patient/{{context.patientId}}",
        "{{context.userId}}",
        "Practitioner/{{userPractitionerId}}",
        "Condition?patient={{context.patientId}}",
        "Observation?patient={{context.patientId}}&code=http%3A%2F%2Floinc.org%7C2157-6&_sort=-date&_count=50",
        "Observation?patient={{context.patientId}}&code:in=http%3A%2F%2Fexample.org%2Fvs&date=ge2020-01-01",
    ],
)
def test_CH_PT_good_templates(query: str) -> None:
    assert lint("key", query, VIEW, required=True) == []


@pytest.mark.parametrize(
    ("requirement", "query"),
    [
        ("CH-PT-01", "/Patient/{{context.patientId}}"),
        ("CH-PT-01", "https://ehr.example.org/Patient/1"),
        ("CH-PT-01", "patient?x=1"),
        ("CH-PT-01", "Patient"),
        ("CH-PT-02", "Patient/{context.patientId}"),
        ("CH-PT-02", "Patient/{{context.patientId}"),
        ("CH-PT-03", "Patient/{{patientId}}"),
        ("CH-PT-03", "Patient/{{context}}"),
        ("CH-PT-03", "Practitioner/{{context.userPractitionerId}}"),
        ("CH-PT-04", "Medication/{{context.medication.id}}"),
        ("CH-PT-05", "MedicationRequest/{{context.selections}}"),
        ("CH-PT-05", "Patient/{{context.nothing}}"),
        ("CH-PT-06", "Encounter/{{context.encounterId}}"),
        ("CH-PT-07", "Practitioner/{{context.userId}}"),
        ("CH-PT-08", "Condition?patient={{context.patientId}}&_include=Condition:subject"),
        ("CH-PT-08", "Condition?patient={{context.patientId}}&code:not=1"),
        ("CH-PT-08", "Condition?subject.name=x"),
        ("CH-PT-08", "Observation?patient={{context.patientId}}&date=sa2020-01-01"),
        ("CH-PT-08", "Observation?patient={{context.patientId}}&code="),
        ("CH-PT-10", "Observation?patient={{context.patientId}}&sort:desc=date"),
        ("CH-PT-11", "Observation?patient={{context.patientId}}&date=ge2020&date=le2021"),
        ("CH-PT-11", "Observation?patient={{context.patientId}}?code=1"),
        ("CH-PT-12", "Observation?patient={{context.patientId}}&code=http://loinc.org|2157-6"),
        ("CH-PT-15", "Observation?patient={{context.patientId}}&date=ge{{today() - 90 days}}"),
        ("CH-PT-15", "Patient/{{%key.subject.resolve().id}}"),
        ("CH-PT-15", "Patient/{{context.patientId|context.userId}}"),
    ],
)
def test_CH_PT_lint(requirement: str, query: str) -> None:
    complaints = lint("key", query, HOOKS["order-select"], required=True)
    assert requirement in [complaint.split(":")[0] for complaint in complaints]


def test_CH_PT_06_optional_tokens_in_optional_templates() -> None:
    assert lint("key", "Encounter/{{context.encounterId}}", VIEW, required=False) == []


@pytest.mark.parametrize("key", ["", "1st", "my-key", "a b", "é"])
def test_CH_PT_13_keys(key: str) -> None:
    (complaint,) = lint(key, "Patient/{{context.patientId}}", VIEW, required=True)
    assert complaint.startswith("CH-PT-13")


@pytest.mark.parametrize(
    ("query", "filled"),
    [
        ("Patient/{{context.patientId}}", "Patient/p%201"),
        ("Condition?patient={{context.patientId}}&_count=9", "Condition?patient=p%201&_count=9"),
        ("{{context.userId}}", "Practitioner/7"),
        ("Observation?performer={{context.userId}}", "Observation?performer=Practitioner%2F7"),
        ("Practitioner/{{userPractitionerId}}", "Practitioner/7"),
        ("RelatedPerson/{{userRelatedPersonId}}", None),
        ("Encounter/{{context.encounterId}}", None),
    ],
)
def test_CH_SSRF_07_tokens_are_percent_encoded(query: str, filled: str | None) -> None:
    assert fill(query, CONTEXT) == filled


# Registration


def test_CH_DISC_10_one_id_for_several_hooks() -> None:
    catalogue = Catalogue((service(Seen()), service(Seen(), hook="order-sign")))
    assert catalogue.find("demo", "order-sign").hook == "order-sign"
    with pytest.raises(HookMismatch):
        catalogue.find("demo", "order-select")
    with pytest.raises(UnknownService):
        catalogue.find("other", "patient-view")


@pytest.mark.parametrize(
    ("complaint", "changes"),
    [
        ("CH-DISC-05", {"description": " "}),
        ("CH-DISC-07", {"title": ""}),
        ("CH-DISC-06", {"id": "a/b"}),
        ("CH-HOOK-01", {"hook": "My Hook"}),
        ("CH-HOOK-03", {"hook": "org.example.review"}),
        ("CH-PT-12", {"prefetch": (PrefetchTemplate("a", "X?code=a|b", ("X",), "gate", required=True),)}),
        ("repeated", {"prefetch": TEMPLATES + TEMPLATES[:1]}),
    ],
)
def test_registration_refuses(complaint: str, changes: dict[str, Any]) -> None:
    with pytest.raises(CatalogueError, match=complaint):
        Catalogue((service(Seen(), **changes),))


def test_CH_DISC_10_no_service_twice() -> None:
    with pytest.raises(CatalogueError, match="CH-DISC-10"):
        Catalogue((service(Seen()), service(Seen())))


def test_CH_HOOK_03_own_hooks(make_app: Callable[..., Flask], seen: Seen) -> None:
    name = "org.example.review"
    own = Hook(name, (ContextField("patientId", "id", required=True, token=True),))
    with pytest.raises(CatalogueError, match="CH-HOOK-01"):
        Catalogue((), {"review": Hook("review", own.fields)})
    catalogue = Catalogue((service(lambda _: CdsResponse(), hook=name),), {name: own})
    assert catalogue.find("demo", None).hook == name
