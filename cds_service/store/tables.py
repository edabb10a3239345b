"""The tables as they are now; `migrations/` has the way there.

No patient data: a patient is a keyed hash, and so is every id of a client that is not a UUID. Feedback may come before,
after or without the card it answers, so the two are joined when they are read: by card, client and tenant.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

REVISION = "0004"
"""The newest migration: what this program works with. Revisions are numbers, so a greater one is a newer one."""
VERSION_TABLE = "nam_cds_revision"
"""Where the database says which revision it is of."""

metadata = MetaData()


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone, kept and given in UTC (SQLite keeps none)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


shown_card = Table(
    "shown_card",
    metadata,
    Column("card", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("hook", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("knowledge_version", Text, nullable=False),
    Column("patient_key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("shown_at", UtcTime, nullable=False),
    Column("shadow", Boolean, nullable=False, server_default=false()),
    Index("shown_card_patient", "patient_key", "client", "tenant"),
    Index("shown_card_time", "shown_at"),
)
"""A card as it was sent. `rule`: the code of its topic. `fingerprint`: of the verdict behind it; may be empty.

`shadow`: it was not sent, as its client was in shadow mode then; `shown_at` is when it would have been.
"""

shown_suggestion = Table(
    "shown_suggestion",
    metadata,
    Column("suggestion", Text, primary_key=True),
    Column("card", Text, ForeignKey("shown_card.card", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
)
"""A suggestion of a card, and its place on it from 0."""

feedback = Table(
    "feedback",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("service", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("card", Text, nullable=False, index=True),
    Column("outcome", Text, nullable=False),
    Column("outcome_at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False, index=True),
    Column("reason_system", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("commented", Boolean, nullable=False),
    Column("comment", Text, nullable=False),
    Column("flags", Text, nullable=False),
    UniqueConstraint("client", "tenant", "service", "card", "outcome", "outcome_at", name="feedback_once"),
)
"""What a clinician did with a card, one row an event (CH-FB-06).

`outcome`: accepted or overridden. `commented`: there was a comment; `comment` is empty unless the site keeps them.
`flags`: what was odd, as words.
"""

accepted_suggestion = Table(
    "accepted_suggestion",
    metadata,
    Column("feedback", ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True),
    Column("suggestion", Text, primary_key=True),
)

used_token = Table(
    "used_token",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("token", Text, primary_key=True),
    Column("expires_at", UtcTime, nullable=False, index=True),
)
"""Tokens that were used, by the hash of their `jti`, until they expire (CH-JWT)."""

sealed = Table(
    "sealed",
    metadata,
    Column("name", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)
"""What only the holder of a secret can read, until it expires: see `cds_service.store.sealed`."""

key_check = Table(
    "key_check",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("pseudonym", Text, nullable=False),
)
"""One row: what the key of the pseudonyms makes of a fixed word, so that another key is noticed."""
