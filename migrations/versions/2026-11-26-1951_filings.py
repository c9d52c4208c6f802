"""Filings, their templates, and WeChat's lists for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_11_26_1951"
down_revision = "2026_11_26_1950"


def upgrade() -> None:
    op.create_table(
        "filing_tables",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filing_tables")),
        sa.UniqueConstraint("provider_id", "kind", name=op.f("uq_filing_tables_provider_id_kind")),
    )
    op.create_index(op.f("ix_filing_tables_provider_id"), "filing_tables", ["provider_id"], unique=False)
    op.create_table(
        "filing_templates",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("files", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filing_templates")),
        sa.UniqueConstraint("provider_id", "name", name=op.f("uq_filing_templates_provider_id_name")),
    )
    op.create_index(op.f("ix_filing_templates_provider_id"), "filing_templates", ["provider_id"], unique=False)
    op.create_table(
        "filings",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("template_name", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("faults", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("face_task_id", sa.Text(), nullable=False),
        sa.Column("face_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("face_passed", sa.Boolean(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lacking", sa.Integer(), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("subject_number", sa.Text(), nullable=False),
        sa.Column("files", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_filings_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filings")),
        sa.UniqueConstraint("program_id", name=op.f("uq_filings_program_id")),
    )
    op.create_index(op.f("ix_filings_provider_id"), "filings", ["provider_id"], unique=False)
    op.create_index(
        "ix_filings_watched",
        "filings",
        ["id"],
        unique=False,
        postgresql_where=sa.text(
            "status in ('authority_review', 'cancelling', 'face', 'platform_review', 'sms', 'sms_expired')"
        ),
    )
    protect("filings", "filing_templates", "filing_tables")


def downgrade() -> None:
    op.drop_table("filings")
    op.drop_table("filing_templates")
    op.drop_table("filing_tables")
