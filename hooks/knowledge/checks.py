"""Checks of the knowledge that start-up has no time for: `nam-cds check-knowledge` and the tests run them."""

import json
from collections.abc import Iterator
from datetime import date
from itertools import combinations
from pathlib import Path

import msgspec
from fhir.resources.R4B.valueset import ValueSet as FhirValueSet

from hooks.knowledge.loading import DATA
from hooks.knowledge.model import Knowledge, ValueSet
from hooks.knowledge.systems import families, system_family
from hooks.knowledge.valuesets import bad_expressions, expressions

DIAGNOSES = (
    "imnm",
    "immune-myopathy-nec",
    "polymyositis",
    "drug-induced-myopathy",
    "other-myositis",
    "inclusion-body-myositis",
    "dermatomyositis",
    "muscular-dystrophy",
)
"""Muscle diseases that exclude one another: no code may stand in two of them."""

APART = ("drug", "laboratory", "score", "procedure")
"""Kinds in which no code may stand in two sets."""

OUTSIDE_RULES = ("finding.",)
"""Thresholds that no rule names: those of case finding, which `hooks/finding.py` reads."""


def check(knowledge: Knowledge, data: Path = DATA) -> list[str]:
    """What is wrong with the knowledge, each in a sentence that names file and key; empty when all is well."""
    return [*_files(data), *_overlaps(knowledge), *_unused(knowledge)]


def past_review(knowledge: Knowledge, today: date) -> list[str]:
    """What should have been reviewed before today: a warning, as old knowledge is not wrong knowledge."""
    dates = {f"rule {rule.name}": rule.review_by for rule in knowledge.rules.values()}
    dates |= {f"threshold {key}": knowledge.threshold(key).review_by for key in threshold_keys(knowledge)}
    return [f"{what}: review was due by {due}" for what, due in dates.items() if due < today]


def threshold_keys(knowledge: Knowledge) -> Iterator[str]:
    """Every threshold as `group.name`."""
    for group in msgspec.structs.fields(knowledge.thresholds):
        for entry in msgspec.structs.fields(group.type):
            yield f"{group.name}.{entry.name}"


def _files(data: Path) -> Iterator[str]:
    for path in sorted((data / "value_sets").glob("*.json")):
        resource = json.loads(path.read_bytes())
        try:
            FhirValueSet.model_validate(resource)
        except ValueError as error:
            yield f"{path.name}: not a FHIR R4 ValueSet: {error}"
        for each, problem in bad_expressions(expressions(resource)):
            yield f"{path.name}: bad regular expression `{each}` ({problem})"
        compose = resource.get("compose", {})
        for part in (*compose.get("include", ()), *compose.get("exclude", ())):
            if system_family(part["system"]) not in families().names:
                yield f"{path.name}: unknown code system {part['system']}; systems.yaml has to name it"


def _overlaps(knowledge: Knowledge) -> Iterator[str]:
    groups = [[found for found in knowledge.value_sets.values() if found.kind == kind] for kind in APART]
    groups.append([knowledge.value_sets[name] for name in DIAGNOSES if name in knowledge.value_sets])
    for group in groups:
        for one, other in combinations(group, 2):
            for shared in sorted(_shared(one, other) | _shared(other, one)):
                yield f"value sets {one.id} and {other.id}: both hold {shared}"


def _shared(one: ValueSet, other: ValueSet) -> set[str]:
    members = [(family, code) for family, codes in one.codes.items() for code in codes]
    members += [(family, prefix) for family, prefixes in one.prefixes.items() for prefix in prefixes]
    return {
        f"{family} {code}" for family, code in members if other.holds(family, code) and not one.excludes(family, code)
    }


def _unused(knowledge: Knowledge) -> Iterator[str]:
    used = {key for rule in knowledge.rules.values() for key in rule.thresholds}
    for key in threshold_keys(knowledge):
        if key not in used and not key.startswith(OUTSIDE_RULES):
            yield f"thresholds.yaml: {key}: no rule names it"
    covered = {key for rule in knowledge.rules.values() for key in rule.article}
    for key in knowledge.article:
        if key not in covered:
            yield f"article.yaml: {key}: no rule covers it"
