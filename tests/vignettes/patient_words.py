"""The parts of a patient as vignettes describe them; README.md explains each key."""

from typing import Annotated, Literal

import msgspec

FhirDate = Annotated[str, msgspec.Meta(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]
Form = Literal["statement", "request", "administration"]


class PatientError(ValueError):
    """What is wrong in the description of a patient, beginning with the key it stands under."""


class _Words(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all parts of the language: an unknown key is an error."""


class Diagnosis(_Words):
    """An entry of the problem list: a word of the vocabulary, or text as a clinician typed it."""

    is_: str | None = msgspec.field(default=None, name="is")
    text: str | None = None
    status: Literal["active", "recurrence", "relapse", "inactive", "remission", "resolved"] = "active"
    verification: Literal["confirmed", "provisional", "refuted", "entered-in-error"] = "confirmed"
    onset: FhirDate | None = None
    recorded: FhirDate | None = None


class Course(_Words):
    """One course of a drug; with several dates in ``on``, one course for each."""

    status: str
    dose: str | None = None
    every: str | None = None
    times: int | None = None
    count: int | None = None
    dosage_text: str | None = None
    as_needed: bool = False
    from_: FhirDate | None = msgspec.field(default=None, name="from")
    to: FhirDate | None = None
    lasts: str | None = None
    on: FhirDate | list[FhirDate] | None = None
    ordered: FhirDate | None = None
    as_: Form = msgspec.field(default="statement", name="as")
    product: str | None = None
    route: str | None = None
    reason: str | None = None
    for_: str | None = msgspec.field(default=None, name="for")
    note: str | None = None


class Finding(_Words):
    """One result: a number with unit ("6200 U/L"), a score ("96/150"), or a word (negative, positive, or free text)."""

    value: int | float | str
    on: FhirDate
    normal_up_to: float | None = None
    normal_from: float | None = None
    status: str = "final"
    test: str | None = None


class AllergyEntry(_Words):
    """An allergy: a drug word of the vocabulary, or text."""

    to: str
    reaction: str | None = None
    severe: bool = False
    status: Literal["active", "inactive", "resolved"] = "active"


class ProcedureEntry(_Words):
    """A procedure done (completed) or planned (preparation)."""

    is_: str = msgspec.field(name="is")
    on: FhirDate
    status: Literal["preparation", "in-progress", "not-done", "completed", "entered-in-error"] = "completed"


class OrderedProcedure(_Words):
    """An order of a procedure, in the drafts of an order hook."""

    procedure: str
    on: FhirDate | None = None
    status: Literal["draft", "active", "on-hold", "revoked", "completed", "entered-in-error"] = "draft"


class Patient(_Words):
    """A whole patient. ``unavailable``: sources that answered with an error; ``absent``: keys that were not sent."""

    sex: Literal["female", "male", "other", "unknown"] | None = None
    born: FhirDate | None = None
    died: FhirDate | None = None
    conditions: list[Diagnosis] = []
    drugs: dict[str, list[Course]] = {}
    results: dict[str, list[Finding]] = {}
    allergies: list[AllergyEntry] = []
    procedures: list[ProcedureEntry] = []
    unavailable: list[str] = []
    absent: list[str] = []
