"""A whole export, judged: select, judge person by person in several processes, write what was found.

Work in progress stands in a folder beside the results. A run that was interrupted goes on from there, and ends with the
same results; a folder that was begun with anything else is refused.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from functools import partial
from heapq import merge
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from cds_service.cohort.comparing import Compared, Comparison
from cds_service.cohort.export import Export, ExportError, find, unpacked
from cds_service.cohort.judging import Judge, Judged, Line, left_out, tested
from cds_service.cohort.selection import Selection, Tested, Unused
from cds_service.registry import CdsService
from cds_service.settings import Settings
from hooks import services as own_services
from hooks.knowledge import load
from hooks.knowledge.loading import DATA
from hooks.knowledge.model import Knowledge

WORK = "work"
BUCKET_BYTES = 64 << 20
"""About how much of an export one process holds at a time, where everybody is judged."""
LEAST_BUCKETS = 8
AT_ONCE = 200
"""People whose lines are held at once, of those who are judged."""
_encoder = msgspec.json.Encoder()
T = TypeVar("T", Judged, Compared)


class Progress(Protocol):
    """Who is told how far it is."""

    def begin(self, what: str, total: int, unit: str) -> None:
        """A step begins that has `total` units (bytes, people) to do."""

    def advance(self, number: int) -> None:
        """So many more are done."""


class Origin(msgspec.Struct, frozen=True):
    """Where knowledge comes from: the site's file, over a folder of knowledge files."""

    overlay: Path | None = None
    data: Path = DATA

    def load(self) -> Knowledge:
        """Raises KnowledgeError."""
        return load(self.overlay, self.data)


class Options(msgspec.Struct, frozen=True):
    """What the results depend on, the export aside.

    `everybody`: parse all, not only whom the service is for. `find_undiagnosed`: look also for people without the
    diagnosis who should be looked at.
    """

    today: date
    everybody: bool = False
    find_undiagnosed: bool = False
    service: str = "nam-patient-view"


class Asked(msgspec.Struct, frozen=True):
    """All that decides what the results are: a run goes on only where it is the same."""

    files: tuple[tuple[str, int, int], ...]
    options: Options
    knowledge: tuple[str, ...]
    absent: tuple[str, ...]
    """The sources that the export leaves out."""


class Counted(msgspec.Struct, frozen=True):
    """A bucket's people: how many there are, and of how many the gate says that the service is not for them."""

    people: int
    gate: int


class Done(msgspec.Struct, frozen=True):
    """A run that is complete: where what was found stands, and what was not used."""

    asked: Asked
    found: tuple[Path, ...]
    people: int
    gate: int
    unused: tuple[Unused, ...]

    def judged(self) -> Iterator[Judged]:
        """Everybody of whom there is anything to say, bucket by bucket."""
        return chain.from_iterable(_read(path, Judged) for path in self.found)

    def compared(self) -> Iterator[Compared]:
        """The same of a run that compares, in order of people."""
        return merge(*(_read(path, Compared) for path in self.found), key=lambda one: one.patient)


def _read(path: Path, kind: type[T]) -> Iterator[T]:
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as lines:
        next(lines)
        for line in lines:
            yield decoder.decode(line)


def run(
    source: Path,
    out: Path,
    options: Options,
    settings: Settings,
    *,
    jobs: int,
    progress: Progress,
    compared: tuple[Origin, Origin] | None = None,
) -> Done:
    """Judge an export; by both of `compared`, if given, to tell what is other, and not by the settings' overlay.

    Raises ExportError, SettingsError and KnowledgeError.
    """
    origins = compared or (Origin(settings.overlay),)
    knowledge = [origin.load() for origin in origins]
    service = _service(knowledge[0], options.service)
    work = out / WORK
    export, bad = _opened(source, work)
    asked = _asked(export, options, knowledge, left_out(export, service))
    _claim(work, asked)
    kinds = dict.fromkeys(kind for one in service.prefetch for kind in one.resource_types)
    size = sum(path.stat().st_size for kind in kinds for path in export.files.get(kind, ()))
    buckets = max(LEAST_BUCKETS, size // BUCKET_BYTES) if options.everybody else LEAST_BUCKETS
    selection = Selection(export, work / "selection", kinds, buckets)
    try:
        if not options.everybody:
            judge = _judge(export, options, settings, knowledge)
            looked_for = _tested(options, knowledge)
            asked_about = ["Condition", "Observation"] if looked_for else ["Condition"]
            progress.begin("Whom it concerns", _size(export, asked_about), "bytes")
            selection.find_people(judge.concerned, progress.advance, looked_for)
            judge.close()
        progress.begin("Their data", size, "bytes")
        selection.gather(progress.advance, everybody=options.everybody)
        found = _judge_all(selection, work, _Task(export, work, options, settings, origins), jobs, progress)
        counted = [_counted(path) for path in found]
        return Done(
            asked,
            tuple(found),
            people=sum(one.people for one in counted),
            gate=sum(one.gate for one in counted),
            unused=(*(Unused(str(path), 0, why) for path, why in bad), *selection.unused()),
        )
    finally:
        selection.close()


def finish(out: Path) -> None:
    """Remove the work of a run whose results are written."""
    shutil.rmtree(out / WORK)


class _Task(msgspec.Struct, frozen=True):
    """What a process needs to judge a bucket."""

    export: Export
    work: Path
    options: Options
    settings: Settings
    origins: tuple[Origin, ...]


class _Judging(Protocol):
    """Who judges people, one way or another."""

    def concerned(self, conditions: Iterable[str]) -> bool | None: ...

    def judge(self, patient: str, lines: Iterable[Line], medications: Mapping[str, str]) -> Judged | Compared: ...

    def close(self) -> None: ...


def _judge(export: Export, options: Options, settings: Settings, knowledge: Iterable[Knowledge]) -> _Judging:
    find = options.find_undiagnosed
    judges = [
        Judge(export, _service(one, options.service), one, settings, options.today, find=find) for one in knowledge
    ]
    return judges[0] if len(judges) == 1 else Comparison(*judges)


def _tested(options: Options, knowledge: Sequence[Knowledge]) -> Tested | None:
    return partial(tested, knowledge=knowledge[0]) if options.find_undiagnosed else None


def _service(knowledge: Knowledge, wanted: str) -> CdsService:
    services = {service.id: service for service in own_services(knowledge)}
    if wanted not in services or services[wanted].hook != "patient-view":
        raise ExportError(f"There is no service {wanted} for people without orders in the making.")
    return services[wanted]


def _opened(source: Path, work: Path) -> tuple[Export, list[tuple[Path, str]]]:
    """The export, its Bundles unpacked where it has some; and what of them could not be."""
    bundles = sorted(source.glob("*.json")) if source.is_dir() and not (source / "manifest.json").exists() else []
    if not bundles:
        return find(source), []
    unpack = work / "unpacked"
    listed = unpack.with_suffix(".json")
    if not listed.exists():
        shutil.rmtree(unpack, ignore_errors=True)
        bad = [(str(path), why) for path, why in unpacked(bundles, unpack)]
        listed.write_bytes(_encoder.encode(bad))
    found = find(unpack)
    return Export(found.files, "all"), [(Path(path), why) for path, why in msgspec.json.decode(listed.read_bytes())]


def _asked(export: Export, options: Options, knowledge: Iterable[Knowledge], absent: tuple[str, ...]) -> Asked:
    files = [path for paths in export.files.values() for path in paths]
    return Asked(
        tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files),
        options,
        tuple(one.version for one in knowledge),
        absent,
    )


