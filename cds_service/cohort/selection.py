"""Of the files of an export the lines that count, brought together by person, by DuckDB.

An embedded database reads, filters and partitions on disk, so memory stays bounded whatever the size. Of each line it
reads the type, the id and the subject, and of Conditions the code; nothing else is parsed for who is not selected.

A folder holds what was done: each step is there whole, or not at all, so that a new start goes on from there.
"""

import gzip
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from cds_service.cohort.export import Export
from cds_service.cohort.judging import Line, medication_of

MEMORY_MB = 512
"""What DuckDB may take; beyond it goes to disk."""
BATCH_BYTES = 256 << 20
"""About how much is read in one step; a new start goes on after the last whole one."""
LONGEST_LINE = 32 << 20
"""Bytes of the longest line that is read; a longer one is listed as left out."""
NOBODY = -1
"""The bucket of lines that name no patient, or cannot be read."""

Concerns = Callable[[list[str]], bool | None]
"""Whether Conditions concern the service; None: one of them cannot be read."""
Tested = Callable[[str], bool]
"""Whether an Observation may be a reason to look at somebody without a diagnosis."""
Progress = Callable[[int], None]
"""Called with the bytes that were read since the last call."""


class Unused(msgspec.Struct, frozen=True, order=True, omit_defaults=True):
    """A line of a file that names no patient, or cannot be read, and why. `line`: its number, from 1."""

    file: str
    line: int
    reason: str


_AS_LINES: dict[str, Any] = {
    "columns": {"line": "VARCHAR"},
    "auto_detect": False,
    "header": False,
    "delimiter": "\x01",  # stands in no JSON
    "quotechar": "",
    "escapechar": "",
    "strict_mode": False,
    "max_line_size": LONGEST_LINE,
    "buffer_size": 2 * LONGEST_LINE,
    "filename": "file",
    "store_rejects": True,
}
_DIAGNOSIS = ("$.subject.reference", "$.code", "$.verificationStatus")
_TEST = ("$.subject.reference", "$.code")
_OWNER = ("$.resourceType", "$.id", "$.subject.reference", "$.patient.reference")
_PATIENT_IN = """
    CREATE MACRO patient_in(reference) AS nullif(regexp_extract(reference, '^(?:[^#]*/)?Patient/([^/?|#]+)', 1), '')
"""
_DIAGNOSES = "INSERT INTO diagnoses SELECT DISTINCT patient_in(x[1]), x[2], x[3] FROM cut WHERE x IS NOT NULL"
_CHOSEN = """
    SELECT DISTINCT person FROM diagnoses JOIN chosen
    ON diagnoses.code IS NOT DISTINCT FROM chosen.code AND diagnoses.status IS NOT DISTINCT FROM chosen.status
    WHERE person IS NOT NULL UNION SELECT person FROM tested
"""
_CODES = """
    CREATE OR REPLACE TABLE codes AS
    SELECT DISTINCT patient_in(x[1]) AS person, x[2] AS code FROM cut WHERE x[2] IS NOT NULL
"""
_TESTED = "INSERT INTO tested SELECT DISTINCT person FROM codes WHERE person IS NOT NULL AND code IN (SELECT unnest(?))"
_OWNED = """
    CREATE OR REPLACE TEMP VIEW owned AS SELECT line, file, x[1] AS kind,
    CASE x[1] WHEN 'Patient' THEN x[2] ELSE patient_in(coalesce(x[3], x[4])) END AS person FROM cut WHERE line <> ''
"""
_EVERYBODY = """
    SELECT if(person IS NULL, -1, (hash(person) % $buckets)::INTEGER) AS bucket, person, kind, line, file FROM owned
"""
_OF_PEOPLE = """
    SELECT if(person IS NULL, -1, (hash(person) % $buckets)::INTEGER) AS bucket, person, kind, line, file FROM owned
    WHERE person IS NULL OR person IN (FROM people)
"""
_WANTED = """
    INSERT INTO wanted SELECT DISTINCT unnest(regexp_extract_all(line, '"Medication/([^"]+)"', 1)) FROM selected
"""
_MEDICATIONS = "INSERT INTO medications SELECT x[1], line FROM cut WHERE x[1] IN (FROM wanted)"
_PEOPLE = """
    SELECT person, list({'kind': kind, 'line': line} ORDER BY kind, line) FROM bucket GROUP BY person ORDER BY person
"""
_UNREAD = """
    SELECT DISTINCT file_path, line, error_type FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
"""


