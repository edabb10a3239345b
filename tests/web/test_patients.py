"""The demonstration: what a clinician would see, and why."""

from typing import Any

import pytest
from flask.testing import FlaskClient

import fixtures
from hooks.knowledge import load
from tests.web.html_pages import Page, json_of

REFRACTORY = "nam-refractory-gates-passed"
EVIL = "<img src=x onerror=alert(1)>"


def test_the_start_page_tells_every_story(demo: FlaskClient) -> None:
    page = Page(demo.get("/").text)
    for story in fixtures.stories():
        assert f"/patients/{story.id}" in page.links
        for wanted in (story.name, story.title, story.story):
            assert " ".join(wanted.split()) in page.text


@pytest.mark.parametrize("patient_id", [story.id for story in fixtures.stories()])
def test_a_patient_s_page_shows_every_card_and_every_verdict(demo: FlaskClient, patient_id: str) -> None:
    page = Page(demo.get(f"/patients/{patient_id}").text)
    response = json_of(demo.get(f"/patients/{patient_id}/response.json"))
    trace = json_of(demo.get(f"/patients/{patient_id}/trace.json"))
    for card in response["cards"]:
        assert card["summary"] in page.text
        assert card["source"]["label"] in page.text
        for suggestion in card.get("suggestions", ()):
            assert suggestion["label"] in page.text
            for action in suggestion["actions"]:
                assert action["description"] in page.text
        for reason in card["overrideReasons"]:
            assert reason["display"] in page.text
    assert ("No card." in page.text) == (not response["cards"])
    assert len(page.all("article")) == len(response["cards"])
    titles = load().rules
    for verdict in trace["verdicts"]:
        assert f"/rules/{verdict['rule']}" in page.links
        said = "" if verdict["standing"] == "between thresholds" else f" {verdict['because']}"
        assert f"{titles[verdict['rule']].title}{said}" in page.text
        for alternative in verdict["alternatives"]:
            assert f"with {' and '.join(alternative['with'])}:" in page.text
        for criterion in verdict["criteria"]:
            assert criterion["name"] in page.text


def test_the_request_that_is_shown_gives_the_cards_that_are_shown(demo: FlaskClient) -> None:
    request = json_of(demo.get(f"/patients/{REFRACTORY}/request.json"))
    answer = json_of(demo.post("/cds-services/nam-patient-view", json=request))
    assert without_uuids(answer) == without_uuids(json_of(demo.get(f"/patients/{REFRACTORY}/response.json")))
    assert len(answer["cards"]) > 0


def test_a_look_alike_is_silent_and_says_why(demo: FlaskClient) -> None:
    page = Page(demo.get("/patients/nam-look-alikes").text)
    assert "No card." in page.text
    assert "No diagnosis of a myositis" in page.text
    assert json_of(demo.get("/patients/nam-look-alikes/trace.json"))["concerned"] is False
    assert "Nearly" not in page.text  # a disease that was ruled out is no near miss


def test_what_would_change_an_answer_is_no_advice_and_evidence_is_named_in_full(demo: FlaskClient) -> None:
    page = Page(demo.get("/patients/nam-refractory-gates-open").text)
    assert "that tells how the rule works, and is no advice" in page.text
    assert load().citations["E41"].text in page.text


def test_the_facts_are_shown_with_their_sources(demo: FlaskClient) -> None:
    page = Page(demo.get(f"/patients/{REFRACTORY}").text)
    for title in ("Drug trials", "Drug courses", "Laboratory results", "Left out", "Sources looked at"):
        assert title in page.text
    sources = {link for link in page.links if link.startswith("/fhir/")}
    assert len(sources) > 10
    for source in sources:
        assert demo.get(source).status_code == 200


