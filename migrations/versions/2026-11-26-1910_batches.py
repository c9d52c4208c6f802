"""Batches: slow and bulk work on mini programs, an item each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_11_26_1910"
down_revision = "2026_11_25_0900"


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_by_name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_batches_provider_id_id")),
    )
    op.create_index(
        "ix_batches_listing", "batches", ["provider_id", "id"], unique=False, postgresql_where=sa.text("total > 1")
    )
    op.create_index(op.f("ix_batches_provider_id"), "batches", ["provider_id"], unique=False)
    op.create_index(
        "ix_batches_running", "batches", ["id"], unique=False, postgresql_where=sa.text("status = 'running'")
    )
    op.create_table(
        "batch_items",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("subject_name", sa.Text(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("rid", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "batch_id"],
            ["batches.provider_id", "batches.id"],
            name=op.f("fk_batch_items_provider_id_batch_id_batches"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_items")),
    )
    op.create_index(
        "ix_batch_items_due",
        "batch_items",
        ["batch_id", "run_at", "id"],
        unique=False,
        postgresql_where=sa.text("status in ('queued', 'waiting')"),
    )
    op.create_index("ix_batch_items_listing", "batch_items", ["batch_id", "status", "id"], unique=False)
    op.create_index(op.f("ix_batch_items_provider_id"), "batch_items", ["provider_id"], unique=False)
    op.create_index("ix_batch_items_subject", "batch_items", ["subject_id", "step", "id"], unique=False)
    op.create_index(
        "uq_batch_items_running",
        "batch_items",
        ["subject_id"],
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )
    protect("batches", "batch_items")


def downgrade() -> None:
    op.drop_table("batch_items")
    op.drop_table("batches")
