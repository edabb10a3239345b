"""Every vignette, through the service: the request goes in over HTTP, the cards are compared with what is expected."""

import json
from collections.abc import Iterator
from datetime import date

import pytest
from flask import Flask

from cds_service.app import create_app
from cds_service.explanation import explain
from cds_service.protocol.hooks import ORDER_HOOKS
from cds_service.settings import Settings
from hooks.knowledge import load
from hooks.rules.order import PART_OF, RULES

from .comparison import differences, report
from .vignette_files import Vignette, load_all

TODAY = date(2026, 11, 22)
KNOWLEDGE = load()
VIGNETTES = load_all()

# Every row of the specification's part C.
SPECIFIED = [
    "V01",
    "V02",
    "V03",
    "V04",
    "V06",
    "V07",
    "V08",
    "V10",
    "V11b",
    "V13",
    "V14",
    "V17",
    "V18",
    "V19",
    "V20",
    "V22",
    "V24",
    "V25",
    "V26a",
    "V28",
    "V29",
    "V31",
    "V32",
    "V33",
    "V35",
    "V37",
    "V39",
    "V40",
    "V41",
]


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    app = create_app(Settings(), today=lambda: TODAY)
    yield app
    app.extensions["cds_service"]["engine"].close()


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda vignette: vignette.id)
def test_vignette(vignette: Vignette, app: Flask) -> None:
    response = app.test_client().post(f"/cds-services/nam-{vignette.hook}", json=vignette.request)
    assert response.status_code == 200, response.get_data(as_text=True)
    cards = response.get_json()["cards"]
    outcomes = verdicts(vignette, app) if vignette.text.cannot_tell else None
    found = differences(vignette.text, cards, vignette.orders or (), outcomes)
    if found:
        pytest.fail(report(vignette.text, cards, found), pytrace=False)


def verdicts(vignette: Vignette, app: Flask) -> dict[str, str]:
    """The outcome of each rule, as `nam-cds explain` shows it."""
    own = app.extensions["cds_service"]
    service = own["catalogue"].find(f"nam-{vignette.hook}", vignette.hook)
    found = explain(own["engine"], service, KNOWLEDGE, json.dumps(vignette.request).encode(), TODAY)
    return {verdict.rule: verdict.outcome for verdict in found.verdicts}


ALWAYS_KNOWN = {(rule, hook) for rule in ("StatinExposure", "StatinPendingAntibody") for hook in ORDER_HOOKS}
"""What can always be told: a statin that is being ordered, and the antibody, of required data (cannot_tell.yaml)."""


@pytest.mark.parametrize("hook", ["patient-view", *sorted(ORDER_HOOKS)])
def test_every_rule_about_orders_has_one_who_fires_one_silent_and_one_it_cannot_tell(hook: str) -> None:
    seen: dict[str, set[str]] = {"fires": set(), "silent": set(), "cannot tell": set()}
    rules = {r.name for r in RULES if r.orders and r.name not in PART_OF and hook in KNOWLEDGE.rules[r.name].hooks}
    for vignette in (one for one in VIGNETTES if one.hook == hook):
        fire = {card.card for card in vignette.text.expect}
        seen["fires"] |= fire
        seen["silent"] |= rules - fire if vignette.text.only_these else set(vignette.text.never)
        seen["cannot tell"] |= set(vignette.text.cannot_tell)
    seen["cannot tell"] |= {rule for rule, where in ALWAYS_KNOWN if where == hook}
    assert {outcome: sorted(rules - named) for outcome, named in seen.items()} == {key: [] for key in seen}


def test_every_row_of_the_specification_is_here() -> None:
    assert {vignette.text.id for vignette in VIGNETTES} >= set(SPECIFIED)
