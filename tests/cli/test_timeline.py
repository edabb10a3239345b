"""`nam-cds timeline`: a Bundle or a request in, a picture out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import Result

import fixtures

Run = Callable[..., Result]
PATIENT = "nam-relapse-on-taper"
TODAY = ("--today", fixtures.ANCHOR.isoformat())


def saved(folder: Path, content: Any) -> str:
    file = folder / "chart.json"
    file.write_text(json.dumps(content))
    return str(file)


def bundle(patient_id: str = PATIENT) -> dict[str, Any]:
    return fixtures.bundle(patient_id, fixtures.ANCHOR)


def description(drawing: str) -> str:
    return next(child.text or "" for child in ET.fromstring(drawing) if child.tag.endswith("desc"))


def test_a_bundle_becomes_an_svg_file(run: Run, tmp_path: Path) -> None:
    result = run("timeline", saved(tmp_path, bundle()), *TODAY, "-o", str(tmp_path / "course.svg"))
    assert (result.exit_code, result.output) == (0, "")
    assert "CK is rising again" in description((tmp_path / "course.svg").read_text(encoding="utf-8"))


def test_a_saved_request_will_do_and_standard_output_too(run: Run, tmp_path: Path) -> None:
    request = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": PATIENT},
        "prefetch": fixtures.prefetch(PATIENT, fixtures.ANCHOR),
    }
    from_request = run("timeline", saved(tmp_path, request), *TODAY, "-o", "-").stdout
    from_bundle = run("timeline", "-", *TODAY, "-o", "-", input=json.dumps(bundle())).stdout
    assert from_request == from_bundle
    assert "CK is rising again" in description(from_request)


def test_the_day_is_that_of_the_option(run: Run, tmp_path: Path) -> None:
    result = run("timeline", saved(tmp_path, bundle()), "--today", "2026-09-01", "-o", "-")
    assert "today, 1 Sep 2026" in result.stdout


def test_pixels_if_the_name_says_so(run: Run, tmp_path: Path) -> None:
    assert run("timeline", saved(tmp_path, bundle()), *TODAY, "-o", str(tmp_path / "course.PNG")).exit_code == 0
    assert (tmp_path / "course.PNG").read_bytes().startswith(b"\x89PNG")


def test_of_several_patients_one_is_chosen(run: Run, tmp_path: Path) -> None:
    both = bundle() | {"entry": bundle()["entry"] + bundle("nam-child")["entry"]}
    file = saved(tmp_path, both)
    assert "--patient:" in run("timeline", file, *TODAY, "-o", "-").stderr
    assert "CK is rising again" in description(run("timeline", file, *TODAY, "-o", "-", "--patient", PATIENT).stdout)


@pytest.mark.parametrize(
    ("patient_id", "output", "told"),
    [
        ("nam-look-alikes", "course.svg", "There is nothing to draw."),
        (PATIENT, "nowhere/course.svg", "cannot be written (No such file or directory)"),
    ],
)
def test_what_cannot_be_drawn_is_told(run: Run, tmp_path: Path, patient_id: str, output: str, told: str) -> None:
    result = run("timeline", saved(tmp_path, bundle(patient_id)), *TODAY, "-o", str(tmp_path / output))
    assert result.exit_code == 1
    assert told in result.stderr
    assert not (tmp_path / output).exists()


def test_the_day_is_one_from_which_one_can_look_back_and_ahead(run: Run, tmp_path: Path) -> None:
    for text in ("0001-01-01", "9999-12-31", "2026-11", "yesterday"):
        result = run("timeline", saved(tmp_path, bundle()), "--today", text, "-o", "-")
        assert result.exit_code == 2
        assert "'--today'" in result.output
