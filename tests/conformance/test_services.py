"""The project's own services, asked about fixtures and vignettes over HTTP: what a whole answer has to be."""

import copy
import io
import json
import random
import re
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

import fixtures
from cds_service.app import create_app
from cds_service.errors import InvalidRequest
from cds_service.protocol.feedback import parse_feedback
from cds_service.protocol.request import parse
from cds_service.settings import Settings
from tests.conformance.invariants import objects, of_feedback, of_request
from tests.fuzz.requests import SERVICES
from tests.metamorphic.cases import Case, all_cases, ordered, sample, viewed

Json = dict[str, Any]
PUBLIC = "https://cds.example.org/nam"
CASES = sample("conformance", all_cases(), 120)
HOSTILE = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) ![y](https://evil.example/y.png) <!-- `|"
REQUIRED = ("patient", "conditions", "medicationStatements", "labs", "scores")


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    settings = Settings(database="memory", log_level="error", public_url=PUBLIC)
    with redirect_stderr(io.StringIO()):
        made = create_app(settings, today=lambda: fixtures.ANCHOR)
    yield made
    made.extensions["cds_service"]["engine"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def answers(app: Flask) -> list[list[Json]]:
    """The cards of each case of the sample."""
    return [cards(app.test_client(), case) for case in CASES]


def cards(client: FlaskClient, case: Case, **changes: Any) -> list[Json]:
    response = client.post(f"/cds-services/{SERVICES[case.hook]}", json=case.body | changes)
    assert response.status_code == 200, response.text
    return objects(response.get_json(), "cards")


def anonymous(value: Any) -> str:
    """The JSON with its fresh uuids taken out."""
    return re.sub(r'"uuid": "[^"]*"', "", json.dumps(value))


def suggestions(answers: list[list[Json]]) -> list[Json]:
    return [one for answer in answers for card in answer for one in objects(card, "suggestions")]


def test_the_sample_has_something_of_everything(answers: list[list[Json]]) -> None:
    indicators = {card["indicator"] for answer in answers for card in answer}
    types = {action["type"] for one in suggestions(answers) for action in one["actions"]}
    assert indicators == {"critical", "warning", "info"}
    assert types == {"create", "update", "delete"}
    assert {case.hook for case in CASES} == set(SERVICES)
    assert [] in answers


def test_CH_DISC_02_11_CH_TOL_22_discovery_lists_each_service_at_an_address_of_its_own(client: FlaskClient) -> None:
    services = client.get("/cds-services").get_json()["services"]
    assert {service["hook"]: service["id"] for service in services} == SERVICES
    assert len({service["id"] for service in services}) == len(services)
    for service in services:
        answer = client.post(f"/cds-services/{service['id']}", json={"hook": service["hook"]})
        assert answer.status_code == 400  # found, and in want of the rest


def test_CH_DISC_03_without_services_the_list_is_empty() -> None:
    with redirect_stderr(io.StringIO()):
        app = create_app(Settings(database="memory"), services=())
    answer = app.test_client().get("/cds-services")
    app.extensions["cds_service"]["engine"].close()
    assert (answer.status_code, answer.data) == (200, b'{"services":[]}')


def test_CH_STAT_01_CH_REQ_08_nothing_to_say_is_200(client: FlaskClient) -> None:
    case = viewed("nam-look-alikes")
    assert "fhirAuthorization" not in case.body
    response = client.post("/cds-services/nam-patient-view", json=case.body)
    assert (response.status_code, response.data) == (200, b'{"cards":[]}')


def litter(value: Any, rng: random.Random) -> Any:
    """The same with members that nobody defined, but in timings: one that says more than a rule knows is not corrected.

    None of them is empty: an order that holds such is not sent back (CH-GEN-04).
    """
    if isinstance(value, dict):
        more: Json = {f"x{rng.randrange(10**6)}": rng.choice(("x", 1, [{"z": 0}], {"y": [1]}, False))}
        return {name: member if name == "timing" else litter(member, rng) for name, member in value.items()} | more
    return [litter(one, rng) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", [one for one in CASES if one.body["prefetch"]][:40], ids=lambda case: case.id)
def test_CH_GEN_09_CH_CTX_08_CH_REQ_11_CH_HOOK_02_unknown_members_change_nothing(
    client: FlaskClient, case: Case
) -> None:
    rng = random.Random(case.id)
    kept = litter({name: value for name, value in case.body.items() if name != "prefetch"}, rng)
    kept["prefetch"] = litter(case.prefetch, rng)
    kept["extension"] = {"com.example.request": {"deep": [1]}} | kept.get("extension", {})

    def without_sent(answer: list[Json]) -> str:
        """Updates send the order back as it came, with what nobody defined."""
        bare = copy.deepcopy(answer)
        for one in suggestions([bare]):
            for action in one["actions"]:
                if action["type"] == "update":
                    del action["resource"]
        return anonymous(bare)

    assert without_sent(cards(client, case._replace(body=kept))) == without_sent(cards(client, case))


def test_CH_CARD_12_the_most_urgent_card_comes_first(answers: list[list[Json]]) -> None:
    order = ("critical", "warning", "info")
    several = [[order.index(card["indicator"]) for card in answer] for answer in answers if len(answer) > 1]
    assert any(len(set(ranks)) > 1 for ranks in several)
    assert all(ranks == sorted(ranks) for ranks in several)
    assert max(map(len, answers)) <= 8


def test_CH_SRC_04_the_source_says_nothing_of_this_very_card(answers: list[list[Json]]) -> None:
    assert {card["source"]["url"] for answer in answers for card in answer} == {f"{PUBLIC}/rules/"}


def test_CH_COD_02_CH_SRC_05_the_topic_is_the_name_of_the_rule(answers: list[list[Json]], app: Flask) -> None:
    for answer in answers:
        for card in answer:
            topic = card["source"]["topic"]
            assert re.fullmatch("[A-Za-z0-9]{1,100}", topic["code"])
            assert app.test_client().get(f"/rules/{topic['code']}").status_code == 200


def test_CH_LINK_05_to_08_CH_TOL_25_links_lead_to_the_configured_address(answers: list[list[Json]]) -> None:
    links = [link for answer in answers for card in answer for link in objects(card, "links")]
    assert links
    for link in links:
        assert urlsplit(link["url"]).netloc == urlsplit(PUBLIC).netloc
        assert link["url"].startswith(f"{PUBLIC}/rules/")
        assert link.keys() == {"label", "url", "type"}


def test_CH_SUG_05_06_actions_of_a_suggestion_hold_in_any_order(answers: list[list[Json]]) -> None:
    several = [one for one in suggestions(answers) if len(one["actions"]) > 1]
    assert several
    assert not [one for one in suggestions(answers) if "actionSelectionBehavior" in one]
    for one in several:
        targets = [
            action.get("resourceId") or f"{action['resource']['resourceType']}/{action['resource']['id']}"
            for action in one["actions"]
            if action["type"] != "create"
        ]
        assert len(set(targets)) == len(targets)  # nothing is changed twice, or changed and deleted
        created = [json.dumps(action["resource"]) for action in one["actions"] if action["type"] == "create"]
        assert len(set(created)) == len(created)
        assert not re.search(r"urn:uuid:|\"#", "".join(created))  # and nothing new refers to another new thing


def test_CH_ACT_08_drafted_drugs_have_the_text_and_the_code_that_the_sandbox_takes(answers: list[list[Json]]) -> None:
    actions = [action for one in suggestions(answers) for action in one["actions"] if action["type"] == "create"]
    drugs = [one["resource"] for one in actions if one["resource"]["resourceType"] == "MedicationRequest"]
    assert drugs
    for drug in drugs:
        concept = drug["medicationCodeableConcept"]
        assert concept["text"]
        assert concept["coding"][0]["code"]
    for one in suggestions(answers):
        if len(one["actions"]) > 1:  # a large vendor takes one action; a set of tests is one suggestion all the same
            assert {(action["type"], action["resource"]["resourceType"]) for action in one["actions"]} == {
                ("create", "ServiceRequest")
            }


def test_CH_GEN_06_CH_ACT_03_new_resources_are_valid_r4(answers: list[list[Json]]) -> None:
    actions = [action for one in suggestions(answers) for action in one["actions"] if action["type"] == "create"]
    assert len(actions) > 50
    for action in actions:
        kind = action["resource"]["resourceType"]
        getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind).model_validate(action["resource"])


def test_CH_SYS_03_no_system_action_is_ever_sent(client: FlaskClient) -> None:
    for case in CASES[:40]:
        answer = client.post(f"/cds-services/{SERVICES[case.hook]}", json=case.body).get_json()
        assert answer.keys() == {"cards"}


def speak(value: Any, words: str) -> Any:
    """The same with words added to every text that people read."""
    if isinstance(value, dict):
        return {
            name: f"{member} {words}"
            if name in ("text", "display", "family") and isinstance(member, str)
            else speak(member, words)
            for name, member in value.items()
        }
    return [speak(one, words) for one in value] if isinstance(value, list) else value


def test_CH_CARD_05_06_a_record_s_words_stay_words(client: FlaskClient) -> None:
    """That no HTML and no link comes of them is seen by the watch, which reads each detail as Markdown."""
    repeated = 0
    for case in [*(viewed(story.id) for story in fixtures.stories()), *CASES[:40]]:
        changed = case.with_body(speak(case.body, HOSTILE))
        repeated += sum("onerror" in card.get("detail", "") for card in cards(client, changed))
    assert repeated > 10  # else it would prove nothing


def test_CH_STAT_12_what_was_not_checked_is_on_a_card(client: FlaskClient) -> None:
    case = viewed("nam-srp-refractory")
    kept = {key: value for key, value in case.prefetch.items() if key != "allergies"}
    details = [card["detail"] for card in cards(client, case, prefetch=kept)]
    assert any("allergies" in detail.lower() and "not checked" in detail.lower() for detail in details)
    whole = [card["detail"] for card in cards(client, case)]
    assert not any("not checked" in detail.lower() for detail in whole)


def test_CH_TOL_03_null_for_everything_is_no_data(client: FlaskClient) -> None:
    case = viewed("nam-never-treated")
    assert cards(client, case, prefetch=dict.fromkeys(case.prefetch)) == []
    optional = dict.fromkeys(case.prefetch.keys() - set(REQUIRED) | {"encounter"})
    assert cards(client, case, prefetch=case.prefetch | optional)


@pytest.mark.parametrize("key", REQUIRED)
def test_CH_TOL_04_CH_STAT_02_an_operation_outcome_is_no_data(client: FlaskClient, key: str) -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    case = viewed("nam-never-treated")
    body = case.body | {"prefetch": case.prefetch | {key: failed}}
    response = client.post("/cds-services/nam-patient-view", json=body)
    assert response.status_code == 412
    assert f"prefetch.{key}" in response.text


def test_CH_CTX_05_selections_that_no_draft_answers_to_are_passed_over(client: FlaskClient) -> None:
    said = 0
    for one in fixtures.orders():
        case = ordered(one, "order-select")
        usual = cards(client, case)
        said += len(usual)
        strange = ["MedicationRequest/zz", "zz", *case.body["context"]["selections"], ""]
        context = case.body["context"] | {"selections": strange}
        assert anonymous(cards(client, case, context=context)) == anonymous(usual)
    assert said


_ITEM = {"card": "x", "outcomeTimestamp": "2026-11-22T09:30:00Z"}


@pytest.mark.parametrize(
    ("broken", "item"),
    [
        ("", {"outcome": "overridden"}),
        ("", {"outcome": "overridden", "overrideReason": {"userComment": "no"}}),
        ("", {"outcome": "accepted", "acceptedSuggestions": [{"id": "y"}]}),
        ("cds-fb-1", {"outcome": "ignored"}),
        ("cds-fb-2", {"outcome": "accepted"}),
        ("cds-fb-3", {"outcome": "overridden", "overrideReason": {}}),
    ],
)
def test_CH_3_15_a_strict_service_takes_the_feedback_that_keeps_the_invariants(broken: str, item: Json) -> None:
    body = {"feedback": [_ITEM | item]}
    assert {found.partition(":")[0] for found in of_feedback(body)} == ({broken} if broken else set())
    try:
        parse_feedback(json.dumps(body).encode(), datetime(2026, 11, 22, 10, tzinfo=UTC), strict=True)
        refused = False
    except InvalidRequest:
        refused = True
    assert refused == bool(broken)


def test_CH_3_15_a_strict_service_refuses_a_request_that_breaks_the_first_invariant(client: FlaskClient) -> None:
    """cds-r-2 is a warning: a token without its patient is taken (CH-AUTHZ-02)."""
    token = {"access_token": "x", "token_type": "Bearer", "expires_in": 300, "scope": "user/*.read", "subject": "x"}
    body = viewed("nam-never-treated").body | {"fhirAuthorization": token}
    assert [found.partition(":")[0] for found in of_request(body)] == ["cds-r-1"]
    with pytest.raises(InvalidRequest, match="without fhirServer"):
        parse(json.dumps(body).encode(), strict=True)
    assert client.post("/cds-services/nam-patient-view", json=body).status_code == 200


def test_CH_GEN_12_a_page_says_what_there_is(client: FlaskClient) -> None:
    page = client.get("/").text
    for service in client.get("/cds-services").get_json()["services"]:
        assert service["title"] in page
        assert service["hook"] in page
    assert "clinician" in page  # what it is not: reviewed
    assert client.get("/rules/").status_code == 200
