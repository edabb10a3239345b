"""`nam-cds cohort`: cards, a worklist and counts for a whole export."""

import os
from datetime import date
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from cds_service import logs
from cds_service.cli.http import Failure
from cds_service.cli.options import today_option
from cds_service.cli.terminal import console
from cds_service.cohort import results, undiagnosed
from cds_service.cohort.export import ExportError
from cds_service.cohort.run import WORK, Options, finish, run
from cds_service.errors import SettingsError
from cds_service.settings import Settings, variable_of
from hooks.knowledge import KnowledgeError


@click.command(
    epilog="""\b
Examples:
  nam-cds cohort fixtures/patients --out found --today 2026-11-22
  nam-cds cohort fixtures/patients --out everybody --today 2026-11-22 --all --jobs 1
"""
)
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the results.")
@click.option("--all", "everybody", is_flag=True, help="Parse everybody, not only whom the rules are for. Same cards.")
@click.option(
    "--find-undiagnosed", is_flag=True, help="List also people without the diagnosis who should be looked at."
)
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, help="Processes; default: one a core.")
@today_option
def command(source: Path, out: Path, jobs: int, today: date, *, everybody: bool, find_undiagnosed: bool) -> None:
    """Judge everybody in SOURCE: a folder of NDJSON files, the manifest of a bulk export, or a folder of Bundles.

    Interrupted, it goes on from where it was when it is started again. The results name patients: keep them as such.
    The settings in NAM_CDS_* variables apply, such as NAM_CDS_OVERLAY.
    """
    there = [name for name in (*results.RESULTS, *undiagnosed.FILES) if (out / name).exists()]
    if there:
        raise Failure(f"{out} holds results already ({there[0]}).", "Give another folder, or remove them.")
    try:
        settings = Settings.from_environment({variable_of("log_level"): "error"} | os.environ)
        logs.configure(settings.log_level)
        with Bar() as bar:
            done = run(source, out, Options(today, everybody, find_undiagnosed), settings, jobs=jobs, progress=bar)
            summary = results.write(done, out)
    except (ExportError, SettingsError, KnowledgeError) as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        raise Failure(
            "Interrupted.", f"The same command goes on from there; to begin anew, remove {out / WORK}."
        ) from None
    finish(out)
    table = Table("What", "Number", header_style="bold")
    for name, value in summary.items():
        table.add_row(name, ", ".join(value) if isinstance(value, list) else str(value))
    console().print(table)


class Bar:
    """The progress on standard error."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(show_speed=True),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console(stderr=True))
        self._task: TaskID | None = None

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, what: str, total: int, unit: str) -> None:
        self._task = self._progress.add_task(f"{what} ({unit})", total=total)

    def advance(self, number: int) -> None:
        assert self._task is not None  # nosec B101  # narrows a type
        self._progress.advance(self._task, number)
