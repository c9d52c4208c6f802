"""Certifications, their templates, what the provider paid for them, the tree of identities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_11_26_1950"
down_revision = "2026_11_26_1947"


def upgrade() -> None:
    op.create_table(
        "certification_templates",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("papers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certification_templates")),
        sa.UniqueConstraint("provider_id", "name", name=op.f("uq_certification_templates_provider_id_name")),
    )
    op.create_index(
        op.f("ix_certification_templates_provider_id"), "certification_templates", ["provider_id"], unique=False
    )
    op.create_table(
        "identity_trees",
        sa.Column("component_id", sa.Uuid(), nullable=False),
        sa.Column("nodes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "component_id"],
            ["component_apps.provider_id", "component_apps.id"],
            name=op.f("fk_identity_trees_provider_id_component_id_component_apps"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_trees")),
        sa.UniqueConstraint("component_id", name=op.f("uq_identity_trees_component_id")),
    )
    op.create_index(op.f("ix_identity_trees_provider_id"), "identity_trees", ["provider_id"], unique=False)
    op.create_table(
        "certifications",
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("template_name", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(collation="C"), nullable=False),
        sa.Column("auth_url", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("agency", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("refills", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("data_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("papers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
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
            name=op.f("fk_certifications_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certifications")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_certifications_provider_id_id")),
    )
    op.create_index("ix_certifications_listing", "certifications", ["provider_id", "id"], unique=False)
    op.create_index("ix_certifications_program", "certifications", ["program_id", "id"], unique=False)
    op.create_index(op.f("ix_certifications_provider_id"), "certifications", ["provider_id"], unique=False)
    op.create_index("ix_certifications_status", "certifications", ["provider_id", "status", "id"], unique=False)
    op.create_index(
        "uq_certifications_open",
        "certifications",
        ["program_id"],
        unique=True,
        postgresql_where=sa.text(
            "status not in ('admin_refused', 'task_expired', 'face_failed', 'phone_failed', 'order_failed', "
            "'verify_failed', 'passed', 'failed')"
        ),
    )
    op.create_index(
        "uq_certifications_task", "certifications", ["task_id"], unique=True, postgresql_where=sa.text("task_id <> ''")
    )
    op.create_table(
        "certification_charges",
        sa.Column("certification_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("program_name", sa.Text(), nullable=False),
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("charged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "certification_id"],
            ["certifications.provider_id", "certifications.id"],
            name="fk_certification_charges_certification",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certification_charges")),
        sa.UniqueConstraint("certification_id", name=op.f("uq_certification_charges_certification_id")),
    )
    op.create_index("ix_certification_charges_listing", "certification_charges", ["provider_id", "id"], unique=False)
    op.create_index(
        op.f("ix_certification_charges_provider_id"), "certification_charges", ["provider_id"], unique=False
    )
    protect("certification_templates", "identity_trees", "certifications", "certification_charges")


def downgrade() -> None:
    op.drop_index(op.f("ix_certification_charges_provider_id"), table_name="certification_charges")
    op.drop_index("ix_certification_charges_listing", table_name="certification_charges")
    op.drop_table("certification_charges")
    op.drop_index("uq_certifications_task", table_name="certifications")
    op.drop_index("uq_certifications_open", table_name="certifications")
    op.drop_index("ix_certifications_status", table_name="certifications")
    op.drop_index(op.f("ix_certifications_provider_id"), table_name="certifications")
    op.drop_index("ix_certifications_program", table_name="certifications")
    op.drop_index("ix_certifications_listing", table_name="certifications")
    op.drop_table("certifications")
    op.drop_index(op.f("ix_identity_trees_provider_id"), table_name="identity_trees")
    op.drop_table("identity_trees")
    op.drop_index(op.f("ix_certification_templates_provider_id"), table_name="certification_templates")
    op.drop_table("certification_templates")
