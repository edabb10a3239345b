"""What this service knows about necrotizing autoimmune myopathy. No Flask, no HTTP, no clock in here."""

from cds_service.registry import CdsService
from hooks import orders, patient_view
from hooks.knowledge import load
from hooks.knowledge.model import Knowledge

__all__ = ["load", "services"]


def services(knowledge: Knowledge) -> tuple[CdsService, ...]:
    """Every service that this package offers."""
    return (patient_view.service(knowledge), orders.order_select(knowledge), orders.order_sign(knowledge))
