"""`nam-cds diff`: who would gain, lose or change a card by another threshold, code or release."""

import os
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import duckdb
from rich.table import Table
from rich.text import Text

from cds_service import logs
from cds_service.cli.cohort import Bar
from cds_service.cli.http import Failure
from cds_service.cli.options import today_option
from cds_service.cli.terminal import console
from cds_service.cohort import differences
from cds_service.cohort.comparing import WHAT
from cds_service.cohort.differences import Summary
from cds_service.cohort.export import ExportError
from cds_service.cohort.run import Options, Origin, finish, run
from cds_service.errors import SettingsError
from cds_service.settings import Settings, variable_of
from hooks.knowledge import KnowledgeError

OWN = "own"
DIFFERENT = 1
"""The exit status where there are differences; 0 where there are none."""
_REASONS = 3
"""Of each rule, and of what becomes of its card, so many criteria are shown: those that decide most often."""


class Trouble(Failure):
    """What went wrong; told apart from differences by its exit status, as other programs that compare do."""

    exit_code = 2


@click.command(
    epilog="""\b
Examples:
  nam-cds diff own site.yaml fixtures/patients --today 2026-11-22
  nam-cds diff own site.yaml fixtures/patients --today 2026-11-22 --out changes --jobs 1
Exit status: 0 no differences, 1 differences, 2 something went wrong.
"""
)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.argument("source", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the details by person.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, help="Processes; default: one a core.")
@today_option
@click.pass_context
def command(
    context: click.Context, old: Path, new: Path, source: Path | None, *, out: Path | None, jobs: int, today: date
) -> None:
    """Tell who in SOURCE would gain, lose or change a card if NEW were in force in place of OLD, and why.

    OLD and NEW are each: a site's overlay file, a folder of knowledge files of another version, or `own`, the knowledge
    as it is shipped. SOURCE is as for `nam-cds cohort`. People whom only one of both is for are among them.

    To compare two releases of the program, run `nam-cds cohort` with each, then give the two folders of results as OLD
    and NEW, and no SOURCE. Why a card is other is not known then.

    The details name patients: keep them as such. The settings in NAM_CDS_* variables apply, but not NAM_CDS_OVERLAY.
    """
    if out and (there := [name for name in differences.FILES if (out / name).exists()]):
        raise Trouble(f"{out} holds differences already ({there[0]}).", "Give another folder, or remove them.")
    try:
        if source is None:
            summary = _of_results(old, new, out)
        else:
            summary = _of_source((_origin(old), _origin(new)), source, out, Options(today), jobs)
    except (ExportError, SettingsError, KnowledgeError) as error:
        raise Trouble(str(error)) from None
    except (OSError, ValueError, LookupError, duckdb.Error, BrokenExecutor) as error:
        raise Trouble(f"{type(error).__name__}: {error}") from None
    except KeyboardInterrupt:
        raise Trouble("Interrupted.", "With --out, the same command goes on from there." if out else "") from None
    _tell(summary, out)
    context.exit(DIFFERENT if summary.differs else 0)


def _of_results(old: Path, new: Path, out: Path | None) -> Summary:
    for folder in (old, new):
        if not differences.are_results(folder):
            raise ExportError(f"{folder} holds no results of a cohort run. Give two that do, or a SOURCE to judge.")
    found = differences.of_results(old, new)
    return differences.write(found, out) if out else differences.summed(found)


def _of_source(origins: tuple[Origin, Origin], source: Path, out: Path | None, options: Options, jobs: int) -> Summary:
    settings = Settings.from_environment({variable_of("log_level"): "error"} | os.environ)
    logs.configure(settings.log_level)
    with ExitStack() as until:
        work = out or Path(until.enter_context(TemporaryDirectory(prefix="nam-cds-")))
        bar = until.enter_context(Bar())
        done = run(source, work, options, settings, jobs=jobs, progress=bar, compared=origins)
        summary = differences.write(done.compared(), out) if out else differences.summed(done.compared())
        finish(work)
    return summary


def _origin(given: Path) -> Origin:
    if str(given) == OWN:
        return Origin()
    if differences.are_results(given):
        raise ExportError(f"{given} holds results of a cohort run: they are compared without a SOURCE.")
    if given.is_dir():
        return Origin(data=given)
    return Origin(given)


def _tell(summary: Summary, out: Path | None) -> None:
    shown = console()
    if summary.refused:
        shown.print(f"Of {summary.refused} people nothing can be said, by one of both or by both.")
    if not summary.differs:
        shown.print("No differences.")
        return
    table = Table("Rule", *WHAT, header_style="bold")
    table.columns[0].no_wrap = True
    for rule, counts in sorted(summary.rules.items()):
        table.add_row(rule or "all", *(str(counts[what] or "") for what in WHAT))
    shown.print(table)
    for rule, by_what in sorted(summary.because.items()):
        for what, criteria in by_what.items():
            for criterion, number in criteria.most_common(_REASONS):
                shown.print(Text.assemble((f"{rule or 'all'} {what} ({number}): ", "bold"), criterion))
    shown.print(f"People for whom a card comes, goes or says something else: {summary.people}.")
    shown.print(f"People for whom a card only shows another limit: {summary.limits}.")
    if out:
        shown.print(f"Who, and how: {out}")
