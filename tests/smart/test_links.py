"""Cards lead to the app, for the clients that can launch it and for nobody else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

import fixtures
from tests.cds_service.security.signing import ISSUER, claims, key_pair
from tests.smart.conftest import NAME, PATIENT, Service
from tests.smart.ehr import Ehr

SERVICE = "/cds-services/nam-patient-view"


def cards(service: Service) -> list[dict[str, Any]]:
    """The cards of a call, as the record system gets them."""
    token = key_pair("one").sign(claims(iss=ISSUER, aud=service.base + SERVICE))
    call = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": PATIENT},
        "prefetch": fixtures.prefetch(PATIENT, fixtures.ANCHOR),
    }
    answer = requests.post(service.base + SERVICE, json=call, headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["cards"]
    assert found
    return found


def smart(card: dict[str, Any]) -> list[dict[str, Any]]:
    return [link for link in card["links"] if link["type"] == "smart"]


def test_CH_LINK_02_CH_LINK_05_CH_LINK_06_each_card_has_one_link_to_the_launch_address(service: Service) -> None:
    for card in cards(service):
        (link,) = smart(card)
        assert link.pop("label") == "Timeline and reasons"
        assert json.loads(link.pop("appContext")) == {"rule": card["source"]["topic"]["code"]}
        assert link == {"type": "smart", "url": f"{service.base}/smart/launch"}


def test_the_link_says_nothing_of_the_patient(service: Service) -> None:
    said = json.dumps([smart(card) for card in cards(service)])
    assert PATIENT not in said
    assert "Testperson" not in said


def test_the_link_of_a_card_opens_the_chart_at_its_rule(ehr: Ehr, service: Service, browser: requests.Session) -> None:
    """As the record system does it: it adds `iss` and `launch` to the address, and keeps the context for the token."""
    card = cards(service)[0]
    (link,) = smart(card)
    assert link["url"] == f"{service.base}/smart/launch"
    answer = service.open(browser, **ehr.launch(PATIENT, link["appContext"]))
    assert NAME in answer.text
    rule = card["source"]["topic"]["code"]
    assert answer.history[-1].headers["Location"].endswith(f"#rule-{rule}")


def test_a_client_without_the_app_gets_the_cards_that_it_got(make_service: Callable[..., Service]) -> None:
    service = make_service(off=True)
    assert not [link for card in cards(service) for link in smart(card)]


@pytest.mark.parametrize("path", ["launch", "callback", "app", "jwks.json"])
def test_without_a_registration_there_is_no_app(make_service: Callable[..., Service], path: str) -> None:
    service = make_service(off=True)
    assert requests.get(f"{service.base}/smart/{path}", timeout=10).status_code == 404
