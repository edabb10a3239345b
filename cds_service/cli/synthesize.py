"""`nam-cds synthesize`: a Bulk FHIR export of invented people."""

import os
from datetime import date
from pathlib import Path

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from cds_service.cli.http import Failure
from cds_service.cli.options import today_option
from cds_service.cli.terminal import console
from fixtures.synthetic.export import MANIFEST, Manifest, export, written_by
from fixtures.synthetic.people import Recipe

_SHARE = click.FloatRange(0, 1)


@click.command(
    epilog="""\b
Examples:
  nam-cds synthesize 1000 --out export --seed 7
  nam-cds synthesize 200 --out export --imnm-share 0.5 --mimic-share 0.2 --gzip
  nam-cds synthesize 500 --out export --tidy --jobs 1 --today 2026-11-22
"""
)
@click.argument("count", metavar="N", type=click.IntRange(min=1))
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), help="The folder; made if need be.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another number, other people.")
@today_option
@click.option("--imnm-share", type=_SHARE, help="Share of people with IMNM; default: as in docs/synthetic.md.")
@click.option("--mimic-share", type=_SHARE, help="Share of people who only look like it; default: likewise.")
@click.option("--tidy", is_flag=True, help="Without the quirks of real exports.")
@click.option("--gzip", "compress", is_flag=True, help="Compress the files.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, help="Processes; default: all cores.")
@click.option("--force", is_flag=True, help="Delete an earlier export in the folder first.")
def command(
    count: int,
    *,
    folder: Path,
    seed: int,
    today: date,
    imnm_share: float | None,
    mimic_share: float | None,
    jobs: int,
    tidy: bool,
    compress: bool,
    force: bool,
) -> None:
    """Write a Bulk FHIR export of N invented people: NDJSON files by type, and a manifest.

    The same seed, day and shares give the same people, byte for byte; the first of them do not depend on N.
    """
    _check_shares(imnm_share, mimic_share)
    _prepare(folder, force=force)
    recipe = Recipe(seed=seed, today=today, imnm_share=imnm_share, mimic_share=mimic_share, tidy=tidy)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console(stderr=True)) as progress:
        people = progress.add_task("People", total=count)
        try:
            written = export(
                recipe, count, folder, compress=compress, jobs=jobs, told=lambda more: progress.advance(people, more)
            )
        except OSError as error:
            raise Failure(f"The export could not be written: {error.strerror}.", "It is not complete.") from None
    _show(written, folder)


class _Rate(ProgressColumn):
    """People in a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "")


def _check_shares(imnm: float | None, mimic: float | None) -> None:
    if (imnm or 0) + (mimic or 0) > 1:
        raise Failure("--imnm-share and --mimic-share are more than 1 together.", "They are shares of all people.")


def _prepare(folder: Path, *, force: bool) -> None:
    """An empty folder. Raises Failure where something is in it that may not be deleted."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if force:
            for path in written_by(folder):
                path.unlink()
        there = any(folder.iterdir())
    except OSError as error:
        raise Failure(f"{folder} cannot be used: {error.strerror}.", "Give a folder that can be written to.") from None
    if there:
        remedy = "It holds more than an export." if force else "Give another, or --force to delete an earlier export."
        raise Failure(f"{folder} is not empty.", remedy)


def _show(written: Manifest, folder: Path) -> None:
    table = Table("Type", "Files", "Resources", header_style="bold")
    for type_ in dict.fromkeys(file.type for file in written.output):
        files = [file for file in written.output if file.type == type_]
        table.add_row(type_, f"{len(files):,}", f"{sum(file.count for file in files):,}")
    console().print(table)
    counts = written.extension["urn:nam-cds:counts"]
    told = ", ".join(f"{name}: {number:,}" for name, number in counts.items())
    console().print(f"{told}. All of them are invented.", soft_wrap=True)
    console().print(f"{folder / MANIFEST}", soft_wrap=True)
