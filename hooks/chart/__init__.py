"""FHIR → facts: tolerant readers that turn what came into a `Chart` of small frozen facts (specification A1 to A5).

`read` reads everything about one patient; `gate.concerns` says, at next to no cost, whether that is worth doing. What
could not be used is in `Chart.dropped`, each with its reason.
"""

from datetime import date

import msgspec

from cds_service.patient_data import PatientData
from hooks.chart.allergies import read_allergies
from hooks.chart.conditions import read_conditions
from hooks.chart.courses import read_courses
from hooks.chart.drafts import read_drafts, without_superseded
from hooks.chart.facts import Chart, Diagnosis, DrugCourse
from hooks.chart.grouping import grouped
from hooks.chart.indications import single_methotrexate
from hooks.chart.infusions import infusions
from hooks.chart.observations import read_observations
from hooks.chart.people import read_person
from hooks.chart.procedures import read_procedures
from hooks.chart.reader import Reader
from hooks.knowledge.model import Knowledge

__all__ = ["read"]


def read(data: PatientData, knowledge: Knowledge, today: date) -> Chart:
    """All facts about the patient of `data`, as of `today`. Never fails on what came: it says what it could not use."""
    reader = Reader(data, knowledge, today)
    diagnoses = read_conditions(reader)
    observed = read_observations(reader)
    before = len(reader.dropped)
    single, raw = read_courses(reader, diagnoses)
    sessions, from_procedures = read_procedures(reader)
    recorded = _lone_doses(reader, grouped([*single, *from_procedures], reader.reading), diagnoses)
    drafts = read_drafts(reader, diagnoses)
    courses = drafts.applied(recorded)
    return Chart(
        patient_id=data.patient_id,
        person=read_person(reader),
        diagnoses=diagnoses,
        labs=observed.results,
        scores=observed.scores,
        courses=courses,
        infusions=without_superseded(infusions(courses, reader.reading, today), courses),
        allergies=read_allergies(reader),
        sessions=(*sessions, *drafts.sessions),
        dropped=observed.among(reader.dropped[:before], reader.dropped[before:]),
        checked={key: source.state for key, source in data.sources.items()},
        unchecked_because={key: source.reason for key, source in data.sources.items() if source.state != "complete"},
        raw=raw | drafts.raw,
        leading=drafts.leading,
    )


def _lone_doses(reader: Reader, courses: list[DrugCourse], diagnoses: tuple[Diagnosis, ...]) -> list[DrugCourse]:
    """The courses, with a lone dose of methotrexate known as what it is."""
    own = [c for c in courses if c.drug == "methotrexate" and not c.other_indication]
    reason = single_methotrexate(reader, own, diagnoses)
    if not reason:
        return courses
    return [msgspec.structs.replace(c, other_indication=reason) if c is own[0] else c for c in courses]
