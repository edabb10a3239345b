"""A launch from the record system's chart to the patient's page, over HTTP from end to end."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc.jwk import ECKey, RSAKey

from tests.smart.conftest import NAME, PATIENT, Clock, Service
from tests.smart.ehr import CLIENT_ID, SECRET, Ehr
from tests.web.html_pages import Page

OTHER, OTHER_NAME = "nam-hmgcr-active-statin", "Frieda Testperson"
NARROW = (
    "launch patient/Patient.r patient/Condition.rs patient/MedicationStatement.rs patient/Medication.r "
    "patient/MedicationRequest.rs patient/MedicationAdministration.rs patient/Observation.rs "
    "patient/AllergyIntolerance.rs patient/Procedure.rs"
)


def test_a_launch_ends_on_the_page_of_the_patient(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    answer = service.open(browser, **ehr.launch(PATIENT))
    assert (answer.status_code, answer.url) == (200, f"{service.base}/smart/app")
    page = Page(answer.text)
    assert page.all("h1")
    assert NAME in page.text
    assert "born 1981-04-20" in page.text
    for part in ("What the clinician sees", "Why", "The facts"):
        assert part in page.text
    assert "Not everything could be looked at" not in page.text


def test_the_sign_in_is_asked_for_as_the_standard_says(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    launch = ehr.launch(PATIENT)
    service.open(browser, **launch)
    (asked,) = ehr.asked
    state, challenge = asked.pop("state"), asked.pop("code_challenge")
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{service.base}/smart/callback",
        "scope": NARROW,
        "launch": launch["launch"],
        "aud": ehr.iss,
        "code_challenge_method": "S256",
    }
    assert re.fullmatch(r"[A-Za-z0-9]{48}", state)
    assert re.fullmatch(r"[\w-]{43}", challenge)
    assert ("POST", "/token") in ehr.requests


def test_the_aud_is_the_iss_as_the_record_system_writes_it(
    ehr: Ehr, service: Service, browser: requests.Session
) -> None:
    answer = service.begin(browser, **ehr.launch(PATIENT) | {"iss": f"{ehr.iss}/"})
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["aud"] == [f"{ehr.iss}/"]


@pytest.mark.parametrize(
    ("capabilities", "granular"),
    [(["permission-v1", "permission-v2"], True), ([], True), (["launch-ehr", "permission-patient"], False)],
)
def test_scopes_are_those_of_version_1_only_where_the_server_does_not_know_version_2(
    ehr: Ehr, service: Service, browser: requests.Session, capabilities: list[str], granular: bool
) -> None:
    assert isinstance(ehr.configuration, dict)
    ehr.configuration["capabilities"] = capabilities
    assert service.open(browser, **ehr.launch(PATIENT)).status_code == 200
    old = re.sub(r"\.rs?\b", ".read", NARROW)
    assert ehr.asked[0]["scope"] == (NARROW if granular else old)


def test_more_scopes_are_asked_for_where_the_site_says_so(
    ehr: Ehr, make_service: Callable[..., Service], browser: requests.Session
) -> None:
    make_service({"scopes": ["launch/patient"]}).open(browser, **ehr.launch(PATIENT))
    assert ehr.asked[0]["scope"] == f"{NARROW} launch/patient"


# Who the app is


def test_a_public_client_sends_its_name_alone(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    assert service.open(browser, **ehr.launch(PATIENT)).status_code == 200


def test_a_client_with_a_secret_sends_it_to_the_token_endpoint_alone(
    ehr: Ehr, make_service: Callable[..., Service], browser: requests.Session, tmp_path: Path
) -> None:
    ehr.client.method = "client_secret_basic"
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    service = make_service({"client_secret_file": "secret"})
    answer = service.open(browser, **ehr.launch(PATIENT))
    assert answer.status_code == 200
    assert SECRET not in "".join(one.headers.get("Location", "") for one in answer.history)
    (tmp_path / "secret").write_text("another")
    answer = make_service({"client_secret_file": "secret"}).open(browser, **ehr.launch(PATIENT))
    assert answer.status_code == 502
    assert "it does not know this app, or not its secret" in answer.text


@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_a_client_with_a_key_signs_and_publishes_the_public_half(
    ehr: Ehr, make_service: Callable[..., Service], browser: requests.Session, tmp_path: Path, kind: str
) -> None:
    key = ECKey.generate_key("P-384") if kind == "EC" else RSAKey.generate_key(2048)
    (tmp_path / "key.json").write_text(json.dumps({**key.as_dict(private=True), "kid": "signs-1"}))
    service = make_service({"key_file": "key.json"})
    (published,) = requests.get(f"{service.base}/smart/jwks.json", timeout=10).json()["keys"]
    assert (published["kid"], published["use"]) == ("signs-1", "sig")
    assert published["alg"] == ("ES384" if kind == "EC" else "RS384")
    assert not {"d", "p", "q", "dp", "dq", "qi"} & published.keys()
    ehr.client.method, ehr.client.public_key = "private_key_jwt", published
    assert service.open(browser, **ehr.launch(PATIENT)).status_code == 200


# The session


def test_one_session_shows_the_page_again_and_reads_the_chart_anew(
    ehr: Ehr, service: Service, browser: requests.Session
) -> None:
    service.open(browser, **ehr.launch(PATIENT))
    ehr.requests.clear()
    assert NAME in service.get(browser).text
    assert ("GET", f"/fhir/Patient/{PATIENT}") in ehr.requests


def test_another_patient_takes_the_place_of_the_first(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    service.open(browser, **ehr.launch(PATIENT))
    first = dict(browser.cookies)
    answer = service.open(browser, **ehr.launch(OTHER))
    assert OTHER_NAME in answer.text
    assert NAME not in answer.text
    with requests.Session() as old:
        old.cookies.update(first)
        assert service.get(old).status_code == 403


def test_two_tabs_may_sign_in_at_once_in_one_browser(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    begun = [service.begin(browser, **ehr.launch(patient)).headers["Location"] for patient in (PATIENT, OTHER)]
    answers = [browser.get(address, headers={"Accept": "text/html"}) for address in begun]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert NAME in answers[0].text
    assert OTHER_NAME in answers[1].text


def test_the_session_ends_with_its_token(ehr: Ehr, service: Service, browser: requests.Session, clock: Clock) -> None:
    def short(response: Any) -> Any:
        response.set_data(json.dumps(json.loads(response.get_data()) | {"expires_in": "300"}))
        return response

    ehr.answer_token = short
    assert "for 5 minutes more" in Page(service.open(browser, **ehr.launch(PATIENT)).text).text.replace("read ", "")
    clock.now += 299
    assert service.get(browser).status_code == 200
    clock.now += 1
    ended = service.get(browser)
    assert ended.status_code == 403
    assert "Open the app again from the patient's chart." in Page(ended.text).text
    assert NAME not in ended.text


def test_a_token_that_says_nothing_of_its_end_is_good_for_an_hour(
    ehr: Ehr, service: Service, browser: requests.Session, clock: Clock
) -> None:
    def endless(response: Any) -> Any:
        members = json.loads(response.get_data())
        del members["expires_in"]
        response.set_data(json.dumps(members))
        return response

    ehr.answer_token = endless
    service.open(browser, **ehr.launch(PATIENT))
    clock.now += 3599
    assert service.get(browser).status_code == 200
    clock.now += 1
    assert service.get(browser).status_code == 403


def test_a_token_that_the_server_takes_back_is_told(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    service.open(browser, **ehr.launch(PATIENT))
    ehr.forget_tokens()
    answer = service.get(browser)
    assert answer.status_code == 412
    assert "the FHIR server answered 401" in answer.text
    assert "Open the app again from the patient's chart." in Page(answer.text).text


def test_who_closes_the_chart_has_closed_it(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    service.open(browser, **ehr.launch(PATIENT))
    kept = dict(browser.cookies)
    answer = browser.post(f"{service.base}/smart/logout", headers={"Origin": service.base, "Accept": "text/html"})
    assert "The chart is closed" in answer.text
    assert service.get(browser).status_code == 403
    with requests.Session() as again:
        again.cookies.update(kept)
        assert service.get(again).status_code == 403


def test_in_shadow_mode_nothing_is_shown_here_either(
    make_service: Callable[..., Service], ehr: Ehr, browser: requests.Session, tmp_path: Path
) -> None:
    """Neither for a new launch, nor for a chart that was open before."""
    database = f"sqlite:///{tmp_path}/sessions.sqlite"
    make_service(database=database).open(browser, **ehr.launch(PATIENT))
    assert make_service(database=database).get(browser).status_code == 200
    shadow = make_service(database=database, shadow=True)
    assert shadow.get(browser).status_code == 403
    refused = shadow.begin(browser, **ehr.launch(PATIENT))
    assert refused.status_code == 400
    assert "This service is being tried out in shadow mode: it shows nothing yet." in Page(refused.text).text


# What is shown


def test_the_page_opens_at_the_rule_of_the_card(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    context = json.dumps({"rule": "EscalateToCyclophosphamide"})
    answer = service.open(browser, **ehr.launch(PATIENT, context))
    assert answer.history[-1].headers["Location"].endswith("/smart/app#rule-EscalateToCyclophosphamide")


@pytest.mark.parametrize("context", ["", "no JSON", '{"rule": 7}', '{"rule": "NoSuchRule"}', "[" * 5000, '"x"'])
def test_whatever_else_comes_back_with_the_token_opens_the_page_at_its_top(
    ehr: Ehr, service: Service, browser: requests.Session, context: str
) -> None:
    answer = service.open(browser, **ehr.launch(PATIENT, context))
    assert answer.status_code == 200
    assert answer.history[-1].headers["Location"] == f"{service.base}/smart/app"


def test_what_may_not_be_read_is_named_and_not_taken_for_none(
    ehr: Ehr, service: Service, browser: requests.Session
) -> None:
    ehr.client.scopes_known = lambda scope: "Procedure" not in scope and "Observation" not in scope
    page = Page(service.open(browser, **ehr.launch(PATIENT)).text)
    assert "Not everything could be looked at" in page.text
    assert "procedures: not checked (the FHIR server answered 403)" in page.text
    assert "laboratory results: not checked (the FHIR server answered 403)" in page.text
    assert "strength scores: not checked" in page.text
    assert "conditions: not checked" not in page.text


@pytest.mark.parametrize("type_", ["Condition", "Patient"])
def test_without_person_or_diagnoses_nothing_is_said(
    ehr: Ehr, service: Service, browser: requests.Session, type_: str
) -> None:
    ehr.client.scopes_known = lambda scope: type_ not in scope
    answer = service.open(browser, **ehr.launch(PATIENT))
    assert answer.status_code == 412
    assert "cannot be had: the FHIR server answered 403" in answer.text
    assert "the record system has to let the app read it" in answer.text


def test_a_patient_who_does_not_concern_the_rules_is_shown_all_the_same(
    ehr: Ehr, service: Service, browser: requests.Session
) -> None:
    page = Page(service.open(browser, **ehr.launch("nam-look-alikes")).text)
    assert "No diagnosis of a myositis that this service is for" in page.text


def test_a_view_leaves_an_audit_record_without_the_patient(
    ehr: Ehr, service: Service, browser: requests.Session, tmp_path: Path
) -> None:
    service.open(browser, **ehr.launch(PATIENT))
    service.open(requests.Session(), **ehr.launch(PATIENT))
    records = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert len(records) == 2
    first, second = records
    assert (first["page"], first["client"], first["status"], first["outcome"]) == (
        "smart.show",
        "st-elsewhere",
        200,
        "answered",
    )
    assert first["patient"] == second["patient"]
    assert "EscalateToCyclophosphamide" in first["rules"]
    assert "user" not in first
    assert PATIENT not in json.dumps(records)
