"""Which medication a drug resource means: its code, or the Medication that it refers to (A4)."""

from typing import TypeAlias

import msgspec

from cds_service.fhir.bundles import NOTHING, UNREADABLE
from cds_service.fhir.views import (
    CodeableConcept,
    ContainedId,
    Medication,
    MedicationAdministration,
    MedicationRequest,
    MedicationStatement,
    decode,
)
from hooks.chart.matching import Concept
from hooks.chart.reader import Reader, same_reference

DrugView: TypeAlias = MedicationStatement | MedicationRequest | MedicationAdministration


class Named(msgspec.Struct, frozen=True):
    """The medication of a resource. `form`: its dose form; `problem`: why it is not, or not fully, known."""

    concept: Concept
    form: str = ""
    problem: str = ""


_contained_id = msgspec.json.Decoder(ContainedId)


def medication(reader: Reader, view: DrugView) -> Named:
    """Code, else contained, bundled or fetched Medication, else the words of the reference."""
    matcher = reader.matchers.drugs
    raw = view.medication_codeable_concept or (view.medication.concept if view.medication else NOTHING)
    if raw:
        concept = matcher.concept(raw)
        return Named(concept, problem=concept.problem)
    reference = view.medication_reference or (view.medication.reference if view.medication else None)
    if reference is None:
        return Named(Concept(), problem="no medication is named")
    found = _resolved(reader, view, reference.reference)
    worded = matcher.understood(CodeableConcept(text=reference.display)) if reference.display else Concept()
    if found is None:
        problem = f"the medication {reference.reference or reference.display!r} could not be resolved"
        return Named(worded, problem=problem)
    form = found.form.all_words if found.form else ""
    concept = matcher.concept(found.code)
    return Named(concept if concept.hits else msgspec.structs.replace(worded, problem=concept.problem), form)


def _resolved(reader: Reader, view: DrugView, reference: str) -> Medication | None:
    if reference.startswith("#"):
        raw = next((one for one in view.contained if _id_of(one) == reference[1:]), None)
    else:
        known = reader.data.medications
        raw = next((known[spelling] for spelling in same_reference(reference) if spelling in known), None)
    if raw is None:
        return None
    try:
        return decode(raw, Medication)[0]
    except UNREADABLE:
        return None


def _id_of(raw: msgspec.Raw) -> str:
    try:
        return _contained_id.decode(raw).id
    except UNREADABLE:
        return ""
