"""What MedicationStatement, MedicationRequest and MedicationAdministration tell, in one shape (A4, A5)."""

from typing import Literal

import msgspec

from cds_service.fhir.dates import FhirDate
from cds_service.fhir.views import MedicationAdministration, MedicationRequest, MedicationStatement
from hooks.chart.facts import CourseStatus
from hooks.chart.medications import DrugView
from hooks.chart.reader import Reader, code_of

_STATEMENT: dict[str, CourseStatus] = {
    "active": "active", "completed": "completed", "stopped": "stopped", "on-hold": "on-hold", "unknown": "unknown",
    "intended": "planned", "draft": "planned", "": "unknown",
}  # fmt: skip
_REQUEST: dict[str, CourseStatus] = {
    "active": "active", "completed": "completed", "stopped": "stopped", "draft": "planned",
}  # fmt: skip
_ADMINISTRATION: dict[str, CourseStatus] = {"completed": "completed", "in-progress": "active"}
_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_ADHERENCE: dict[str, CourseStatus | None] = {"not-taking": None, "on-hold": "on-hold", "stopped": "stopped"}


Kind = Literal["MedicationStatement", "MedicationRequest", "MedicationAdministration", "Procedure"]


class Given(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One resource's telling. `moment`: it speaks of a single point in time;"""

    status: CourseStatus
    kind: Kind
    dosage: msgspec.Raw
    start: FhirDate | None
    end: FhirDate | None = None
    moment: bool = False
    status_reason: str = ""
    known_by: FhirDate | None = None


def refused(view: DrugView) -> str:
    """Why a resource shows neither exposure nor a plan; empty when it does (A4, A5)."""
    if isinstance(view, MedicationStatement):
        status = code_of(view.adherence.code) if view.adherence else ""
        if view.status in _STATEMENT or view.status == "recorded":
            return "is not taken" if status in _ADHERENCE and _ADHERENCE[status] is None else ""
        return f"is {view.status}"
    if isinstance(view, MedicationAdministration):
        shown = view.status in _ADMINISTRATION
        return "" if shown else f"is {view.status or 'without status'}: nothing shows that it was given"
    if view.do_not_perform:
        return "says that the drug is not to be given"
    if view.intent not in _ORDERS:
        return f"is no order (intent {view.intent or 'not stated'})"
    return "" if view.status in _REQUEST else f"is {view.status or 'without status'}: shows no exposure"


def given(reader: Reader, view: DrugView, source: str, concept: str) -> Given:
    """What a resource that was not refused says. The start of an order is the day it was written."""
    if isinstance(view, MedicationRequest):
        return Given(
            status=_REQUEST[view.status],
            kind="MedicationRequest",
            dosage=view.dosage_instruction,
            start=reader.date(view.authored_on, "authoredOn", source, concept),
            status_reason=view.status_reason.all_words if view.status_reason else "",
        )
    start, end = reader.period(view.effective_period, "effectivePeriod", source, concept)
    moment = reader.date(view.effective_date_time, "effectiveDateTime", source, concept)
    if isinstance(view, MedicationAdministration):
        at = start or moment
        return Given(
            status=_ADMINISTRATION[view.status],
            kind="MedicationAdministration",
            dosage=view.dosage,
            start=at,
            end=end or at,
            moment=True,
        )
    return Given(
        status=_statement_status(reader, view, end),
        kind="MedicationStatement",
        dosage=view.dosage,
        start=start or moment,
        end=end,
        moment=moment is not None and start is None,
        status_reason="; ".join(reason.all_words for reason in view.status_reason) if view.status_reason else "",
        known_by=reader.date(view.date_asserted, "dateAsserted", source, concept),
    )


def _statement_status(reader: Reader, view: MedicationStatement, end: FhirDate | None) -> CourseStatus:
    adherence = code_of(view.adherence.code) if view.adherence else ""
    told = _ADHERENCE.get(adherence)
    if told:
        return told
    if view.status != "recorded":
        return _STATEMENT[view.status]
    if end and end.latest < reader.today:
        return "completed"
    return "active" if view.effective_period else "unknown"
