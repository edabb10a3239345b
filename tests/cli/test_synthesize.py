"""`nam-cds synthesize`: an export of invented people, told of as it is written."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from fixtures.synthetic.export import MANIFEST

Run = Callable[..., Result]
DAY = ("--today", "2026-11-22", "--jobs", "1")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_writes_an_export_and_tells_what_is_in_it(run: Run, tmp_path: Path) -> None:
    result = run("synthesize", "120", "--out", str(tmp_path / "new" / "export"), *DAY)
    assert result.exit_code == 0, result.output
    assert "Observation" in result.stdout
    assert "ordinary: 1" in result.stdout
    assert "All of them are invented." in result.stdout
    assert "120/120" in result.stderr
    found = json.loads((tmp_path / "new" / "export" / MANIFEST).read_bytes())
    assert sum(one["count"] for one in found["output"] if one["type"] == "Patient") == 120


def test_the_same_command_writes_the_same_bytes(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run("synthesize", "50", "--out", str(tmp_path / name), "--seed", "9", "--imnm-share", "0.2", *DAY)
    assert content(tmp_path / "a") == content(tmp_path / "b") != {}


def test_shares_and_tidy_reach_the_people(run: Run, tmp_path: Path) -> None:
    shares = ("--imnm-share", "1", "--mimic-share", "0")
    result = run("synthesize", "30", "--out", str(tmp_path), *shares, "--tidy", *DAY)
    assert "imnm: 30" in result.stdout
    assert b"entered-in-error" not in b"".join(content(tmp_path).values())


def test_a_folder_that_is_not_empty_is_refused_and_left_as_it_is(run: Run, tmp_path: Path) -> None:
    run("synthesize", "20", "--out", str(tmp_path), *DAY)
    before = content(tmp_path)
    result = run("synthesize", "20", "--out", str(tmp_path), "--seed", "2", *DAY)
    assert result.exit_code == 1
    assert "is not empty" in result.stderr
    assert "--force" in result.stderr
    assert content(tmp_path) == before


def test_force_deletes_an_earlier_export_in_full(run: Run, tmp_path: Path) -> None:
    run("synthesize", "20", "--out", str(tmp_path), *DAY)
    result = run("synthesize", "20", "--out", str(tmp_path), "--gzip", "--force", *DAY)
    assert result.exit_code == 0, result.output
    assert not list(tmp_path.glob("*.ndjson"))


def test_force_deletes_nothing_that_is_no_export(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    result = run("synthesize", "20", "--out", str(tmp_path), "--force", *DAY)
    assert result.exit_code == 1
    assert "more than an export" in result.stderr
    assert content(tmp_path) == {"thesis.txt": b"years of work"}


def test_a_folder_that_cannot_be_made_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("synthesize", "20", "--out", str(tmp_path / "file" / "export"), *DAY)
    assert result.exit_code == 1
    assert "cannot be used" in result.stderr


def test_shares_of_more_than_everybody_are_refused(run: Run, tmp_path: Path) -> None:
    result = run("synthesize", "20", "--out", str(tmp_path), "--imnm-share", "0.7", "--mimic-share", "0.7", *DAY)
    assert result.exit_code == 1
    assert "more than 1 together" in result.stderr


def test_nobody_at_all_is_not_understood(run: Run, tmp_path: Path) -> None:
    assert run("synthesize", "0", "--out", str(tmp_path)).exit_code == 2
