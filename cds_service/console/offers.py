"""What of a chart can be changed: the facts that the rules read, each with the fields of the resources it came from."""

from collections.abc import Iterable, Iterator

import msgspec

from cds_service.console.fields import Field, fields
from cds_service.console.places import Place
from cds_service.fhir.dates import FhirDate
from hooks.chart.facts import Chart, LabResult, Result, StrengthScore
from hooks.chart.results import QUALITATIVE, worded
from hooks.knowledge.model import Knowledge

MOST = 40
"""Facts of one group that a form shows, the newest first."""
OF_OTHERS = 5
"""Results of each test that shares its group with others."""
FIRST = ("creatine-kinase", "mmt8", "anti-srp", "anti-hmgcr")
"""Tests that have a group of their own, before all others."""
_RESULTS: tuple[Result, ...] = ("positive", "negative", "indeterminate")
_TYPES = {
    "MedicationStatement": "medication list",
    "MedicationRequest": "order",
    "MedicationAdministration": "administration",
    "ServiceRequest": "order",
}


class Item(msgspec.Struct, frozen=True):
    """One fact to change. `source`: what the chart calls the resource; `removable`: it can be left out."""

    source: str
    title: str
    fields: tuple[Field, ...]
    removable: bool = True


class Group(msgspec.Struct, frozen=True):
    """Facts of one kind. `more`: how many there are besides these."""

    title: str
    items: tuple[Item, ...]
    more: int = 0


def offers(chart: Chart, knowledge: Knowledge, places: dict[str, list[Place]]) -> tuple[Group, ...]:
    """The groups of facts that have anything in them; those that are looked at most come first."""
    written = _drugs(chart, places, ordered=True)
    drugs = _drugs(chart, places, ordered=False)
    tests = [(name, _facts(name, chart, knowledge)) for name in FIRST]
    others = [(name, _facts(name, chart, knowledge)) for name in sorted(chart.labs) if name not in FIRST]
    of_others = [item for name, facts in others for item in _results(name, facts[:OF_OTHERS], knowledge, places)]
    conditions = (_item(d.source, f"{d.text or 'Diagnosis'}, {_on(d.since)}", places) for d in chart.diagnoses)
    allergies = (_item(one.source, one.text or "Allergy", places) for one in chart.allergies)
    person = _item(chart.person.source, "The patient", places)
    groups = (
        _group("Orders being written", written),
        *(
            _group(knowledge.value_sets[name].title, _results(name, facts[:MOST], knowledge, places), len(facts))
            for name, facts in tests
        ),
        _group("Drugs and plasma exchange", drugs),
        Group("Other results", tuple(of_others), sum(max(0, len(facts) - OF_OTHERS) for _, facts in others)),
        _group("Diagnoses", filter(None, conditions)),
        _group("Allergies", filter(None, allergies)),
        _group("The patient", filter(None, (person,))),
    )
    return tuple(group for group in groups if group.items)


def words(concept: str) -> tuple[str, ...]:
    """The words that a result of a test can be; none where it is a number only."""
    return tuple(dict.fromkeys(worded(concept, result) for result in _RESULTS)) if concept in QUALITATIVE else ()


def _group(title: str, items: Iterable[Item], of: int = 0) -> Group:
    """`of`: how many facts there are in all, if the items are not all of them."""
    found = tuple(items)
    return Group(title, found[:MOST], max(0, max(of, len(found)) - MOST))


def _facts(concept: str, chart: Chart, knowledge: Knowledge) -> tuple[LabResult | StrengthScore, ...]:
    """The results of one test, the newest first."""
    return chart.scores if knowledge.value_sets[concept].kind == "score" else chart.labs.get(concept, ())


def _results(
    concept: str,
    facts: Iterable[LabResult | StrengthScore],
    knowledge: Knowledge,
    places: dict[str, list[Place]],
) -> Iterator[Item]:
    for fact in facts:
        found = worded(concept, fact.result) if isinstance(fact, LabResult) and fact.result else ""
        title = f"{knowledge.value_sets[concept].title}, {_on(fact.when)}"
        item = _item(fact.source, title, places, found, words(concept))
        if item:
            yield item


def _drugs(chart: Chart, places: dict[str, list[Place]], *, ordered: bool) -> list[Item]:
    """One item for each resource behind a course or a session, the latest first."""
    facts: list[tuple[FhirDate | None, str, str]] = []
    for course in chart.courses:
        if (course.status == "draft") == ordered:
            name = course.text or course.ingredient
            facts += ((course.start, source, name) for source in course.sources or (course.source,))
    facts += ((s.when, s.source, "Plasma exchange") for s in chart.sessions if s.draft == ordered)
    facts.sort(key=lambda fact: fact[0].earliest.toordinal() if fact[0] else 0, reverse=True)
    named = {source: f"{name} ({_told(source, places)})" for _, source, name in reversed(facts)}
    items = (_item(source, named[source], places) for source in dict.fromkeys(source for _, source, _ in facts))
    return [msgspec.structs.replace(item, title=f"{item.title}, {_dated(item)}") for item in items if item]


def _dated(item: Item) -> str:
    """The first date that a resource gives: one of a run of administrations has its own."""
    return next((field.value for field in item.fields if field.kind == "date" and field.value), "undated")


def _told(source: str, places: dict[str, list[Place]]) -> str:
    type_ = places[source][0].resource.get("resourceType") if source in places else ""
    return _TYPES.get(str(type_), "procedure")


def _item(
    source: str, title: str, places: dict[str, list[Place]], result: str = "", results: tuple[str, ...] = ()
) -> Item | None:
    """The item of a resource of the request; None where it is not in the request itself."""
    if source not in places:
        return None
    place = places[source][0]
    return Item(source, title, fields(place.resource, result, results), removable=place.bundle is not None)


def _on(when: FhirDate | None) -> str:
    return str(when) if when else "undated"
