"""Cards that were recorded and not sent: those of clients in shadow mode. All that are there before were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("shown_card", sa.Column("shadow", sa.Boolean, nullable=False, server_default=sa.false()))
