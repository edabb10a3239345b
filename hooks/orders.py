"""The `order-select` and `order-sign` services: what would be dangerous about the orders being written.

Both run the rules of `patient-view` that have a star in the specification, on the same chart with the drafts in it. A
patient without myositis, and an order of a drug that no rule knows, are answered before anything is looked at. No
override keeps a card away from the next order: what is said of an order is said of this one.
"""

from functools import partial

from cds_service.registry import CdsService
from hooks.chart.drafts import of_interest
from hooks.chart.gate import concerns
from hooks.evaluation import answer
from hooks.knowledge.model import Knowledge
from hooks.prefetch import USAGE_REQUIREMENTS, prefetch_templates

_WHAT = (
    "For patients with immune-mediated necrotizing myopathy: checks {orders} against the chart: dose of "
    "cyclophosphamide and methotrexate, blood count, pregnancy, infection, hepatitis B, statins, plasma exchange, "
    "Pneumocystis prophylaxis. Silent for everybody else and for every order that is fine. "
    "Not reviewed by a clinician; supports, does not replace, clinical judgement."
)


def order_select(knowledge: Knowledge) -> CdsService:
    """The service for the order that is being chosen."""
    return _service(knowledge, "order-select", "Necrotizing autoimmune myopathy: the order in hand", "selected orders")


def order_sign(knowledge: Knowledge) -> CdsService:
    """The service for all orders about to be signed, revisions of earlier ones too."""
    return _service(knowledge, "order-sign", "Necrotizing autoimmune myopathy: orders to sign", "orders to be signed")


def _service(knowledge: Knowledge, hook: str, title: str, orders: str) -> CdsService:
    return CdsService(
        id=f"nam-{hook}",
        hook=hook,
        title=title,
        description=_WHAT.format(orders=orders),
        usage_requirements=USAGE_REQUIREMENTS,
        prefetch=prefetch_templates(knowledge),
        asked=partial(of_interest, knowledge=knowledge),
        gate=partial(concerns, knowledge=knowledge),
        evaluate=partial(answer, knowledge=knowledge),
    )
