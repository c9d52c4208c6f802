"""Trains that set off at a planned time, canaries picked by hand, and waves that wait for somebody's word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_1220"
down_revision = "2026_12_01_1210"


def upgrade() -> None:
    op.add_column("trains", sa.Column("holds", sa.Text(), server_default="", nullable=False))
    op.add_column("trains", sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("trains", sa.Column("starts_by_name", sa.Text(), server_default="", nullable=False))
    for name in ("holds", "starts_by_name"):
        op.alter_column("trains", name, server_default=None)
    op.add_column("train_waves", sa.Column("let_on_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_train_programs_train", "train_programs", ["train_id", "id"], unique=False)
    op.create_index(
        "ix_trains_planned",
        "trains",
        ["starts_at"],
        unique=False,
        postgresql_where=sa.text("status = 'draft' and starts_at is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_trains_planned", table_name="trains")
    op.drop_index("ix_train_programs_train", table_name="train_programs")
    op.drop_column("train_waves", "let_on_at")
    for name in ("starts_by_name", "starts_at", "holds"):
        op.drop_column("trains", name)
