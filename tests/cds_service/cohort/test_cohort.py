"""A cohort run says of each person what patient-view says, and loses nobody."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

import fixtures
from cds_service.cohort import results, run
from cds_service.cohort.export import ExportError
from cds_service.cohort.run import Options
from cds_service.engine import Engine
from cds_service.settings import Settings
from hooks import services as own_services
from hooks.knowledge import load
from tests.cds_service.cohort.exports import TODAY, Quiet, Resource, manifest, resources, write

SETTINGS = Settings(log_level="error")
FILE = "Patient.000.ndjson"


def found(source: Path, out: Path, *, everybody: bool = False, settings: Settings = SETTINGS, jobs: int = 1) -> Path:
    """The results of a run."""
    done = run.run(source, out, Options(TODAY, everybody), settings, jobs=jobs, progress=Quiet())
    results.write(done, out)
    run.finish(out)
    return out


def cards(out: Path) -> dict[str, list[dict[str, Any]]]:
    """The cards of each person, as on the wire."""
    by_person: dict[str, list[dict[str, Any]]] = {}
    for line in (out / results.CARDS).read_text().splitlines():
        row = json.loads(line)
        by_person.setdefault(row["patient"], []).append(row["card"])
    return by_person


def summary(out: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((out / results.SUMMARY).read_text())
    return read


def shown(patient: str) -> list[dict[str, Any]]:
    """The cards that a record system gets for a fixture patient, without uuids."""
    knowledge = load()
    service = own_services(knowledge)[0]
    engine = Engine(SETTINGS)
    request = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": patient},
        "prefetch": fixtures.prefetch(patient, TODAY),
    }
    answer = json.loads(engine.answer(service, msgspec.json.encode(request), TODAY))["cards"]
    engine.close()
    for card in answer:
        for one in (card, *card.get("suggestions", ())):
            del one["uuid"]
    return list(answer)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results for all fixture patients, from a plain folder of files."""
    folder = tmp_path_factory.mktemp("whole")
    return found(manifest(write(folder / "export", resources())).parent, folder / "out")


def test_everybody_gets_the_cards_of_patient_view(whole: Path) -> None:
    expected = {story.id: shown(story.id) for story in fixtures.stories()}
    assert cards(whole) == {patient: those for patient, those in expected.items() if those}
    assert sum(map(bool, expected.values())) > 20


@pytest.mark.parametrize("way", ["everybody", "gzip", "many files", "bundles", "several processes"])
def test_all_ways_give_the_same_cards(whole: Path, tmp_path: Path, way: str) -> None:
    if way == "bundles":
        source = tmp_path / "bundles"
        source.mkdir()
        for story in fixtures.stories():
            (source / f"{story.id}.json").write_text(json.dumps(fixtures.bundle(story.id, TODAY)))
    else:
        files = 3 if way == "many files" else 1
        source = manifest(write(tmp_path / "export", resources(), files=files, zipped=way == "gzip")).parent
    out = found(source, tmp_path / "out", everybody=way == "everybody", jobs=2 if way == "several processes" else 1)
    for name in (results.CARDS, results.WORKLIST, results.COUNTS, results.QUALITY):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_the_worklist_is_ordered_by_urgency_and_names_facts_and_blocked_gates(whole: Path) -> None:
    lines = (whole / results.WORKLIST).read_text().splitlines()
    urgencies = [line.split(",")[1] for line in lines[1:]]
    assert urgencies[0] == "critical"
    assert urgencies[-1] == "info"
    escalation = next(line for line in lines if line.startswith("nam-refractory-gates-open,"))
    assert "CK: " in escalation
    assert "hepatitis B excluded" in escalation
    page = (whole / results.WORKLIST_PAGE).read_text()
    assert page.index("nam-hmgcr-active-statin") < page.index("nam-refractory-gates-open")
    assert "Not reviewed by a clinician." in page
    assert not (whole / run.WORK).exists()


def test_what_the_export_leaves_out_is_not_checked_and_never_none(tmp_path: Path) -> None:
    patient = "nam-refractory-gates-passed"
    some = [one for one in resources([patient]) if one["resourceType"] != "AllergyIntolerance"]
    out = found(write(tmp_path / "export", some), tmp_path / "out")
    assert "allergies" in summary(out)["not checked"]
    escalation = next(card for card in cards(out)[patient] if "EscalateToCyclophosphamide" in str(card["source"]))
    assert "allergies not checked" in escalation["detail"]


def test_what_was_asked_for_and_is_not_there_is_none(tmp_path: Path) -> None:
    patient = "nam-refractory-gates-passed"
    some = [one for one in resources([patient]) if one["resourceType"] != "AllergyIntolerance"]
    export = write(tmp_path / "export", some)
    assert "allergies" in summary(found(export, tmp_path / "folder"))["not checked"]
    assert "allergies" not in summary(found(manifest(export), tmp_path / "all"))["not checked"]
    without = manifest(export, "?_type=Patient,Condition,Observation,MedicationStatement")
    assert "allergies" in summary(found(without, tmp_path / "some"))["not checked"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json", "is no resource in JSON"),
        (b'{"resourceType": "Observation", "id": "x"', "is no resource in JSON"),
        (b'{"resourceType": "Observation", "id": "x"}', "Observation: names no patient"),
        (b'{"resourceType": "Observation", "subject": {"reference": "urn:uuid:1"}}', "Observation: names no patient"),
        (b'{"resourceType": "Observation", "note": "\xff\xfe"}', "cannot be read"),
        (b"[1]", "is no resource in JSON"),
    ],
)
@pytest.mark.parametrize("everybody", [False, True])
def test_a_broken_line_costs_only_itself_and_is_listed(
    whole: Path, tmp_path: Path, line: bytes, reason: str, *, everybody: bool
) -> None:
    export = manifest(write(tmp_path / "export", resources())).parent
    file = export / "Observation.000.ndjson"
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([*lines[:7], line, *lines[7:]]) + b"\n")
    out = found(export, tmp_path / "out", everybody=everybody)
    assert (out / results.CARDS).read_bytes() == (whole / results.CARDS).read_bytes()
    [unused] = (out / results.UNUSED).read_text().splitlines()[1:]
    assert reason in unused
    assert ",8," in unused


