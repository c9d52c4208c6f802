"""Release trains: their waves, their mini programs, and a row per mini program and step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.rls import protect

revision = "2026_12_01_0750"
down_revision = "2026_12_01_0745"


def upgrade() -> None:
    op.create_table(
        "trains",
        sa.Column("component_id", sa.Uuid(), nullable=False),
        sa.Column("template_row_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("user_version", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("version_desc", sa.Text(), nullable=False),
        sa.Column("canary_size", sa.Integer(), nullable=False),
        sa.Column("wave_size", sa.Integer(), nullable=True),
        sa.Column("wave_percent", sa.Integer(), nullable=True),
        sa.Column("opens_after", sa.Text(), nullable=False),
        sa.Column("wait_hours", sa.Integer(), nullable=False),
        sa.Column("releases_itself", sa.Boolean(), nullable=False),
        sa.Column("phased_percent", sa.Integer(), nullable=True),
        sa.Column("window_from", sa.Integer(), nullable=True),
        sa.Column("window_until", sa.Integer(), nullable=True),
        sa.Column("reserve", sa.Integer(), nullable=False),
        sa.Column("stop_percent", sa.Integer(), nullable=True),
        sa.Column("stop_failures", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("why_detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_by_name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "component_id"],
            ["component_apps.provider_id", "component_apps.id"],
            name=op.f("fk_trains_provider_id_component_id_component_apps"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "template_row_id"],
            ["templates.provider_id", "templates.id"],
            name=op.f("fk_trains_provider_id_template_row_id_templates"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trains")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_trains_provider_id_id")),
    )
    op.create_index("ix_trains_listing", "trains", ["provider_id", "id"], unique=False)
    op.create_index(op.f("ix_trains_provider_id"), "trains", ["provider_id"], unique=False)
    op.create_index("ix_trains_running", "trains", ["id"], unique=False, postgresql_where=sa.text("status = 'running'"))
    op.create_table(
        "train_waves",
        sa.Column("train_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_canary", sa.Boolean(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_allowed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("full_allowed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batches", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "train_id"],
            ["trains.provider_id", "trains.id"],
            name=op.f("fk_train_waves_provider_id_train_id_trains"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_train_waves")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_train_waves_provider_id_id")),
        sa.UniqueConstraint("train_id", "number", name=op.f("uq_train_waves_train_id_number")),
    )
    op.create_index(op.f("ix_train_waves_provider_id"), "train_waves", ["provider_id"], unique=False)
    op.create_table(
        "train_programs",
        sa.Column("train_id", sa.Uuid(), nullable=False),
        sa.Column("wave_id", sa.Uuid(), nullable=True),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("program_name", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version_before", sa.Text(), nullable=False),
        sa.Column("upload_id", sa.Uuid(), nullable=True),
        sa.Column("audit_id", sa.Uuid(), nullable=True),
        sa.Column("release_id", sa.Uuid(), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "program_id"],
            ["programs.provider_id", "programs.id"],
            name=op.f("fk_train_programs_provider_id_program_id_programs"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "train_id"],
            ["trains.provider_id", "trains.id"],
            name=op.f("fk_train_programs_provider_id_train_id_trains"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "wave_id"],
            ["train_waves.provider_id", "train_waves.id"],
            name=op.f("fk_train_programs_provider_id_wave_id_train_waves"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_train_programs")),
        sa.UniqueConstraint("provider_id", "id", name=op.f("uq_train_programs_provider_id_id")),
        sa.UniqueConstraint("train_id", "program_id", name=op.f("uq_train_programs_train_id_program_id")),
    )
    op.create_index("ix_train_programs_listing", "train_programs", ["train_id", "state", "id"], unique=False)
    op.create_index(op.f("ix_train_programs_provider_id"), "train_programs", ["provider_id"], unique=False)
    op.create_index(
        "ix_train_programs_wave", "train_programs", ["train_id", "wave_id", "step", "state", "id"], unique=False
    )
    op.create_index(
        "uq_train_programs_open",
        "train_programs",
        ["program_id"],
        unique=True,
        postgresql_where=sa.text("state in ('waiting', 'ready', 'running')"),
    )
    op.create_table(
        "train_steps",
        sa.Column("train_id", sa.Uuid(), nullable=False),
        sa.Column("train_program_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("asked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("earlier_tries", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("rid", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "train_id"],
            ["trains.provider_id", "trains.id"],
            name=op.f("fk_train_steps_provider_id_train_id_trains"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "train_program_id"],
            ["train_programs.provider_id", "train_programs.id"],
            name=op.f("fk_train_steps_provider_id_train_program_id_train_programs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_train_steps")),
        sa.UniqueConstraint("train_program_id", "step", name=op.f("uq_train_steps_train_program_id_step")),
    )
    op.create_index(op.f("ix_train_steps_provider_id"), "train_steps", ["provider_id"], unique=False)
    op.create_index(
        "ix_train_steps_running",
        "train_steps",
        ["train_id"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index("ix_train_steps_train", "train_steps", ["train_id", "status", "step"], unique=False)
    protect("trains", "train_waves", "train_programs", "train_steps")


def downgrade() -> None:
    op.drop_table("train_steps")
    op.drop_table("train_programs")
    op.drop_table("train_waves")
    op.drop_table("trains")
