"""AllergyIntolerances → allergies (A4: an allergy comes from nothing else)."""

import re

from cds_service.fhir.views import AllergyIntolerance
from cds_service.patient_data import Entry
from hooks.chart.facts import Allergy
from hooks.chart.reader import Reader, code_of

_SCAR = re.compile(
    r"stevens[- ]?johnson|(?-i:\b(?:SJS|TEN|DRESS)\b)|toxic epidermal|drug (?:reaction|rash) with eosinophil",
    re.IGNORECASE,
)
_SEVERE = re.compile(r"anaphyla", re.IGNORECASE)
_DENIED = frozenset({"refuted", "entered-in-error"})
_PAST = frozenset({"inactive", "resolved"})


def read_allergies(reader: Reader) -> tuple[Allergy, ...]:
    """Allergies that are active and name a drug or class of interest. The class stands for each of its substances."""
    found = (_allergy(reader, entry) for entry in reader.entries("allergies"))
    return tuple(allergy for allergy in found if allergy)


def _allergy(reader: Reader, entry: Entry) -> Allergy | None:
    decoded = reader.decode(entry, AllergyIntolerance)
    if decoded is None:
        return None
    allergy, source, problems = decoded
    concept = reader.matchers.allergies.concept(allergy.code)
    hits = [concept, *(reader.matchers.allergies.understood(r.substance) for r in allergy.reaction if r.substance)]
    value_sets = frozenset(value_set for hit in hits for value_set in hit.value_sets)
    concepts = frozenset(reader.knowledge.value_sets[value_set].drug or value_set for value_set in value_sets)
    if not concepts:
        if problems or concept.problem:
            reason = f"cannot be read: {'; '.join((*problems.values(), concept.problem))}"
            reader.drop(source, "unreadable", reason, doubtful=True)
        return None
    named = min(concepts)
    if problems and not reader.standing(source, problems, named):
        return None
    status, verified = code_of(allergy.clinical_status), code_of(allergy.verification_status)
    if verified in _DENIED or status in _PAST:
        reader.drop(source, "not in force", f"is {verified if verified in _DENIED else status}", named)
        return None
    if not reader.mine(allergy.patient, source, named):
        return None
    reader.left_out(source, problems, named)
    told = (w for r in allergy.reaction for w in (r.description, *(m.all_words for m in r.manifestation)))
    words = "; ".join(filter(None, (concept.text, *told)))
    scar = bool(_SCAR.search(f"{words} {' '.join(note.text for note in allergy.note)}"))
    severe = scar or bool(_SEVERE.search(words)) or allergy.criticality == "high"
    severe = severe or any(reaction.severity == "severe" for reaction in allergy.reaction)
    return Allergy(source=source, concepts=concepts, text=words, severe=severe, scar=scar)
