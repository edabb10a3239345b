"""Read-only views of FHIR R4 resources: just the fields that are looked at, everything else passes by unread.

`decode` reads one resource into a view. Real records are imperfect: a field that does not fit is left out and named in
the problems, and the rest of the resource is kept. CodeableConcepts that repeat from entry to entry are kept as raw
JSON, so that what was understood once can be found again without reading it.
"""

from decimal import Decimal
from functools import lru_cache

import msgspec

from cds_service.fhir.bundles import MAKING, NOTHING, UNREADABLE, Reference, Resource, V, View, decoder


class Coding(View, frozen=True):
    system: str = ""
    code: str = ""
    display: str = ""


class CodeableConcept(View, frozen=True):
    coding: tuple[Coding, ...] = ()
    text: str = ""

    @property
    def words(self) -> str:
        """The text, or else the first display, or else the first code."""
        return (
            self.text
            or next((c.display for c in self.coding if c.display), "")
            or "".join(c.code for c in self.coding[:1])
        )

    @property
    def all_words(self) -> str:
        """Text and all displays, for looking for words."""
        return "; ".join(filter(None, (self.text, *(c.display for c in self.coding))))


class Quantity(View, frozen=True):
    value: float | None = None
    comparator: str = ""
    unit: str = ""
    code: str = ""


class Range(View, frozen=True):
    low: Quantity | None = None
    high: Quantity | None = None


class Period(View, frozen=True):
    start: str = ""
    end: str = ""


class Identifier(View, frozen=True):
    system: str = ""
    value: str = ""


class Annotation(View, frozen=True):
    text: str = ""


class Repeat(View, frozen=True):
    bounds_period: Period | None = None
    bounds_duration: Quantity | None = None
    count: int | None = None
    frequency: int | None = None
    frequency_max: int | None = None
    period: float | None = None
    period_max: float | None = None
    period_unit: str = ""
    day_of_week: tuple[str, ...] = ()
    time_of_day: tuple[str, ...] = ()
    when: tuple[str, ...] = ()


class Timing(View, frozen=True):
    event: tuple[str, ...] = ()
    repeat: Repeat | None = None
    code: CodeableConcept | None = None


class DoseAndRate(View, frozen=True):
    dose_quantity: Quantity | None = None
    dose_range: Range | None = None


class Dosage(View, frozen=True):
    sequence: int = 0
    text: str = ""
    patient_instruction: str = ""
    timing: Timing | None = None
    as_needed_boolean: bool = False
    as_needed_codeable_concept: CodeableConcept | None = None
    site: CodeableConcept | None = None
    route: CodeableConcept | None = None
    dose_and_rate: tuple[DoseAndRate, ...] = ()


class AdministeredDosage(View, frozen=True):
    text: str = ""
    site: CodeableConcept | None = None
    route: CodeableConcept | None = None
    dose: Quantity | None = None


class Patient(Resource, frozen=True):
    gender: str = ""
    birth_date: str = ""
    deceased_boolean: bool = False
    deceased_date_time: str = ""


class Condition(Resource, frozen=True):
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    code: msgspec.Raw = NOTHING
    onset_date_time: str = ""
    onset_period: Period | None = None
    abatement_date_time: str = ""
    abatement_period: Period | None = None
    recorded_date: str = ""


class ConditionCode(View, frozen=True):
    """The little of a Condition that decides whether anything else has to be looked at."""

    code: msgspec.Raw = NOTHING
    verification_status: msgspec.Raw = NOTHING


class ReferenceRange(View, frozen=True):
    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    text: str = ""


class Observation(Resource, frozen=True):
    identifier: msgspec.Raw = NOTHING
    status: str = ""
    category: msgspec.Raw = NOTHING
    code: msgspec.Raw = NOTHING
    effective_date_time: str = ""
    effective_instant: str = ""
    effective_period: Period | None = None
    issued: str = ""
    value_quantity: Quantity | None = None
    value_integer: float | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str = ""
    value_ratio: msgspec.Raw = NOTHING
    data_absent_reason: CodeableConcept | None = None
    interpretation: msgspec.Raw = NOTHING
    reference_range: msgspec.Raw = NOTHING


class CodeableReference(View, frozen=True):
    """R5: a concept or a reference."""

    concept: msgspec.Raw = NOTHING
    reference: Reference | None = None


class Adherence(View, frozen=True):
    """R5: whether the medication is really taken."""

    code: CodeableConcept | None = None


class MedicationStatement(Resource, frozen=True):
    contained: tuple[msgspec.Raw, ...] = ()
    status: str = ""
    status_reason: tuple[CodeableConcept, ...] = ()
    medication_codeable_concept: msgspec.Raw = NOTHING
    medication: CodeableReference | None = None
    adherence: Adherence | None = None
    effective_date_time: str = ""
    effective_period: Period | None = None
    date_asserted: str = ""
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    note: tuple[Annotation, ...] = ()
    dosage: msgspec.Raw = NOTHING