def test_what_was_left_out_is_shown_with_its_reason(demo: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(prefetch: dict[str, Any]) -> None:
        prefetch["labs"]["entry"][0]["resource"]["status"] = "entered-in-error"

    changed(monkeypatch, change)
    facts = json_of(demo.get(f"/patients/{REFRACTORY}/trace.json"))["facts"]
    assert len(facts["Left out"]) == 1
    assert facts["Left out"][0]["Reason"] in Page(demo.get(f"/patients/{REFRACTORY}").text).text


def test_text_of_the_record_is_inert(demo: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(prefetch: dict[str, Any]) -> None:
        for key in ("conditions", "medicationStatements", "labs", "allergies"):
            for entry in prefetch[key]["entry"]:
                resource = entry["resource"]
                resource.get("medicationCodeableConcept", resource.get("code", {}))["text"] = EVIL
                if key == "medicationStatements":
                    resource["statusReason"] = [{"text": f"lack of efficacy {EVIL}"}]
                    resource["status"] = "stopped"

    changed(monkeypatch, change)
    answer = demo.get(f"/patients/{REFRACTORY}").text
    page = Page(answer)
    assert EVIL in page.text
    assert not page.all("img")
    assert not page.handlers
    assert "Refractory IMNM" in page.text


def test_an_unknown_patient_is_not_found(demo: FlaskClient) -> None:
    for address in ("/patients/x", "/patients/x/request.json", "/patients/x/response.json", "/patients/x/trace.json"):
        assert demo.get(address).status_code == 404
    assert "There is no demonstration patient" in demo.get("/patients/x", headers={"Accept": "text/html"}).text


# Orders


each_orders = pytest.mark.parametrize("orders", fixtures.orders(), ids=lambda orders: orders.id)


def at(orders: fixtures.Orders) -> str:
    return f"/patients/{orders.patient}/orders/{orders.id}"


@each_orders
def test_orders_are_told_on_the_start_page_and_on_their_patient_s(demo: FlaskClient, orders: fixtures.Orders) -> None:
    for address in ("/", f"/patients/{orders.patient}"):
        page = Page(demo.get(address).text)
        assert at(orders) in page.links
        assert f"{orders.title} : {orders.story}" in page.text
    assert f"/patients/{orders.patient}" in Page(demo.get(at(orders)).text).links


def test_a_patient_s_page_has_the_orders_of_no_other(demo: FlaskClient) -> None:
    for story in fixtures.stories():
        links = [link for link in Page(demo.get(f"/patients/{story.id}").text).links if "/orders/" in link]
        assert links == [at(orders) for orders in fixtures.orders() if orders.patient == story.id]


@each_orders
def test_a_page_of_orders_shows_their_cards_and_every_verdict(demo: FlaskClient, orders: fixtures.Orders) -> None:
    page = Page(demo.get(at(orders)).text)
    cards = json_of(demo.get(f"{at(orders)}/response.json"))["cards"]
    assert [(card["source"]["topic"]["code"], card["indicator"]) for card in cards] == [
        (card.rule, card.indicator) for card in orders.expect
    ]
    assert f"{orders.title}. {orders.story}" in page.text
    assert len(page.all("article")) == len(cards)
    assert ("No card." in page.text) == (not cards)
    for card in cards:
        assert card["summary"] in page.text
        for suggestion in card.get("suggestions", ()):
            for action in suggestion["actions"]:
                assert action["description"] in page.text
    for verdict in json_of(demo.get(f"{at(orders)}/trace.json"))["verdicts"]:
        assert f"/rules/{verdict['rule']}" in page.links


@each_orders
def test_every_source_on_a_page_of_orders_can_be_opened(demo: FlaskClient, orders: fixtures.Orders) -> None:
    for link in {link for link in Page(demo.get(at(orders)).text).links if link.startswith("/fhir/")}:
        assert demo.get(link).status_code == 200, link


@each_orders
def test_the_request_of_orders_gives_the_cards_that_are_shown(demo: FlaskClient, orders: fixtures.Orders) -> None:
    request = json_of(demo.get(f"{at(orders)}/request.json"))
    assert request["hook"] == "order-sign"
    assert request["context"]["draftOrders"] == orders.context["draftOrders"]
    answer = json_of(demo.post("/cds-services/nam-order-sign", json=request))
    assert without_uuids(answer) == without_uuids(json_of(demo.get(f"{at(orders)}/response.json")))


def test_unknown_orders_and_those_of_another_patient_are_not_found(demo: FlaskClient) -> None:
    (orders, *_) = fixtures.orders()
    others = next(story.id for story in fixtures.stories() if story.id != orders.patient)
    for missing in (
        f"/patients/{orders.patient}/orders/x",
        f"/patients/{others}/orders/{orders.id}",
        "/patients/x/orders/x",
    ):
        for file in ("", "/request.json", "/response.json", "/trace.json"):
            assert demo.get(missing + file).status_code == 404, missing + file
    page = demo.get(f"/patients/{others}/orders/{orders.id}", headers={"Accept": "text/html"}).text
    assert "There are no such orders for this patient" in page


def changed(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Let the fixtures' prefetch go through `change` before it is used."""
    original = fixtures.prefetch

    def prefetch(patient_id: str, today: Any) -> dict[str, Any]:
        found = original(patient_id, today)
        change(found)
        return found

    monkeypatch.setattr(fixtures, "prefetch", prefetch)


def without_uuids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_uuids(item) for name, item in value.items() if name != "uuid"}
    return [without_uuids(item) for item in value] if isinstance(value, list) else value
