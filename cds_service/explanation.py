"""Why each card came, or did not: one request with all that was found on the way."""

from datetime import date
from functools import cached_property
from typing import Any

import msgspec

from cds_service.engine import Engine, presented
from cds_service.facts import Table, tables
from cds_service.patient_data import PatientData
from cds_service.protocol.cards import CdsResponse, encode
from cds_service.registry import Call, CdsService, always
from cds_service.security.callers import Caller
from cds_service.why import Group, Reason, groups, plain
from hooks.counterfactuals import Prospect, prospects
from hooks.engine import Evaluation
from hooks.evaluation import evaluation
from hooks.knowledge.model import Knowledge
from hooks.reasoning import Verdict


class Explanation(msgspec.Struct, frozen=True, dict=True):
    """One request, answered and explained.

    `concerned` False: the gate found no diagnosis that this service is for, so the real answer has no card. The
    evaluation is then what the rules would have said, had they been asked.
    """

    service: str
    call: Call
    concerned: bool
    evaluation: Evaluation

    @property
    def response(self) -> CdsResponse:
        """What goes on the wire."""
        return presented(self.call, CdsResponse(self.evaluation.cards if self.concerned else ()))

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What fires, then what cannot be told, then what is silent; within these, in the order of evaluation."""
        order = ("fires", "cannot tell", "silent")
        return tuple(sorted(self.evaluation.verdicts, key=lambda verdict: order.index(verdict.outcome)))

    @cached_property
    def prospects(self) -> dict[str, Prospect]:
        """What would change the answer of each rule that does not fire, by name. It asks the rules some forty times."""
        return prospects(self.evaluation.assessment, self.evaluation.verdicts, self.call.hook)

    @property
    def groups(self) -> tuple[Group, ...]:
        """All rules, by what they did."""
        return groups(self.verdicts, self.prospects, asked=self.concerned)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The facts that the rules stood on, what was left out, and which sources were looked at."""
        return tables(self.evaluation.assessment, self.call.data)


def explain(
    engine: Engine,
    service: CdsService,
    knowledge: Knowledge,
    body: bytes,
    today: date,
    *,
    caller: Caller | None = None,
) -> Explanation:
    """Answer a request and keep the trace. `caller` None: nobody in particular. Raises as `Engine.answer` does."""
    call = engine.call(service, body, today, caller)
    concerned = call is not None
    if call is None:
        call = engine.call(msgspec.structs.replace(service, asked=always, gate=_open), body, today, caller)
        assert call is not None  # nosec B101  # narrows a type
    return Explanation(service.id, call, concerned, evaluation(call, knowledge))


def _open(data: PatientData, today: date) -> bool:  # noqa: ARG001
    return True


def report(explanation: Explanation, *, changes: bool = True) -> dict[str, Any]:
    """The explanation as JSON values: cards, verdicts with their criteria (`truth` null: cannot be told), facts.

    `changes`: also what each rule lacks, and what would change its answer (`lacks`, `alternatives`).
    """
    found = explanation.prospects if changes else {}
    return {
        "service": explanation.service,
        "patient": explanation.call.data.patient_id,
        "today": explanation.call.today.isoformat(),
        "concerned": explanation.concerned,
        "cards": msgspec.json.decode(encode(explanation.response))["cards"],
        "verdicts": [plain(Reason(verdict, found.get(verdict.rule))) for verdict in explanation.evaluation.verdicts],
        "facts": {
            table.title: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            for table in explanation.tables
        },
    }
