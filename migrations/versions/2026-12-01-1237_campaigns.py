"""Campaigns, planned for a time, and what became of each start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_12_01_1237"
down_revision = "2026_12_01_1232"


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("suits", sa.Text(), nullable=False),
        sa.Column("query", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("program_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("chosen", sa.Integer(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("at", sa.Time(), nullable=False),
        sa.Column("repeat", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("why_detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("planned_by", sa.Uuid(), nullable=True),
        sa.Column("planned_by_name", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_campaigns_provider_id_id")),
    )
    op.create_index("ix_campaigns_due", "campaigns", ["next_at"], postgresql_where=sa.text("status = 'planned'"))
    op.create_index("ix_campaigns_listing", "campaigns", ["provider_id", "id"])
    op.create_index(op.f("ix_campaigns_provider_id"), "campaigns", ["provider_id"])
    op.create_table(
        "campaign_runs",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("unsuited", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("by_hand", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("why_detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "batch_id"],
            ["batches.provider_id", "batches.id"],
            name=op.f("fk_campaign_runs_provider_id_batch_id_batches"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "campaign_id"],
            ["campaigns.provider_id", "campaigns.id"],
            name=op.f("fk_campaign_runs_provider_id_campaign_id_campaigns"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_runs")),
        sa.UniqueConstraint("campaign_id", "due_at", name=op.f("uq_campaign_runs_campaign_id_due_at")),
    )
    op.create_index(
        "ix_campaign_runs_batch", "campaign_runs", ["batch_id"], postgresql_where=sa.text("batch_id is not null")
    )
    op.create_index("ix_campaign_runs_listing", "campaign_runs", ["campaign_id", "id"])
    op.create_index(op.f("ix_campaign_runs_provider_id"), "campaign_runs", ["provider_id"])
    protect("campaigns", "campaign_runs")


def downgrade() -> None:
    op.drop_table("campaign_runs")
    op.drop_table("campaigns")