def _claim(work: Path, asked: Asked) -> None:
    """Make the folder of work this run's own. Raises ExportError where another was begun in it."""
    work.mkdir(parents=True, exist_ok=True)
    claim, mine = work / "asked.json", _encoder.encode(asked)
    if claim.exists() and claim.read_bytes() != mine:
        raise ExportError(
            f"{work} holds a run that was begun with another export, day, knowledge or choice. "
            "Remove it, or give the same again to go on."
        )
    claim.write_bytes(mine)


def _size(export: Export, kinds: list[str]) -> int:
    return sum(path.stat().st_size for kind in kinds for path in export.files.get(kind, ()))


def _judge_all(selection: Selection, work: Path, task: _Task, jobs: int, progress: Progress) -> list[Path]:
    """Judge every bucket that is not judged yet; the files of all, in order."""
    folder = work / "found"
    folder.mkdir(exist_ok=True)
    files = [folder / f"{bucket:05}.ndjson" for bucket in range(selection.buckets)]
    progress.begin("Their cards", selection.buckets, "parts")
    progress.advance(sum(path.exists() for path in files))
    left = [bucket for bucket, path in enumerate(files) if not path.exists()]
    if jobs == 1 or len(left) < 2:
        _start(task)
        for bucket in left:
            _judge_bucket(bucket)
            progress.advance(1)
        return files
    with ProcessPoolExecutor(min(jobs, len(left)), get_context("spawn"), initializer=_start, initargs=(task,)) as pool:
        for one in as_completed([pool.submit(_judge_bucket, bucket) for bucket in left]):
            one.result()
            progress.advance(1)
    return files


class _Worker(msgspec.Struct):
    judge: _Judging
    selection: Selection
    task: _Task
    tested: Tested | None

    def wants(self, lines: Iterable[Line]) -> bool:
        """Whether a person is judged, by the lines that name them: for a diagnosis, or for results to look at."""
        by_kind: dict[str, list[str]] = {"Condition": [], "Observation": []}
        for kind, text in lines:
            by_kind.setdefault(kind, []).append(text)
        if self.judge.concerned(by_kind["Condition"]) is not False:
            return True
        return self.tested is not None and any(map(self.tested, by_kind["Observation"]))


_worker: list[_Worker] = []
"""That of this process, once it has begun."""


def _start(task: _Task) -> None:
    knowledge = [origin.load() for origin in task.origins]
    judge = _judge(task.export, task.options, task.settings, knowledge)
    selection = Selection(task.export, task.work / "selection", (), 0)
    _worker[:] = [_Worker(judge, selection, task, _tested(task.options, knowledge))]


def _judge_bucket(bucket: int) -> None:
    [worker] = _worker
    target = worker.task.work / "found" / f"{bucket:05}.ndjson"
    people = gate = 0
    lines: list[bytes] = []
    concerned: list[tuple[str, list[Line]]] = []

    def judge() -> None:
        nonlocal gate
        medications = worker.selection.medications_for(concerned)
        for person, theirs in concerned:
            judged = worker.judge.judge(person, theirs, medications)
            gate += judged.outcome == "gate"
            if judged.tells:
                lines.append(_encoder.encode(judged))
        concerned.clear()

    for person, theirs in worker.selection.people_in(bucket):
        people += 1
        if not worker.wants(theirs):
            gate += 1
            continue
        concerned.append((person, theirs))
        if len(concerned) == AT_ONCE:
            judge()
    judge()
    making = target.with_suffix(".part")
    making.write_bytes(b"\n".join([_encoder.encode(Counted(people, gate)), *lines, b""]))
    making.replace(target)


def _counted(path: Path) -> Counted:
    with path.open("rb") as lines:
        return msgspec.json.decode(next(islice(lines, 1)), type=Counted)
