"""How much there is, and what is deleted when."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Delete, delete, func, select

from cds_service.store.tables import accepted_suggestion, feedback, sealed, shown_card, shown_suggestion, used_token

ROWS_AT_ONCE = 500
"""Others may write in between."""


def counts(connection: Connection) -> dict[str, int]:
    """The number of rows of each table."""
    tables = (shown_card, shown_suggestion, feedback, accepted_suggestion, used_token)
    return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def purge(run: Callable[[Callable[[Connection], int]], int], before: datetime, now: datetime) -> dict[str, int]:
    """Delete what was shown or received before this time, and what has expired; how many rows of each table.

    `run` does one transaction.
    """
    limits = (
        (shown_card, shown_card.c.card, shown_card.c.shown_at < before),
        (feedback, feedback.c.id, feedback.c.received_at < before),
        (used_token, used_token.c.token, used_token.c.expires_at < now),
        (sealed, sealed.c.name, sealed.c.expires_at < now),
    )
    deleted = {}
    for table, key, old in limits:
        some = delete(table).where(key.in_(select(key).where(old).limit(ROWS_AT_ONCE)), old)
        deleted[table.name] = 0
        while count := run(partial(_deleted, some)):
            deleted[table.name] += count
    return deleted


def _deleted(some: Delete, connection: Connection) -> int:
    return connection.execute(some).rowcount
