"""Results that are not on record, and are added to see what they would do."""

import copy
from collections.abc import Iterable, Mapping

import msgspec

from cds_service.console.fields import RESULT, Path, at, change
from cds_service.console.offers import FIRST, words
from cds_service.console.places import Json, Place, add, bundle_of
from hooks.chart.facts import Chart, LabResult, StrengthScore
from hooks.knowledge.model import Knowledge, ValueSet
from hooks.knowledge.systems import families

_UCUM = "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_OF_ONE_RESULT = ("effectivePeriod", "effectiveInstant", "issued", "identifier", "valueInteger", "valueString")


class Test(msgspec.Struct, frozen=True):
    """A test of which a result can be added. `results`: the words that it can have for a value; without, a number.

    `model`: what a new result looks like, taken from the newest one that was sent: its code, its unit, its range.
    """

    concept: str
    title: str
    unit: str
    results: tuple[str, ...]
    model: Json
    key: str
    """The prefetch key that it comes under."""

    @property
    def label(self) -> str:
        """The title, with what its value looks like."""
        return f"{self.title} ({', '.join(self.results) or self.unit})"


class Added(msgspec.Struct, frozen=True):
    """One result to add. `when`: a day, `YYYY-MM-DD`."""

    test: Test
    value: str
    when: str

    def __str__(self) -> str:
        unit = "" if self.test.results else f" {self.test.unit}"
        return f"{self.test.title}, {self.when}: {self.value}{unit}, added"


def tests(knowledge: Knowledge, chart: Chart, places: Mapping[str, list[Place]], patient_id: str) -> dict[str, Test]:
    """The tests of which a result can be added, by value set: those that have a code; the usual ones first."""
    sets = [one for one in knowledge.value_sets.values() if one.kind in ("laboratory", "score") and one.codes]
    sets.sort(key=lambda one: (FIRST.index(one.id) if one.id in FIRST else len(FIRST), one.title))
    return {one.id: _test(one, chart, places, patient_id) for one in sets}


def _test(of: ValueSet, chart: Chart, places: Mapping[str, list[Place]], patient_id: str) -> Test:
    score = of.kind == "score"
    facts: tuple[LabResult | StrengthScore, ...] = chart.scores if score else chart.labs.get(of.id, ())
    model = next(filter(None, (_numbered(places.get(fact.source)) for fact in facts)), None)
    made = model or _new(of, patient_id)
    names: list[Path] = [("code", "coding", 0, "display")] if score else []
    names += [("valueQuantity", "unit"), ("valueQuantity", "code")]
    unit = str(next(filter(None, (at(made, name) for name in names)), ""))
    return Test(of.id, of.title, unit, words(of.id), made, "scores" if score else "labs")


def _numbered(found: list[Place] | None) -> Json | None:
    """The resource, if its value is a quantity."""
    resource = found[0].resource if found else {}
    return resource if isinstance(resource.get("valueQuantity"), dict) else None


def put(request: Json, added: Iterable[Added], aliases: Mapping[str, str]) -> None:
    """Add the results to a request."""
    for number, one in enumerate(added, 1):
        resource = copy.deepcopy(one.test.model)
        for name in _OF_ONE_RESULT:
            resource.pop(name, None)
        resource |= {"id": f"added-{number}", "status": "final", "effectiveDateTime": one.when}
        change(resource, RESULT if one.test.results else ("valueQuantity", "value"), one.value)
        add(bundle_of(request, one.test.key, aliases), resource)


def _new(of: ValueSet, patient_id: str) -> Json:
    family = "loinc" if "loinc" in of.codes else next(iter(of.codes))
    code, display = next(iter(of.codes[family].items()))
    category = "exam" if of.kind == "score" else "laboratory"
    return {
        "resourceType": "Observation",
        "category": [{"coding": [{"system": _CATEGORY, "code": category}]}],
        "code": {"coding": [{"system": families().uri(family), "code": code, "display": display}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "valueQuantity": {"unit": of.unit, "system": _UCUM, "code": of.unit} if of.unit else {},
    }
