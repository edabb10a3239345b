"""Conditions → diagnoses (A1, A4)."""

from cds_service.fhir.views import Condition
from cds_service.patient_data import Entry
from hooks.chart.facts import Diagnosis
from hooks.chart.reader import Reader, code_of

_DENIED = frozenset({"refuted", "entered-in-error"})
_HISTORICAL = frozenset({"remission", "inactive", "resolved"})


def read_conditions(reader: Reader) -> tuple[Diagnosis, ...]:
    """All conditions of interest. Family history, refuted and erroneous ones are not among them.

    `current` is as clinicalStatus says; where that is missing, an abatement makes a condition historical.
    """
    found = (_diagnosis(reader, entry) for entry in reader.entries("conditions"))
    return tuple(diagnosis for diagnosis in found if diagnosis)


def _diagnosis(reader: Reader, entry: Entry) -> Diagnosis | None:
    decoded = reader.decode(entry, Condition)
    if decoded is None:
        return None
    condition, source, problems = decoded
    concept = reader.matchers.conditions.concept(condition.code)
    problem = problems.get("code") or concept.problem
    if problem:
        reader.drop(source, "part unreadable", f"code was left out: {problem}", doubtful=True)
    value_sets = concept.value_sets
    if not value_sets:
        return None
    named = min(value_sets)
    if problems and not reader.standing(source, problems, named):
        return None
    if code_of(condition.verification_status) in _DENIED:
        reader.drop(source, "not in force", f"is {code_of(condition.verification_status)}", named)
        return None
    if not reader.mine(condition.subject, source, named):
        return None
    reader.left_out(source, problems, named)
    status = code_of(condition.clinical_status)
    start, _ = reader.period(condition.onset_period, "onsetPeriod", source, named)
    onset = reader.date(condition.onset_date_time, "onsetDateTime", source, named) or start
    abated = bool(condition.abatement_date_time or condition.abatement_period)
    return Diagnosis(
        source=source,
        concepts=value_sets,
        text=concept.text,
        current=status not in _HISTORICAL if status else not abated,
        onset=onset,
        recorded=reader.date(condition.recorded_date, "recordedDate", source, named),
        verification=code_of(condition.verification_status),
    )
