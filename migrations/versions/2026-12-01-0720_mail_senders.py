"""Mails to merchants come from their provider's brand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_0720"
down_revision = "2026_12_01_0710"


def upgrade() -> None:
    op.add_column("outgoing_mails", sa.Column("sender", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("outgoing_mails", "sender")
