"""The Patient resource → who it is."""

from cds_service.fhir.views import Patient
from hooks.chart.facts import Gender, Person
from hooks.chart.reader import Reader

_GENDERS: dict[str, Gender] = {"female": "female", "male": "male", "other": "other", "unknown": "unknown"}


def read_person(reader: Reader) -> Person:
    """Age, sex and whether the patient lives, as recorded; nothing where the patient cannot be read."""
    for entry in reader.entries("patient"):
        decoded = reader.decode(entry, Patient)
        if decoded is None:
            continue
        patient, source, problems = decoded
        if patient.id and patient.id != reader.data.patient_id:
            reader.drop(source, "another patient", "is another patient")
            continue
        reader.left_out(source, problems, "")
        return Person(
            source=source,
            gender=_GENDERS.get(patient.gender, ""),
            born=reader.date(patient.birth_date, "birthDate", source, ""),
            deceased=patient.deceased_boolean or bool(patient.deceased_date_time) or "deceasedDateTime" in problems,
        )
    return Person(source=f"Patient/{reader.data.patient_id}")
