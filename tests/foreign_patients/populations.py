"""Synthetic patients that this project did not write: two public generators, each seeded, as one Bundle per patient.

carebundle writes US outpatients of middle age, ICD-10-CM and RxNorm, as transaction Bundles without resource ids; part
of them is then damaged by its own rules. clinosim simulates a hospital with wards, emergency department and clinics,
all ages, and writes NDJSON; once in the vocabularies of the United States, once in those of Japan.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import carebundle
import msgspec

from fixtures import ANCHOR

Resource = dict[str, Any]

SEED = 20261122
CLEAN, DAMAGED = 200, 100
DAMAGE = carebundle.Imperfection(
    missing_field=0.2,
    duplicate_entry=0.05,
    out_of_order_timestamp=0.1,
    unparseable_value=0.15,
    unknown_code_system=0.15,
)
CATCHMENT = {"US": (SEED, 36), "JP": (SEED + 1, 36)}
"""Seed, and number of people who live around the hospital; about two of three are seen there within the year."""
ABOUT_A_PATIENT = (
    "AllergyIntolerance",
    "Condition",
    "MedicationAdministration",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
)


class Foreigner(msgspec.Struct, frozen=True):
    """A patient and everything on record, as a Bundle. `population`: who wrote it, and how."""

    id: str
    population: str
    bundle: Resource

    @property
    def resources(self) -> Iterator[Resource]:
        return (entry["resource"] for entry in self.bundle["entry"])


def populations(folder: Path) -> tuple[Foreigner, ...]:
    """All of them. clinosim writes below `folder`, and works while carebundle does."""
    simulations = {country: _simulation(country, folder / country) for country in CATCHMENT}
    people = list(_outpatients())
    for country, process in simulations.items():
        output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"clinosim ended with {process.returncode}:\n{output[-2000:]}")
        people += _inpatients(f"clinosim {country}", folder / country / "fhir_r4")
    return tuple(people)


def _outpatients() -> Iterator[Foreigner]:
    cohort = carebundle.generate_cohort(count=CLEAN + DAMAGED, seed=SEED, reference_date=ANCHOR)
    for number, bundle in enumerate(cohort):
        written: Resource = json.loads(carebundle.to_json(bundle))
        population = "carebundle"
        if number >= CLEAN:
            written, _ = carebundle.inject_defects(written, DAMAGE, seed=SEED + number)
            population = "carebundle, damaged"
        full_url = next(e["fullUrl"] for e in written["entry"] if e["resource"]["resourceType"] == "Patient")
        yield Foreigner(full_url.removeprefix("urn:uuid:"), population, written)


def _simulation(country: str, folder: Path) -> "subprocess.Popen[str]":
    seed, population = CATCHMENT[country]
    command = [sys.executable, "-m", "clinosim.simulator.cli", "simulate", "--country", country, "--format", "fhir-r4"]
    command += ["--population", str(population), "--seed", str(seed), "--output", str(folder)]
    command += ["--start", str(ANCHOR.replace(year=ANCHOR.year - 1)), "--end", str(ANCHOR), "--allow-legacy"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _inpatients(population: str, folder: Path) -> list[Foreigner]:
    charts: dict[str, list[Resource]] = {f"Patient/{one['id']}": [one] for one in _lines(folder, "Patient")}
    for kind in ABOUT_A_PATIENT:
        for resource in _lines(folder, kind):
            charts[_whose(resource)].append(resource)
    return [
        Foreigner(
            reference.removeprefix("Patient/"),
            population,
            {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in chart]},
        )
        for reference, chart in charts.items()
    ]


def _lines(folder: Path, kind: str) -> Iterator[Resource]:
    file = folder / f"{kind}.ndjson"
    if file.exists():
        yield from map(json.loads, file.read_text(encoding="utf-8").splitlines())


def _whose(resource: Mapping[str, Any]) -> str:
    reference: str = (resource.get("subject") or resource["patient"])["reference"]
    return reference
