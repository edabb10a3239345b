"""The orders of the request (`context.draftOrders`) → what is being ordered, and what it replaces or ends on the chart.

A draft is a fact with the status `draft`. It is taken as it comes: incomplete, without status, intent, subject or id;
what it does not say is unknown. On re-signing an order may have any status (CH-CTX-06); one that ends a drug orders
nothing.
"""

from collections import Counter

import msgspec

from cds_service.fhir.bundles import Resource, Subject
from cds_service.fhir.dates import day
from cds_service.fhir.views import MedicationRequest, ServiceRequest, decode
from cds_service.patient_data import DRAFT_ORDERS, Entry, PatientData
from hooks.chart.courses import read_resource
from hooks.chart.facts import Diagnosis, DrugCourse, Infusion, Session
from hooks.chart.matching import matchers
from hooks.chart.procedures import ivig
from hooks.chart.reader import Reader, same_reference
from hooks.knowledge.model import Knowledge

_ENDING = frozenset({"stopped", "cancelled", "completed", "ended", "revoked", "on-hold", "entered-in-error"})
_ORDERS: dict[str, type[Resource]] = {"MedicationRequest": MedicationRequest, "ServiceRequest": ServiceRequest}


class Drafts(msgspec.Struct, frozen=True, kw_only=True):
    """What the drafts say. `replaced`: references of orders on the chart that they replace or end.

    `ended`: (drug, ingredient) of orders that end a drug. `leading`: sources of those that the hook asks about.
    """

    courses: tuple[DrugCourse, ...] = ()
    sessions: tuple[Session, ...] = ()
    raw: dict[str, msgspec.Raw] = {}
    replaced: frozenset[str] = frozenset()
    ended: dict[str, frozenset[tuple[str, str]]] = {}
    leading: frozenset[str] = frozenset()

    def applied(self, courses: list[DrugCourse]) -> tuple[DrugCourse, ...]:
        """The chart's courses as they stand once the drafts are signed, and the drafts.

        An order that ends a drug ends the course it names; where the chart has none of that name, all of the drug.
        """
        known = {reference for course in courses for reference in (course.source, *course.sources)}
        drugs = frozenset().union(*(drugs for source, drugs in self.ended.items() if source not in known))
        result: list[DrugCourse] = []
        for course in courses:
            over = (course.drug, course.ingredient) in drugs or not self.replaced.isdisjoint(
                (course.source, *course.sources)
            )
            if not over:
                result.append(course)
            elif course.status != "planned":
                result.append(msgspec.structs.replace(course, superseded=True))
        return (*result, *self.courses)


def without_superseded(infusions: tuple[Infusion, ...], courses: tuple[DrugCourse, ...]) -> tuple[Infusion, ...]:
    """The infusions without those still to come of orders that are replaced or ended."""
    over = {course.source for course in courses if course.superseded}
    return tuple([i for i in infusions if i.status != "planned" or i.course not in over]) if over else infusions


def of_interest(data: PatientData, knowledge: Knowledge) -> bool:
    """Whether one of the orders that the hook asks about is, or may be, of a drug or procedure that is known here."""
    known = matchers(knowledge)
    for entry in _leading(data):
        match _decoded(entry):
            case MedicationRequest() as order:
                if order.medication_reference or order.medication:
                    return True  # who knows, before it is resolved
                found = known.drugs.concept(order.medication_codeable_concept)
                if found.hits or found.excluded:
                    return True
            case ServiceRequest() as order if known.procedures.concept(order.code).value_sets:
                return True
    return False


