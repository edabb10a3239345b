"""The first tables: shown cards and suggestions, feedback, used tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "shown_card",
        sa.Column("card", sa.Text, primary_key=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("hook", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("indicator", sa.Text, nullable=False),
        sa.Column("knowledge_version", sa.Text, nullable=False),
        sa.Column("patient_key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("shown_at", time, nullable=False),
    )
    op.create_index("shown_card_patient", "shown_card", ["patient_key", "client", "tenant"])
    op.create_index("shown_card_time", "shown_card", ["shown_at"])
    op.create_table(
        "shown_suggestion",
        sa.Column("suggestion", sa.Text, primary_key=True),
        sa.Column("card", sa.Text, sa.ForeignKey("shown_card.card", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_index("ix_shown_suggestion_card", "shown_suggestion", ["card"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("outcome_at", time, nullable=False),
        sa.Column("received_at", time, nullable=False),
        sa.Column("reason_system", sa.Text, nullable=False),
        sa.Column("reason_code", sa.Text, nullable=False),
        sa.Column("commented", sa.Boolean, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("flags", sa.Text, nullable=False),
        sa.UniqueConstraint("client", "tenant", "service", "card", "outcome", "outcome_at", name="feedback_once"),
    )
    op.create_index("ix_feedback_card", "feedback", ["card"])
    op.create_index("ix_feedback_received_at", "feedback", ["received_at"])
    op.create_table(
        "accepted_suggestion",
        sa.Column(
            "feedback",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.ForeignKey("feedback.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("suggestion", sa.Text, primary_key=True),
    )
    op.create_table(
        "used_token",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("expires_at", time, nullable=False),
    )
    op.create_index("ix_used_token_expires_at", "used_token", ["expires_at"])
