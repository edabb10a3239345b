"""Whether a drug was given for another disease than this one (A4, traps)."""

from hooks.chart.facts import Diagnosis, DrugCourse
from hooks.chart.matching import Concept
from hooks.chart.medications import DrugView
from hooks.chart.reader import Reader, same_reference

OTHER_DISEASES = ("neoplasm", "ectopic-pregnancy")
_LOCAL_ROUTES = frozenset({"intrathecal", "intravitreal"})
CANDIDATES = frozenset({"ivig", "rituximab", "methotrexate", "cyclophosphamide"})
"""Drugs whose trials are judged, so that another indication matters."""


def other_indication(
    reader: Reader, view: DrugView, *, drug: str, concept: Concept, route: str, diagnoses: dict[str, Diagnosis]
) -> str:
    """Why this course is for another disease, in words; empty when nothing says so."""
    if drug not in CANDIDATES:
        return ""
    if route in _LOCAL_ROUTES:
        return f"given by the {route} route"
    if concept.excluded and any(hit.value_set == drug for hit in concept.excluded):
        return f"{concept.text}: a product for another use"
    matcher = reader.matchers.conditions
    for reason in view.reason_code:
        if not matcher.understood(reason).value_sets.isdisjoint(OTHER_DISEASES):
            return f"given for {reason.words}"
    for reference in view.reason_reference:
        names = same_reference(reference.reference)
        diagnosis = next((diagnoses[name] for name in names if name in diagnoses), None)
        if diagnosis:
            if not diagnosis.concepts.isdisjoint(OTHER_DISEASES):
                return f"given for {diagnosis.text}"
        elif reference.display and not matcher.named(reference.display).isdisjoint(OTHER_DISEASES):
            return f"given for {reference.display}"
    return ""


def single_methotrexate(reader: Reader, courses: list[DrugCourse], diagnoses: tuple[Diagnosis, ...]) -> str:
    """Why a lone single dose of methotrexate is none of IMNM's; empty when it is, or when there is more than one.

    One single IM dose, or one near an ectopic pregnancy (A4).
    """
    if len(courses) != 1 or [step.count for step in courses[0].steps] != [1]:
        return ""
    course = courses[0]
    if course.route == "intramuscular":
        return "one single intramuscular dose"
    days = reader.reading.hcg_positive_days.value
    for diagnosis in diagnoses:
        near = diagnosis.since and course.start and abs((diagnosis.since.earliest - course.start.earliest).days) <= days
        if near and "ectopic-pregnancy" in diagnosis.concepts:
            return f"one single dose near {diagnosis.text}"
    return ""
