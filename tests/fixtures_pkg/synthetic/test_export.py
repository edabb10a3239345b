"""The export: NDJSON by type with a manifest, the same bytes whoever writes it, and memory that does not grow."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from fixtures.synthetic import export as module
from fixtures.synthetic.export import MANIFEST, export, written_by
from fixtures.synthetic.people import Recipe, people

RECIPE = Recipe(imnm_share=0.05, mimic_share=0.05)


@pytest.fixture(autouse=True)
def _small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PEOPLE_PER_FILE", 40)


def written(folder: Path, count: int, recipe: Recipe = RECIPE, *, compress: bool = False, jobs: int = 1) -> list[int]:
    """Exports, and gives what was told of the progress."""
    folder.mkdir()
    told: list[int] = []
    export(recipe, count, folder, compress=compress, jobs=jobs, told=told.append)
    return told


def manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    return content


def lines(folder: Path, type_: str) -> list[dict[str, Any]]:
    files = [one["url"] for one in manifest(folder)["output"] if one["type"] == type_]
    return [json.loads(line) for name in files for line in (folder / name).read_text().splitlines()]


def test_what_is_written_is_what_the_people_hold(tmp_path: Path) -> None:
    written(tmp_path / "a", 100)
    expected = [one for person in people(100, imnm_share=0.05, mimic_share=0.05) for one in person.resources]
    for type_ in {one["resourceType"] for one in expected}:
        assert lines(tmp_path / "a", type_) == [one for one in expected if one["resourceType"] == type_]


def test_the_manifest_is_that_of_a_bulk_export(tmp_path: Path) -> None:
    written(tmp_path / "a", 100)
    found = manifest(tmp_path / "a")
    assert found["transactionTime"] == "2026-11-22T00:00:00Z"
    assert found["requiresAccessToken"] is False
    assert found["error"] == []
    assert {path.name for path in written_by(tmp_path / "a")} == {one["url"] for one in found["output"]} | {MANIFEST}
    for one in found["output"]:
        content = (tmp_path / "a" / one["url"]).read_text().splitlines()
        assert len(content) == one["count"] > 0
        assert {json.loads(line)["resourceType"] for line in content} == {one["type"]}
    assert [one["url"] for one in found["output"] if one["type"] == "Patient"] == [
        "Patient.00001.ndjson",
        "Patient.00002.ndjson",
        "Patient.00003.ndjson",
    ]
    assert found["extension"]["urn:nam-cds:people"] == 100
    assert found["extension"]["urn:nam-cds:recipe"]["seed"] == 1


def test_several_processes_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    written(tmp_path / "one", 130)
    told = written(tmp_path / "two", 130, jobs=2)
    assert sum(told) == 130
    names = [path.name for path in sorted((tmp_path / "one").iterdir())]
    assert names == [path.name for path in sorted((tmp_path / "two").iterdir())]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_more_people_do_not_change_the_first(tmp_path: Path) -> None:
    written(tmp_path / "few", 50)
    written(tmp_path / "many", 90)
    assert lines(tmp_path / "many", "Observation")[: len(lines(tmp_path / "few", "Observation"))] == lines(
        tmp_path / "few", "Observation"
    )


def test_compressed_files_hold_the_same(tmp_path: Path) -> None:
    written(tmp_path / "plain", 50)
    written(tmp_path / "gz", 50, compress=True)
    written(tmp_path / "again", 50, compress=True)
    for one in manifest(tmp_path / "gz")["output"]:
        packed = (tmp_path / "gz" / one["url"]).read_bytes()
        assert one["url"].endswith(".ndjson.gz")
        assert gzip.decompress(packed) == (tmp_path / "plain" / one["url"].removesuffix(".gz")).read_bytes()
        assert packed == (tmp_path / "again" / one["url"]).read_bytes()


def test_a_broken_line_is_one_line_and_counted(tmp_path: Path) -> None:
    recipe = Recipe()
    recipe.shares["broken_line"] = 0.5
    written(tmp_path / "a", 60, recipe)
    broken = 0
    for path in (tmp_path / "a").glob("*.ndjson"):
        for line in path.read_bytes().splitlines():
            try:
                json.loads(line)
            except ValueError:
                broken += 1
    assert broken == manifest(tmp_path / "a")["extension"]["urn:nam-cds:counts"]["broken lines"] > 10


def test_there_is_no_manifest_before_all_is_written(tmp_path: Path) -> None:
    def full(_: int) -> None:
        raise OSError("no space")

    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="no space"):
        export(RECIPE, 50, tmp_path / "a", compress=False, jobs=1, told=full)
    assert not (tmp_path / "a" / MANIFEST).exists()


def test_what_fails_in_a_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        export(RECIPE, 90, tmp_path / "missing", compress=False, jobs=2, told=lambda _: None)


def test_memory_does_not_grow_with_the_people(tmp_path: Path) -> None:
    def peak(folder: Path, count: int) -> int:
        tracemalloc.start()
        written(folder, count)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    written(tmp_path / "warm", 200)
    assert peak(tmp_path / "many", 800) < 1.3 * peak(tmp_path / "few", 200)
