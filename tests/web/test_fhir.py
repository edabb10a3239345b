"""The demonstration's FHIR endpoint."""

from typing import Any

import pytest
from flask.testing import FlaskClient

import fixtures
from tests.web.html_pages import json_of

REFRACTORY = "nam-refractory-gates-passed"
CK = "2157-6"


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


def resources(type_: str, patient_id: str) -> list[dict[str, Any]]:
    entries = fixtures.bundle(patient_id, fixtures.ANCHOR)["entry"]
    return [entry["resource"] for entry in entries if entry["resource"]["resourceType"] == type_]


def codes(resource: dict[str, Any]) -> set[str]:
    return {coding["code"] for coding in resource["code"]["coding"]}


def test_it_says_what_it_is(demo: FlaskClient) -> None:
    answer = demo.get("/fhir/metadata")
    assert answer.mimetype == "application/fhir+json"
    assert json_of(answer)["resourceType"] == "CapabilityStatement"
    assert json_of(answer)["fhirVersion"] == "4.0.1"


def test_a_resource_is_read(demo: FlaskClient) -> None:
    assert json_of(demo.get(f"/fhir/Patient/{REFRACTORY}")) == resources("Patient", REFRACTORY)[0]


def test_all_patients_are_found(demo: FlaskClient) -> None:
    bundle = json_of(demo.get("/fhir/Patient"))
    assert ids(bundle) == [story.id for story in fixtures.stories()]
    assert bundle["total"] == len(fixtures.stories())
    assert bundle["type"] == "searchset"


@pytest.mark.parametrize("spelling", [REFRACTORY, f"Patient/{REFRACTORY}"])
@pytest.mark.parametrize("parameter", ["patient", "subject"])
def test_search_by_patient(demo: FlaskClient, parameter: str, spelling: str) -> None:
    found = ids(json_of(demo.get(f"/fhir/Observation?{parameter}={spelling}")))
    assert sorted(found) == sorted(one["id"] for one in resources("Observation", REFRACTORY))


@pytest.mark.parametrize("token", [CK, f"http://loinc.org|{CK}", f"1-1,{CK}"])
def test_search_by_code(demo: FlaskClient, token: str) -> None:
    found = ids(json_of(demo.get("/fhir/Observation", query_string={"patient": REFRACTORY, "code": token})))
    assert set(found) == {one["id"] for one in resources("Observation", REFRACTORY) if CK in codes(one)}
    assert found


@pytest.mark.parametrize("token", [f"|{CK}", f"urn:other|{CK}", "1-1"])
def test_another_code_or_system_finds_nothing(demo: FlaskClient, token: str) -> None:
    bundle = json_of(demo.get("/fhir/Observation", query_string={"patient": REFRACTORY, "code": token}))
    assert bundle["total"] == 0
    assert "entry" not in bundle


def test_search_by_category(demo: FlaskClient) -> None:
    found = ids(json_of(demo.get(f"/fhir/Observation?patient={REFRACTORY}&category=exam,survey")))
    assert found
    assert len(found) < len(resources("Observation", REFRACTORY))


def test_newest_first_in_pages(demo: FlaskClient) -> None:
    seen: list[str] = []
    dates: list[str] = []
    address = f"/fhir/Observation?patient={REFRACTORY}&code={CK}&_sort=-date&_count=1"
    while address:
        page = json_of(demo.get(address))
        assert len(page["entry"]) == 1
        seen += ids(page)
        dates.append(page["entry"][0]["resource"]["effectiveDateTime"])
        links = {link["relation"]: link["url"] for link in page["link"]}
        address = links.get("next", "")
    assert len(seen) == page["total"] > 1
    assert len(set(seen)) == len(seen)
    assert dates == sorted(dates, reverse=True)


def test_a_page_without_entries_ends_the_paging(demo: FlaskClient) -> None:
    page = json_of(demo.get("/fhir/Patient?_count=0"))
    assert page["total"] == len(fixtures.stories())
    assert "entry" not in page
    assert [link["relation"] for link in page["link"]] == ["self"]


def test_search_by_post_as_the_public_sandbox_does(demo: FlaskClient) -> None:
    form = {"_count": "2", "_sort": "-date", "patient": REFRACTORY}
    posted = demo.post("/fhir/Observation/_search", data=form, headers={"Origin": "http://localhost:8081"})
    assert json_of(posted) == json_of(demo.get("/fhir/Observation", query_string=form))
    assert posted.headers["Access-Control-Allow-Origin"]


def test_dates_are_moved_to_today(demo: FlaskClient) -> None:
    found = json_of(demo.get(f"/fhir/Condition?patient={REFRACTORY}"))["entry"][0]["resource"]
    assert found == resources("Condition", REFRACTORY)[0]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/fhir/Patient/nobody", 404),
        ("/fhir/Nothing", 404),
        ("/fhir/Observation?value-quantity=5", 400),
        ("/fhir/Observation?_count=many", 400),
        ("/fhir/Observation?_sort=code", 400),
    ],
)
def test_what_it_cannot_do_is_an_outcome(demo: FlaskClient, address: str, status: int) -> None:
    answer = demo.get(address)
    assert answer.status_code == status
    assert answer.mimetype == "application/fhir+json"
    assert json_of(answer)["resourceType"] == "OperationOutcome"


def test_nothing_can_be_written(demo: FlaskClient) -> None:
    assert demo.post("/fhir/Patient", json={"resourceType": "Patient"}).status_code == 405
    assert demo.put("/fhir/Patient/x", json={"resourceType": "Patient"}).status_code == 405
    assert demo.delete(f"/fhir/Patient/{REFRACTORY}").status_code == 405
