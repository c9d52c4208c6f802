"""Whose limits are used up in the running period."""

from __future__ import annotations

from alembic import op

revision = "2026_12_01_1304"
down_revision = "2026_12_01_1303"


def upgrade() -> None:
    op.create_index("ix_budgets_period", "budgets", ["provider_id", "name", "starts_on", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_budgets_period", table_name="budgets")
