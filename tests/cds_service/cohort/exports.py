"""Exports of the fixture patients, as servers write them."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fixtures

TODAY = fixtures.ANCHOR
Resource = dict[str, Any]


def resources(patients: Iterable[str] | None = None) -> Iterator[Resource]:
    """All resources of these fixture patients, or of all."""
    for patient in patients or [story.id for story in fixtures.stories()]:
        for entry in fixtures.bundle(patient, TODAY)["entry"]:
            yield entry["resource"]


def write(folder: Path, found: Iterable[Resource], *, files: int = 1, zipped: bool = False) -> Path:
    """An export as NDJSON: so many files a type, the lines dealt out among them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {}
    for resource in found:
        lines.setdefault(resource["resourceType"], []).append(json.dumps(resource))
    for kind, those in lines.items():
        for number in range(files):
            text = "".join(f"{line}\n" for line in those[number::files]).encode()
            name = f"{kind}.{number:03}.ndjson" + (".gz" if zipped else "")
            (folder / name).write_bytes(gzip.compress(text, mtime=0) if zipped else text)
    return folder


def manifest(folder: Path, query: str = "") -> Path:
    """The manifest of the files in a folder, as a server gives it when an export is complete."""
    files = sorted(folder.glob("*.ndjson*"))
    path = folder / "manifest.json"
    path.write_text(
        json.dumps(
            {
                "transactionTime": "2026-11-22T00:00:00Z",
                "request": f"https://ehr.example/fhir/$export{query}",
                "requiresAccessToken": True,
                "output": [
                    {"type": file.name.partition(".")[0], "url": f"https://ehr.example/bulk/1/{file.name}"}
                    for file in files
                ],
                "error": [],
            }
        )
    )
    return path


class Quiet:
    """Progress that nobody sees, and that is kept."""

    def __init__(self) -> None:
        self.steps: list[list[Any]] = []

    def begin(self, what: str, total: int, unit: str) -> None:
        self.steps.append([what, total, 0])

    def advance(self, number: int) -> None:
        self.steps[-1][2] += number
