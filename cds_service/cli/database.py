"""`nam-cds database`: the tables behind feedback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import click
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from cds_service.cli.http import Failure
from cds_service.cli.terminal import console
from cds_service.errors import SettingsError
from cds_service.settings import Settings, variable_of
from cds_service.store import retention
from cds_service.store.database import Database, cause
from cds_service.store.tables import REVISION

SECONDS = 10.0
database_option = click.option("--database", metavar="URL", help=f"Which database [{variable_of('database')}].")


@click.group(
    epilog="""\b
Examples:
  nam-cds database status
  nam-cds database upgrade --database sqlite:///feedback.sqlite
  nam-cds database purge --before 2026-01-01
"""
)
def command() -> None:
    """Look after the database of shown cards and feedback. It is the one of `nam-cds serve`, by the same settings."""


@command.command()
@database_option
def status(database: str | None) -> None:
    """Say where the database is, of which revision, and how much it holds. Changes nothing."""
    with opened_database(database) as (opened, _):
        if opened.file and not opened.file.exists():
            raise Failure(f"{opened.address}: there is no such file.", "`nam-cds serve` makes it.")
        revision = opened.revision()
        click.echo(f"{opened.address}: revision {revision or 'none'}; this program works with {REVISION}")
        if revision == REVISION:
            table = Table("Table", "Rows", header_style="bold")
            for name, count in opened.run(retention.counts, SECONDS, "read").items():
                table.add_row(name, str(count))
            console().print(table)


@command.command()
@database_option
def upgrade(database: str | None) -> None:
    """Bring the tables to this program's revision. `nam-cds serve` does so by itself when it starts."""
    with opened_database(database) as (opened, _):
        before = opened.prepare()
        click.echo(f"{opened.address}: revision {before or 'none'} → {REVISION}")


@command.command()
@database_option
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    help=f"The first day to keep, in UTC; default: as {variable_of('retention_days')} says.",
)
def purge(database: str | None, before: datetime | None) -> None:
    """Delete old cards and feedback, and tokens that have expired. `nam-cds serve` does so by itself every hour."""
    with opened_database(database) as (opened, settings):
        now = datetime.now(UTC)
        limit = before.replace(tzinfo=UTC) if before else now - timedelta(days=settings.retention_days)
        opened.prepare()
        deleted = retention.purge(partial(opened.run, seconds=SECONDS), limit, now)
        click.echo("Deleted: " + ", ".join(f"{count} of {table}" for table, count in deleted.items()))


@contextmanager
def opened_database(name: str | None) -> Iterator[tuple[Database, Settings]]:
    """The database; what goes wrong with it is said in a sentence."""
    environment = {**os.environ, **({variable_of("database"): name} if name else {})}
    try:
        settings = Settings.from_environment(environment)
        opened = Database(settings.database_name)
    except SettingsError as error:
        raise Failure(str(error)) from None
    try:
        yield opened, settings
    except SettingsError as error:
        raise Failure(str(error)) from None
    except SQLAlchemyError as error:
        raise Failure(f"{opened.address} cannot be used: {cause(error)}") from None
    finally:
        opened.close()
