"""Options that several commands have."""

from datetime import UTC, date, datetime

import click

today_option = click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=lambda _context, _parameter, value: value.date() if value else today(),
    help="The day it is, as YYYY-MM-DD; default: today.",
)
"""The day, as a `date`."""


def today() -> date:
    """The day on this machine's calendar."""
    return datetime.now(tz=UTC).astimezone().date()
