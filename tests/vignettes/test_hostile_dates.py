"""Dates at the ends of the calendar, which real records hold: no rule fails on them, on any hook."""

import json
from datetime import date
from itertools import product
from typing import Any

import pytest

from cds_service.engine import Engine
from cds_service.settings import Settings
from hooks import services
from hooks.evaluation import evaluation
from hooks.knowledge import load

from .orders import draft_orders, drafts_context
from .patient_language import read_patient, request_body
from .vignette_files import FOLDER, PATIENTS_FILE, load_patients
from .vocabulary import DRUGS

TODAY = date(2026, 11, 22)
EDGES = ("0001-01-01", "0001", "9998-12-31", "9999-12-31", "9999-12", "9999")
KNOWLEDGE = load()
SERVICES = {service.hook: service for service in services(KNOWLEDGE)}
BASE = load_patients(FOLDER / PATIENTS_FILE)["BASE"]


def courses(first: str, last: str) -> list[dict[str, Any]]:
    dose = {"dose": "20 mg", "reason": "adverse reaction"}
    return [
        course | dose
        for status in ("active", "completed", "stopped", "intended")
        for course in (
            {"status": status, "every": "2 weeks", "from": first, "to": last},
            {"status": status, "every": "day", "from": first},
            {"status": status, "on": last},
        )
    ]


def orders(drug: str, first: str, last: str) -> list[dict[str, Any]]:
    return [
        {"drug": drug, "dose": "20 mg", "every": "day", "from": first, "to": last},
        {"drug": drug, "dose": "20 mg", "every": "2 weeks", "from": first, "count": 9},
        {"drug": drug, "dose": "20 mg", "on": last},
        {"drug": drug, "lasts": "1000 weeks", "ordered": first},
        {"procedure": "plasma exchange", "on": last},
    ]


@pytest.mark.parametrize("drug", DRUGS)
@pytest.mark.parametrize("hook", SERVICES)
def test_no_date_makes_a_rule_fail(drug: str, hook: Any) -> None:
    engine = Engine(Settings())
    for first, last in product(EDGES, EDGES):
        exchanges = [{"is": "plasma exchange", "on": last, "status": s} for s in ("completed", "preparation")]
        drugs = BASE["drugs"] | {drug: courses(first, last) + BASE["drugs"].get(drug, [])}
        patient = read_patient(BASE | {"drugs": drugs, "procedures": exchanges})
        drafts = drafts_context(hook, draft_orders(orders(drug, first, last)), None)
        body = json.dumps(request_body(patient, hook, drafts)).encode()
        call = engine.call(SERVICES[hook], body, TODAY)
        assert call is not None
        assert evaluation(call, KNOWLEDGE).verdicts
    engine.close()
