"""Drug resources → courses, one for each resource and drug; `grouping` joins those that belong together (A4, A5)."""

import msgspec

from cds_service.fhir.dates import FhirDate
from cds_service.fhir.views import MedicationAdministration, MedicationRequest, MedicationStatement
from cds_service.patient_data import Entry
from hooks.chart import reasons
from hooks.chart.facts import CourseStatus, Diagnosis, Dosing, DrugCourse
from hooks.chart.indications import other_indication
from hooks.chart.infused import infused
from hooks.chart.matching import ROUTE_UNKNOWN, Hit
from hooks.chart.medications import DrugView, Named, medication
from hooks.chart.reader import Reader
from hooks.chart.regimens import Regimen, in_time, regimen
from hooks.chart.routes import route_of
from hooks.chart.spans import last_dose
from hooks.chart.strengths import strength_of
from hooks.chart.told import Given, given, refused

_BY_ROUTE = {"subcutaneous": "scig", "intramuscular": "immunoglobulin-not-iv", "intravenous": "ivig"}
_ROUTE_SETTLED = frozenset({"ivig", "methotrexate", ROUTE_UNKNOWN})
"""Drugs for which the route says more than whether they are systemic."""

_SEVERAL = frozenset(
    {
        "statin", "jak-inhibitor", "lipid-alternative", "folate", "ace-inhibitor", "rifamycin",
        "complement-or-fcrn-inhibitor",
    }
)  # fmt: skip
"""Classes of several substances: the ingredient is the substance named, not the class."""


def read_courses(reader: Reader, diagnoses: tuple[Diagnosis, ...]) -> tuple[list[DrugCourse], dict[str, msgspec.Raw]]:
    """One course for each resource and drug of interest, ungrouped; and the JSON of statin orders and statements."""
    by_reference = {diagnosis.source: diagnosis for diagnosis in diagnoses}
    courses: list[DrugCourse] = []
    raw: dict[str, msgspec.Raw] = {}
    for key, kind in (
        ("medicationStatements", MedicationStatement),
        ("medicationRequests", MedicationRequest),
        ("medicationAdministrations", MedicationAdministration),
    ):
        for entry in reader.entries(key):
            found = read_resource(reader, entry, kind, by_reference)
            courses.extend(found)
            if kind is not MedicationAdministration and any(course.drug == "statin" for course in found):
                raw[found[0].source] = entry.resource
    return courses, raw


class _Resource(msgspec.Struct, frozen=True, gc=False):
    """A drug resource of this patient, with what was understood of it."""

    view: DrugView
    source: str
    named: Named
    told: Given


class _Drug(msgspec.Struct, frozen=True, gc=False):
    """What code and dosage of a resource say of one drug, whenever it is taken."""

    hit: Hit
    value_set: str
    name: str
    route: str
    doses: Regimen
    faulty: bool
    """Whether something of the dosage had to be left out."""


def _drugs(reader: Reader, named: Named, told: Given, hits: tuple[Hit, ...]) -> tuple[_Drug, ...]:
    """The drugs of a resource; not those whose route shows that they are no systemic treatment."""
    # Concepts that were read from one piece of JSON are one object, which is kept along with what it stands for.
    concept, administered = named.concept, told.kind == "MedicationAdministration"
    key = id(concept), bytes(told.dosage), administered, named.form
    if key not in reader.known:
        found = (_drug(reader, named, told.dosage, hit, administered=administered) for hit in hits)
        reader.known[key] = concept, tuple([drug for drug in found if drug])
    drugs: tuple[_Drug, ...] = reader.known[key][1]
    return drugs


def _drug(reader: Reader, named: Named, dosage: msgspec.Raw, hit: Hit, *, administered: bool) -> _Drug | None:
    concept, value_set = named.concept, hit.value_set
    strength = strength_of((*concept.displays, concept.text, hit.words))
    doses = regimen(dosage, administered, named.form, strength)
    if value_set not in _ROUTE_SETTLED and value_set in reader.matchers.drugs.vetoed(doses.words):
        return None
    if value_set in ("ivig", ROUTE_UNKNOWN):
        value_set = _BY_ROUTE.get(doses.route, value_set)
    route = doses.route or route_of(f"{concept.all_words}; {hit.words}")
    faulty = bool(doses.unreadable) or any(step.left_out for step in doses.steps)
    return _Drug(hit, value_set, reader.knowledge.value_sets[value_set].drug, route, doses, faulty)


def read_resource(
    reader: Reader, entry: Entry, kind: type[DrugView], diagnoses: dict[str, Diagnosis]
) -> list[DrugCourse]:
    """The courses, one for each drug, that one resource tells of; none when it tells of none."""
    decoded = reader.decode(entry, kind)
    if decoded is None:
        return []
    view, source, problems = decoded
    named = medication(reader, view)
    hits = named.concept.hits
    if named.concept.excluded:
        hits = (*hits, *(hit for hit in named.concept.excluded if hit.value_set == "methotrexate"))
    if not hits:
        wrong = next((p for f, p in problems.items() if f.startswith("medication")), named.problem)
        if wrong and not named.concept.text:
            reader.drop(source, "unidentified drug", wrong, "unidentified-drug", doubtful=True)
        return []
    concept = hits[0].value_set
    if problems and not reader.standing(source, problems, concept):
        return []
    refusal = refused(view)
    if refusal:
        reader.drop(source, "not in force", refusal, concept)
        return []
    if not reader.mine(view.subject, source, concept):
        return []
    if problems:
        reader.left_out(source, problems, concept)
    resource = _Resource(view, source, named, given(reader, view, source, concept))
    return [_course(reader, resource, drug, diagnoses) for drug in _drugs(reader, named, resource.told, hits)]


