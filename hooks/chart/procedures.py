"""Procedures → plasma exchange sessions, and IVIG known by its procedure code (A3)."""

from cds_service.fhir.dates import FhirDate
from cds_service.fhir.views import Procedure
from hooks.chart.facts import CourseStatus, DrugCourse, Session
from hooks.chart.reader import Reader

_PERFORMED: dict[str, CourseStatus] = {"completed": "completed", "in-progress": "active"}


def read_procedures(reader: Reader) -> tuple[tuple[Session, ...], tuple[DrugCourse, ...]]:
    """Plasma exchange sessions, and IVIG courses of unknown amount."""
    sessions: list[Session] = []
    courses: list[DrugCourse] = []
    for entry in reader.entries("procedures"):
        decoded = reader.decode(entry, Procedure)
        if decoded is None:
            continue
        procedure, source, problems = decoded
        concept = reader.matchers.procedures.concept(procedure.code)
        if not concept.value_sets:
            if problems.get("code") or concept.problem:
                reason = f"code was left out: {problems.get('code') or concept.problem}"
                reader.drop(source, "part unreadable", reason, doubtful=True)
            continue
        named = min(concept.value_sets)
        if problems and not reader.standing(source, problems, named):
            continue
        start, end = reader.period(procedure.performed_period, "performedPeriod", source, named)
        when = reader.date(procedure.performed_date_time, "performedDateTime", source, named) or start
        planned = procedure.status == "preparation" or _is_future(when, reader)
        if not planned and procedure.status not in _PERFORMED:
            reason = f"is {procedure.status or 'without status'}: not performed"
            reader.drop(source, "not in force", reason, named, when)
            continue
        if not reader.mine(procedure.subject, source, named, when):
            continue
        reader.left_out(source, problems, named)
        if named == "plasma-exchange":
            sessions.append(Session(source=source, when=when, performed=not planned, planned=planned))
        else:
            status = "planned" if planned else _PERFORMED[procedure.status]
            courses.append(ivig(source, concept.text, status, when, end))
    return tuple(sessions), tuple(courses)


def ivig(source: str, text: str, status: CourseStatus, start: FhirDate | None, end: FhirDate | None) -> DrugCourse:
    """An IVIG course of unknown amount, told of by a procedure or the order of one."""
    return DrugCourse(
        source=source,
        drug="ivig",
        ingredient="ivig",
        text=text,
        status=status,
        kind="Procedure",
        start=start,
        end=end or start,
        route="intravenous",
        sources=(source,),
    )


def _is_future(when: FhirDate | None, reader: Reader) -> bool:
    return when is not None and when.earliest > reader.today