class Selection:
    """The selected lines of an export, by person."""

    def __init__(self, export: Export, folder: Path, kinds: Iterable[str], buckets: int) -> None:
        """`kinds`: the resource types that are needed; files of others are not opened. `buckets`: of the whole."""
        self.buckets = buckets
        self._files = {kind: export.files.get(kind, ()) for kind in kinds}
        self._folder = folder
        self._people, self._medications = folder / "people.parquet", folder / "medications.parquet"
        (folder / "lines").mkdir(parents=True, exist_ok=True)
        spill = str(folder / "spill")
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{MEMORY_MB}MB",
            "preserve_insertion_order": False,
            "temp_directory": spill,
        }
        self._db = duckdb.connect(config=config)
        self._db.execute(_PATIENT_IN)

    def find_people(self, concerns: Concerns, progress: Progress, tested: Tested | None = None) -> None:
        """Find whom the service is for: the gate is asked once for each distinct code, and decides as it always does.

        Those of whom it cannot be told are among them, so that they are refused aloud. With `tested` those are found,
        too, who have such an Observation; it also is asked once for each distinct code.
        """
        if self._people.exists():
            return
        self._db.execute("CREATE OR REPLACE TABLE diagnoses (person VARCHAR, code VARCHAR, status VARCHAR)")
        for files in _batches(self._files["Condition"]):
            self._on_lines(files, list(_DIAGNOSIS), lambda: self._db.execute(_DIAGNOSES))
            progress(_size(files))
        found = self._db.execute("SELECT DISTINCT code, status FROM diagnoses").fetchall()
        chosen = [
            (code, status)
            for code, status in found
            if concerns([_resource("Condition", code=code, verificationStatus=status)]) is not False
        ]
        self._db.execute("CREATE OR REPLACE TABLE chosen (code VARCHAR, status VARCHAR)")
        if chosen:
            self._db.executemany("INSERT INTO chosen VALUES (?, ?)", chosen)
        self._db.execute("CREATE OR REPLACE TABLE tested (person VARCHAR)")
        if tested:
            self._find_tested(tested, progress)
        _whole(self._db.sql(_CHOSEN), self._people)

    def _find_tested(self, tested: Tested, progress: Progress) -> None:
        known: dict[str, bool] = {}
        for files in _batches(self._files.get("Observation", ())):
            self._on_lines(files, list(_TEST), lambda: self._db.execute(_CODES))
            for (code,) in self._db.execute("SELECT DISTINCT code FROM codes").fetchall():
                if code not in known:
                    known[code] = tested(_resource("Observation", code=code))
            self._db.execute(_TESTED, [[code for code, wanted in known.items() if wanted]])
            progress(_size(files))
        self._db.execute("DROP TABLE IF EXISTS codes")

    def gather(self, progress: Progress, *, everybody: bool) -> None:
        """Bring the lines of the people, or of everybody, together; and the Medications that these name."""
        if not everybody:
            self._db.read_parquet(str(self._people)).create_view("people", replace=True)
        files = [file for kind, files in self._files.items() if kind != "Medication" for file in files]
        for number, batch in enumerate(_batches(files)):
            done = self._folder / "lines" / f"{number:05}"
            if not done.exists():
                self._gather_batch(batch, done, _EVERYBODY if everybody else _OF_PEOPLE)
            progress(_size(batch))
        if not self._medications.exists():
            self._gather_medications(progress)

    def _gather_batch(self, files: list[Path], done: Path, which: str) -> None:
        making = done.with_suffix(".part")

        def write() -> None:
            shutil.rmtree(making, ignore_errors=True)
            self._db.execute(_OWNED)
            chosen = self._db.sql(which, params={"buckets": self.buckets})
            chosen.write_parquet(str(making), partition_by=["bucket"], compression="snappy")

        self._on_lines(files, list(_OWNER), write)
        making.mkdir(exist_ok=True)
        (making / "unread.json").write_bytes(msgspec.json.encode(self._unread()))
        making.rename(done)

    def _gather_medications(self, progress: Progress) -> None:
        self._db.execute("CREATE OR REPLACE TABLE wanted (id VARCHAR)")
        if parts := sorted(map(str, (self._folder / "lines").glob("*/*/*.parquet"))):
            self._db.read_parquet(parts).create_view("selected", replace=True)
            self._db.execute(_WANTED)
        self._db.execute("CREATE OR REPLACE TABLE medications (id VARCHAR, line VARCHAR)")
        for files in _batches(self._files.get("Medication", ())):
            self._on_lines(files, ["$.id"], lambda: self._db.execute(_MEDICATIONS))
            progress(_size(files))
        _whole(self._db.table("medications"), self._medications)

    def people_in(self, bucket: int) -> Iterator[tuple[str, list[Line]]]:
        """Each person of a bucket, by id, with all lines that name them; the same order whatever order they came in."""
        parts = self._parts(bucket)
        if not parts:
            return
        with self._db.cursor() as db:
            db.read_parquet(parts).create_view("bucket", replace=True)
            rows = db.execute(_PEOPLE)
            while some := rows.fetchmany(200):
                for person, lines in some:
                    yield person, [(one["kind"] or "", one["line"]) for one in lines]

    def medications_for(self, people: Iterable[tuple[str, list[Line]]]) -> dict[str, str]:
        """The Medications that the lines of people name, by id."""
        wanted = {id_ for _, lines in people for _, text in lines if (id_ := _medication_in(text))}
        if not wanted:
            return {}
        with self._db.cursor() as db:
            db.read_parquet(str(self._medications)).create_view("known", replace=True)
            found = db.execute("SELECT id, line FROM known WHERE id IN (SELECT unnest(?))", [sorted(wanted)])
            return dict(found.fetchall())

    def unused(self) -> list[Unused]:
        """Every line that is nobody's, with the reason, in order of files and lines."""
        found = [
            one
            for part in sorted((self._folder / "lines").glob("*/unread.json"))
            for one in msgspec.json.decode(part.read_bytes(), type=list[Unused])
        ]
        by_file: dict[str, dict[str, str]] = {}
        if parts := self._parts(NOBODY):
            rows = self._db.read_parquet(parts).select("file", "line", "kind").fetchall()
            for file, line, kind in rows:
                by_file.setdefault(file, {})[line] = (
                    "is no resource in JSON" if kind is None else f"{kind}: names no patient"
                )
        for file, lines in by_file.items():
            found += [Unused(file, number, lines[line]) for number, line in _numbered(Path(file)) if line in lines]
        return sorted(found)

    def _parts(self, bucket: int) -> list[str]:
        return sorted(map(str, (self._folder / "lines").glob(f"*/bucket={bucket}/*.parquet")))

    def _on_lines(self, files: list[Path], about: list[str], statement: Callable[[], object]) -> None:
        """Run a statement on `cut`: of each line of the files `line`, `file`, and `x`, what stands at these paths.

        Lines that are not JSON are rare, and looking out for them is slow: where one is met, the statement is run
        again, and their `x` is NULL. So a statement that fails must leave nothing behind.
        """
        read = f"json_extract_string(line, {about})"
        for extract in (read, f"try({read})"):
            for table in ("reject_errors", "reject_scans"):
                self._db.execute(f"DROP TABLE IF EXISTS {table}")
            lines = self._db.read_csv([str(file) for file in files], **_AS_LINES)  # type: ignore[arg-type]  # several, too
            lines.project(f"line, file, {extract} AS x").create_view("cut", replace=True)
            try:
                statement()
            except duckdb.InvalidInputException:
                if extract != read:
                    raise
            else:
                return

    def _unread(self) -> list[Unused]:
        """What DuckDB could not take as a line of text at all, in the statement before."""
        return [
            Unused(file, line, f"cannot be read: {why.lower()}")
            for file, line, why in self._db.execute(_UNREAD).fetchall()
        ]

    def close(self) -> None:
        self._db.close()


def _batches(files: Iterable[Path]) -> Iterator[list[Path]]:
    """Files that are read in one step, in their order."""
    batch: list[Path] = []
    for file in files:
        batch.append(file)
        if _size(batch) >= BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _whole(rows: duckdb.DuckDBPyRelation, target: Path) -> None:
    """Write rows to a file that is there only once it is complete."""
    making = target.with_suffix(".part")
    rows.write_parquet(str(making))
    making.rename(target)


def _resource(kind: str, **members: str | None) -> str:
    """A resource with these members, which are JSON."""
    given = {"resourceType": f'"{kind}"', **members}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in given.items() if value is not None) + "}"


def _medication_in(line: str) -> str:
    if '"Medication/' not in line:
        return ""
    try:
        return medication_of(json.loads(line))
    except (ValueError, RecursionError):
        return ""


def _numbered(path: Path) -> Iterator[tuple[int, str]]:
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            yield number, line.rstrip("\r\n")
