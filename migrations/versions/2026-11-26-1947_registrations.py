"""Registrations of mini programs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_11_26_1947"
down_revision = "2026_11_26_1946"


def upgrade() -> None:
    op.create_table(
        "registrations",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("component_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("company_code", sa.Text(), nullable=False),
        sa.Column("component_phone", sa.Text(), nullable=False),
        sa.Column("person_name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("person_wechat_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("person_openid_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("person_hash", sa.LargeBinary(), nullable=True),
        sa.Column("offiaccount_appid", sa.Text(), nullable=False),
        sa.Column("copies_verification", sa.Boolean(), nullable=False),
        sa.Column("ticket_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("task_state", sa.Integer(), nullable=True),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by_name", sa.Text(), nullable=False),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("rid", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "component_id"],
            ["component_apps.provider_id", "component_apps.id"],
            name=op.f("fk_registrations_provider_id_component_id_component_apps"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchants.provider_id", "merchants.id"],
            name=op.f("fk_registrations_provider_id_merchant_id_merchants"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_registrations_provider_id_program_id_programs"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations")),
    )
    op.create_index(
        "ix_registrations_code",
        "registrations",
        ["component_id", "company_code"],
        unique=False,
        postgresql_where=sa.text("company_code <> ''"),
    )
    op.create_index("ix_registrations_listing", "registrations", ["provider_id", "status", "id"], unique=False)
    op.create_index("ix_registrations_merchant", "registrations", ["provider_id", "merchant_id", "id"], unique=False)
    op.create_index(
        "ix_registrations_open",
        "registrations",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status in ('waiting_person', 'checking')"),
    )
    op.create_index(
        "ix_registrations_person",
        "registrations",
        ["component_id", "person_hash"],
        unique=False,
        postgresql_where=sa.text("person_hash is not null"),
    )
    op.create_index(
        "ix_registrations_program",
        "registrations",
        ["program_id"],
        unique=False,
        postgresql_where=sa.text("program_id is not null"),
    )
    op.create_index(op.f("ix_registrations_provider_id"), "registrations", ["provider_id"], unique=False)
    op.create_index(
        "uq_registrations_company_open",
        "registrations",
        ["component_id", "company_code"],
        unique=True,
        postgresql_where=sa.text("company_code <> '' and status in ('sending', 'waiting_person', 'checking')"),
    )
    protect("registrations")


def downgrade() -> None:
    op.drop_table("registrations")
