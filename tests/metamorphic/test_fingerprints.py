"""What makes a card new, over all requests: neither the order of entries nor the next day does, another result does."""

import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

import fixtures
from cds_service.engine import Engine
from cds_service.errors import ServiceError
from cds_service.settings import Settings
from hooks import services
from hooks.engine import Evaluation
from hooks.evaluation import evaluation
from hooks.knowledge import load
from tests.metamorphic.cases import Case, Json, all_cases, names, sample
from tests.metamorphic.relations import shuffled, with_results

CASES = [case for case in all_cases() if case.hook == "patient-view"]
KNOWLEDGE = load()
CK = "2157-6"
PATIENT_VIEW = services(KNOWLEDGE)[0]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine(Settings(log_level="error"))
    yield made
    made.close()


def found(engine: Engine, body: Json, today: date = fixtures.ANCHOR) -> Evaluation | None:
    """The evaluation of a request; None if it is refused, or does not concern the service."""
    try:
        call = engine.call(PATIENT_VIEW, json.dumps(body).encode(), today)
    except ServiceError:
        return None
    return evaluation(call, KNOWLEDGE) if call else None


def fingerprints(evaluation: Evaluation | None) -> dict[str, str]:
    """By rule."""
    cards = evaluation.cards if evaluation else ()
    return {
        card.source.topic.code: evaluation.fingerprints[card.uuid] for card in cards if card.source.topic and evaluation
    }


def truths(evaluation: Evaluation | None, rule: str) -> list[tuple[str, Any]]:
    def flat(criteria: Any) -> Iterator[tuple[str, Any]]:
        for criterion in criteria:
            yield criterion.name, criterion.truth
            yield from flat(criterion.parts)

    assert evaluation
    return [truth for v in evaluation.verdicts if v.rule == rule for truth in flat(v.criteria)]


@pytest.mark.parametrize("case", sample("order of facts", CASES, 150), ids=names)
def test_the_order_of_entries_is_nothing_new(case: Case, engine: Engine) -> None:
    mixed = shuffled(case.body, random.Random(case.id))
    assert fingerprints(found(engine, mixed)) == fingerprints(found(engine, case.body))


GROWN_UP_TOMORROW = "W171"
"""Becomes 18 years old, and gets a dose."""


@pytest.mark.parametrize("case", [case for case in CASES if case.id != GROWN_UP_TOMORROW], ids=names)
def test_a_day_that_crosses_no_threshold_is_nothing_new(case: Case, engine: Engine) -> None:
    today, tomorrow = found(engine, case.body), found(engine, case.body, fixtures.ANCHOR + timedelta(days=1))
    before, after = fingerprints(today), fingerprints(tomorrow)
    for rule in before.keys() & after.keys():
        if truths(today, rule) == truths(tomorrow, rule):
            assert before[rule] == after[rule], rule


def test_most_cards_are_the_same_on_the_next_day(engine: Engine) -> None:
    """Else the relation above would say little."""
    cards = same = 0
    for case in CASES[::4]:
        before = fingerprints(found(engine, case.body))
        after = fingerprints(found(engine, case.body, fixtures.ANCHOR + timedelta(days=1)))
        cards += len(before)
        same += sum(1 for rule, fingerprint in before.items() if after.get(rule) == fingerprint)
    assert cards > 100
    assert same > 0.97 * cards


def _raised(resource: Json) -> Json | None:
    quantity = resource.get("valueQuantity")
    return {"valueQuantity": quantity | {"value": quantity["value"] + 1}} if quantity else None


def test_another_ck_is_new_to_each_card_that_names_it(engine: Engine) -> None:
    compared = 0
    for case in CASES:
        now, later = found(engine, case.body), found(engine, with_results(case.body, {CK: _raised}))
        before, after = fingerprints(now), fingerprints(later)
        for card in now.cards if now else ():
            rule = card.source.topic.code if card.source.topic else ""
            if "| CK |" in card.detail and "| CK | not on record" not in card.detail and rule in after:
                compared += 1
                assert before[rule] != after[rule], (case.id, rule)
    assert compared > 50
