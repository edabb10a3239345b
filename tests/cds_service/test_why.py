"""Which group a rule stands in, on the pages and in the terminal."""

import json

import fixtures
from cds_service.engine import Engine
from cds_service.explanation import Explanation, explain
from cds_service.settings import Settings
from cds_service.why import NEAR
from hooks import services as own_services
from hooks.knowledge import load
from hooks.rules.order import PART_OF


def explained(patient: str) -> Explanation:
    knowledge = load()
    engine = Engine(Settings(log_level="error"))
    request = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": patient},
        "prefetch": fixtures.prefetch(patient, fixtures.ANCHOR),
    }
    found = explain(engine, own_services(knowledge)[0], knowledge, json.dumps(request).encode(), fixtures.ANCHOR)
    engine.close()
    return found


def test_a_rule_that_never_has_a_card_of_its_own_is_never_near() -> None:
    groups = {group.id: group.reasons for group in explained("nam-seronegative-refractory").groups}
    one_change = [
        reason
        for reason in (*groups["silent"], *groups["nearly"])
        if reason.verdict.rule in PART_OF
        and reason.prospect
        and (fires := reason.prospect.fires)
        and len(fires.changes) == 1
        and fires.changes[0].kind in NEAR
    ]
    assert one_change
    assert not any(reason.near for reason in one_change)
    assert not any(reason.verdict.rule in PART_OF for reason in groups["nearly"])
    assert groups["nearly"]
