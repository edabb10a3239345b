"""Drug resources → courses, one for each resource and drug; `grouping` joins those that belong together (A4, A5)."""

import msgspec

from cds_service.fhir.dates import FhirDate
from cds_service.fhir.views import Dosage, MedicationAdministration, MedicationRequest, MedicationStatement
from cds_service.patient_data import Entry
from hooks.chart import reasons
from hooks.chart.doses import Placed, read_doses
from hooks.chart.facts import Diagnosis, Dosing, DrugCourse
from hooks.chart.indications import other_indication
from hooks.chart.infused import infused
from hooks.chart.matching import ROUTE_UNKNOWN, Hit
from hooks.chart.medications import DrugView, Named, medication
from hooks.chart.reader import Reader
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
            found = _read(reader, entry, kind, by_reference)
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
    unreadable_dosage: str


def _read(reader: Reader, entry: Entry, kind: type[DrugView], diagnoses: dict[str, Diagnosis]) -> list[DrugCourse]:
    decoded = reader.decode(entry, kind)
    if decoded is None:
        return []
    view, source, problems = decoded
    named = medication(reader, view)
    hits = [*named.concept.hits, *(hit for hit in named.concept.excluded if hit.value_set == "methotrexate")]
    if not hits:
        wrong = next((p for f, p in problems.items() if f.startswith("medication")), named.problem)
        if wrong and not named.concept.text:
            reader.drop(source, wrong)
        return []
    concept = hits[0].value_set
    refusal = refused(view)
    if refusal:
        reader.drop(source, refusal, concept)
        return []
    if not reader.mine(view.subject, source, concept):
        return []
    reader.left_out(source, problems, concept)
    dosage = next((problem for field, problem in problems.items() if field.startswith("dosage")), "")
    resource = _Resource(view, source, named, given(reader, view, source, concept), dosage)
    found = (_course(reader, resource, hit, diagnoses) for hit in hits)
    return [course for course in found if course]


def _course(reader: Reader, resource: _Resource, hit: Hit, diagnoses: dict[str, Diagnosis]) -> DrugCourse | None:
    """The course of one drug; None when its route shows that it is no systemic treatment."""
    told, named = resource.told, resource.named
    words = _route_words(told.dosages, named.form)
    route = route_of(words)
    said = "; ".join((words, *(dosage.text for dosage in told.dosages)))
    if hit.value_set not in _ROUTE_SETTLED and hit.value_set in reader.matchers.drugs.vetoed(said):
        return None
    value_set = hit.value_set
    if value_set in ("ivig", ROUTE_UNKNOWN):
        value_set = _BY_ROUTE.get(route, value_set)
    drug = reader.knowledge.value_sets[value_set].drug
    route = route or route_of(f"{named.concept.all_words}; {hit.words}")
    strength = strength_of((*named.concept.displays, named.concept.text, hit.words))
    steps, doubt = read_doses(reader, told.dosages, strength, Placed(resource.source, value_set, told.start, told.end))
    if resource.unreadable_dosage:
        steps = (Dosing(problem=f"the dosage cannot be read ({resource.unreadable_dosage})"),)
    course = DrugCourse(
        source=resource.source,
        drug=drug,
        ingredient=_ingredient(hit, value_set),
        text=named.concept.text,
        status=told.status,
        kind=told.kind,
        start=_start(told, steps),
        end=told.end,
        steps=_counted(steps, told, infused(drug, route, steps, moment=told.moment), reader.reading.total_days.value),
        route=route,
        other_indication=other_indication(
            reader, resource.view, drug=drug, concept=named.concept, route=route, diagnoses=diagnoses
        ),
        match=hit.method,
        low_confidence=told.status == "unknown",
        known_by=told.known_by,
        sources=(resource.source,),
        doubt=doubt,
    )
    return _with_reasons(_with_status(reader, _with_end(course, told)), resource.view, told)


def _route_words(dosages: tuple[Dosage, ...], form: str) -> str:
    found = [form]
    for dosage in dosages:
        for concept in (dosage.route, dosage.site):
            if concept:
                found.extend((concept.all_words, *(coding.code for coding in concept.coding)))
    return "; ".join(filter(None, found))


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


def _with_end(course: DrugCourse, told: Given) -> DrugCourse:
    """The course with the end that its doses imply where none is stated, unless it was stopped."""
    if course.end is not None:
        return course
    if told.moment and all(step.count == 1 for step in course.steps) and course.status != "active":
        return msgspec.structs.replace(course, end=course.start)
    if course.status == "stopped":
        return course
    return msgspec.structs.replace(course, end=last_dose(course))


def _with_status(reader: Reader, course: DrugCourse) -> DrugCourse:
    """Planned when it begins in the future; not active when it has ended (A4)."""
    if course.start and course.start.earliest > reader.today:
        return msgspec.structs.replace(course, status="planned")
    over = course.end is not None and course.end.latest < reader.today
    if over and course.status == "active" and course.kind != "MedicationAdministration":
        doubt = f"is recorded as active, but ended on {course.end}"
        return msgspec.structs.replace(course, status="completed", doubt="; ".join(filter(None, (course.doubt, doubt))))
    return course


def _with_reasons(course: DrugCourse, view: DrugView, told: Given) -> DrugCourse:
    """Documented intolerance and failure, from where B9 says they are read."""
    if course.status == "planned" or told.kind == "MedicationAdministration":
        return course
    found: dict[str, str] = dict.fromkeys(reasons.in_reason(told.status_reason), told.status_reason)
    if view.status in ("stopped", "completed"):
        for note in view.note:
            for kind, sentence in reasons.in_note(note.text).items():
                found.setdefault(kind, sentence)
    if not found:
        return course
    return msgspec.structs.replace(course, intolerance=found.get("intolerance", ""), failure=found.get("failure", ""))
