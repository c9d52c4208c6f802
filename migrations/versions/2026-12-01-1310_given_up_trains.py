"""Trains know who planned their start, since her rights are asked then, and whether they were given up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.rls import reaching_all

revision = "2026_12_01_1310"
down_revision = "2026_12_01_1304"


def upgrade() -> None:
    op.add_column("trains", sa.Column("starts_by", sa.Uuid(), nullable=True))
    op.add_column("trains", sa.Column("rolls_back", sa.Boolean(), server_default=sa.false(), nullable=False))
    with reaching_all("trains"):
        op.execute(
            "update trains set starts_by = created_by where starts_at is not null and starts_by_name = created_by_name"
        )


def downgrade() -> None:
    op.drop_column("trains", "rolls_back")
    op.drop_column("trains", "starts_by")
