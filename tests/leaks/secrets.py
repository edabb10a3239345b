"""What nothing that the service writes may hold: it is looked for in all that was heard, whatever the case."""

import re
from functools import cache

import fixtures
from tests.cds_service.support import PATIENT, TOKEN


class Mark:
    """Values of a patient who was made up for this search alone: nothing else is written so."""

    ID = "marked-patient-58213"
    RESOURCE = "marked-resource-58213"
    FAMILY = "Markedfamily"
    GIVEN = "Markedgiven"
    BORN = "1931-05-17"
    CK = 7316905.25
    DOSE = 1873.61
    WORDS = "markedwords"
    TOKEN = "marked-token-58213"
    USER = "marked-user-58213"


_FHIR = {
    "resourcetype": "a FHIR resource",
    "valuequantity": "a FHIR resource",
    "birthdate": "a FHIR resource",
    "access_token": "a request",
}
_PATTERNS = {
    re.compile(r"eyj[\w-]{8,}\.eyj[\w-]{8,}\."): "a JWT",
    re.compile(r"\bbearer\s+[\w.~+/-]{8,}"): "a bearer token",
}


@cache
def secrets() -> dict[str, str]:
    """What kind of thing each secret is. All in lower case."""
    found = {
        **_FHIR,
        PATIENT: "a patient id",
        TOKEN: "a token",
        Mark.ID: "a patient id",
        Mark.RESOURCE: "a resource id",
        Mark.FAMILY: "a name",
        Mark.GIVEN: "a name",
        Mark.BORN: "a birth date",
        str(Mark.CK): "a laboratory value",
        str(int(Mark.CK)): "a laboratory value",
        str(Mark.DOSE): "a dose",
        Mark.WORDS: "words of a chart",
        Mark.TOKEN: "a token",
        Mark.USER: "a user id",
    }
    for story in fixtures.stories():
        found[story.id] = "a patient id, or a resource id, as these begin with it"
        entries = fixtures.bundle(story.id, fixtures.ANCHOR)["entry"]
        (patient,) = (one["resource"] for one in entries if one["resource"]["resourceType"] == "Patient")
        found[patient["birthDate"]] = "a birth date"
        found |= {name["family"]: "a name" for name in patient["name"]}
    return {secret.lower(): kind for secret, kind in found.items()}


def found_in(text: str) -> dict[str, str]:
    """The secrets that a text holds, and what kind each is."""
    text = text.lower()
    found = {secret: kind for secret, kind in secrets().items() if secret in text}
    for pattern, kind in _PATTERNS.items():
        found |= dict.fromkeys(pattern.findall(text), kind)
    return found
