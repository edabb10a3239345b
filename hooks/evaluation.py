"""From a call to its evaluation: the same for every service and hook."""

from cds_service.protocol.cards import CdsResponse
from cds_service.registry import Call
from hooks.chart import read
from hooks.engine import Evaluation, evaluate
from hooks.knowledge.model import Knowledge


def evaluation(call: Call, knowledge: Knowledge) -> Evaluation:
    """The whole evaluation of a call, trace included."""
    chart = read(call.data, knowledge, call.today)
    return evaluate(chart, knowledge, call.today, call.public_url, call.hook)


def answer(call: Call, knowledge: Knowledge) -> CdsResponse:
    """What goes on the wire."""
    return CdsResponse(evaluation(call, knowledge).cards)
