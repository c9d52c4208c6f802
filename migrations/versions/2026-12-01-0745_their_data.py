"""What a merchant may take with her, and what was deleted when she asked for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_12_01_0745"
down_revision = "2026_12_01_0735"


def upgrade() -> None:
    op.create_table(
        "data_exports",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("papers", sa.Integer(), nullable=False),
        sa.Column("papers_done", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchants.provider_id", "merchants.id"],
            name=op.f("fk_data_exports_provider_id_merchants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_exports")),
    )
    op.create_index(op.f("ix_data_exports_provider_id"), "data_exports", ["provider_id"], unique=False)
    op.create_index("ix_data_exports_merchant", "data_exports", ["provider_id", "merchant_id", "id"], unique=False)
    op.create_index(
        "uq_data_exports_open",
        "data_exports",
        ["merchant_id"],
        unique=True,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.add_column(
        "data_requests", sa.Column("erased", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.create_index("ix_data_requests_merchant", "data_requests", ["provider_id", "merchant_id", "id"], unique=False)
    op.add_column("consents", sa.Column("provider_id", sa.Uuid(), nullable=True))
    protect("data_exports")


def downgrade() -> None:
    op.drop_column("consents", "provider_id")
    op.drop_index("ix_data_requests_merchant", table_name="data_requests")
    op.drop_column("data_requests", "erased")
    op.drop_table("data_exports")
