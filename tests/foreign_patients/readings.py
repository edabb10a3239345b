"""What became of the patients' records behind the gate: what was left out, and why."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import date

import msgspec

from cds_service.engine import Engine
from cds_service.explanation import Explanation, explain
from cds_service.patient_data import PatientData
from cds_service.registry import CdsService
from fixtures import ANCHOR
from hooks.chart.facts import Chart
from hooks.knowledge.model import Knowledge
from tests.foreign_patients.calls import orders_of, request
from tests.foreign_patients.populations import Foreigner, Resource

LOINC = "http://loinc.org"
_PARTICULAR = re.compile(r"[A-Z][A-Za-z]+/\S+|(?<=['\"“‘]).+?(?=['\"”’])|\d+(?:[.,]\d+)*")
"""A reference, a quotation, or a number."""


class Left(msgspec.Struct, frozen=True, order=True):
    """One reason for which entries of one type were left out, its particulars as `…`."""

    type: str
    reason: str
    doubtful: bool


class Count(msgspec.Struct):
    """What was read of one population, and what was not."""

    patients: int = 0
    resources: Counter[str] = msgspec.field(default_factory=Counter)
    facts: Counter[str] = msgspec.field(default_factory=Counter)
    left: Counter[Left] = msgspec.field(default_factory=Counter)
    unknown_system: int = 0
    """Laboratory results whose code looks like one of LOINC, but is of a system that nobody knows."""


def behind_the_gate(body: Resource, service: CdsService, engine: Engine, knowledge: Knowledge) -> Explanation:
    """The whole evaluation of a request, for a patient whom the gate would have turned away."""
    opened = msgspec.structs.replace(service, gate=_open, asked=_anything)
    return explain(engine, opened, knowledge, json.dumps(body).encode(), ANCHOR)


def counts(people: Iterable[Foreigner], service: CdsService, engine: Engine, knowledge: Knowledge) -> dict[str, Count]:
    """By population, in the order in which they come."""
    found: dict[str, Count] = {}
    for one in people:
        body = request(one, service, orders_of(one))
        explanation = behind_the_gate(body, service, engine, knowledge)
        count = found.setdefault(one.population, Count())
        count.patients += 1
        for source in explanation.call.data.sources.values():
            count.resources[source.key] += len(source.entries)
        labs = body["prefetch"]["labs"].get("entry", ())
        count.unknown_system += sum(LOINC not in json.dumps(entry["resource"]["code"]) for entry in labs)
        chart = explanation.evaluation.assessment.chart
        count.facts.update(_facts(chart))
        count.left.update(left_out(chart))
    return found


def left_out(chart: Chart) -> list[Left]:
    """What was left out of one chart."""
    return [Left(_type(one.source), _PARTICULAR.sub("…", one.reason), one.doubtful) for one in chart.dropped]


def _facts(chart: Chart) -> dict[str, int]:
    return {
        "diagnoses": len(chart.diagnoses),
        "courses": len(chart.courses),
        "infusions": len(chart.infusions),
        "results": sum(map(len, chart.labs.values())),
        "scores": len(chart.scores),
        "allergies": len(chart.allergies),
    }


def _type(source: str) -> str:
    return source.partition("/")[0].partition(".")[0]


def _open(data: PatientData, today: date) -> bool:
    return True


def _anything(data: PatientData) -> bool:
    return True
