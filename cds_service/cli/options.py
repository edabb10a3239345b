"""Options that several commands have."""

from datetime import UTC, date, datetime

import click

from cds_service.fhir.dates import today_of


def _day(_context: click.Context, _parameter: click.Parameter, text: str | None) -> date:
    try:
        return today_of(text) if text else today()
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}") from None


today_option = click.option(
    "--today",
    callback=_day,
    metavar="YYYY-MM-DD",
    help="The day it is; default: today.",
)
"""The day, as a `date`."""


def today() -> date:
    """The day on this machine's calendar."""
    return datetime.now(tz=UTC).astimezone().date()
