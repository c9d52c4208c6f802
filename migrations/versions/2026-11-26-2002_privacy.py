"""Privacy guides and their templates; order pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_11_26_2002"
down_revision = "2026_11_26_1951"


def upgrade() -> None:
    op.create_table(
        "privacy_templates",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_templates")),
        sa.UniqueConstraint("provider_id", "name", name=op.f("uq_privacy_templates_provider_id_name")),
    )
    op.create_index(op.f("ix_privacy_templates_provider_id"), "privacy_templates", ["provider_id"], unique=False)
    op.create_table(
        "order_pages",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("online_path", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("test_login_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("rid", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_order_pages_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_pages")),
        sa.UniqueConstraint("program_id", name=op.f("uq_order_pages_program_id")),
    )
    op.create_index(
        "ix_order_pages_open", "order_pages", ["id"], unique=False, postgresql_where=sa.text("status = 'in_review'")
    )
    op.create_index(op.f("ix_order_pages_provider_id"), "order_pages", ["provider_id"], unique=False)
    op.create_table(
        "program_privacy",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("has_code", sa.Boolean(), nullable=False),
        sa.Column("scanning", sa.Boolean(), nullable=False),
        sa.Column("used", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("missing", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("lacking", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("undeclared", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("interfaces", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("in_review", sa.Boolean(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("rid", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_program_privacy_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_privacy")),
        sa.UniqueConstraint("program_id", name=op.f("uq_program_privacy_program_id")),
    )
    op.create_index(
        "ix_program_privacy_open", "program_privacy", ["id"], unique=False, postgresql_where=sa.text("in_review")
    )
    op.create_index(op.f("ix_program_privacy_provider_id"), "program_privacy", ["provider_id"], unique=False)
    protect("privacy_templates", "program_privacy", "order_pages")


def downgrade() -> None:
    for table in ("program_privacy", "order_pages", "privacy_templates"):
        op.drop_table(table)
