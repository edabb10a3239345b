"""`nam-cds explain`: a Bundle or a request in, cards and reasons out."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import fixtures

Run = Callable[..., Result]
PATIENT = "nam-refractory-gates-passed"
WITH_MEDICATION = "nam-orders-with-text-doses"
TODAY = ("--today", fixtures.ANCHOR.isoformat())


def bundle(patient_id: str = PATIENT) -> dict[str, Any]:
    return fixtures.bundle(patient_id, fixtures.ANCHOR)


def saved(folder: Path, content: Any) -> str:
    file = folder / "chart.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


def explained(run: Run, folder: Path, content: Any, *more: str) -> dict[str, Any]:
    result = run("explain", saved(folder, content), *TODAY, "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def cards(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(card["source"]["topic"]["code"], card["summary"]) for card in found["cards"]]


def request(patient_id: str = PATIENT, **members: Any) -> dict[str, Any]:
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": patient_id},
        "prefetch": fixtures.prefetch(patient_id, fixtures.ANCHOR),
    } | members


def with_urns(chart: dict[str, Any]) -> dict[str, Any]:
    """The Bundle as a system writes it that names resources by uuid only, without ids."""
    chart = copy.deepcopy(chart)
    names = {entry["request"]["url"]: f"urn:uuid:{number:08}" for number, entry in enumerate(chart["entry"])}
    text = json.dumps(chart)
    for name, urn in names.items():
        text = text.replace(f'"reference": "{name}"', f'"reference": "{urn}"')
    chart = json.loads(text)
    for entry in chart["entry"]:
        entry["fullUrl"] = names[entry.pop("request")["url"]]
        del entry["resource"]["id"]
    return chart


@pytest.mark.parametrize("patient_id", [story.id for story in fixtures.stories()])
def test_a_bundle_gives_the_cards_of_its_request(run: Run, tmp_path: Path, patient_id: str) -> None:
    from_bundle = explained(run, tmp_path, bundle(patient_id))
    assert cards(from_bundle) == cards(explained(run, tmp_path, request(patient_id)))
    assert "unasked" not in from_bundle


@pytest.mark.parametrize("type_", ["collection", "searchset", "batch", "document", None])
def test_any_type_of_bundle_will_do(run: Run, tmp_path: Path, type_: str | None) -> None:
    assert cards(explained(run, tmp_path, bundle() | {"type": type_})) == cards(explained(run, tmp_path, bundle()))


@pytest.mark.parametrize("patient_id", [PATIENT, WITH_MEDICATION])
def test_references_by_uuid_are_resolved(run: Run, tmp_path: Path, patient_id: str) -> None:
    expected = cards(explained(run, tmp_path, bundle(patient_id)))
    assert expected
    assert cards(explained(run, tmp_path, with_urns(bundle(patient_id)))) == expected


def test_a_bundle_of_bundles_is_one(run: Run, tmp_path: Path) -> None:
    nested = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": bundle()}]}
    assert cards(explained(run, tmp_path, nested)) == cards(explained(run, tmp_path, bundle()))


def test_of_several_patients_one_is_chosen(run: Run, tmp_path: Path) -> None:
    both = bundle() | {"entry": bundle()["entry"] + bundle("nam-child")["entry"]}
    result = run("explain", saved(tmp_path, both))
    assert result.exit_code == 1
    assert f"--patient: {PATIENT}, nam-child" in result.stderr
    found = explained(run, tmp_path, both, "--patient", f"Patient/{PATIENT}")
    assert cards(found) == cards(explained(run, tmp_path, bundle()))


def test_the_trace_of_every_rule_is_in_the_json(run: Run, tmp_path: Path) -> None:
    found = explained(run, tmp_path, bundle())
    outcomes = {verdict["rule"]: verdict["outcome"] for verdict in found["verdicts"]}
    assert outcomes["EscalateToCyclophosphamide"] == "fires"
    assert "silent" in outcomes.values()
    assert all("truth" in criterion for verdict in found["verdicts"] for criterion in verdict["criteria"])
    assert found["concerned"] is True
    assert found["today"] == fixtures.ANCHOR.isoformat()
    assert {"Drug courses", "Left out", "Sources looked at"} <= set(found["facts"])


def test_the_trace_is_shown_in_the_terminal(run: Run, tmp_path: Path) -> None:
    shown = run("explain", saved(tmp_path, bundle()), *TODAY).output
    for wanted in ("● EscalateToCyclophosphamide", "○ Relapse", "not in palliative care", "Drug trials", "Left out"):
        assert wanted in shown


def test_a_closed_gate_is_told(run: Run, tmp_path: Path) -> None:
    shown = run("explain", saved(tmp_path, bundle("nam-look-alikes")), *TODAY).output
    assert "The gate: no diagnosis" in shown
    assert "No card" in shown


def test_what_no_query_asks_for_is_told(run: Run, tmp_path: Path) -> None:
    chart = bundle()
    text_only = {"resourceType": "Observation", "id": "x", "code": {"text": "CK"}, "valueString": "high"}
    chart["entry"].append({"resource": text_only})
    assert explained(run, tmp_path, chart)["unasked"] == ["1 Observation"]
    assert "asked for by no query of the service: 1 Observation" in " ".join(
        run("explain", saved(tmp_path, chart), *TODAY).output.split()
    )


def test_standard_input_is_read(run: Run) -> None:
    result = run("explain", "-", *TODAY, input=json.dumps(bundle()))
    assert "Refractory IMNM" in result.output


def test_the_site_s_overlay_applies(run: Run, tmp_path: Path) -> None:
    overlay = tmp_path / "site.yaml"
    overlay.write_text("thresholds:\n  ck.active_x_uln: {value: 900, reason: to see a difference}\n")
    chart = saved(tmp_path, bundle())
    changed = run("explain", chart, *TODAY, "--json", env={"NAM_CDS_OVERLAY": str(overlay)})
    assert cards(json.loads(changed.stdout)) != cards(explained(run, tmp_path, bundle()))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("nonsense", "is not JSON"),
        ([], "neither a FHIR Bundle nor a CDS Hooks request"),
        ({"resourceType": "Patient"}, "neither a FHIR Bundle nor a CDS Hooks request"),
        ({"resourceType": "Bundle"}, "The Bundle has no Patient."),
        ({"resourceType": "Bundle", "entry": "all"}, "entry is not a list"),
        (request(hook="encounter-start"), "There is no service for the hook encounter-start."),
        (request(context={"userId": "Practitioner/1"}), "context.patientId"),
        (request(prefetch={}), "patient cannot be had"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(run: Run, tmp_path: Path, content: Any, told: str) -> None:
    result = run("explain", saved(tmp_path, content), *TODAY)
    assert result.exit_code == 1
    assert told in result.stderr


def test_an_unknown_patient_or_service_is_told_with_those_there_are(run: Run, tmp_path: Path) -> None:
    chart = saved(tmp_path, bundle())
    assert f"It has: {PATIENT}." in run("explain", chart, "--patient", "nobody").stderr
    assert "There are: nam-patient-view" in run("explain", chart, "--service", "other").stderr