def read_drafts(reader: Reader, diagnoses: tuple[Diagnosis, ...]) -> Drafts:
    """What is being ordered. Resources of other types are passed over (CH-HOOK-06)."""
    by_reference = {diagnosis.source: diagnosis for diagnosis in diagnoses}
    courses: list[DrugCourse] = []
    sessions: list[Session] = []
    raw: dict[str, msgspec.Raw] = {}
    replaced: set[str] = set()
    ended: dict[str, frozenset[tuple[str, str]]] = {}
    sources = _sources(reader.entries(DRAFT_ORDERS))
    for entry in reader.entries(DRAFT_ORDERS):
        source = sources[entry.location]
        match _decoded(entry):
            case MedicationRequest() as order:
                found = _drugs(reader, entry, order, by_reference, named=source != entry.location)
                if not found:
                    continue
                replaced.add(_reference(entry))
                if order.prior_prescription:
                    replaced.update(same_reference(order.prior_prescription.reference))
                if order.do_not_perform or order.status in _ENDING:
                    ended[source] = frozenset((course.drug, course.ingredient) for course in found)
                else:
                    courses += found
                    raw[source] = entry.resource
            case ServiceRequest() as order if not (order.do_not_perform or order.status in _ENDING):
                _read_procedure(reader, source, order, courses, sessions)
    return Drafts(
        courses=tuple(courses),
        sessions=tuple(sessions),
        raw=raw,
        replaced=frozenset(replaced),
        ended=ended,
        leading=frozenset(sources[entry.location] for entry in _leading(reader.data)),
    )


def _leading(data: PatientData) -> tuple[Entry, ...]:
    """The selected drafts; all of them where nothing was selected that is among them (CH-CTX-05, CH-HOOK-05)."""
    source = data.sources.get(DRAFT_ORDERS)
    entries = source.entries if source else ()
    wanted = {name for reference in data.selections for name in same_reference(reference)}
    return tuple(entry for entry in entries if not wanted.isdisjoint(_names(entry))) or entries


def _names(entry: Entry) -> tuple[str, ...]:
    return (_reference(entry), *same_reference(entry.full_url))


def _sources(entries: tuple[Entry, ...]) -> dict[str, str]:
    """By location, the reference of each order; its location where no id, or that of another too, is all it has.

    So no suggestion deletes or changes an order that was not meant.
    """
    often = Counter(map(_reference, entries))
    return {e.location: e.location if often[_reference(e)] > 1 else _reference(e) for e in entries}


def _reference(entry: Entry) -> str:
    head = entry.head
    return f"{head.resource_type}/{head.id}" if head and head.id else entry.location


def _decoded(entry: Entry) -> Resource | None:
    """The order, without what of it cannot be read; None for what is no order of a kind that is known here."""
    head = entry.head
    view = _ORDERS.get(head.resource_type or "") if head else None
    if view is None:
        return None
    return head if isinstance(head, view) else decode(entry.resource, view)[0]


def _drugs(
    reader: Reader, entry: Entry, order: MedicationRequest, diagnoses: dict[str, Diagnosis], *, named: bool
) -> list[DrugCourse]:
    """What a MedicationRequest orders, or ends: read as an order of this patient, written today unless it says else.

    `named`: its id names this order alone.
    """
    plain = msgspec.structs.replace(
        order,
        id=order.id if named else "",
        status="draft",
        intent="order",
        do_not_perform=False,
        status_reason=None,
        authored_on=order.authored_on or reader.today.isoformat(),
        subject=Subject(f"Patient/{reader.data.patient_id}"),
    )
    found = read_resource(reader, msgspec.structs.replace(entry, head=plain), MedicationRequest, diagnoses)
    today = day(reader.today)
    return [msgspec.structs.replace(course, status="draft", start=course.start or today) for course in found]


def _read_procedure(
    reader: Reader, source: str, order: ServiceRequest, courses: list[DrugCourse], sessions: list[Session]
) -> None:
    """A plasma exchange, or IVIG by its procedure code."""
    concept = reader.matchers.procedures.concept(order.code)
    if not concept.value_sets:
        return
    named = min(concept.value_sets)
    start, end = reader.period(order.occurrence_period, "occurrencePeriod", source, named)
    when = reader.date(order.occurrence_date_time, "occurrenceDateTime", source, named) or start
    if named == "plasma-exchange":
        sessions.append(Session(source=source, when=when, performed=False, planned=True, draft=True))
        return
    courses.append(ivig(source, concept.text, "draft", when, end))
