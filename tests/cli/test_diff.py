"""`nam-cds diff`: what would change is told, and by the exit status to whoever runs it unseen."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import fixtures

Run = Callable[..., Result]
PATIENT = "nam-refractory-gates-passed"
DAY = ("--today", fixtures.ANCHOR.isoformat(), "--jobs", "1")


@pytest.fixture
def patients(tmp_path: Path) -> str:
    """A folder of one patient, whose CK is two and a half times the upper limit."""
    folder = tmp_path / "patients"
    folder.mkdir()
    bundle = fixtures.bundle(PATIENT, fixtures.ANCHOR)
    for entry in bundle["entry"]:
        value = entry["resource"].get("valueQuantity", {})
        if value.get("unit") == "U/L":
            value["value"] = 500
    (folder / "one.json").write_text(json.dumps(bundle))
    return str(folder)


@pytest.fixture
def site(tmp_path: Path) -> str:
    path = tmp_path / "site.yaml"
    path.write_text("thresholds: {ck.active_x_uln: {value: 3, reason: own limit}}")
    return str(path)


def test_differences_are_a_table_by_rule_the_criterion_and_exit_status_1(run: Run, patients: str, site: str) -> None:
    result = run("diff", "own", site, patients, *DAY)
    assert result.exit_code == 1
    [row] = [line for line in result.stdout.splitlines() if line.startswith("│ Escalate")]
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["EscalateToCyclophosphamide", "", "1", "", "", ""]
    assert "EscalateToCyclophosphamide loses (1): disease active › CK raised" in result.stdout
    assert "comes, goes or says something else: 1." in result.stdout
    assert "only shows another limit: 0." in result.stdout
    assert PATIENT not in result.stdout


def test_no_differences_are_exit_status_0(run: Run, patients: str, site: str) -> None:
    for same in ("own", site):
        result = run("diff", same, same, patients, *DAY)
        assert result.exit_code == 0, result.output
        assert result.stdout.strip() == "No differences."


def test_details_by_person_are_written_once(run: Run, tmp_path: Path, patients: str, site: str) -> None:
    out = tmp_path / "changes"
    assert run("diff", "own", site, patients, "--out", str(out), *DAY).exit_code == 1
    assert sorted(path.name for path in out.iterdir()) == [
        "differences.csv",
        "differences.json",
        "differences.ndjson",
    ]
    [line] = (out / "differences.ndjson").read_text().splitlines()
    assert json.loads(line)["patient"] == PATIENT
    again = run("diff", "own", site, patients, "--out", str(out), *DAY)
    assert again.exit_code == 2
    assert "holds differences already" in again.stderr


def test_results_of_two_releases_are_compared(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patients: str, site: str
) -> None:
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    assert run("cohort", patients, "--out", old, *DAY).exit_code == 0
    monkeypatch.setenv("NAM_CDS_OVERLAY", site)
    assert run("cohort", patients, "--out", new, *DAY).exit_code == 0
    result = run("diff", old, new)
    assert result.exit_code == 1
    assert "│ EscalateToCyclophosphamide │       │ 1     │" in result.stdout
    assert run("diff", old, old).exit_code == 0


def test_an_overlay_of_the_settings_does_not_count(
    run: Run, monkeypatch: pytest.MonkeyPatch, patients: str, site: str
) -> None:
    monkeypatch.setenv("NAM_CDS_OVERLAY", site)
    assert run("diff", "own", "own", patients, *DAY).exit_code == 0
    assert run("diff", "own", site, patients, *DAY).exit_code == 1


def test_what_goes_wrong_is_no_difference(run: Run, tmp_path: Path, patients: str, site: str) -> None:
    wrong, none = tmp_path / "wrong.yaml", str(tmp_path / "none")
    wrong.write_text("thresholds: {ck.active_x_uln: {value: 3}}")
    (tmp_path / "empty").mkdir()
    for arguments, said in (
        (("own", str(wrong), patients), "wrong.yaml: thresholds.ck.active_x_uln"),
        (("own", none, patients), "none"),
        (("own", str(tmp_path / "empty"), patients), "evidence.yaml"),
        (("own", site, str(tmp_path / "empty")), "holds no NDJSON file"),
        (("own", site), "own holds no results of a cohort run"),
        (("own", site, none), "does not exist"),
    ):
        result = run("diff", *arguments, *DAY)
        assert result.exit_code == 2, arguments
        assert said in result.stderr
        assert "Traceback" not in result.output
