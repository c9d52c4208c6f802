"""What the health board reads: refused pushes by reason, missing permissions, and whether a new message key is used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_12_01_1250"
down_revision = "2026_12_01_1241"


def upgrade() -> None:
    op.create_table(
        "callback_refusals",
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "component_id"],
            ["component_apps.provider_id", "component_apps.id"],
            name=op.f("fk_callback_refusals_provider_id_component_id_component_apps"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_refusals")),
        sa.UniqueConstraint(
            "component_id", "began_at", "why", name=op.f("uq_callback_refusals_component_id_began_at_why")
        ),
    )
    op.create_index(op.f("ix_callback_refusals_provider_id"), "callback_refusals", ["provider_id"], unique=False)
    protect("callback_refusals")
    op.add_column("component_apps", sa.Column("aes_key_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "component_apps",
        sa.Column("permission_counts", postgresql.JSONB(), server_default="{}", nullable=False),
    )
    op.add_column("component_apps", sa.Column("permissions_counted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_access_tokens_ended",
        "access_tokens",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("ended_at is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_access_tokens_ended", table_name="access_tokens")
    for name in ("permissions_counted_at", "permission_counts", "aes_key_seen_at"):
        op.drop_column("component_apps", name)
    op.drop_table("callback_refusals")
