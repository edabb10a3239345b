"""What the page says would change an answer does so, when a record system sends it: for every fixture patient."""

import json
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any

import pytest

import fixtures
from cds_service.engine import Engine
from cds_service.explanation import Explanation, explain
from cds_service.settings import Settings
from hooks import services
from hooks.counterfactuals import Alternative
from tests.hooks.builders import knowledge
from tests.hooks.counterfactuals.fhir import day_of, sent

PATIENTS = [story.id for story in fixtures.stories()]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine(Settings(log_level="error"))
    yield engine
    engine.close()


@cache
def prefetch(patient: str) -> dict[str, Any]:
    return fixtures.prefetch(patient, fixtures.ANCHOR)


def explained(engine: Engine, patient: str, found: dict[str, Any], today: date = fixtures.ANCHOR) -> Explanation:
    request = {
        "hook": "patient-view",
        "hookInstance": "00000000-0000-4000-8000-000000000000",
        "context": {"userId": "Practitioner/1", "patientId": patient},
        "prefetch": found,
    }
    return explain(engine, services(knowledge())[0], knowledge(), json.dumps(request).encode(), today)


def outcomes(engine: Engine, patient: str, alternative: Alternative) -> dict[str, str]:
    changed = sent(prefetch(patient), patient, alternative.changes)
    found = explained(engine, patient, changed, day_of(alternative.changes, fixtures.ANCHOR))
    return {verdict.rule: verdict.outcome for verdict in found.verdicts}


@pytest.mark.parametrize("patient", PATIENTS)
def test_each_alternative_is_true(engine: Engine, patient: str) -> None:
    told = explained(engine, patient, prefetch(patient))
    asked: dict[tuple[str, ...], dict[str, str]] = {}
    wrong = []
    for prospect in told.prospects.values():
        for alternative in prospect.alternatives:
            key = tuple(change.text for change in alternative.changes)
            if key not in asked:
                asked[key] = outcomes(engine, patient, alternative)
            if asked[key][prospect.rule] != alternative.outcome:
                wrong.append((prospect.rule, key, alternative.outcome, asked[key][prospect.rule]))
    assert not wrong, wrong
    assert asked
