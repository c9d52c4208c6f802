"""When the newest open review of categories and location interfaces began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_0704"
down_revision = "2026_12_01_0148"

_TABLES = ("category_states", "program_privacy")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("in_review_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "in_review_since")
