"""From request to PatientData: prefetch, FHIR calls and any mix of both; the gate; whose data it is."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cds_service.engine import Engine
from cds_service.errors import DataUnavailable, ForeignData, HookMismatch, PatientMismatch, ServiceError
from cds_service.fhir.servers import FhirServer
from cds_service.registry import CdsService
from tests.cds_service.support import (
    PATIENT,
    TEMPLATES,
    TOKEN,
    Ehr,
    Seen,
    allergy,
    ask,
    bundle,
    complete,
    condition,
    order,
    outcome,
    patient,
    request,
    with_access,
    without,
)

KEYS = [template.key for template in TEMPLATES]
OPTIONAL = {"allergies"}


def refusal(engine: Engine, demo: CdsService, members: dict[str, Any]) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        ask(engine, demo, members)
    return caught.value


def places(error: ServiceError) -> list[str]:
    return [issue.where for issue in error.issues]


def test_CH_REQ_03_hook_mismatch(engine: Engine, demo: CdsService) -> None:
    assert isinstance(refusal(engine, demo, request(complete(), hook="order-sign")), HookMismatch)


# Where the data come from


def test_CH_PF_19_prefetch_alone(engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr) -> None:
    assert len(ask(engine, demo, request(complete()))) == 1
    assert {source.state for source in seen.data.sources.values()} == {"complete"}
    assert list(seen.data.sources) == KEYS
    assert ehr.requests == []


def test_CH_PF_19_fhir_calls_alone(engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr) -> None:
    ehr.holds(complete())
    assert len(ask(engine, demo, with_access(ehr.base))) == 1
    assert {source.state for source in seen.data.sources.values()} == {"complete"}
    assert ehr.paths == sorted(t.query.replace("{{context.patientId}}", PATIENT) for t in TEMPLATES)


def test_the_longest_query_of_a_stage_is_called_first(
    make_engine: Callable[..., Engine], demo: CdsService, seen: Seen, ehr: Ehr
) -> None:
    ehr.holds(complete())
    ask(make_engine(fhir_calls=1), demo, with_access(ehr.base))
    called = [path.removeprefix("/fhir/").partition("?")[0] for path, _ in ehr.requests]
    assert called == ["Condition", f"Patient/{PATIENT}", "AllergyIntolerance", "MedicationRequest"]
    assert list(seen.data.sources) == KEYS
    assert {len(source.entries) for source in seen.data.sources.values()} == {1}


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=16)
@given(sent=st.sets(st.sampled_from(KEYS)))
def test_CH_PF_01_any_mix_gives_equal_cards_and_only_missing_keys_are_fetched(
    engine: Engine, demo: CdsService, ehr: Ehr, sent: set[str]
) -> None:
    ehr.requests.clear()
    ehr.holds(complete())
    prefetch = {key: value for key, value in complete().items() if key in sent}
    (card,) = ask(engine, demo, with_access(ehr.base, prefetch))
    (expected,) = ask(engine, demo, request(complete()))
    assert card["summary"] == expected["summary"]
    assert len(ehr.requests) == len(set(KEYS) - sent)


@pytest.mark.parametrize("key", KEYS)
def test_CH_PF_02_missing_key_without_access(engine: Engine, demo: CdsService, seen: Seen, key: str) -> None:
    members = request(without(key))
    if key in OPTIONAL:
        ask(engine, demo, members)
        assert seen.data.sources[key].state == "unavailable"
        assert "the request names no FHIR server" in seen.data.sources[key].reason
    else:
        error = refusal(engine, demo, members)
        assert (error.status, places(error)) == (412, [f"prefetch.{key}"])


def test_CH_PF_02_all_missing_keys_are_named(engine: Engine, demo: CdsService) -> None:
    assert places(refusal(engine, demo, request())) == ["prefetch.patient", "prefetch.conditions"]


@pytest.mark.parametrize("empty", [None, {"resourceType": "Bundle", "type": "searchset", "total": 0}])
@pytest.mark.parametrize("key", ["orders", "allergies"])
def test_CH_PF_04_17_empty_is_neither_fetched_nor_412(
    engine: Engine, demo: CdsService, *, seen: Seen, ehr: Ehr, key: str, empty: Any
) -> None:
    ask(engine, demo, with_access(ehr.base, complete() | {key: empty}))
    assert (seen.data.sources[key].state, seen.data.sources[key].entries) == ("complete", ())
    assert ehr.requests == []


@pytest.mark.parametrize("key", KEYS)
def test_CH_PF_08_after_an_operation_outcome_nothing_is_asked_again(
    engine: Engine, demo: CdsService, *, seen: Seen, ehr: Ehr, key: str
) -> None:
    ehr.holds(complete())
    members = with_access(ehr.base, complete() | {key: outcome("error")})
    if key in OPTIONAL:
        ask(engine, demo, members)
        assert seen.data.sources[key].state == "unavailable"
    else:
        assert places(refusal(engine, demo, members)) == [f"prefetch.{key}"]
    assert ehr.requests == []


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("bad", ["123", [], 7, {"resourceType": "Observation"}, json.dumps(complete())])
def test_CH_PF_12_malformed_is_fetched_as_if_absent(
    engine: Engine, demo: CdsService, *, seen: Seen, ehr: Ehr, key: str, bad: Any
) -> None:
    ehr.holds(complete())
    ask(engine, demo, with_access(ehr.base, complete() | {key: bad}))
    assert seen.data.sources[key].state == "complete"
    assert len(ehr.requests) == 1


@pytest.mark.parametrize("key", KEYS)
def test_CH_PF_12_malformed_without_access(engine: Engine, demo: CdsService, seen: Seen, key: str) -> None:
    members = request(complete() | {key: "Bundle as text"})
    if key in OPTIONAL:
        ask(engine, demo, members)
        assert seen.data.sources[key].state == "unavailable"
    else:
        error = refusal(engine, demo, members)
        assert (error.status, places(error)) == (412, [f"prefetch.{key}"])


def test_CH_TOL_01_unknown_keys_are_ignored(engine: Engine, demo: CdsService, seen: Seen) -> None:
    ask(engine, demo, request(complete() | {"surprise": {"resourceType": "Observation"}}))
    assert list(seen.data.sources) == KEYS


# Paging


def next_page(address: str) -> dict[str, Any]:
    return {"link": [{"relation": "next", "url": address}]}


def test_CH_PF_09_prefetched_pages_are_followed(engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr) -> None:
    first = bundle(allergy(), allergy(), **next_page(f"{ehr.base}?page=2"))
    ehr.pages["/fhir?page=2"] = bundle(allergy(), **next_page("AllergyIntolerance?page=3"))
    ehr.pages["/fhir/AllergyIntolerance?page=3"] = bundle(allergy())
    ask(engine, demo, with_access(ehr.base, complete() | {"allergies": first}))
    source = seen.data.sources["allergies"]
    assert (source.state, len(source.entries)) == ("complete", 4)
    assert [entry.location for entry in source.entries] == [f"allergies.entry[{index}]" for index in range(4)]
    assert {headers["Authorization"] for _, headers in ehr.requests} == {f"Bearer {TOKEN}"}


def test_CH_PF_09_without_access_it_is_incomplete(engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr) -> None:
    first = bundle(allergy(), **next_page(f"{ehr.base}?page=2"))
    ask(engine, demo, request(complete() | {"allergies": first}))
    source = seen.data.sources["allergies"]
    assert (source.state, len(source.entries)) == ("incomplete", 1)
    assert "more pages" in source.reason


@pytest.mark.parametrize(
    "address",
    [
        "http://elsewhere.example.org/fhir?page=2",
        "http://127.0.0.1:1/fhir?page=2",
        "{base}evil?page=2",
        "/other?x",
        "{base}/../admin",
        "{base}/%2e%2e/admin",
        "//elsewhere.example.org/fhir",
        "file:///etc/passwd",
        "http://[",
        "",
    ],
)
def test_CH_PF_10_CH_SSRF_05_next_links_stay_on_the_base(
    engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr, address: str
) -> None:
    first = bundle(allergy(), **next_page(address.format(base=ehr.base)))
    ehr.holds({"allergies": first})
    for prefetch in (complete() | {"allergies": first}, without("allergies")):
        ask(engine, demo, with_access(ehr.base, prefetch))
        if address:
            assert seen.data.sources["allergies"].state == "incomplete"
            assert "not on the request's FHIR server" in seen.data.sources["allergies"].reason
    assert len(ehr.requests) == 1


def test_CH_PF_10_endless_paging_ends(
    make_engine: Callable[..., Engine], demo: CdsService, seen: Seen, ehr: Ehr
) -> None:
    ehr.default = bundle(allergy(), **next_page(f"{ehr.base}?again"))
    ask(make_engine(max_pages=3), demo, with_access(ehr.base, without("allergies")))
    source = seen.data.sources["allergies"]
    assert (source.state, len(source.entries), len(ehr.requests)) == ("incomplete", 3, 3)
    assert source.reason == "there are more than 3 pages"


@pytest.mark.parametrize("later", [500, "<html></html>", outcome("error"), bundle(order())])
def test_CH_PF_11_a_missing_later_page_makes_it_incomplete(
    engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr, later: Any
) -> None:
    ehr.holds({"allergies": bundle(allergy(), **next_page(f"{ehr.base}?page=2"))})
    ehr.pages["/fhir?page=2"] = later
    ask(engine, demo, with_access(ehr.base, without("allergies")))
    source = seen.data.sources["allergies"]
    assert (source.state, len(source.entries)) == ("incomplete", 1)
    assert "a later page is missing" in source.reason


# The gate


def test_gate_without_prefetch_costs_two_calls(engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr) -> None:
    ehr.holds(complete() | {"conditions": bundle(condition("other"))})
    assert ask(engine, demo, with_access(ehr.base)) == []
    assert len(ehr.requests) == 2
    assert seen.calls == []


def test_gate_decodes_nothing_else(engine: Engine, demo: CdsService) -> None:
    prefetch = complete() | {"conditions": bundle(condition("other")), "orders": bundle(order("Patient/other"))}
    assert ask(engine, demo, request(prefetch)) == []


@pytest.mark.parametrize(
    "conditions",
    [
        bundle(condition("other"), **next_page("x")),
        bundle(condition("other"), None),
        bundle(condition("other"), outcome("error")),
        bundle(condition("other"), total=2),
        bundle(condition("other"), condition("other", "urn:uuid:3ac3bdcf-0a5e-4a3f-9d1c-a3e1d7d4b1a0")),
        bundle(condition("other"), condition("other", "Group/1")),
    ],
)
def test_CH_PF_11_gate_does_not_say_no_on_incomplete_conditions(
    engine: Engine, demo: CdsService, conditions: Any
) -> None:
    error = refusal(engine, demo, request(complete() | {"conditions": conditions}))
    assert (error.status, places(error)) == (412, ["prefetch.conditions"])
    conditions["entry"].insert(0, {"resource": condition()})
    assert len(ask(engine, demo, request(complete() | {"conditions": conditions}))) == 1


# Access


def test_CH_AUTHZ_03_CH_SSRF_10_every_call_is_a_get_with_the_token_for_fhir_json(
    engine: Engine, demo: CdsService, ehr: Ehr
) -> None:
    ehr.holds(complete() | {"orders": bundle(order(medication="Medication/m"))})
    ask(engine, demo, with_access(ehr.base))
    assert len(ehr.requests) == 5
    for _, headers in ehr.requests:
        assert headers["Authorization"] == f"Bearer {TOKEN}"
        assert headers["Accept"] == "application/fhir+json"
        assert headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "change", [{"access_token": ""}, {"access_token": None}, {"expires_in": 0}, {"token_type": "mac"}, {"patient": "x"}]
)
def test_CH_AUTHZ_01_02_06_without_usable_token_nothing_is_called(
    engine: Engine, demo: CdsService, ehr: Ehr, change: dict[str, Any]
) -> None:
    ehr.holds(complete())
    error = refusal(engine, demo, with_access(ehr.base, **change))
    assert error.status == 412
    assert "no usable access token" in error.issues[0].text
    assert ehr.requests == []


def test_CH_TOL_10_open_server_without_token(make_engine: Callable[..., Engine], demo: CdsService, ehr: Ehr) -> None:
    ehr.holds(complete())
    assert ask(make_engine(open_server=True), demo, request(fhirServer=ehr.base))
    assert all("Authorization" not in headers for _, headers in ehr.requests)


def test_CH_AUTHZ_02_token_for_the_patient(engine: Engine, demo: CdsService, ehr: Ehr) -> None:
    ehr.holds(complete())
    assert ask(engine, demo, with_access(ehr.base, patient=f"Patient/{PATIENT}"))


def test_CH_REQ_07_a_server_over_plain_http_is_not_called(engine: Engine, demo: CdsService) -> None:
    """Whoever is called beyond this machine fails the test."""
    server = {"fhirServer": "http://ehr.example.org/fhir"}
    assert len(ask(engine, demo, with_access("", complete()) | server)) == 1
    with pytest.raises(DataUnavailable, match="not one that this service may call"):
        ask(engine, demo, with_access("", without("orders")) | server)


def test_CH_SSRF_01_only_listed_servers(make_engine: Callable[..., Engine], demo: CdsService, ehr: Ehr) -> None:
    ehr.holds(complete())
    engine = make_engine(fhir_servers=(FhirServer.parse("https://ehr.example.org/fhir"),))
    error = refusal(engine, demo, with_access(ehr.base))
    assert (error.status, ehr.requests) == (412, [])
    assert "not one that this service may call" in error.issues[0].text


@pytest.mark.parametrize("spelling", ["{base}/", "{base}//", "{upper}"])
def test_CH_TOL_11_spellings_of_the_base(engine: Engine, demo: CdsService, ehr: Ehr, spelling: str) -> None:
    ehr.holds(complete())
    address = spelling.format(base=ehr.base, upper=ehr.base.replace("http:", "HTTP:"))
    assert ask(engine, demo, with_access(address))


@pytest.mark.parametrize("status", [302, 401, 403, 404, 410, 429, 500, 503])
def test_CH_AUTHZ_08_refusals_of_the_fhir_server(
    engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr, status: int
) -> None:
    ehr.default = status
    ask(engine, demo, with_access(ehr.base, without("allergies")))
    source = seen.data.sources["allergies"]
    assert source.state == "unavailable"
    assert f"the FHIR server answered {status}" in source.reason
    error = refusal(engine, demo, with_access(ehr.base, without("orders")))
    assert (error.status, places(error)) == (412, ["prefetch.orders"])


@pytest.mark.parametrize("page", ["<html>Log in</html>", "", "null", "[]", "{", outcome("error"), patient("other")])
def test_CH_SSRF_08_other_things_than_fhir(engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr, page: Any) -> None:
    ehr.default = page
    ask(engine, demo, with_access(ehr.base, without("allergies")))
    assert seen.data.sources["allergies"].state == "unavailable"


def test_unsupported_sources_are_neither_fetched_nor_required(
    make_engine: Callable[..., Engine], demo: CdsService, seen: Seen, ehr: Ehr
) -> None:
    ehr.holds(complete())
    engine = make_engine(unsupported_sources=("orders",))
    ask(engine, demo, with_access(ehr.base, without("orders")))
    source = seen.data.sources["orders"]
    assert (source.state, ehr.requests) == ("unavailable", [])
    assert "does not have it" in source.reason
    ask(engine, demo, request(complete()))
    assert seen.data.sources["orders"].state == "complete"


# Whose data it is


@pytest.mark.parametrize(
    ("prefetch", "where"),
    [
        ({"patient": patient("other")}, "prefetch.patient"),
        ({"patient": bundle(patient(), patient("other"))}, "prefetch.patient.entry[1]"),
        ({"conditions": bundle(condition(), condition("other", "Patient/other"))}, "prefetch.conditions.entry[1]"),
        ({"conditions": bundle(condition("other", "Patient/other"))}, "prefetch.conditions.entry[0]"),
        ({"orders": bundle(order("https://ehr.example.org/fhir/Patient/other"))}, "prefetch.orders.entry[0]"),
        ({"orders": bundle(order("Patient/other/_history/3"))}, "prefetch.orders.entry[0]"),
        ({"allergies": bundle(allergy(), allergy("Patient/other"))}, "prefetch.allergies.entry[1]"),
    ],
)
def test_CH_PF_18_data_of_another_patient(engine: Engine, demo: CdsService, prefetch: Any, where: str) -> None:
    error = refusal(engine, demo, request(complete() | prefetch))
    assert isinstance(error, PatientMismatch)
    assert (error.status, error.code, places(error)) == (400, "patient-mismatch", [where])


@pytest.mark.parametrize("found", [{"patient": patient("other")}, {"allergies": bundle(allergy("Patient/other"))}])
def test_CH_PF_18_the_fhir_server_answers_with_another_patient(
    engine: Engine, demo: CdsService, ehr: Ehr, found: dict[str, Any]
) -> None:
    ehr.holds(complete() | found)
    error = refusal(engine, demo, with_access(ehr.base))
    assert isinstance(error, ForeignData)
    assert (error.status, error.code) == (412, "patient-mismatch")


@pytest.mark.parametrize(
    "reference",
    [
        f"Patient/{PATIENT}",
        f"https://ehr.example.org/a/b/Patient/{PATIENT}",
        f"Patient/{PATIENT}/_history/2",
        f"http://x.example.org/Patient/{PATIENT}/_history/2",
        f"urn:uuid:{PATIENT}",
        PATIENT,
    ],
)
def test_CH_PF_14_spellings_of_the_patient(engine: Engine, demo: CdsService, seen: Seen, reference: str) -> None:
    ask(engine, demo, request(complete() | {"allergies": bundle(allergy(reference))}))
    assert seen.data.sources["allergies"].state == "complete"


def test_CH_PF_14_urn_of_a_bundled_patient(engine: Engine, demo: CdsService, seen: Seen) -> None:
    urn = "urn:uuid:3ac3bdcf-0a5e-4a3f-9d1c-a3e1d7d4b1a0"
    entry = {"resourceType": "Bundle", "entry": [{"fullUrl": urn, "resource": patient()}]}
    prefetch = complete() | {"patient": entry, "conditions": bundle(condition(subject=urn))}
    ask(engine, demo, request(prefetch | {"allergies": bundle(allergy(urn))}))
    assert {source.state for source in seen.data.sources.values()} == {"complete"}


@pytest.mark.parametrize("reference", ["urn:uuid:3ac3bdcf-0a5e-4a3f-9d1c-a3e1d7d4b1a0", "Group/1", "#p", "who", "a/b"])
def test_subjects_that_cannot_be_told_are_left_out(
    engine: Engine, demo: CdsService, seen: Seen, reference: str
) -> None:
    ask(engine, demo, request(complete() | {"allergies": bundle(allergy(reference), allergy())}))
    source = seen.data.sources["allergies"]
    assert (source.state, [entry.location for entry in source.entries]) == ("incomplete", ["allergies.entry[1]"])
    assert "allergies.entry[0]" in source.reason


def test_entries_without_a_subject_are_left_to_the_readers(engine: Engine, demo: CdsService, seen: Seen) -> None:
    nobody: list[Any] = [{"resourceType": "AllergyIntolerance"}, allergy() | {"patient": {"display": "Mrs Smith"}}]
    ask(engine, demo, request(complete() | {"allergies": bundle(*nobody)}))
    assert (seen.data.sources["allergies"].state, len(seen.data.sources["allergies"].entries)) == ("complete", 2)


# Medications


def medication(id_: str) -> dict[str, Any]:
    return {"resourceType": "Medication", "id": id_}


def test_medications_by_reference(engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr) -> None:
    urn = "urn:uuid:9b1d7d4a-6c0e-4f3e-8f4d-3c1a5e7b9d2f"
    references = ["Medication/near", f"{ehr.base}/Medication/far", "Medication/far", urn, "#contained", "Medication/no"]
    references += ["https://elsewhere.example.org/fhir/Medication/x", "Medication/html", "Medication/..", "Substance/s"]
    orders = bundle(*(order(medication=one) for one in references), medication("near"))
    orders["entry"].append({"fullUrl": urn, "resource": medication("by-urn")})
    ehr.pages["/fhir/Medication/far"] = medication("far")
    ehr.pages["/fhir/Medication/html"] = "<html></html>"
    ask(engine, demo, with_access(ehr.base, complete() | {"orders": orders}))
    found = {key: msgspec.json.decode(raw)["id"] for key, raw in seen.data.medications.items()}
    assert found == {
        "Medication/near": "near",
        "Medication/by-urn": "by-urn",
        urn: "by-urn",
        f"{ehr.base}/Medication/far": "far",
        "Medication/far": "far",
    }
    assert ehr.paths == ["Medication/far", "Medication/html", "Medication/no"]


def test_medications_without_access(engine: Engine, demo: CdsService, seen: Seen) -> None:
    ask(engine, demo, request(complete() | {"orders": bundle(order(medication="Medication/1"))}))
    assert (seen.data.medications, seen.data.sources["orders"].state) == ({}, "complete")


def test_reads_of_medications_are_bounded(engine: Engine, demo: CdsService, seen: Seen, ehr: Ehr) -> None:
    orders = bundle(*(order(medication=f"Medication/{number}") for number in range(200)))
    ask(engine, demo, with_access(ehr.base, complete() | {"orders": orders}))
    assert len(ehr.requests) == 60
