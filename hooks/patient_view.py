"""The `patient-view` service: what is true and due when a chart is opened."""

from functools import partial

from cds_service.registry import CdsService
from hooks.chart.gate import concerns
from hooks.evaluation import answer
from hooks.knowledge.model import Knowledge
from hooks.prefetch import USAGE_REQUIREMENTS, prefetch_templates


def service(knowledge: Knowledge) -> CdsService:
    """The service, on this knowledge."""
    return CdsService(
        id="nam-patient-view",
        hook="patient-view",
        title="Necrotizing autoimmune myopathy: what is due",
        description=(
            "For patients with immune-mediated necrotizing myopathy: whether IVIG, rituximab and methotrexate were "
            "adequate and failed, what may come next, what monitoring and Pneumocystis prophylaxis are due, "
            "and what would be dangerous. Silent for everybody else. "
            "Not reviewed by a clinician; supports, does not replace, clinical judgement."
        ),
        usage_requirements=USAGE_REQUIREMENTS,
        prefetch=prefetch_templates(knowledge),
        gate=partial(concerns, knowledge=knowledge),
        evaluate=partial(answer, knowledge=knowledge),
        snoozes=True,
    )
