"""Where the resources of an export are: files of NDJSON, plain or gzipped, by resource type (Bulk Data Access 2.0)."""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from cds_service import saved
from cds_service.errors import InvalidRequest

MANIFEST = "manifest.json"
SUFFIXES = (".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
_TYPE = re.compile(r"[A-Z][A-Za-z]+")


class ExportError(Exception):
    """What was given is no export, or not all of one; says what to do."""


class Export(msgspec.Struct, frozen=True):
    """The files of an export, by the type of what they hold.

    `asked`: the types that were asked for, of which there may be none; "all" if none was left out.
    """

    files: dict[str, tuple[Path, ...]]
    asked: frozenset[str] | Literal["all"] = frozenset()

    def has(self, resource_type: str) -> bool:
        """Whether it is known what there is of a type. One without a file, that nobody asked for, may be left out."""
        return resource_type in self.files or self.asked == "all" or resource_type in self.asked

    @property
    def bytes(self) -> int:
        """The size of all files, as they are on disk."""
        return sum(path.stat().st_size for paths in self.files.values() for path in paths)


def find(source: Path) -> Export:
    """The export in a folder, or behind a manifest. Raises ExportError."""
    manifest = source if source.is_file() else source / MANIFEST
    if manifest.is_file():
        return _of_manifest(manifest)
    if not source.is_dir():
        raise ExportError(f"{source} is neither a folder nor a manifest.")
    files = sorted(path for path in source.rglob("*") if path.name.endswith(SUFFIXES))
    if not files:
        raise ExportError(f"{source} holds no NDJSON file ({', '.join(SUFFIXES)}).")
    return Export(_by_type((type_of(path), path) for path in files))


def _of_manifest(manifest: Path) -> Export:
    """Files are looked for beside the manifest, by the last part of their address."""
    try:
        content = msgspec.json.decode(manifest.read_bytes(), type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError(f"{manifest} is no manifest of a bulk export: {error}") from None
    if content.error:
        # What the server could not export is not known to be none.
        raise ExportError(f"{manifest} lists errors of the export ({len(content.error)} files): export again.")
    found = [(one.type, manifest.parent / unquote(urlsplit(one.url).path).rpartition("/")[2]) for one in content.output]
    lost = [path.name for _, path in found if not path.is_file()]
    if lost:
        raise ExportError(f"{manifest} names files that are not beside it: {', '.join(lost[:5])}.")
    types = parse_qs(urlsplit(content.request).query).get("_type")
    return Export(_by_type(found), frozenset(",".join(types).split(",")) if types else "all")


class _Output(msgspec.Struct):
    type: str
    url: str


class _Manifest(msgspec.Struct):
    output: list[_Output]
    request: str = ""
    error: list[_Output] = []


def _by_type(files: Iterable[tuple[str, Path]]) -> dict[str, tuple[Path, ...]]:
    found: dict[str, list[Path]] = {}
    for type_, path in files:
        found.setdefault(type_, []).append(path)
    return {type_: tuple(paths) for type_, paths in sorted(found.items())}


def type_of(path: Path) -> str:
    """The type of the resources of a file, by its first line, as names differ from server to server."""
    with (gzip.open if path.name.endswith(".gz") else open)(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip():
                try:
                    found = json.loads(line)["resourceType"]
                except (ValueError, KeyError, TypeError, RecursionError):
                    break
                return str(found)
    named = _TYPE.search(path.name)
    return named.group() if named else ""


def unpacked(bundles: Iterable[Path], into: Path) -> Iterator[tuple[Path, str]]:
    """Write the resources of Bundles, one file each, as NDJSON by type; yields each Bundle that cannot be, and why."""
    into.mkdir(parents=True)
    files = {}
    try:
        for path in bundles:
            try:
                bundle = json.loads(path.read_bytes())
                if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
                    raise ValueError("is no Bundle")
                resources = saved.resources_in(bundle)
                if odd := [one for one in resources if not _TYPE.fullmatch(one["resourceType"])]:
                    raise ValueError(f"holds {len(odd)} resources of no FHIR type")
            except (ValueError, RecursionError, InvalidRequest) as error:
                yield path, str(error)
                continue
            for resource in resources:
                type_ = resource["resourceType"]
                if type_ not in files:
                    files[type_] = (into / f"{type_}.ndjson").open("w", encoding="utf-8")
                files[type_].write(json.dumps(resource, ensure_ascii=False) + "\n")
    finally:
        for file in files.values():
            file.close()
