"""The facts that reasoning stands on: small frozen values, units normalised, each with the resource it came from.

Readers make them from FHIR; assessments and rules never see FHIR. Value-set names (`concepts`, `concept`, `drug`)
are the ids of the files in `hooks/knowledge/value_sets`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, Literal, TypeVar

import msgspec

from cds_service.fhir.dates import FhirDate
from cds_service.patient_data import SourceState

Gender = Literal["female", "male", "other", "unknown", ""]
Result = Literal["positive", "negative", "indeterminate"]
CourseStatus = Literal["active", "on-hold", "completed", "stopped", "unknown", "planned", "draft"]
"""`planned`: intended, a draft order on the chart, or to start later. `draft`: an order of the request's context."""
MatchMethod = Literal["code", "atc", "display", "text"]


class Fact(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where a fact came from: `source` is a reference such as `Observation/ck-1`, or the place in the request."""

    source: str


class Person(Fact, frozen=True):
    """The patient. `deceased` and `born` as recorded; a `born` of None means that the age is unknown."""

    gender: Gender = ""
    born: FhirDate | None = None
    deceased: bool = False


class Diagnosis(Fact, frozen=True):
    """A Condition that is neither refuted nor entered in error.

    `concepts`: every value set that it belongs to. `current`: clinicalStatus active, recurrence, relapse or missing
    (A4). `onset`: onset or abatement-independent start; `recorded`: recordedDate.
    """

    concepts: frozenset[str]
    text: str
    current: bool
    onset: FhirDate | None = None
    recorded: FhirDate | None = None
    verification: str = ""
    """verificationStatus as recorded (`confirmed`, `provisional`, …); empty when not stated."""

    @property
    def since(self) -> FhirDate | None:
        """Onset, or else the date of record."""
        return self.onset or self.recorded


class LabResult(Fact, frozen=True):
    """One laboratory result or measurement.

    `value` in the concept's own unit (`unit`): CK U/L, creatinine µmol/L, cells 10*9/L, Hb g/dL, IgG g/L, potassium
    mmol/L, eGFR mL/min/1.73m², weight kg, height cm. `value` is None when only a coded or text result was given, or
    when the unit was not understood (then `doubt` says so). `comparator` as in FHIR (`<`, `>=` …). `upper` is the upper
    reference limit in the same unit. `result` is the coded, flagged or worded verdict, as B9 orders them.
    """

    concept: str
    when: FhirDate | None
    value: float | None = None
    unit: str = ""
    comparator: str = ""
    upper: float | None = None
    lower: float | None = None
    result: Result | None = None
    text: str = ""
    preliminary: bool = False
    raw: float | None = None
    """The number as written, where its unit was not understood."""
    doubt: str = ""
    """Why this result may not decide anything (A4: ambiguous unit, conflicting duplicates, …); empty when it may."""


class StrengthScore(Fact, frozen=True):
    """One MMT-8 score. `fraction` = score / maximum (0 to 1), None while the scale is ambiguous (A4)."""

    value: float
    scale: Literal["150", "80", "percent", ""]
    when: FhirDate | None
    fraction: float | None
    doubt: str = ""

    def __str__(self) -> str:
        shown = f"{self.value:g}"
        return f"{shown} %" if self.scale == "percent" else f"{shown}/{self.scale or '?'}"


class Dosing(msgspec.Struct, frozen=True, gc=False):
    """How much is taken, how often: one step of a regimen (A5). What was not understood is None, never a guess.

    `low`/`high`: the two ends of a dose range per administration (equal when no range), in `basis`. `per_day`:
    administrations per day (weekly = 1/7), None when not stated. `count`: number of administrations stated.
    """

    low: float | None = None
    high: float | None = None
    basis: Literal["mg", "mg/kg", "mg/m2"] = "mg"
    per_day: float | None = None
    count: int | None = None
    dates: tuple[FhirDate, ...] = ()
    start: FhirDate | None = None
    end: FhirDate | None = None
    as_needed: bool = False
    from_text: bool = False
    total: bool = False
    """`low`/`high` are the total of the whole course ("assumed total" of A5), not one administration."""
    over_days: int = 1
    """Days over which one administration is given ("2 g/kg over 5 days")."""
    problem: str = ""
    """Why the dose is unknown, for people."""

    def __str__(self) -> str:
        """The step as it was understood, for people."""
        if self.low is None and self.high is None:
            return self.problem
        ends = dict.fromkeys(f"{end:g}" for end in (self.low, self.high) if end is not None)
        text = f"{' to '.join(ends)} {self.basis.replace('m2', 'm²')}"
        if self.total:
            text += " in total"
        elif self.per_day is not None:
            text += f" every {1 / self.per_day:g} days" if 0 < self.per_day < 1 else f", {self.per_day:g} × a day"
        return text + (" as needed" if self.as_needed else "") + (f" ({self.problem})" if self.problem else "")

    @property
    def daily(self) -> bool:
        """Taken on more than one day a week, at least once a day (the reading of S9-MTX-DAILY)."""
        return self.per_day is not None and self.per_day >= 1

    @property
    def mg_per_day(self) -> float | None:
        """The lower end of the regular daily dose in mg; None when unknown, as needed or per kg."""
        return self.low * self.per_day if self._regular and self.low is not None and self.per_day else None

    @property
    def mg_per_day_high(self) -> float | None:
        """The upper end of the regular daily dose in mg."""
        return self.high * self.per_day if self._regular and self.high is not None and self.per_day else None

    @property
    def _regular(self) -> bool:
        return self.basis == "mg" and not self.as_needed and not self.total


class DrugCourse(Fact, frozen=True):
    """One course of one drug, however many resources told of it (`sources`).

    `drug`: value-set id of the class (`ivig`, `rituximab`, `methotrexate`, `glucocorticoid`, `statin` …);
    `ingredient`: the substance in lower case (`prednisone`). `start`/`end`: None when not known.
    `steps`: the regimen, in order (more than one for a taper). `kind`: the resource type of the leading resource.
    """

    drug: str
    ingredient: str
    text: str
    status: CourseStatus
    kind: Literal["MedicationStatement", "MedicationRequest", "MedicationAdministration", "Procedure"]
    start: FhirDate | None = None
    end: FhirDate | None = None
    steps: tuple[Dosing, ...] = ()
    route: str = ""
    intolerance: str = ""
    """The documented reason that says the drug was not tolerated, verbatim; empty when none (B0, B9)."""
    failure: str = ""
    """The documented reason that says the drug did not work, verbatim; empty when none (B0, B9)."""
    other_indication: str = ""
    """Why this course was for another disease (A4 traps: lymphoma, ectopic pregnancy, intrathecal …)."""
    match: MatchMethod = "code"
    low_confidence: bool = False
    known_by: FhirDate | None = None
    """dateAsserted: it was taken by then, which says nothing of when it began (A4)."""
    sources: tuple[str, ...] = ()
    doubt: str = ""
    """What is doubtful about it (`active` with an end in the past, unresolved reference …); feeds DataQuality."""
    superseded: bool = False
    """An order of this request replaces or ends it: it is history, and no longer taken."""


class Infusion(Fact, frozen=True):
    """One infusion, or one block of infusions given together (an IVIG course over up to 5 days, a CYC pulse).

    `amount` in `basis`, total of the block; None when unknown. `days`: from first to last day, both included.
    """

    drug: str
    when: FhirDate | None
    days: int
    amount: float | None
    basis: Literal["mg", "mg/kg", "mg/m2"]
    status: CourseStatus
    from_text: bool = False
    assumed_total: bool = False
    problem: str = ""
    other_indication: str = ""
    """As on the course it belongs to; such infusions count for cumulative dose and B-cell state only (A4)."""
    course: str = ""
    """`source` of the DrugCourse it was expanded from; empty for a procedure code."""

    def __str__(self) -> str:
        """The amount, for people; empty where it is not known."""
        if self.amount is None:
            return ""
        if self.basis == "mg" and self.amount >= 1000:
            return f"{self.amount / 1000:g} g"
        return f"{self.amount:g} {self.basis.replace('m2', 'm²')}"


class Allergy(Fact, frozen=True):
    """An AllergyIntolerance that is active and neither refuted nor entered in error.

    `concepts`: value sets it names (`sulfonamide-antibiotic`, `statin`, or a drug class). `severe`: reaction coded or
    worded as SJS/TEN/DRESS/anaphylaxis, severity severe, or criticality high.
    """

    concepts: frozenset[str]
    text: str
    severe: bool
    scar: bool = False
    """A severe cutaneous reaction (SJS, TEN, DRESS): also blocks dapsone (B3)."""


class Session(Fact, frozen=True):
    """A plasma exchange session: `performed` (completed or in progress) or planned; `draft`: ordered in the request."""

    drug: ClassVar[str] = "plasma-exchange"
    """By this name it stands among the orders, beside the drugs."""

    when: FhirDate | None
    performed: bool
    planned: bool
    draft: bool = False


DropKind = Literal[
    "unreadable",
    "part unreadable",
    "another type",
    "another patient",
    "unknown patient",
    "not in force",
    "unidentified drug",
    "no value",
    "impossible value",
    "in the future",
    "duplicate",
    "contradiction",
    "replaced",
]
"""Why an entry was not used, in words that tell nothing of the patient. Not in force: entered in error, not taken, …"""


class Dropped(msgspec.Struct, frozen=True, gc=False):
    """An entry that was not used, and why. `concept`: what it would have been, when that could be seen.

    `doubtful`: it could not be read, and might have counted; False for what is rightly refused (entered in error, not
    taken, a duplicate). Only the doubtful ones feed DataQuality.
    """

    source: str
    reason: str
    concept: str = ""
    when: FhirDate | None = None
    doubtful: bool = False
    kind: DropKind = "unreadable"


class Chart(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All facts about one patient.

    `labs`: by concept, newest first. `scores`: newest first. `checked`: state of each prefetch source, so that "none
    recorded" and "not checked" stay apart (B9). `raw`: the FHIR JSON of resources that a suggestion may want to update,
    by reference.
    """

    patient_id: str
    person: Person
    diagnoses: tuple[Diagnosis, ...] = ()
    labs: Mapping[str, tuple[LabResult, ...]] = {}
    scores: tuple[StrengthScore, ...] = ()
    courses: tuple[DrugCourse, ...] = ()
    infusions: tuple[Infusion, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    sessions: tuple[Session, ...] = ()
    dropped: Sequence[Dropped] = ()
    checked: dict[str, SourceState] = {}
    unchecked_because: dict[str, str] = {}
    raw: dict[str, msgspec.Raw] = {}
    leading: frozenset[str] = frozenset()
    """Sources of the drafts that an order hook asks about: the selected ones, or all of them (CH-HOOK-05)."""

    @cached_property
    def ordered(self) -> tuple[DrugCourse | Session, ...]:
        """The drafts of the request, as far as they are drugs and procedures that are known here."""
        courses = (course for course in self.courses if course.status == "draft")
        return (*courses, *(session for session in self.sessions if session.draft))

    def courses_of(self, drug: str) -> tuple[DrugCourse, ...]:
        """Every course of one drug."""
        return self._courses_by_drug.get(drug, ())

    def infusions_of(self, drug: str) -> tuple[Infusion, ...]:
        """Every infusion of one drug."""
        return self._infusions_by_drug.get(drug, ())

    @cached_property
    def _courses_by_drug(self) -> dict[str, tuple[DrugCourse, ...]]:
        return _by_drug(self.courses)

    @cached_property
    def _infusions_by_drug(self) -> dict[str, tuple[Infusion, ...]]:
        return _by_drug(self.infusions)

    @cached_property
    def usable_labs(self) -> "UsableLabs":
        """Results with an undoubted value and a known day, by concept, with their days."""
        return UsableLabs(self.labs)

    @cached_property
    def usable_scores(self) -> tuple[StrengthScore, ...]:
        """MMT-8 scores with a known scale and day, newest first."""
        return tuple(s for s in self.scores if s.fraction is not None and s.when and s.when.exact)

    @cached_property
    def score_days(self) -> list[int]:
        """The days of `usable_scores`, as those of `usable_labs`."""
        return [-s.when.earliest.toordinal() for s in self.usable_scores if s.when]


class UsableLabs(dict[str, tuple[tuple[LabResult, ...], list[int]]]):
    """Of each concept the usable results, newest first, and their days; picked out when first asked for.

    The days are negative ordinals, so that they ascend: for finding the nearest one.
    """

    def __init__(self, labs: Mapping[str, tuple[LabResult, ...]]) -> None:
        self._labs = labs

    def __missing__(self, concept: str) -> tuple[tuple[LabResult, ...], list[int]]:
        results = self._labs.get(concept, ())
        usable = [r for r in results if r.value is not None and not r.doubt and r.when and r.when.exact]
        self[concept] = tuple(usable), [-r.when.earliest.toordinal() for r in usable if r.when]
        return self[concept]


Given = TypeVar("Given", DrugCourse, Infusion)


def _by_drug(facts: tuple[Given, ...]) -> dict[str, tuple[Given, ...]]:
    found: dict[str, list[Given]] = defaultdict(list)
    for fact in facts:
        found[fact.drug].append(fact)
    return {drug: tuple(those) for drug, those in found.items()}
