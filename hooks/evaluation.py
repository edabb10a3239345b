"""From a call to its evaluation: the same for every service and hook."""

from cds_service.protocol.cards import CdsResponse
from cds_service.registry import Answer, Call
from hooks.chart import read
from hooks.engine import Evaluation, evaluate
from hooks.knowledge.model import Knowledge


def evaluation(call: Call, knowledge: Knowledge) -> Evaluation:
    """The whole evaluation of a call, trace included."""
    chart = read(call.data, knowledge, call.today)
    return evaluate(chart, knowledge, call.today, call.public_url, call.hook, snoozes=call.snoozes)


def answer(call: Call, knowledge: Knowledge) -> Answer:
    """What goes on the wire, and what the operator may know of it."""
    found = evaluation(call, knowledge)
    return Answer(
        CdsResponse(found.cards),
        fired=tuple(verdict.rule for verdict in found.verdicts if verdict.outcome == "fires"),
        dropped=tuple(dropped.kind for dropped in found.assessment.chart.dropped),
        knowledge_version=knowledge.version,
        fingerprints=found.fingerprints,
    )