def test_a_resource_that_cannot_be_read_costs_only_itself_and_is_counted(whole: Path, tmp_path: Path) -> None:
    odd: Resource = {
        "resourceType": "Observation",
        "id": "odd",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2157-6"}]},
        "subject": {"reference": "Patient/nam-never-treated"},
        "effectiveDateTime": "2026-02-31",
        "valueQuantity": {"value": "many", "unit": "U/L"},
    }
    out = found(manifest(write(tmp_path / "export", [*resources(), odd])).parent, tmp_path / "out")
    assert set(cards(out)) == set(cards(whole))
    assert "Observation" in (out / results.QUALITY).read_text()


def test_who_cannot_be_judged_is_listed_with_the_reason(tmp_path: Path) -> None:
    patient = "nam-refractory-gates-passed"
    some = [
        one for one in resources([patient, "nam-child"]) if (one["resourceType"], one["id"]) != ("Patient", patient)
    ]
    out = found(write(tmp_path / "export", some), tmp_path / "out")
    assert set(cards(out)) == {"nam-child"}
    assert (out / results.REFUSED).read_text().splitlines()[1].startswith(f"{patient},")


def test_a_diagnosis_that_cannot_be_read_is_refused_aloud(tmp_path: Path) -> None:
    broken = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "code": "G72.49"}
    some = [*resources(["nam-child"]), {"resourceType": "Patient", "id": "p"}, broken]
    for everybody in (False, True):
        out = found(write(tmp_path / "export", some), tmp_path / f"out {everybody}", everybody=everybody)
        assert (out / results.REFUSED).read_text().splitlines()[1].startswith("p,")


def test_a_run_goes_on_where_it_was_interrupted(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = manifest(write(tmp_path / "export", resources(), files=3)).parent
    judge = run._judge_bucket
    judged: list[int] = []

    def interrupted(bucket: int) -> None:
        if len(judged) == 3:
            raise KeyboardInterrupt
        judge(bucket)
        judged.append(bucket)

    monkeypatch.setattr(run, "_judge_bucket", interrupted)
    with pytest.raises(KeyboardInterrupt):
        found(export, tmp_path / "out")
    assert judged == [0, 1, 2]

    def noted(bucket: int) -> None:
        judge(bucket)
        judged.append(bucket)

    monkeypatch.setattr(run, "_judge_bucket", noted)
    out = found(export, tmp_path / "out")
    assert judged == list(range(run.LEAST_BUCKETS))
    for name in results.RESULTS:
        if name != results.CARDS_PARQUET:
            assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_run_that_was_begun_with_something_else_is_not_gone_on_with(tmp_path: Path) -> None:
    export = write(tmp_path / "export", resources(["nam-child"]))
    options = Options(TODAY)
    run.run(export, tmp_path / "out", options, SETTINGS, jobs=1, progress=Quiet())
    other = msgspec.structs.replace(options, everybody=True)
    with pytest.raises(ExportError, match="begun with another"):
        run.run(export, tmp_path / "out", other, SETTINGS, jobs=1, progress=Quiet())


def test_medications_are_found_by_reference(tmp_path: Path) -> None:
    patient = "nam-hmgcr-active-statin"
    some = list(resources([patient]))
    for one in some:
        if "medicationCodeableConcept" in one:
            some.append(
                {"resourceType": "Medication", "id": f"m-{one['id']}", "code": one.pop("medicationCodeableConcept")}
            )
            one["medicationReference"] = {"reference": f"Medication/m-{one['id']}"}
    out = found(manifest(write(tmp_path / "export", some)).parent, tmp_path / "out")
    assert [card["summary"] for card in cards(out)[patient]] == [card["summary"] for card in shown(patient)]


def test_progress_tells_every_step_to_its_end(tmp_path: Path) -> None:
    export = write(tmp_path / "export", resources(["nam-child"]), files=2)
    progress = Quiet()
    run.run(export, tmp_path / "out", Options(TODAY), SETTINGS, jobs=1, progress=progress)
    assert len(progress.steps) == 3
    assert all(total == done > 0 for _, total, done in progress.steps)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder.mkdir(), "no NDJSON"),
        (lambda folder: write(folder, [{"resourceType": "Patient", "id": "p"}]), "no file of Condition"),
        (lambda folder: folder.write_text("{"), "no manifest"),
        (lambda folder: (manifest(write(folder, resources(["nam-child"]))).parent / FILE).unlink(), "not beside it"),
    ],
)
def test_what_is_no_export_is_refused_in_a_sentence(tmp_path: Path, make: Any, message: str) -> None:
    make(tmp_path / "export")
    with pytest.raises(ExportError, match=message):
        run.run(tmp_path / "export", tmp_path / "out", Options(TODAY), SETTINGS, jobs=1, progress=Quiet())