def _course(reader: Reader, resource: _Resource, of: _Drug, diagnoses: dict[str, Diagnosis]) -> DrugCourse:
    """The course of one drug."""
    told, concept, doses = resource.told, resource.named.concept, of.doses
    drug, route, hit = of.name, of.route, of.hit
    steps = in_time(doses.steps, told.start) if doses.steps else ()
    steps = _counted(steps, told, infused(drug, route, steps, moment=told.moment), reader.reading.total_days.value)
    if of.faulty:
        _report(reader, resource, doses, of.value_set)
    start = _start(told, steps)
    end = told.end or _implied_end(told, steps, start)
    status, stale = _status(reader, told, start, end)
    intolerance, failure = _reasons(resource.view, told, status)
    return DrugCourse(
        source=resource.source,
        drug=drug,
        ingredient=_ingredient(hit, of.value_set),
        text=concept.text,
        status=status,
        kind=told.kind,
        start=start,
        end=end,
        steps=steps,
        route=route,
        intolerance=intolerance,
        failure=failure,
        other_indication=other_indication(
            reader, resource.view, drug=drug, concept=concept, route=route, diagnoses=diagnoses
        ),
        match=hit.method,
        low_confidence=told.status == "unknown",
        known_by=told.known_by,
        sources=(resource.source,),
        doubt=f"{doses.doubt}; {stale}" if doses.doubt and stale else doses.doubt or stale,
    )


def _report(reader: Reader, resource: _Resource, doses: Regimen, concept: str) -> None:
    """Say what of the dosages was left out."""
    if doses.unreadable:
        reader.left_out(resource.source, {"dosage": doses.unreadable}, concept)
    for step in doses.steps:
        if step.left_out:
            reader.left_out(resource.source, dict(step.left_out), concept)


def _ingredient(hit: Hit, value_set: str) -> str:
    if value_set not in _SEVERAL or not hit.words:
        return value_set
    statin = next((word for word in hit.words.lower().split() if word.endswith("statin")), "")
    return statin or hit.words.lower()


def _start(told: Given, steps: tuple[Dosing, ...]) -> FhirDate | None:
    """The resource's own start; for an order that of its timing, before the day it was written."""
    if told.kind != "MedicationRequest":
        return told.start
    timed = [first for step in steps if (first := step.start or next(iter(step.dates), None))]
    return min(timed) if timed else told.start


def _counted(steps: tuple[Dosing, ...], told: Given, as_infusion: bool, total_days: float) -> tuple[Dosing, ...]:
    """The steps with what the course adds: a single moment is one dose; a short infusion without timing is a total."""
    if len(steps) != 1:
        return steps
    step = steps[0]
    if step.per_day is not None or step.count is not None or step.low is None or step.problem:
        return steps
    if told.moment and (as_infusion or told.status != "active"):
        return (msgspec.structs.replace(step, count=1),)
    if as_infusion and told.start and told.end and told.start.exact and told.end.exact:
        days = (told.end.earliest - told.start.earliest).days + 1
        if days == 1:
            return (msgspec.structs.replace(step, count=1),)
        if 1 < days <= total_days:
            return (msgspec.structs.replace(step, total=True),)
    return steps


def _implied_end(told: Given, steps: tuple[Dosing, ...], start: FhirDate | None) -> FhirDate | None:
    """The end that the doses imply where none is stated, unless the course was stopped before."""
    if told.moment and told.status != "active" and all(step.count == 1 for step in steps):
        return start
    return None if told.status == "stopped" else last_dose(steps, start)


def _status(reader: Reader, told: Given, start: FhirDate | None, end: FhirDate | None) -> tuple[CourseStatus, str]:
    """Planned when it begins in the future; not active, and doubtful, when it has ended (A4)."""
    if start and start.earliest > reader.today:
        return "planned", ""
    over = end is not None and end.latest < reader.today
    if over and told.status == "active" and told.kind != "MedicationAdministration":
        return "completed", f"is recorded as active, but ended on {end}"
    return told.status, ""


def _reasons(view: DrugView, told: Given, status: CourseStatus) -> tuple[str, str]:
    """Documented intolerance and failure, from where B9 says they are read."""
    if status == "planned" or told.kind == "MedicationAdministration":
        return "", ""
    found: dict[str, str] = {}
    if told.status_reason:
        found = dict.fromkeys(reasons.in_reason(told.status_reason), told.status_reason)
    if view.note and view.status in ("stopped", "completed"):
        for note in view.note:
            for kind, sentence in reasons.in_note(note.text).items():
                found.setdefault(kind, sentence)
    return found.get("intolerance", ""), found.get("failure", "")
