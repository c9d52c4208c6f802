"""Reviews of names; categories that are set, and those that may be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_11_26_1933"
down_revision = "2026_11_26_1931"


def upgrade() -> None:
    op.create_table(
        "category_trees",
        sa.Column("component_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("nodes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "component_id"],
            ["component_apps.provider_id", "component_apps.id"],
            name=op.f("fk_category_trees_provider_id_component_id_component_apps"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category_trees")),
        sa.UniqueConstraint("component_id", "kind", name=op.f("uq_category_trees_component_id_kind")),
    )
    op.create_index(op.f("ix_category_trees_provider_id"), "category_trees", ["provider_id"], unique=False)
    op.create_table(
        "category_states",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("categories", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("in_review", sa.Boolean(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=True),
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
            name=op.f("fk_category_states_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category_states")),
        sa.UniqueConstraint("program_id", name=op.f("uq_category_states_program_id")),
    )
    op.create_index(
        "ix_category_states_open", "category_states", ["id"], unique=False, postgresql_where=sa.text("in_review")
    )
    op.create_index(op.f("ix_category_states_provider_id"), "category_states", ["provider_id"], unique=False)
    op.create_table(
        "name_reviews",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("audit_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("papers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_name_reviews_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_name_reviews")),
    )
    op.create_index(
        "ix_name_reviews_open", "name_reviews", ["id"], unique=False, postgresql_where=sa.text("status = 'in_review'")
    )
    op.create_index("ix_name_reviews_program", "name_reviews", ["program_id", "id"], unique=False)
    op.create_index(op.f("ix_name_reviews_provider_id"), "name_reviews", ["provider_id"], unique=False)
    protect("name_reviews", "category_states", "category_trees")


def downgrade() -> None:
    op.drop_table("name_reviews")
    op.drop_table("category_states")
    op.drop_table("category_trees")
