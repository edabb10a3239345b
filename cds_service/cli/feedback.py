"""`nam-cds feedback`: what became of the cards that were shown."""

from datetime import UTC, date, datetime
from pathlib import Path

import click
import msgspec
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from cds_service.cli.database import database_option, opened_database
from cds_service.cli.http import Failure
from cds_service.cli.terminal import console, print_json
from cds_service.settings import variable_of
from cds_service.store.report import Counts, Report, Step, report
from cds_service.store.tables import REVISION
from cds_service.store.tabular import spark, to_csv, to_json
from cds_service.web.charts import svg

SECONDS = 60.0
MOST_STEPS = 12
"""The last of them are shown in the terminal; CSV and JSON have all."""


@click.group(
    epilog="""\b
Examples:
  nam-cds feedback report
  nam-cds feedback report --since 2026-01-01 --by week --csv
"""
)
def command() -> None:
    """What became of the cards that were shown, by rule and site."""


@command.command(
    "report",
    epilog="""\b
Examples:
  nam-cds feedback report
  nam-cds feedback report --since 2026-01-01 --by week --csv
  nam-cds feedback report --site north --chart feedback.svg
""",
)
@database_option
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only cards shown on or after this day (UTC).")
@click.option("--site", default="", help="Only this client, or client/tenant.")
@click.option("--by", "step", type=click.Choice(["month", "week"]), default="month", help="Steps of the trend.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV: a row for each site, rule and month or week.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option(
    "--chart", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Also write a chart (SVG)."
)
def report_command(
    *, database: str | None, since: datetime | None, site: str, step: Step, form: str | None, chart: Path | None
) -> None:
    """Count the cards that were shown: accepted, overridden and why, ignored.

    Each card counts once. Ignored is what nobody has answered for a day. Shadow is what was recorded and not shown, in
    shadow mode.
    """
    found = _read(database, since.date() if since else None, site, step)
    if chart:
        try:
            chart.write_text(svg(found), encoding="utf-8")
        except OSError as error:
            raise Failure(f"{chart} cannot be written: {error.strerror}.") from None
    if form == "csv":
        click.echo(to_csv(found), nl=False)
    elif form == "json":
        print_json(to_json(found))
    else:
        _show(found)


def _read(name: str | None, since: date | None, site: str, step: Step) -> Report:
    """The report. Raises Failure where there is no database that can be read."""
    now = datetime.now(UTC)
    with opened_database(name) as (database, _):
        if database.fleeting or (database.file and not database.file.exists()):
            raise Failure("There is no database to read.", f"Name that of the service: set {variable_of('database')}.")
        revision = database.revision()
        if revision != REVISION:
            raise Failure(
                f"{database.address}: its tables are of revision {revision or 'none'}, not {REVISION}.",
                "`nam-cds database upgrade` brings older ones up to date.",
            )
        return database.run(
            lambda connection: report(connection, now, since=since, site=site, step=step), SECONDS, "read"
        )


def _show(found: Report) -> None:
    out = console()
    if not found.lines:
        out.print("No card was shown.")
    for site in found.sites:
        here = msgspec.structs.replace(found, lines=tuple(line for line in found.lines if line.site == site))
        out.print(_table(here, site))
        overridden = [line for line in here.lines if line.total.overridden]
        if overridden:
            out.print("Reasons of overrides:")
        for line in overridden:
            told = [f"{reason or 'no reason'} {number}" for reason, number in line.total.by_reason]
            out.print(Text(f"  {line.rule}: {', '.join(told)}"))
        out.print()
    if found.unmatched:
        out.print(f"Feedback on cards that are not on record: {found.unmatched}.")


def _table(here: Report, site: str) -> Table:
    """One site."""
    table = Table(title=Text(site), title_justify="left", header_style="bold", box=SIMPLE, show_footer=True)
    table.add_column("Rule", "All", no_wrap=True)
    for name in here.told:
        table.add_column(name.capitalize(), str(here.total.named[name]), justify="right")
    table.add_column(f"By {here.step}", spark(counts for _, counts in here.trend[-MOST_STEPS:]), no_wrap=True)
    for line in here.lines:
        trend = [line.trend.get(day, Counts()) for day in here.periods[-MOST_STEPS:]]
        cells = (line.rule, *(str(line.total.named[name]) for name in here.told), spark(trend))
        table.add_row(*map(Text, cells))
    return table
