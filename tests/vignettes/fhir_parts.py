"""Small pieces of FHIR R4 that several resources share."""

import re
from datetime import date
from typing import Any, TypeVar

from .patient_words import PatientError
from .vocabulary import UCUM, UNITS, Code

Json = dict[str, Any]
Word = TypeVar("Word")

PATIENT_ID = "vignette"


def quantity(value: int | float | str, where: str) -> Json:
    """A number with unit as a Quantity; UCUM where the vocabulary knows the unit."""
    matched = re.fullmatch(r"(\d+(?:\.\d+)?)(?: (\S.*))?", str(value))
    if not matched:
        raise PatientError(f"{where}: {value!r} is not a number with a unit, such as '6200 U/L'")
    quantity: Json = {"value": number(matched[1])}
    if unit := matched[2]:
        quantity["unit"] = unit
        if unit in UNITS:
            quantity |= {"system": UCUM, "code": UNITS[unit]}
    return quantity


def number(digits: str) -> int | float:
    """An int where no decimals are written."""
    return float(digits) if "." in digits else int(digits)


def look_up(words: dict[str, Word], word: str, where: str) -> Word:
    """The entry of the vocabulary; PatientError lists what there is."""
    if word not in words:
        raise PatientError(f"{where}: {word!r} is not in the vocabulary; it has {', '.join(sorted(words))}")
    return words[word]


def coding(code: Code) -> Json:
    """A Coding."""
    return {"system": code.system, "code": code.code, "display": code.display}


def concept(code: Code, text: str | None = None) -> Json:
    """A CodeableConcept: coding and text."""
    return {"coding": [coding(code)], "text": text or code.display}


def subject() -> Json:
    """The reference to the patient."""
    return {"reference": f"Patient/{PATIENT_ID}"}


def day(written: str, where: str) -> str:
    """A FHIR date, checked against the calendar."""
    year, month, day = [*map(int, written.split("-")), 1, 1][:3]
    try:
        date(year, month, day)
    except ValueError:
        raise PatientError(f"{where}: {written} is not a day of the calendar") from None
    return written
