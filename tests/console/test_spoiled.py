"""Try it with what nobody exports: a chart that was spoiled on purpose is tried, or refused with a sentence."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

import fixtures
from cds_service.console.original import UnusableError, WhoseError, content_of
from cds_service.console.trial import Bench, Trial
from hooks.knowledge import load
from tests.fuzz.mutations import DATES, IDS, TEXTS, spoil, text_of

SHARE = 150
"""Charts; a few thousand were sent when this was written."""
STORIES = [story.id for story in fixtures.stories()]
TYPED = (*DATES, *IDS, *TEXTS, "0", "1.5", "999999999999", "2026", "2026-11", "positive", "active")


@pytest.fixture(scope="module")
def bench(make_app: Callable[..., Flask]) -> Bench:
    parts = make_app(demo=True).extensions["cds_service"]
    return Bench(parts["settings"], load(), parts["catalogue"])


def request_of(patient_id: str) -> dict[str, Any]:
    request: dict[str, Any] = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": patient_id},
        "prefetch": fixtures.prefetch(patient_id, fixtures.ANCHOR),
    }
    return json.loads(json.dumps(request))  # type: ignore[no-any-return]


def tried(bench: Bench, number: int) -> Trial | None:
    """A spoiled chart, and its form with something else in it; None if it was refused."""
    rng = random.Random(number)
    patient_id = rng.choice(STORIES)
    content = rng.choice((request_of(patient_id), fixtures.bundle(patient_id, fixtures.ANCHOR)))
    content = json.loads(json.dumps(content))
    for _ in range(rng.choice((1, 2, 5, 20))):
        spoil(rng, content)
    try:
        packed = content_of(text_of(rng, content))
        before = bench.tried(packed, "", fixtures.ANCHOR, {})
        inputs = [one for section in before.form.sections for fact in section.facts for one in fact.inputs]
        boxes = [fact.out for section in before.form.sections for fact in section.facts if fact.out]
        texts = {one.name: one.text for one in inputs}
        often = rng.choice((0, 0.2))
        texts |= {one.name: rng.choice(TYPED) for one in inputs if rng.random() < often}
        texts |= {one.name: "on" for one in boxes if rng.random() < 0.1}
        name, test = rng.choice(list(before.tests.items()))
        value = test.results[0] if test.results else "5"
        texts |= {"added-0.test": name, "added-0.value": value, "added-0.date": "2026-11-01"}
        return bench.tried(packed, "", fixtures.ANCHOR, texts)
    except (UnusableError, WhoseError):
        return None


def test_a_spoiled_chart_is_tried_or_refused(bench: Bench) -> None:
    found = [tried(bench, number) for number in range(SHARE)]
    assert sum(one is not None for one in found) > SHARE / 4
    assert any(one and one.difference and one.difference.rules for one in found)


@pytest.mark.parametrize("first", [None, "x", [], 7, {"display": 7}])
def test_a_score_of_which_the_first_code_is_none_can_be_copied(bench: Bench, first: Any) -> None:
    content = request_of("nam-refractory-gates-passed")
    for entry in content["prefetch"]["scores"]["entry"]:
        entry["resource"]["code"]["coding"].insert(0, first)
    added = {"added-0.test": "mmt8", "added-0.value": "70", "added-0.date": "2026-11-01"}
    found = bench.tried(content_of(json.dumps(content).encode()), "", fixtures.ANCHOR, added)
    assert (len(found.changes.added), found.problem) == (1, "")
