"""Case finding over an export: who was tested is read, nobody else; the same whoever else is read."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.cohort import results, run, undiagnosed
from cds_service.cohort.export import Export
from cds_service.cohort.run import Options
from cds_service.cohort.selection import Selection
from cds_service.settings import Settings
from tests.cds_service.cohort.exports import TODAY, Quiet, Resource, manifest, resources, write

SETTINGS = Settings(log_level="error")
CK = {"coding": [{"system": "http://loinc.org", "code": "2157-6"}]}
ANTIBODY = {"coding": [{"system": "http://loinc.org", "code": "93493-5"}]}
IMNM = {"coding": [{"system": "http://snomed.info/sct", "code": "715863001"}]}


def patient(id_: str, **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": id_, "gender": "male", "birthDate": "1960-01-01", **more}


def observation(of: str, code: Any, on: str, **value: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": f"{of}-{on}",
        "status": "final",
        "code": code,
        "subject": {"reference": f"Patient/{of}"},
        "effectiveDateTime": on,
        **value,
    }


def ck(of: str, on: str, value: float, code: Any = CK) -> Resource:
    quantity = {"value": value, "unit": "U/L", "code": "U/L"}
    return observation(of, code, on, valueQuantity=quantity, referenceRange=[{"high": {"value": 200, "unit": "U/L"}}])


def statin(of: str, start: str) -> Resource:
    return {
        "resourceType": "MedicationStatement",
        "id": f"{of}-statin",
        "status": "active",
        "medicationReference": {"reference": "Medication/m"},
        "subject": {"reference": f"Patient/{of}"},
        "effectivePeriod": {"start": start},
    }


def condition(of: str, code: Any, status: str = "confirmed") -> Resource:
    return {
        "resourceType": "Condition",
        "id": f"{of}-condition",
        "subject": {"reference": f"Patient/{of}"},
        "code": code,
        "verificationStatus": {"coding": [{"code": status}]},
    }


def people() -> list[Resource]:
    """To be found: antibody, worded (by text alone, on a statin), refuted. Not: the rest."""
    positive = {"valueString": "positive"}
    return [
        *(patient(one) for one in ("antibody", "worded", "refuted", "diagnosed", "negative", "no-statin", "untested")),
        patient("dead", deceasedBoolean=True),
        observation("antibody", ANTIBODY, "2026-05-02", **positive),
        ck("worded", "2026-05-02", 2500, {"text": "Creatine kinase"}),
        ck("worded", "2026-08-02", 2500, {"text": "Creatine kinase"}),
        statin("worded", "2025-01-01"),
        {"resourceType": "Medication", "id": "m", "code": {"text": "Atorvastatin 40 mg"}},
        observation("refuted", ANTIBODY, "2026-05-02", **positive),
        condition("refuted", IMNM, "refuted"),
        observation("diagnosed", ANTIBODY, "2026-05-02", **positive),
        condition("diagnosed", IMNM),
        observation("negative", ANTIBODY, "2026-05-02", valueString="negative"),
        ck("no-statin", "2026-05-02", 2500),
        ck("no-statin", "2026-08-02", 2500),
        statin("untested", "2025-01-01"),
        observation("untested", {"text": "Haemoglobin"}, "2026-05-02"),
        observation("dead", ANTIBODY, "2026-05-02", **positive),
    ]


def found(source: Path, out: Path, *, everybody: bool = False, find: bool = True, jobs: int = 1) -> Path:
    options = Options(TODAY, everybody, find)
    results.write(run.run(source, out, options, SETTINGS, jobs=jobs, progress=Quiet()), out)
    run.finish(out)
    return out


def listed(out: Path) -> dict[str, tuple[str, str]]:
    with (out / undiagnosed.TABLE).open(newline="") as file:
        return {row["patient"]: (row["look because"], row["facts"]) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "export"
    return manifest(write(folder, [*people(), *resources(["nam-child"])])).parent


@pytest.fixture(scope="module")
def out(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return found(export, tmp_path_factory.mktemp("found") / "out")


def test_who_should_be_looked_at_is_listed_with_the_facts(out: Path) -> None:
    people = listed(out)
    assert list(people) == ["worded", "antibody", "refuted"]
    assert people["antibody"] == (
        "anti-HMGCR positive",
        "anti-HMGCR: positive (2026-05-02, Observation/antibody-2026-05-02)",
    )
    assert people["worded"][0] == "CK very high twice, on a statin"
    assert "CK: 2500 U/L (12.5 × ULN) (2026-08-02, ≥ 10 × ULN [ENG], ULN 200 U/L, Observation/" in people["worded"][1]
    assert "Atorvastatin 40 mg (since 2025-01-01, MedicationStatement/worded-statin)" in people["worded"][1]
    assert "Immune-mediated necrotizing myopathy: is refuted" in people["refuted"][1]


def test_the_page_says_the_same_and_that_it_is_no_diagnosis(out: Path) -> None:
    page = (out / undiagnosed.PAGE).read_text()
    assert page.index("worded: CK very high twice") < page.index("antibody: anti-HMGCR positive")
    assert "3 people" in page
    assert "no diagnosis and no advice on treatment" in page


def test_all_and_several_processes_find_the_same(export: Path, out: Path, tmp_path: Path) -> None:
    others = [found(export, tmp_path / "all", everybody=True), found(export, tmp_path / "two", jobs=2)]
    for other in others:
        for name in (*undiagnosed.FILES, results.CARDS, results.QUALITY, results.REFUSED, results.COUNTS):
            assert (other / name).read_bytes() == (out / name).read_bytes(), name


def test_the_cards_are_those_of_a_run_without(export: Path, out: Path, tmp_path: Path) -> None:
    without = found(export, tmp_path / "out", find=False)
    assert not (without / undiagnosed.TABLE).exists()
    for name in (results.CARDS, results.WORKLIST, results.COUNTS):
        assert (without / name).read_bytes() == (out / name).read_bytes(), name


def test_only_who_was_tested_is_read(out: Path) -> None:
    summary = json.loads((out / results.SUMMARY).read_text())
    assert summary["people"] == 8  # nam-child, diagnosed, and six with such a test; not "untested"
    assert summary["to look at, without the diagnosis"] == 3


def test_each_code_is_asked_about_once(tmp_path: Path) -> None:
    files = tuple(sorted(write(tmp_path / "export", people(), files=3).glob("Observation*")))
    asked: list[str] = []

    def tested(text: str) -> bool:
        asked.append(json.dumps(json.loads(text)["code"]))
        return False

    selection = Selection(Export({"Observation": files}), tmp_path / "work", ("Condition", "Observation"), 1)
    selection.find_people(lambda conditions: False, lambda number: None, tested)
    selection.close()
    assert sorted(asked) == sorted(
        {json.dumps(one["code"]) for one in people() if one["resourceType"] == "Observation"}
    )


def test_who_cannot_be_read_is_refused_aloud_also_here(tmp_path: Path) -> None:
    some = [one for one in people() if one != patient("antibody")]
    for everybody in (False, True):
        out = found(
            manifest(write(tmp_path / f"{everybody}", some)).parent, tmp_path / f"o{everybody}", everybody=everybody
        )
        assert (out / results.REFUSED).read_text().splitlines()[1].startswith("antibody,")
        assert "antibody" not in listed(out)