class MedicationRequest(Resource, frozen=True):
    contained: tuple[msgspec.Raw, ...] = ()
    status: str = ""
    status_reason: CodeableConcept | None = None
    intent: str = ""
    do_not_perform: bool = False
    medication_codeable_concept: msgspec.Raw = NOTHING
    medication: CodeableReference | None = None
    authored_on: str = ""
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    note: tuple[Annotation, ...] = ()
    dosage_instruction: msgspec.Raw = NOTHING
    prior_prescription: Reference | None = None


class MedicationAdministration(Resource, frozen=True):
    contained: tuple[msgspec.Raw, ...] = ()
    status: str = ""
    medication_codeable_concept: msgspec.Raw = NOTHING
    medication: CodeableReference | None = None
    effective_date_time: str = ""
    effective_period: Period | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    note: tuple[Annotation, ...] = ()
    dosage: msgspec.Raw = NOTHING


class Medication(Resource, frozen=True):
    code: msgspec.Raw = NOTHING
    form: CodeableConcept | None = None


class Reaction(View, frozen=True):
    manifestation: tuple[CodeableConcept, ...] = ()
    description: str = ""
    severity: str = ""
    substance: CodeableConcept | None = None


class AllergyIntolerance(Resource, frozen=True):
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    criticality: str = ""
    code: msgspec.Raw = NOTHING
    note: tuple[Annotation, ...] = ()
    reaction: tuple[Reaction, ...] = ()


class Procedure(Resource, frozen=True):
    status: str = ""
    code: msgspec.Raw = NOTHING
    performed_date_time: str = ""
    performed_period: Period | None = None


class ServiceRequest(Resource, frozen=True):
    status: str = ""
    do_not_perform: bool = False
    code: msgspec.Raw = NOTHING
    occurrence_date_time: str = ""
    occurrence_period: Period | None = None


OF_TYPE: dict[str, type[Resource]] = {
    view.__name__: view
    for view in (
        Patient, Condition, Observation, MedicationStatement, MedicationRequest, MedicationAdministration,
        AllergyIntolerance, Procedure,
    )
}  # fmt: skip
"""The view of each type of resource that is asked for."""


class ContainedId(View, frozen=True):
    id: str = ""


@lru_cache(maxsize=64)
def _array_decoder(view: type[V]) -> msgspec.json.Decoder[tuple[V, ...] | None]:
    with MAKING:
        return msgspec.json.Decoder(tuple[view, ...] | None)  # type: ignore[valid-type]


def array(raw: msgspec.Raw | bytes, view: type[V]) -> tuple[tuple[V, ...], str]:
    """The members of an array that was kept raw, none where there is none; and why it could not be read."""
    if not raw:
        return (), ""
    decoder = _array_decoder(view)
    try:
        return decoder.decode(raw) or (), ""
    except UNREADABLE as error:
        problem = str(error)
    try:
        return decoder.decode(_without_nulls(raw)) or (), ""
    except UNREADABLE:
        return (), problem


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_exact = msgspec.json.Decoder(float_hook=Decimal)
_exact_encoder = msgspec.json.Encoder(decimal_format="number")


def decode(raw: msgspec.Raw | bytes, view: type[V]) -> tuple[V, dict[str, str]]:
    """Read one resource. Returns the view and, by JSON name, what was wrong with each field that had to be left out.

    Raises msgspec.ValidationError when the JSON is no object.
    """
    try:
        return decoder(view).decode(raw), NO_PROBLEMS
    except msgspec.ValidationError:
        raw = _without_nulls(raw)
    try:
        return decoder(view).decode(raw), NO_PROBLEMS
    except msgspec.ValidationError:
        return _decode_by_field(raw, view)


def _without_nulls(raw: msgspec.Raw | bytes) -> msgspec.Raw | bytes:
    """The same JSON without nulls, which clients send for what they do not have (CH-REQ-13); as it is if it has none.

    Numbers stay as they are written; where the JSON cannot be taken apart, so does everything.
    """
    if b"null" not in bytes(raw):
        return raw
    try:
        return _exact_encoder.encode(_said(_exact.decode(raw)))
    except (*UNREADABLE, ArithmeticError):
        return raw


def _said(value: object) -> object:
    if isinstance(value, dict):
        return {name: _said(member) for name, member in value.items() if member is not None}
    return [_said(member) for member in value if member is not None] if isinstance(value, list) else value


NO_PROBLEMS: dict[str, str] = {}


def _decode_by_field(raw: msgspec.Raw | bytes, view: type[V]) -> tuple[V, dict[str, str]]:
    members = _members.decode(raw)
    found: dict[str, object] = {}
    problems: dict[str, str] = {}
    for field in msgspec.structs.fields(view):
        value = members.get(field.encode_name)
        if value is None or bytes(value) == b"null":
            continue
        try:
            found[field.name] = msgspec.json.decode(value, type=field.type)
        except UNREADABLE as error:
            problems[field.encode_name] = str(error)
    return view(**found), problems
