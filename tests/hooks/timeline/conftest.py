"""The timelines of the fixture patients."""

import json
from collections.abc import Callable, Iterator

import pytest

import fixtures
from cds_service.engine import Engine
from cds_service.explanation import explain
from cds_service.settings import Settings
from hooks import services
from hooks.timeline import Timeline, timeline
from tests.hooks.builders import knowledge


@pytest.fixture(scope="session")
def drawn_story() -> Iterator[Callable[[str], Timeline]]:
    """The timeline of a fixture patient on the day of the fixtures."""
    engine = Engine(Settings(log_level="error"))
    service = services(knowledge())[0]

    def drawn(patient_id: str) -> Timeline:
        request = {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/1", "patientId": patient_id},
            "prefetch": fixtures.prefetch(patient_id, fixtures.ANCHOR),
        }
        found = explain(engine, service, knowledge(), json.dumps(request).encode(), fixtures.ANCHOR)
        return timeline(found.evaluation.assessment)

    yield drawn
    engine.close()
